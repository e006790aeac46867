//! What an app gets for a good question.

use crate::support::{Stage, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_has_a_page_of_records() {
    let stage = Stage::start().await;
    let reply = stage.get("/members/1003/points-history").await;
    assert_eq!(reply.header("content-type"), "application/json");
    let page = reply.page();
    assert_eq!((page.member.id.as_str(), page.member.name.as_deref()), ("1003", Some("王小满")));
    assert_eq!((page.page, page.page_size, page.total, page.total_pages), (Some(1), 20, 57, 3));
    assert_eq!(page.entries.len(), 20);
    assert_eq!(page.as_of, "2026-11-25T10:00:00+08:00");
    let first = &page.entries[0];
    assert!(first.created_at.as_deref().is_some_and(|t| t.ends_with("+08:00")), "{first:?}");
    assert!(first.points.as_ref().is_some_and(|p| p.get().parse::<f64>().is_ok()), "{first:?}");
    assert!(first.r#type.name.is_some() && first.r#type.number.is_some() && first.r#type.id.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_and_a_member_without_records_look_alike() {
    let stage = Stage::start().await;
    for member in ["1001", "no-such-member"] {
        let page = stage.get(&format!("/members/{member}/points-history")).await.page();
        assert_eq!((page.total, page.total_pages, page.entries.len()), (0, 0, 0));
        assert_eq!((page.member.id.as_str(), page.member.name, page.next_cursor), (member, None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_beyond_the_end_is_empty_and_costs_no_call() {
    let stage = Stage::start().await;
    let first = stage.get("/members/1003/points-history?page_size=100").await.page();
    let calls = stage.record_calls();
    let beyond = stage.get("/members/1003/points-history?page_size=100&page=900").await.page();
    assert_eq!((beyond.total, beyond.entries.len(), beyond.page), (first.total, 0, Some(900)));
    assert_eq!(stage.record_calls(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_beyond_the_end_says_the_same_whatever_was_read_before() {
    let path = "/members/1003/points-history?page_size=100&page=2";
    let asked_alone = Stage::start().await.get(path).await;
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history?page_size=100").await.page();
    let asked_later = stage.get(path).await;
    assert_eq!(asked_alone.header("etag"), asked_later.header("etag"));
    assert_eq!(asked_alone.page().member.name, None);
    assert_eq!(asked_later.page().member.name, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn account_sets_are_kept_apart() {
    let stage = Stage::start().await;
    let main = stage.get("/members/1003/points-history?page_size=100").await.page();
    let outlet = stage.get("/accounts/outlet/members/1003/points-history?page_size=100").await.page();
    assert_eq!((main.member.name.as_deref(), main.total), (Some("王小满"), 57));
    assert_eq!((outlet.member.name.as_deref(), outlet.total), (Some("郑秋实"), 12));
    let named = stage.get("/accounts/main/members/1003/points-history?page_size=100").await.page();
    assert_eq!(rows(&named), rows(&main));
    assert_eq!(stage.get("/accounts/nobody/members/1003/points-history").await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_the_answer_and_never_share_a_cache_entry() {
    let stage = Stage::start().await;
    let all = stage.get("/members/1003/points-history?page_size=100").await.page();
    let kind = all.entries[0].r#type.number.clone().unwrap();
    let typed = stage.get(&format!("/members/1003/points-history?page_size=100&type={kind}")).await.page();
    assert!(typed.total > 0 && typed.total < all.total);
    assert!(typed.entries.iter().all(|e| e.r#type.number.as_ref() == Some(&kind)));
    let day = all.entries[20].created_at.clone().unwrap()[..10].to_owned();
    let since = stage.get(&format!("/members/1003/points-history?page_size=100&from={day}")).await.page();
    let until = stage.get(&format!("/members/1003/points-history?page_size=100&to={day}")).await.page();
    assert!(since.entries.iter().all(|e| e.created_at.as_ref().unwrap()[..10] >= day[..]));
    assert!(until.entries.iter().all(|e| e.created_at.as_ref().unwrap()[..10] < day[..]));
    assert_eq!(since.total + until.total, all.total);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_moment_spelled_in_two_zones_is_one_question() {
    let stage = Stage::start().await;
    let here = stage.get("/members/1003/points-history?from=2026-01-01T08:00:00%2B08:00").await.page();
    let calls = stage.record_calls();
    let there = stage.get("/members/1003/points-history?from=2026-01-01T00:00:00Z").await.page();
    assert_eq!((rows(&here), stage.record_calls()), (rows(&there), calls));
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_options_behave() {
    let stage = Stage::start().await;
    let path = "/members/1003/points-history";
    let get = stage.get(path).await;
    let head = stage.send(stage.request_as(http::Method::HEAD, path)).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.text.len().to_string());
    assert_eq!(head.header("etag"), get.header("etag"));
    let options = stage.send(stage.request_as(http::Method::OPTIONS, path)).await;
    assert_eq!(options.status, 204);
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(options.header("allow").contains(method), "{}", options.header("allow"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_s_request_id_comes_back() {
    let stage = Stage::start().await;
    for path in ["/members/1003/points-history", "/members/1003/points-history", "/", "/nowhere"] {
        let reply = stage.send(stage.request(path).header("x-request-id", "till-4.7")).await;
        assert_eq!(reply.header("x-request-id"), "till-4.7", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(stage.get(path).await.header("x-request-id").len(), 16, "{path}");
    }
}
