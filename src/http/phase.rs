//! Where the gateway is in its life; set by whoever ends it, read by both listeners.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const CLOSING: u8 = 2;

/// Serving, then draining (unready, but serving as ever), then closing (each answer is its connection's last).
/// Clones share it. Doesn't depend on Kingdee: cached rows can be served without it.
#[derive(Debug, Clone, Default)]
pub struct Phase(Arc<AtomicU8>);

impl Phase {
    /// Serving.
    pub fn new() -> Phase {
        Phase::default()
    }

    /// Tells the balancer to send new work elsewhere.
    pub fn drain(&self) {
        self.0.fetch_max(DRAINING, Ordering::Release);
    }

    /// Tells every caller to connect elsewhere next time.
    pub fn close(&self) {
        self.0.fetch_max(CLOSING, Ordering::Release);
    }

    /// Whether new work is welcome.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire) == SERVING
    }

    /// Stable word for it.
    pub fn label(&self) -> &'static str {
        match self.0.load(Ordering::Acquire) {
            SERVING => "serving",
            DRAINING => "draining",
            _ => "closing",
        }
    }

    /// Whether an answer says that it is its connection's last. Read for every request: no order with anything else.
    pub fn is_closing(&self) -> bool {
        self.0.load(Ordering::Relaxed) == CLOSING
    }
}
