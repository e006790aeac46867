//! Every path of the public listener.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{Method, StatusCode};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::landing::Sample;
use super::phase::Phase;
use super::points_history::{self, PointsHistory, Route};
use super::problem::{Kind, Problem};
use super::{answer, docs, landing, openapi, problem_pages, whoami};

/// The router and the document, from one registration.
pub fn router(endpoint: PointsHistory, samples: &[Sample], phase: Phase) -> Router {
    let (api, document) = documented().split_for_parts();
    let document = Bytes::from(openapi::to_json(&document));
    let page = landing::page(samples);
    let routes = api
        .with_state(endpoint)
        .route("/", get(async move || landing::answer(page.clone())))
        .route("/openapi.json", get(async move || openapi::answer(document.clone())))
        .route("/docs", get(docs::redirect))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::file))
        .route("/problems", get(problem_pages::list))
        .route("/problems/{label}", get(problem_pages::one))
        .fallback(async move |request: Request| not_found(&request, &phase, ALLOW))
        .method_not_allowed_fallback(reads_only);
    guarded(routes)
}

/// Routes in which a panic ends a request, and nothing else.
pub fn guarded(routes: Router) -> Router {
    routes.layer(CatchPanicLayer::custom(answer::panicked))
}

/// The document alone.
pub fn document() -> OpenApi {
    documented().into_openapi()
}

fn documented() -> OpenApiRouter<PointsHistory> {
    OpenApiRouter::with_openapi(openapi::frame()).merge(points_history::routes())
}

/// Template of a path and of the `route` found in it, for log and metrics: paths themselves name members.
pub(crate) fn template(path: &str, route: Option<Route<'_>>) -> &'static str {
    match route {
        Some(route) if route.account.is_none() => points_history::PATH,
        Some(_) => points_history::PATH_OF_ACCOUNT,
        None => match path {
            "/" => "/",
            "/openapi.json" => "/openapi.json",
            _ if path.starts_with("/docs") => "/docs",
            _ if path.starts_with("/problems") => "/problems",
            _ => "none",
        },
    }
}

/// What a path gets that no route has, on either listener; `allow` is for whoever asks about all of them.
pub(super) fn not_found(request: &Request, phase: &Phase, allow: &'static str) -> Response {
    if whoami::is_asked(request.method(), request.uri().path()) {
        return whoami::answer(phase, allow);
    }
    Problem::new(Kind::NotFound).answering(request)
}

/// Every path answers GET, HEAD and OPTIONS.
const ALLOW: &str = "GET, HEAD, OPTIONS";

async fn reads_only(request: Request) -> Response {
    other_method(&request, ALLOW)
}

/// What a method gets that a route doesn't take: told what it does take, which is no fault if that was the question.
pub(super) fn other_method(request: &Request, allow: &'static str) -> Response {
    if *request.method() == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, [(http::header::ALLOW, allow)]).into_response();
    }
    Problem::method_not_allowed(allow).answering(request)
}
