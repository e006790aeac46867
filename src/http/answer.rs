//! An answer on its way out, and what log and metrics call it.

use axum::body::Body;
use bytes::Bytes;
use http::Response;

use super::problem::Problem;
use super::request_id::{RequestId, X_REQUEST_ID};

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

impl Problem {
    /// The problem as an answer.
    pub(crate) fn into_answer(self, id: &RequestId) -> Answer {
        let outcome = self.kind().label();
        let mut response = self.into_response(id);
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        Answer { response, outcome }
    }
}
