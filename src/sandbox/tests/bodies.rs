//! Answers that are there, and aren't what they should be.

use reqwest::Response;
use serde_json::Value;

use super::{Scene, soon};
use crate::sandbox::{AccountSet, Endpoint, Fault};

/// The answer to a call for the 57 rows of 1003, spoiled.
async fn spoiled(scene: &Scene, token: &str, fault: Fault) -> Response {
    scene.sandbox.control().fail_records(Some(fault));
    scene.send(&scene.record_call(token, "1003")).await.unwrap()
}

async fn bytes(scene: &Scene, token: &str, fault: Fault) -> Vec<u8> {
    spoiled(scene, token, fault).await.bytes().await.unwrap().into()
}

#[tokio::test]
async fn a_gzip_bomb_unpacks_to_spaces_and_the_honest_answer() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let honest = scene.json(&scene.record_call(&token, "1003")).await;
    let body = bytes(&scene, &token, Fault::GzipBomb(3)).await;
    let (spaces, rest) = body.split_at(3 << 20);
    assert!(spaces.iter().all(|byte| *byte == b' '));
    assert_eq!(serde_json::from_slice::<Value>(rest).unwrap(), honest);
}

#[tokio::test]
async fn four_gibibytes_are_under_way_before_they_are_made() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let mut response = spoiled(&scene, &token, Fault::GzipBomb(4_096)).await;
    let mut unpacked = 0;
    while unpacked < 32 << 20 {
        unpacked += soon(response.chunk()).await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn json_can_be_deep_long_double_and_marked() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let honest = scene.json(&scene.record_call(&token, "1003")).await;

    let deep = bytes(&scene, &token, Fault::Nested(100_000)).await;
    assert_eq!(deep.iter().filter(|byte| **byte == b'[').count(), 100_000);
    assert_eq!(deep.iter().filter(|byte| **byte == b']').count(), 100_000);

    let long = bytes(&scene, &token, Fault::ManyRows(2_001)).await;
    let long: Value = serde_json::from_slice(&long).unwrap();
    assert_eq!(long["data"]["rows"].as_array().unwrap().len(), 2_001);
    assert_eq!(long["data"]["rows"][2_000], honest["data"]["rows"][0]);

    let double = String::from_utf8(bytes(&scene, &token, Fault::DuplicateKeys).await).unwrap();
    assert_eq!((double.matches("\"data\"").count(), double.matches("\"errcode\"").count()), (2, 2));

    let marked = bytes(&scene, &token, Fault::Bom).await;
    assert_eq!(marked[..3], *b"\xEF\xBB\xBF");
    assert_eq!(serde_json::from_slice::<Value>(&marked[3..]).unwrap(), honest);

    let foreign = spoiled(&scene, &token, Fault::WrongCharset).await;
    assert_eq!(foreign.headers()["content-type"], "application/json;charset=GBK");
    assert!(String::from_utf8(foreign.bytes().await.unwrap().into()).is_err());

    let wrong = bytes(&scene, &token, Fault::WrongTypes).await;
    let wrong: Value = serde_json::from_slice(&wrong).unwrap();
    assert!(wrong["data"]["count"].is_array() && wrong["data"]["rows"].is_string());
}

#[tokio::test]
async fn a_million_rows_begin_at_once() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let mut response = spoiled(&scene, &token, Fault::ManyRows(1_000_000)).await;
    let first = soon(response.chunk()).await.unwrap().unwrap();
    assert!(first.starts_with(b"{"));
}

#[tokio::test(start_paused = true)]
async fn a_body_drips() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let mut response = spoiled(&scene, &token, Fault::Drip).await;
    let begun = tokio::time::Instant::now();
    for place in 0..5 {
        assert_eq!(response.chunk().await.unwrap().unwrap().len(), 1, "{place}");
    }
    assert!(begun.elapsed() >= std::time::Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn retry_after_can_be_absurd() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    for text in ["Fri, 31 Dec 9999 23:59:59 GMT", "-1", "soon", "99999999999999999999999"] {
        let response = spoiled(&scene, &token, Fault::RetryAfter(text.into())).await;
        assert_eq!(
            (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
            (429, text)
        );
    }
    let response = spoiled(&scene, &token, Fault::Throttled { retry_after: None }).await;
    assert_eq!((response.status().as_u16(), response.headers().get("retry-after")), (429, None));
}

#[tokio::test]
async fn a_documented_code_needs_only_its_number() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let control = scene.sandbox.control();
    control.fail_records(Some(Fault::Code(4_012)));
    assert_eq!(scene.verdict(&scene.record_call(&token, "1003")).await, (519, 4_012));
    control.fail_records(Some(Fault::Code(2_018_002_000)));
    assert_eq!(scene.verdict(&scene.record_call(&token, "1003")).await, (200, 2_018_002_000));
}

#[tokio::test]
async fn a_connection_can_be_reset_before_an_answer() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().fail_next(Endpoint::Record, Fault::Reset, 1);
    assert!(soon(scene.send(&scene.record_call(&token, "1003"))).await.is_err());
    assert_eq!(scene.verdict(&scene.record_call(&token, "1003")).await, (200, 0));
}

#[tokio::test]
async fn the_count_can_change_from_answer_to_answer() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().fail_records(Some(Fault::CountDrifts));
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(scene.json(&scene.record_call(&token, "1003")).await["data"]["count"].clone());
    }
    assert_eq!(counts.iter().map(|c| c.to_string().replace('"', "")).collect::<Vec<_>>(), ["57", "58", "59"]);
}

#[tokio::test]
async fn a_share_of_answers_is_spoiled_the_same_way_every_time() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        scene.sandbox.control().fail_some(Endpoint::Record, Fault::Code(5_007), 30, 1);
        let mut run = Vec::new();
        for _ in 0..40 {
            run.push(scene.verdict(&scene.record_call(&token, "1003")).await.1);
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    let spoiled = runs[0].iter().filter(|code| **code == 5_007).count();
    assert!((4..20).contains(&spoiled), "{spoiled}");
    assert!(runs[0].iter().all(|code| [0, 5_007].contains(code)));
}
