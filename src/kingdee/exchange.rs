//! Sign, send, read: every attempt gets a nonce and a timestamp of its own, by Kingdee's clock.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::failure::{Failure, KingdeeError};
use super::reply::Reply;
use super::settings::{KingdeeSettings, SpaceEncoding, TransportSettings};
use super::sign::headers::Unsigned;
use super::sign::{SignedRequest, Stamp, WireQuery};
use super::skew::Skew;
use super::transport::{AttemptError, Carrier, Transport};
use crate::clock::Clock;
use crate::telemetry::trace::names::attributes;
use crate::telemetry::trace::record::Kind;
use crate::telemetry::trace::{self, Span};

/// What every call of this client shares. Clones share it, and what replaces it.
#[derive(Clone)]
pub struct Exchange {
    /// An attempt takes it once and ends with it.
    manner: Arc<ArcSwap<Manner>>,
    skew: Arc<Skew>,
    clock: Clock,
}

/// How attempts are signed and carried; replaced as a whole.
pub struct Manner {
    carrier: Arc<dyn Carrier>,
    client_id: String,
    client_secret: SecretString,
    spaces: SpaceEncoding,
    attempt_timeout: Duration,
    call_timeout: Duration,
}

impl Manner {
    fn new(carrier: Arc<dyn Carrier>, settings: &KingdeeSettings) -> Manner {
        Manner {
            carrier,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            spaces: settings.space_encoding,
            attempt_timeout: settings.transport.attempt_timeout,
            call_timeout: settings.transport.call_timeout,
        }
    }

    /// Whether a request that Kingdee refuses when signed this way could please it when signed the other way.
    fn signs_unlike(&self, other: &Manner) -> bool {
        let secrets = (self.client_secret.expose_secret(), other.client_secret.expose_secret());
        (&self.client_id, self.spaces) != (&other.client_id, other.spaces) || secrets.0 != secrets.1
    }
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
        let manner = Arc::new(ArcSwap::from_pointee(Manner::new(carrier, settings)));
        Exchange { manner, skew: Arc::default(), clock }
    }

    /// Prepares for other settings, with a new client where those of the old one differ; takes nothing over yet. Reads
    /// every root certificate of the machine then: not for a thread that others wait for.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn prepare(&self, old: &KingdeeSettings, new: &KingdeeSettings) -> Result<Manner, KingdeeError> {
        // No business of the client's.
        let call_timeout = new.transport.call_timeout;
        let before = TransportSettings { call_timeout, ..old.transport.clone() };
        let carrier = match old.base_url == new.base_url && before == new.transport {
            true => Arc::clone(&self.manner.load().carrier),
            false => Arc::new(Transport::new(new.base_url.clone(), &new.transport, self.clock.clone())?) as _,
        };
        Ok(Manner::new(carrier, new))
    }

    /// From now on attempts are made this way; those under way end as they began.
    pub fn adopt(&self, manner: Manner) {
        self.manner.store(Arc::new(manner));
    }

    /// Longest time of an attempt.
    pub fn attempt_timeout(&self) -> Duration {
        self.manner.load().attempt_timeout
    }

    /// Longest time of a call with its retries.
    pub fn call_timeout(&self) -> Duration {
        self.manner.load().call_timeout
    }

    /// Makes one attempt and reads the answer. A refused timestamp corrects the skew for all attempts to come; a refused
    /// signature is worth another attempt where id or secret have been replaced meanwhile.
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
        let (manner, used) = (self.manner.load_full(), self.skew.applied());
        let signed = self.sign(&manner, request, credentials, shifted(self.clock.now(), used))?;
        let place = span.context_or(&trace::current());
        let reply = place.cover(manner.carrier.carry(signed, deadline)).await?;
        span.set(attributes::STATUS, reply.status.as_u16());
        match read(&reply) {
            Ok(answer) => {
                self.skew.accepted(used);
                Ok(answer)
            }
            Err(error) if error.failure == Failure::Clock => {
                let measured = reply.date.map(|date| date.duration_since(self.clock.now()));
                let signs_anew = self.skew.refused(used, measured, self.clock.tick());
                Err(AttemptError { signs_anew, ..AttemptError::plain(error) })
            }
            Err(error) => {
                let refused = error.failure == Failure::Configuration;
                let signs_anew = refused && manner.signs_unlike(&self.manner.load());
                Err(AttemptError { signs_anew, ..AttemptError::plain(error) })
            }
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
        manner: &Manner,
        request: Request<'_>,
        credentials: Option<Credentials>,
        now: Timestamp,
    ) -> Result<SignedRequest, AttemptError> {
        let unsigned = Unsigned {
            method: request.method.clone(),
            path: request.path,
            query: WireQuery::build(request.params, manner.spaces),
        };
        let stamp =
            Stamp { nonce: self.clock.nonce().to_string(), timestamp: now.as_millisecond().to_string() };
        let signed = SignedRequest::sign(unsigned, &manner.client_id, &manner.client_secret, &stamp);
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
            .field("spaces", &self.manner.load().spaces)
            .finish_non_exhaustive()
    }
}
