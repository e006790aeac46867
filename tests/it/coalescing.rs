//! Many callers, one call.

use futures_util::future::join_all;

use crate::support::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_half_of_whom_hang_up_cost_one_call_and_see_no_error() {
    let stage = Stage::start().await;
    stage.get("/members/1002/points-history").await.page(); // token and connection are there
    let before = stage.record_calls();
    stage.sandbox.control().hold();
    let ask = |n: usize| {
        let request = stage.request(&format!("/members/1003/points-history?page_size={}", 1 + n % 100));
        tokio::spawn(async move { request.send().await })
    };
    let callers: Vec<_> = (0..1_000).map(ask).collect();
    stage.sandbox.control().arrived(before + 1).await;
    let (leaving, staying): (Vec<_>, Vec<_>) = callers.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
    leaving.iter().for_each(|(_, caller)| caller.abort());
    stage.sandbox.control().release();
    for caller in join_all(staying.into_iter().map(|(_, caller)| caller)).await {
        assert_eq!(caller.unwrap().unwrap().status(), 200);
    }
    assert_eq!(stage.record_calls(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departed_caller_does_not_cancel_the_fetch() {
    let stage = Stage::start().await;
    stage.sandbox.control().hold();
    let request = stage.request("/members/1003/points-history");
    let caller = tokio::spawn(async move { request.send().await });
    stage.sandbox.control().arrived(1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    stage.sandbox.control().release();
    assert_eq!(stage.get("/members/1003/points-history").await.page().total, 57);
    assert_eq!(stage.record_calls(), 1);
}
