//! `/problems/{label}`: every problem's `type` leads to a text that says what it means and what to do.

use std::fmt::Write as _;

use axum::extract::Request;
use axum::response::{Html, IntoResponse as _, Response};

use super::problem::{Kind, Problem};

/// All kinds.
pub(super) async fn list() -> Html<String> {
    let mut page = head("Problems");
    for kind in Kind::ALL {
        describe(kind, &mut page);
    }
    Html(page)
}

/// One kind.
pub(super) async fn one(request: Request) -> Response {
    let label = request.uri().path().strip_prefix("/problems/").unwrap_or_default();
    match Kind::ALL.into_iter().find(|kind| kind.label() == label) {
        Some(kind) => {
            let mut page = head(kind.title());
            describe(kind, &mut page);
            Html(page).into_response()
        }
        None => Problem::new(Kind::NotFound).answering(&request),
    }
}

fn head(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} · points-gateway</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;\
         padding:0 1rem}}code{{background:#8882;padding:.1em .3em;border-radius:.2em}}:root{{color-scheme:light dark}}</style>\n"
    )
}

fn describe(kind: Kind, page: &mut String) {
    let (label, status, title, help) = (kind.label(), kind.status(), kind.title(), kind.help());
    let _infallible =
        writeln!(page, "<h2><code>{label}</code></h2><p><b>{status}</b> · {title}.</p><p>{help}.</p>");
}
