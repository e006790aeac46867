//! Kingdee's bad days over real HTTP: how often it is asked, what apps hear, and that the chain heals by itself.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use points_gateway::sandbox::{Endpoint, Fault, SandboxSettings};
use rstest::rstest;

use crate::support::{Reply, Stage};

/// A lane that is never in the way.
const WIDE: [(&str, &str); 2] =
    [("KINGDEE__LANE__PER_MINUTE", "6000000"), ("KINGDEE__LANE__BURST", "3000000")];

/// Deadlines that a test can wait for.
const SHORT: [(&str, &str); 5] = [
    ("KINGDEE__CONNECT_TIMEOUT", "200ms"),
    ("KINGDEE__ATTEMPT_TIMEOUT", "400ms"),
    ("KINGDEE__CALL_TIMEOUT", "900ms"),
    ("HISTORY__CALLER_DEADLINE", "1s"),
    ("HISTORY__STALE_PATIENCE", "100ms"),
];

/// A question and what came of it.
struct Asked {
    path: String,
    reply: Reply,
    took: Duration,
}

/// Asks for as many members that nobody asked for before, some at once.
async fn cold(stage: &Stage, first: u32, members: u32, at_once: usize) -> Vec<Asked> {
    let asking = (first..first + members).map(|member| async move {
        let began = elapsed_since(None);
        let path = format!("/members/9{member:05}/points-history");
        let reply = stage.get(&path).await;
        Asked { path, reply, took: elapsed_since(Some(began)) }
    });
    stream::iter(asking).buffer_unordered(at_once).collect().await
}

#[allow(clippy::disallowed_methods)] // how long an app really waits is what is measured
fn elapsed_since(began: Option<Duration>) -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed() - began.unwrap_or_default()
}

#[rstest]
#[case::status(Fault::Status(503), &["upstream-unavailable"])]
#[case::bad_gateway(Fault::Status(502), &["upstream-unavailable"])]
#[case::throttled(Fault::Throttled { retry_after: None }, &["upstream-unavailable"])]
#[case::reset(Fault::ResetMidBody, &["upstream-unavailable"])]
#[case::hang(Fault::Hang, &["upstream-timeout", "upstream-unavailable"])]
#[case::hang_mid_body(Fault::HangMidBody, &["upstream-timeout", "upstream-unavailable"])]
#[case::html(Fault::Html, &["upstream-invalid"])]
#[case::rejected(Fault::Errcode { status: 519, errcode: 4012, text: "x".into() }, &["upstream-rejected"])]
#[tokio::test(flavor = "multi_thread")]
async fn a_cold_cache_and_a_dead_kingdee_cost_a_tenth_more_attempts_and_no_deadline(
    #[case] fault: Fault,
    #[case] problems: &[&str],
) {
    let hangs = matches!(fault, Fault::Hang | Fault::HangMidBody);
    // What fails at once has the usual time, so that a busy machine doesn't look like a slow Kingdee.
    let stage = Stage::with(&[&WIDE[..], if hangs { &SHORT } else { &[] }].concat()).await;
    let deadline = Duration::from_secs(if hangs { 1 } else { 9 });
    stage.sandbox.control().fail_records(Some(fault.clone()));
    let calls = 300;
    for Asked { reply, took, .. } in cold(&stage, 0, calls, 30).await {
        let problem = reply.problem();
        assert!(problems.contains(&problem.as_str()), "{fault:?}: {problem}");
        assert_eq!(reply.status == 503, reply.header("retry-after").parse::<u64>().is_ok_and(|s| s >= 1));
        // And what a busy machine adds to it.
        assert!(took < deadline + Duration::from_secs(3), "{fault:?}: {took:?}");
    }
    let attempts = stage.record_calls();
    assert!(attempts <= u64::from(calls) * 11 / 10 + 1, "{fault:?}: {attempts}");
    // It ends as it came. The breaker goes by the clock that the test holds.
    stage.sandbox.control().fail_records(None);
    stage.clock.advance(Duration::from_secs(31));
    if !matches!(fault, Fault::Throttled { .. }) {
        assert_eq!(stage.get("/members/1003/points-history").await.page().total, 57);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_token_and_domain_change_one_after_another_and_no_request_fails() {
    let wide = SandboxSettings { calls_per_minute: 1_000_000, ..SandboxSettings::default() };
    let stage = Stage::with_sandbox(wide, &WIDE).await;
    let control = stage.sandbox.control();
    let rotate = || control.rotate_app_secret();
    let expire = || control.expire_tokens();
    let forget = || control.forget_tokens();
    let relocate = || control.move_domain();
    let all = || {
        rotate();
        expire();
        relocate();
    };
    let changes: [&dyn Fn(); 9] =
        [&rotate, &expire, &relocate, &forget, &rotate, &relocate, &all, &relocate, &all];
    for (round, change) in (0u32..).zip(changes) {
        // The change comes while requests are under way.
        let (replies, ()) = tokio::join!(cold(&stage, round * 200, 200, 20), async {
            control.arrived(u64::from(round) * 200 + 60).await;
            change();
        });
        for Asked { reply, .. } in replies {
            assert_eq!(reply.status, 200, "after change {round}: {}", reply.text);
        }
        stage.clock.advance(Duration::from_secs(31));
    }
    // The sandbox refuses a third token call in any minute, and counts it.
    let calls = control.calls();
    assert!(!calls.refused.contains_key(&429), "{calls:?}");
    assert!(calls.token <= 6, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_thousand_cold_members_the_quota_is_served_and_the_rest_hear_when_to_come_back() {
    let stage = Stage::with(&SHORT).await;
    let replies = cold(&stage, 0, 3000, 200).await;
    let calls = stage.sandbox.control().calls();
    assert!(calls.refused.is_empty(), "{calls:?}");
    let served = replies.iter().filter(|asked| asked.reply.status == 200).count();
    assert!((45..=450).contains(&served), "{served}");
    // A busy machine may not answer the last ones in what is left of their time.
    let late = replies.iter().filter(|asked| asked.reply.status == 504).count();
    assert_eq!((served + late) as u64, calls.record);
    for Asked { reply, .. } in replies.iter().filter(|asked| !matches!(asked.reply.status, 200 | 504)) {
        assert_eq!((reply.status, reply.problem().as_str()), (503, "upstream-unavailable"));
        // A place comes free every 150 ms, and a call waits 900 ms for one: whoever is told two seconds is told
        // the time after which there is room.
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
    }
    // Hits don't pass the lane, however full it is.
    for asked in replies.iter().filter(|asked| asked.reply.status == 200) {
        assert_eq!(stage.get(&asked.path).await.header("cache-status").split(';').nth(1), Some(" hit"));
    }
    assert_eq!(stage.record_calls(), calls.record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_costs_one_refusal() {
    let stage = Stage::start().await;
    stage.sandbox.control().set_clock_offset(SignedDuration::from_mins(20));
    for Asked { reply, .. } in cold(&stage, 0, 20, 5).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(stage.sandbox.control().calls().refused.get(&4006), Some(&1));
    // And back again, as when the machine's clock is set right.
    stage.sandbox.control().set_clock_offset(SignedDuration::ZERO);
    for Asked { reply, .. } in cold(&stage, 20, 20, 1).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(stage.sandbox.control().calls().refused.get(&4006), Some(&2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_with_retry_after_is_told_to_the_app_and_obeyed() {
    let stage = Stage::with(&SHORT).await;
    stage.sandbox.control().fail_records(Some(Fault::Throttled { retry_after: Some(7) }));
    let replies = cold(&stage, 0, 20, 1).await;
    for Asked { reply, .. } in &replies {
        assert_eq!((reply.status, reply.problem().as_str()), (503, "upstream-unavailable"));
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!((7..=8).contains(&wait), "{wait}");
    }
    // One found out; its retry would have come after its deadline, and so would everybody else's call.
    assert_eq!(stage.record_calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_ends_at_the_limit() {
    let stage = Stage::with(&[("KINGDEE__MAX_BODY", "256KiB")]).await;
    stage.sandbox.control().fail_records(Some(Fault::Endless));
    let reply = stage.get("/members/1003/points-history").await;
    assert_eq!((reply.status, reply.problem().as_str()), (502, "upstream-invalid"));
    assert_eq!(stage.record_calls(), 1);
}

#[rstest]
#[case(Fault::Html)]
#[case(Fault::Empty)]
#[case(Fault::Truncated)]
#[case(Fault::Endless)]
#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_token_answer_is_asked_for_again(#[case] garbled: Fault) {
    let stage = Stage::with(&[("KINGDEE__MAX_BODY", "256KiB")]).await;
    stage.sandbox.control().fail_next(Endpoint::Token, garbled, 1);
    assert_eq!(stage.get("/members/1003/points-history").await.page().total, 57);
    assert_eq!(stage.sandbox.control().calls().token, 2);
}
