//! What the admin listener says of a configuration that was read again. Names of keys only, never a value.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::BoxFuture;

use super::problem::{ConfigurationFault, Kind, Problem};
use super::request_id::RequestId;

/// Reads the configuration again and takes it over.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, ReloadOutcome> + Send + Sync>;

/// How that ended.
#[derive(Debug)]
pub enum ReloadOutcome {
    /// It is in force.
    Applied(Reloaded),
    /// It is not; the one before it still is.
    Refused(Vec<ConfigurationFault>),
    /// Somebody else's reload is under way.
    Busy,
    /// It came to no end. A bug; the panic is in the log.
    Lost,
}

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reloaded {
    /// Keys whose new value is in force.
    pub changed: Vec<String>,
    /// Keys whose new value waits for a restart.
    pub needs_restart: Vec<String>,
    /// Account sets that are read from elsewhere now: their cached rows are forgotten.
    pub forgotten_accounts: Vec<String>,
}

/// The answer to `POST /admin/reload`.
pub(super) fn answer(outcome: ReloadOutcome, id: &RequestId) -> Response {
    match outcome {
        ReloadOutcome::Applied(reloaded) => Json(reloaded).into_response(),
        ReloadOutcome::Refused(faults) => Problem::configuration(faults).into_answer(id).into_axum(),
        ReloadOutcome::Busy => Problem::overloaded().into_answer(id).into_axum(),
        ReloadOutcome::Lost => Problem::new(Kind::Internal).into_answer(id).into_axum(),
    }
}
