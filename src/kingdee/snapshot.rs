//! How an account set stands at a moment, for whoever draws gauges.

use std::time::Duration;

use jiff::SignedDuration;

use super::account::Account;
use super::lane::LaneSnapshot;
use super::tally::Counts;
use crate::domain::account::AccountName;
use crate::telemetry::histogram::Reading;

/// One account set at a moment. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// As configured.
    pub account: AccountName,
    /// Queue, rate, breaker, retry budget.
    pub lane: LaneSnapshot,
    /// Kingdee's clock minus ours, as it is applied; zero while Kingdee takes our timestamps. Shared by all account
    /// sets.
    pub skew: SignedDuration,
    /// How old the token is and how long it still lives; `None` if there is none that is alive.
    pub token: Option<TokenSnapshot>,
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

/// A token at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSnapshot {
    /// Time since it was asked for.
    pub age: Duration,
    /// Time until it is no longer sent.
    pub life: Duration,
}

impl Snapshot {
    /// Looks at an account set.
    pub fn of(account: &Account, skew: SignedDuration) -> Snapshot {
        let keeper = account.keeper.load();
        Snapshot {
            account: account.name.clone(),
            lane: account.lane.snapshot(),
            skew,
            token: keeper.age_and_life().map(|(age, life)| TokenSnapshot { age, life }),
            calls: account.tally.calls(),
            attempts: account.tally.attempts(),
            token_calls: keeper.token_calls(),
            pulls: keeper.pulls(),
            durations: account.tally.durations.read(),
            waits: account.tally.waits.read(),
        }
    }
}
