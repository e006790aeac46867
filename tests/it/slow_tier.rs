//! A shared tier that answers each question just in time: what it costs a fetch all together, and what it still is good for.
//!
//! Times are long, so that a busy machine is no reason: two questions would cost more than the whole patience, and what is
//! compared is the best of several.

use std::time::Duration;

use futures_util::future::join_all;
use points_gateway::sandbox::{Endpoint, Fault};
use tokio::time::{Instant, sleep};

use crate::support::fleet::Fleet;
use crate::support::redis::{Gate, Redis};

const PATIENCE: Duration = Duration::from_millis(600);
const CONFIGURATION: [(&str, &str); 2] = [("SHARED__TIMEOUT", "600ms"), ("CACHE__FRESH", "10m")];

/// So many replicas behind a gate; the first one has a token, and so has the tier.
async fn behind_a_gate(redis: &Redis, replicas: usize, more: &[(&str, &str)]) -> (Fleet, Gate) {
    let gate = Gate::before(redis.address()).await;
    let mut fleet = Fleet::start(0, None, &[&CONFIGURATION, more].concat()).await;
    for _ in 0..replicas {
        fleet.add_with(Some(&gate.url()), &[]).await;
    }
    for replica in &fleet.replicas {
        replica.get("/members/1001/points-history").await.page();
    }
    (fleet, gate)
}

async fn timed(fleet: &Fleet, replica: usize, member: &str) -> Duration {
    let begun = Instant::now();
    fleet.replicas[replica].get(&format!("/members/{member}/points-history")).await.page();
    begun.elapsed()
}

/// Milliseconds that each answer is late; two of them are more than the patience in any case.
#[rstest::rstest]
#[case(350)]
#[case(450)]
#[tokio::test(flavor = "multi_thread")]
async fn a_cold_miss_waits_for_all_answers_together_no_longer_than_for_one(#[case] late: u64) {
    let redis = Redis::start().await;
    let (fleet, gate) = behind_a_gate(&redis, 1, &[]).await;
    let late = Duration::from_millis(late);
    gate.delay(late);
    let mut all = Vec::new();
    for member in ["9001", "9002", "9003", "9004", "9005"] {
        all.push(timed(&fleet, 0, member).await);
    }
    // One that took less found the way shut: the machine was busy.
    let best = all.iter().filter(|time| **time >= late).min();
    assert!(best.is_some_and(|best| *best < late * 2), "{all:?}");
}

/// Rows 81 to 120 lie in two chunks.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_two_cold_chunks_waits_once() {
    let redis = Redis::start().await;
    let (fleet, gate) = behind_a_gate(&redis, 1, &[]).await;
    let late = Duration::from_millis(350);
    gate.delay(late);
    let mut all = Vec::new();
    for filter in ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"] {
        let (begun, before) = (Instant::now(), fleet.record_calls());
        let page = format!("/members/1006/points-history?page_size=40&page=3&from={filter}");
        assert_eq!(fleet.replicas[0].get(&page).await.page().entries.len(), 40);
        assert_eq!(fleet.record_calls(), before + 2);
        all.push(begun.elapsed());
    }
    let best = all.iter().filter(|time| **time >= late).min();
    assert!(best.is_some_and(|best| *best < PATIENCE + late), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_of_a_replica_without_a_token_waits_twice_at_most() {
    let redis = Redis::start().await;
    let (mut fleet, gate) = behind_a_gate(&redis, 1, &[]).await;
    let mut best = Duration::MAX;
    for member in ["9001", "9002", "9003"] {
        gate.delay(Duration::ZERO);
        fleet.add_with(Some(&gate.url()), &[]).await;
        gate.delay(Duration::from_millis(350));
        best = best.min(timed(&fleet, fleet.replicas.len() - 1, member).await);
    }
    assert!(best < PATIENCE * 5 / 2, "{best:?}");
    assert_eq!(fleet.sandbox.control().calls().token, 1, "the tier had one");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_out_for_what_another_replica_reads_spends_no_patience() {
    let redis = Redis::start().await;
    let (fleet, gate) = behind_a_gate(&redis, 2, &[]).await;
    let coalesced = || fleet.replicas[1].app.history().shared_tier().unwrap().counts.coalesced.get();
    let (before, coalesced_before) = (fleet.record_calls(), coalesced());
    gate.delay(Duration::from_millis(200));
    fleet.sandbox.control().hold();
    let first = tokio::spawn(fleet.replicas[0].request("/members/9001/points-history").send());
    fleet.sandbox.control().arrived(before + 1).await;
    let second = tokio::spawn(fleet.replicas[1].request("/members/9001/points-history").send());
    // Time for many looks, which are together much more than the patience.
    sleep(PATIENCE * 4).await;
    fleet.sandbox.control().release();
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(fleet.record_calls(), before + 1);
    assert_eq!(coalesced(), coalesced_before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_comes_too_late_is_neither_forgotten_nor_paid_twice() {
    let redis = Redis::start().await;
    let lane = [("KINGDEE__LANE__PER_MINUTE", "120"), ("KINGDEE__LANE__BURST", "20")];
    let (fleet, gate) = behind_a_gate(&redis, 1, &lane).await;
    let keys: Vec<String> = redis.tell(&["KEYS", "pg:*:quota:*"]).await;
    let begun = Instant::now();
    redis.tell::<i64>(&["DEL", &keys[0]]).await;
    gate.delay(Duration::from_millis(450));
    let members = ["9001", "9002", "9003", "9004", "9005", "9006", "9007", "9008"];
    join_all(members.map(|member| timed(&fleet, 0, member))).await;
    sleep(Duration::from_millis(500)).await; // the answers that nobody waited for
    gate.delay(Duration::ZERO);
    timed(&fleet, 0, "9009").await;
    // The time of the next slot, as the bucket has it: nine calls later than it was, no more and no less.
    let due: i64 = redis.tell::<String>(&["GET", &keys[0]]).await.parse().unwrap();
    let ahead = due - fleet.clock.now().as_microsecond();
    let each = 60_500_000 / (120 - 20 + 1);
    let passed = i64::try_from(begun.elapsed().as_micros()).unwrap();
    assert!(ahead <= 9 * each, "{ahead} is more than 9 × {each}");
    assert!(ahead >= 9 * each - passed - each, "{ahead} is less than 9 × {each} - {passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_ends_leaves_its_rows_and_no_lease() {
    let redis = Redis::start().await;
    let (mut fleet, gate) = behind_a_gate(&redis, 1, &[("HTTP__DRAIN__IDLE", "0s")]).await;
    let left = || async { redis.tell::<Vec<String>>(&["KEYS", "pg:*:chunk:*"]).await };
    while left().await.iter().any(|key| key.ends_with(":lease")) {
        sleep(Duration::from_millis(20)).await;
    }
    let before = left().await.len();
    // The lease is given back when the tier has said that it has the rows.
    gate.delay(Duration::from_millis(300));
    timed(&fleet, 0, "9001").await;
    assert!(left().await.iter().any(|key| key.ends_with(":lease")), "nothing is left to be done");
    fleet.replicas.remove(0).app.stop().await;
    let left = left().await;
    assert!(left.len() == before + 1 && !left.iter().any(|key| key.ends_with(":lease")), "{left:?}");
}

/// The question for a token and the one whether it may be bought take more than one patience.
#[tokio::test(flavor = "multi_thread")]
async fn a_tier_that_is_only_slow_still_counts_token_calls() {
    let redis = Redis::start().await;
    let gate = Gate::before(redis.address()).await;
    let mut fleet = Fleet::start(0, None, &CONFIGURATION).await;
    for _ in 0..3 {
        fleet.add_with(Some(&gate.url()), &[]).await;
    }
    let control = fleet.sandbox.control();
    control.fail(Endpoint::Token, Some(Fault::Status(503)));
    gate.delay(Duration::from_millis(350));
    for round in 0..3 {
        for (n, replica) in fleet.replicas.iter().enumerate() {
            let status = replica.get(&format!("/members/7{round}{n}/points-history")).await.status;
            assert!([502, 503].contains(&status), "{status}");
        }
    }
    assert!(control.busiest_minute().token <= 2, "{}", control.busiest_minute().token);
    assert!(fleet.replicas.iter().all(|replica| replica.app.history().shared_tier().unwrap().link.is_open()));
}
