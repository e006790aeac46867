//! How the way to Kingdee stands: lane, breaker, clock, token, calls. Read off when somebody reads the metrics page.

use std::fmt;

use prometheus_client::encoding::EncodeGaugeValue;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::histogram::Reading;
use super::list;
use super::metric::Metric;
use super::pen::Pen;

/// How many ended in which way: `ok`, or the class of a failure.
pub type ByClass = Vec<(&'static str, u64)>;

/// One account set at a moment.
#[derive(Debug, Clone)]
pub struct UpstreamFacts {
    /// Its name in the configuration.
    pub account: String,
    /// Calls that wait for their turn.
    pub waiting: u32,
    /// Calls under way.
    pub under_way: u32,
    /// Calls that could begin at once.
    pub tokens: u32,
    /// Share of the configured rate in use, 1/16 to 1.
    pub rate_ratio: f64,
    /// Seconds for which Kingdee's `Retry-After` still holds everybody.
    pub paused: f64,
    /// Whole retries that the budget has saved up.
    pub retries_saved: u32,
    /// Whether calls are kept back since too many failed.
    pub breaker_open: bool,
    /// Kingdee's clock minus ours, in seconds, as it is applied.
    pub skew: f64,
    /// Age and remaining life of the token in seconds; `None` where there is none that is alive.
    pub token: Option<(f64, f64)>,
    /// Calls by how they ended.
    pub calls: ByClass,
    /// Attempts that were sent, by how they ended.
    pub attempts: ByClass,
    /// Calls for a token, by how they ended.
    pub token_calls: ByClass,
    /// Calls for the authorisation, by how they ended.
    pub pulls: ByClass,
    /// How long attempts took.
    pub durations: Reading,
    /// How long attempts waited for their turn.
    pub waits: Reading,
}

pub(super) fn draw(accounts: &[UpstreamFacts], pen: &mut Pen<'_>) -> fmt::Result {
    for (metric, read) in [
        (&list::UPSTREAM_CALLS, (|facts| &facts.calls) as fn(&UpstreamFacts) -> &ByClass),
        (&list::UPSTREAM_ATTEMPTS, |facts| &facts.attempts),
        (&list::TOKEN_CALLS, |facts| &facts.token_calls),
        (&list::AUTHORIZATION_PULLS, |facts| &facts.pulls),
    ] {
        by_class(pen, metric, accounts, read)?;
    }
    let label = |facts: &UpstreamFacts| [("account", facts.account.clone())];
    pen.family(&list::UPSTREAM_DURATION, accounts.iter().map(|f| (label(f), f.durations.clone())))?;
    pen.family(&list::LANE_WAIT, accounts.iter().map(|f| (label(f), f.waits.clone())))?;
    gauges(pen, &list::LANE_WAITING, accounts, |facts| Some(facts.waiting))?;
    gauges(pen, &list::LANE_UNDER_WAY, accounts, |facts| Some(facts.under_way))?;
    gauges(pen, &list::LANE_TOKENS, accounts, |facts| Some(facts.tokens))?;
    gauges(pen, &list::LANE_RATE, accounts, |facts| Some(facts.rate_ratio))?;
    gauges(pen, &list::LANE_PAUSED, accounts, |facts| Some(facts.paused))?;
    gauges(pen, &list::RETRIES_SAVED, accounts, |facts| Some(facts.retries_saved))?;
    gauges(pen, &list::BREAKER_OPEN, accounts, |facts| Some(u32::from(facts.breaker_open)))?;
    gauges(pen, &list::CLOCK_SKEW, accounts, |facts| Some(facts.skew))?;
    gauges(pen, &list::TOKEN_AGE, accounts, |facts| facts.token.map(|(age, _)| age))?;
    gauges(pen, &list::TOKEN_LIFE, accounts, |facts| Some(facts.token.map_or(0.0, |(_, life)| life)))
}

fn gauges<V: EncodeGaugeValue>(
    pen: &mut Pen<'_>,
    metric: &Metric,
    accounts: &[UpstreamFacts],
    read: impl Fn(&UpstreamFacts) -> Option<V>,
) -> fmt::Result {
    let known = accounts.iter().filter_map(|facts| Some((&facts.account, read(facts)?)));
    pen.family(metric, known.map(|(account, value)| ([("account", account.clone())], ConstGauge::new(value))))
}

fn by_class(
    pen: &mut Pen<'_>,
    metric: &Metric,
    accounts: &[UpstreamFacts],
    read: fn(&UpstreamFacts) -> &ByClass,
) -> fmt::Result {
    let counts = accounts.iter().flat_map(|facts| read(facts).iter().map(|count| (&facts.account, count)));
    pen.family(
        metric,
        counts.map(|(account, (class, count))| {
            ([("account", account.as_str()), ("class", *class)], ConstCounter::new(*count))
        }),
    )
}
