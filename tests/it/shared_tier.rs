//! The shared tier's bad days: killed, hanging, emptied, filled with garbage, full. Nobody who asks us may notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use points_gateway::sandbox::SandboxSettings;
use tokio::time::sleep;

use crate::support::fleet::{Fleet, PATIENT};
use crate::support::redis::Redis;

/// Long enough for refreshes and misses on the way.
const BAD_DAY: Duration = Duration::from_secs(2);

/// Two replicas under load, most of it hits, a few misses and many refreshes.
struct Busy {
    fleet: Arc<Fleet>,
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<Vec<u16>>>,
}

impl Busy {
    async fn start(redis: &Redis) -> Busy {
        let settings = SandboxSettings { token_calls_per_minute: 10, ..SandboxSettings::default() };
        let configuration = [("CACHE__FRESH", "200ms"), ("KINGDEE__LANE__PER_MINUTE", "400")];
        let fleet = Arc::new(Fleet::before(settings, 2, Some(redis.url()), &configuration).await);
        for member in ["1001", "1002", "1003", "1004", "1005"] {
            fleet.replicas[0].get(&format!("/members/{member}/points-history")).await.page();
        }
        let (stop, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let caller = |n: usize| {
            let (fleet, stop, number) = (Arc::clone(&fleet), Arc::clone(&stop), Arc::clone(&number));
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let n = number.fetch_add(1, Ordering::Relaxed) as usize + n;
                    let member = 1001 + n % 5;
                    let path = format!("/members/{member}/points-history?page_size={}", 10 + n % 7);
                    seen.push(fleet.replicas[n % 2].get(&path).await.status);
                    sleep(Duration::from_millis(20)).await;
                }
                seen
            })
        };
        let callers = (0..8).map(caller).collect();
        Busy { fleet, stop, callers }
    }

    /// Ends the load: everybody was answered, and the replicas are back at the shared tier.
    async fn end(self) {
        for replica in &self.fleet.replicas {
            assert!(replica.is_joined_within(Duration::from_secs(5)).await, "not back within five seconds");
        }
        sleep(Duration::from_millis(300)).await;
        self.stop.store(true, Ordering::Relaxed);
        let mut answers = 0;
        for caller in self.callers {
            let seen = caller.await.unwrap();
            assert!(seen.iter().all(|status| *status == 200), "{seen:?}");
            answers += seen.len();
        }
        assert!(answers > 100, "{answers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_and_comes_back_empty_fails_nobody() {
    let mut redis = Redis::start().await;
    let busy = Busy::start(&redis).await;
    sleep(Duration::from_millis(500)).await;
    redis.kill();
    sleep(BAD_DAY).await;
    redis.start_again().await;
    busy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_fails_nobody() {
    let redis = Redis::start().await;
    let busy = Busy::start(&redis).await;
    sleep(Duration::from_millis(500)).await;
    redis.pause();
    sleep(BAD_DAY).await;
    redis.resume();
    busy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_emptied_again_and_again_fails_nobody() {
    let redis = Redis::start().await;
    let busy = Busy::start(&redis).await;
    for _ in 0..20 {
        redis.tell::<String>(&["FLUSHALL"]).await;
        sleep(BAD_DAY / 20).await;
    }
    busy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_every_key_fails_nobody_and_is_believed_by_nobody() {
    let redis = Redis::start().await;
    let busy = Busy::start(&redis).await;
    for round in 0..10 {
        let keys: Vec<String> = redis.tell(&["KEYS", "pg:*"]).await;
        for key in &keys {
            let garbage = match round % 3 {
                0 => ["SET", "garbage"].as_slice(),
                1 => &["RPUSH", "a", "b"],
                _ => &["HSET", "a", "b"],
            };
            // In one go: a gateway that writes in between would make it another kind of key.
            let replace =
                "redis.call('DEL', KEYS[1]); redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2)); return 1";
            let script = ["EVAL", replace, "1", key];
            redis.tell::<i64>(&[script.as_slice(), garbage].concat()).await;
        }
        sleep(BAD_DAY / 10).await;
    }
    redis.tell::<String>(&["FLUSHALL"]).await;
    busy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_left_fails_nobody() {
    let redis = Redis::start().await;
    let busy = Busy::start(&redis).await;
    redis.tell::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    sleep(BAD_DAY).await;
    redis.tell::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    busy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_and_serves_without_the_redis_that_it_was_promised() {
    let mut redis = Redis::start().await;
    redis.kill();
    let fleet = Fleet::before(SandboxSettings::default(), 0, None, &[]).await;
    let mut fleet = fleet;
    fleet.add_unjoined(&redis.url()).await;
    assert_eq!(fleet.replicas[0].get("/members/1003/points-history").await.page().total, 57);
    redis.start_again().await;
    fleet.replicas[0].joined().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_passwords_of_redis_are_used() {
    let redis = Redis::start().await;
    let rules = ["ACL", "SETUSER", "gateway", "on", ">pass%word", "~pg:*", "&pg:*", "+@all", "-@dangerous"];
    redis.tell::<String>(&rules).await;
    redis.tell::<String>(&["ACL", "SETUSER", "default", "off"]).await;
    let mut fleet = Fleet::before(SandboxSettings::default(), 0, None, &[]).await;
    let url = format!("redis://gateway:pass%25word@{}/0", redis.address());
    fleet.add_with(Some(&url), &[PATIENT]).await;
    assert_eq!(fleet.replicas[0].get("/members/1003/points-history").await.page().total, 57);
    assert_eq!(fleet.replicas[0].purge("1003").await["replicas"], "told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_belongs_to_all_replicas_together() {
    let redis = Redis::start().await;
    let lane = [
        PATIENT,
        ("KINGDEE__LANE__PER_MINUTE", "120"),
        ("KINGDEE__LANE__BURST", "12"),
        ("KINGDEE__LANE__QUEUE", "8"),
    ];
    let mut fleet = Fleet::start(1, Some(&redis), &lane).await;
    fleet.replicas[0].get("/members/1001/points-history").await.page();
    fleet.sandbox.control().reset_counts();
    let begun = tokio::time::Instant::now();
    for replicas in [1usize, 4, 2] {
        while fleet.replicas.len() < replicas {
            fleet.add().await;
        }
        let until = tokio::time::Instant::now() + Duration::from_secs(3);
        let askers = (0..replicas).map(|replica| ask_for_strangers(&fleet, replica, replicas, until));
        let refused: usize = futures_util::future::join_all(askers).await.into_iter().sum();
        assert!(refused > 0, "the lane was never full with {replicas} replicas");
    }
    // A burst, and one call each 60.5 s / (120 − 12 + 1) from then on.
    let most = 12.0 + begun.elapsed().as_secs_f64() / (60.5 / 109.0) + 1.0;
    let calls = fleet.record_calls();
    assert!((calls as f64) <= most, "{calls} of {most}");
    assert!((calls as f64) > most / 2.0, "{calls} of {most}: the quota is not used");
}

/// Asks for members that nobody has asked for; says how often there was no room.
async fn ask_for_strangers(
    fleet: &Fleet,
    replica: usize,
    round: usize,
    until: tokio::time::Instant,
) -> usize {
    let mut refused = 0;
    for n in 0.. {
        if tokio::time::Instant::now() > until {
            break;
        }
        let asks = (0..12).map(|k| {
            let path = format!("/members/9{round}{replica}{:05}/points-history", n * 12 + k);
            async move { fleet.replicas[replica].get(&path).await }
        });
        for answer in futures_util::future::join_all(asks).await {
            match answer.status {
                200 | 504 => {} // or waited for its turn to the end, on a busy machine
                503 => {
                    refused += 1;
                    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
                }
                other => panic!("{other}: {}", answer.text),
            }
        }
    }
    refused
}
