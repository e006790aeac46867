//! ETags and 304.

use std::time::Duration;

use crate::support::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_are_not_sent_twice() {
    let stage = Stage::start().await;
    let path = "/members/1003/points-history";
    let first = stage.get(path).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
    let strong = tag.trim_start_matches("W/").to_owned();
    for sent in [tag.clone(), strong, format!("\"x\", {tag}"), "*".to_owned()] {
        let reply = stage.send(stage.request(path).header("if-none-match", &sent)).await;
        assert_eq!((reply.status, reply.text.as_str()), (304, ""), "{sent}");
        assert_eq!(reply.header("etag"), tag);
        for name in ["cache-control", "age", "cache-status", "link", "x-request-id"] {
            assert!(!reply.header(name).is_empty(), "{name}");
        }
        assert_eq!(reply.header("content-type"), "");
    }
    assert_eq!(stage.send(stage.request(path).header("if-none-match", "\"x\"")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_follows_the_rows_not_the_time_they_were_read() {
    let stage = Stage::start().await;
    let path = "/members/1003/points-history";
    let tag = stage.get(path).await.header("etag").to_owned();
    let other = stage.another_gateway().await;
    assert_eq!(other.get(path).await.header("etag"), tag);
    stage.clock.advance(Duration::from_secs(400));
    let later = stage.get(path).await;
    assert_eq!((later.header("age"), later.header("etag")), ("0", tag.as_str()));
    assert_ne!(stage.get(&format!("{path}?page=2")).await.header("etag"), tag);
    stage.sandbox.control().insert_rows("1003", 1);
    stage.clock.advance(Duration::from_secs(400));
    assert_ne!(stage.get(path).await.header("etag"), tag);
}
