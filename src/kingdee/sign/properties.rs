//! Properties of signing, against an oracle that works from the parameters and never looks at the wire.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use secrecy::SecretString;

use super::headers::{NONCE, SIGNATURE, TIMESTAMP, Unsigned};
use super::{SignedRequest, Stamp, StringToSign, WireQuery};
use crate::kingdee::settings::SpaceEncoding;

const KEPT: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

fn oracle_once(text: &str, spaces: SpaceEncoding) -> String {
    text.bytes()
        .map(|byte| match (byte, spaces) {
            (b' ', SpaceEncoding::Form) => "+".to_owned(),
            (b'*', SpaceEncoding::Form) | (b'~', SpaceEncoding::Percent) => char::from(byte).to_string(),
            _ if KEPT.contains(&byte) => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The documented rule, word by word: encode twice, sort by name, join.
fn oracle_line(params: &[(String, String)], spaces: SpaceEncoding) -> String {
    let twice = |text: &str| oracle_once(&oracle_once(text, spaces), SpaceEncoding::Percent);
    let mut sorted: Vec<_> = params.iter().collect();
    sorted.sort_by_key(|(name, _)| name.as_bytes());
    sorted.iter().map(|(n, v)| format!("{}={}", twice(n), twice(v))).collect::<Vec<_>>().join("&")
}

fn params() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((any::<String>(), any::<String>()), 0..6)
}

fn stamp() -> Stamp {
    Stamp { nonce: "7".into(), timestamp: "1700000000000".into() }
}

fn spaces() -> impl Strategy<Value = SpaceEncoding> {
    any::<bool>().prop_map(|form| if form { SpaceEncoding::Form } else { SpaceEncoding::Percent })
}

proptest! {
    #[test]
    fn deriving_from_the_wire_equals_encoding_twice(params in params(), spaces in spaces()) {
        let query = WireQuery::build(&params, spaces);
        let string = StringToSign::derive("GET", "/a b", &query, &stamp());
        let line = oracle_line(&params, spaces);
        prop_assert_eq!(
            string.as_str(),
            format!("GET\n%2Fa%20b\n{line}\nx-api-nonce:7\nx-api-timestamp:1700000000000\n")
        );
    }

    #[test]
    fn the_wire_holds_nothing_that_an_http_library_would_touch(params in params(), spaces in spaces()) {
        let query = WireQuery::build(&params, spaces);
        let safe = |b: u8| KEPT.contains(&b) || b"*~+%=&".contains(&b);
        prop_assert!(query.as_str().bytes().all(safe));
        let mut url = url::Url::parse("https://api.kingdee.com/x").unwrap();
        url.set_query(Some(query.as_str()));
        prop_assert_eq!(url.query(), Some(query.as_str()));
    }

    #[test]
    fn parameters_of_one_name_keep_their_order(values in proptest::collection::vec("[a-z]{0,3}", 0..8)) {
        let params: Vec<_> = values.iter().map(|value| ("n", value)).collect();
        let query = WireQuery::build(&params, SpaceEncoding::Form);
        let sent: Vec<_> = query.halves().map(|(_, value)| value.to_owned()).collect();
        prop_assert_eq!(sent, values);
    }

    #[test]
    fn the_two_encodings_differ_only_in_space_star_and_tilde(text in any::<String>()) {
        let form = WireQuery::build(&[("n", &text)], SpaceEncoding::Form);
        let percent = WireQuery::build(&[("n", &text)], SpaceEncoding::Percent);
        prop_assert_eq!(
            form.as_str().replace('+', "%20").replace('*', "%2A").replace("%7E", "~"),
            percent.as_str()
        );
    }
}

#[test]
fn a_signed_request_has_the_seven_headers_and_hides_its_signature() {
    let unsigned = Unsigned {
        method: http::Method::GET,
        path: "/jdy/v2/ls/integral_record",
        query: WireQuery::build(&[("member_id", "canary-member")], SpaceEncoding::Form),
    };
    let secret = SecretString::from("canary-secret");
    let request = SignedRequest::sign(unsigned, "205022", &secret, &stamp()).unwrap();
    let get = |name: &str| request.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(get("Content-Type"), "application/json");
    assert_eq!(get("X-Api-ClientID"), "205022");
    assert_eq!(get("X-Api-Auth-Version"), "2.0");
    assert_eq!(get("X-Api-SignHeaders"), "X-Api-TimeStamp,X-Api-Nonce");
    assert_eq!((get(NONCE.as_str()), get(TIMESTAMP.as_str())), ("7", "1700000000000"));
    assert_eq!(request.headers.len(), 7);
    assert!(request.headers[SIGNATURE].is_sensitive());
    let debug = format!("{request:?} {:?} {:?}", request.request, request.headers);
    assert!(!debug.contains("canary") && !debug.contains(get(SIGNATURE.as_str())), "{debug}");
}
