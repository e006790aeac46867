//! Series of the answers that come by the thousand, looked up once; and zeros for all that pages may come to, since a
//! rate can't see a series' first count.

use super::points_history::{PATH, PATH_OF_ACCOUNT};
use super::problem::Kind;
use crate::history::Outcome;
use crate::telemetry::RequestMetrics;
use crate::telemetry::requests::{RequestLabels, Series};

/// Of both routes that pages have.
pub(super) struct Often {
    of_default: OfRoute,
    of_account: OfRoute,
}

struct OfRoute {
    hit: Series,
    unchanged: Series,
    stale: Series,
}

impl Often {
    /// Looks them up.
    pub fn of(metrics: &RequestMetrics) -> Often {
        Often { of_default: OfRoute::of(metrics, PATH), of_account: OfRoute::of(metrics, PATH_OF_ACCOUNT) }
    }

    /// The series with these labels, if it is one of them.
    pub fn series(&self, labels: &RequestLabels) -> Option<&Series> {
        let route = match labels.route {
            PATH => &self.of_default,
            PATH_OF_ACCOUNT => &self.of_account,
            _ => return None,
        };
        match (labels.status, labels.outcome) {
            (200, "hit") => Some(&route.hit),
            (304, "hit") => Some(&route.unchanged),
            (200, "stale") => Some(&route.stale),
            _ => None,
        }
    }
}

impl OfRoute {
    fn of(metrics: &RequestMetrics, route: &'static str) -> OfRoute {
        let series = |status, outcome| metrics.series(RequestLabels { route, status, outcome });
        for outcome in Outcome::LABELS {
            series(200, outcome);
        }
        for kind in Kind::ALL {
            series(kind.status().as_u16(), kind.label());
        }
        OfRoute { hit: series(200, "hit"), unchanged: series(304, "hit"), stale: series(200, "stale") }
    }
}
