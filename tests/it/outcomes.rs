//! Every outcome that an answer can have, in one table: what `Cache-Status`, `Age` and `Cache-Control` say of it.

use std::time::Duration;

use points_gateway::sandbox::{Endpoint, Fault};
use rstest::rstest;

use crate::support::{Reply, Stage};

/// What happens before the answer that counts, and how that one is asked for.
#[derive(Debug, Clone)]
enum Step {
    /// Ask, and let everything come to rest.
    Ask,
    /// Ask with a `Cache-Control` of one's own.
    Say(&'static str),
    /// Time passes.
    Seconds(u64),
    /// Kingdee has a bad day of this kind.
    Bad(Fault),
    /// Kingdee answers nobody yet.
    Hold,
    /// Two ask together for what takes Kingdee a while; the answer of the one who joined counts.
    AskTogether,
}

use Step::{Ask, AskTogether, Bad, Hold, Say, Seconds};

const OPEN: &str = "private, max-age=30, stale-while-revalidate=300, stale-if-error=86400";
const SETTLED: &str = "private, max-age=3600, stale-while-revalidate=300, stale-if-error=86400";
const EMPTY: &str = "private, max-age=10, stale-while-revalidate=300, stale-if-error=86400";
const NOTHING: &str = "private, no-store";
const PROBLEM: &str = "no-store";

#[rstest]
#[case::miss(&[Ask], "", ("fwd=miss; stored; ttl=30", "0", OPEN))]
#[case::miss_together(&[Hold, AskTogether], "", ("fwd=miss; collapsed; stored; ttl=30", "0", OPEN))]
#[case::hit(&[Ask, Seconds(7), Ask], "", ("hit; ttl=23", "7", OPEN))]
#[case::last_fresh_second(&[Ask, Seconds(29), Ask], "", ("hit; ttl=1", "29", OPEN))]
#[case::hit_settled(&[Ask, Seconds(60), Ask], "?to=2026-11-01", ("hit; ttl=3540", "60", SETTLED))]
#[case::revalidating(&[Ask, Seconds(31), Hold, Ask], "", ("fwd=stale; ttl=-1; detail=revalidating", "31", OPEN))]
#[case::failing(&[Ask, Bad(Fault::Status(503)), Seconds(31), Ask, Ask], "", ("fwd=stale; ttl=-1; detail=upstream-failing", "31", OPEN))]
#[case::failing_long(&[Ask, Bad(Fault::Status(503)), Seconds(600), Ask], "", ("fwd=stale; ttl=-570; detail=upstream-failing", "600", OPEN))]
#[case::expired(&[Ask, Seconds(331), Ask], "", ("fwd=stale; stored; ttl=30", "0", OPEN))]
#[case::no_cache(&[Ask, Seconds(9), Say("no-cache")], "", ("fwd=request; stored; ttl=30", "0", OPEN))]
#[case::no_cache_too_soon(&[Ask, Say("no-cache"), Seconds(2), Say("no-cache")], "", ("hit; ttl=28", "2", OPEN))]
#[case::no_cache_failing(&[Ask, Bad(Fault::Status(503)), Seconds(9), Say("no-cache")], "", ("fwd=request; ttl=21; detail=upstream-failing", "9", OPEN))]
#[case::only_if_cached(&[Ask, Seconds(3), Say("only-if-cached")], "", ("hit; ttl=27", "3", OPEN))]
#[case::only_if_cached_stale(&[Ask, Seconds(600), Say("only-if-cached")], "", ("fwd=stale; ttl=-570; detail=revalidating", "600", OPEN))]
#[case::not_cached(&[Say("only-if-cached")], "", ("detail=only-if-cached", "", PROBLEM))]
#[case::failed(&[Bad(Fault::Status(503)), Ask], "", ("fwd=miss", "", PROBLEM))]
#[case::failed_no_cache(&[Bad(Fault::Status(503)), Say("no-cache")], "", ("fwd=request", "", PROBLEM))]
#[case::some_rows_foreign(&[Bad(Fault::ForeignRows), Ask], "", ("fwd=miss", "0", NOTHING))]
#[case::gone(&[Ask, Bad(Fault::Status(503)), Seconds(86_431), Ask], "", ("fwd=miss", "", PROBLEM))]
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_told_as_it_is(
    #[case] steps: &[Step],
    #[case] query: &str,
    #[case] (status, age, control): (&str, &str, &str),
) {
    let stage = Stage::start().await;
    let path = format!("/members/1003/points-history{query}");
    let reply = play(&stage, &path, steps).await;
    assert_eq!(reply.header("cache-status"), format!("points-gateway; {status}"));
    assert_eq!((reply.header("age"), reply.header("cache-control")), (age, control));
    assert_eq!(reply.header("etag").is_empty(), [NOTHING, PROBLEM].contains(&control), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_history_is_told_as_it_is() {
    let stage = Stage::start().await;
    let reply = play(&stage, "/members/1001/points-history", &[Ask, Seconds(4), Ask]).await;
    assert_eq!(reply.header("cache-status"), "points-gateway; hit; ttl=6");
    assert_eq!((reply.header("age"), reply.header("cache-control")), ("4", EMPTY));
}

async fn play(stage: &Stage, path: &str, steps: &[Step]) -> Reply {
    let control = stage.sandbox.control();
    let mut held = false;
    let mut last = None;
    for step in steps {
        match step {
            Ask => last = Some(stage.get(path).await),
            Say(text) => last = Some(stage.send(stage.request(path).header("cache-control", *text)).await),
            Seconds(n) => stage.clock.advance(Duration::from_secs(*n)),
            Bad(fault) => control.fail(Endpoint::Record, Some(fault.clone())),
            Hold => {
                control.hold();
                held = true;
            }
            AskTogether => {
                held = false;
                last = together(stage, path).await;
            }
        }
        while !held && stage.app.history().under_way() > 0 {
            tokio::task::yield_now().await;
        }
    }
    control.release();
    last.unwrap()
}

/// Two ask while Kingdee takes its time; exactly one of them joins the other's flight, and that one's answer counts.
async fn together(stage: &Stage, path: &str) -> Option<Reply> {
    let answer = async {
        stage.sandbox.control().arrived(1).await;
        while stage.app.metrics().counters.coalesced.get() < 1 {
            tokio::task::yield_now().await;
        }
        stage.sandbox.control().release();
    };
    let (one, other, ()) = futures_util::join!(stage.get(path), stage.get(path), answer);
    let joined = |reply: &Reply| reply.header("cache-status").contains("collapsed");
    assert_ne!(joined(&one), joined(&other));
    Some(if joined(&one) { one } else { other })
}
