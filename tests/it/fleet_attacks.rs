//! What an attack with fresh eyes did to the shared tier: rows that were purged must not come back whatever it loses, and
//! what others leave there must not stop a replica.

use std::time::Duration;

use points_gateway::sandbox::{Endpoint, Latency};
use tokio::time::sleep;

use crate::support::fleet::{Fleet, PATIENT};
use crate::support::redis::Redis;

const PATH: &str = "/members/1003/points-history";
const LONG: (&str, &str) = ("CACHE__FRESH", "10m");

async fn keys(redis: &Redis, kind: &str) -> Vec<String> {
    let keys: Vec<String> = redis.tell(&["KEYS", &format!("pg:*:{kind}:*")]).await;
    keys.into_iter().filter(|key| !key.ends_with(":lease")).collect()
}

/// Waits until something of this kind lies in the tier.
async fn lies_there(redis: &Redis, kind: &str) -> String {
    for _ in 0..200 {
        if let Some(key) = keys(redis, kind).await.pop() {
            return key;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("there is no {kind} in the tier");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_right_after_the_tier_was_emptied_reaches_everybody() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(2, Some(&redis), &[PATIENT, LONG]).await;
    for replica in &fleet.replicas {
        replica.get(PATH).await.page();
    }
    fleet.replicas[0].purge("1002").await;
    sleep(Duration::from_millis(700)).await;
    redis.tell::<String>(&["FLUSHALL"]).await;
    fleet.sandbox.control().insert_rows("1003", 1);
    assert_eq!(fleet.replicas[0].purge("1003").await["replicas"], "told");
    assert_eq!(fleet.total_within(1, PATH, 58, Duration::from_secs(1)).await, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_generation_makes_records_unbelievable_and_never_old_ones_believed() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(1, Some(&redis), &[PATIENT, LONG]).await;
    fleet.replicas[0].get(PATH).await.page();
    let record = lies_there(&redis, "chunk").await;
    let old: Vec<u8> = redis.tell(&["GET", &record]).await;
    fleet.sandbox.control().insert_rows("1003", 1);
    fleet.replicas[0].purge("1003").await;
    // Evicted, or gone back with a snapshot: the record of before is there, its generation is not.
    for key in keys(&redis, "member").await {
        redis.tell::<i64>(&["DEL", &key]).await;
    }
    let mut connection = redis.connection().await.unwrap();
    redis::cmd("SET").arg(&record).arg(old).exec_async(&mut connection).await.unwrap();
    fleet.add().await;
    assert_eq!(fleet.replicas[1].get(PATH).await.page().total, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_whose_data_went_back_is_noticed_by_who_remembers_more() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(1, Some(&redis), &[PATIENT, LONG]).await;
    fleet.replicas[0].get(PATH).await.page();
    let (record, member) = (lies_there(&redis, "chunk").await, lies_there(&redis, "member").await);
    let old: (Vec<u8>, String) = (redis.tell(&["GET", &record]).await, redis.tell(&["GET", &member]).await);
    fleet.sandbox.control().insert_rows("1003", 1);
    fleet.replicas[0].purge("1003").await;
    sleep(Duration::from_millis(700)).await;
    let mut connection = redis.connection().await.unwrap();
    redis::cmd("SET").arg(&record).arg(old.0).exec_async(&mut connection).await.unwrap();
    redis.tell::<String>(&["SET", &member, &old.1]).await;
    redis.tell::<String>(&["SET", &lies_there(&redis, "purge-number").await, "0"]).await;
    redis.tell::<i64>(&["DEL", &lies_there(&redis, "purge-log").await]).await;
    sleep(Duration::from_millis(700)).await;
    fleet.add().await;
    assert_eq!(fleet.replicas[1].get(PATH).await.page().total, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_that_takes_nothing_gives_nobody_what_was_purged_here() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(1, Some(&redis), &[PATIENT, LONG]).await;
    fleet.replicas[0].get(PATH).await.page();
    lies_there(&redis, "chunk").await;
    redis.tell::<String>(&["CONFIG", "SET", "min-replicas-to-write", "3"]).await;
    fleet.sandbox.control().insert_rows("1003", 1);
    assert_eq!(fleet.replicas[0].purge("1003").await["replicas"], "pending");
    assert_eq!(fleet.replicas[0].get(PATH).await.page().total, 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_lease_without_an_end_keeps_nobody_from_a_token() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(1, Some(&redis), &[PATIENT]).await;
    let control = fleet.sandbox.control();
    control.slow_down(Endpoint::Token, Some(Latency::FixedMs(1000)));
    let first = tokio::spawn(fleet.replicas[0].request(PATH).send());
    let lease = lies_there(&redis, "credentials-lease").await;
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    control.slow_down(Endpoint::Token, None);
    redis.tell::<String>(&["SET", &lease, "nobody"]).await;
    redis.tell::<i64>(&["DEL", &lies_there(&redis, "credentials").await]).await;
    control.expire_tokens();
    let answer = fleet.replicas[0].get("/members/1004/points-history").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_does_not_close_the_quota() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(1, Some(&redis), &[PATIENT]).await;
    fleet.replicas[0].get(PATH).await.page();
    let quota = lies_there(&redis, "quota").await;
    let far = (fleet.clock.now().as_microsecond() + 3_600_000_000).to_string();
    redis.tell::<String>(&["SET", &quota, &far]).await;
    let refused = fleet.replicas[0].get("/members/1004/points-history").await;
    assert!(
        refused.status == 200 || refused.header("retry-after").parse::<u64>().unwrap() <= 70,
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_an_account_set_that_is_not_ours_is_nothing_to_us() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(1, Some(&redis), &[PATIENT, LONG]).await;
    let outlet = [("DEFAULT_ACCOUNT", "outlet")];
    fleet.add_with(Some(&redis.url()), &outlet).await;
    fleet.replicas[0].get(PATH).await.page();
    let calls = fleet.record_calls();
    fleet.replicas[1].purge("1003").await;
    sleep(Duration::from_millis(700)).await;
    fleet.replicas[0].get(PATH).await.page();
    assert_eq!(fleet.record_calls(), calls);
}
