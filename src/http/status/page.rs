//! `/status`: one page, self-contained. Its script reads `status.json`; without scripts it is a snapshot.
//!
//! The policy names the script and the style by their hashes: nothing else runs, whatever slips into the page.

use std::fmt::Write as _;

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use sha2::{Digest as _, Sha256};

use super::body::Body;

const FRAME: &str = include_str!("status.html");
const STYLE: &str = include_str!("status.css");
const SCRIPT: &str = include_str!("status.js");

/// The page without its snapshot.
pub(super) struct Page {
    before: String,
    after: String,
    policy: String,
}

impl Page {
    /// Puts frame, style and script together.
    pub fn new() -> Page {
        let whole = FRAME.replace("/*style*/", STYLE).replace("/*script*/", SCRIPT);
        let (before, after) = whole.split_once("<!--snapshot-->").unwrap_or((&whole, ""));
        let (style, script) = (hash(STYLE), hash(SCRIPT));
        let policy = format!(
            "default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Page { before: before.to_owned(), after: after.to_owned(), policy }
    }

    /// The page with a snapshot of how things stand.
    pub fn answer(&self, body: &Body) -> Response {
        let mut page = String::with_capacity(self.before.len() + self.after.len() + (8 << 10));
        page.push_str(&self.before);
        let _infallible = snapshot(body, &mut page);
        page.push_str(&self.after);
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, self.policy.as_str()),
            (REFERRER_POLICY, "no-referrer"),
        ];
        (headers, page).into_response()
    }
}

/// A source of CSP: the text between the tags, to the byte.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// Tables for those without scripts.
fn snapshot(body: &Body, page: &mut String) -> std::fmt::Result {
    let Body { version, phase, now, uptime_seconds, cache, .. } = body;
    write!(page, "<p>points-gateway {version}, {phase}, as of {now}, up {uptime_seconds} s.</p>")?;
    write!(
        page,
        "<p>Cache: {} chunks, {} of {} bytes.</p>",
        cache.entries, cache.bytes, cache.capacity_bytes
    )?;
    let attention = body
        .attention
        .iter()
        .map(|a| vec![a.account.clone().unwrap_or_default(), a.what.clone(), a.advice.clone()]);
    table(page, "Needs attention", &["Account set", "What", "Do this"], attention)?;
    let accounts = body.accounts.iter().map(|a| {
        let token = a.token.as_ref().map_or_else(
            || "none".into(),
            |t| {
                format!(
                    "{} s old, renewed in {} s, lives {} s",
                    t.age_seconds, t.renewal_seconds, t.life_seconds
                )
            },
        );
        let lane = &a.lane;
        let calls = format!(
            "{} of {} in the last minute, {} wait",
            lane.used_last_minute, lane.per_minute, lane.waiting
        );
        let skew = format!("{} s", a.clock_skew_seconds);
        let settings = format!("{}, {}", a.time_zone, a.authorization);
        vec![a.name.clone(), settings, token, calls, a.breaker.standing.into(), skew]
    });
    let columns = ["Account set", "Zone, authorisation", "Token", "Calls", "Breaker", "Clock skew"];
    table(page, "Account sets", &columns, accounts)?;
    let faults = body.faults.iter().map(|f| {
        let code = f.errcode.map(|code| format!(" {code}")).unwrap_or_default();
        let account = f.account.clone().unwrap_or_default();
        vec![
            f.last.clone(),
            f.times.to_string(),
            account,
            format!("{}{code}", f.class),
            f.detail.clone(),
            f.advice.into(),
        ]
    });
    table(page, "Recent faults", &["Last", "Times", "Account set", "Class", "Detail", "Do this"], faults)?;
    let settings = body.configuration.iter().map(|s| vec![s.key.clone(), s.value.clone(), s.source.clone()]);
    table(page, "Configuration", &["Key", "Value", "Source"], settings)
}

fn table(
    page: &mut String,
    title: &str,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> std::fmt::Result {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return write!(page, "<section><h2>{title}</h2><p>None.</p></section>");
    }
    write!(page, "<section><h2>{title}</h2><div class=\"scroll\"><table><thead><tr>")?;
    columns.iter().try_for_each(|column| write!(page, "<th>{column}</th>"))?;
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        row.iter().try_for_each(|cell| write!(page, "<td>{}</td>", escaped(cell)))?;
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div></section>");
    Ok(())
}

/// Text as it may stand between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_s_hashes_are_those_of_what_stands_in_the_page() {
        let page = Page::new();
        let whole = format!("{}{}", page.before, page.after);
        for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
            let inside = whole.split_once(&format!("<{tag}>")).unwrap().1;
            let inside = inside.split_once(&format!("</{tag}>")).unwrap().0;
            assert!(page.policy.contains(&format!("{directive} '{}'", hash(inside))), "{}", page.policy);
        }
        assert!(!page.policy.contains("unsafe"));
        assert!(!page.before.is_empty() && !page.after.is_empty(), "the snapshot has its place");
    }

    #[test]
    fn nothing_in_the_page_is_loaded_from_elsewhere() {
        let whole = format!("{FRAME}{STYLE}{SCRIPT}");
        for foreign in ["https://", "src=", "@import", "url(", "//cdn"] {
            assert!(!whole.contains(foreign), "{foreign}");
        }
        assert!(!SCRIPT.contains("innerHTML"), "text from outside must stay text");
    }

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escaped("<script>&"), "&lt;script&gt;&amp;");
    }
}
