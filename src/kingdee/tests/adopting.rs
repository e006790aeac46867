//! Other settings while calls are under way, on the paused clock.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::rig::{AUTHORIZE, Back, RECORD, Rig, TOKEN, authorisation, records, refuses, token};
use crate::domain::account::AccountIndex;
use crate::kingdee::lane::breaker::Standing;
use crate::kingdee::settings::{Authorization, KingdeeSettings};
use crate::kingdee::{Adopted, Failure};

const MINUTE: Duration = Duration::from_secs(60);

/// Adopts the settings that are in force, changed.
fn change(rig: &Rig, change: impl FnOnce(&mut KingdeeSettings)) -> Adopted {
    let mut settings = KingdeeSettings::clone(&rig.kingdee.0.settings.load());
    change(&mut settings);
    rig.kingdee.adopt(rig.kingdee.prepare(settings).unwrap())
}

fn usual(attempt: &super::rig::Attempt) -> Back {
    match attempt.endpoint {
        TOKEN => token(&format!("t{}", attempt.number), 7200),
        AUTHORIZE => authorisation("key", "secret", "https://tf.jdy.com"),
        _ => records(),
    }
}

fn fixed(key: &str, secret: &str, domain: &str) -> Authorization {
    Authorization::Static { app_key: key.into(), app_secret: secret.into(), router_domain: domain.into() }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_after_its_secret_was_replaced_is_signed_again_once() {
    let late = |endpoint: &'static str| {
        Rig::new(move |attempt| match attempt.number {
            0 if attempt.endpoint == endpoint => {
                Back::Late(Duration::from_secs(1), Box::new(refuses(400, 4008)))
            }
            _ => usual(attempt),
        })
    };
    for endpoint in [RECORD, TOKEN, AUTHORIZE] {
        let rig = late(endpoint);
        let (asked, ()) = tokio::join!(rig.ask(), async {
            sleep(Duration::from_millis(500)).await;
            change(&rig, |s| s.client_secret = "canary-other".into());
        });
        asked.unwrap();
        assert!(rig.seen(TOKEN).len() <= 2, "{endpoint}");
        let rig = late(endpoint);
        assert_eq!(rig.ask().await.unwrap_err().failure, Failure::Configuration, "nothing was replaced");
        assert_eq!(rig.seen(endpoint).len(), 1, "{endpoint}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_no_other_token_costs_none() {
    let rig = Rig::new(usual);
    rig.ask().await.unwrap();
    let adopted = change(&rig, |s| {
        s.client_secret = "canary-other".into();
        s.token_refresh_percent = 70;
        s.transport.call_timeout = Duration::from_secs(7);
        s.lane.queue = 5;
    });
    assert_eq!(adopted, Adopted::default());
    rig.ask().await.unwrap();
    assert_eq!((rig.seen(TOKEN).len(), rig.seen(AUTHORIZE).len()), (1, 1));
    assert!(rig.seen(RECORD).iter().all(|attempt| attempt.token == "t0"));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_secret_or_domain_is_swapped_under_its_token_and_another_key_buys_another() {
    let rig = Rig::with(|s| s.accounts[0].authorization = fixed("k", "a", "https://tf.jdy.com"), usual);
    rig.ask().await.unwrap();
    let adopted = change(&rig, |s| s.accounts[0].authorization = fixed("k", "b", "https://tf2.jdy.com"));
    assert_eq!(adopted.elsewhere, []);
    rig.ask().await.unwrap();
    let adopted = change(&rig, |s| s.accounts[0].authorization = fixed("l", "b", "https://tf2.jdy.com"));
    assert_eq!(adopted.elsewhere, [AccountIndex::DEFAULT]);
    rig.ask().await.unwrap();
    let used: Vec<_> = rig.seen(RECORD).into_iter().map(|a| (a.token, a.router)).collect();
    let used: Vec<_> = used.iter().map(|(token, router)| (token.as_str(), router.as_str())).collect();
    let [first, second] = ["https://tf.jdy.com", "https://tf2.jdy.com"];
    assert_eq!(used, [("t0", first), ("t0", second), ("t1", second)]);
    assert_eq!(rig.kingdee.snapshot()[0].token_calls.good, 2, "a counter only grows, whoever counts");
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_ends_with_the_set_it_began_with() {
    let rig = Rig::with(
        |s| s.accounts[0].authorization = fixed("k", "a", "https://tf.jdy.com"),
        |attempt| match attempt.endpoint {
            RECORD => Back::Late(Duration::from_secs(1), Box::new(records())),
            _ => usual(attempt),
        },
    );
    let (asked, ()) = tokio::join!(rig.ask(), async {
        sleep(Duration::from_millis(500)).await;
        change(&rig, |s| s.accounts[0].authorization = fixed("l", "b", "https://tf2.jdy.com"));
    });
    asked.unwrap();
    assert_eq!((rig.seen(RECORD).len(), rig.seen(TOKEN).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn however_often_the_app_is_replaced_token_calls_keep_to_two_a_minute() {
    let rig = Rig::new(usual);
    let (outcomes, ()) = tokio::join!(rig.storm(600, Duration::from_millis(500)), async {
        for number in 0..100 {
            sleep(Duration::from_secs(3)).await;
            change(&rig, |s| s.client_id = format!("3000{number}"));
        }
    });
    assert!(outcomes.iter().any(|(outcome, _)| outcome.is_ok()));
    assert!(rig.most_in_a_minute(TOKEN) <= 2);
    sleep(2 * MINUTE).await;
    rig.ask().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_token_of_the_old_credentials_in_vain_gets_one_of_the_new() {
    let rig = Rig::with(
        |s| s.accounts[0].authorization = fixed("k", "wrong", "https://tf.jdy.com"),
        |attempt| match (attempt.endpoint, attempt.number) {
            (TOKEN, 0) => Back::Late(Duration::from_secs(1), Box::new(refuses(200, 1_030_002_006))),
            _ => usual(attempt),
        },
    );
    let (asked, ()) = tokio::join!(rig.ask(), async {
        sleep(Duration::from_millis(500)).await;
        change(&rig, |s| s.accounts[0].authorization = fixed("k", "right", "https://tf.jdy.com"));
    });
    asked.unwrap();
    assert_eq!(rig.seen(TOKEN).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_limits_forget_neither_a_refusal_nor_a_failing_kingdee() {
    let rig = Rig::with(
        |s| s.lane.per_minute = 6_000,
        |attempt| match (attempt.endpoint, attempt.number) {
            (RECORD, 0) => refuses(429, 5007),
            (RECORD, 2..40) => Back::Says(503, String::new()),
            _ => usual(attempt),
        },
    );
    rig.ask().await.unwrap();
    let factor = || rig.kingdee.snapshot()[0].lane.rate_factor;
    let before = factor();
    assert!(before < 0.6);
    change(&rig, |s| s.lane.per_minute = 3_000);
    assert!(factor() <= before + 0.01);
    for outcome in rig.storm(20, Duration::from_millis(50)).await {
        let _fails = outcome.0;
    }
    assert_ne!(rig.kingdee.snapshot()[0].lane.breaker, Standing::Closed);
    change(&rig, |s| (s.lane.breaker_failures, s.lane.burst) = (100, 7));
    assert_ne!(rig.kingdee.snapshot()[0].lane.breaker, Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn changing_the_rate_back_and_forth_lets_no_more_calls_pass_than_the_larger_one() {
    let rig = Rig::with(|s| (s.lane.per_minute, s.lane.burst) = (120, 30), usual);
    let begun = Instant::now();
    tokio::join!(rig.storm(1_200, Duration::from_millis(100)), async {
        for number in 0..60 {
            sleep(Duration::from_secs(2)).await;
            change(&rig, |s| s.lane.per_minute = if number % 2 == 0 { 90 } else { 120 });
        }
    });
    assert!(begun.elapsed() >= 2 * MINUTE);
    let most = rig.most_in_a_minute(RECORD);
    assert!((60..=120).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn a_larger_quota_holds_at_once() {
    let rig = Rig::with(|s| (s.lane.per_minute, s.lane.burst) = (2, 1), usual);
    rig.ask().await.unwrap();
    assert_eq!(rig.ask().await.unwrap_err().failure, Failure::LaneFull);
    change(&rig, |s| s.lane.per_minute = 600);
    let outcomes = rig.storm(20, Duration::ZERO).await;
    assert!(outcomes.iter().all(|(outcome, _)| outcome.is_ok()), "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_opens_lets_those_go_who_wait() {
    let rig = Rig::with(
        |s| s.lane.concurrency = 1,
        |attempt| match attempt.endpoint {
            RECORD => Back::Late(Duration::from_secs(2), Box::new(records())),
            _ => usual(attempt),
        },
    );
    let (outcomes, ()) = tokio::join!(rig.storm(8, Duration::ZERO), async {
        sleep(Duration::from_millis(1_500)).await;
        change(&rig, |s| s.lane.concurrency = 8);
    });
    assert!(
        outcomes.iter().all(|(outcome, took)| outcome.is_ok() && *took < Duration::from_secs(5)),
        "{outcomes:?}"
    );
}
