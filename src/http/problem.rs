//! Problems (RFC 9457): the one table from what went wrong to what an app reads.
//!
//! A kind is a label, a status, a title and a text for people; the label serves `type`, the metrics, the log and the
//! document. What the log says about a fault is more than what an app is told: Kingdee's own words stay here.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response};

use super::parameter::ParameterFault;
use super::request_id::RequestId;
use crate::history::HistoryError;

mod kind;

pub use kind::Kind;

/// One problem of one request.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    errors: Vec<ParameterFault>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    faults: Vec<ConfigurationFault>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: Kind) -> Problem {
        Problem { kind, errors: Vec::new(), retry_after: None, allow: None, faults: Vec::new() }
    }

    /// Bad parameters, all at once.
    pub fn invalid(errors: Vec<ParameterFault>) -> Problem {
        Problem { errors, ..Problem::new(Kind::InvalidParameter) }
    }

    /// A path that doesn't know the method.
    pub fn method_not_allowed(allow: &'static str) -> Problem {
        Problem { allow: Some(allow), ..Problem::new(Kind::MethodNotAllowed) }
    }

    /// A configuration that can't be taken over, with everything that is wrong with it.
    pub fn configuration(faults: Vec<ConfigurationFault>) -> Problem {
        Problem { faults, ..Problem::new(Kind::ConfigurationRefused) }
    }

    /// Too much work here.
    pub fn overloaded() -> Problem {
        Problem { retry_after: Some(Duration::from_secs(1)), ..Problem::new(Kind::Overloaded) }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The answer.
    pub fn into_response(self, id: &RequestId) -> Response<Bytes> {
        let body = Body {
            r#type: &format!("/problems/{}", self.kind.label()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.kind.help(),
            request_id: id.as_str(),
            errors: &self.errors,
            faults: &self.faults,
        };
        let mut response = Response::new(serde_json::to_vec(&body).unwrap_or_default().into());
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response.extensions_mut().insert(self.kind);
        response
    }
}

/// One fault of a configuration, as `check` tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConfigurationFault {
    /// The key.
    pub key: String,
    /// Where its value came from.
    pub source: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub allowed: String,
    /// What to do.
    pub fix: String,
}

/// What an app reads.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// Names the kind; it resolves here to a text that says what to do.
    #[schema(example = "/problems/invalid-parameter", format = "uri-reference")]
    r#type: &'a str,
    /// The kind in words.
    #[schema(example = "A parameter can't be used")]
    title: &'a str,
    /// The HTTP status again.
    #[schema(example = 400, minimum = 400, maximum = 599)]
    status: u16,
    /// What to do about it.
    #[schema(example = "errors lists every parameter that is wrong and what may be sent instead")]
    detail: &'a str,
    /// `X-Request-Id` of this request, for the people who read the log.
    #[schema(example = "4f1c2a90b7d3e658")]
    request_id: &'a str,
    /// Every parameter that is wrong; only with `invalid-parameter`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ParameterFault],
    /// Everything that is wrong with a configuration; for operators only.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(ignore)]
    faults: &'a [ConfigurationFault],
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Problem {
        match error {
            HistoryError::Rejected(_) => Problem::new(Kind::UpstreamRejected),
            HistoryError::Unreadable(_) | HistoryError::Refused(_) => Problem::new(Kind::UpstreamInvalid),
            HistoryError::Unavailable { retry_after, .. } => {
                Problem { retry_after: Some(retry_after), ..Problem::new(Kind::UpstreamUnavailable) }
            }
            HistoryError::TimedOut => Problem::new(Kind::UpstreamTimeout),
            HistoryError::NotCached => Problem::new(Kind::NotCached),
            HistoryError::CursorLost => Problem::new(Kind::CursorLost),
            HistoryError::Internal => Problem::new(Kind::Internal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_to_do_and_which_request_it_was() {
        let id = RequestId::parse("req-7").unwrap();
        let unavailable = Problem {
            retry_after: Some(Duration::from_millis(2_400)),
            ..Problem::new(Kind::UpstreamUnavailable)
        };
        let response = unavailable.into_response(&id);
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["type"], "/problems/upstream-unavailable");
        assert_eq!(body["request_id"], "req-7");
        assert_eq!(body.get("errors"), None);
    }
}
