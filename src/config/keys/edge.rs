//! Keys of the listeners and of the log.

use super::{Entry, words};
use crate::config::draft::Draft;
use crate::config::field::{Field, Number};
use crate::config::rule;
use crate::http::settings::Takeover;
use crate::telemetry::settings::LogFormat;

/// `http.*`
pub static HTTP: &[Entry<Draft>] = &[
    Entry::<Draft>::new("http.listen", Field::Socket(|d| &mut d.http.listen), "Where apps come in.")
    .at_start(),
    Entry::<Draft>::new(
        "http.admin_listen",
        Field::Socket(|d| &mut d.http.admin_listen),
        "Where probes, metrics and purges come in; loopback unless said otherwise.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "http.threads",
        Field::Count(0..=256, Number::U16(|d| &mut d.http.threads)),
        "Serving threads; 0 takes one for each core.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "http.takeover",
        words!(d => d.http.takeover, Takeover { "draining" => Draining, "serving" => Serving }),
        "From which points-gateway on the same addresses this one may take over; anybody else there is a fault.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "http.limits.max_connections",
        Field::Count(1..=1_000_000, Number::U32(|d| &mut d.http.limits.max_connections)),
        "Connections open at once, over all threads.",
    ),
    Entry::<Draft>::new(
        "http.limits.max_in_flight",
        Field::Count(1..=1_000_000, Number::U32(|d| &mut d.http.limits.max_in_flight)),
        "Requests that may wait for Kingdee at once; one more gets 503.",
    ),
    Entry::<Draft>::new(
        "http.limits.max_head",
        // hyper refuses to work with less than 8 KiB.
        Field::Bytes(8 << 10..=1 << 20, Number::Size(|d| &mut d.http.limits.max_head_bytes)),
        "Bytes of a request's head.",
    ),
    Entry::<Draft>::new(
        "http.limits.max_uri",
        Field::Bytes(256..=32 << 10, Number::Size(|d| &mut d.http.limits.max_uri_bytes)),
        "Bytes of a request's target.",
    ),
    Entry::<Draft>::new(
        "http.limits.head_timeout",
        Field::Time(10..=60_000, |d| &mut d.http.limits.head_timeout),
        "How long a caller may take to speak: for his first bytes, and from the end of an answer to the end of the next head.",
    ),
    Entry::<Draft>::new(
        "http.limits.write_timeout",
        Field::Time(10..=600_000, |d| &mut d.http.limits.write_timeout),
        "A reader that takes nothing for this long is closed. To the kernel a reader with a full buffer takes nothing until about half of it is free again. A stream of HTTP/2 lives this and `http.drain.deadline` together at most."
    ),
    Entry::<Draft>::new(
        "http.drain.grace",
        Field::Time(0..=300_000, |d| &mut d.http.drain.grace),
        "On SIGTERM: unready, but serving on for this long while the balancer takes us out.",
    ),
    Entry::<Draft>::new(
        "http.drain.idle",
        Field::Time(0..=60_000, |d| &mut d.http.drain.idle),
        "Time after grace in which a kept connection may ask once more, and is told to close; then idle ones are closed.",
    ),
    Entry::<Draft>::new(
        "http.drain.deadline",
        Field::Time(0..=600_000, |d| &mut d.http.drain.deadline),
        "Time after grace in which requests under way may finish; then they are cut.",
    ),
];

/// `log.*`
pub static LOG: &[Entry<Draft>] = &[
    Entry::<Draft>::new(
        "log.format",
        words!(d => d.log.format, LogFormat { "auto" => Auto, "json" => Json, "human" => Human }),
        "How log lines look; auto is human on a terminal, JSON otherwise.",
    )
    .at_start(),
    Entry::<Draft>::new(
        "log.level",
        Field::Text(&rule::LOG_LEVEL, |d| &mut d.log_level),
        "Least severe level written, or levels by target.",
    ),
    Entry::<Draft>::new("log.access", Field::Flag(|d| &mut d.log.access), "One line for each request."),
];
