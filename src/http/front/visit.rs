//! One request, from the front door to its answer, and what is told of it: a count, a line, a span.

use http::{Method, Request, Version};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::http::answer::Seen;
use crate::http::often::Often;
use crate::http::points_history::{Route, member_text};
use crate::http::request_id::{RequestId, RequestIds};
use crate::http::router;
use crate::telemetry::access::{About, Line};
use crate::telemetry::requests::RequestLabels;
use crate::telemetry::trace::names::attributes;
use crate::telemetry::trace::record::Value;
use crate::telemetry::trace::{Context, Entered, Span};
use crate::telemetry::{AccessLog, MemberHash, Members, RequestMetrics, Tracer};

/// Status that the log gives a request whose caller hung up before the answer, as nginx does; nobody is sent it.
const HUNG_UP: u16 = 499;

/// What is known about a request before it is answered.
pub struct Visit {
    method: &'static str,
    /// The template, never the path.
    route: &'static str,
    /// Its id.
    pub id: RequestId,
    /// When it came.
    pub began: Instant,
    /// Whether a header can say that an answer is its connection's last; HTTP/2 has GOAWAY.
    pub can_close: bool,
    /// Whether it is `HEAD`.
    pub heads_only: bool,
    member: Option<MemberHash>,
    /// Its trace, if it is part of one.
    pub trace: Option<Box<Entered>>,
}

/// Where visits are written down.
pub struct Book {
    ids: RequestIds,
    clock: Clock,
    access: AccessLog,
    metrics: RequestMetrics,
    often: Often,
    tracer: Tracer,
    members: Members,
}

impl Book {
    /// An empty book.
    pub fn new(
        clock: Clock,
        access: AccessLog,
        metrics: RequestMetrics,
        tracer: Tracer,
        members: Members,
    ) -> Book {
        let often = Often::of(&metrics);
        Book { ids: RequestIds::starting_at(clock.nonce()), clock, access, metrics, often, tracer, members }
    }

    /// A request comes in.
    pub(super) fn begin<B>(&self, request: &Request<B>, found: Option<&Route<'_>>) -> Visit {
        let began = Instant::now();
        let (method, route) =
            (known(request.method()), router::template(request.uri().path(), found.copied()));
        let trace = self.tracer.enter(request.headers(), began, || format!("{method} {route}"));
        let told = self.access.is_on() || trace.is_some();
        let member = found.filter(|_| told).map(|found| self.members.hash(&member_text(found)));
        let id = self.ids.of(request.headers());
        let can_close = request.version() < Version::HTTP_2;
        let heads_only = *request.method() == Method::HEAD;
        Visit { method, route, id, began, can_close, heads_only, member, trace }
    }

    /// Its answer takes a while.
    pub(super) fn waiting(&self, visit: Visit) -> Waiting<'_> {
        Waiting { book: self, visit: Some(visit) }
    }

    /// It is answered: one count, one line, the end of its span.
    pub(super) fn tell(&self, mut visit: Visit, status: u16, seen: Seen) {
        let (took, outcome) = (visit.began.elapsed(), seen.outcome);
        let labels = RequestLabels { route: visit.route, status, outcome };
        match self.often.series(&labels) {
            Some(series) => series.count(took),
            None => self.metrics.series(labels).count(took),
        }
        if self.access.is_on() {
            let Visit { method, route, id, member, trace, .. } = &visit;
            self.access.write(&Line {
                at: self.clock.now_at((visit.began + took).into_std()),
                about: About { method, route, status, outcome },
                took,
                request_id: id.as_bytes(),
                member: *member,
                age: seen.age,
                upstream: seen.upstream,
                trace: trace.as_ref().and_then(|entered| entered.context.trace_id()),
            });
        }
        if let Some(entered) = visit.trace.take() {
            describe(entered.span, &visit, status, seen);
        }
    }
}

/// Says everything about the span of a request, and ends it.
fn describe(mut span: Span, visit: &Visit, status: u16, seen: Seen) {
    if !span.is_recorded() {
        return;
    }
    span.set(attributes::METHOD, visit.method);
    span.set(attributes::ROUTE, visit.route);
    span.set(attributes::STATUS, status);
    span.set(attributes::OUTCOME, seen.outcome);
    span.set(attributes::REQUEST_ID, Value::text(visit.id.as_str()));
    if let Some(member) = visit.member {
        span.set(attributes::MEMBER, Value::text(member.to_string()));
    }
    if let Some(age) = seen.age {
        span.set(attributes::AGE, age);
    }
    if status >= 500 {
        span.fail(seen.outcome);
    }
}

/// A request whose caller waits, or hangs up: then it is told as such.
pub(super) struct Waiting<'a> {
    book: &'a Book,
    visit: Option<Visit>,
}

impl Waiting<'_> {
    /// For whom what it waits for is done, and where in its trace.
    pub fn place(&self) -> Context {
        let Some(visit) = &self.visit else { return Context::default() };
        let place = visit.trace.as_ref().map(|entered| entered.context.clone()).unwrap_or_default();
        place.of_request(visit.id.as_str())
    }

    /// The answer is there.
    pub fn answered(mut self, status: u16, seen: Seen) {
        if let Some(visit) = self.visit.take() {
            self.book.tell(visit, status, seen);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(visit) = self.visit.take() {
            self.book.tell(visit, HUNG_UP, Seen::of("hung-up"));
        }
    }
}

/// Methods that may become log text.
pub(crate) fn known(method: &Method) -> &'static str {
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
