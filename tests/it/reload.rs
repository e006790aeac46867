//! Another configuration while serving: what is taken over, what waits, what is refused, and that nobody notices.

use std::time::Duration;

use http::Method;
use points_gateway::sandbox::SandboxSettings;
use points_gateway::sandbox::members::{FLAGSHIP, OUTLET};
use serde_json::json;

use crate::load::Load;
use crate::support::{Reply, Stage};
use crate::wire::Wire;

const PATH: &str = "/members/1003/points-history";

/// The line below the header of a section.
fn with(section: &str, line: &str) -> impl FnOnce(String) -> String {
    let (header, lines) = (format!("[{section}]\n"), format!("[{section}]\n{line}\n"));
    move |text| match text.contains(&header) {
        true => text.replacen(&header, &lines, 1),
        false => format!("{text}\n{lines}"),
    }
}

async fn value(stage: &Stage, series: &str) -> f64 {
    let page = stage.send(stage.admin(Method::GET, "/metrics")).await.text;
    let found = page.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("{series} is not among:\n{page}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_names_keys_and_no_values() {
    let stage = Stage::start().await;
    stage.written.edit(with("cache", "fresh = \"1m\"\ncapacity = \"64MiB\""));
    stage.written.edit(with("accounts.main", "time_zone = \"Asia/Tokyo\""));
    stage.written.edit(|text| text.replacen("client_secret = \"", "client_secret = \"canary", 1));
    stage.written.edit(|text| text + "\n[accounts.extra]\naccount_id = \"7\"\n");
    let reply = stage.reload().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.json(),
        json!({
            "changed": ["kingdee.client_secret", "cache.fresh"],
            "needs_restart": ["cache.capacity", "accounts.main.time_zone", "accounts.extra"],
            "forgotten_accounts": [],
        })
    );
    // What waits is named again as long as it does; what is in force is no news.
    let again = stage.reload().await.json();
    assert_eq!(again["changed"], json!([]));
    assert_eq!(
        again["needs_restart"],
        json!(["cache.capacity", "accounts.main.time_zone", "accounts.extra"])
    );
    assert_eq!(value(&stage, "points_gateway_config_restart_pending_keys").await, 3.0);
    let other = stage.send(stage.admin(Method::GET, "/admin/reload")).await;
    assert_eq!((other.status, other.header("allow")), (405, "POST, OPTIONS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_refused_with_all_its_faults_and_the_old_one_stays() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.clock.advance(Duration::from_secs(5));
    let good = value(&stage, "points_gateway_config_last_reload_success_timestamp_seconds").await;
    stage.written.edit(with("cache", "fresh = \"1s\"\nfrehs = 1\njitter_percent = 51"));
    stage.written.edit(with("kingdee.lane", "per_minute = \"canary\""));
    let reply = stage.reload().await;
    assert_eq!((reply.status, reply.problem().as_str()), (409, "configuration-refused"));
    let body = reply.json();
    let named: Vec<_> =
        body["faults"].as_array().unwrap().iter().map(|fault| fault["key"].as_str().unwrap()).collect();
    assert_eq!(named, ["cache.frehs", "kingdee.lane.per_minute", "cache.jitter_percent"]);
    for fault in body["faults"].as_array().unwrap() {
        for text in ["source", "problem", "allowed", "fix"] {
            assert!(fault[text].as_str().is_some_and(|text| !text.is_empty()), "{fault}");
        }
    }
    stage.clock.advance(Duration::from_secs(20));
    let old = stage.get(PATH).await;
    assert_eq!(old.header("cache-status"), "points-gateway; hit; ttl=5");
    assert!(old.header("cache-control").contains("max-age=30,"), "{old:?}");
    assert_eq!(value(&stage, "points_gateway_config_last_reload_successful").await, 0.0);
    assert_eq!(value(&stage, "points_gateway_config_reloads_total{result=\"refused\"}").await, 1.0);
    assert_eq!(value(&stage, "points_gateway_config_last_reload_success_timestamp_seconds").await, good);
    // Mended, it is taken over.
    stage
        .written
        .edit(|text| text.replace("frehs = 1\n", "").replace("51", "50").replace("\"canary\"", "60"));
    stage.written.edit(|text| text.replace("per_minute = 60", "per_minute = 60\nburst = 6"));
    assert_eq!(stage.reload().await.status, 200);
    assert_eq!(value(&stage, "points_gateway_config_last_reload_successful").await, 1.0);
    assert_eq!(
        value(&stage, "points_gateway_config_last_reload_success_timestamp_seconds").await,
        good + 25.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_times_hold_for_what_is_read_from_then_on() {
    let stage = Stage::with(&[("CACHE__JITTER_PERCENT", "0")]).await;
    stage.get(PATH).await.page();
    stage.written.edit(with("cache", "fresh = \"5s\"\nstale_while_revalidate = \"10s\""));
    assert_eq!(stage.reload().await.status, 200);
    let kept = stage.get(PATH).await;
    assert_eq!(kept.header("cache-status"), "points-gateway; hit; ttl=30", "what is in memory stays");
    let read = stage.get("/members/1004/points-history").await;
    assert!(
        read.header("cache-control").starts_with("private, max-age=5, stale-while-revalidate=10,"),
        "{read:?}"
    );
    stage.clock.advance(Duration::from_secs(4));
    assert!(stage.get("/members/1004/points-history").await.header("cache-status").contains("; hit; ttl=1"));
    // The window in which stale rows are served at once is another one for everybody.
    stage.clock.advance(Duration::from_secs(26 + 10));
    let late = stage.get(PATH).await;
    assert!(late.header("cache-status").starts_with("points-gateway; fwd=stale; stored"), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_quota_of_the_lane_holds_at_once() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    stage.written.edit(with("kingdee.lane", "per_minute = 0"));
    assert_eq!(stage.reload().await.json()["changed"], json!(["kingdee.lane.per_minute"]));
    let status = stage.send(stage.admin(Method::GET, "/status.json")).await.json();
    assert_eq!(status["accounts"][0]["lane"]["per_minute"], 0);
    let shown = status["configuration"].as_array().unwrap();
    let line = shown.iter().find(|line| line["key"] == "kingdee.lane.per_minute").unwrap();
    assert_eq!((&line["value"], &line["is_default"]), (&json!("0"), &json!(false)), "{line}");
    let closed = stage.get("/members/1004/points-history").await;
    assert_eq!(closed.problem(), "upstream-unavailable");
    assert!(stage.get(PATH).await.header("cache-status").contains("; hit"));
    stage.written.edit(|text| text.replace("per_minute = 0", "per_minute = 6000\nqueue = 0"));
    assert_eq!(stage.reload().await.status, 200);
    stage.get("/members/1004/points-history").await.page();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_limits_of_the_edge_hold_at_once() {
    let stage = Stage::start().await;
    let long = format!("{PATH}?type={}", "x".repeat(400));
    assert_eq!(stage.get(&long).await.problem(), "invalid-parameter");
    stage.written.edit(with("http.limits", "max_uri = 256\nmax_in_flight = 1"));
    assert_eq!(stage.reload().await.status, 200);
    assert_eq!(stage.get(&long).await.problem(), "uri-too-long");
    stage.sandbox.control().hold();
    let waiting = tokio::spawn(Reply::of(stage.request(PATH)));
    stage.sandbox.control().arrived(1).await;
    assert_eq!(stage.get("/members/1004/points-history").await.problem(), "overloaded");
    stage.written.edit(|text| text.replace("max_in_flight = 1", "max_in_flight = 2"));
    assert_eq!(stage.reload().await.status, 200);
    let second = tokio::spawn(Reply::of(stage.request("/members/1004/points-history")));
    stage.sandbox.control().arrived(2).await;
    stage.sandbox.control().release();
    assert_eq!((waiting.await.unwrap().status, second.await.unwrap().status), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_connections_are_kept() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    let ask = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n");
    let (mut busy, mut idle) =
        (Wire::sending(stage.app.public_address(), &ask).await, Wire::open(stage.app.public_address()).await);
    assert_eq!(busy.answers(1).await, ["200"]);
    stage.sandbox.control().hold();
    let mut waiting = Wire::sending(stage.app.public_address(), ask.replace("1003", "1004")).await;
    stage.sandbox.control().arrived(2).await;
    stage
        .written
        .edit(with("http.limits", "max_connections = 1\nmax_head = \"8KiB\"\nhead_timeout = \"9s\""));
    stage.written.edit(with("kingdee", "connect_timeout = \"1s\"\nmax_body = \"1MiB\""));
    assert_eq!(stage.reload().await.json()["changed"].as_array().unwrap().len(), 5);
    for wire in [&mut busy, &mut idle] {
        wire.send(&ask).await.unwrap();
    }
    assert_eq!(
        (busy.answers(2).await, idle.answers(1).await),
        (vec!["200".into(), "200".into()], vec!["200".to_owned()])
    );
    stage.sandbox.control().release();
    assert_eq!(
        waiting.answers(1).await,
        ["200"],
        "a call goes on, though the client for Kingdee is another one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_client_secret_costs_no_token_and_no_cursor() {
    let stage = Stage::start().await;
    let first = stage.get(PATH).await.page();
    stage.sandbox.control().add_client_secret("sandbox-only-client-secret-000002");
    stage.written.edit(|text| text.replace("secret-000001", "secret-000002"));
    assert_eq!(stage.reload().await.json()["changed"], json!(["kingdee.client_secret"]));
    stage.sandbox.control().end_former_client_secrets();
    stage.get("/members/1004/points-history").await.page();
    assert_eq!(stage.sandbox.control().calls().token, 1);
    assert!(stage.get(PATH).await.header("cache-status").contains("; hit"), "the cache is kept");
    let next = stage.get(&format!("{PATH}?cursor={}", first.next_cursor.unwrap())).await;
    assert_eq!(next.page().entries.len(), 20, "a walk that has begun goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kingdee_refused_the_old_secret_a_reload_mends_it_at_once() {
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    let control = stage.sandbox.control();
    control.add_client_secret("sandbox-only-client-secret-000002");
    control.end_former_client_secrets();
    assert_eq!(stage.get("/members/1004/points-history").await.problem(), "upstream-rejected");
    stage.written.edit(|text| text.replace("secret-000001", "secret-000002"));
    assert_eq!(stage.reload().await.status, 200);
    stage.get("/members/1004/points-history").await.page();
}

#[tokio::test(flavor = "multi_thread")]
async fn fixed_credentials_are_swapped_under_the_token_that_they_bought() {
    let fixed = |secret: &str| {
        format!("app_key = \"SbxFlag1\"\napp_secret = \"{secret}\"\nrouter_domain = \"https://tf.jdy.com\"\n")
    };
    let stage = Stage::start().await;
    stage.get(PATH).await.page();
    let account = "outer_instance_id = \"sandbox-instance-1\"\naccount_id = \"";
    // From pulled to fixed ones: nobody can know that it is the same account set.
    stage.written.edit(|text| {
        let at = text.find(account).unwrap();
        let end = at + account.len() + text[at + account.len()..].find('\n').unwrap() + 1;
        format!("{}{}{}", &text[..at], fixed("wrong"), &text[end..])
    });
    let told = stage.reload().await.json();
    assert_eq!(told["forgotten_accounts"], json!(["main"]));
    let changed = told["changed"].as_array().unwrap();
    assert!(changed.contains(&json!("accounts.main.app_secret")), "{told}");
    assert_eq!(stage.get(PATH).await.problem(), "upstream-rejected");
    assert_eq!(stage.sandbox.control().calls().token, 2);
    // The right secret: asked for at once, though a failed fetch rests, as soon as the token calls allow.
    stage.written.edit(|text| text.replace("wrong", "sandbox-only-app-secret-flagship"));
    let told = stage.reload().await.json();
    assert_eq!(
        (&told["changed"], &told["forgotten_accounts"]),
        (&json!(["accounts.main.app_secret"]), &json!([]))
    );
    assert_eq!(stage.get(PATH).await.problem(), "upstream-unavailable");
    stage.clock.advance(Duration::from_secs(61));
    stage.get(PATH).await.page();
    assert_eq!(stage.sandbox.control().calls().token, 3);
    // A domain that has moved is used from the next call on, with the token that is there.
    stage.sandbox.control().move_domain();
    stage.written.edit(|text| text.replace("https://tf.jdy.com", "https://tf-grey1.jdy.com"));
    assert_eq!(stage.reload().await.json()["changed"], json!(["accounts.main.router_domain"]));
    stage.get("/members/1004/points-history").await.page();
    assert_eq!(stage.sandbox.control().calls().token, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_set_that_is_read_from_elsewhere_forgets_its_rows_and_no_other_does() {
    let stage = Stage::start().await;
    assert_eq!(stage.get(PATH).await.page().total, 57);
    let other = "/accounts/outlet/members/2001/points-history";
    stage.get(other).await.page();
    let [ours, theirs] = [FLAGSHIP, OUTLET].map(|id| format!("account_id = \"{id}\""));
    stage.written.edit(|text| text.replace(&ours, &theirs));
    let told = stage.reload().await.json();
    assert_eq!(told["changed"], json!(["accounts.main.account_id"]));
    assert_eq!(told["forgotten_accounts"], json!(["main"]));
    assert_eq!(stage.get(PATH).await.page().total, 12, "the other shop's member of that number");
    assert!(stage.get(other).await.header("cache-status").contains("; hit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_reloads_under_load_lose_no_request_no_row_and_no_token() {
    let patient = SandboxSettings { calls_per_minute: 1_000_000, ..SandboxSettings::default() };
    let stage = Stage::with_sandbox(patient, &[("CACHE__FRESH", "1ms"), ("CACHE__FRESH_EMPTY", "1ms")]).await;
    let members = ["1002", "1003", "1004", "1005"];
    for member in members {
        stage.get(&format!("/members/{member}/points-history")).await.page();
    }
    let edits = |number: u32| {
        let control = stage.sandbox.control();
        control.add_client_secret(&format!("sandbox-only-client-secret-{:06}", number + 1));
        stage.written.edit(|text| {
            let text = text.replace(&format!("secret-{number:06}"), &format!("secret-{:06}", number + 1));
            let lane = text.find("\n[kingdee.lane]").unwrap_or(text.len());
            format!("{}\n[kingdee.lane]\nper_minute = {}\n", &text[..lane], 30_000 + number)
        });
    };
    let load = Load::on(stage.app.public_address(), &members);
    load.goes_on(50).await;
    let handle = tokio::runtime::Handle::current();
    let tasks = handle.metrics().num_alive_tasks();
    let bytes = stage.app.history().cache_size().0;
    for number in 1..=200 {
        edits(number);
        assert_eq!(
            stage.reload().await.json()["changed"],
            json!(["kingdee.client_secret", "kingdee.lane.per_minute"])
        );
        stage.clock.advance(Duration::from_millis(50));
    }
    load.goes_on(50).await;
    assert!(
        handle.metrics().num_alive_tasks() < tasks + 20,
        "tasks: {} before, {} after",
        tasks,
        handle.metrics().num_alive_tasks()
    );
    assert_eq!(stage.app.history().cache_size().0, bytes);
    let (asked, failed) = load.end().await;
    assert_eq!(failed, 0, "of {asked}");
    assert_eq!(stage.sandbox.control().calls().token, 1);
    // A call that was overtaken by two secrets was refused, and signed again.
    let refused = stage.sandbox.control().calls().refused;
    assert!(refused.keys().all(|code| *code == 4008), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_says_what_was_refused_and_what_waits() {
    let stage = Stage::start().await;
    let attention = || async {
        let told = stage.send(stage.admin(Method::GET, "/status.json")).await.json();
        told["attention"].as_array().unwrap().iter().map(|a| a["what"].to_string()).collect::<String>()
    };
    assert_eq!(attention().await, "");
    stage.written.edit(with("cache", "fresh = \"soon\""));
    assert_eq!(stage.reload().await.status, 409);
    assert!(attention().await.contains("refused"), "{}", attention().await);
    stage.written.edit(|text| text.replace("fresh = \"soon\"", "capacity = \"64MiB\""));
    assert_eq!(stage.reload().await.status, 200);
    assert!(attention().await.contains("1 keys of the configuration wait"), "{}", attention().await);
}
