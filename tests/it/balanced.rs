//! Three replicas behind a real balancer: what hashing by path saves, what a shared tier saves, and a rolling restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use points_gateway::sandbox::SandboxSettings;
use tokio::time::sleep;

use crate::support::fleet::{Fleet, PATIENT};
use crate::support::haproxy::{self, Spread};
use crate::support::redis::Redis;

fn settings() -> SandboxSettings {
    SandboxSettings { token_calls_per_minute: 10, ..SandboxSettings::default() }
}

/// Calls that a trace of 240 requests for 40 members costs, each member in three page sizes.
async fn cost(replicas: u32, spread: Spread, redis: Option<&Redis>) -> u64 {
    let configuration = [PATIENT, ("CACHE__FRESH_EMPTY", "30s")];
    let fleet = Fleet::before(settings(), replicas, redis.map(Redis::url), &configuration).await;
    let balancer = haproxy::before(&fleet, spread).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for n in 0..240u64 {
        let (member, size) = (7000 + n * 7 % 40, 10 + n % 3 * 10);
        let url = format!("http://{}/members/{member}/points-history?page_size={size}", balancer.address());
        assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    }
    fleet.record_calls()
}

#[tokio::test(flavor = "multi_thread")]
async fn hashing_by_path_or_a_shared_tier_makes_three_replicas_as_cheap_as_one() {
    let redis = Redis::start().await;
    let one = cost(1, Spread::RoundRobin, None).await;
    let hashed = cost(3, Spread::ByPath, None).await;
    let shared = cost(3, Spread::RoundRobin, Some(&redis)).await;
    let redis = Redis::start().await;
    let both = cost(3, Spread::ByPath, Some(&redis)).await;
    let neither = cost(3, Spread::RoundRobin, None).await;
    for (what, calls) in [("hashed", hashed), ("shared", shared), ("both", both)] {
        assert!(calls * 100 <= one * 105, "{what}: {calls} calls where one replica makes {one}");
    }
    assert!(neither > one * 2, "{neither} calls against {one}: the trace would not show a difference");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_three_replicas_fails_nobody_and_costs_no_storm() {
    let redis = Redis::start().await;
    let configuration = [
        PATIENT,
        ("CACHE__FRESH", "500ms"),
        ("HTTP__DRAIN__GRACE", "1s"),
        ("HTTP__DRAIN__IDLE", "400ms"),
        ("HTTP__DRAIN__DEADLINE", "10s"),
    ];
    let mut fleet = Fleet::before(settings(), 3, Some(redis.url()), &configuration).await;
    let balancer = haproxy::before(&fleet, Spread::RoundRobin).await;
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> =
        (0..6).map(|n| tokio::spawn(call(balancer.address(), n, Arc::clone(&stop)))).collect();
    sleep(Duration::from_secs(1)).await;

    let (before, begun) = (fleet.record_calls(), tokio::time::Instant::now());
    sleep(Duration::from_secs(3)).await;
    let steady = (fleet.record_calls() - before) as f64 / begun.elapsed().as_secs_f64();

    let (before, begun) = (fleet.record_calls(), tokio::time::Instant::now());
    for replica in 0..3 {
        fleet.restart(replica).await;
        sleep(Duration::from_millis(500)).await;
    }
    let restarting = (fleet.record_calls() - before) as f64 / begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let mut answers = 0;
    for caller in callers {
        let seen = caller.await.unwrap();
        let failed: Vec<_> = seen.iter().filter(|answer| *answer != "200").collect();
        assert!(failed.is_empty(), "{failed:#?}");
        answers += seen.len();
    }
    assert!(answers > 300, "{answers}");
    assert!(steady > 2.0 && restarting <= 2.0 * steady, "{restarting:.1} calls a second after {steady:.1}");
    // A second one where a busy machine was too slow for the lease.
    assert!(fleet.sandbox.control().calls().token <= 2);
}

async fn call(address: std::net::SocketAddr, number: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let member = 1001 + (number + seen.len()) % 5;
        let answer = client.get(format!("http://{address}/members/{member}/points-history")).send().await;
        seen.push(match answer {
            Ok(answer) if answer.status() == 200 => "200".to_owned(),
            Ok(answer) => format!("{} {:?}", answer.status(), answer.text().await),
            Err(error) => format!("{error:?}"),
        });
        sleep(Duration::from_millis(10)).await;
    }
    seen
}
