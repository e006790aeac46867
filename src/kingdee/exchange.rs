//! Sign and send: every attempt gets a nonce and a timestamp of its own.

use http::{HeaderValue, Method};
use secrecy::SecretString;
use tokio::time::Instant;

use super::failure::{Failure, KingdeeError};
use super::reply::Reply;
use super::settings::{KingdeeSettings, SpaceEncoding};
use super::sign::headers::Unsigned;
use super::sign::{SignedRequest, Stamp, WireQuery};
use super::transport::{AttemptError, Transport};
use crate::clock::Clock;

/// What every call of this client shares.
#[derive(Clone)]
pub struct Exchange {
    transport: Transport,
    client_id: String,
    client_secret: SecretString,
    spaces: SpaceEncoding,
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
    /// Prepares the client.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn new(settings: &KingdeeSettings, clock: Clock) -> Result<Exchange, KingdeeError> {
        Ok(Exchange {
            transport: Transport::new(settings.base_url.clone(), &settings.transport, clock.clone())?,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            spaces: settings.space_encoding,
            clock,
        })
    }

    /// Makes one attempt.
    ///
    /// # Errors
    /// [`AttemptError`] where no whole reply came before `deadline`.
    pub async fn attempt(
        &self,
        request: Request<'_>,
        credentials: Option<Credentials>,
        deadline: Instant,
    ) -> Result<Reply, AttemptError> {
        let unsigned = Unsigned {
            method: request.method.clone(),
            path: request.path,
            query: WireQuery::build(request.params, self.spaces),
        };
        let stamp = Stamp {
            nonce: self.clock.nonce().to_string(),
            timestamp: self.clock.now().as_millisecond().to_string(),
        };
        let signed =
            SignedRequest::sign(unsigned, &self.client_id, &self.client_secret, &stamp).map_err(|fault| {
                AttemptError {
                    error: KingdeeError::because(Failure::Configuration, fault.to_string()),
                    closed_under_us: false,
                }
            })?;
        let signed = match credentials {
            Some(Credentials { token, router }) => signed.with_credential(token, router),
            None => signed,
        };
        self.transport.attempt(signed, deadline).await
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("client_secret", &"…")
            .field("spaces", &self.spaces)
            .finish_non_exhaustive()
    }
}
