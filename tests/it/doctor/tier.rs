//! What is said about the tier that replicas share, by a real Redis in each state.

use std::time::Duration;

use points_gateway::doctor::check::Check;
use points_gateway::doctor::report::{Finding, Report, Verdict};
use points_gateway::doctor::text::Plain;
use rstest::rstest;

use super::super::support::redis::{Gate, Redis};
use super::{Room, complaints, finding};

const PASSWORD: &str = "canary-of-redis";

/// Looks at an account that is well, with the tier at `url`; nothing but the tier may be complained of.
async fn examined(url: &str, timeout: &str) -> Finding {
    let room = Room::usual().await;
    let report: Report = room.examine(&[("SHARED__URL", url), ("SHARED__TIMEOUT", timeout)], None).await;
    let found = finding(&report, Check::Shared).clone();
    let expected: Vec<_> =
        Some((Check::Shared, found.verdict)).filter(|(_, v)| *v != Verdict::Ok).into_iter().collect();
    assert_eq!(complaints(&report), expected, "{}", report.to_text(&Plain));
    assert!(!report.to_json().contains(PASSWORD), "{found:?}");
    found
}

fn advises(found: &Finding, word: &str) {
    assert_eq!(found.verdict, Verdict::Warning, "{found:?}");
    assert!(found.to_do.as_ref().is_some_and(|to_do| to_do.contains(word)), "{word}: {found:?}");
}

/// A user with these rights, and its URL.
async fn user(redis: &Redis, rights: &[&str]) -> String {
    let password = format!(">{PASSWORD}");
    let words = [&["ACL", "SETUSER", "gateway", "on", &password], rights].concat();
    redis.tell::<String>(&words).await;
    format!("redis://gateway:{PASSWORD}@{}/0", redis.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_as_it_should_be_is_well_and_keeps_no_trace() {
    let redis = Redis::start().await;
    let found = examined(&redis.url(), "1s").await;
    assert_eq!(found.verdict, Verdict::Ok, "{found:?}");
    for word in ["Redis ", "answers in ", "keeps nothing on disk"] {
        assert!(found.finding.contains(word), "{found:?}");
    }
    assert_eq!(redis.tell::<Vec<String>>(&["KEYS", "*"]).await, Vec::<String>::new());
    // The rights that the documents name are enough.
    let url = user(&redis, &["~pg:*", "&pg:*", "+@all", "-@dangerous"]).await;
    assert_eq!(examined(&url, "1s").await.verdict, Verdict::Ok);
}

#[rstest]
#[case(&["CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"], "maxmemory-policy volatile-lru")]
#[case(&["CONFIG", "SET", "save", "900 1"], "persistence")]
#[case(&["CONFIG", "SET", "appendonly", "yes"], "persistence")]
#[case(&["CONFIG", "SET", "maxmemory", "1"], "(OOM)")]
#[case(&["CONFIG", "SET", "min-replicas-to-write", "3"], "(NOREPLICAS)")]
#[case(&["REPLICAOF", "127.0.0.1", "1"], "(READONLY)")]
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_will_not_do_says_what_to_change(#[case] order: &[&str], #[case] word: &str) {
    let redis = Redis::start().await;
    redis.tell::<String>(order).await;
    advises(&examined(&redis.url(), "1s").await, word);
}

#[rstest]
#[case(&["~pg:*", "&pg:*", "+@all", "-incr"], "INCR")]
#[case(&["~pg:*", "&pg:*", "+@all", "-@scripting"], "EVAL")]
#[case(&["~pg:*", "&pg:*", "+@all", "-multi"], "MULTI")]
#[case(&["~pg:*", "resetchannels", "+@all"], "SUBSCRIBE")]
#[case(&["~other:*", "&pg:*", "+@all"], "EVAL")]
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named(#[case] rights: &[&str], #[case] command: &str) {
    let redis = Redis::start().await;
    let url = user(&redis, rights).await;
    advises(&examined(&url, "1s").await, command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_not_told_and_what_to_do_about_it_is() {
    let redis = Redis::start().await;
    user(&redis, &["~pg:*", "&pg:*", "+@all"]).await;
    let url = format!("redis://gateway:{PASSWORD}-wrong@{}/0", redis.address());
    advises(&examined(&url, "1s").await, "user and password in shared.url");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_that_is_slow_for_the_time_out_says_so() {
    let redis = Redis::start().await;
    let gate = Gate::before(redis.address()).await;
    gate.delay(Duration::from_millis(30));
    advises(&examined(&gate.url(), "50ms").await, "raise that, or move the tier nearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_that_can_not_be_reached_bars_nothing_else() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    advises(&examined(&format!("redis://{closed}/0"), "1s").await, "host, port and TLS");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/0", silent.local_addr().unwrap());
    advises(&examined(&url, "1s").await, "a firewall drops it");
}
