//! The admin listener: is it alive, is it ready, how does it stand, what does it count, forget a member, read the
//! configuration again.

use std::sync::Arc;

use axum::body::HttpBody as _;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::answer::Seen;
use super::front::visit::known;
use super::phase::Phase;
use super::points_history::Account;
use super::problem::{Kind, Problem};
use super::reload::{self, Reload};
use super::request_id::{RequestId, RequestIds};
use super::router::{guarded, not_found, other_method};
use super::status::Status;
use super::{answer, framing};
use crate::clock::Clock;
use crate::domain::account::AccountIndex;
use crate::domain::member::MemberId;
use crate::history::{History, Told};
use crate::telemetry::access::{About, Line};
use crate::telemetry::{AccessLog, Format, Members, Metrics};

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
    pub phase: Phase,
    /// For people who watch.
    pub status: Status,
    /// Ids of requests.
    pub ids: Arc<RequestIds>,
    /// Takes the configuration over as it is written now.
    pub reload: Reload,
    /// Wall clock of the log.
    pub clock: Clock,
    /// One line a request.
    pub access: AccessLog,
    /// Members as the log knows them.
    pub members: Members,
}

const RELOAD: &str = "/admin/reload";
const PURGE: &str = "/admin/members/{member_id}/purge";
const PURGE_IN_ACCOUNT: &str = "/admin/accounts/{account}/members/{member_id}/purge";

/// The admin routes.
pub fn router(admin: Admin) -> Router {
    let routes = Router::new()
        // Relative, so that it works behind an ingress that strips a prefix.
        .route("/", get(async || Redirect::temporary("status")).fallback(reads_only))
        .route("/status", get(status).fallback(reads_only))
        .route("/status.json", get(status_json).fallback(reads_only))
        .route("/livez", get(async || "alive\n").fallback(reads_only))
        .route("/readyz", get(ready).fallback(reads_only))
        .route("/metrics", get(metrics).fallback(reads_only))
        .route(RELOAD, post(reload_now).fallback(posts_only))
        .route(PURGE, post(purge).fallback(posts_only))
        .route(PURGE_IN_ACCOUNT, post(purge_in_account).fallback(posts_only))
        .fallback(elsewhere)
        .with_state(admin.clone());
    guarded(routes).layer(from_fn_with_state(admin, every_request))
}

/// What every request gets: an id, a look at its framing, the headers of every answer.
async fn every_request(State(admin): State<Admin>, mut request: Request, next: Next) -> Response {
    let (began, id) = (Instant::now(), admin.ids.of(request.headers()));
    let (method, path) = (known(request.method()), request.uri().path().to_owned());
    let response = match framing::refusal(&request, !request.body().is_end_stream(), &id) {
        Some(refusal) => refusal.into_axum(),
        None => {
            request.extensions_mut().insert(id.clone());
            let mut response = answer::finished(next.run(request).await, &id);
            response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            response
        }
    };
    tell(&admin, (method, &path), &response, &id, began);
    response
}

/// One line in the access log; none for a probe, a scrape or a look at the status page that went well: they would drown the rest.
fn tell(
    admin: &Admin,
    (method, path): (&'static str, &str),
    response: &Response,
    id: &RequestId,
    began: Instant,
) {
    let probe = matches!(path, "/livez" | "/readyz" | "/metrics" | "/status" | "/status.json");
    if !admin.access.is_on() || (probe && response.status() == StatusCode::OK) {
        return;
    }
    let purged =
        path.strip_prefix("/admin/").and_then(|rest| rest.strip_suffix("/purge")?.rsplit_once("members/"));
    let route = match (path, purged) {
        ("/livez", _) => "/livez",
        ("/readyz", _) => "/readyz",
        ("/metrics", _) => "/metrics",
        (RELOAD, _) => RELOAD,
        (_, Some(("", _))) => PURGE,
        (_, Some(_)) => PURGE_IN_ACCOUNT,
        _ => "none",
    };
    let seen = Seen::by(response);
    admin.access.write(&Line {
        at: admin.clock.now(),
        about: About { method, route, status: response.status().as_u16(), outcome: seen.outcome },
        took: began.elapsed(),
        request_id: id.as_bytes(),
        member: purged.map(|(_, member)| admin.members.hash(member)),
        age: None,
        upstream: None,
        trace: None,
    });
}

async fn elsewhere(State(admin): State<Admin>, request: Request) -> Response {
    not_found(&request, &admin.phase, "GET, HEAD, POST, OPTIONS")
}

async fn reads_only(request: Request) -> Response {
    other_method(&request, "GET, HEAD, OPTIONS")
}

async fn posts_only(request: Request) -> Response {
    other_method(&request, "POST, OPTIONS")
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    match admin.phase.is_ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
    }
}

async fn status(State(admin): State<Admin>) -> Response {
    admin.status.page()
}

async fn status_json(State(admin): State<Admin>) -> Response {
    admin.status.json()
}

async fn metrics(State(admin): State<Admin>, asked: HeaderMap) -> Response {
    let accept = asked.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::accepted(&accept.collect::<Vec<_>>().join(","));
    let headers = [(CONTENT_TYPE, format.content_type()), (VARY, "accept")];
    admin.metrics.tell_log(admin.access.dropped());
    (headers, admin.metrics.render(format, admin.history.moment())).into_response()
}

async fn reload_now(State(admin): State<Admin>, Extension(id): Extension<RequestId>) -> Response {
    reload::answer((admin.reload)().await, &id)
}

/// What a purge did.
#[derive(serde::Serialize)]
struct Purged {
    /// Cached chunks that went here; fetches under way are outdated besides.
    purged_entries: u64,
    /// Where replicas share a tier: `told` (all of them forget within a second) or `pending` (the tier can't be
    /// reached; they are told as soon as it can).
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<&'static str>,
}

async fn purge(
    State(admin): State<Admin>,
    Extension(id): Extension<RequestId>,
    member: MemberPath,
) -> Response {
    purge_of(&admin, AccountIndex::DEFAULT, member, &id).await
}

async fn purge_in_account(
    State(admin): State<Admin>,
    Extension(id): Extension<RequestId>,
    names: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let Ok(Path((account, member))) = names else { return problem(Kind::InvalidParameter, &id) };
    let number = admin.accounts.iter().position(|a| a.name == account).and_then(|n| u16::try_from(n).ok());
    match number {
        Some(number) => purge_of(&admin, AccountIndex(number), Ok(Path(member)), &id).await,
        None => problem(Kind::NotFound, &id),
    }
}

/// A member as a path names it; no text where the path's encoding is none.
type MemberPath = Result<Path<String>, PathRejection>;

async fn purge_of(admin: &Admin, account: AccountIndex, member: MemberPath, id: &RequestId) -> Response {
    match member.ok().and_then(|Path(member)| MemberId::parse(&member)) {
        Some(member) => {
            let done = admin.history.purge(account, &member).await;
            let replicas = done.told.map(|told| match told {
                Told::Everyone => "told",
                Told::NobodyYet => "pending",
            });
            Json(Purged { purged_entries: done.entries, replicas }).into_response()
        }
        None => problem(Kind::InvalidParameter, id),
    }
}

fn problem(kind: Kind, id: &RequestId) -> Response {
    Problem::new(kind).into_answer(id).into_axum()
}
