//! One attempt over HTTP: the signed bytes go out as they are, a bounded body comes back in time.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::Method;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::failure::{Failure, KingdeeError};
use super::reply::{Reply, date, retry_after};
use super::scrub::scrub;
use super::settings::TransportSettings;
use super::sign::SignedRequest;
use crate::clock::Clock;
use crate::telemetry::trace;

/// Most characters in a query string (`protocol.md` §1.5).
pub const LONGEST_QUERY: usize = 2048;

/// Something that carries a signed request to Kingdee and a reply back: [`Transport`], or what a test puts there.
pub trait Carrier: Send + Sync {
    /// Makes one attempt.
    ///
    /// # Errors
    /// [`AttemptError`] where no whole reply came before `deadline`.
    fn carry(&self, signed: SignedRequest, deadline: Instant) -> BoxFuture<'_, Result<Reply, AttemptError>>;
}

/// The HTTP client. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    base: Url,
    attempt_timeout: Duration,
    max_body_bytes: usize,
    propagate_trace: bool,
    clock: Clock,
}

/// Why an attempt brought no reply.
#[derive(Debug)]
pub struct AttemptError {
    /// The class.
    pub error: KingdeeError,
    /// Nothing came back before the connection ended: most likely an idle socket that Kingdee closed just as we
    /// used it. One more attempt is in order, signed anew.
    pub closed_under_us: bool,
    /// Timestamp or signature was refused, and we know better now: one more attempt is in order, signed anew.
    pub signs_anew: bool,
}

impl AttemptError {
    /// An error that says nothing about another attempt.
    pub fn plain(error: KingdeeError) -> AttemptError {
        AttemptError { error, closed_under_us: false, signs_anew: false }
    }
}

impl Carrier for Transport {
    fn carry(&self, signed: SignedRequest, deadline: Instant) -> BoxFuture<'_, Result<Reply, AttemptError>> {
        Box::pin(self.attempt(signed, deadline))
    }
}

impl Transport {
    /// Prepares connections; nothing is sent yet. Redirects are never followed, proxies never asked for.
    ///
    /// # Errors
    /// When the TLS client can't be built on this machine.
    pub fn new(base: Url, settings: &TransportSettings, clock: Clock) -> Result<Transport, KingdeeError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(settings.pool_idle_timeout)
            .gzip(true)
            .user_agent(concat!("points-gateway/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| convert(error).error)?;
        Ok(Transport {
            client,
            base,
            attempt_timeout: settings.attempt_timeout,
            max_body_bytes: settings.max_body_bytes,
            propagate_trace: settings.propagate_trace,
            clock,
        })
    }

    /// Makes one attempt, within its own time and the caller's.
    ///
    /// # Errors
    /// [`AttemptError`] where no whole reply came; a reply of any status is none.
    pub async fn attempt(&self, signed: SignedRequest, deadline: Instant) -> Result<Reply, AttemptError> {
        if signed.request.query.as_str().len() > LONGEST_QUERY {
            return Err(plain(Failure::CallerFault, "the query is longer than Kingdee's 2048 characters"));
        }
        let deadline = deadline.min(Instant::now() + self.attempt_timeout);
        match timeout_at(deadline, self.exchange(signed)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(plain(Failure::TimedOut, "no whole answer in time")),
        }
    }

    /// Knocks: an unsigned `GET /` that asks for nothing. Any answer will do; its `Date` shows Kingdee's clock.
    ///
    /// # Errors
    /// [`KingdeeError`] where no whole answer came before `deadline`.
    pub async fn knock(&self, deadline: Instant) -> Result<Reply, KingdeeError> {
        let deadline = deadline.min(Instant::now() + self.attempt_timeout);
        match timeout_at(deadline, self.receive(self.client.get(self.base.clone()))).await {
            Ok(outcome) => outcome.map_err(|attempt| attempt.error),
            Err(_) => Err(KingdeeError::because(Failure::TimedOut, "no whole answer in time")),
        }
    }

    async fn exchange(&self, mut signed: SignedRequest) -> Result<Reply, AttemptError> {
        let mut url = self.base.clone();
        url.set_path(signed.request.path);
        let query = signed.request.query.as_str();
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        if url.query().unwrap_or_default() != query {
            // Can't happen with the two encodings there are; if it did, every signature would be wrong.
            return Err(plain(Failure::Configuration, "the query would not travel as it was signed"));
        }
        if self.propagate_trace {
            trace::current().write(&mut signed.headers); // no part of what is signed
        }
        let request = self.client.request(signed.request.method.clone(), url).headers(signed.headers);
        let request = match signed.request.method {
            Method::POST => request.body(Bytes::from_static(b"{}")),
            _ => request,
        };
        self.receive(request).await
    }

    async fn receive(&self, request: reqwest::RequestBuilder) -> Result<Reply, AttemptError> {
        let response = request.send().await.map_err(convert)?;
        let (status, headers) = (response.status(), response.headers());
        let (retry_after, date) = (retry_after(headers, self.clock.now()), date(headers));
        let body = self.body(response).await?;
        Ok(Reply { status, retry_after, date, body })
    }

    /// Reads a body, counting what it is when unpacked.
    async fn body(&self, mut response: reqwest::Response) -> Result<Bytes, AttemptError> {
        let mut body = BytesMut::new();
        while let Some(part) = response.chunk().await.map_err(in_mid_body)? {
            if body.len() + part.len() > self.max_body_bytes {
                return Err(plain(Failure::Unreadable, "the body is larger than kingdee.max_body"));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }
}

fn plain(failure: Failure, detail: &str) -> AttemptError {
    AttemptError::plain(KingdeeError::because(failure, detail))
}

fn in_mid_body(error: reqwest::Error) -> AttemptError {
    AttemptError { closed_under_us: false, ..convert(error) }
}

/// The one place where reqwest's error becomes ours: it prints the whole URL, query included, unless stripped.
fn convert(error: reqwest::Error) -> AttemptError {
    let error = error.without_url();
    let failure = match () {
        () if error.is_timeout() => Failure::TimedOut,
        () if error.is_decode() => Failure::Unreadable,
        () if error.is_builder() => Failure::Configuration,
        () => Failure::Unreachable,
    };
    let mut detail = String::new();
    let (mut closed, mut broke) = (false, false);
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(this) = cause {
        closed |= this.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        closed |= this.downcast_ref::<std::io::Error>().is_some_and(is_reset);
        broke |= this.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
            || this.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::ConnectionReset);
        let separator = if detail.is_empty() { "" } else { ": " };
        detail.push_str(separator);
        detail.push_str(&this.to_string());
        cause = this.source();
    }
    // A body that broke off is no unreadable answer: the connection went.
    let failure = if failure == Failure::Unreadable && broke { Failure::Unreachable } else { failure };
    let closed_under_us =
        closed && error.is_request() && !error.is_connect() && failure == Failure::Unreachable;
    let error = KingdeeError::because(failure, scrub(&detail, &[]));
    AttemptError { closed_under_us, ..AttemptError::plain(error) }
}

fn is_reset(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

#[cfg(test)]
mod tests;
