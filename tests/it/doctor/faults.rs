//! Each fault that an operator can meet.

use std::net::SocketAddr;

use jiff::SignedDuration;
use points_gateway::app::demo;
use points_gateway::clock::Clock;
use points_gateway::config::Config;
use points_gateway::doctor::check::Check;
use points_gateway::doctor::report::Verdict;
use points_gateway::doctor::text::Plain;
use points_gateway::sandbox::{Endpoint, Fault};
use rstest::rstest;

use super::super::support::NOW;
use super::{HASTE, Room, complaints, configured, examine, finding};

/// What is wrong, where it shows, and a word of what to do about it.
#[rstest]
#[case(&[("KINGDEE__CLIENT_SECRET", "wrong-canary")], Check::Authorization, "kingdee.client_secret")]
#[case(&[("KINGDEE__CLIENT_ID", "205022")], Check::Authorization, "leading zeros")]
#[case(&[("ACCOUNTS__MAIN__OUTER_INSTANCE_ID", "nobody")], Check::Authorization, "accounts.main.outer_instance_id")]
#[case(&[("ACCOUNTS__MAIN__ACCOUNT_ID", "4711")], Check::Authorization, "\"1378250463920128001\"")]
#[case(&[("KINGDEE__ROUTER_SUFFIXES", "example.com")], Check::Authorization, "add its host")]
#[case(&[("KINGDEE__LANE__PER_MINUTE", "0")], Check::History, "kingdee.lane.per_minute")]
#[tokio::test]
async fn a_wrong_value_is_named_where_it_shows(
    #[case] configuration: &[(&str, &str)],
    #[case] check: Check,
    #[case] word: &str,
) {
    let report = Room::usual().await.examine(configuration, None).await;
    let found = finding(&report, check);
    assert_eq!(complaints(&report), [(check, Verdict::Fault)], "{}", report.to_text(&Plain));
    assert!(found.to_do.as_ref().is_some_and(|to_do| to_do.contains(word)), "{found:?}");
}

const FIXED: [(&str, &str); 3] = [
    ("APP_KEY", "SbxFlag1"),
    ("APP_SECRET", "sandbox-only-app-secret-flagship"),
    ("ROUTER_DOMAIN", "https://tf.jdy.com"),
];

/// A configuration whose authorisation is written down.
fn fixed(kingdee: SocketAddr, wrong: (&str, &str)) -> Config {
    let lines = FIXED.map(|(key, value)| {
        let value = if key == wrong.0 { wrong.1 } else { value };
        format!("{} = {value:?}\n", key.to_lowercase())
    });
    let text = demo::config_text(kingdee);
    let head = text.split("[accounts.main]").next().unwrap().to_owned();
    demo::with(&format!("{head}[accounts.main]\n{}", lines.concat()), &[]).unwrap_or_else(|f| panic!("{f}"))
}

#[rstest]
#[case(("", ""), None, "")]
#[case(("APP_KEY", "SbxFlag9"), Some(Check::Token), "accounts.main.app_key")]
#[case(("APP_SECRET", "wrong-canary"), Some(Check::Token), "accounts.main.app_secret")]
#[case(("ROUTER_DOMAIN", "https://nowhere.jdy.com"), Some(Check::History), "accounts.main.router_domain")]
#[case(("ROUTER_DOMAIN", "https://tf2.jdy.com/"), Some(Check::History), "accounts.main.router_domain")]
#[tokio::test]
async fn a_written_authorisation_that_is_wrong_is_named(
    #[case] wrong: (&str, &str),
    #[case] check: Option<Check>,
    #[case] word: &str,
) {
    let room = Room::usual().await;
    let report = examine(&fixed(room.sandbox.address(), wrong), &room.clock, None).await;
    let warned = (Check::Authorization, Verdict::Warning);
    let expected: Vec<_> = [Some(warned), check.map(|c| (c, Verdict::Fault))].into_iter().flatten().collect();
    assert_eq!(complaints(&report), expected, "{}", report.to_text(&Plain));
    if let Some(check) = check {
        let found = finding(&report, check);
        assert!(found.to_do.as_ref().is_some_and(|to_do| to_do.contains(word)), "{found:?}");
    }
    assert!(room.sandbox.control().calls().token <= 1);
}

#[tokio::test]
async fn several_account_sets_are_named_so_that_one_can_be_chosen() {
    let room = Room::usual().await;
    let text =
        demo::config_text(room.sandbox.address()).replace("account_id = \"1378250463920128001\"\n", "");
    let config = demo::with(&text, &[]).unwrap();
    let report = examine(&config, &room.clock, None).await;
    let to_do = finding(&report, Check::Authorization).to_do.clone().unwrap();
    assert!(to_do.contains("accounts.main.account_id") && to_do.contains("1378250463920128002"), "{to_do}");
    assert_eq!(report.calls.authorization, 2);
}

#[rstest]
#[case(0, Verdict::Ok)]
#[case(90, Verdict::Warning)]
#[case(-90, Verdict::Warning)]
#[case(600, Verdict::Fault)]
#[case(-86_400, Verdict::Fault)]
#[tokio::test]
async fn a_wrong_clock_is_told_and_hides_nothing_else(#[case] seconds: i64, #[case] verdict: Verdict) {
    let room = Room::usual().await;
    room.sandbox.control().set_clock_offset(SignedDuration::from_secs(seconds));
    let report = room.examine(&[], None).await;
    let expected: Vec<_> =
        Some((Check::Clock, verdict)).filter(|_| verdict != Verdict::Ok).into_iter().collect();
    assert_eq!(complaints(&report), expected, "{}", report.to_text(&Plain));
    let unsigned = std::collections::BTreeMap::from([(5001, 1)]);
    assert_eq!(room.sandbox.control().calls().refused, unsigned, "no call is wasted to find out");
}

#[tokio::test]
async fn a_member_without_records_is_no_fault_and_leaves_questions_open() {
    let report = Room::usual().await.examine(&[], Some("1001")).await;
    assert_eq!(complaints(&report), [(Check::History, Verdict::Warning)]);
    assert_eq!(finding(&report, Check::UnknownMember).verdict, Verdict::Ok);
    assert_eq!(finding(&report, Check::Count).verdict, Verdict::Unknown);
}

#[tokio::test]
async fn a_member_who_is_named_is_never_told() {
    let report = Room::usual().await.examine(&[], Some("1378250463920129288")).await;
    assert_eq!(complaints(&report), []);
}

#[rstest]
#[case(Endpoint::Authorize, Fault::Html, Check::Authorization, "base_url")]
#[case(Endpoint::Authorize, Fault::Code(4012), Check::Authorization, "permission")]
#[case(Endpoint::Token, Fault::Throttled { retry_after: Some(7) }, Check::Token, "two token calls a minute")]
#[case(Endpoint::Token, Fault::Empty, Check::Token, "proxy")]
#[case(Endpoint::Record, Fault::Code(5007), Check::History, "500 calls a minute")]
#[case(Endpoint::Record, Fault::Status(503), Check::History, "Kingdee itself fails")]
#[case(Endpoint::Record, Fault::Hang, Check::History, "kingdee.attempt_timeout")]
#[case(Endpoint::Record, Fault::Reset, Check::History, "connection broke")]
#[case(Endpoint::Record, Fault::ForeignRows, Check::History, "filter by member_id")]
#[tokio::test]
async fn a_bad_answer_says_what_to_do(
    #[case] endpoint: Endpoint,
    #[case] fault: Fault,
    #[case] check: Check,
    #[case] word: &str,
) {
    let room = Room::usual().await;
    room.sandbox.control().fail(endpoint, Some(fault));
    let report = room.examine(&HASTE, Some("1003")).await;
    let found = finding(&report, check);
    assert_eq!(found.verdict, Verdict::Fault, "{}", report.to_text(&Plain));
    assert!(found.to_do.as_ref().is_some_and(|to_do| to_do.contains(word)), "{found:?}");
}

/// No place outside of this machine is asked: a label of 64 letters is refused by the resolver itself.
#[tokio::test]
async fn a_way_that_is_barred_says_where() {
    let clock = Clock::manual(NOW.parse().unwrap());
    let room = Room::usual().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (plain, silent) = (room.sandbox.address(), silent.local_addr().unwrap());
    let unknown = format!("https://{}.invalid", "a".repeat(64));
    for (url, check, word) in [
        (unknown, Check::Dns, "kingdee.base_url"),
        (format!("http://{closed}"), Check::Tcp, "nothing listens there"),
        (format!("https://{plain}"), Check::Tls, "scheme and port"),
        (format!("http://{silent}"), Check::Tls, "firewall"),
    ] {
        let config = configured(plain, &[HASTE[0], HASTE[1], ("KINGDEE__BASE_URL", &url)]);
        let report = examine(&config, &clock, None).await;
        let found = finding(&report, check);
        assert_eq!(complaints(&report), [(check, Verdict::Fault)], "{}", report.to_text(&Plain));
        assert!(found.to_do.as_ref().is_some_and(|to_do| to_do.contains(word)), "{found:?}");
        assert_eq!(report.calls, Default::default(), "nothing signed was sent");
    }
}
