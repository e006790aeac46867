//! An answer on its way out, and what log, metrics and traces tell of it.

use std::time::Duration;

use axum::body::Body;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Request, Response};

use super::body::Whole;
use super::problem::{Kind, Problem};
use super::request_id::{self, RequestId, X_REQUEST_ID};

/// Outcome of answers that have nothing to do with rows.
const NO_ROWS: &str = "none";

/// What there is to tell of an answer; set by handlers, read at the front door.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Where the rows came from, or the kind of problem.
    pub outcome: &'static str,
    /// Age of the rows in seconds.
    pub age: Option<u64>,
    /// Time spent waiting for Kingdee.
    pub upstream: Option<Duration>,
}

impl Seen {
    /// An answer without rows.
    pub(crate) fn of(outcome: &'static str) -> Seen {
        Seen { outcome, age: None, upstream: None }
    }

    /// What a router's response has to tell.
    pub(super) fn by<B>(response: &Response<B>) -> Seen {
        let extensions = response.extensions();
        let kind = || extensions.get::<Kind>().map_or(NO_ROWS, |kind| kind.label());
        extensions.get::<Seen>().copied().unwrap_or_else(|| Seen::of(kind()))
    }
}

/// A response of prepared bytes, and what there is to tell of it.
pub(crate) struct Answer {
    pub response: Response<Whole>,
    pub seen: Seen,
}

impl Answer {
    /// The same for the router; what there is to tell travels as an extension.
    pub(crate) fn into_axum(mut self) -> Response<Body> {
        self.response.extensions_mut().insert(self.seen);
        self.response.map(Body::from)
    }
}

/// What the router says of a handler that panicked; [`finished`] makes a problem of it.
#[derive(Clone, Copy)]
struct Panicked;

/// For the layer that catches panics. The panic hook has told the log where; the text may hold anything.
pub(super) fn panicked(_text: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Panicked);
    response
}

/// Gives a router's response what every answer has: the request's id, and no guessing at its type.
pub(super) fn finished(mut response: Response<Body>, id: &RequestId) -> Response<Body> {
    if response.extensions().get::<Panicked>().is_some() {
        response = Problem::new(Kind::Internal).into_answer(id).into_axum();
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Problem {
    /// The problem as a handler's answer to a request that was given its id.
    pub(crate) fn answering<B>(self, request: &Request<B>) -> Response<Body> {
        self.into_answer(&request_id::of(request.extensions())).into_axum()
    }

    /// The problem as an answer.
    pub(crate) fn into_answer(self, id: &RequestId) -> Answer {
        let seen = Seen::of(self.kind().label());
        let mut response = self.into_response(id).map(Whole::Bytes);
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        Answer { response, seen }
    }
}
