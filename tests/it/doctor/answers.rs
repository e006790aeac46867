//! Each open question, answered both ways.

use points_gateway::clock::Clock;
use points_gateway::doctor::check::Check;
use points_gateway::doctor::report::Verdict;
use points_gateway::doctor::text::Plain;
use points_gateway::sandbox::{
    Bound, Fault, Readings, RowOrder, Sandbox, SandboxSettings, SpaceReading, UnknownMember,
};
use rstest::rstest;

use super::super::support::NOW;
use super::{LONG, Room, answer, finding};

#[rstest]
#[case(SpaceReading::Any, "form", Verdict::Ok, "kingdee.space_encoding = \"form\"")]
#[case(SpaceReading::Any, "percent", Verdict::Ok, "kingdee.space_encoding = \"percent\"")]
#[case(SpaceReading::FormOnly, "form", Verdict::Ok, "kingdee.space_encoding = \"form\"")]
#[case(SpaceReading::FormOnly, "percent", Verdict::Fault, "!kingdee.space_encoding = \"form\"")]
#[case(SpaceReading::PercentOnly, "percent", Verdict::Ok, "kingdee.space_encoding = \"percent\"")]
#[case(SpaceReading::PercentOnly, "form", Verdict::Fault, "!kingdee.space_encoding = \"percent\"")]
#[tokio::test]
async fn the_space_is_found_out(
    #[case] space: SpaceReading,
    #[case] configured: &str,
    #[case] verdict: Verdict,
    #[case] setting: &str,
    // Somebody without records answers this one as well.
    #[values("1001", LONG)] member: &str,
) {
    let room = Room::with(Readings { space, ..Readings::default() }).await;
    let report = room.examine(&[("KINGDEE__SPACE_ENCODING", configured)], Some(member)).await;
    assert_eq!(answer(&report, Check::SpaceEncoding), (verdict, setting.to_owned()));
    let end = if member == LONG { Verdict::Ok } else { Verdict::Unknown };
    assert_eq!(finding(&report, Check::WindowEnd).verdict, end, "the form that works is used from then on");
}

#[rstest]
#[case(Bound::Inclusive, "inclusive", Verdict::Ok, "kingdee.window_end = \"inclusive\"")]
#[case(Bound::Inclusive, "exclusive", Verdict::Fault, "!kingdee.window_end = \"inclusive\"")]
#[case(Bound::Exclusive, "exclusive", Verdict::Ok, "kingdee.window_end = \"exclusive\"")]
#[case(Bound::Exclusive, "inclusive", Verdict::Fault, "!kingdee.window_end = \"exclusive\"")]
#[tokio::test]
async fn the_end_of_a_window_is_found_out(
    #[case] end: Bound,
    #[case] configured: &str,
    #[case] verdict: Verdict,
    #[case] setting: &str,
    #[values(0, 8)] filter_hours_behind: i8,
) {
    let room = Room::with(Readings { end, filter_hours_behind, ..Readings::default() }).await;
    let report = room.examine(&[("KINGDEE__WINDOW_END", configured)], None).await;
    assert_eq!(answer(&report, Check::WindowEnd), (verdict, setting.to_owned()));
}

#[rstest]
#[case(Bound::Inclusive, Verdict::Ok, "inclusive")]
#[case(Bound::Exclusive, Verdict::Fault, "exclusive")]
#[tokio::test]
async fn the_start_of_a_window_is_found_out(
    #[case] start: Bound,
    #[case] verdict: Verdict,
    #[case] word: &str,
) {
    let report = Room::with(Readings { start, ..Readings::default() }).await.examine(&[], None).await;
    let found = finding(&report, Check::WindowStart);
    assert!(found.verdict == verdict && found.finding.starts_with(word), "{found:?}");
}

#[rstest]
#[case(0, Verdict::Ok, "by the clock that records")]
#[case(8, Verdict::Fault, "8 h behind")]
#[case(-8, Verdict::Fault, "8 h ahead")]
#[case(3, Verdict::Unknown, "not found")]
#[tokio::test]
async fn the_clock_of_filters_is_found_out(
    #[case] behind: i8,
    #[case] verdict: Verdict,
    #[case] words: &str,
) {
    let readings = Readings { filter_hours_behind: behind, ..Readings::default() };
    let report = Room::with(readings).await.examine(&[], Some(LONG)).await;
    let found = finding(&report, Check::FilterZone);
    assert!(found.verdict == verdict && found.finding.contains(words), "{found:?}");
}

#[rstest]
#[case(
    "2026-11-20T18:35:00+08:00",
    "Asia/Shanghai",
    Verdict::Ok,
    "accounts.main.time_zone = \"Asia/Shanghai\""
)]
#[case("2026-11-20T18:35:00+08:00", "UTC", Verdict::Fault, "")]
#[case("2026-11-20T18:35:00Z", "UTC", Verdict::Ok, "accounts.main.time_zone = \"UTC\"")]
#[case("2026-11-21T02:35:00+08:00", "Asia/Shanghai", Verdict::Unknown, "")]
#[tokio::test]
async fn the_zone_of_records_is_found_out_by_a_new_one(
    #[case] now: &str,
    #[case] zone: &str,
    #[case] verdict: Verdict,
    #[case] setting: &str,
) {
    let room = Room::usual().await;
    room.clock.set_wall(now.parse().unwrap());
    let report = room.examine(&[("ACCOUNTS__MAIN__TIME_ZONE", zone)], None).await;
    assert_eq!(answer(&report, Check::RecordZone), (verdict, setting.to_owned()));
}

#[rstest]
#[case(RowOrder::NewestFirst, Verdict::Ok, "descending")]
#[case(RowOrder::OldestFirst, Verdict::Ok, "ascending")]
#[case(RowOrder::Unsorted, Verdict::Warning, "unsorted")]
#[tokio::test]
async fn the_order_of_rows_is_found_out(
    #[case] order: RowOrder,
    #[case] verdict: Verdict,
    #[case] word: &str,
) {
    let room = Room::with(Readings { order, ..Readings::default() }).await;
    let report = room.examine(&[], Some(LONG)).await;
    let found = finding(&report, Check::RowOrder);
    assert_eq!(found.verdict, verdict);
    assert!(found.finding.starts_with(word) && found.finding.ends_with("twice alike"), "{found:?}");
    // One row has no order.
    room.clock.advance(std::time::Duration::from_secs(61));
    room.sandbox.control().reset_counts();
    let few = room.examine(&[], Some("1002")).await;
    assert_eq!(finding(&few, Check::RowOrder).verdict, Verdict::Unknown);
}

#[rstest]
#[case(50, "100", Verdict::Fault, "!kingdee.chunk_rows = 50")]
#[case(50, "50", Verdict::Ok, "kingdee.chunk_rows = 50")]
#[case(100, "100", Verdict::Ok, "kingdee.chunk_rows = 100")]
#[case(100, "20", Verdict::Ok, "!kingdee.chunk_rows = 100")]
#[case(500, "100", Verdict::Ok, "kingdee.chunk_rows = 100")]
#[tokio::test]
async fn the_largest_honest_page_is_found_out(
    #[case] page_size_cap: u64,
    #[case] configured: &str,
    #[case] verdict: Verdict,
    #[case] setting: &str,
    #[values(None, Some("1002"), Some(LONG))] member: Option<&str>,
) {
    let room = Room::with(Readings { page_size_cap, ..Readings::default() }).await;
    let report = room.examine(&[("KINGDEE__CHUNK_ROWS", configured)], member).await;
    assert_eq!(answer(&report, Check::PageSize), (verdict, setting.to_owned()));
    let count = (Verdict::Ok, "kingdee.count_check = \"refuse\"".to_owned());
    assert_eq!(answer(&report, Check::Count), count, "a page that is cut is no count that lies");
}

#[rstest]
#[case("1003")]
#[case(LONG)]
#[tokio::test]
async fn a_count_that_lies_is_found_out(#[case] member: &str) {
    let room = Room::usual().await;
    room.sandbox.control().fail_records(Some(Fault::CountOff));
    let report = room.examine(&[], Some(member)).await;
    let expected = (Verdict::Fault, "!kingdee.count_check = \"report\"".to_owned());
    assert_eq!(answer(&report, Check::Count), expected, "{}", report.to_text(&Plain));
}

#[rstest]
#[case(UnknownMember::Empty, Verdict::Ok)]
#[case(UnknownMember::Refused, Verdict::Warning)]
#[case(UnknownMember::Everybody, Verdict::Fault)]
#[tokio::test]
async fn what_an_unknown_member_gives_is_found_out(
    #[case] unknown_member: UnknownMember,
    #[case] verdict: Verdict,
) {
    let report =
        Room::with(Readings { unknown_member, ..Readings::default() }).await.examine(&[], None).await;
    assert_eq!(finding(&report, Check::UnknownMember).verdict, verdict);
}

#[tokio::test]
async fn a_token_that_ends_soon_is_noticed() {
    let clock = Clock::manual(NOW.parse().unwrap());
    let token_life = std::time::Duration::from_secs(300);
    let settings = SandboxSettings { token_life, ..SandboxSettings::default() };
    let room = Room { sandbox: Sandbox::start(settings, clock.clone()).await.unwrap(), clock };
    assert_eq!(finding(&room.examine(&[], None).await, Check::TokenLife).verdict, Verdict::Warning);
}
