//! The status page, as scripts read it. What people see is in `browser.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use points_gateway::http::status::SAMPLE_EVERY;
use points_gateway::sandbox::settings::DEMO_CLIENT_SECRET;
use points_gateway::sandbox::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::support::Stage;

async fn status(stage: &Stage) -> Value {
    let reply = stage.send(stage.admin(Method::GET, "/status.json")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.header("cache-control"), "no-store");
    reply.json()
}

async fn page(stage: &Stage) -> crate::support::Reply {
    stage.send(stage.admin(Method::GET, "/status")).await
}

/// Every field of a document by its path; keys of `failed` are data.
fn fields(of: &Value, path: &str, found: &mut BTreeSet<String>) {
    match of {
        Value::Object(inside) if !path.ends_with(".failed") => {
            for (key, value) in inside {
                fields(value, &format!("{path}.{key}"), found);
            }
        }
        Value::Array(all) => all.iter().for_each(|value| fields(value, &format!("{path}[]"), found)),
        _ => drop(found.insert(path.trim_start_matches('.').to_owned())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_every_field_and_no_other() {
    // Nobody answers there: that is no reason to fail.
    let stage = Stage::with(&[("SHARED__URL", "redis://127.0.0.1:9/")]).await;
    stage.get("/members/1003/points-history").await.page();
    stage.sandbox.control().fail_records(Some(Fault::Code(4012)));
    stage.get("/members/1004/points-history").await.problem();
    stage.app.status().sample();
    let mut sent = BTreeSet::new();
    fields(&status(&stage).await, "", &mut sent);
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/status.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let told: BTreeSet<_> =
        rows.flat_map(|cell| cell.split("`, `")).map(|name| name.trim_end_matches('`').to_owned()).collect();
    // A row for a list or an object as a whole says something about it; its fields count.
    let whole = |name: &String| sent.iter().any(|other| other.starts_with(&format!("{name}.")));
    let fields = |all: &BTreeSet<String>| all.iter().filter(|name| !whole(name)).cloned().collect::<Vec<_>>();
    assert_eq!(fields(&sent), fields(&told));
}

#[tokio::test(flavor = "multi_thread")]
async fn account_sets_and_cache_are_told_as_they_stand() {
    let stage = Stage::with(&[("KINGDEE__LANE__PER_MINUTE", "300"), ("CACHE__CAPACITY", "64MiB")]).await;
    assert_eq!(status(&stage).await["accounts"][0]["token"], Value::Null);
    stage.get("/members/1003/points-history").await.page();
    stage.clock.advance(Duration::from_secs(7));
    let told = status(&stage).await;
    assert_eq!(
        (&told["phase"], &told["uptime_seconds"], &told["attention"]),
        (&json!("serving"), &json!(7), &json!([]))
    );
    assert_eq!(
        (&told["started_at"], &told["now"]),
        (&json!("2026-11-25T02:00:00Z"), &json!("2026-11-25T02:00:07Z"))
    );
    let (main, outlet) = (&told["accounts"][0], &told["accounts"][1]);
    assert_eq!((&main["name"], &outlet["name"]), (&json!("main"), &json!("outlet")));
    assert_eq!((&main["time_zone"], &main["authorization"]), (&json!("Asia/Shanghai"), &json!("pulled")));
    assert_eq!(main["token"]["age_seconds"], 7);
    let (life, renewal) = (main["token"]["life_seconds"].as_u64(), main["token"]["renewal_seconds"].as_u64());
    assert!(renewal > Some(0) && renewal < life, "{main}");
    assert_eq!((&main["lane"]["per_minute"], &main["lane"]["used_last_minute"]), (&json!(300), &json!(1)));
    assert_eq!(
        (&main["breaker"]["standing"], &main["calls"]),
        (&json!("closed"), &json!({"ok": 1, "failed": {}}))
    );
    assert_eq!((&outlet["token"], &outlet["calls"]["ok"]), (&Value::Null, &json!(0)));
    assert_eq!((&told["cache"]["entries"], &told["cache"]["capacity_bytes"]), (&json!(1), &json!(64 << 20)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_hour_is_sampled() {
    let stage = Stage::start().await;
    assert_eq!(status(&stage).await["last_hour"]["at"], json!([]));
    for _ in 0..4 {
        stage.get("/members/1003/points-history").await.page();
    }
    stage.get("/members/1003/points-history?page=0").await.problem();
    stage.clock.advance(Duration::from_secs(10));
    stage.app.status().sample();
    stage.clock.advance(Duration::from_secs(50));
    stage.get("/members/1003/points-history").await.page();
    stage.app.status().sample();
    stage.clock.advance(Duration::from_secs(10));
    stage.app.status().sample();
    let hour = status(&stage).await["last_hour"].clone();
    let start = "2026-11-25T02:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(hour["at"], json!([start + 10, start + 60, start + 70]));
    assert_eq!(hour["requests_per_second"], json!([0.5, 0.02, 0.0]));
    assert_eq!(hour["hit_ratio"], json!([0.75, 1.0, null]));
    assert_eq!(hour["stale_ratio"], json!([0.0, 1.0, null]), "{hour}");
    assert_eq!(hour["mean_age_seconds"], json!([0.0, 60.0, null]));
    assert_eq!(hour["calls_per_minute"][0], 6.0);
    assert!(hour["cache_bytes"][2].as_u64() > Some(0));
}

#[tokio::test(start_paused = true)]
async fn samples_are_taken_by_themselves() {
    let stage = Stage::start().await;
    tokio::time::sleep(3 * SAMPLE_EVERY + Duration::from_secs(1)).await;
    tokio::time::resume(); // sockets need real time
    assert_eq!(status(&stage).await["last_hour"]["at"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_told_once_with_what_to_do() {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(Fault::Code(4012)));
    for member in ["1003", "1004", "1005"] {
        assert_eq!(
            stage.get(&format!("/members/{member}/points-history")).await.problem(),
            "upstream-rejected"
        );
    }
    let told = status(&stage).await;
    let faults = told["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{told}");
    assert_eq!((&faults[0]["class"], &faults[0]["errcode"]), (&json!("configuration"), &json!(4012)));
    assert_eq!((&faults[0]["account"], &faults[0]["times"]), (&json!("main"), &json!(3)));
    assert!(faults[0]["advice"].as_str().unwrap().contains("developer console"), "{told}");
    assert!(told["attention"][0]["what"].as_str().unwrap().contains("4012"), "{told}");
    stage.sandbox.control().fail_records(Some(Fault::ForeignRows));
    stage.get("/members/1006/points-history").await.page();
    assert_eq!(status(&stage).await["faults"][0]["class"], "foreign-rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_breaker_and_a_wrong_clock_need_attention() {
    let stage = Stage::with(&[("KINGDEE__LANE__BREAKER_FAILURES", "1")]).await;
    stage.sandbox.control().set_clock_offset(jiff::SignedDuration::from_mins(20));
    stage.get("/members/1003/points-history").await.page();
    stage.sandbox.control().fail_records(Some(Fault::Status(503)));
    stage.get("/accounts/outlet/members/1004/points-history").await.problem();
    let told = status(&stage).await;
    let (main, outlet) = (&told["accounts"][0], &told["accounts"][1]);
    assert_eq!(outlet["breaker"], json!({"standing": "open", "probe_seconds": 1}), "{told}");
    assert_eq!(main["breaker"], json!({"standing": "closed", "probe_seconds": 0}));
    assert_eq!(main["clock_skew_seconds"].as_f64().map(f64::round), Some(1200.0));
    let first = &told["attention"][0];
    assert_eq!((&first["level"], &first["account"]), (&json!("critical"), &json!("outlet")), "{told}");
    let clock = |a: &Value| a["what"].as_str().unwrap().contains("1200 s behind");
    assert!(told["attention"].as_array().unwrap().iter().any(clock), "{told}");
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(status(&stage).await["accounts"][1]["breaker"]["standing"], "half-open");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_were_shed_are_a_fault_of_ours() {
    let stage = Stage::with(&[("HTTP__LIMITS__MAX_IN_FLIGHT", "1")]).await;
    stage.sandbox.control().hold();
    let waits = tokio::spawn(stage.request("/members/1003/points-history").send());
    stage.sandbox.control().arrived(1).await;
    assert_eq!(stage.get("/members/1004/points-history").await.problem(), "overloaded");
    stage.sandbox.control().release();
    assert_eq!(waits.await.unwrap().unwrap().status(), 200);
    stage.app.status().sample();
    let fault = status(&stage).await["faults"][0].clone();
    assert_eq!(
        (&fault["class"], &fault["account"], &fault["times"]),
        (&json!("overloaded"), &Value::Null, &json!(1))
    );
    stage.app.status().sample();
    assert_eq!(status(&stage).await["faults"][0]["times"], 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_can_t_be_renewed_needs_attention_while_it_still_serves() {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    stage.sandbox.control().fail(Endpoint::Token, Some(Fault::Status(503)));
    let renewal = status(&stage).await["accounts"][0]["token"]["renewal_seconds"].as_u64().unwrap();
    stage.clock.advance(Duration::from_secs(renewal + 1));
    stage.get("/members/1004/points-history").await.page();
    for _ in 0..1000 {
        let told = status(&stage).await;
        if let Some(first) = told["attention"].get(0) {
            assert_eq!((&first["level"], &first["account"]), (&json!("warning"), &json!("main")), "{told}");
            assert!(first["what"].as_str().unwrap().contains("No new token"), "{told}");
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("nobody was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_member_is_in_it() {
    const MEMBER: &str = "1869874125678901234";
    let more = [
        ("ACCOUNTS__TILL__APP_KEY", "till"),
        ("ACCOUNTS__TILL__APP_SECRET", "canary-app-secret"),
        ("SHARED__URL", "redis://:canary-password@127.0.0.1:9/"),
        // The sandbox sells it no token, so that nobody is called there.
        ("ACCOUNTS__TILL__ROUTER_DOMAIN", "https://till.jdy.com"),
    ];
    let stage = Stage::with(&more).await;
    stage.get("/members/1003/points-history").await.page();
    stage.get(&format!("/members/{MEMBER}/points-history")).await.page();
    // Kingdee may quote anything.
    let text = format!("member_id={MEMBER} key={DEMO_CLIENT_SECRET} tel 13812345678");
    stage.sandbox.control().fail_records(Some(Fault::Errcode { status: 200, errcode: 5001, text }));
    stage.get(&format!("/members/{MEMBER}/points-history?page_size=50&type=001")).await.problem();
    stage.get(&format!("/accounts/till/members/{MEMBER}/points-history")).await.problem();
    stage.app.status().sample();
    let (json, html) = (status(&stage).await.to_string(), page(&stage).await.text);
    assert!(json.contains("[redacted]") && json.contains("\"errcode\":5001"), "{json}");
    let headers = stage.sandbox.control().received().into_iter().flat_map(|request| request.headers);
    let mut secrets: BTreeSet<_> = headers
        .filter(|(name, _)| ["app-token", "x-api-signature", "x-api-nonce"].contains(&name.as_str()))
        .map(|(_, value)| value)
        .collect();
    assert!(secrets.len() > 6, "nothing was signed: {secrets:?}");
    secrets.extend(
        [DEMO_CLIENT_SECRET, "canary-app-secret", "canary-password", MEMBER, "13812345678"]
            .map(str::to_owned),
    );
    for (secret, told) in secrets.iter().flat_map(|secret| [(secret, &json), (secret, &html)]) {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_greets_and_the_public_one_knows_nothing_of_it() {
    let stage = Stage::start().await;
    let greeting = stage.send(stage.admin(Method::GET, "/")).await;
    assert_eq!(greeting.status, 200, "a redirect to the page: {greeting:?}");
    assert_eq!(greeting.text, page(&stage).await.text);
    for path in ["/status", "/status.json"] {
        assert_eq!(stage.get(path).await.problem(), "not-found");
        let posted = stage.send(stage.admin(Method::POST, path)).await;
        assert_eq!(
            (posted.problem().as_str(), posted.header("allow")),
            ("method-not-allowed", "GET, HEAD, OPTIONS")
        );
        let head = stage.send(stage.admin(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_page_is_a_snapshot_under_a_strict_policy() {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(Fault::Code(4012)));
    stage.get("/members/1004/points-history").await.problem();
    let page = page(&stage).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    let snapshot = page.text.split_once("<noscript>").unwrap().1.split_once("</noscript>").unwrap().0;
    for text in ["outlet", "Asia/Shanghai", "configuration 4012", "kingdee.client_secret</td><td>[redacted]"]
    {
        assert!(snapshot.contains(text), "{text} is not in {snapshot}");
    }
    assert!(!snapshot.contains("<script"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phase_shows_the_drain() {
    let stage = Stage::with(&[("HTTP__DRAIN__GRACE", "1m"), ("HTTP__DRAIN__DEADLINE", "2m")]).await;
    let ask = || stage.admin(Method::GET, "/status.json");
    let asked = ask();
    let Stage { app, sandbox, .. } = stage;
    let draining = tokio::spawn(app.drain());
    let mut phase = Value::Null;
    for _ in 0..1000 {
        phase = crate::support::Reply::of(asked.try_clone().unwrap()).await.json()["phase"].clone();
        if phase == "draining" {
            break;
        }
    }
    assert_eq!(phase, "draining");
    draining.abort();
    drop(sandbox);
}
