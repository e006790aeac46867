//! The last stage: a request that is signed, with every header the platform asks for (`protocol.md` §1.5).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::SecretString;

use super::query::WireQuery;
use super::signature::Signature;
use super::string::{Stamp, StringToSign};

/// 应用id
pub const CLIENT_ID: HeaderName = HeaderName::from_static("x-api-clientid");
/// Always `2.0`.
pub const AUTH_VERSION: HeaderName = HeaderName::from_static("x-api-auth-version");
/// Milliseconds, valid for five minutes.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("x-api-timestamp");
/// Names of the signed headers.
pub const SIGN_HEADERS: HeaderName = HeaderName::from_static("x-api-signheaders");
/// A positive integer, never sent twice.
pub const NONCE: HeaderName = HeaderName::from_static("x-api-nonce");
/// [`Signature`].
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-api-signature");
/// Token of an account set.
pub const APP_TOKEN: HeaderName = HeaderName::from_static("app-token");
/// Router domain of an account set.
pub const ROUTER: HeaderName = HeaderName::from_static("x-gw-router-addr");

/// What a request is about, before it is signed.
#[derive(Debug, Clone)]
pub struct Unsigned {
    /// GET or POST.
    pub method: Method,
    /// Path on the platform, as sent.
    pub path: &'static str,
    /// The query, as sent.
    pub query: WireQuery,
}

/// A request with the headers that every call needs. Good for one attempt.
pub struct SignedRequest {
    /// Method, path, query.
    pub request: Unsigned,
    /// Seven headers; [`SignedRequest::with_credential`] adds the two of a business call.
    pub headers: HeaderMap,
}

/// A header value that can't be sent: only configuration can cause it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} has characters that no header can carry")]
pub struct UnsendableHeader(pub &'static str);

impl SignedRequest {
    /// Signs a request for one attempt.
    ///
    /// # Errors
    /// When the client id can't be a header value.
    pub fn sign(
        request: Unsigned,
        client_id: &str,
        client_secret: &SecretString,
        stamp: &Stamp,
    ) -> Result<SignedRequest, UnsendableHeader> {
        let string = StringToSign::derive(request.method.as_str(), request.path, &request.query, stamp);
        let signature = Signature::of(client_secret, &string);
        let mut headers = HeaderMap::with_capacity(9);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CLIENT_ID, plain(client_id, "kingdee.client_id")?);
        headers.insert(AUTH_VERSION, HeaderValue::from_static("2.0"));
        headers.insert(TIMESTAMP, plain(&stamp.timestamp, "the timestamp")?);
        headers.insert(SIGN_HEADERS, HeaderValue::from_static("X-Api-TimeStamp,X-Api-Nonce"));
        headers.insert(NONCE, plain(&stamp.nonce, "the nonce")?);
        headers.insert(SIGNATURE, secret(signature.as_str(), "the signature")?);
        Ok(SignedRequest { request, headers })
    }

    /// Adds what a business call needs on top; neither is part of the signature.
    #[must_use]
    pub fn with_credential(mut self, token: HeaderValue, router: HeaderValue) -> SignedRequest {
        self.headers.insert(APP_TOKEN, token);
        self.headers.insert(ROUTER, router);
        self
    }
}

fn plain(text: &str, name: &'static str) -> Result<HeaderValue, UnsendableHeader> {
    HeaderValue::from_str(text).map_err(|_| UnsendableHeader(name))
}

/// A header value that no log prints.
///
/// # Errors
/// When it holds anything but visible ASCII.
pub fn secret(text: &str, name: &'static str) -> Result<HeaderValue, UnsendableHeader> {
    let mut value = plain(text, name)?;
    value.set_sensitive(true);
    Ok(value)
}

impl std::fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedRequest({} {})", self.request.method, self.request.path)
    }
}
