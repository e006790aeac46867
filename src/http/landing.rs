//! `/`: what this is, where its document is, and a form that looks a member up.

use std::fmt::Write as _;

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};

const PAGE: &str = include_str!("landing.html");

/// Nothing but this page's own script and style, and calls to where it came from.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'";

/// A member that the page offers to look up; the demo has some, a real service none.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Member id.
    pub member: String,
    /// What is special about them.
    pub label: String,
}

/// The page with its samples.
pub(super) fn page(samples: &[Sample]) -> Bytes {
    if samples.is_empty() {
        return Bytes::from_static(PAGE.as_bytes());
    }
    let mut buttons = String::from("<p class=\"samples\">Members of the sandbox: ");
    for Sample { member, label } in samples {
        let _infallible = write!(buttons, "<button data-member=\"{member}\">{label}</button>");
    }
    PAGE.replace("<!--samples-->", &(buttons + "</p>")).into()
}

/// The page as an answer.
pub(super) fn answer(page: Bytes) -> Response {
    let headers: [(HeaderName, &str); 4] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, page).into_response()
}
