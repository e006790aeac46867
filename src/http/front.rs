//! The front door of the public listener: what every request gets, whatever it asks for.
//!
//! A request id, an answer, one line in the access log, one count. An answer that needs no waiting is given right
//! here and never meets the router; everything else takes a place among those that wait, or is shed.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use bytes::Buf as _;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tower::ServiceExt as _;

use super::answer::{self, Answer, Seen};
use super::body::{AnswerBody, Whole};
use super::framing;
use super::phase::Phase;
use super::places::Places;
use super::points_history::{Asked, PointsHistory, Route, route};
use super::problem::{Kind, Problem};
use super::settings::EdgeLimits;
use crate::clock::Clock;
use crate::telemetry::{AccessLog, Members, RequestMetrics, Tracer};

pub mod visit;

use visit::{Book, Visit};

/// The service of the public listener. Clones share everything.
#[derive(Clone)]
pub struct Front(Arc<Shared>);

struct Shared {
    endpoint: PointsHistory,
    router: Router,
    waiting: Places,
    phase: Phase,
    max_uri_bytes: AtomicUsize,
    book: Book,
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
    /// Who is traced.
    pub tracer: Tracer,
    /// Members as the log knows them.
    pub members: Members,
}

impl Front {
    /// Opens the door.
    pub fn new(parts: FrontParts) -> Front {
        Front(Arc::new(Shared {
            endpoint: parts.endpoint,
            router: parts.router,
            waiting: Places::new(parts.limits.max_in_flight),
            phase: parts.phase,
            max_uri_bytes: AtomicUsize::new(parts.limits.max_uri_bytes),
            book: Book::new(parts.clock, parts.access, parts.metrics, parts.tracer, parts.members),
        }))
    }

    /// From now on these limits; those who wait already go on.
    pub fn adopt(&self, limits: &EdgeLimits) {
        self.0.waiting.resize(limits.max_in_flight);
        self.0.max_uri_bytes.store(limits.max_uri_bytes, Ordering::Relaxed);
    }

    /// The whole of a request that needs no waiting, as a connection would have it; `None` where it must wait.
    /// For measuring: a connection's own kind of body can't be made by hand.
    pub fn without_waiting<B>(&self, request: &Request<B>) -> Option<Response<AnswerBody>> {
        self.0.enter(request, false).ok()
    }
}

/// The answer, at once or later.
pub enum Answering {
    /// It is here.
    Now(Option<Response<AnswerBody>>),
    /// It will come.
    Later(Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response<AnswerBody>, Infallible>;

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
    type Response = Response<AnswerBody>;
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

impl Shared {
    /// The answer, counted and logged, or the visit of a request that must wait.
    fn enter<B>(&self, request: &Request<B>, has_body: bool) -> Result<Response<AnswerBody>, Visit> {
        let found = route(request.uri().path());
        let visit = self.book.begin(request, found.as_ref());
        let at_once = catch_unwind(AssertUnwindSafe(|| self.at_once(request, has_body, found, &visit)));
        match at_once.unwrap_or_else(|_| Some(Problem::new(Kind::Internal).into_answer(&visit.id))) {
            Some(answer) => Ok(self.leave(visit, answer)),
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
        if target > self.max_uri_bytes.load(Ordering::Relaxed) {
            return Some(Problem::new(Kind::UriTooLong).into_answer(&visit.id));
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return None;
        }
        let trace = visit.trace.as_deref().map(|entered| &entered.context);
        let asked =
            Asked { route: found?, query: uri.query(), headers: request.headers(), id: &visit.id, trace };
        self.endpoint.without_waiting(asked, visit.began.into_std())
    }

    async fn later(self: Arc<Self>, mut request: Request<Incoming>, visit: Visit) -> Response<AnswerBody> {
        let Some(_place) = self.waiting.try_take() else {
            let answer = Problem::overloaded().into_answer(&visit.id);
            return self.leave(visit, answer);
        };
        let (id, can_close) = (visit.id.clone(), visit.can_close);
        request.extensions_mut().insert(id.clone());
        let waiting = self.book.waiting(visit);
        let routed = self.router.clone().oneshot(request.map(axum::body::Body::new));
        let response = match waiting.place().cover(routed).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let response = answer::finished(response, &id);
        waiting.answered(response.status().as_u16(), Seen::by(&response));
        self.send(can_close, response.map(AnswerBody::streamed))
    }

    fn leave(&self, visit: Visit, answer: Answer) -> Response<AnswerBody> {
        let (can_close, heads_only) = (visit.can_close, visit.heads_only);
        self.book.tell(visit, answer.response.status().as_u16(), answer.seen);
        let response = if heads_only { without_body(answer.response) } else { answer.response };
        self.send(can_close, response.map(AnswerBody::whole))
    }

    /// On its way; the connection's last answer if we are closing by now.
    fn send(&self, can_close: bool, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
        if can_close && self.phase.is_closing() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// What `HEAD` gets: hyper leaves bodies out over HTTP/1.1 alone, and the router is not asked here.
fn without_body(mut response: Response<Whole>) -> Response<Whole> {
    let body = std::mem::take(response.body_mut());
    if response.status() != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.remaining()));
    }
    response
}
