//! Keys of the conversation with Kingdee.

use super::{Entry, words};
use crate::config::draft::Draft;
use crate::config::field::{Field, Number};
use crate::config::rule;
use crate::domain::ledger::CountCheck;
use crate::kingdee::settings::{SpaceEncoding, WindowEnd};

/// What nobody can do without.
pub static CREDENTIALS: &[Entry<Draft>] = &[
    Entry::<Draft>::new(
        "kingdee.client_id",
        Field::Text(&rule::CLIENT_ID, |d| &mut d.client_id),
        "Client id of the app (应用ID, X-Api-ClientID).",
    )
    .example("205022")
    .required(),
    Entry::<Draft>::new(
        "kingdee.client_secret",
        Field::Secret(&rule::SECRET, |d| &mut d.client_secret),
        "Client secret of the app: the key of every signature.",
    )
    .example("/run/secrets/kingdee_client_secret")
    .required(),
];

/// `kingdee.*`
pub static PROTOCOL: &[Entry<Draft>] = &[
    Entry::<Draft>::new(
        "kingdee.base_url",
        Field::Server(|d| &mut d.kingdee.base_url),
        "Where Kingdee's platform answers.",
    ),
    Entry::<Draft>::new(
        "kingdee.space_encoding",
        words!(d => d.kingdee.space_encoding, SpaceEncoding { "form" => Form, "percent" => Percent }),
        "A space travels as + (form) or as %20 (percent). Switch when only dated requests fail with 4008.",
    ),
    Entry::<Draft>::new(
        "kingdee.window_end",
        words!(d => d.kingdee.window_end, WindowEnd { "inclusive" => Inclusive, "exclusive" => Exclusive }),
        "Whether Kingdee counts a row at exactly end_date as inside.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "kingdee.chunk_rows",
        Field::Count(1..=100, Number::U8(|d| &mut d.kingdee.chunk_rows)),
        "Rows asked for in one call; Kingdee silently cuts at 100.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "kingdee.count_check",
        words!(d => d.history.count_check, CountCheck { "refuse" => Refuse, "report" => Report }),
        "What happens to an answer whose rows disagree with its count.",
    ),
    Entry::<Draft>::new(
        "kingdee.router_suffixes",
        Field::List(&rule::SUFFIX, |d| &mut d.kingdee.router_suffixes),
        "A router domain's host must be one of these or below one of these.",
    ),
    Entry::<Draft>::new(
        "kingdee.token_refresh_percent",
        Field::Count(1..=99, Number::U8(|d| &mut d.kingdee.token_refresh_percent)),
        "A token is renewed when this much of its life is over.",
    ),
    Entry::<Draft>::new(
        "kingdee.token_max_life",
        Field::Time(60_000..=86_400_000, |d| &mut d.kingdee.token_max_life),
        "Longest life a token is believed to have, whatever it says.",
    ),
    Entry::<Draft>::new(
        "kingdee.connect_timeout",
        Field::Time(10..=60_000, |d| &mut d.kingdee.transport.connect_timeout),
        "TCP and TLS to Kingdee.",
    ),
    Entry::<Draft>::new(
        "kingdee.attempt_timeout",
        Field::Time(10..=120_000, |d| &mut d.kingdee.transport.attempt_timeout),
        "One attempt, from sending to the last byte.",
    ),
    Entry::<Draft>::new(
        "kingdee.call_timeout",
        Field::Time(10..=300_000, |d| &mut d.kingdee.transport.call_timeout),
        "A whole call with its retries and its wait in the lane.",
    ),
    Entry::<Draft>::new(
        "kingdee.max_body",
        Field::Bytes(64 << 10..=256 << 20, Number::Size(|d| &mut d.kingdee.transport.max_body_bytes)),
        "Largest answer read, after decompression.",
    ),
    Entry::<Draft>::new(
        "kingdee.pool_idle_timeout",
        Field::Time(0..=600_000, |d| &mut d.kingdee.transport.pool_idle_timeout),
        "Idle connections to Kingdee are closed after this; keep it below Kingdee's own.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.per_minute",
        Field::Count(0..=6_000_000, Number::U32(|d| &mut d.kingdee.lane.per_minute)),
        "Calls a minute for each account set; Kingdee allows 500. 0 closes the lane.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.burst",
        Field::Count(1..=6_000_000, Number::U32(|d| &mut d.kingdee.lane.burst)),
        "Calls that may be made at once after a quiet time.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.concurrency",
        Field::Count(1..=1000, Number::U32(|d| &mut d.kingdee.lane.concurrency)),
        "Calls under way at once.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.queue",
        Field::Count(0..=100_000, Number::U32(|d| &mut d.kingdee.lane.queue)),
        "Calls that may wait; one more is refused at once.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.retry_budget_percent",
        Field::Count(0..=99, Number::U32(|d| &mut d.kingdee.lane.retry_budget_percent)),
        "Retries on top of calls, and one a minute; 0 means none at all.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.breaker_failures",
        Field::Count(1..=10_000, Number::U32(|d| &mut d.kingdee.lane.breaker_failures)),
        "Failures within ten seconds that open the breaker, if half of the calls then fail.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.breaker_cooldown",
        Field::Time(10..=600_000, |d| &mut d.kingdee.lane.breaker_cooldown),
        "How long an open breaker waits before one probe; doubled by each probe that fails.",
    ),
    Entry::<Draft>::new(
        "kingdee.lane.breaker_cooldown_max",
        Field::Time(10..=600_000, |d| &mut d.kingdee.lane.breaker_cooldown_max),
        "Longest time that an open breaker waits before one probe.",
    ),
];
