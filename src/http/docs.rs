//! Swagger UI under `/docs/`, from files that are compiled in. Every address in it is relative, so that it works
//! behind an ingress that strips a prefix.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use utoipa_swagger_ui::Config;

use super::problem::{Kind, Problem};

/// `/docs` → `docs/`, relative.
pub(super) async fn redirect() -> Redirect {
    Redirect::permanent("docs/")
}

/// The page itself.
pub(super) async fn index(request: Request) -> Response {
    serve("", request)
}

/// Its scripts and styles.
pub(super) async fn file(request: Request) -> Response {
    let file = request.uri().path().strip_prefix("/docs/").unwrap_or_default().to_owned();
    serve(&file, request)
}

fn serve(file: &str, request: Request) -> Response {
    let config = Config::from("../openapi.json")
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .default_models_expand_depth(0)
        .doc_expansion("full")
        .validator_url("none");
    match utoipa_swagger_ui::serve(file, Arc::new(config)) {
        Ok(Some(file)) => {
            let headers = [(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, "no-cache".to_owned())];
            let bytes = match file.bytes {
                Cow::Borrowed(compiled_in) => Bytes::from_static(compiled_in), // however many read it, slowly
                Cow::Owned(made) => Bytes::from(made),
            };
            let mut response = (headers, bytes).into_response();
            if file.gzpipped {
                response.headers_mut().insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
            }
            response
        }
        Ok(None) | Err(_) => Problem::new(Kind::NotFound).answering(&request),
    }
}
