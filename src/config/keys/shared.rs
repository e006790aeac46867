//! Keys of the tier that replicas share.

use super::Entry;
use crate::config::draft::Draft;
use crate::config::field::{Field, Number};
use crate::config::rule;

/// `shared.*`
pub static SHARED: &[Entry<Draft>] = &[
    Entry::<Draft>::new(
        "shared.url",
        Field::Secret(&rule::REDIS_URL, |d| &mut d.shared.url),
        "Redis or Valkey that replicas share for rows and tokens (encrypted), quota and purges. Leave out for one replica.",
    )
    .example("/run/secrets/shared_url")
    .at_start(),
    Entry::<Draft>::new(
        "shared.replicas",
        Field::Count(1..=1000, Number::U32(|d| &mut d.shared.replicas)),
        "Replicas that are meant to run: each uses this share of the quota while the shared tier is away.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "shared.timeout",
        Field::Time(1..=1000, |d| &mut d.shared.timeout),
        "Longest that one request waits for the shared tier, all its questions together; then it goes on without.",
    )
    .at_start(),
];
