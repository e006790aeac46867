//! What is a question, and which faults are named.

use rstest::rstest;

use super::*;

fn account() -> Account {
    Account {
        name: "main".into(),
        time_zone: TimeZone::get("Asia/Shanghai").unwrap(),
        cursor_keys: CursorKeys::only(0),
    }
}

fn ask(query: &str) -> Result<HistoryQuery, Vec<String>> {
    read(AccountIndex::DEFAULT, &account(), "1", Some(query))
        .map_err(|faults| faults.into_iter().map(|f| f.parameter).collect())
}

#[rstest]
#[case("/members/1/points-history", Some((None, "1")))]
#[case("/accounts/main/members/1/points-history", Some((Some("main"), "1")))]
#[case("/members//points-history", Some((None, "")))]
#[case("/members/1/points-history/export", None)]
#[case("/members/1/2/points-history", None)]
#[case("/members/1/points-history/", None)]
#[case("/points-history", None)]
fn routes_are_told_apart(#[case] path: &str, #[case] expected: Option<(Option<&str>, &str)>) {
    assert_eq!(route(path).map(|r| (r.account, r.member)), expected);
}

#[test]
fn a_bare_question_means_the_first_twenty_rows() {
    let query = ask("").unwrap();
    assert_eq!(query.position, Position::Page { number: PageNumber::FIRST, size: PageSize::DEFAULT });
    assert_eq!(query.selection.window, Window::default());
}

#[rstest]
#[case("from=2026-01-31", "2026-01-30T16:00:00Z")]
#[case("from=2026-01-31T00:00:00%2B08:00", "2026-01-30T16:00:00Z")]
#[case("from=2026-01-31T00:00:00+08:00", "2026-01-30T16:00:00Z")]
#[case("from=2026-01-30T16:00:00Z", "2026-01-30T16:00:00Z")]
#[case("from=2026-01-30T16:00:00.001Z", "2026-01-30T16:00:01Z")]
fn bounds_are_instants_in_whole_seconds(#[case] query: &str, #[case] expected: &str) {
    assert_eq!(ask(query).unwrap().selection.window.from, Some(expected.parse().unwrap()));
}

#[rstest]
#[case("page=0", &["page"])]
#[case("page=-1", &["page"])]
#[case("page=1e3", &["page"])]
#[case("page=18446744073709551616", &["page"])]
#[case("page=%201", &["page"])]
#[case("page=%EF%BC%91", &["page"])]
#[case("page_size=101", &["page_size"])]
#[case("page_size=0&page=0", &["page_size", "page"])]
#[case("from=2026-02-30", &["from"])]
#[case("from=2026-01-01T24:00:00Z", &["from"])]
#[case("from=2026-01-01T00:00:00", &["from"])]
#[case("from=2026-01-01T10Z", &["from"])]
#[case("from=2026-01-01T10:00Z", &["from"])]
#[case("from=2026-01-01T10:00:00%2B0800", &["from"])]
#[case("from=2026-01-01T10:00:00%2B08", &["from"])]
#[case("from=2026-01-01T10:00:00%2B25:59", &["from"])]
#[case("from=2026-01-01T10:00:00.Z", &["from"])]
#[case("from=2026-01-01T10:00:00,5Z", &["from"])]
#[case("from=0001-01-01", &["from"])]
#[case("from=9999-12-31", &["from"])]
#[case("from=2026-01-02&to=2026-01-01", &["to"])]
#[case("from=2026-01-01&to=2026-01-01", &["to"])]
#[case("type=%00", &["type"])]
#[case("type=", &["type"])]
#[case("type=%FF", &["type"])]
#[case("page=1&page=2", &["page"])]
#[case("pagesize=10", &["pagesize"])]
#[case("cursor=abc", &["cursor"])]
#[case("page=x&page_size=y&from=z&pge=1", &["pge", "from", "page_size", "page"])]
fn every_fault_is_named(#[case] query: &str, #[case] expected: &[&str]) {
    assert_eq!(ask(query).unwrap_err(), expected);
}

#[test]
fn a_bad_member_id_is_named_along_with_the_rest() {
    let faults = read(AccountIndex::DEFAULT, &account(), "a%2Fb", Some("page=0")).unwrap_err();
    let names: Vec<_> = faults.iter().map(|f| f.parameter.as_str()).collect();
    assert_eq!(names, ["member_id", "page"]);
}

#[test]
fn an_id_has_one_spelling_in_the_cache() {
    let plain = read(AccountIndex::DEFAULT, &account(), "A1", None).unwrap();
    let encoded = read(AccountIndex::DEFAULT, &account(), "%41%31", None).unwrap();
    assert_eq!(plain, encoded);
}

#[test]
fn a_flood_of_faults_is_answered_briefly() {
    let flood = vec!["x=1"; 10_000].join("&");
    assert_eq!(ask(&flood).unwrap_err().len(), MOST_FAULTS);
}
