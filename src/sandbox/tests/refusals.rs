//! Each thing a caller can get wrong, and what the platform says to it.

use std::time::Duration;

use jiff::ToSpan as _;
use reqwest::Method;

use super::{AUTHORIZE, Call, RECORD, Scene, TOKEN};
use crate::sandbox::{AccountSet, Readings, SandboxSettings, SpaceReading};

#[tokio::test]
async fn every_header_is_missed_by_its_own_code() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let codes = [
        ("content-type", 400, 400),
        ("x-api-clientid", 519, 4002),
        ("x-api-auth-version", 519, 4001),
        ("x-api-timestamp", 519, 4006),
        ("x-api-signheaders", 519, 4007),
        ("x-api-nonce", 519, 4007),
        ("app-token", 519, 4009),
        ("x-gw-router-addr", 519, 5001),
    ];
    for (name, status, errcode) in codes {
        let call = scene.record_call(&token, "1002").without(name);
        assert_eq!(scene.verdict(&call).await, (status, errcode), "{name}");
    }
    let unsigned = scene.record_call(&token, "1002").header("x-api-signature", "");
    assert_eq!(scene.verdict(&unsigned).await, (519, 4008));
    assert_eq!(scene.sandbox.control().calls().refused[&4007], 2);
}

#[tokio::test]
async fn every_header_is_wrong_by_its_own_code() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let codes = [
        ("content-type", "text/plain", 400),
        ("x-api-clientid", "205022", 4003),
        ("x-api-auth-version", "1.0", 4001),
        ("x-api-timestamp", "1795000000", 4006),
        ("x-api-signheaders", "X-Api-TimeStamp", 4007),
        ("x-api-nonce", "0", 4007),
        ("x-api-nonce", "+5", 4007),
        ("x-api-nonce", "a1", 4007),
        ("x-api-signature", "kb6bQbI9onxaeIAo3nH14J6VZeTFol8hz5oH32i1DVE=", 4008),
        ("app-token", "a.b.c", 4010),
        ("x-gw-router-addr", "https://tf2.jdy.com/", 5001),
    ];
    for (name, value, errcode) in codes {
        let call = scene.record_call(&token, "1002").header(name, value);
        assert_eq!(scene.verdict(&call).await.1, errcode, "{name}: {value}");
    }
    let other_secret = Call { secret: "another", ..scene.record_call(&token, "1002") };
    assert_eq!(scene.verdict(&other_secret).await, (519, 4008));
}

#[tokio::test]
async fn an_unknown_router_meets_an_nginx_page() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    for router in ["https://tf9.jdy.com", "https://tf.jdy.com/"] {
        let call = scene.record_call(&token, "1002").header("x-gw-router-addr", router);
        let response = scene.send(&call).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (404, &"text/html".parse().unwrap())
        );
        assert!(response.text().await.unwrap().contains("404 No Route"));
    }
}

#[tokio::test]
async fn a_refusal_looks_like_the_gateways_own() {
    let scene = Scene::new().await;
    let call = scene.call(Method::GET, RECORD).header("x-api-timestamp", "1655775240000");
    let response = scene.send(&call).await.unwrap();
    assert_eq!(response.status().as_u16(), 519);
    assert_eq!(response.headers()["server"], "nginx");
    assert_eq!(response.headers()["date"], "Tue, 24 Nov 2026 02:00:00 GMT");
    assert!(!response.headers()["x-api-requestid"].is_empty());
    let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(body["description"], "Unauthorized, errDescEn: X-Api-TimeStamp is invalid: 1655775240000[GW]");
    assert_eq!(body["description_cn"], "认证失败, errDescCn: X-Api-TimeStamp过期: 1655775240000[网关]");
}

#[tokio::test]
async fn a_timestamp_holds_for_five_minutes_on_either_side() {
    let scene = Scene::new().await;
    for (millis, status) in [(-300_001, 519), (-300_000, 200), (300_000, 200), (300_001, 519)] {
        let sent = scene.clock.now() + jiff::SignedDuration::from_millis(millis);
        let call =
            scene.call(Method::POST, AUTHORIZE).header("x-api-timestamp", &sent.as_millisecond().to_string());
        assert_eq!(scene.send(&call).await.unwrap().status().as_u16(), status, "{millis}");
    }
}

#[tokio::test]
async fn a_request_cannot_be_sent_twice() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let call = scene.record_call(&token, "1002");
    assert_eq!(scene.verdict(&call).await, (200, 0));
    assert_eq!(scene.verdict(&call).await, (519, 4007));
    // A forger can't use up other people's nonces.
    let next = scene.record_call(&token, "1002");
    assert_eq!(scene.verdict(&next.clone().header("x-api-signature", "forged")).await, (519, 4008));
    assert_eq!(scene.verdict(&next).await, (200, 0));
}

#[tokio::test]
async fn a_header_that_comes_twice_is_no_header() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let url = format!("http://{}{RECORD}", scene.sandbox.address());
    let call = Call { params: Vec::new(), ..scene.record_call(&token, "") };
    let mut request = scene.http.get(url).header("x-api-nonce", "77");
    for (name, value) in call.signed() {
        request = request.header(name, value);
    }
    assert_eq!(request.send().await.unwrap().status().as_u16(), 519);
    assert_eq!(scene.sandbox.control().calls().refused[&4007], 1);
}

#[tokio::test]
async fn other_methods_and_paths_are_not_found() {
    let scene = Scene::new().await;
    for (method, path) in [(Method::POST, RECORD), (Method::POST, TOKEN), (Method::GET, AUTHORIZE)] {
        assert_eq!(scene.verdict(&scene.call(method, path)).await, (519, 5002));
    }
    for path in ["/", "/jdy/v2/ls/integral_record/", "/jdy/v2/ls/member"] {
        assert_eq!(scene.verdict(&scene.call(Method::GET, path)).await, (519, 5001));
    }
    let long = scene.call(Method::GET, RECORD).param("member_id", &"1".repeat(2_100));
    assert_eq!(scene.send(&long).await.unwrap().status().as_u16(), 414);
}

#[tokio::test]
async fn a_space_verifies_in_both_forms_and_never_mixed() {
    let forms = [("+", "%2B", true), ("%20", "%2520", true), ("+", "%2520", false), ("%20", "%2B", false)];
    for reading in [SpaceReading::Any, SpaceReading::FormOnly, SpaceReading::PercentOnly] {
        let scene = Scene::with(SandboxSettings {
            readings: Readings { space: reading, ..Readings::default() },
            ..SandboxSettings::default()
        })
        .await;
        let token = scene.token(&AccountSet::flagship()).await;
        for (wire, signed, same) in forms {
            let mut call = scene.record_call(&token, "1006").param("start_date", "2026-11-01 00:00:00");
            call.space = (wire, signed);
            let good = match reading {
                SpaceReading::Any => same,
                SpaceReading::FormOnly => signed == "%2B",
                SpaceReading::PercentOnly => signed == "%2520",
            };
            let expected = if good { (200, 0) } else { (519, 4008) };
            assert_eq!(scene.verdict(&call).await, expected, "{reading:?} {wire} {signed}");
        }
    }
}

#[tokio::test]
async fn the_five_hundred_and_first_call_in_a_minute_is_throttled_for_its_account_set_alone() {
    let scene = Scene::with(SandboxSettings { calls_per_minute: 5, ..SandboxSettings::default() }).await;
    let token = scene.token(&AccountSet::flagship()).await;
    let outlet = scene.token(&AccountSet::outlet()).await;
    for _ in 0..5 {
        assert_eq!(scene.verdict(&scene.record_call(&token, "1002")).await, (200, 0));
    }
    let response = scene.send(&scene.record_call(&token, "1002")).await.unwrap();
    assert_eq!(response.status().as_u16(), 429);
    assert!(response.text().await.unwrap().contains("已被限流"));
    let there = scene.record_call(&outlet, "2001").header("x-gw-router-addr", "https://tf2.jdy.com/");
    assert_eq!(scene.verdict(&there).await, (200, 0));
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.verdict(&scene.record_call(&token, "1002")).await, (200, 0));
}

#[tokio::test]
async fn the_clock_can_be_wrong_and_says_so() {
    let scene = Scene::new().await;
    scene.sandbox.control().set_clock_offset(jiff::SignedDuration::from_mins(10));
    let response = scene.send(&scene.call(Method::POST, AUTHORIZE)).await.unwrap();
    assert_eq!(response.headers()["date"], "Tue, 24 Nov 2026 02:10:00 GMT");
    assert_eq!(response.status().as_u16(), 519);
    let corrected = scene.clock.now() + 10.minutes();
    let call = scene
        .call(Method::POST, AUTHORIZE)
        .header("x-api-timestamp", &corrected.as_millisecond().to_string());
    assert_eq!(scene.send(&call).await.unwrap().status().as_u16(), 200);
}
