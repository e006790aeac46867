//! A small number for each thread, so that busy threads write to places of their own.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Number of this thread: the next one when it first asks.
pub(super) fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    const NONE: usize = usize::MAX;
    thread_local!(static OWN: Cell<usize> = const { Cell::new(NONE) });
    OWN.with(|own| {
        if own.get() == NONE {
            own.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        own.get()
    })
}
