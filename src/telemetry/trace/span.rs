//! One span, from its beginning until it is dropped, and the place that spans below it hang on.

use std::borrow::Cow;
use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;

use compact_str::CompactString;
use http::HeaderMap;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::context::{Parent, SpanId, TRACEPARENT, TRACESTATE, TraceId, traceparent};
use super::export::Outlet;
use super::names::attributes;
use super::record::{Kind, Record, Value};
use crate::clock::Clock;

/// For whom something happens, and where in which trace if it is part of one. Clones are cheap.
#[derive(Clone, Default)]
pub struct Context {
    place: Option<Place>,
    request: Option<CompactString>,
}

#[derive(Clone)]
struct Place {
    trace: Arc<Trace>,
    span: SpanId,
}

/// What all spans of one trace in this process share.
struct Trace {
    id: TraceId,
    state: Option<Box<str>>,
    /// Nothing where the trace is passed through and not recorded.
    recorded: Option<Recorded>,
}

struct Recorded {
    outlet: Outlet,
    clock: Clock,
    /// The wall clock and the machine's at the same moment: a wall clock that jumps turns no span around.
    wall_nanos: u64,
    began: Instant,
}

/// A span that is under way; it ends when it is dropped. Most requests have none: then nothing costs anything.
#[derive(Default)]
pub struct Span(Option<Box<Open>>);

struct Open {
    trace: Arc<Trace>,
    record: Record,
}

impl Context {
    /// Passes a caller's trace through that is not sampled.
    pub(super) fn passing(parent: Parent, state: Option<Box<str>>) -> Context {
        let trace = Trace { id: parent.trace, state, recorded: None };
        Context::at(Place { trace: Arc::new(trace), span: parent.span })
    }

    fn at(place: Place) -> Context {
        Context { place: Some(place), request: None }
    }

    /// The same place, on behalf of a request.
    pub fn of_request(self, id: &str) -> Context {
        Context { request: Some(id.into()), ..self }
    }

    /// Whose request it is; nobody's for what happens behind the scenes.
    pub fn request_id(&self) -> Option<&str> {
        self.request.as_deref()
    }

    /// Which trace, if any.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.place.as_ref().map(|place| place.trace.id)
    }

    /// Begins a span below this place; none if nothing is recorded here.
    pub fn span(&self, name: &'static str) -> Span {
        self.span_of(Kind::Internal, || Cow::Borrowed(name))
    }

    /// The same for another side, under a name that is made up only if somebody reads it.
    pub fn span_of(&self, kind: Kind, name: impl FnOnce() -> Cow<'static, str>) -> Span {
        let Some(Place { trace, span }) = &self.place else { return Span(None) };
        if trace.recorded.is_none() {
            return Span(None);
        }
        Span::begin(Arc::clone(trace), kind, name(), Some(*span), false)
    }

    /// Writes the headers that carry this place on; leaves `headers` alone where there is none.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Some(Place { trace, span }) = &self.place else { return };
        let sampled = trace.recorded.is_some();
        headers.insert(TRACEPARENT, traceparent(Parent { trace: trace.id, span: *span, sampled }));
        if let Some(state) = trace.state.as_deref().and_then(|state| state.parse().ok()) {
            headers.insert(TRACESTATE, state);
        }
    }

    fn recorded(&self) -> Option<(TraceId, SpanId)> {
        let place = self.place.as_ref().filter(|place| place.trace.recorded.is_some())?;
        Some((place.trace.id, place.span))
    }
}

impl Span {
    /// The first span of a trace in this process, below the caller's if there is one.
    pub(super) fn first(
        name: String,
        parent: Option<Parent>,
        state: Option<Box<str>>,
        outlet: Outlet,
        clock: &Clock,
        began: Instant,
    ) -> Span {
        let wall_nanos = u64::try_from(clock.now().as_nanosecond()).unwrap_or(0);
        let id = parent.map_or_else(|| new_trace(clock), |parent| parent.trace);
        let recorded = Recorded { outlet, clock: clock.clone(), wall_nanos, began };
        let trace = Arc::new(Trace { id, state, recorded: Some(recorded) });
        Span::begin(trace, Kind::Server, Cow::Owned(name), parent.map(|parent| parent.span), true)
    }

    fn begin(
        trace: Arc<Trace>,
        kind: Kind,
        name: Cow<'static, str>,
        parent: Option<SpanId>,
        parent_is_remote: bool,
    ) -> Span {
        let Some(recorded) = &trace.recorded else { return Span(None) };
        let began = if kind == Kind::Server { recorded.wall_nanos } else { recorded.nanos() };
        let record = Record {
            trace: trace.id,
            span: new_span(&recorded.clock),
            parent,
            parent_is_remote,
            state: trace.state.clone(),
            name,
            kind,
            began,
            ended: began,
            attributes: SmallVec::new(),
            link: None,
            failed: false,
        };
        Span(Some(Box::new(Open { trace, record })))
    }

    /// Whether somebody will read it. Ask before making up what only it needs.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Says something about it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.0 {
            open.record.attributes.push((name, value.into()));
        }
    }

    /// It failed, by a class that metrics and log know.
    pub fn fail(&mut self, class: &'static str) {
        if let Some(open) = &mut self.0 {
            open.record.failed = true;
            open.record.attributes.push((attributes::ERROR, class.into()));
        }
    }

    /// Points at what it waited for, if that is recorded.
    pub fn link(&mut self, to: &Context) {
        if let Some(open) = &mut self.0 {
            open.record.link = to.recorded();
        }
    }

    /// The place for spans below it; the one that it was begun at if nothing is recorded.
    pub fn context_or(&self, outer: &Context) -> Context {
        let Some(open) = self.0.as_deref() else { return outer.clone() };
        let place = Place { trace: Arc::clone(&open.trace), span: open.record.span };
        Context { request: outer.request.clone(), ..Context::at(place) }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let Open { trace, mut record } = *open;
        if let Some(recorded) = &trace.recorded {
            record.ended = recorded.nanos();
            recorded.outlet.send(record);
        }
    }
}

impl Recorded {
    fn nanos(&self) -> u64 {
        self.wall_nanos.saturating_add(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

fn new_trace(clock: &Clock) -> TraceId {
    let number = u128::from(clock.draw()) << 64 | u128::from(clock.draw());
    TraceId(NonZeroU128::new(number).unwrap_or(NonZeroU128::MIN))
}

fn new_span(clock: &Clock) -> SpanId {
    SpanId(NonZeroU64::new(clock.draw()).unwrap_or(NonZeroU64::MIN))
}
