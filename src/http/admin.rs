//! The admin listener: is it alive, is it ready, what does it count, forget a member.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::points_history::Account;
use super::problem::{Kind, Problem};
use super::request_id::RequestId;
use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;
use crate::history::History;
use crate::telemetry::Metrics;

/// What the admin listener can see and do.
#[derive(Clone)]
pub struct Admin {
    /// For purges and sizes.
    pub history: History,
    /// Names of account sets.
    pub accounts: Arc<[Account]>,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// Whether new work is welcome.
    pub ready: Readiness,
}

/// Whether new work is welcome. Doesn't depend on Kingdee: cached rows can be served without it.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Ready from the start.
    pub fn new() -> Readiness {
        Readiness(Arc::new(AtomicBool::new(true)))
    }

    /// Tells the balancer to send new work elsewhere.
    pub fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether new work is welcome.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Readiness::new()
    }
}

/// The admin routes.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/admin/members/{member_id}/purge", post(purge))
        .route("/admin/accounts/{account}/members/{member_id}/purge", post(purge_in_account))
        .fallback(async || problem(Kind::NotFound))
        .with_state(admin)
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    match admin.ready.is_ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let (entries, bytes) = admin.history.cache_size();
    let headers = [(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (headers, admin.metrics.render(entries, bytes)).into_response()
}

/// What a purge did.
#[derive(serde::Serialize)]
struct Purged {
    /// Cached chunks that went; fetches under way are outdated besides.
    purged_entries: u64,
}

async fn purge(State(admin): State<Admin>, Path(member): Path<String>) -> Response {
    purge_of(&admin, AccountIndex::DEFAULT, &member)
}

async fn purge_in_account(
    State(admin): State<Admin>,
    Path((account, member)): Path<(String, String)>,
) -> Response {
    let number = admin.accounts.iter().position(|a| a.name == account).and_then(|n| u16::try_from(n).ok());
    match number {
        Some(number) => purge_of(&admin, AccountIndex(number), &member),
        None => problem(Kind::NotFound),
    }
}

fn purge_of(admin: &Admin, account: AccountIndex, member: &str) -> Response {
    match MemberId::parse(member) {
        Some(member) => {
            Json(Purged { purged_entries: admin.history.purge(account, &member) }).into_response()
        }
        None => problem(Kind::InvalidParameter),
    }
}

fn problem(kind: Kind) -> Response {
    Problem::new(kind).into_answer(&RequestId::unknown()).into_axum()
}
