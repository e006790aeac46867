//! An answer on its way out, and what log and metrics call it.

use axum::body::Body;
use bytes::Bytes;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Request, Response};

use super::problem::{Kind, Problem};
use super::request_id::{self, RequestId, X_REQUEST_ID};

/// Where the rows of an answer came from; set by handlers, read at the front door.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(pub &'static str);

/// A response of prepared bytes, and its outcome: where the rows came from, or the kind of problem.
pub(crate) struct Answer {
    pub response: Response<Bytes>,
    pub outcome: &'static str,
}

impl Answer {
    /// The same for the router; the outcome travels as an extension.
    pub(crate) fn into_axum(mut self) -> Response<Body> {
        self.response.extensions_mut().insert(Seen(self.outcome));
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
        let outcome = self.kind().label();
        let mut response = self.into_response(id);
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        Answer { response, outcome }
    }
}
