//! Bodies that look like the honest one and aren't.

use bytes::Bytes;
use serde_json::{Value, json};

/// The member whom [`foreign`] rows speak of.
pub const FOREIGN_MEMBER: &str = "6660";

/// Rows in one piece of [`many_rows`].
const ROWS_PER_PIECE: u32 = 200;

/// A success whose `data` are lists in lists.
pub fn nested(depth: u32) -> Bytes {
    let depth = depth as usize;
    format!(r#"{{"errcode":0,"data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)).into()
}

/// The honest answer with so many rows: its first one over and over, piece by piece.
pub fn many_rows(honest: &Value, rows: u32) -> impl Iterator<Item = Bytes> + Send + use<> {
    let mut around = honest.clone();
    let row = honest["data"]["rows"].get(0).map_or_else(|| "{}".to_owned(), Value::to_string);
    around["data"]["count"] = json!(rows);
    around["data"]["rows"] = json!([MARK]);
    let text = around.to_string();
    let (start, end) = text.split_once(&format!("\"{MARK}\"")).unwrap_or(("", ""));
    let (start, end) = (Bytes::from(start.to_owned()), Bytes::from(end.to_owned()));
    let piece = |rows: u32| Bytes::from(vec![row.as_str(); rows as usize].join(","));
    let (whole, rest) = (rows / ROWS_PER_PIECE, rows % ROWS_PER_PIECE);
    let (whole_piece, rest_piece) = (piece(ROWS_PER_PIECE), (rest > 0).then(|| piece(rest)));
    let pieces = std::iter::repeat_n(whole_piece, whole as usize).chain(rest_piece);
    let commas = pieces.enumerate().flat_map(|(place, piece)| {
        let comma = (place > 0).then_some(Bytes::from_static(b","));
        comma.into_iter().chain([piece])
    });
    std::iter::once(start).chain(commas).chain([end])
}

/// Where the rows go; no honest answer has it.
const MARK: &str = "@rows@";

/// The honest text with a failure and an empty `data` in front, under the same keys.
pub fn duplicate_keys(honest: &str) -> String {
    let rest = honest.strip_prefix('{').unwrap_or(honest);
    format!(r#"{{"errcode":5000,"data":{{"count":0,"rows":[]}},{rest}"#)
}

/// Every character outside ASCII as the GBK bytes of 你: two bytes that are no UTF-8.
pub fn gbk(honest: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(honest.len());
    for c in honest.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => bytes.push(byte),
            _ => bytes.extend([0xC4, 0xE3]),
        }
    }
    bytes
}

/// Other types than the page has.
pub fn wrong_types(mut honest: Value) -> Value {
    if let Some(data) = honest["data"].as_object_mut() {
        for value in data.values_mut() {
            *value = if value.is_array() { json!("rows") } else { json!([value.take()]) };
        }
    }
    honest
}

/// Every other row of somebody else.
pub fn foreign(mut honest: Value) -> Value {
    for row in honest["data"]["rows"].as_array_mut().into_iter().flatten().step_by(2) {
        row["member_id"] = json!(FOREIGN_MEMBER);
        row["member_name"] = json!("外人");
    }
    honest
}

/// `count` too high by so many.
pub fn count_off(mut honest: Value, by: u64) -> Value {
    let count = &mut honest["data"]["count"];
    if let Some(number) = count.as_u64().or_else(|| count.as_str()?.parse().ok()) {
        *count = json!(number.saturating_add(by));
    }
    honest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_whole_json() {
        let honest =
            json!({ "errcode": 0, "data": { "count": 1, "rows": [{ "member_id": "1" }], "page": 1 } });
        for rows in [1_u32, 199, 200, 201, 400, 1_001] {
            let text: Vec<u8> = many_rows(&honest, rows).flatten().collect();
            let answer: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(answer["data"]["rows"].as_array().unwrap().len(), rows as usize);
            assert_eq!((&answer["data"]["count"], &answer["data"]["page"]), (&json!(rows), &json!(1)));
        }
    }

    #[test]
    fn who_takes_the_last_of_two_keys_reads_the_honest_answer() {
        let honest = json!({ "errcode": 0, "data": { "count": 1 } });
        let text = duplicate_keys(&honest.to_string());
        assert_eq!(text.matches("\"errcode\"").count(), 2);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), honest);
    }
}
