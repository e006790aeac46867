//! Every status of this endpoint, with its headers and problems, for the document.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::http::problem::Kind;

/// The problems that this endpoint can end in.
const PROBLEMS: [Kind; 12] = [
    Kind::InvalidParameter,
    Kind::MalformedRequest,
    Kind::NotFound,
    Kind::MethodNotAllowed,
    Kind::CursorLost,
    Kind::UriTooLong,
    Kind::Internal,
    Kind::UpstreamRejected,
    Kind::UpstreamInvalid,
    Kind::UpstreamUnavailable,
    Kind::Overloaded,
    Kind::UpstreamTimeout,
];

/// Statuses of the endpoint.
pub(super) struct Responses;

impl utoipa::IntoResponses for Responses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = BTreeMap::new();
        all.insert("200".to_owned(), RefOr::T(page()));
        all.insert("304".to_owned(), RefOr::T(unchanged()));
        for kind in PROBLEMS.into_iter().chain([Kind::NotCached]) {
            let status = kind.status().as_str().to_owned();
            let response = problems(&status);
            all.insert(status, RefOr::T(response));
        }
        all
    }
}

const SHARED: [(&str, &str); 5] = [
    ("ETag", "weak tag of these rows; the same from every replica"),
    ("Age", "seconds since the rows were read from Kingdee"),
    ("Cache-Control", "private, with the times for which these rows may be used"),
    ("Cache-Status", "RFC 9211: whether the rows came from the cache, and why not if they didn't"),
    ("X-Request-Id", "the request's id, as in the log"),
];

fn page() -> Response {
    let schema = Ref::from_schema_name("PointsHistoryPage");
    let builder = ResponseBuilder::new()
        .description("A page of records")
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .header("Link", text("RFC 8288: first, prev, next, last; relative to the request"));
    SHARED.into_iter().fold(builder, |builder, (name, about)| builder.header(name, text(about))).build()
}

fn unchanged() -> Response {
    let builder = ResponseBuilder::new().description("The rows are those that the caller's tag names");
    SHARED.into_iter().fold(builder, |builder, (name, about)| builder.header(name, text(about))).build()
}

fn problems(status: &str) -> Response {
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| kind.status().as_str() == status).collect();
    let texts: Vec<_> = kinds.iter().map(|kind| format!("`{}`: {}", kind.label(), kind.title())).collect();
    let schema = Ref::from_schema_name("Problem");
    let builder = ResponseBuilder::new()
        .description(texts.join(". "))
        .content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build())
        .header("X-Request-Id", text("the request's id, as in the log"));
    let builder = match status {
        "502" | "503" | "504" => {
            builder.header("Cache-Status", text("RFC 9211: why Kingdee was asked, if it was"))
        }
        _ => builder,
    };
    match status {
        "503" => builder.header("Retry-After", text("seconds after which asking again makes sense")).build(),
        "405" => builder.header("Allow", text("the methods of this path")).build(),
        _ => builder.build(),
    }
}

fn text(about: &str) -> utoipa::openapi::header::Header {
    let schema = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
}
