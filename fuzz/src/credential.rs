//! The answers that bring credentials: what is believed of them goes into headers and decides where they are sent.

use std::time::Duration;

use jiff::Timestamp;
use points_gateway::kingdee::credential::grant::Grant;
use points_gateway::kingdee::credential::life::life;
use points_gateway::kingdee::wire::{read_authorizations, read_token};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{MEMBER, is_fit_for_a_log, reply};

const DAY: Duration = Duration::from_secs(86_400);

/// Status, then body.
pub fn wire_token(data: &[u8]) {
    let answer = match read_token(&reply(data), &[MEMBER]) {
        Ok(answer) => answer,
        Err(error) => return is_fit_for_a_log(&error),
    };
    let text = answer.token.to_str().expect("visible ASCII").to_owned();
    assert!((1..=7 * 1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
    assert!(answer.token.is_sensitive());
    assert_eq!(format!("{:?}", answer.token), "Sensitive");
    assert_ne!(answer.expires, Some(0));
    for now in
        [Timestamp::MIN, Timestamp::UNIX_EPOCH, "2026-11-25T10:00:00+08:00".parse().unwrap(), Timestamp::MAX]
    {
        assert!(life(&text, answer.expires, now, DAY) <= DAY);
        assert!(life(&text, None, now, DAY) >= life(&text, answer.expires, now, DAY));
    }
    let written = json!({"errcode": 0, "data": {"app-token": text, "expires": answer.expires}}).to_string();
    let again = read_token(&reply(&[b"\0", written.as_bytes()].concat()), &[]).expect("it can be read again");
    assert_eq!((again.token, again.expires), (answer.token, answer.expires));
}

/// Status, then body.
pub fn wire_authorization(data: &[u8]) {
    let rows = match read_authorizations(&reply(data), &[MEMBER]) {
        Ok(rows) => rows,
        Err(error) => return is_fit_for_a_log(&error),
    };
    assert!(rows.len() <= 1000, "{} rows", rows.len());
    for row in &rows {
        let secret = row.app_secret.expose_secret();
        for text in [row.app_key.as_str(), secret, row.domain.as_str()] {
            assert!(!text.is_empty() && text.trim() == text);
        }
        assert_eq!(format!("{row:?}"), format!("AuthorizationRow {{ valid: {}, .. }}", row.valid));
    }
    let suffixes = ["jdy.com", "127.0.0.1", "[::1]", "localhost"].map(str::to_owned);
    for account in [None, rows.first().and_then(|row| row.account_id.as_deref()), Some(MEMBER)] {
        match Grant::choose(&rows, account, &suffixes) {
            Ok(grant) => leads_to_kingdee(grant.router.as_str()),
            Err(error) => is_fit_for_a_log(&error),
        }
    }
}

/// Whoever else reads the accepted domain, as a URL, finds one of the hosts on the list and nothing beside it.
fn leads_to_kingdee(domain: &str) {
    let uri: http::Uri = domain.parse().expect("a URI");
    let host = uri.host().expect("a host").to_ascii_lowercase();
    let inside = ["127.0.0.1", "[::1]", "localhost"].contains(&host.as_str());
    let outside = (host == "jdy.com" || host.ends_with(".jdy.com")) && uri.port().is_none();
    let under_loopback = host.ends_with(".localhost") || host.ends_with(".127.0.0.1");
    assert!(!under_loopback && (inside || outside), "{domain}");
    assert!(uri.scheme_str() == Some("https") || inside, "{domain}");
    assert!(
        uri.path() == "/" && uri.query().is_none() && !domain.contains(['@', '#', '?', '\\']),
        "{domain}"
    );
    assert!(domain.bytes().all(|b| b.is_ascii_graphic()), "{domain:?}");
}
