//! Where credentials come from: the authorisation, and the token that is bought with it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use tokio::time::Instant;

use super::grant::Grant;
use super::guard::{Guard, Pass};
use super::life::life;
use crate::clock::{Clock, Tick};
use crate::kingdee::classify::AUTHORIZATION_REFUSED;
use crate::kingdee::exchange::{Exchange, Request};
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::settings::Authorization;
use crate::kingdee::sign::app_signature;
use crate::kingdee::transport::AttemptError;
use crate::kingdee::wire::{read_authorizations, read_token};

const AUTHORIZE: &str = "/jdyconnector/app_management/push_app_authorize";
const TOKEN: &str = "/jdyconnector/app_management/kingdee_auth_token";

/// Fetches grants and tokens of one account set.
#[derive(Debug)]
pub struct Source {
    exchange: Exchange,
    authorization: Authorization,
    suffixes: Arc<[String]>,
    token_max_life: Duration,
    clock: Clock,
    guard: Guard,
}

/// A token fresh from the platform.
#[derive(Debug)]
pub struct Fetched {
    /// What it was bought with.
    pub grant: Arc<Grant>,
    /// Marked so that no log prints it.
    pub token: HeaderValue,
    /// When it was asked for, and how long it lives from then on.
    pub lives: (Tick, Duration),
}

impl Source {
    /// A source that has asked for nothing yet.
    pub fn new(
        exchange: Exchange,
        authorization: Authorization,
        suffixes: Arc<[String]>,
        token_max_life: Duration,
        clock: Clock,
    ) -> Source {
        let guard = Guard::new(clock.clone());
        Source { exchange, authorization, suffixes, token_max_life, clock, guard }
    }

    /// The grant: as configured, or pulled.
    ///
    /// # Errors
    /// Kingdee's refusal, or a configuration fault.
    pub async fn grant(&self, deadline: Instant) -> Result<Arc<Grant>, KingdeeError> {
        match &self.authorization {
            Authorization::Static { app_key, app_secret, router_domain } => {
                Grant::new(app_key, app_secret, router_domain, &self.suffixes).map(Arc::new)
            }
            Authorization::Pull { outer_instance_id, account_id } => {
                let params: Vec<_> =
                    outer_instance_id.iter().map(|id| ("outerInstanceId", id.clone())).collect();
                let request = Request { method: &Method::POST, path: AUTHORIZE, params: &params };
                let reply = match self.exchange.attempt(request, None, deadline).await {
                    Err(AttemptError { closed_under_us: true, .. }) => {
                        self.exchange.attempt(request, None, deadline).await
                    }
                    outcome => outcome,
                };
                let known: Vec<&str> =
                    outer_instance_id.iter().chain(account_id).map(String::as_str).collect();
                let rows = read_authorizations(&reply.map_err(|attempt| attempt.error)?, &known)?;
                Grant::choose(&rows, account_id.as_deref(), &self.suffixes).map(Arc::new)
            }
        }
    }

    /// Buys a token, with `held` if there is a grant already.
    ///
    /// Where the platform refuses the secret or the authorisation, the grant is pulled anew and the call made once
    /// more; so it is where the answer was garbled or the socket closed. Never more than two calls a minute.
    ///
    /// # Errors
    /// The last failure.
    pub async fn fetch(&self, held: Option<Arc<Grant>>, deadline: Instant) -> Result<Fetched, KingdeeError> {
        let mut stale = held.is_some() && matches!(self.authorization, Authorization::Pull { .. });
        let mut grant = match held {
            Some(grant) => grant,
            None => self.grant(deadline).await?,
        };
        let pass = self.guard.take().map_err(used_up)?;
        let first = match self.buy(&grant, pass, deadline).await {
            Ok(fetched) => return Ok(fetched),
            Err(failed) => failed,
        };
        let refused =
            first.error.failure == Failure::Secret || first.error.errcode == Some(AUTHORIZATION_REFUSED);
        stale &= refused;
        if stale {
            grant = self.grant(deadline).await?;
        } else if !first.closed_under_us && first.error.failure != Failure::Unreadable {
            return Err(first.error);
        }
        match self.guard.take() {
            Ok(pass) => self.buy(&grant, pass, deadline).await.map_err(|attempt| attempt.error),
            Err(wait) => Err(KingdeeError { retry_after: Some(wait), ..first.error }),
        }
    }

    async fn buy(&self, grant: &Arc<Grant>, _pass: Pass, deadline: Instant) -> Result<Fetched, AttemptError> {
        let signature = app_signature(&grant.app_key, &grant.app_secret);
        let params = [("app_key", grant.app_key.clone()), ("app_signature", signature.as_str().to_owned())];
        let request = Request { method: &Method::GET, path: TOKEN, params: &params };
        let asked = self.clock.tick();
        let reply = self.exchange.attempt(request, None, deadline).await?;
        let failed = |error| AttemptError { error, closed_under_us: false };
        let answer = read_token(&reply, &[&grant.app_key]).map_err(failed)?;
        let text = answer.token.to_str().unwrap_or_default();
        let life = life(text, answer.expires, self.clock.now(), self.token_max_life);
        if life.is_zero() {
            return Err(failed(KingdeeError::because(Failure::Unreadable, "the token has expired already")));
        }
        Ok(Fetched { grant: grant.clone(), token: answer.token, lives: (asked, life) })
    }
}

fn used_up(wait: Duration) -> KingdeeError {
    let detail = "two token calls were made within a minute";
    KingdeeError { retry_after: Some(wait), ..KingdeeError::because(Failure::LaneFull, detail) }
}
