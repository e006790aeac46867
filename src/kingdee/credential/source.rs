//! Where credentials come from: the authorisation, and the token that is bought with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use super::fleet::{Fleet, Found};
use super::grant::Grant;
use super::guard::{Guard, Pass};
use super::life::life;
use super::set::Fetched;
use crate::clock::Clock;
use crate::kingdee::classify::AUTHORIZATION_REFUSED;
use crate::kingdee::exchange::{Exchange, Request};
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::router::RouterDomain;
use crate::kingdee::settings::Authorization;
use crate::kingdee::sign::app_signature;
use crate::kingdee::tally::Classes;
use crate::kingdee::transport::AttemptError;
use crate::kingdee::wire::{AuthorizationRow, read_authorizations, read_token};

/// Path of the endpoint that tells authorisations.
pub const AUTHORIZE: &str = "/jdyconnector/app_management/push_app_authorize";
/// Path of the endpoint that sells tokens.
pub const TOKEN: &str = "/jdyconnector/app_management/kingdee_auth_token";

/// Fetches grants and tokens of one account set.
#[derive(Debug)]
pub struct Source {
    exchange: Exchange,
    authorization: Authorization,
    suffixes: Arc<[String]>,
    token_max_life: Duration,
    clock: Clock,
    guard: Guard,
    pulls: AtomicU64,
    fleet: Option<Arc<Fleet>>,
    /// Calls for a token, by how they ended; counted on by whoever succeeds.
    pub bought: Arc<Classes>,
    /// The same of calls for the authorisation.
    pub pulled: Arc<Classes>,
}

impl Source {
    /// A source that has asked for nothing yet; `fleet` is there where replicas share.
    pub fn new(
        exchange: Exchange,
        authorization: Authorization,
        suffixes: Arc<[String]>,
        token_max_life: Duration,
        fleet: Option<Fleet>,
        clock: Clock,
    ) -> Source {
        let guard = Guard::new(clock.clone());
        Source {
            exchange,
            authorization,
            suffixes,
            token_max_life,
            clock,
            guard,
            pulls: AtomicU64::new(0),
            fleet: fleet.map(Arc::new),
            bought: Arc::default(),
            pulled: Arc::default(),
        }
    }

    /// Where replicas share this account set's credentials.
    pub fn fleet(&self) -> Option<&Arc<Fleet>> {
        self.fleet.as_ref()
    }

    /// Time, as this source sees it.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The grant of a set that another replica has fetched; `None` if it is not one that we would use. One from the
    /// configuration stays as it is written there.
    pub fn adopt(&self, found: &Found) -> Option<Arc<Grant>> {
        match &self.authorization {
            Authorization::Static { app_key, app_secret, router_domain } => {
                let ours = *app_key == found.app_key;
                let grant = Grant::new(app_key, app_secret, router_domain, &self.suffixes);
                grant.ok().filter(|_| ours).map(Arc::new)
            }
            Authorization::Pull { .. } => {
                let grant =
                    Grant::new(&found.app_key, &found.app_secret, &found.domain, &self.suffixes).ok()?;
                let serial = self.next_serial();
                Some(Arc::new(Grant { serial, ..grant }))
            }
        }
    }

    /// A source for other settings that counts on where this one is: two token calls a minute are all there are, whatever
    /// is configured meanwhile.
    pub fn successor(
        &self,
        authorization: Authorization,
        suffixes: Arc<[String]>,
        token_max_life: Duration,
        whose: &str,
    ) -> Source {
        Source {
            exchange: self.exchange.clone(),
            authorization,
            suffixes,
            token_max_life,
            clock: self.clock.clone(),
            guard: self.guard.clone(),
            pulls: AtomicU64::new(self.next_serial()),
            fleet: self.fleet.as_ref().map(|fleet| Arc::new(fleet.successor(whose))),
            bought: Arc::clone(&self.bought),
            pulled: Arc::clone(&self.pulled),
        }
    }

    /// What to go on with in place of `held`: the grant as it is configured now, or `held` itself if it was pulled and
    /// still fits.
    pub fn regrant(&self, held: &Grant) -> Option<Grant> {
        match &self.authorization {
            Authorization::Static { app_key, app_secret, router_domain } => {
                let grant = Grant::new(app_key, app_secret, router_domain, &self.suffixes).ok()?;
                Some(Grant { serial: self.next_serial(), ..grant })
            }
            Authorization::Pull { .. } => {
                RouterDomain::parse(held.router.as_str(), &self.suffixes).is_ok().then(|| held.clone())
            }
        }
    }

    fn next_serial(&self) -> u64 {
        self.pulls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether a newer grant can be had at all.
    pub fn can_pull(&self) -> bool {
        matches!(self.authorization, Authorization::Pull { .. })
    }

    /// The grant: as configured, or pulled. A socket that closed and a clock that was corrected cost one more call.
    ///
    /// # Errors
    /// Kingdee's refusal, or a configuration fault.
    pub async fn grant(&self, deadline: Instant) -> Result<Arc<Grant>, KingdeeError> {
        match &self.authorization {
            Authorization::Static { app_key, app_secret, router_domain } => {
                Grant::new(app_key, app_secret, router_domain, &self.suffixes).map(Arc::new)
            }
            Authorization::Pull { outer_instance_id, account_id } => {
                let serial = self.next_serial();
                let (id, account) = (outer_instance_id.as_deref(), account_id.as_deref());
                let rows = match self.pull(id, account, deadline).await {
                    Err(first) if first.closed_under_us || first.signs_anew => {
                        self.pull(id, account, deadline).await
                    }
                    outcome => outcome,
                };
                let rows = rows.map_err(|attempt| attempt.error)?;
                let grant = Grant::choose(&rows, account, &self.suffixes)?;
                Ok(Arc::new(Grant { serial, ..grant }))
            }
        }
    }

    /// The account sets that the app is authorised for now, by their `accountId`; none where nothing is pulled. For
    /// whoever has to name one.
    ///
    /// # Errors
    /// Kingdee's refusal.
    pub async fn account_ids(&self, deadline: Instant) -> Result<Vec<String>, KingdeeError> {
        let Authorization::Pull { outer_instance_id, account_id } = &self.authorization else {
            return Ok(Vec::new());
        };
        let pulled = self.pull(outer_instance_id.as_deref(), account_id.as_deref(), deadline).await;
        let rows = pulled.map_err(|attempt| attempt.error)?;
        let mut ids: Vec<_> =
            rows.into_iter().filter(|row| row.valid).filter_map(|row| row.account_id).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Buys a token with a grant that is there, in one call whatever comes of it.
    ///
    /// # Errors
    /// Why there is none; [`Failure::LaneFull`] where two calls were made within a minute.
    pub async fn buy_once(&self, grant: &Arc<Grant>, deadline: Instant) -> Result<Fetched, KingdeeError> {
        let pass = self.guard.take().map_err(used_up)?;
        self.buy(grant, pass, deadline).await.map_err(|attempt| attempt.error)
    }

    async fn pull(
        &self,
        outer_instance_id: Option<&str>,
        account_id: Option<&str>,
        deadline: Instant,
    ) -> Result<Vec<AuthorizationRow>, AttemptError> {
        let params: Vec<_> =
            outer_instance_id.iter().map(|id| ("outerInstanceId", (*id).to_owned())).collect();
        let request = Request { method: &Method::POST, path: AUTHORIZE, params: &params };
        let known: Vec<&str> = outer_instance_id.into_iter().chain(account_id).collect();
        let read = |reply: &_| read_authorizations(reply, &known);
        let outcome = self.exchange.ask(request, None, deadline, read).await;
        self.pulled.count(failure_of(&outcome));
        outcome
    }

    /// Buys a token. `held` is the grant that there is already, if any.
    ///
    /// Since app secrets rotate about as often as tokens end, a grant that can be pulled is pulled first: a token call
    /// with an old secret would be one of the two that a minute has. Where the platform refuses the secret or the
    /// authorisation all the same, the grant is pulled anew and, if it is another one, the call made once more; so it
    /// is where the answer was garbled, the clock wrong or the socket closed. Never more than two calls a minute, of the
    /// whole fleet where it can be asked.
    ///
    /// # Errors
    /// The last failure.
    pub async fn fetch(&self, held: Option<Arc<Grant>>, deadline: Instant) -> Result<Fetched, KingdeeError> {
        let pass = self.guard.take().map_err(used_up)?;
        let mut grant = match (self.grant(deadline).await, held) {
            (Ok(grant), _) => grant,
            (Err(_), Some(held)) if self.can_pull() => held,
            (Err(error), _) => {
                pass.give_back();
                return Err(error);
            }
        };
        let first = match self.buy(&grant, pass, deadline).await {
            Ok(fetched) => return Ok(fetched),
            Err(failed) => failed,
        };
        let refused =
            first.error.failure == Failure::Secret || first.error.errcode == Some(AUTHORIZATION_REFUSED);
        if refused && self.can_pull() {
            let newer = self.grant(deadline).await?;
            if newer.buys_as(&grant) {
                return Err(first.error);
            }
            grant = newer;
        } else if !may_ask_again(&first) {
            return Err(first.error);
        }
        match self.guard.take() {
            Ok(pass) => self.buy(&grant, pass, deadline).await.map_err(|attempt| attempt.error),
            Err(wait) => Err(KingdeeError { retry_after: Some(wait), ..first.error }),
        }
    }

    async fn buy(&self, grant: &Arc<Grant>, pass: Pass, deadline: Instant) -> Result<Fetched, AttemptError> {
        if let Some(fleet) = &self.fleet
            && let Err(wait) = fleet.may_call().await
        {
            pass.give_back();
            return Err(AttemptError::plain(used_up(wait)));
        }
        let outcome = self.call_for_token(grant, deadline).await;
        drop(pass);
        self.bought.count(failure_of(&outcome));
        outcome
    }

    async fn call_for_token(&self, grant: &Arc<Grant>, deadline: Instant) -> Result<Fetched, AttemptError> {
        let signature = app_signature(&grant.app_key, &grant.app_secret);
        let params = [("app_key", grant.app_key.clone()), ("app_signature", signature.as_str().to_owned())];
        let request = Request { method: &Method::GET, path: TOKEN, params: &params };
        let asked = self.clock.tick();
        let known = [grant.app_key.as_str()];
        let answer = self.exchange.ask(request, None, deadline, |reply| read_token(reply, &known)).await?;
        let text = answer.token.to_str().unwrap_or_default();
        let life = life(text, answer.expires, self.exchange.now(), self.token_max_life);
        if life.is_zero() {
            let error = KingdeeError::because(Failure::Unreadable, "the token has expired already");
            return Err(AttemptError::plain(error));
        }
        Ok(Fetched { grant: grant.clone(), token: answer.token, lives: (asked, life) })
    }
}

fn failure_of<T>(outcome: &Result<T, AttemptError>) -> Option<Failure> {
    outcome.as_ref().err().map(|attempt| attempt.error.failure)
}

fn may_ask_again(failed: &AttemptError) -> bool {
    failed.closed_under_us || failed.signs_anew || failed.error.failure == Failure::Unreadable
}

fn used_up(wait: Duration) -> KingdeeError {
    let detail = "two token calls were made within a minute";
    KingdeeError { retry_after: Some(wait), ..KingdeeError::because(Failure::LaneFull, detail) }
}
