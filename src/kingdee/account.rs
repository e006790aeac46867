//! One account set at work: its zone, its lane, its credentials, and the attempts that one call may take.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Method;
use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep_until};

use super::alarm::Alarm;
use super::call::Call;
use super::credential::{CredentialSet, Keeper, Refused};
use super::exchange::{Exchange, Request};
use super::failure::{Failure, KingdeeError};
use super::lane::{Lane, Suspect, Turn, Verdict};
use super::record;
use super::recovery::{MOST_BACK_OFFS, Remedy, back_off, pause, remedy, verdict};
use super::tally::Tally;
use super::transport::AttemptError;
use super::wire::read_ledger;
use crate::clock::Clock;
use crate::domain::account::AccountName;
use crate::domain::ledger::LedgerAnswer;
use crate::telemetry::trace;
use crate::telemetry::trace::names::{attributes, spans};

/// What an attempt needs at least: one that can't end in time is not begun, nor does anybody queue for it.
const LEAST_ATTEMPT: Duration = Duration::from_millis(100);

/// An account set (账套) as this room sees it.
#[derive(Debug)]
pub struct Account {
    /// As configured.
    pub name: AccountName,
    /// Of its times without zone.
    pub zone: TimeZone,
    /// In front of every attempt.
    pub lane: Lane,
    /// Its credentials; another keeper when other ones are configured.
    pub keeper: ArcSwap<Keeper>,
    /// For refusals that somebody must act on.
    pub alarm: Alarm,
    /// How its calls ended.
    pub tally: Tally,
    /// Spreads retries out.
    pub clock: Clock,
}

/// What a call has used up already.
#[derive(Debug, Default)]
struct Used {
    signed_again: bool,
    renewed: bool,
    rerouted: bool,
    resent: bool,
    back_offs: u32,
}

/// How an attempt ended without an answer.
enum Ended<'l> {
    /// Nothing was sent: no token, no turn.
    Unsent(KingdeeError),
    /// It was made and failed.
    Failed(Failed<'l>),
}

/// An attempt that failed.
struct Failed<'l> {
    attempt: AttemptError,
    /// What it was made with.
    set: Arc<CredentialSet>,
    /// Where only the remedy will tell whether Kingdee is to blame.
    suspect: Option<Suspect<'l>>,
}

impl Account {
    /// Asks for records. What may help after a failure is in [`recovery`](super::recovery); every attempt passes the
    /// lane and is signed anew.
    ///
    /// # Errors
    /// The last failure of an attempt that was sent, if any was; none of `params`' values is in its text.
    pub async fn records(
        &self,
        exchange: &Exchange,
        params: &[(&'static str, String)],
        call: Call<'_>,
    ) -> Result<LedgerAnswer, KingdeeError> {
        let mut used = Used::default();
        let mut known: Option<KingdeeError> = None;
        loop {
            let first = known.is_none();
            match self.attempt(exchange, params, call, first).await {
                Ok(answer) => return Ok(answer),
                // A retry that found no room hides nothing: why it was wanted is the news.
                Err(Ended::Unsent(error)) => {
                    let retry_after = error.retry_after;
                    return Err(known.map_or(error, |known| KingdeeError {
                        retry_after: known.retry_after.or(retry_after),
                        ..known
                    }));
                }
                Err(Ended::Failed(failed)) => {
                    let healed = self.heal(failed, &mut used, call.deadline).await;
                    // Whatever the remedy met, Kingdee has heard of this call.
                    known = Some(healed.map_err(|error| KingdeeError { held_back: false, ..error })?);
                }
            }
        }
    }

    async fn attempt(
        &self,
        exchange: &Exchange,
        params: &[(&'static str, String)],
        call: Call<'_>,
        first: bool,
    ) -> Result<LedgerAnswer, Ended<'_>> {
        // Nobody takes a turn before there is a token.
        self.credentials(call.deadline).await.map_err(Ended::Unsent)?;
        let latest = call.deadline.checked_sub(LEAST_ATTEMPT).unwrap_or(call.deadline);
        let arrived = Instant::now();
        let turn = self.turn(Call { deadline: latest, ..call }).await.map_err(Ended::Unsent)?;
        self.tally.waits.observe(arrived.elapsed());
        // The wait may have outlived the token; an expired one is never sent.
        let set = self.credentials(call.deadline).await.map_err(Ended::Unsent)?;
        if first {
            turn.earn();
        }
        let request = Request { method: &Method::GET, path: record::PATH, params };
        let known: Vec<&str> = params.iter().map(|(_, value)| value.as_str()).collect();
        let (begun, read) = (Instant::now(), |reply: &_| read_ledger(reply, &self.zone, &known));
        let outcome = exchange.ask(request, Some(set.credentials()), call.deadline, read).await;
        self.tally.durations.observe(begun.elapsed());
        self.tally.attempt(outcome.as_ref().err().map(|failed| failed.error.failure));
        // One that had less time than an attempt may take, and ran out of it, says nothing about Kingdee.
        let cut_short = call.deadline < begun + exchange.attempt_timeout() && Instant::now() >= call.deadline;
        let suspect = tell(turn, &outcome, cut_short);
        outcome.map_err(|attempt| Ended::Failed(Failed { attempt, set, suspect }))
    }

    /// The set to make an attempt with. Whoever waits for one in vain while others are configured waits for those.
    async fn credentials(&self, deadline: Instant) -> Result<Arc<CredentialSet>, KingdeeError> {
        let keeper = self.keeper.load_full();
        let got = keeper.get(deadline).await;
        let newer = self.keeper.load_full();
        match got {
            Err(_) if !Arc::ptr_eq(&keeper, &newer) => newer.get(deadline).await,
            got => got,
        }
    }

    async fn turn(&self, call: Call<'_>) -> Result<Turn<'_>, KingdeeError> {
        let mut span = trace::current().span(spans::LANE);
        span.set(attributes::PRIORITY, call.priority.label());
        let turn = self.lane.enter(call).await;
        turn.inspect_err(|error| span.fail(error.failure.label()))
    }

    /// Does what may help, so that another attempt makes sense. Gives back the failure, as it is understood now.
    ///
    /// # Errors
    /// What the call ends with, if nothing does.
    async fn heal(
        &self,
        Failed { attempt, set, suspect }: Failed<'_>,
        used: &mut Used,
        deadline: Instant,
    ) -> Result<KingdeeError, KingdeeError> {
        let error = attempt.error;
        match remedy(error.failure) {
            _ if attempt.signs_anew && once(&mut used.signed_again) => Ok(error),
            Remedy::RenewToken if once(&mut used.renewed) => {
                let how = if is_expiry(&error) { Refused::Dead } else { Refused::Doubted };
                self.keeper.load_full().renew(&set, how, deadline).await.map(|_| error)
            }
            Remedy::PullAuthorization if once(&mut used.rerouted) => {
                match self.keeper.load_full().reroute(&set, deadline).await {
                    Ok(_) => Ok(error),
                    Err(_) if is_bad_gateway(&error) => {
                        self.wait_for_another(self.no_move(error, suspect), used, deadline).await
                    }
                    Err(_) => Err(error),
                }
            }
            Remedy::BackOff if attempt.closed_under_us && once(&mut used.resent) && self.lane.may_retry() => {
                Ok(error)
            }
            Remedy::BackOff => self.wait_for_another(error, used, deadline).await,
            Remedy::PullAuthorization => Err(self.no_move(error, suspect)),
            Remedy::SignAgain | Remedy::RenewToken | Remedy::GiveUp => Err(error),
        }
    }

    /// Backs off, if number, budget and time allow another attempt.
    async fn wait_for_another(
        &self,
        error: KingdeeError,
        used: &mut Used,
        deadline: Instant,
    ) -> Result<KingdeeError, KingdeeError> {
        let wait = back_off(used.back_offs, self.clock.chance()).max(pause(&error).unwrap_or_default());
        let in_time = Instant::now() + wait + LEAST_ATTEMPT <= deadline;
        if used.back_offs >= MOST_BACK_OFFS || !in_time || !self.lane.may_retry() {
            return Err(error);
        }
        used.back_offs += 1;
        let _span = trace::current().span(spans::BACK_OFF);
        sleep_until(Instant::now() + wait).await;
        Ok(error)
    }

    /// The account set has not moved, so a 502 is what it is everywhere else: nobody there. The lane hears of it now.
    fn no_move(&self, error: KingdeeError, suspect: Option<Suspect<'_>>) -> KingdeeError {
        if !is_bad_gateway(&error) {
            return error;
        }
        if let Some(suspect) = suspect {
            suspect.fails();
        }
        match self.keeper.load().can_reroute() {
            true => KingdeeError { failure: Failure::Upstream, ..error },
            // A domain from the configuration may still be why; the log says what to do about that.
            false => error,
        }
    }
}

fn tell<'l, T>(turn: Turn<'l>, outcome: &Result<T, AttemptError>, cut_short: bool) -> Option<Suspect<'l>> {
    match outcome {
        Ok(_) => turn.end(Verdict::Answers, None),
        Err(failed) if cut_short && failed.error.failure == Failure::TimedOut => {
            turn.end(Verdict::Unknown, None);
        }
        Err(failed) if remedy(failed.error.failure) == Remedy::PullAuthorization => {
            return Some(turn.suspend());
        }
        Err(failed) => turn.end(verdict(&failed.error), pause(&failed.error)),
    }
    None
}

/// Codes that say that a token has had its time, rather than that it is unknown.
fn is_expiry(error: &KingdeeError) -> bool {
    matches!(error.errcode, Some(4011 | super::classify::TOKEN_EXPIRED))
}

/// nginx without anything behind it: a tenant that was moved, or an outage.
fn is_bad_gateway(error: &KingdeeError) -> bool {
    (error.status, error.errcode) == (Some(502), None)
}

/// True the first time.
fn once(done: &mut bool) -> bool {
    !std::mem::replace(done, true)
}
