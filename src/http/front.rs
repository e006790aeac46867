//! The front door of the public listener: what every request gets, whatever it asks for.
//!
//! A request id, an answer, one line in the access log, one count. An answer that needs no waiting is given right
//! here and never meets the router; everything else takes a place among those that wait, or is shed.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body as _;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::answer::{self, Answer, Seen};
use super::framing;
use super::often::Often;
use super::phase::Phase;
use super::points_history::{Asked, PointsHistory, Route, route};
use super::problem::{Kind, Problem};
use super::request_id::{RequestId, RequestIds};
use super::settings::EdgeLimits;
use crate::clock::Clock;
use crate::telemetry::access::Line;
use crate::telemetry::requests::RequestLabels;
use crate::telemetry::{AccessLog, RequestMetrics};

/// Bodies of answers: prepared bytes, or whatever a handler streams.
pub type FrontBody = Either<Full<Bytes>, axum::body::Body>;

/// Outcome of answers that have nothing to do with rows.
const NO_ROWS: &str = "none";

/// The service of the public listener. Clones share everything.
#[derive(Clone)]
pub struct Front(Arc<Shared>);

struct Shared {
    endpoint: PointsHistory,
    router: Router,
    ids: RequestIds,
    clock: Clock,
    waiting: Arc<Semaphore>,
    phase: Phase,
    max_uri_bytes: usize,
    access: AccessLog,
    metrics: RequestMetrics,
    often: Often,
}

/// What the front needs to see.
pub struct FrontParts {
    /// The endpoint that may answer without waiting.
    pub endpoint: PointsHistory,
    /// Everything else.
    pub router: Router,
    /// Wall clock for the log, seed for ids.
    pub clock: Clock,
    /// Limits.
    pub limits: EdgeLimits,
    /// Whether answers are their connections' last.
    pub phase: Phase,
    /// One line a request.
    pub access: AccessLog,
    /// Counts.
    pub metrics: RequestMetrics,
}

impl Front {
    /// Opens the door.
    pub fn new(parts: FrontParts) -> Front {
        Front(Arc::new(Shared {
            often: Often::of(&parts.metrics),
            endpoint: parts.endpoint,
            router: parts.router,
            ids: RequestIds::starting_at(parts.clock.nonce()),
            clock: parts.clock,
            waiting: Arc::new(Semaphore::new(parts.limits.max_in_flight as usize)),
            phase: parts.phase,
            max_uri_bytes: parts.limits.max_uri_bytes,
            access: parts.access,
            metrics: parts.metrics,
        }))
    }

    /// The whole of a request that needs no waiting, as a connection would have it; `None` where it must wait.
    /// For measuring: a connection's own kind of body can't be made by hand.
    pub fn without_waiting<B>(&self, request: &Request<B>) -> Option<Response<FrontBody>> {
        self.0.enter(request, false).ok()
    }
}

/// The answer, at once or later.
pub enum Answering {
    /// It is here.
    Now(Option<Response<FrontBody>>),
    /// It will come.
    Later(Pin<Box<dyn Future<Output = Response<FrontBody>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response<FrontBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        match self.get_mut() {
            Answering::Now(response) => match response.take() {
                Some(response) => std::task::Poll::Ready(Ok(response)),
                None => std::task::Poll::Pending, // polled after the end: nobody is waiting
            },
            Answering::Later(future) => future.as_mut().poll(cx).map(Ok),
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = Response<FrontBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        match self.0.enter(&request, !request.body().is_end_stream()) {
            Ok(response) => Answering::Now(Some(response)),
            Err(visit) => {
                let shared = Arc::clone(&self.0);
                Answering::Later(Box::pin(async move { shared.later(request, visit).await }))
            }
        }
    }
}

/// What log and metrics tell of a request.
struct Visit {
    method: &'static str,
    /// The template, never the path.
    route: &'static str,
    id: RequestId,
    began: Instant,
    /// Whether a header can say that an answer is its connection's last; HTTP/2 has GOAWAY.
    can_close: bool,
}

impl Shared {
    /// The answer, counted and logged, or the visit of a request that must wait.
    fn enter<B>(&self, request: &Request<B>, has_body: bool) -> Result<Response<FrontBody>, Visit> {
        let path = request.uri().path();
        let found = route(path);
        let visit = Visit {
            method: known(request.method()),
            route: super::router::template(path, found),
            id: self.ids.of(request.headers()),
            began: Instant::now(),
            can_close: request.version() < Version::HTTP_2,
        };
        let at_once = catch_unwind(AssertUnwindSafe(|| self.at_once(request, has_body, found, &visit)));
        match at_once.unwrap_or_else(|_| Some(Problem::new(Kind::Internal).into_answer(&visit.id))) {
            Some(answer) => Ok(self.leave(&visit, answer)),
            None => Err(visit),
        }
    }

    fn at_once<B>(
        &self,
        request: &Request<B>,
        has_body: bool,
        found: Option<Route<'_>>,
        visit: &Visit,
    ) -> Option<Answer> {
        if let Some(refusal) = framing::refusal(request, has_body, &visit.id) {
            return Some(refusal);
        }
        let uri = request.uri();
        let target = uri.path().len() + uri.query().map_or(0, |q| q.len() + 1);
        if target > self.max_uri_bytes {
            return Some(Problem::new(Kind::UriTooLong).into_answer(&visit.id));
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return None;
        }
        let asked = Asked { route: found?, query: uri.query(), headers: request.headers(), id: &visit.id };
        self.endpoint.without_waiting(asked, visit.began.into_std())
    }

    async fn later(self: Arc<Self>, mut request: Request<Incoming>, visit: Visit) -> Response<FrontBody> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return self.leave(&visit, Problem::overloaded().into_answer(&visit.id));
        };
        request.extensions_mut().insert(visit.id.clone());
        let response = match self.router.clone().oneshot(request.map(axum::body::Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let response = answer::finished(response, &visit.id);
        let kind = response.extensions().get::<Kind>().map(|kind| kind.label());
        let outcome = response.extensions().get::<Seen>().map(|seen| seen.0).or(kind).unwrap_or(NO_ROWS);
        self.count(&visit, response.status().as_u16(), outcome);
        self.send(&visit, response.map(Either::Right))
    }

    fn leave(&self, visit: &Visit, answer: Answer) -> Response<FrontBody> {
        self.count(visit, answer.response.status().as_u16(), answer.outcome);
        self.send(visit, answer.response.map(|bytes| Either::Left(Full::new(bytes))))
    }

    /// On its way; the connection's last answer if we are closing by now.
    fn send(&self, visit: &Visit, mut response: Response<FrontBody>) -> Response<FrontBody> {
        if visit.can_close && self.phase.is_closing() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// One count and one line.
    fn count(&self, visit: &Visit, status: u16, outcome: &'static str) {
        let took = visit.began.elapsed();
        let labels = RequestLabels { route: visit.route, status, outcome };
        match self.often.series(&labels) {
            Some(series) => series.count(took),
            None => self.metrics.series(labels).count(took),
        }
        if self.access.is_on() {
            let Visit { method, route, id, .. } = visit;
            let at = self.clock.now();
            self.access.write(&Line { at, method, route, status, outcome, took, request_id: id.as_str() });
        }
    }
}

/// Methods that may become log text.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}
