//! Many replicas behave as one: tokens, cold members, purges, restarts.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use points_gateway::sandbox::{Fault, SandboxSettings};
use tokio::time::{Instant, sleep};

use crate::support::fleet::{Fleet, PATIENT};
use crate::support::redis::{Gate, Redis};

const PATH: &str = "/members/1003/points-history";

/// Two replicas that have read the same rows; the second reaches the tier through a gate.
async fn one_behind_a_gate(redis: &Redis) -> (Fleet, Gate) {
    let gate = Gate::before(redis.address()).await;
    let mut fleet = Fleet::start(1, Some(redis), &[PATIENT, ("CACHE__FRESH", "10m")]).await;
    fleet.add_with(Some(&gate.url()), &[]).await;
    for replica in &fleet.replicas {
        replica.get(PATH).await.page();
    }
    (fleet, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_replicas_that_start_together_make_one_token_call() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(5, Some(&redis), &[PATIENT]).await;
    let members = ["1001", "1002", "1003", "1004", "1005"];
    let asks = fleet.replicas.iter().zip(members).map(|(replica, member)| async move {
        replica.get(&format!("/members/{member}/points-history")).await.status
    });
    assert_eq!(join_all(asks).await, [200; 5]);
    assert_eq!(fleet.sandbox.control().calls().token, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_callers_of_three_replicas_cost_one_call_with_a_shared_tier() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(3, Some(&redis), &[PATIENT]).await;
    assert_eq!(crowd(&fleet).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_callers_of_three_replicas_cost_a_call_each_without() {
    // Without a shared tier each replica buys a token of its own.
    let settings = SandboxSettings { token_calls_per_minute: 10, ..SandboxSettings::default() };
    let fleet = Fleet::before(settings, 3, None, &[]).await;
    assert!(crowd(&fleet).await <= 3);
}

/// Calls that 2 000 callers of one cold member cost.
async fn crowd(fleet: &Fleet) -> u64 {
    for replica in &fleet.replicas {
        replica.get("/members/1002/points-history").await.page(); // tokens and connections are there
    }
    let before = fleet.record_calls();
    fleet.sandbox.control().set_latency(Duration::from_millis(200));
    let ask = |n: usize| fleet.replicas[n % 3].request(&format!("{PATH}?page_size={}", 1 + n % 50)).send();
    for answer in join_all((0..2_000).map(ask)).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    fleet.record_calls() - before
}

/// Sixty a second where ten may be made, for longer than one may wait.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_crowd_that_does_not_end_whoever_is_served_is_served_soon_and_no_call_is_wasted() {
    let redis = Redis::start().await;
    let lane = [
        PATIENT,
        ("KINGDEE__LANE__PER_MINUTE", "600"),
        ("KINGDEE__LANE__BURST", "1"),
        ("KINGDEE__CALL_TIMEOUT", "3s"),
    ];
    let fleet = Fleet::start(2, Some(&redis), &lane).await;
    fleet.replicas[0].get("/members/1001/points-history").await.page();
    fleet.sandbox.control().set_latency(Duration::from_millis(200));
    let mut every = tokio::time::interval(Duration::from_millis(50) / 3);
    let mut asked = Vec::new();
    for n in 0..60 * 9 {
        every.tick().await;
        let question = fleet.replicas[n % 2].request(&format!("/members/{}/points-history", 910_000 + n));
        asked.push(tokio::spawn(async move {
            let begun = Instant::now();
            (question.send().await.unwrap().status().as_u16(), begun.elapsed())
        }));
    }
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert!(
        answers.iter().all(|(status, _)| [200, 503].contains(status)),
        "a call that could not end in time"
    );
    let late = answers.split_at(60 * 6).1;
    let mut waits: Vec<_> = late.iter().filter(|(status, _)| *status == 200).map(|(_, took)| *took).collect();
    waits.sort_unstable();
    assert!(waits.len() >= 15, "{} of thirty turns are used", waits.len());
    let median = waits[waits.len() / 2];
    assert!(median < Duration::from_millis(1200), "{median:?}, where one may wait three seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_has_read_costs_the_others_nothing() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(2, Some(&redis), &[PATIENT, ("CACHE__FRESH", "10m")]).await;
    let first = fleet.replicas[0].get(PATH).await;
    let calls = fleet.record_calls();
    // A restart, or one more pod: its memory is empty.
    fleet.add().await;
    for replica in &fleet.replicas[1..] {
        let again = replica.get(PATH).await;
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("etag"), first.header("etag"));
        assert!(again.header("cache-status").contains("hit"), "{again:?}");
    }
    assert_eq!((fleet.record_calls(), fleet.sandbox.control().calls().token), (calls, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_rows_that_another_replica_left_are_served_while_kingdee_fails() {
    let redis = Redis::start().await;
    let fresh = ("CACHE__FRESH", "1ms");
    let mut fleet =
        Fleet::start(1, Some(&redis), &[PATIENT, fresh, ("CACHE__STALE_WHILE_REVALIDATE", "0s")]).await;
    fleet.replicas[0].get(PATH).await.page();
    let left = || async { redis.tell::<Vec<String>>(&["KEYS", "pg:*:chunk:*"]).await };
    for _ in 0..100 {
        if left().await.iter().any(|key| !key.ends_with(":lease")) {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    fleet.sandbox.control().fail_records(Some(Fault::Status(503)));
    fleet.add().await;
    let stale = fleet.replicas[1].get(PATH).await;
    assert_eq!(stale.page().total, 57);
    assert!(stale.header("cache-status").contains("fwd=stale"), "{stale:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_rows_of_the_tier_are_served_at_once_while_another_replica_reads_fresh_ones() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(1, Some(&redis), &[PATIENT, ("CACHE__FRESH", "1ms")]).await;
    fleet.replicas[0].get(PATH).await.page();
    while redis.tell::<Vec<String>>(&["KEYS", "pg:*:chunk:*"]).await.iter().all(|key| key.ends_with(":lease"))
    {
        sleep(Duration::from_millis(20)).await;
    }
    let before = fleet.record_calls();
    fleet.sandbox.control().hold();
    fleet.replicas[0].get(PATH).await.page(); // refreshed behind it
    fleet.sandbox.control().arrived(before + 1).await;
    fleet.add().await;
    let stale = fleet.replicas[1].get(PATH).await;
    assert!(stale.page().total == 57 && stale.header("cache-status").contains("fwd=stale"), "{stale:?}");
    assert_eq!(fleet.record_calls(), before + 1);
    fleet.sandbox.control().release();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_reaches_every_replica_within_a_second() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(3, Some(&redis), &[PATIENT, ("CACHE__FRESH", "10m")]).await;
    for replica in &fleet.replicas {
        assert_eq!(replica.get(PATH).await.page().total, 57);
    }
    assert!(fleet.sandbox.control().insert_rows("1003", 1));
    let answer = fleet.replicas[0].purge("1003").await;
    assert_eq!(answer["replicas"], "told", "{answer}");
    for replica in 0..3 {
        assert_eq!(fleet.total_within(replica, PATH, 58, Duration::from_secs(1)).await, 58);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_cut_off_hears_of_purges_when_it_is_back() {
    let redis = Redis::start().await;
    let (fleet, gate) = one_behind_a_gate(&redis).await;
    gate.shut();
    fleet.sandbox.control().insert_rows("1003", 1);
    assert_eq!(fleet.replicas[0].purge("1003").await["replicas"], "told");
    assert_eq!(fleet.replicas[1].get(PATH).await.page().total, 57); // it can't know
    gate.reopen();
    fleet.replicas[1].joined().await;
    assert_eq!(fleet.total_within(1, PATH, 58, Duration::from_secs(1)).await, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_could_not_be_told_is_told_later() {
    let redis = Redis::start().await;
    let (fleet, gate) = one_behind_a_gate(&redis).await;
    gate.shut();
    while fleet.replicas[1].is_joined_within(Duration::from_millis(1)).await {
        sleep(Duration::from_millis(20)).await;
    }
    fleet.sandbox.control().insert_rows("1003", 1);
    assert_eq!(fleet.replicas[1].purge("1003").await["replicas"], "pending");
    assert_eq!(fleet.replicas[1].get(PATH).await.page().total, 58);
    gate.reopen();
    fleet.replicas[1].joined().await;
    assert_eq!(fleet.total_within(0, PATH, 58, Duration::from_secs(1)).await, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_being_read_during_a_purge_elsewhere_are_not_shared() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(2, Some(&redis), &[PATIENT, ("CACHE__FRESH", "10m")]).await;
    fleet.replicas[0].get("/members/1002/points-history").await.page();
    let before = fleet.record_calls();
    fleet.sandbox.control().hold();
    let slow = tokio::spawn(fleet.replicas[0].request(PATH).send());
    fleet.sandbox.control().arrived(before + 1).await;
    fleet.replicas[1].purge("1003").await;
    fleet.sandbox.control().release();
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    // The other one reads anew: what was under way when the purge came is nobody's.
    let calls = fleet.record_calls();
    fleet.replicas[1].get(PATH).await.page();
    assert_eq!(fleet.record_calls(), calls + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_read_is_not_answered_with_what_another_replica_read_before() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(2, Some(&redis), &[PATIENT, ("CACHE__FRESH", "10m")]).await;
    fleet.replicas[0].get(PATH).await.page();
    fleet.sandbox.control().insert_rows("1003", 1);
    sleep(Duration::from_millis(50)).await;
    let forced = fleet.replicas[1].request(PATH).header("cache-control", "no-cache").send().await.unwrap();
    let text = forced.text().await.unwrap();
    assert!(text.contains("\"total\":58"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_trace_costs_three_replicas_what_it_costs_one() {
    let ask =
        |n: u64| format!("/members/{}/points-history?page_size={}", 5000 + n * 7919 % 60, 10 + n % 3 * 10);
    let mut costs = Vec::new();
    for count in [1, 3] {
        let redis = Redis::start().await;
        let fleet = Fleet::start(count, Some(&redis), &[PATIENT, ("CACHE__FRESH_EMPTY", "30s")]).await;
        for n in 0..400u64 {
            assert_eq!(fleet.replicas[(n % u64::from(count)) as usize].get(&ask(n)).await.status, 200);
        }
        costs.push(fleet.record_calls());
    }
    assert!(costs[1] * 100 <= costs[0] * 105, "{costs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_shared_tier_tells_nobody_anything() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(1, Some(&redis), &[PATIENT]).await;
    let page = fleet.replicas[0].get(PATH).await.page();
    fleet.replicas[0].purge("1003").await;
    fleet.replicas[0].get("/members/1002/points-history").await.page();
    let mut connection = redis.connection().await.unwrap();
    let keys: Vec<String> = redis.tell(&["KEYS", "*"]).await;
    let kinds: BTreeSet<_> = keys.iter().filter_map(|key| key.split(':').nth(2)).collect();
    for kind in ["chunk", "credentials", "purge-log", "quota"] {
        assert!(kinds.contains(kind), "{kind} is missing of {keys:?}");
    }
    let name = page.member.name.unwrap();
    let mut all = keys.join("\n").into_bytes();
    for key in &keys {
        let dumped: Option<Vec<u8>> = redis::cmd("DUMP").arg(key).query_async(&mut connection).await.unwrap();
        all.extend(dumped.unwrap_or_default());
    }
    let secrets =
        ["1003", "1002", &name, "sandbox-only", "sandbox-instance", "eyJ", "points", "balance", "jdy.com"];
    for secret in secrets {
        let found = all.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} can be read in Redis");
    }
}
