//! Rows and pages in the JSON that Kingdee sends, quirks included (`protocol.md` §6).
//!
//! Which quirk a member's answers have depends on the member alone, so an example shows the same thing every time.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::ledger::Page;
use super::members::MEMBERS;
use super::question::Question;
use super::rows::{Row, RowId, TimeShape};

/// The `data` of an `integral_record` answer.
pub fn data(question: &Question, page: &Page) -> Value {
    let quirks = Quirks::of(question);
    let mut data = Map::new();
    let mut put = |name: &str, number: u64, as_text: bool| {
        let value = if as_text { json!(number.to_string()) } else { json!(number) };
        data.insert(name.to_owned(), value);
    };
    put("count", page.count, quirks.count_as_text);
    put("cur_page_size", page.rows.len() as u64, quirks.all_as_text);
    put("page", question.page, quirks.all_as_text);
    put("page_size", question.page_size, quirks.all_as_text);
    // From the size asked for, though 100 is the most a page has: who walks by it loses rows.
    put("total_page", page.count.div_ceil(question.page_size), quirks.all_as_text);
    if !page.rows.is_empty() {
        data.insert("rows".to_owned(), page.rows.iter().map(row).collect());
    } else if quirks.empty != Empty::Missing {
        data.insert("rows".to_owned(), if quirks.empty == Empty::Null { Value::Null } else { json!([]) });
    }
    Value::Object(data)
}

/// How one member's answers differ from the endpoint's page.
struct Quirks {
    count_as_text: bool,
    all_as_text: bool,
    empty: Empty,
}

#[derive(PartialEq, Eq)]
enum Empty {
    Missing,
    Null,
    List,
}

impl Quirks {
    fn of(question: &Question) -> Quirks {
        let asked = question.member.as_deref().unwrap_or_default();
        let known = MEMBERS.iter().position(|member| member.id == asked);
        let place = known.unwrap_or_else(|| asked.bytes().map(usize::from).sum());
        Quirks {
            count_as_text: place % 2 == 1,
            all_as_text: place % 4 == 3,
            empty: match place % 3 {
                0 => Empty::Missing,
                1 => Empty::Null,
                _ => Empty::List,
            },
        }
    }
}

fn row(row: &Row) -> Value {
    let points = |points: i64| json!(if row.decimals { format!("{points}.00") } else { points.to_string() });
    let modified = row.modified_after.map(|after| match row.shape {
        TimeShape::DateOnly => time(row.at, TimeShape::DateOnly),
        _ => time(row.at + after, TimeShape::Full),
    });
    let mut value = json!({
        "create_time": time(row.at, row.shape),
        "integral": points(row.after),
        "last_integral": points(row.before),
        "member_id": row.member.id,
        "member_name": row.member.name,
        "modify_time": modified,
        "occur": points(row.occur),
        "type_id": row.kind.id,
        "type_name": row.kind.name,
        "type_number": row.kind.number,
    });
    match row.id {
        RowId::Number(id) => value["id"] = json!(id.to_string()),
        RowId::Null => value["id"] = Value::Null,
        RowId::Missing => {}
    }
    value
}

fn time(at: i64, shape: TimeShape) -> String {
    let wall = TimeZone::UTC.to_datetime(Timestamp::from_second(at).unwrap_or_default());
    match shape {
        TimeShape::Full => wall.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        TimeShape::Fraction => wall.strftime("%Y-%m-%d %H:%M:%S.0").to_string(),
        TimeShape::ShortSecond => format!("{}:{}", wall.strftime("%Y-%m-%d %H:%M"), wall.second()),
        TimeShape::DateOnly => wall.strftime("%Y-%m-%d").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::ledger::Ledger;
    use crate::sandbox::members::FLAGSHIP;
    use crate::sandbox::readings::Readings;

    fn ask(query: &str) -> Value {
        let question = Question::read(query).unwrap();
        data(&question, &Ledger::new().page(FLAGSHIP, &question, &Readings::default()))
    }

    #[test]
    fn a_row_has_all_its_fields_as_text() {
        let row = &ask("member_id=1002")["rows"][0];
        assert_eq!(row.as_object().unwrap().len(), 11);
        assert!(row["create_time"].as_str().unwrap().starts_with("2026-11-20 18:30:00"));
        assert!(row["occur"].is_string() && row["member_name"] == "李一诺");
    }

    #[test]
    fn total_page_believes_the_size_that_was_asked_for() {
        let answer = ask("member_id=1007&page_size=1000");
        assert_eq!((&answer["total_page"], &answer["cur_page_size"]), (&json!(25), &json!(100)));
    }

    #[test]
    fn counts_are_numbers_for_some_and_text_for_others() {
        assert_eq!(ask("member_id=1005")["count"], 101);
        assert_eq!(ask("member_id=1006")["count"], "1234");
        assert_eq!(ask("member_id=1004")["total_page"], "10");
    }

    #[test]
    fn nothing_is_said_in_three_ways() {
        let nothing = ["1001", "7", "8"].map(|id| ask(&format!("member_id={id}")));
        let shapes = nothing.each_ref().map(|data| data.get("rows").cloned());
        for shape in [None, Some(Value::Null), Some(json!([]))] {
            assert!(shapes.contains(&shape), "{shapes:?}");
        }
    }

    #[test]
    fn times_come_in_every_shape() {
        let at = super::super::rows::NEWEST + 4;
        let shapes = [TimeShape::Full, TimeShape::Fraction, TimeShape::ShortSecond, TimeShape::DateOnly];
        assert_eq!(
            shapes.map(|shape| time(at, shape)),
            ["2026-11-20 18:30:04", "2026-11-20 18:30:04.0", "2026-11-20 18:30:4", "2026-11-20"]
        );
    }
}
