//! The document: what every route adds to, and how it is written.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::parameter::ParameterFault;
use super::points_history::schema::PointsHistoryPage;
use super::problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "points-gateway",
        description = "Points history (积分流水) of a retailer's members, read from Kingdee 金蝶云星辰, cached, as clean JSON.\n\n\
            Amounts are JSON numbers with the exact decimal text that Kingdee sent: read them with a decimal type. \
            Times carry their offset. Unknown query parameters are refused. Problems are RFC 9457.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "the operators of this gateway", url = "/"),
    ),
    servers((url = ".", description = "where this document came from")),
    tags((name = "Points history", description = "Records of how a member's points changed")),
    components(schemas(PointsHistoryPage, problem::Body<'static>, ParameterFault))
)]
struct Frame;

/// What surrounds the routes.
pub(super) fn frame() -> OpenApi {
    Frame::openapi()
}

/// The document as it is committed and served: JSON with a line feed at the end.
pub fn to_json(document: &OpenApi) -> String {
    document.to_pretty_json().map(|json| json + "\n").unwrap_or_default()
}

/// The document as an answer.
pub(super) fn answer(json: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], json).into_response()
}
