//! The log: one access line a request, one line a failure, and a service that goes on when nobody can read them.

use std::process::Stdio;
use std::time::Duration;

use http::Method;
use points_gateway::sandbox::Fault;
use serde_json::Value;

use crate::leaks::watch;
use crate::process::Gateway;
use crate::support::Stage;

const PATH: &str = "/members/1003/points-history";

/// The access line of a request, by its id; there is exactly one.
fn line_of(id: &str) -> Value {
    let mut lines = watch().lines(&[&format!(r#""request_id":"{id}""#), r#""message":"request""#]);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_where_the_rows_came_from_how_old_they_are_and_how_long_kingdee_took() {
    let stage = Stage::start().await;
    let ask = |id: &'static str| stage.request(PATH).header("x-request-id", id);
    stage.send(ask("cold")).await.page();
    stage.clock.advance(Duration::from_secs(12));
    stage.send(ask("warm")).await.page();
    let (cold, warm) = (line_of("cold"), line_of("warm"));
    for line in [&cold, &warm] {
        assert_eq!(
            (&line["route"], &line["status"]),
            (&"/members/{member_id}/points-history".into(), &200.into())
        );
        assert_eq!(line["member"].as_str().map(str::len), Some(16), "{line}");
        assert_eq!(line.get("trace_id"), None);
    }
    assert_eq!(cold["member"], warm["member"]);
    assert_eq!((&cold["outcome"], &cold["age_s"]), (&"miss".into(), &0.into()));
    assert_eq!((&warm["outcome"], &warm["age_s"]), (&"hit".into(), &12.into()));
    assert!(cold["upstream_us"].as_u64().unwrap() <= cold["duration_us"].as_u64().unwrap(), "{cold}");
    assert!(cold["upstream_us"].as_u64().unwrap() > 0 && warm.get("upstream_us").is_none(), "{warm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_one_line_whatever_becomes_of_it() {
    let stage = Stage::start().await;
    stage.sandbox.control().fail_records(Some(Fault::Html));
    for (id, path, status, outcome, route) in [
        (
            "l-1",
            "/members/1003/points-history?page=0",
            400,
            "invalid-parameter",
            "/members/{member_id}/points-history",
        ),
        ("l-2", "/nowhere/13800138000", 404, "not-found", "none"),
        ("l-3", "/problems/not-found", 200, "none", "/problems"),
        (
            "l-4",
            "/members/1004/points-history",
            502,
            "upstream-invalid",
            "/members/{member_id}/points-history",
        ),
        (
            "l-5",
            "/accounts/nobody/members/1/points-history",
            404,
            "not-found",
            "/accounts/{account}/members/{member_id}/points-history",
        ),
    ] {
        assert_eq!(stage.send(stage.request(path).header("x-request-id", id)).await.status, status, "{path}");
        let line = line_of(id);
        assert_eq!(
            (&line["status"], &line["outcome"], &line["route"]),
            (&status.into(), &outcome.into(), &route.into())
        );
    }
    for (id, method, path, status, lines) in [
        ("a-1", Method::POST, "/admin/members/1003/purge", 200, 1),
        ("a-2", Method::POST, "/admin/accounts/outlet/members/1003/purge", 200, 1),
        ("a-3", Method::GET, "/nowhere", 404, 1),
        ("a-4", Method::POST, "/livez", 405, 1),
        ("a-5", Method::GET, "/livez", 200, 0),
        ("a-6", Method::GET, "/metrics", 200, 0),
    ] {
        let reply = stage.send(stage.admin(method, path).header("x-request-id", id)).await;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(watch().lines(&[&format!(r#""request_id":"{id}""#)]).len(), lines, "{path}");
    }
    assert_eq!(line_of("a-1")["route"], "/admin/members/{member_id}/purge");
    assert_eq!(line_of("a-2")["route"], "/admin/accounts/{account}/members/{member_id}/purge");
    // One member, one hash, whichever way it is named.
    stage.send(stage.request("/members/%31003/points-history").header("x-request-id", "h-1")).await;
    assert_eq!(line_of("a-1")["member"], line_of("a-2")["member"]);
    assert_eq!(line_of("a-1")["member"], line_of("h-1")["member"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_has_a_line_too() {
    let stage = Stage::start().await;
    stage.sandbox.control().hold();
    let request = stage.request(PATH).header("x-request-id", "gone").send();
    let hung_up = tokio::select! {
        _ = request => false,
        () = stage.sandbox.control().arrived(1) => true, // and the request is dropped
    };
    assert!(hung_up);
    let mut lines = Vec::new();
    for _ in 0..10_000 {
        lines = watch().lines(&[r#""request_id":"gone""#]);
        if !lines.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!((&lines[0]["status"], &lines[0]["outcome"]), (&499.into(), &"hung-up".into()));
    stage.sandbox.control().release();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_once_however_many_wait_for_it() {
    let stage = Stage::start().await;
    stage.sandbox.control().hold();
    stage.sandbox.control().fail_records(Some(Fault::Html));
    let ask = || stage.get(PATH);
    let release = async {
        while stage.app.metrics().counters.coalesced.get() < 3 {
            tokio::task::yield_now().await;
        }
        stage.sandbox.control().release();
    };
    let (a, b, c, d, ()) = tokio::join!(ask(), ask(), ask(), ask(), release);
    let ids = [a, b, c, d].map(|reply| {
        assert_eq!(reply.problem(), "upstream-invalid");
        reply.header("x-request-id").to_owned()
    });
    let told = watch().lines(&[r#""level":"WARN""#]);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (&told[0]["account"], &told[0]["message"]),
        (&"main".into(), &"a fetch failed; nothing was stored".into())
    );
    assert!(ids.iter().any(|id| told[0]["request_id"] == id.as_str()), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_lines_stay_inside_theirs() {
    let stage = Stage::start().await;
    let forged = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{2028}\u{1b}[2J";
    let fault = Fault::Errcode { status: 200, errcode: 2_018_002_000, text: forged.repeat(1_000) };
    stage.sandbox.control().fail_records(Some(fault));
    stage.get(PATH).await.problem();
    stage.get("/members/%0d%0a%7b%22level%22/points-history?x=%e2%80%a8&y=%1b[2J&z=%ff").await.problem();
    stage.get(&format!("/members/{}/points-history", "%0a".repeat(2_000))).await.problem();
    let mut long = stage.request(PATH).header("x-request-id", "y".repeat(4_000));
    long = long.header("user-agent", http::HeaderValue::from_bytes(b"\x80\xff\t").unwrap());
    stage.send(long).await.problem();
    let text = watch().text();
    for line in text.lines() {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(json["level"].is_string() && json["message"] != "forged", "{line}");
        assert!(line.len() < 4_000, "{line}");
    }
    assert!(!text.contains(['\u{2028}', '\u{1b}', '\r']), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_goes_on_when_its_log_cannot_be_written() {
    for sink in ["full", "closed"] {
        let mut gateway = match sink {
            "full" => {
                let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
                Gateway::writing_to(full().into(), full().into()).await
            }
            _ => {
                let closed = || {
                    let (reader, writer) = std::io::pipe().unwrap();
                    drop(reader);
                    Stdio::from(writer)
                };
                Gateway::writing_to(closed(), closed()).await
            }
        };
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        let get = async |path: &str| {
            let response = client.get(format!("http://{}{path}", gateway.public)).send().await;
            response.map(|response| response.status().as_u16())
        };
        let mut first = get(PATH).await;
        for _ in 0..2_000 {
            if first.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await; // it is starting, and can't say when it is done
            first = get(PATH).await;
        }
        assert_eq!(first.unwrap(), 200, "{sink}");
        for _ in 0..300 {
            assert_eq!(get(PATH).await.unwrap(), 200, "{sink}");
        }
        gateway.signal("TERM");
        assert_eq!(gateway.ended().await, 0, "{sink}");
    }
}
