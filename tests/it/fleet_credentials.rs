//! Credentials that heal in a fleet: what one replica learns is enough for all.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::support::fleet::{Fleet, PATIENT};
use crate::support::redis::Redis;

/// Every replica reads a member that nobody has read; all must succeed.
async fn everybody_reads(fleet: &Fleet, round: u64) {
    let asks = fleet.replicas.iter().enumerate().map(|(n, replica)| async move {
        let answer = replica.get(&format!("/members/8{round}{n}/points-history")).await;
        (answer.status, answer.text)
    });
    for (status, text) in join_all(asks).await {
        assert_eq!(status, 200, "round {round}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_and_a_secret_that_rotates_cost_one_token_call_for_all() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(4, Some(&redis), &[PATIENT]).await;
    let control = fleet.sandbox.control();
    everybody_reads(&fleet, 0).await;
    assert_eq!(control.calls().token, 1);
    control.rotate_app_secret();
    control.expire_tokens();
    everybody_reads(&fleet, 1).await;
    everybody_reads(&fleet, 2).await;
    assert_eq!(control.calls().token, 2);
    assert_eq!(control.busiest_minute().token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_moves_fails_nobody() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(3, Some(&redis), &[PATIENT]).await;
    everybody_reads(&fleet, 0).await;
    fleet.sandbox.control().move_domain();
    everybody_reads(&fleet, 1).await;
    assert_eq!(fleet.sandbox.control().calls().token, 1, "a move costs no token");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_token_calls_in_a_minute_are_not_made_whoever_wants_them() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(3, Some(&redis), &[PATIENT]).await;
    let control = fleet.sandbox.control();
    everybody_reads(&fleet, 0).await;
    for round in 1..6 {
        control.expire_tokens();
        let asks = fleet.replicas.iter().map(|replica| replica.get("/members/1003/points-history"));
        join_all(asks).await;
        let asks = fleet.replicas.iter().enumerate().map(|(n, replica)| async move {
            replica.get(&format!("/members/7{round}{n}/points-history")).await.status
        });
        let statuses = join_all(asks).await;
        assert!(statuses.iter().all(|status| [200, 502, 503].contains(status)), "{statuses:?}");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(control.busiest_minute().token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_after_a_restart_of_all_find_the_token_again() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(2, Some(&redis), &[PATIENT]).await;
    everybody_reads(&fleet, 0).await;
    for replica in std::mem::take(&mut fleet.replicas) {
        replica.app.stop().await;
    }
    fleet.add().await;
    fleet.add().await;
    everybody_reads(&fleet, 1).await;
    assert_eq!(fleet.sandbox.control().calls().token, 1);
}
