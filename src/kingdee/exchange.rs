//! Sign, send, read: every attempt gets a nonce and a timestamp of its own, by Kingdee's clock.

use std::sync::Arc;

use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::time::Instant;

use super::failure::{Failure, KingdeeError};
use super::reply::Reply;
use super::settings::{KingdeeSettings, SpaceEncoding};
use super::sign::headers::Unsigned;
use super::sign::{SignedRequest, Stamp, WireQuery};
use super::skew::Skew;
use super::transport::{AttemptError, Carrier, Transport};
use crate::clock::Clock;
use crate::telemetry::trace::names::attributes;
use crate::telemetry::trace::record::Kind;
use crate::telemetry::trace::{self, Span};

/// What every call of this client shares.
#[derive(Clone)]
pub struct Exchange {
    carrier: Arc<dyn Carrier>,
    client_id: String,
    client_secret: SecretString,
    spaces: SpaceEncoding,
    skew: Arc<Skew>,
    clock: Clock,
}

/// What one attempt is about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// GET or POST.
    pub method: &'a Method,
    /// Path on the platform.
    pub path: &'static str,
    /// Parameters, in any order.
    pub params: &'a [(&'static str, String)],
}

/// The two headers of a business call.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `app-token`
    pub token: HeaderValue,
    /// `X-GW-Router-Addr`
    pub router: HeaderValue,
}

impl Exchange {
    /// Prepares the client that really sends.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn new(settings: &KingdeeSettings, clock: Clock) -> Result<Exchange, KingdeeError> {
        let transport = Transport::new(settings.base_url.clone(), &settings.transport, clock.clone())?;
        Ok(Exchange::over(Arc::new(transport), settings, clock))
    }

    /// Signs for a carrier.
    pub fn over(carrier: Arc<dyn Carrier>, settings: &KingdeeSettings, clock: Clock) -> Exchange {
        Exchange {
            carrier,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            spaces: settings.space_encoding,
            skew: Arc::default(),
            clock,
        }
    }

    /// Makes one attempt and reads the answer. A refused timestamp corrects the skew for all attempts to come.
    ///
    /// # Errors
    /// [`AttemptError`] where no whole reply came before `deadline`, or `read` refuses it.
    pub async fn ask<T>(
        &self,
        request: Request<'_>,
        credentials: Option<Credentials>,
        deadline: Instant,
        read: impl FnOnce(&Reply) -> Result<T, KingdeeError>,
    ) -> Result<T, AttemptError> {
        let name = || format!("{} {}", request.method, request.path).into();
        let mut span = trace::current().span_of(Kind::Client, name);
        span.set(attributes::PATH, request.path);
        let outcome = self.attempt(request, credentials, deadline, read, &mut span).await;
        if let Err(AttemptError { error, .. }) = &outcome {
            span.fail(error.failure.label());
            if let Some(errcode) = error.errcode {
                span.set(attributes::ERRCODE, errcode);
            }
        }
        outcome
    }

    async fn attempt<T>(
        &self,
        request: Request<'_>,
        credentials: Option<Credentials>,
        deadline: Instant,
        read: impl FnOnce(&Reply) -> Result<T, KingdeeError>,
        span: &mut Span,
    ) -> Result<T, AttemptError> {
        let used = self.skew.applied();
        let signed = self.sign(request, credentials, shifted(self.clock.now(), used))?;
        let place = span.context_or(&trace::current());
        let reply = place.cover(self.carrier.carry(signed, deadline)).await?;
        span.set(attributes::STATUS, reply.status.as_u16());
        match read(&reply) {
            Ok(answer) => {
                self.skew.accepted(used);
                Ok(answer)
            }
            Err(error) if error.failure == Failure::Clock => {
                let measured = reply.date.map(|date| date.duration_since(self.clock.now()));
                let clock_corrected = self.skew.refused(used, measured, self.clock.tick());
                Err(AttemptError { clock_corrected, ..AttemptError::plain(error) })
            }
            Err(error) => Err(AttemptError::plain(error)),
        }
    }

    /// The time on Kingdee's clock, as far as it is known.
    pub fn now(&self) -> Timestamp {
        shifted(self.clock.now(), self.skew.applied())
    }

    /// Kingdee's clock minus ours, as it is applied; zero while Kingdee takes our timestamps.
    pub fn skew(&self) -> SignedDuration {
        self.skew.applied()
    }

    /// Signs with a clock that was found to be so far from ours, instead of waiting for Kingdee to refuse ours.
    pub fn suppose_skew(&self, measured: SignedDuration) {
        self.skew.suppose(measured);
    }

    fn sign(
        &self,
        request: Request<'_>,
        credentials: Option<Credentials>,
        now: Timestamp,
    ) -> Result<SignedRequest, AttemptError> {
        let unsigned = Unsigned {
            method: request.method.clone(),
            path: request.path,
            query: WireQuery::build(request.params, self.spaces),
        };
        let stamp =
            Stamp { nonce: self.clock.nonce().to_string(), timestamp: now.as_millisecond().to_string() };
        let signed = SignedRequest::sign(unsigned, &self.client_id, &self.client_secret, &stamp);
        let signed = signed.map_err(|fault| {
            AttemptError::plain(KingdeeError::because(Failure::Configuration, fault.to_string()))
        })?;
        Ok(match credentials {
            Some(Credentials { token, router }) => signed.with_credential(token, router),
            None => signed,
        })
    }
}

fn shifted(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("client_secret", &"…")
            .field("spaces", &self.spaces)
            .finish_non_exhaustive()
    }
}
