//! Who is traced: whoever the caller traces, and some of the rest.

use std::sync::Arc;

use http::HeaderMap;
use tokio::time::Instant;

use super::context;
use super::export::Outlet;
use super::span::{Context, Span};
use crate::clock::Clock;

/// Decides at the front door. Clones share everything.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Entrance>>);

struct Entrance {
    /// Share of the requests without a caller's decision that are traced, 0 to 1.
    share: f64,
    outlet: Outlet,
    clock: Clock,
}

/// A request that is part of a trace.
pub struct Entered {
    /// Its span; none if the caller doesn't record this trace.
    pub span: Span,
    /// Its place.
    pub context: Context,
}

impl Tracer {
    /// Traces nobody.
    pub fn off() -> Tracer {
        Tracer(None)
    }

    /// Traces whom callers trace, and `percent` of a hundred others.
    pub fn new(percent: u8, outlet: Outlet, clock: Clock) -> Tracer {
        Tracer(Some(Arc::new(Entrance { share: f64::from(percent) / 100.0, outlet, clock })))
    }

    /// Looks at a request; nothing for one that is part of no trace, which most are.
    pub fn enter(
        &self,
        headers: &HeaderMap,
        began: Instant,
        name: impl FnOnce() -> String,
    ) -> Option<Box<Entered>> {
        self.0.as_ref().and_then(|entrance| entrance.enter(headers, began, name))
    }
}

impl Entrance {
    /// What the caller has decided counts; a trace that only some parties record tells nobody anything.
    #[inline(never)] // off the path of those who trace nobody
    fn enter(
        &self,
        headers: &HeaderMap,
        began: Instant,
        name: impl FnOnce() -> String,
    ) -> Option<Box<Entered>> {
        let parent = context::parent(headers);
        match parent {
            Some(parent) if !parent.sampled => {
                let context = Context::passing(parent, context::state(headers));
                return Some(Box::new(Entered { span: Span::default(), context }));
            }
            None if self.clock.chance() >= self.share => return None,
            _ => {}
        }
        let state = parent.and_then(|_| context::state(headers));
        let span = Span::first(name(), parent, state, self.outlet.clone(), &self.clock, began);
        let context = span.context_or(&Context::default());
        Some(Box::new(Entered { span, context }))
    }
}
