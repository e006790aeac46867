//! What hyper lets pass although two readers of one request could disagree on it: whom it is for, and where it ends.
//!
//! hyper itself refuses differing or unreadable `Content-Length`s, any `Transfer-Encoding` that doesn't end in
//! `chunked`, folded lines and blanks before a colon (`tests/it/framing.rs` pins it). Left to us is the rest.

use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Version};

use super::answer::Answer;
use super::problem::{Kind, Problem};
use super::request_id::RequestId;

/// The refusal of a request that another reader could take for a different one.
pub(super) fn refusal<B>(request: &Request<B>, has_body: bool, id: &RequestId) -> Option<Answer> {
    let headers = request.headers();
    let refused = !names_one_host(request.version(), headers) || (has_body && is_chunked(headers));
    refused.then(|| {
        let mut answer = Problem::new(Kind::MalformedRequest).into_answer(id);
        if request.version() < Version::HTTP_2 {
            // Where the next request begins is not agreed on either.
            answer.response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    })
}

/// RFC 9112 §3.2: exactly one `Host`, and a possible one; HTTP/1.0 may leave it out, HTTP/2 has `:authority`.
fn names_one_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match hosts.next() {
        None => version != Version::HTTP_11,
        Some(host) => host.as_bytes().iter().all(|b| MAY_BE_HOST[*b as usize]) && hosts.next().is_none(),
    }
}

/// Bytes of `uri-host [ ":" port ]` (RFC 3986 §3.2.2): no blank, no comma, no `@`, no `/`.
static MAY_BE_HOST: [bool; 256] = {
    let mut may = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        may[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~:[]%!$&'()*+;=";
    let mut at = 0;
    while at < others.len() {
        may[others[at] as usize] = true;
        at += 1;
    }
    may
};

/// No route takes a body, so that nobody needs this header; and where it comes together with `Content-Length`, hyper
/// has removed the evidence (RFC 9112 §6.1).
fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_possible_host_is_wanted_where_the_version_wants_it() {
        let named = |version, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_str(host).unwrap());
            }
            names_one_host(version, &headers)
        };
        for good in ["x", "x:80", "[::1]:8080", "xn--fiq.example.", "%e4%bc%9a", ""] {
            assert!(named(Version::HTTP_11, &[good]), "{good}");
        }
        for bad in ["a b", "a,b", "a@b", "a/b", "a\\b", "a\"b", "会"] {
            assert!(!named(Version::HTTP_11, &[bad]), "{bad}");
        }
        for (version, without) in
            [(Version::HTTP_10, true), (Version::HTTP_11, false), (Version::HTTP_2, true)]
        {
            assert_eq!(named(version, &[]), without, "{version:?}");
            assert!(named(version, &["x"]) && !named(version, &["x", "x"]), "{version:?}");
        }
    }
}
