//! The verb `sign`: one JSON request in, the three stages out, for integrators who hunt a 4008.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::query::WireQuery;
use super::signature::Signature;
use super::string::{Stamp, StringToSign};
use crate::kingdee::settings::SpaceEncoding;

const FIELDS: [&str; 6] = ["method", "path", "params", "client_secret", "nonce", "timestamp"];

#[derive(serde::Serialize)]
struct Stages<'a> {
    wire_query: &'a str,
    string_to_sign: &'a str,
    signature: &'a str,
}

/// Reads a request as JSON (`method`, `path`, `params` as a list of pairs, `client_secret`, `nonce`,
/// `timestamp`) and gives its stages as one line of JSON. The method is taken in upper case, as the platform's
/// rule demands; nonce and timestamp may be text or integers.
///
/// # Errors
/// One line that names every fault, and never a value.
pub fn cli(input: &str, spaces: SpaceEncoding) -> Result<String, String> {
    let mut fields: Fields =
        serde_json::from_str(input.trim_start_matches('\u{feff}')).map_err(|e| not_json(&e))?;
    let mut faults = Vec::new();
    for name in fields.0.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        faults.push(format!("unknown field \"{}\"", printable(name)));
    }
    let mut take = |name: &str| fields.0.remove(name);
    let method = kept(method(take("method")), &mut faults);
    let path = kept(path(take("path")), &mut faults);
    let params = kept(params(take("params")), &mut faults);
    let secret = kept(secret(take("client_secret")), &mut faults);
    let nonce = kept(nonce(take("nonce")), &mut faults);
    let timestamp = kept(timestamp(take("timestamp")), &mut faults);
    match (faults.is_empty(), method, path, params, secret, nonce, timestamp) {
        (true, Some(method), Some(path), Some(params), Some(secret), Some(nonce), Some(timestamp)) => {
            let query = WireQuery::build(&params, spaces);
            let string = StringToSign::derive(&method, &path, &query, &Stamp { nonce, timestamp });
            let signature = Signature::of(&secret, &string);
            let stages = Stages {
                wire_query: query.as_str(),
                string_to_sign: string.as_str(),
                signature: signature.as_str(),
            };
            serde_json::to_string(&stages).map_err(|_| "the stages can't be written as JSON".to_owned())
        }
        _ => Err(faults.join("; ")),
    }
}

fn kept<T>(read: Result<T, &'static str>, faults: &mut Vec<String>) -> Option<T> {
    read.map_err(|fault| faults.push(fault.to_owned())).ok()
}

fn method(value: Option<Value>) -> Result<String, &'static str> {
    match value {
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic()) => {
            Ok(text.to_ascii_uppercase())
        }
        _ => Err("method: an HTTP method such as \"GET\" is needed"),
    }
}

fn path(value: Option<Value>) -> Result<String, &'static str> {
    match value {
        Some(Value::String(text)) if !text.starts_with('/') => Err("path: must start with \"/\""),
        Some(Value::String(text)) if text.contains(['?', '#']) => Err("path: the query belongs into params"),
        Some(Value::String(text)) => Ok(text),
        _ => Err("path: a text that starts with \"/\" is needed"),
    }
}

fn params(value: Option<Value>) -> Result<Vec<(String, String)>, &'static str> {
    const NEEDED: &str = "params: a list of [name, value] pairs of texts is needed, [] for none";
    let Some(Value::Array(pairs)) = value else { return Err(NEEDED) };
    pairs
        .into_iter()
        .map(|pair| match pair {
            Value::Array(halves) => match <[Value; 2]>::try_from(halves) {
                Ok([Value::String(name), Value::String(value)]) => Ok((name, value)),
                _ => Err(NEEDED),
            },
            _ => Err(NEEDED),
        })
        .collect()
}

fn secret(value: Option<Value>) -> Result<SecretString, &'static str> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.into()),
        _ => Err("client_secret: a text is needed"),
    }
}

fn nonce(value: Option<Value>) -> Result<String, &'static str> {
    digits(value)
        .filter(|text| text.bytes().any(|b| b != b'0'))
        .ok_or("nonce: a positive integer is needed, as text or number")
}

fn timestamp(value: Option<Value>) -> Result<String, &'static str> {
    digits(value)
        .filter(|text| text.len() == 13)
        .ok_or("timestamp: 13 digits (milliseconds since 1970) are needed, as text or number")
}

fn digits(value: Option<Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text,
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// A field name in one short line; a misplaced secret is not a name of this length.
fn printable(name: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '?' };
    match name.chars().count() {
        0..=24 => name.chars().map(clean).collect(),
        _ => "…".to_owned(),
    }
}

/// Where the JSON breaks; serde's own text can quote what it met, so only its place is told.
fn not_json(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Syntax => "this is not JSON",
        _ => "one JSON object is needed, each field once",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// The fields of one object, none of them twice.
struct Fields(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct EachOnce;
        impl<'de> Visitor<'de> for EachOnce {
            type Value = Fields;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("one object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(A::Error::custom("a field is there twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(EachOnce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> String {
        let mut value = serde_json::json!({
            "method": "get", "path": "/jdy/v2/ls/integral_record",
            "params": [["start_date", "2024-01-01 00:00:00"]],
            "client_secret": "canary-secret", "nonce": 1234567890u64, "timestamp": "1700000000000",
        });
        change(value.as_object_mut().unwrap());
        value.to_string()
    }

    #[test]
    fn the_three_stages_come_out_as_one_line() {
        let line = cli(&request(|_| ()), SpaceEncoding::Form).unwrap();
        assert!(!line.contains('\n') && !line.contains("canary"));
        let stages: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(stages["wire_query"], "start_date=2024-01-01+00%3A00%3A00");
        assert!(
            stages["string_to_sign"]
                .as_str()
                .unwrap()
                .starts_with("GET\n%2Fjdy%2Fv2%2Fls%2Fintegral_record\n")
        );
        assert_eq!(stages["signature"].as_str().unwrap().len(), 88);
        let text_nonce = request(|r| drop(r.insert("nonce".into(), "1234567890".into())));
        assert_eq!(cli(&text_nonce, SpaceEncoding::Form).unwrap(), line);
        assert_ne!(cli(&text_nonce, SpaceEncoding::Percent).unwrap(), line);
    }

    #[test]
    fn repeated_names_keep_their_order() {
        let twice = request(|r| {
            r.insert("params".into(), serde_json::json!([["b", "2"], ["a", "z"], ["b", "1"]]));
        });
        assert!(cli(&twice, SpaceEncoding::Form).unwrap().contains("\"a=z&b=2&b=1\""));
    }

    #[test]
    fn every_fault_is_named_in_one_line_without_a_value() {
        let bad = r#"{"method": "G T", "path": "canary", "params": {"canary": 1}, "client_secret": 7,
            "nonce": "0", "timestamp": "170000000000", "surprise": "canary"}"#;
        let fault = cli(bad, SpaceEncoding::Form).unwrap_err();
        for name in ["method", "path", "params", "client_secret", "nonce", "timestamp", "surprise"] {
            assert!(fault.contains(name), "{name} in {fault}");
        }
        assert!(!fault.contains("canary") && !fault.contains('\n'), "{fault}");
    }

    #[rstest::rstest]
    #[case("")]
    #[case("[]")]
    #[case("canary")]
    #[case(r#"{"client_secret": "canary", "client_secret": "canary"}"#)]
    #[case(r#"{"client_secret": "canary"#)]
    #[case(r#""canary""#)]
    #[case(r#"{"canary-secret-written-where-a-name-belongs": 1}"#)]
    fn what_is_no_request_is_refused_in_one_line(#[case] input: &str) {
        let fault = cli(input, SpaceEncoding::Form).unwrap_err();
        assert!(!fault.is_empty() && !fault.contains('\n') && !fault.contains("canary"), "{fault}");
    }

    #[rstest::rstest]
    #[case("nonce", serde_json::json!(-1))]
    #[case("nonce", serde_json::json!(1.5))]
    #[case("nonce", serde_json::json!("１"))]
    #[case("timestamp", serde_json::json!(1_700_000_000))]
    #[case("timestamp", serde_json::json!("1700000000000 "))]
    #[case("path", serde_json::json!("/a?b=c"))]
    #[case("params", serde_json::json!([["a"]]))]
    #[case("params", serde_json::json!([["a", 1]]))]
    #[case("params", Value::Null)]
    #[case("method", serde_json::json!(""))]
    #[case("client_secret", serde_json::json!(""))]
    fn a_field_of_the_wrong_kind_is_named(#[case] field: &str, #[case] value: Value) {
        let fault = cli(&request(|r| drop(r.insert(field.into(), value))), SpaceEncoding::Form).unwrap_err();
        assert!(fault.starts_with(field), "{fault}");
    }
}
