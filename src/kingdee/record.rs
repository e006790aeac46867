//! The business call `GET /jdy/v2/ls/integral_record`: a chunk key becomes parameters in Kingdee's words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::settings::WindowEnd;
use crate::domain::ledger::ChunkKey;

/// Path of the endpoint.
pub const PATH: &str = "/jdy/v2/ls/integral_record";

/// Parameters of one chunk. Times are in the account set's zone, to the second; an exclusive end is sent as one
/// second less where Kingdee counts the end as inside.
pub fn params(
    key: &ChunkKey,
    chunk_rows: u8,
    zone: &TimeZone,
    end: WindowEnd,
) -> Vec<(&'static str, String)> {
    let selection = &key.selection;
    let mut params = vec![
        ("member_id", selection.member.as_str().to_owned()),
        ("page", (u64::from(key.number) + 1).to_string()),
        ("page_size", chunk_rows.to_string()),
    ];
    if let Some(from) = selection.window.from {
        params.push(("start_date", date(from, zone)));
    }
    if let Some(to) = selection.window.to {
        let last = match end {
            WindowEnd::Inclusive => Timestamp::from_second(to.as_second() - 1).unwrap_or(to),
            WindowEnd::Exclusive => to,
        };
        params.push(("end_date", date(last, zone)));
    }
    if let Some(kind) = &selection.kind {
        params.push(("integral_type", kind.as_str().to_owned()));
    }
    params
}

/// A time as `start_date` and `end_date` want it, to the second.
pub fn date(time: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::AccountIndex;
    use crate::domain::member::MemberId;
    use crate::domain::query::{Selection, TypeNumber, Window};

    fn key(window: Window, kind: Option<&str>) -> ChunkKey {
        ChunkKey {
            selection: Selection {
                account: AccountIndex::DEFAULT,
                member: MemberId::parse("850693217107061760").unwrap(),
                window,
                kind: kind.map(|kind| TypeNumber::parse(kind).unwrap()),
            },
            number: 12,
        }
    }

    #[test]
    fn a_chunk_becomes_a_page_of_kingdees() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let sent = params(&key(Window::default(), None), 100, &zone, WindowEnd::Inclusive);
        let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(sent, [("member_id", "850693217107061760"), ("page", "13"), ("page_size", "100")]);
    }

    #[rstest::rstest]
    #[case(WindowEnd::Inclusive, "2024-01-31 23:59:59")]
    #[case(WindowEnd::Exclusive, "2024-02-01 00:00:00")]
    fn a_window_is_told_in_the_account_sets_zone(#[case] end: WindowEnd, #[case] last: &str) {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let window =
            Window::new("2023-12-31T16:00:00Z".parse().ok(), "2024-01-31T16:00:00Z".parse().ok()).unwrap();
        let sent = params(&key(window, Some("消费")), 100, &zone, end);
        assert!(sent.contains(&("start_date", "2024-01-01 00:00:00".into())));
        assert!(sent.contains(&("end_date", last.into())));
        assert!(sent.contains(&("integral_type", "消费".into())));
    }
}
