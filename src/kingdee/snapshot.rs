//! How an account set stands at a moment, for whoever draws gauges.

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::account::Account;
pub use super::credential::TokenTimes;
use super::failure::KingdeeError;
use super::lane::LaneSnapshot;
use super::tally::Counts;
use crate::domain::account::AccountName;
use crate::telemetry::histogram::Reading;

/// One account set at a moment. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// As configured.
    pub account: AccountName,
    /// The zone of its times without zone.
    pub zone: TimeZone,
    /// Whether its authorisation is pulled from Kingdee, rather than written in the configuration.
    pub pulled: bool,
    /// Queue, rate, breaker, retry budget.
    pub lane: LaneSnapshot,
    /// Kingdee's clock minus ours, as it is applied; zero while Kingdee takes our timestamps. Shared by all account
    /// sets.
    pub skew: SignedDuration,
    /// The token's times; `None` if there is none that is alive.
    pub token: Option<TokenTimes>,
    /// How often in a row no new token could be had, and why the last time.
    pub token_trouble: Option<(u32, KingdeeError)>,
    /// Calls of whoever asked us, by how they ended.
    pub calls: Counts,
    /// Attempts that Kingdee saw, by how they ended.
    pub attempts: Counts,
    /// Calls for a token, by how they ended.
    pub token_calls: Counts,
    /// Calls for the authorisation, by how they ended.
    pub pulls: Counts,
    /// How long attempts took.
    pub durations: Reading,
    /// How long attempts waited for their turn.
    pub waits: Reading,
}

impl Snapshot {
    /// Looks at an account set.
    pub fn of(account: &Account, skew: SignedDuration) -> Snapshot {
        let keeper = account.keeper.load();
        Snapshot {
            account: account.name.clone(),
            zone: account.zone.clone(),
            pulled: keeper.can_reroute(),
            lane: account.lane.snapshot(),
            skew,
            token: keeper.times(),
            token_trouble: keeper.trouble(),
            calls: account.tally.calls(),
            attempts: account.tally.attempts(),
            token_calls: keeper.token_calls(),
            pulls: keeper.pulls(),
            durations: account.tally.durations.read(),
            waits: account.tally.waits.read(),
        }
    }
}
