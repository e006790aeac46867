//! Walking by cursor while the ledger grows.

use std::time::Duration;

use crate::support::{Reply, Stage, rows};

/// The whole walk, with something done between pages.
async fn walk(stage: &Stage, path: &str, mut between: impl FnMut(usize)) -> Vec<String> {
    let mut seen = Vec::new();
    let mut query = String::new();
    for step in 0.. {
        let page = stage.get(&format!("{path}{query}")).await.page();
        seen.extend(rows(&page));
        let Some(cursor) = page.next_cursor else { break };
        query = format!("&cursor={cursor}");
        between(step);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_without_changes_shows_every_row_once_in_order() {
    let stage = Stage::start().await;
    for size in [1, 7, 33, 100] {
        let path = format!("/members/1005/points-history?page_size={size}");
        let walked = walk(&stage, &path, |_| {}).await;
        let whole = [
            rows(&stage.get("/members/1005/points-history?page_size=100").await.page()),
            rows(&stage.get("/members/1005/points-history?page_size=100&page=2").await.page()),
        ];
        assert_eq!(walked, whole.concat(), "page size {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_grows_at_the_top_shows_every_old_row_exactly_once() {
    let stage = Stage::start().await;
    let mut at_the_start = Vec::new();
    for number in 1..=13 {
        let page =
            stage.get(&format!("/members/1006/points-history?page_size=100&page={number}")).await.page();
        at_the_start.extend(rows(&page));
    }
    let grow = |step: usize| {
        stage.sandbox.control().insert_rows("1006", [1, 0, 35, 120][step % 4]);
        // Sometimes the cache is fresh, sometimes stale, sometimes it must ask.
        stage.clock.advance(Duration::from_secs([0, 31, 400, 1][step % 4]));
    };
    let walked = walk(&stage, "/members/1006/points-history?page_size=77", grow).await;
    assert_eq!(walked, at_the_start);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_survives_a_restart_and_a_change_of_replica() {
    let stage = Stage::start().await;
    let first = stage.get("/members/1003/points-history?page_size=10").await.page();
    let path = format!("/members/1003/points-history?page_size=10&cursor={}", first.next_cursor.unwrap());
    let other = stage.another_gateway().await;
    assert_eq!(rows(&other.get(&path).await.page()), rows(&stage.get(&path).await.page()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_used_elsewhere_is_refused() {
    let stage = Stage::start().await;
    let cursor = stage.get("/members/1003/points-history").await.page().next_cursor.unwrap();
    let refused = |reply: Reply| {
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid-parameter"));
        assert_eq!(reply.json()["errors"][0]["parameter"], "cursor");
    };
    for path in [
        format!("/members/1004/points-history?cursor={cursor}"),
        format!("/members/1003/points-history?cursor={cursor}&type=001"),
        format!("/members/1003/points-history?cursor={cursor}&from=2026-01-01"),
        format!("/accounts/outlet/members/1003/points-history?cursor={cursor}"),
        format!("/members/1003/points-history?cursor={cursor}&page=2"),
        format!("/members/1003/points-history?cursor={}", &cursor[1..]),
    ] {
        refused(stage.get(&path).await);
    }
    let same =
        stage.get(&format!("/accounts/main/members/1003/points-history?cursor={cursor}&page_size=5")).await;
    assert_eq!(same.page().entries.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_a_cursor_page_lead_on() {
    let stage = Stage::start().await;
    let cursor = stage.get("/members/1003/points-history").await.page().next_cursor.unwrap();
    let reply = stage.get(&format!("/members/1003/points-history?cursor={cursor}")).await;
    let next = reply.page().next_cursor.unwrap();
    assert!(
        reply.header("link").contains(&format!("<?cursor={next}&page_size=20>; rel=\"next\"")),
        "{reply:?}"
    );
    assert!(reply.header("link").contains("<?page=1&page_size=20>; rel=\"first\""), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_over_chunks_that_contradict_each_other_shows_short_pages_and_no_row_twice() {
    let stage = Stage::start().await;
    let page = |number: usize| format!("/members/1006/points-history?page_size=100&page={number}");
    stage.get(&page(2)).await.page();
    stage.sandbox.control().insert_rows("1006", 36);
    stage.get(&page(1)).await.page();
    // The older chunk can't be read again now.
    stage.sandbox.control().fail_records(Some(points_gateway::sandbox::Fault::Status(503)));
    let first = stage.get("/members/1006/points-history?page_size=80").await.page();
    let path = format!("/members/1006/points-history?page_size=80&cursor={}", first.next_cursor.unwrap());
    let second = stage.get(&path).await.page();
    assert_eq!((second.entries.len(), second.total), (20, 1_270));
    // Nothing of the next page can be told for certain: an empty one would look like the end.
    let path =
        format!("/members/1006/points-history?page_size=80&cursor={}", second.next_cursor.clone().unwrap());
    assert_eq!(stage.get(&path).await.problem(), "upstream-unavailable");
    stage.sandbox.control().fail_records(None);
    stage.clock.advance(Duration::from_secs(31));
    let path =
        format!("/members/1006/points-history?page_size=80&cursor={}", second.next_cursor.clone().unwrap());
    let third = stage.get(&path).await.page();
    let (second, third) = (rows(&second), rows(&third));
    assert!(third.len() == 80 && third.iter().all(|row| !second.contains(row)));
}
