//! The answer of `integral_record`: read, judged, cut into rows, and read again.

use jiff::tz::TimeZone;
use points_gateway::domain::account::AccountIndex;
use points_gateway::domain::ledger::{Chunk, ChunkKey, CountCheck, LedgerAnswer};
use points_gateway::domain::member::MemberId;
use points_gateway::domain::points::{Entry, LocalTime, PointsAmount};
use points_gateway::domain::query::{Selection, Window};
use points_gateway::http::points_history::schema::PointsEntry;
use points_gateway::kingdee::reply::Reply;
use points_gateway::kingdee::wire::read_ledger;
use serde_json::{Value, json};

use super::{MEMBER, is_fit_for_a_log, reply};

/// Status, then body.
pub fn wire_ledger(data: &[u8]) {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let answer = match read_ledger(&reply(data), &zone, &[MEMBER, "1", "100"]) {
        Ok(answer) => answer,
        Err(error) => return is_fit_for_a_log(&error),
    };
    assert!(answer.rows.len() <= 1000, "{} rows", answer.rows.len());
    answer.rows.iter().for_each(exact);
    let again =
        read_ledger(&written(&answer), &zone, &[]).expect("what was read can be written and read again");
    assert_eq!(answer, again);
    for member in [Some(MEMBER), answer.rows.iter().find_map(|row| row.member.as_ref()).map(MemberId::as_str)]
    {
        for (check, number) in [(CountCheck::Refuse, 0), (CountCheck::Report, 0), (CountCheck::Report, 3)] {
            judged(member.unwrap_or(MEMBER), check, number, &answer);
        }
    }
}

/// Amounts are JSON numbers, times are RFC 3339, and both mean what was read.
fn exact(row: &Entry) {
    for amount in [&row.points, &row.balance_before, &row.balance_after].into_iter().flatten() {
        let number: serde_json::Number = serde_json::from_str(amount.as_str()).expect("a JSON number");
        assert!(number.as_f64().is_some_and(f64::is_finite));
        assert_eq!(PointsAmount::parse(amount.as_str()).as_ref(), Some(amount));
    }
    for time in [row.created_at, row.updated_at].into_iter().flatten() {
        assert_eq!(time.to_string().parse().ok(), Some(time.timestamp), "{time}");
        assert!(is_rfc3339(&time), "{time}");
    }
    let _whatever_it_says = row.adds_up();
}

fn is_rfc3339(time: &LocalTime) -> bool {
    let text = time.to_string();
    text.len() >= 20 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && text.as_bytes()[10] == b'T'
}

/// The answer in Kingdee's own shape.
fn written(answer: &LedgerAnswer) -> Reply {
    let time = |time: Option<LocalTime>| time.map(|time| time.to_string());
    let amount = |amount: &Option<PointsAmount>| amount.as_ref().map(|amount| amount.as_str().to_owned());
    let row = |row: &Entry| {
        json!({
            "id": row.id, "member_id": row.member.as_ref().map(MemberId::as_str), "member_name": row.member_name,
            "type_id": row.kind.id, "type_number": row.kind.number, "type_name": row.kind.name,
            "occur": amount(&row.points), "last_integral": amount(&row.balance_before),
            "integral": amount(&row.balance_after),
            "create_time": time(row.created_at), "modify_time": time(row.updated_at),
        })
    };
    let body = json!({"errcode": 0, "data": {
        "count": answer.count, "page": answer.page, "page_size": answer.page_size,
        "cur_page_size": answer.cur_page_size, "total_page": answer.total_page,
        "rows": answer.rows.iter().map(row).collect::<Vec<_>>(),
    }});
    Reply { status: http::StatusCode::OK, retry_after: None, date: None, body: body.to_string().into() }
}

/// An answer that is believed is a chunk whose every slice is JSON of the documented shape.
fn judged(member: &str, check: CountCheck, number: u32, answer: &LedgerAnswer) {
    let member = MemberId::parse(member).unwrap();
    let selection = Selection {
        account: AccountIndex::DEFAULT,
        member: member.clone(),
        window: Window::default(),
        kind: None,
    };
    let Ok(assembled) = Chunk::assemble(&ChunkKey { selection, number }, 100, check, answer) else { return };
    let chunk = assembled.chunk;
    assert_eq!(chunk.places() as usize, answer.rows.len());
    assert_eq!(u64::from(chunk.count()), answer.count);
    let _name: Option<String> = serde_json::from_str(chunk.member_name_json()).unwrap();
    for (place, row) in (0..chunk.places()).zip(&answer.rows) {
        let text = std::str::from_utf8(chunk.json(place..place + 1)).expect("UTF-8");
        if row.member.as_ref().is_some_and(|m| *m != member) {
            assert_eq!((text, chunk.anchor_at(place)), ("", None), "somebody else's row");
            continue;
        }
        let entry: PointsEntry = serde_json::from_str(text).expect("a row of the documented shape");
        assert_eq!(entry.id, row.id);
        assert_eq!(entry.points.as_ref().map(|raw| raw.get()), row.points.as_ref().map(PointsAmount::as_str));
        let anchor = chunk.anchor_at(place).expect("every row has an anchor");
        let found = chunk.find(&anchor, i64::from(place)).expect("an anchor is found again");
        assert_eq!(chunk.anchor_at(found).as_ref(), Some(&anchor));
        assert!(found == place && anchor.len() <= Chunk::LONGEST_ANCHOR);
    }
    for end in [chunk.places(), chunk.places() / 2, u32::MAX] {
        if assembled.foreign == 0 {
            let list = [b"[", chunk.json(0..end), b"]"].concat();
            let list: Vec<Value> = serde_json::from_slice(&list).expect("a list of rows");
            assert_eq!(list.len(), end.min(chunk.places()) as usize);
        }
    }
}
