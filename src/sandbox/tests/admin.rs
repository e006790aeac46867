//! The admin port.

use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::sandbox::{AccountSet, SandboxSettings};

struct Desk {
    scene: Scene,
    admin: String,
}

impl Desk {
    async fn open() -> Desk {
        let settings =
            SandboxSettings { admin_listen: Some(([127, 0, 0, 1], 0).into()), ..SandboxSettings::default() };
        let scene = Scene::with(settings).await;
        let admin = format!("http://{}", scene.sandbox.admin_address().unwrap());
        Desk { scene, admin }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&str>) -> (u16, Value) {
        let mut request = self.scene.http.request(method, format!("{}{path}", self.admin));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    async fn order(&self, order: Value) -> (u16, Value) {
        self.send(Method::POST, "/sandbox/faults", Some(&order.to_string())).await
    }
}

#[tokio::test]
async fn everything_that_is_ordered_is_in_the_state_until_the_reset() {
    let desk = Desk::open().await;
    let (_, good) = desk.send(Method::GET, "/sandbox/state", None).await;
    let (status, _) = desk
        .order(json!({
            "fault": { "status": 503 }, "times": 2, "latency": { "fixed_ms": 1 }, "clock_offset_seconds": -600,
            "idle_timeout_seconds": 5, "grow_while_paging": 3, "insert_rows": { "member": "1003", "rows": 1 },
            "every": { "job": "expire_tokens", "seconds": 60 }, "rotate_app_secret": true, "expire_tokens": true,
            "forget_tokens": true, "move_domain": "no_route",
            "readings": { "order": "oldest_first", "page_size_cap": 50 },
        }))
        .await;
    assert_eq!(status, 200);
    let order = json!({ "endpoint": "token", "fault": "hang", "percent": 20, "seed": 7 });
    let (_, state) = desk.order(order).await;
    let faults = json!([
        { "endpoint": "token", "fault": "hang", "which": { "percent": { "percent": 20, "seed": 7 } }, "seen": 0, "spoiled": 0 },
        { "endpoint": "record", "fault": { "status": 503 }, "which": { "next": 2 }, "seen": 0, "spoiled": 0 },
    ]);
    assert_eq!(state["faults"], faults);
    assert_eq!(state["latencies"], json!([{ "endpoint": "record", "latency": { "fixed_ms": 1 } }]));
    assert_eq!(state["every"], json!([{ "job": "expire_tokens", "seconds": 60.0 }]));
    assert_eq!((&state["clock_offset_seconds"], &state["idle_timeout_seconds"]), (&json!(-600), &json!(5)));
    assert_eq!((&state["grow_while_paging"], &state["inserted"][0]["rows"]), (&json!(3), &json!(1)));
    let readings = json!({
        "space": "any", "order": "oldest_first", "start": "inclusive", "end": "inclusive",
        "filter_hours_behind": 0, "page_size_cap": 50, "unknown_member": "empty",
    });
    assert_eq!(state["readings"], readings);
    let (_, state) = desk.send(Method::DELETE, "/sandbox/faults/token", None).await;
    assert_eq!(state["faults"].as_array().unwrap().len(), 1);
    for (method, path, body) in
        [(Method::POST, "/sandbox/reset", Some("{}")), (Method::DELETE, "/sandbox/faults", None)]
    {
        desk.order(json!({ "fault": "html", "latency": { "fixed_ms": 1 } })).await;
        assert_eq!(desk.send(method, path, body).await, (200, good.clone()));
    }
}

#[tokio::test]
async fn orders_change_what_callers_meet() {
    let desk = Desk::open().await;
    let token = desk.scene.token(&AccountSet::flagship()).await;
    desk.order(json!({ "fault": { "code": 5006 }, "times": 1 })).await;
    let call = || desk.scene.record_call(&token, "1003");
    assert_eq!(desk.scene.verdict(&call()).await, (519, 5_006));
    assert_eq!(desk.scene.verdict(&call()).await, (200, 0));
    desk.order(json!({ "forget_tokens": true })).await;
    assert_eq!(desk.scene.verdict(&call()).await, (519, 4_010));
    let (_, state) = desk.send(Method::GET, "/sandbox/state", None).await;
    assert_eq!((&state["calls"]["record"], &state["busiest_minute"]["record"]), (&json!(3), &json!(3)));
}

#[tokio::test]
async fn a_wrong_order_does_nothing_and_says_what_is_right() {
    let desk = Desk::open().await;
    let (_, good) = desk.send(Method::GET, "/sandbox/state", None).await;
    for (order, names) in [
        (r#"{"fualt":"html"}"#, "fualt"),
        (r#"{"fault":"htlm"}"#, "htlm"),
        (r#"{"fault":{"gzip_bomb":5000}}"#, "4096"),
        (r#"{"fault":"html","times":0}"#, "times"),
        (r#"{"fault":"html","insert_rows":{"member":"0","rows":1}}"#, "member"),
        (r#"{"fault":"html","latency":{"fixed_ms":-1}}"#, "-1"),
        (r#"{"fault":"html","latency":{"pareto":{"least_ms":1,"shape":0,"most_ms":2}}}"#, "shape"),
        ("{", "EOF"),
        ("[]", "object"),
        ("\u{FEFF}{}", "object"),
    ] {
        let (status, body) = desk.send(Method::POST, "/sandbox/faults", Some(order)).await;
        assert_eq!(status, 400, "{order}");
        assert!(body["error"].as_str().unwrap().contains(names), "{order}: {body}");
        assert_eq!(body["allowed"]["percent"], json!([1, 100]));
    }
    assert_eq!(desk.send(Method::GET, "/sandbox/state", None).await, (200, good));
}

#[tokio::test]
async fn other_requests_are_turned_away() {
    let desk = Desk::open().await;
    assert_eq!(desk.send(Method::POST, "/sandbox/reset", None).await.0, 415);
    assert_eq!(desk.send(Method::DELETE, "/sandbox/faults/members", None).await.0, 404);
    assert_eq!(desk.send(Method::GET, "/", None).await.0, 404);
    let long = json!({ "fault": { "redirect": "x".repeat(70 << 10) } }).to_string();
    assert_eq!(desk.send(Method::POST, "/sandbox/faults", Some(&long)).await.0, 413);
    // The platform's own port knows nothing of all this.
    let url = format!("http://{}/sandbox/state", desk.scene.sandbox.address());
    assert_eq!(desk.scene.http.get(url).send().await.unwrap().status().as_u16(), 519);
}
