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
use super::points_history::{self, PointsHistory};
use super::problem::{Kind, Problem};
use super::request_id::{self, RequestId};
use super::{docs, landing, openapi, problem_pages};

/// The router and the document, from one registration.
pub fn router(endpoint: PointsHistory, samples: &[Sample]) -> Router {
    let (api, document) = documented().split_for_parts();
    let document = Bytes::from(openapi::to_json(&document));
    let page = landing::page(samples);
    api.with_state(endpoint)
        .route("/", get(async move || landing::answer(page.clone())))
        .route("/openapi.json", get(async move || openapi::answer(document.clone())))
        .route("/docs", get(docs::redirect))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::file))
        .route("/problems", get(problem_pages::list))
        .route("/problems/{label}", get(problem_pages::one))
        .fallback(not_found)
        .method_not_allowed_fallback(other_method)
        .layer(CatchPanicLayer::custom(panicked))
}

/// The document alone.
pub fn document() -> OpenApi {
    documented().into_openapi()
}

fn documented() -> OpenApiRouter<PointsHistory> {
    OpenApiRouter::with_openapi(openapi::frame()).merge(points_history::routes())
}

/// Template of a path, for log and metrics: paths themselves name members.
pub(crate) fn template(path: &str) -> &'static str {
    match points_history::route(path) {
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

async fn not_found(request: Request) -> Response {
    let (parts, _) = request.into_parts();
    Problem::new(Kind::NotFound).into_answer(&request_id::of(&parts)).into_axum()
}

/// Every path answers GET, HEAD and OPTIONS.
const ALLOW: &str = "GET, HEAD, OPTIONS";

async fn other_method(request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, [(http::header::ALLOW, ALLOW)]).into_response();
    }
    Problem::method_not_allowed(ALLOW).into_answer(&request_id::of(&parts)).into_axum()
}

fn panicked(_cause: Box<dyn std::any::Any + Send>) -> Response {
    // The panic hook has told the log; its text may hold anything, so it goes no further.
    Problem::new(Kind::Internal).into_answer(&RequestId::unknown()).into_axum()
}
