//! The router domain (`X-GW-Router-Addr`): comes from an authorisation, goes into a header, never into a URL.

use http::HeaderValue;

/// A router domain that was checked against the configured suffixes, kept as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterDomain(String);

/// Why a router domain is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouterFault {
    /// Longer than any host name, or empty.
    #[error("the router domain must have 1 to 253 characters")]
    Length,
    /// Not `https`, and not `http` on loopback.
    #[error("the router domain must start with https:// (http:// only on loopback)")]
    Scheme,
    /// More than scheme and host: user, port, path, query, fragment, odd characters.
    #[error("the router domain must be scheme and host, nothing else")]
    Shape,
    /// The host is on no configured suffix, or an address.
    #[error("the router domain's host is not on kingdee.router_suffixes")]
    Host,
}

impl RouterDomain {
    /// Longest text accepted.
    pub const MAX_LEN: usize = 253;

    /// Accepts `https://host` and `https://host/` where the host is one of `suffixes` or ends in `.` plus one.
    ///
    /// A loopback host (`localhost`, `127.…`, `[::1]`) may have `http` and a port, but must be listed too:
    /// no answer can point a production gateway inwards. The text is kept unchanged (`protocol.md` §1.5).
    ///
    /// # Errors
    /// [`RouterFault`], which never quotes the text.
    pub fn parse(text: &str, suffixes: &[String]) -> Result<RouterDomain, RouterFault> {
        if !(1..=Self::MAX_LEN).contains(&text.len()) {
            return Err(RouterFault::Length);
        }
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(RouterFault::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_port(authority).ok_or(RouterFault::Shape)?;
        let loopback = is_loopback(host);
        if !secure && !loopback {
            return Err(RouterFault::Scheme);
        }
        if (port.is_some() && !loopback) || !(is_host_name(host) || host == "[::1]") {
            return Err(RouterFault::Shape);
        }
        let is_address =
            host.rsplit('.').next().is_none_or(|last| last.starts_with(|c: char| c.is_ascii_digit()));
        let listed = suffixes.iter().any(|suffix| is_under(host, suffix));
        if !listed || (is_address && !loopback) {
            return Err(RouterFault::Host);
        }
        Ok(RouterDomain(text.to_owned()))
    }

    /// The text, unchanged.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The header's value. Checked text is plain ASCII, so there always is one.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    match authority.get(after_brackets..)?.split_once(':') {
        None => Some((authority, None)),
        Some((name, port)) => {
            let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse().ok().filter(|_| plain)?;
            Some((authority.get(..after_brackets + name.len())?, Some(port)))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn is_host_name(host: &str) -> bool {
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(good)
}

fn is_under(host: &str, suffix: &str) -> bool {
    let suffix = suffix.trim_start_matches('.');
    let (host, suffix) = (host.to_ascii_lowercase(), suffix.to_ascii_lowercase());
    !suffix.is_empty()
        && host.strip_suffix(&suffix).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffixes() -> Vec<String> {
        ["jdy.com", "kingdee.com", "127.0.0.1", "[::1]", "10.0.0.1"].map(str::to_owned).into()
    }

    #[rstest::rstest]
    #[case("https://tf.jdy.com")]
    #[case("https://tf.jdy.com/")]
    #[case("https://jdy.com")]
    #[case("https://a.b.kingdee.com")]
    #[case("https://TF.JDY.com")]
    #[case("http://127.0.0.1:8081")]
    #[case("http://127.0.0.1:8081/")]
    #[case("https://127.0.0.1")]
    #[case("http://[::1]:8081")]
    fn a_listed_domain_is_kept_as_it_was_given(#[case] text: &str) {
        let domain = RouterDomain::parse(text, &suffixes()).unwrap();
        assert_eq!(domain.as_str(), text);
        assert_eq!(domain.header(), text);
    }

    /// `reliability.md` §4, S5.
    #[rstest::rstest]
    #[case("", RouterFault::Length)]
    #[case(&format!("https://{}.jdy.com", "a".repeat(300)), RouterFault::Length)]
    #[case("http://tf.jdy.com", RouterFault::Scheme)]
    #[case("HTTPS://tf.jdy.com", RouterFault::Scheme)]
    #[case("tf.jdy.com", RouterFault::Scheme)]
    #[case("//tf.jdy.com", RouterFault::Scheme)]
    #[case("ftp://tf.jdy.com", RouterFault::Scheme)]
    #[case(" https://tf.jdy.com", RouterFault::Scheme)]
    #[case("https://tf.jdy.com ", RouterFault::Shape)]
    #[case("https://tf.jdy.com\r\nx: y", RouterFault::Shape)]
    #[case("https://user@tf.jdy.com", RouterFault::Shape)]
    #[case("https://user:pw@tf.jdy.com", RouterFault::Shape)]
    #[case("https://tf.jdy.com:8443", RouterFault::Shape)]
    #[case("https://tf.jdy.com:443", RouterFault::Shape)]
    #[case("https://tf.jdy.com/path", RouterFault::Shape)]
    #[case("https://tf.jdy.com//", RouterFault::Shape)]
    #[case("https://tf.jdy.com?x", RouterFault::Shape)]
    #[case("https://evil.example#.jdy.com", RouterFault::Shape)]
    #[case("https://evil.example\\.jdy.com", RouterFault::Shape)]
    #[case("https://evil.example%2F.jdy.com", RouterFault::Shape)]
    #[case("https://tf。jdy.com", RouterFault::Shape)]
    #[case("https://tf.jdy.com.", RouterFault::Shape)]
    #[case("https://.jdy.com", RouterFault::Shape)]
    #[case("https://-a.jdy.com", RouterFault::Shape)]
    #[case("https://", RouterFault::Shape)]
    #[case("https://[fe80::1]", RouterFault::Shape)]
    #[case("http://127.0.0.1:+80", RouterFault::Shape)]
    #[case("http://127.0.0.1:99999", RouterFault::Shape)]
    #[case("https://evil-jdy.com", RouterFault::Host)]
    #[case("https://jdy.com.evil.example", RouterFault::Host)]
    #[case("https://169.254.169.254", RouterFault::Host)]
    #[case("https://10.0.0.1", RouterFault::Host)]
    #[case("https://2130706433", RouterFault::Host)]
    #[case("https://localhost", RouterFault::Host)]
    #[case("http://localhost:80", RouterFault::Host)]
    #[case("https://127.0.0.2", RouterFault::Host)]
    #[case("https://xn--jd-tja.com", RouterFault::Host)]
    fn everything_else_is_refused(#[case] text: &str, #[case] fault: RouterFault) {
        assert_eq!(RouterDomain::parse(text, &suffixes()), Err(fault), "{text:?}");
    }

    #[test]
    fn without_suffixes_nothing_passes() {
        assert!(RouterDomain::parse("https://tf.jdy.com", &[]).is_err());
        assert!(RouterDomain::parse("https://tf.jdy.com", &[String::new()]).is_err());
    }
}
