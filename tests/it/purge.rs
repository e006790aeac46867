//! Forgetting a member, races included.

use http::Method;

use crate::support::Stage;

async fn purge(stage: &Stage, member: &str) -> u64 {
    let reply = stage.send(stage.admin(Method::POST, &format!("/admin/members/{member}/purge"))).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["purged_entries"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_the_member_is_forgotten_and_nobody_else_s() {
    let stage = Stage::start().await;
    for query in ["page_size=100", "page_size=100&page=2", "type=001", "from=2026-01-01"] {
        stage.get(&format!("/members/1005/points-history?{query}")).await.page();
    }
    stage.get("/members/1003/points-history").await.page();
    stage.get("/accounts/outlet/members/1003/points-history").await.page();
    assert_eq!(purge(&stage, "1005").await, 4);
    assert_eq!(purge(&stage, "1005").await, 0);
    let calls = stage.record_calls();
    assert!(stage.get("/members/1005/points-history").await.header("cache-status").contains("fwd=miss"));
    assert!(stage.get("/members/1003/points-history").await.header("cache-status").contains("; hit"));
    assert_eq!(stage.record_calls(), calls + 1);
    assert_eq!(purge(&stage, "1003").await, 1);
    let outlet = stage.get("/accounts/outlet/members/1003/points-history").await;
    assert!(outlet.header("cache-status").contains("; hit"), "{outlet:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_under_way_cannot_bring_the_old_rows_back() {
    let stage = Stage::start().await;
    stage.sandbox.control().hold();
    let request = stage.request("/members/1003/points-history");
    let early = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    stage.sandbox.control().arrived(1).await;
    purge(&stage, "1003").await;
    stage.sandbox.control().insert_rows("1003", 1);
    let request = stage.request("/members/1003/points-history");
    let late = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    stage.sandbox.control().arrived(2).await;
    stage.sandbox.control().release();
    early.await.unwrap();
    assert!(late.await.unwrap().contains("\"total\":58"));
    let after = stage.get("/members/1003/points-history").await;
    assert_eq!((after.page().total, stage.record_calls()), (58, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_nonsense_is_refused() {
    let stage = Stage::start().await;
    for (path, status) in [
        ("/admin/members/a%20b/purge", 400),
        ("/admin/accounts/nobody/members/1003/purge", 404),
        ("/admin/nothing", 404),
    ] {
        assert_eq!(stage.send(stage.admin(Method::POST, path)).await.status, status, "{path}");
    }
    assert_eq!(stage.send(stage.admin(Method::GET, "/admin/members/1003/purge")).await.status, 405);
}
