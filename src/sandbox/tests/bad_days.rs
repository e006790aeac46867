//! Faults that were there first, and held calls.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Scene, soon};
use crate::sandbox::fault::FOREIGN_MEMBER;
use crate::sandbox::{AccountSet, Endpoint, Fault};

#[tokio::test]
async fn held_calls_wait_and_all_are_let_go() {
    let scene = Arc::new(Scene::new().await);
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().hold();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let (scene, call) = (scene.clone(), scene.record_call(&token, "1003"));
            tokio::spawn(async move { scene.verdict(&call).await })
        })
        .collect();
    soon(scene.sandbox.control().arrived(5)).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    scene.sandbox.control().release();
    for call in calls {
        assert_eq!(soon(call).await.unwrap(), (200, 0));
    }
}

#[tokio::test]
async fn answers_can_be_spoiled_in_every_way() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let control = scene.sandbox.control();
    let answer = async |fault: Fault| {
        control.fail_records(Some(fault));
        scene.send(&scene.record_call(&token, "1003")).await.unwrap()
    };
    let overload = Fault::Errcode { status: 519, errcode: 5007, text: "overload".into() };
    let body: Value = serde_json::from_slice(&answer(overload).await.bytes().await.unwrap()).unwrap();
    assert_eq!((&body["errcode"], &body["description"]), (&5007.into(), &"overload[GW]".into()));
    assert_eq!(answer(Fault::Status(503)).await.status().as_u16(), 503);
    let throttled = answer(Fault::Throttled { retry_after: Some(7) }).await;
    assert_eq!((throttled.status().as_u16(), &throttled.headers()["retry-after"]), (429, &7.into()));
    assert!(answer(Fault::Html).await.text().await.unwrap().starts_with("<html>"));
    assert_eq!(answer(Fault::Empty).await.text().await.unwrap(), "");
    let half = answer(Fault::Truncated).await.text().await.unwrap();
    assert!(half.starts_with('{') && serde_json::from_str::<Value>(&half).is_err());
    let redirect = answer(Fault::Redirect("http://127.0.0.1:1/".into())).await;
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"http://127.0.0.1:1/".parse().unwrap())
    );
    let mut reset = answer(Fault::ResetMidBody).await;
    assert!(soon(reset.chunk()).await.unwrap().is_some());
    assert!(soon(reset.chunk()).await.is_err());
    let mut endless = answer(Fault::Endless).await;
    for _ in 0..100 {
        assert!(soon(endless.chunk()).await.unwrap().is_some());
    }
    drop(endless);
    let body: Value = serde_json::from_slice(&answer(Fault::CountOff).await.bytes().await.unwrap()).unwrap();
    assert_eq!(body["data"]["count"], 58);
    let body: Value =
        serde_json::from_slice(&answer(Fault::ForeignRows).await.bytes().await.unwrap()).unwrap();
    let rows = body["data"]["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["member_id"] == FOREIGN_MEMBER).count(), rows.len().div_ceil(2));
    control.fail_records(None);
    assert_eq!(scene.verdict(&scene.record_call(&token, "1003")).await, (200, 0));
}

#[tokio::test]
async fn a_hanging_call_ends_with_the_sandbox() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let control = scene.sandbox.control().clone();
    control.fail_records(Some(Fault::Hang));
    let call = scene.record_call(&token, "1003");
    let request = {
        let url = format!("http://{}{}", scene.sandbox.address(), call.target());
        call.signed()
            .into_iter()
            .fold(scene.http.get(url), |request, (name, value)| request.header(name, value))
    };
    let hanging = tokio::spawn(request.send());
    soon(control.arrived(1)).await;
    assert!(!hanging.is_finished());
    soon(scene.sandbox.stop()).await;
    assert!(soon(hanging).await.unwrap().is_err());
}

#[tokio::test]
async fn a_fault_for_the_next_calls_ends_by_itself() {
    let scene = Scene::new().await;
    scene.sandbox.control().fail_next(Endpoint::Token, Fault::Empty, 1);
    let set = AccountSet::outlet();
    let call = scene.token_call(&set.app_key, secrecy::ExposeSecret::expose_secret(&set.app_secret));
    assert_eq!(scene.send(&call).await.unwrap().text().await.unwrap(), "");
    scene.token(&set).await;
    assert_eq!(scene.sandbox.control().fault(Endpoint::Token), None);
}

#[tokio::test]
async fn latency_delays_records_only() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().set_latency(Duration::from_millis(30));
    let begun = tokio::time::Instant::now();
    scene.json(&scene.record_call(&token, "1003")).await;
    assert!(begun.elapsed() >= Duration::from_millis(30));
}
