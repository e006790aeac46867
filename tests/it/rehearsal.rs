//! Bad days rehearsed: the gateway in front of a sandbox whose weather changes.

use std::time::Duration;

use points_gateway::sandbox::members::FLAGSHIP;
use points_gateway::sandbox::{Endpoint, Fault, Job};
use rstest::rstest;

use super::support::Stage;

const PATH: &str = "/members/1003/points-history";

#[rstest]
#[case(Fault::GzipBomb(4_096))]
#[case(Fault::Endless)]
#[case(Fault::ManyRows(1_000_000))]
#[case(Fault::Nested(100_000))]
#[case(Fault::Empty)]
#[case(Fault::WrongCharset)]
#[case(Fault::WrongTypes)]
#[case(Fault::DuplicateKeys)]
#[tokio::test(flavor = "multi_thread")]
async fn a_monstrous_body_costs_one_problem_and_leaves_nothing_behind(#[case] fault: Fault) {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(fault));
    assert_eq!(stage.get(PATH).await.problem(), "upstream-invalid");
    stage.sandbox.control().fail_records(None);
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.get(PATH).await.page().total, 57);
}

#[rstest]
#[case(Fault::Drip)]
#[case(Fault::HangMidBody)]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_gets_done_is_a_timeout(#[case] fault: Fault) {
    let stage = Stage::with(&[
        ("KINGDEE__CONNECT_TIMEOUT", "100ms"),
        ("KINGDEE__ATTEMPT_TIMEOUT", "150ms"),
        ("KINGDEE__CALL_TIMEOUT", "300ms"),
        ("HISTORY__CALLER_DEADLINE", "400ms"),
        ("HISTORY__STALE_PATIENCE", "100ms"),
    ])
    .await;
    stage.sandbox.control().fail_records(Some(fault));
    assert_eq!(stage.get(PATH).await.problem(), "upstream-timeout");
}

#[rstest]
#[case("Fri, 31 Dec 9999 23:59:59 GMT")]
#[case("99999999999999999999999")]
#[case("-1")]
#[case("soon")]
#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_retry_after_is_not_passed_on(#[case] text: &str) {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(Fault::RetryAfter(text.into())));
    let reply = stage.get(PATH).await;
    assert_eq!(reply.problem(), "upstream-unavailable");
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=3_600).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_reset_before_the_answer_is_an_outage_at_most() {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(Fault::Reset));
    assert_eq!(stage.get(PATH).await.problem(), "upstream-unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let stage = Stage::start().await;
    let elsewhere = format!("http://{}/elsewhere", stage.sandbox.address());
    stage.sandbox.control().fail_records(Some(Fault::Redirect(elsewhere)));
    let reply = stage.get(PATH).await;
    assert!((502..=503).contains(&reply.status), "{reply:?}");
    assert_eq!(stage.sandbox.control().calls().refused.get(&5_001), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_and_rotation_on_schedule_cost_no_request_and_few_token_calls() {
    // The lane's minute is the machine's, not the stage's: it must not hold us up here.
    let stage = Stage::with(&[("KINGDEE__LANE__PER_MINUTE", "6000"), ("KINGDEE__LANE__BURST", "3000")]).await;
    let control = stage.sandbox.control();
    control.every(Job::ExpireTokens, Some(Duration::from_secs(90)));
    control.every(Job::RotateAppSecret, Some(Duration::from_secs(150)));
    for _ in 0..60 {
        stage.clock.advance(Duration::from_secs(31));
        for member in ["1003", "1004"] {
            let path = format!("/members/{member}/points-history");
            stage.send(stage.request(&path).header("cache-control", "no-cache")).await.page();
        }
    }
    let busiest = control.busiest_minute();
    assert!(busiest.accounts[FLAGSHIP].token <= 2, "{busiest:?}");
    assert!(control.calls().refused.contains_key(&1_000_202_001), "nothing expired: {:?}", control.calls());
    // A rotation is met before it hurts: the authorisation is pulled ahead of every token.
    assert!(!control.calls().refused.contains_key(&1_030_002_006), "{:?}", control.calls());
    assert!(control.calls().authorize > 10, "hardly anything rotated: {:?}", control.calls());
    assert!(!control.calls().refused.contains_key(&429), "{:?}", control.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lane_is_never_exceeded_as_the_sandbox_counts() {
    let lane = 20;
    // Whoever would have to wait for the lane's next turn is turned away instead; that minute is the machine's.
    let stage = Stage::with(&[
        ("KINGDEE__LANE__PER_MINUTE", "20"),
        ("KINGDEE__LANE__BURST", "10"),
        ("KINGDEE__ATTEMPT_TIMEOUT", "2s"),
        ("KINGDEE__CALL_TIMEOUT", "2s"),
        ("HISTORY__CALLER_DEADLINE", "2s"),
    ])
    .await;
    for page in 1..=30 {
        stage.get(&format!("/members/1007/points-history?page_size=100&page={page}")).await;
    }
    // No minute passes on the sandbox's clock, so every call that got through is in this one.
    let busiest = stage.sandbox.control().busiest_minute();
    assert!((1..=lane).contains(&busiest.accounts[FLAGSHIP].record), "{busiest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_in_five_may_fail_without_an_app_noticing_once_rows_are_known() {
    // Throttling slows the lane down, and its minute is the machine's: it must not hold us up here.
    let stage =
        Stage::with(&[("KINGDEE__LANE__PER_MINUTE", "60000"), ("KINGDEE__LANE__BURST", "30000")]).await;
    stage.get(PATH).await.page();
    stage.sandbox.control().fail_some(Endpoint::Record, Fault::Code(5_007), 20, 1);
    for _ in 0..30 {
        stage.clock.advance(Duration::from_secs(31));
        stage.send(stage.request(PATH).header("cache-control", "no-cache")).await.page();
    }
    assert!(stage.record_calls() > 20, "hardly anything was asked: {}", stage.record_calls());
}
