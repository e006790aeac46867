//! One account set at work: its zone, its lane, its credentials, and the attempts that one call may take.

use http::Method;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::credential::{CredentialSet, Keeper};
use super::exchange::{Exchange, Request};
use super::failure::{Failure, KingdeeError};
use super::lane::Lane;
use super::record;
use super::transport::AttemptError;
use super::wire::read_ledger;
use crate::domain::account::AccountName;
use crate::domain::ledger::LedgerAnswer;

/// An account set (账套) as this room sees it.
#[derive(Debug)]
pub struct Account {
    /// As configured.
    pub name: AccountName,
    /// Of its times without zone.
    pub zone: TimeZone,
    /// In front of every attempt.
    pub lane: Lane,
    /// Its credentials.
    pub keeper: Keeper,
    /// For refusals that somebody must act on.
    pub alarm: Alarm,
}

impl Account {
    /// Asks for records. A refused token is renewed once, a socket that closed under us is replaced once; every
    /// attempt passes the lane and is signed anew.
    ///
    /// # Errors
    /// The last failure; none of `params`' values is in its text.
    pub async fn records(
        &self,
        exchange: &Exchange,
        params: &[(&'static str, String)],
        deadline: Instant,
    ) -> Result<LedgerAnswer, KingdeeError> {
        let mut may_resend = true;
        let mut refused = None;
        loop {
            let set = match refused {
                None => self.keeper.get(deadline).await?,
                Some(version) => self.keeper.renew(version, deadline).await?,
            };
            let error = match self.attempt(exchange, params, set, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            match error {
                Failed { attempt: AttemptError { closed_under_us: true, .. }, .. } if may_resend => {
                    may_resend = false;
                }
                Failed { attempt, version }
                    if attempt.error.failure == Failure::Token && refused.is_none() =>
                {
                    refused = Some(version);
                }
                Failed { attempt, .. } => return Err(attempt.error),
            }
        }
    }

    async fn attempt(
        &self,
        exchange: &Exchange,
        params: &[(&'static str, String)],
        set: std::sync::Arc<CredentialSet>,
        deadline: Instant,
    ) -> Result<LedgerAnswer, Failed> {
        let version = set.version;
        let failed = |error| Failed { attempt: AttemptError { error, closed_under_us: false }, version };
        let turn = self.lane.enter(deadline).await.map_err(failed)?;
        // The wait may have outlived the token; an expired one is never sent.
        let set = self.keeper.get(deadline).await.map_err(failed)?;
        let version = set.version;
        let failed = |attempt| Failed { attempt, version };
        let request = Request { method: &Method::GET, path: record::PATH, params };
        let reply = exchange.attempt(request, Some(set.credentials()), deadline).await.map_err(failed)?;
        drop(turn);
        let known: Vec<&str> = params.iter().map(|(_, value)| value.as_str()).collect();
        read_ledger(&reply, &self.zone, &known)
            .map_err(|error| failed(AttemptError { error, closed_under_us: false }))
    }
}

/// A failed attempt and the credentials it was made with.
struct Failed {
    attempt: AttemptError,
    version: u64,
}
