//! Known answers: every case of the shared vectors, in both encodings, stage by stage.

use serde::Deserialize;

use super::{Signature, Stamp, StringToSign, WireQuery, app_signature};
use crate::kingdee::settings::SpaceEncoding;

#[derive(Deserialize)]
struct Vectors {
    app_signature_vectors: Vec<AppVector>,
    known_bad_for_official_doc_token: Vec<KnownBad>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct AppVector {
    app_key: String,
    app_secret: String,
    app_signature: String,
}

#[derive(Deserialize)]
struct KnownBad {
    mistake: String,
    string_to_sign: String,
    signature: String,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    input: Input,
    percent: Stages,
    form: Stages,
}

#[derive(Deserialize)]
struct Input {
    method: String,
    path: String,
    params: Vec<(String, String)>,
    client_secret: String,
    nonce: String,
    timestamp: String,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Stages {
    wire_query: String,
    string_to_sign: String,
    signature: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/it/data/signature-vectors.json")).unwrap()
}

fn stages(input: &Input, spaces: SpaceEncoding) -> Stages {
    let query = WireQuery::build(&input.params, spaces);
    let stamp = Stamp { nonce: input.nonce.clone(), timestamp: input.timestamp.clone() };
    let string = StringToSign::derive(&input.method, &input.path, &query, &stamp);
    let signature = Signature::of(&input.client_secret.as_str().into(), &string);
    Stages {
        wire_query: query.as_str().to_owned(),
        string_to_sign: string.as_str().to_owned(),
        signature: signature.as_str().to_owned(),
    }
}

#[test]
fn every_shared_case_comes_out_in_both_encodings() {
    let cases = vectors().cases;
    assert_eq!(cases.len(), 38);
    for case in cases {
        assert_eq!(stages(&case.input, SpaceEncoding::Form), case.form, "{} form", case.id);
        assert_eq!(stages(&case.input, SpaceEncoding::Percent), case.percent, "{} percent", case.id);
    }
}

#[test]
fn the_order_in_which_parameters_are_given_does_not_matter() {
    for mut case in vectors().cases {
        case.input.params.reverse();
        assert_eq!(stages(&case.input, SpaceEncoding::Form), case.form, "{}", case.id);
    }
}

#[test]
fn every_known_mistake_differs_from_ours() {
    let vectors = vectors();
    let official = &vectors.cases[0];
    assert_eq!(official.id, "official-doc-token");
    let ours =
        [stages(&official.input, SpaceEncoding::Form), stages(&official.input, SpaceEncoding::Percent)];
    assert!(!vectors.known_bad_for_official_doc_token.is_empty());
    for bad in vectors.known_bad_for_official_doc_token {
        for ours in &ours {
            assert_ne!(ours.signature, bad.signature, "{}", bad.mistake);
            // Three of the mistakes are made after the string.
            let after = bad.mistake.starts_with("base64-of") || bad.mistake == "hex-not-base64";
            assert_eq!(ours.string_to_sign == bad.string_to_sign, after, "{}", bad.mistake);
        }
    }
}

#[test]
fn app_signatures_come_out() {
    for vector in vectors().app_signature_vectors {
        let signature = app_signature(&vector.app_key, &vector.app_secret.into());
        assert_eq!(signature.as_str(), vector.app_signature);
        assert!(!format!("{signature:?}").contains(&vector.app_signature));
    }
}

/// What no shared case shows, from `protocol.md` §1.2: the JDK keeps `*` and encodes `~`; RFC 3986 the reverse.
#[rstest::rstest]
#[case("*", "*", "%2A", "%2A", "%252A")]
#[case("~", "%7E", "%257E", "~", "~")]
#[case(" ", "+", "%2B", "%20", "%2520")]
#[case("+", "%2B", "%252B", "%2B", "%252B")]
#[case("/", "%2F", "%252F", "%2F", "%252F")]
#[case("'", "%27", "%2527", "%27", "%2527")]
#[case("=&", "%3D%26", "%253D%2526", "%3D%26", "%253D%2526")]
#[case("\n\0", "%0A%00", "%250A%2500", "%0A%00", "%250A%2500")]
#[case(" a  b ", "+a++b+", "%2Ba%2B%2Bb%2B", "%20a%20%20b%20", "%2520a%2520%2520b%2520")]
fn odd_characters_travel_as_the_official_sdks_send_them(
    #[case] value: &str,
    #[case] form_wire: &str,
    #[case] form_string: &str,
    #[case] percent_wire: &str,
    #[case] percent_string: &str,
) {
    for (spaces, wire, string) in [
        (SpaceEncoding::Form, form_wire, form_string),
        (SpaceEncoding::Percent, percent_wire, percent_string),
    ] {
        let query = WireQuery::build(&[("n", value)], spaces);
        assert_eq!(query.as_str(), format!("n={wire}"));
        let stamp = Stamp { nonce: "1".into(), timestamp: "1700000000000".into() };
        let text = StringToSign::derive("GET", "/", &query, &stamp);
        assert_eq!(text.as_str().lines().nth(2), Some(format!("n={string}").as_str()));
    }
}
