//! Rules for the hosts that may hear a signature, a token or a secret.

use url::{Host, Url};

use crate::telemetry::settings::USUAL_PATH;

/// A problem with an address. It never quotes the address: passwords travel in such things.
pub type Flaw = &'static str;

/// Reads an address of a Redis.
///
/// # Errors
/// What is wrong with it.
pub fn redis(text: &str) -> Result<Url, Flaw> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it holds blanks or characters that are not ASCII");
    }
    let url = Url::parse(text).map_err(|_| "it is not an absolute address")?;
    url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    let db = url.path().trim_start_matches('/');
    let numbered = db.is_empty() || (db.len() <= 4 && db.bytes().all(|b| b.is_ascii_digit()));
    match url.scheme() {
        "redis" | "rediss" if numbered && url.query().is_none() && url.fragment().is_none() => Ok(url),
        "redis" | "rediss" => Err("there is more behind the host than the number of a database"),
        _ => Err("its scheme is neither redis nor rediss"),
    }
}

/// Reads an address of a server: `https`, or `http` on this machine; a host, perhaps a port, nothing behind.
///
/// # Errors
/// What is wrong with it.
pub fn server(text: &str) -> Result<Url, Flaw> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it holds blanks or characters that are not ASCII");
    }
    let url = Url::parse(text).map_err(|_| "it is not an absolute address")?;
    let host = url.host().ok_or("it names no host")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or a password (and is not shown)");
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        "http" => {
            return Err(
                "http is allowed only for this machine itself; signatures and tokens would be readable",
            );
        }
        _ => return Err("its scheme is neither https nor http"),
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("something stands behind host and port");
    }
    Ok(url)
}

/// Reads the address of a collector of spans. It may be `http` anywhere: spans hold no secret and no id of anybody.
///
/// # Errors
/// What is wrong with it.
pub fn collector(text: &str) -> Result<Url, Flaw> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it holds blanks or characters that are not ASCII");
    }
    let url = Url::parse(text).map_err(|_| "it is not an absolute address")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it is neither http nor https, or names no host");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("it holds a user name, a password or a fragment");
    }
    Ok(url)
}

/// Whether an address of a collector is a host and perhaps a port, which is all that gRPC has a use for.
pub fn is_bare(collector: &Url) -> bool {
    collector.path() == "/" && collector.query().is_none()
}

/// The address of a collector as it may be shown: some have a key in their path.
pub fn without_key(collector: &Url) -> String {
    let mut shown = collector.clone();
    shown.set_query(None);
    if shown.path() == USUAL_PATH {
        return shown.into();
    }
    let whole = is_bare(collector);
    shown.set_path("/");
    if whole { shown.as_str().trim_end_matches('/').to_owned() } else { format!("{shown}…") }
}

/// Whether a text may stand in the list of router suffixes: a lower-case host name with a dot in it, `localhost`,
/// or an IP address. A bare `com` would let everybody in.
pub fn is_suffix(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let name = text.len() <= 253 && text.contains('.') && text.split('.').all(label);
    let literal = text.starts_with('[') && matches!(Host::parse(text), Ok(Host::Ipv6(_)));
    text == "localhost" || name || literal
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        for good in [
            "https://api.kingdee.com",
            "https://api.kingdee.com/",
            "https://tf.jdy.com:8443",
            "http://127.0.0.1:9",
            "http://[::1]:9",
            "http://localhost",
        ] {
            assert!(server(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.kingdee.com",
            "//api.kingdee.com",
            "http://api.kingdee.com",
            "http://127.0.0.1.evil.com",
            "http://localhost.evil.com",
            "ftp://127.0.0.1",
            "https://user@api.kingdee.com",
            "https://user:pw@api.kingdee.com",
            "https://api.kingdee.com/jdy",
            "https://api.kingdee.com?x=1",
            "https://api.kingdee.com#x",
            "https://api.kingdee.com\r\nX: y",
            " https://api.kingdee.com",
            "https://",
            "file:///etc/passwd",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_collector_may_be_anywhere_and_a_path_that_may_be_a_key_is_not_shown() {
        let shown = |text| without_key(&collector(text).unwrap());
        assert_eq!(shown("http://otel-collector:4318"), "http://otel-collector:4318");
        assert_eq!(shown("https://otel.example/"), "https://otel.example");
        assert_eq!(shown("https://otel.example/v1/traces"), "https://otel.example/v1/traces");
        assert_eq!(shown("http://otel.example/key/traces?key=1"), "http://otel.example/…");
        assert_eq!(shown("http://otel.example?key=1"), "http://otel.example/…");
        for (text, bare) in [("http://otel:4317", true), ("http://otel/x", false), ("http://otel?x=1", false)]
        {
            assert_eq!(is_bare(&collector(text).unwrap()), bare, "{text}");
        }
        for bad in ["", "otel:4318", "grpc://otel:4317", "http://u:p@otel", "http://otel/#x", "http:// otel"]
        {
            assert!(collector(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_suffix_is_narrower_than_a_whole_registry() {
        for good in ["jdy.com", "tf.jdy.com", "localhost", "127.0.0.1", "[::1]"] {
            assert!(is_suffix(good), "{good}");
        }
        for bad in [
            "",
            "com",
            ".jdy.com",
            "jdy.com.",
            "JDY.com",
            "*.jdy.com",
            "https://jdy.com",
            "a b.c",
            "jdy.com,x.com",
        ] {
            assert!(!is_suffix(bad), "{bad}");
        }
    }
}
