//! Bad days of Kingdee's on the paused clock: what is tried again, how often, and what the caller hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::rig::{AUTHORIZE, Attempt, Back, RECORD, Rig, TOKEN, authorisation, records, refuses, token};
use crate::kingdee::failure::{Failure, KingdeeError};
use crate::kingdee::lane::breaker::Standing;
use crate::kingdee::sign::app_signature;
use crate::kingdee::tally::Counts;

const HALF_A_SECOND: Duration = Duration::from_millis(500);
const DOMAIN: &str = "https://tf.jdy.com";

/// A day that is good but for the records.
fn only_records(
    script: impl Fn(&Attempt) -> Back + Send + Sync + 'static,
) -> impl Fn(&Attempt) -> Back + Send + Sync + 'static {
    move |attempt| match attempt.endpoint {
        TOKEN => token(&format!("t{}", attempt.number), 86_400),
        AUTHORIZE => authorisation("k", "s", DOMAIN),
        _ => script(attempt),
    }
}

fn failures(outcomes: Vec<(Result<(), KingdeeError>, Duration)>) -> Vec<KingdeeError> {
    outcomes.into_iter().filter_map(|(outcome, _)| outcome.err()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_failing_calls_are_a_tenth_more_attempts_and_no_deadline_is_missed() {
    for (back, failure) in [
        (500, Failure::Upstream),
        (504, Failure::TimedOut),
        (429, Failure::Throttled),
        (502, Failure::Upstream),
        (0, Failure::Unreachable),
        (1, Failure::TimedOut),
    ] {
        // A breaker that never opens: the budget alone must hold.
        let rig = Rig::with(
            |s| {
                s.lane.per_minute = 6_000_000;
                s.lane.burst = 3_000_000;
                s.lane.concurrency = 1000;
                s.lane.breaker_failures = 10_000;
            },
            only_records(move |_| match back {
                0 => Back::Closes,
                1 => Back::Hangs,
                status => Back::Says(status, "<html>".into()),
            }),
        );
        let outcomes = rig.storm(1000, Duration::from_millis(100)).await;
        assert!(outcomes.iter().all(|(_, took)| *took <= Duration::from_secs(8)), "{failure:?}");
        let failed = failures(outcomes);
        assert_eq!(failed.len(), 1000);
        assert!(failed.iter().all(|e| e.failure == failure), "{failure:?}: {:?}", failed.first());
        let attempts = rig.seen(RECORD).len();
        assert!((1000..=1101).contains(&attempts), "{failure:?}: {attempts}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_a_probe_now_and_then_and_ends_by_itself() {
    let broken = Arc::new(AtomicU64::new(1));
    let script = broken.clone();
    let rig = Rig::new(only_records(move |_| match script.load(Ordering::SeqCst) {
        1 => Back::Says(503, String::new()),
        _ => records(),
    }));
    let outcomes = rig.storm(600 * 50, Duration::from_millis(20)).await;
    assert!(outcomes.iter().all(|(outcome, took)| outcome.is_err() && *took <= Duration::from_secs(1)));
    let attempts = rig.seen(RECORD).len();
    assert!((20..=60).contains(&attempts), "ten minutes, 30 000 calls, {attempts} attempts");
    assert!(outcomes.iter().all(|(outcome, _)| {
        outcome.as_ref().is_err_and(|e| matches!(e.failure, Failure::Upstream | Failure::LaneFull))
    }));
    assert_eq!(rig.kingdee.snapshot()[0].lane.breaker, Standing::Open);
    broken.store(0, Ordering::SeqCst);
    let wait = rig.ask().await.unwrap_err().retry_after.unwrap();
    assert!(wait <= Duration::from_secs(31));
    tokio::time::sleep(wait).await;
    rig.ask().await.unwrap();
    assert!(failures(rig.storm(100, Duration::from_millis(20)).await).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lone_call_that_meets_a_blip_is_saved_by_its_retry() {
    for blip in [500, 503, 504, 0, 1] {
        let rig = Rig::new(only_records(move |attempt| match (attempt.number, blip) {
            (0, 0) => Back::Closes,
            (0, 1) => Back::Hangs,
            (0, status) => Back::Says(status, String::new()),
            _ => records(),
        }));
        rig.ask().await.unwrap();
        assert_eq!(rig.seen(RECORD).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_everybody_and_is_told_to_those_who_come() {
    let rig = Rig::new(only_records(|attempt| match attempt.number {
        0 => Back::Wait(429, r#"{"errcode":429,"description":"已被限流"}"#.into(), 20),
        _ => records(),
    }));
    let start = Instant::now();
    let error = rig.ask().await.unwrap_err();
    assert_eq!((error.failure, error.retry_after), (Failure::Throttled, Some(Duration::from_secs(20))));
    let error = rig.ask().await.unwrap_err();
    assert!(error.failure == Failure::LaneFull && error.retry_after >= Some(Duration::from_secs(20)));
    let snapshot = &rig.kingdee.snapshot()[0];
    assert!(snapshot.lane.rate_factor < 0.52 && snapshot.lane.paused_for > Duration::from_secs(19));
    tokio::time::sleep_until(start + Duration::from_secs(15)).await;
    rig.ask().await.unwrap();
    assert!(rig.seen(RECORD)[1].at >= start + Duration::from_secs(20));
    assert_eq!(rig.seen(RECORD).len(), 2);
}

/// Kingdee's clock is `skew` ahead of ours; it takes timestamps within five minutes.
fn strict_clock(
    skew: SignedDuration,
    good: impl Fn(&Attempt) -> Back + Send + Sync + 'static,
) -> impl Fn(&Attempt) -> Back + Send + Sync + 'static {
    let (start, began) = ("2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().unwrap(), Instant::now());
    move |attempt| {
        let elapsed = SignedDuration::try_from(attempt.at - began).unwrap();
        let off = attempt.timestamp.duration_since(start + elapsed) - skew;
        if off.abs() > SignedDuration::from_mins(5) { refuses(519, 4006) } else { good(attempt) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_once_from_kingdees_date() {
    for minutes in [10, -10, 60 * 24 * 365 * 11] {
        let skew = SignedDuration::from_mins(minutes);
        let rig = Rig::new(strict_clock(skew, only_records(|_| records())));
        rig.show_date(skew);
        assert!(failures(rig.storm(100, Duration::from_millis(5)).await).is_empty(), "{minutes}");
        // The first to notice was the pull of the authorisation; nobody after it was refused.
        assert_eq!((rig.seen(AUTHORIZE).len(), rig.seen(TOKEN).len(), rig.seen(RECORD).len()), (2, 1, 100));
        assert_eq!(rig.kingdee.snapshot()[0].skew.as_mins(), minutes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_under_load_fails_nobody() {
    let rig = Rig::new(strict_clock(SignedDuration::ZERO, only_records(|_| records())));
    rig.show_date(SignedDuration::ZERO);
    rig.ask().await.unwrap();
    let wrong = rig.clock.now() + SignedDuration::from_mins(30);
    rig.clock.set_wall(wrong);
    rig.show_date(-SignedDuration::from_mins(30));
    assert!(failures(rig.storm(200, Duration::from_millis(5)).await).is_empty());
    assert!(rig.seen(RECORD).len() <= 201 + 6, "{}", rig.seen(RECORD).len());
}

#[tokio::test(start_paused = true)]
async fn a_date_that_lies_ends_in_a_clock_failure_and_doubles_nothing() {
    let rig = Rig::new(only_records(strict_clock(SignedDuration::from_mins(10), |_| records())));
    rig.show_date(SignedDuration::from_mins(-20));
    let error = rig.ask().await.unwrap_err();
    assert_eq!((error.failure, error.errcode), (Failure::Clock, Some(4006)));
    assert_eq!(rig.seen(RECORD).len(), 2);
    for _ in 0..50 {
        assert_eq!(rig.ask().await.unwrap_err().failure, Failure::Clock);
    }
    assert_eq!(rig.seen(RECORD).len(), 52);
    assert_eq!(rig.kingdee.snapshot()[0].skew, SignedDuration::ZERO);
}

/// Kingdee's side of the chain, with strings to pull.
#[derive(Clone, Default)]
struct Platform {
    secret: Arc<AtomicUsize>,
    domain: Arc<AtomicUsize>,
    /// Tokens before this one have expired.
    oldest: Arc<AtomicUsize>,
}

impl Platform {
    fn pull(string: &AtomicUsize) {
        string.fetch_add(1, Ordering::SeqCst);
    }

    fn expire_tokens(&self, rig: &Rig) {
        self.oldest.store(rig.seen(TOKEN).len(), Ordering::SeqCst);
    }

    fn script(&self) -> impl Fn(&Attempt) -> Back + Send + Sync + 'static {
        let this = self.clone();
        move |attempt| {
            let secret = format!("s{}", this.secret.load(Ordering::SeqCst));
            let domain = format!("https://d{}.jdy.com", this.domain.load(Ordering::SeqCst));
            match attempt.endpoint {
                AUTHORIZE => authorisation("k", &secret, &domain),
                TOKEN => {
                    let signature = app_signature("k", &secret.as_str().into());
                    let right = attempt.query.contains(&signature.as_str().replace('=', "%3D"));
                    if right { token(&attempt.number.to_string(), 3600) } else { refuses(200, 1_030_002_006) }
                }
                _ if attempt.token.parse::<usize>().unwrap() < this.oldest.load(Ordering::SeqCst) => {
                    refuses(401, 1_000_202_001)
                }
                _ if attempt.router != domain => Back::Says(502, "<html>".into()),
                _ => records(),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn secret_token_and_domain_change_under_load_and_no_call_fails() {
    let platform = Platform::default();
    let rig = Rig::new(platform.script());
    rig.ask().await.unwrap();
    let rotate = || Platform::pull(&platform.secret);
    let expire = || platform.expire_tokens(&rig);
    let relocate = || Platform::pull(&platform.domain);
    let all = || {
        rotate();
        expire();
        relocate();
    };
    let changes: [&dyn Fn(); 8] = [&rotate, &expire, &relocate, &expire, &rotate, &relocate, &all, &all];
    for change in changes {
        let (outcomes, ()) = tokio::join!(rig.storm(400, Duration::from_millis(5)), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            change();
        });
        let failed = failures(outcomes);
        assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed[0]);
        // Two ends of a token a minute are all that Kingdee's own limit has room for.
        tokio::time::sleep(Duration::from_secs(28)).await;
    }
    assert!(rig.most_in_a_minute(TOKEN) <= 2);
    assert_eq!(rig.seen(TOKEN).len(), 5, "one for each end of a token, none wasted");
    assert!(rig.seen(AUTHORIZE).len() <= 5 + 4, "one for each token, one for each move");
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_moves_while_a_token_is_bought_is_not_forgotten_when_the_token_arrives() {
    let platform = Platform::default();
    let (inner, strings) = (platform.script(), platform.clone());
    let rig = Rig::new(move |attempt| {
        let back = inner(attempt);
        if attempt.endpoint == TOKEN && attempt.number == 1 {
            Platform::pull(&strings.domain);
            return Back::Late(Duration::from_millis(500), Box::new(back));
        }
        back
    });
    rig.ask().await.unwrap();
    // The token is due, but lives; calls go on with it while the next one is bought.
    tokio::time::sleep(Duration::from_secs(3000)).await;
    assert!(failures(rig.storm(200, Duration::from_millis(5)).await).is_empty());
    assert_eq!(rig.seen(RECORD).last().unwrap().token, "1");
    assert_eq!(rig.seen(AUTHORIZE).len(), 3, "before each token, and for the move");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_in_the_queue_is_not_sent() {
    let rig = Rig::with(
        |s| {
            s.lane.per_minute = 6;
            s.transport.call_timeout = Duration::from_secs(30);
        },
        |attempt| match attempt.endpoint {
            TOKEN => token(&format!("t{}", attempt.number), 8),
            AUTHORIZE => authorisation("k", "s", DOMAIN),
            _ => records(),
        },
    );
    for _ in 0..3 {
        rig.ask_within(Duration::from_secs(30)).await.unwrap();
    }
    // Its bucket is empty; who comes now waits longer than the token lives.
    rig.ask_within(Duration::from_secs(30)).await.unwrap();
    let (tokens, sent) = (rig.seen(TOKEN), rig.seen(RECORD));
    let bought = |name: &str| tokens[name[1..].parse::<usize>().unwrap()].at;
    for record in &sent {
        assert!(record.at - bought(&record.token) < Duration::from_secs(8), "{sent:?}");
    }
    assert!(sent.last().unwrap().at - sent[0].at > Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_rotates_between_pull_and_purchase_costs_one_more_of_each() {
    let platform = Platform::default();
    let (inner, strings) = (platform.script(), platform.clone());
    let rig = Rig::new(move |attempt| {
        if attempt.endpoint == TOKEN && attempt.number == 0 {
            Platform::pull(&strings.secret);
        }
        inner(attempt)
    });
    rig.ask().await.unwrap();
    assert_eq!((rig.seen(AUTHORIZE).len(), rig.seen(TOKEN).len(), rig.seen(RECORD).len()), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_always_refused_cost_two_token_calls_a_minute_and_one_attempt_a_call() {
    for errcode in [4010, 4011, 1_000_202_001] {
        let rig = Rig::new(only_records(move |_| refuses(519, errcode)));
        let failed = failures(rig.storm(600, HALF_A_SECOND).await);
        assert_eq!(failed.len(), 600);
        assert!(failed.iter().all(|e| matches!(e.failure, Failure::Token | Failure::LaneFull)));
        assert!(rig.most_in_a_minute(TOKEN) <= 2);
        let records = rig.seen(RECORD).len();
        assert!(records <= 620, "{errcode}: {records}");
        if errcode != 4010 {
            let sent: std::collections::BTreeSet<_> = rig.seen(RECORD).into_iter().map(|a| a.token).collect();
            assert!(records <= sent.len() + 20, "an expired token is not sent again: {records}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_set_whose_new_token_gets_about_late_is_not_locked() {
    // For a second Kingdee knows no token at all, not even the one that it has just made.
    let began = Instant::now();
    let rig = Rig::new(only_records(move |attempt| match attempt.at - began {
        early if early < Duration::from_secs(1) => refuses(519, 4010),
        _ => records(),
    }));
    // Both token calls of the minute are spent on the first; the second learns that there is no third.
    assert_eq!(rig.ask().await.unwrap_err().failure, Failure::Token);
    assert_eq!(rig.ask().await.unwrap_err().failure, Failure::LaneFull);
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.ask().await.unwrap();
    assert_eq!(rig.seen(TOKEN).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_in_a_hurry_do_not_open_the_breaker() {
    let rig = Rig::new(only_records(|_| Back::Hangs));
    for _ in 0..30 {
        let error = rig.ask_within(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.failure, Failure::TimedOut);
    }
    assert_eq!(rig.kingdee.snapshot()[0].lane.breaker, Standing::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_502_that_is_no_move_is_an_outage_and_pulls_seldom() {
    let rig = Rig::new(only_records(|_| Back::Says(502, "<html>".into())));
    let outcomes = rig.storm(600, Duration::from_millis(100)).await;
    let failed = failures(outcomes);
    assert!(failed.iter().all(|e| matches!(e.failure, Failure::Upstream | Failure::LaneFull)));
    assert_ne!(rig.kingdee.snapshot()[0].lane.breaker, Standing::Closed);
    assert!(rig.seen(AUTHORIZE).len() <= 15, "{}", rig.seen(AUTHORIZE).len());
    assert!(rig.seen(RECORD).len() <= 60, "{}", rig.seen(RECORD).len());
}

#[tokio::test(start_paused = true)]
async fn a_garbled_token_answer_is_asked_for_again_and_a_second_one_fails_without_being_kept() {
    let rig = Rig::new(|attempt| match (attempt.endpoint, attempt.number) {
        (TOKEN, 0 | 1) => Back::Says(200, r#"{"errcode":0,"data":{"app-token":""}}"#.into()),
        (TOKEN, _) => token("good", 3600),
        (AUTHORIZE, _) => authorisation("k", "s", DOMAIN),
        _ => records(),
    });
    assert_eq!(rig.ask().await.unwrap_err().failure, Failure::Unreadable);
    assert!(rig.seen(RECORD).is_empty() && rig.kingdee.snapshot()[0].token.is_none());
    while let Err(error) = rig.ask().await {
        tokio::time::sleep(error.retry_after.unwrap()).await;
    }
    assert_eq!((rig.seen(RECORD)[0].token.as_str(), rig.most_in_a_minute(TOKEN)), ("good", 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_is_what_happened() {
    let rig = Rig::new(only_records(|attempt| match attempt.number {
        0 => Back::Says(503, String::new()),
        1 => refuses(519, 4008),
        _ => records(),
    }));
    assert_eq!(rig.ask().await.unwrap_err().failure, Failure::Configuration);
    rig.ask().await.unwrap();
    let snapshot = rig.kingdee.snapshot().remove(0);
    let of = |counts: &Counts, class| counts.failed.iter().find(|(failure, _)| *failure == class).unwrap().1;
    assert_eq!((snapshot.calls.good, of(&snapshot.calls, Failure::Configuration)), (1, 1));
    assert_eq!((snapshot.attempts.total(), of(&snapshot.attempts, Failure::Upstream)), (3, 1));
    assert_eq!((snapshot.lane.waiting, snapshot.lane.under_way), (0, 0));
    assert!(snapshot.token.unwrap().life > Duration::from_secs(86_000));
}
