//! Everything that must stay inside is given a name that occurs nowhere else; then everything that the gateway can be
//! asked happens to it, on good days and bad ones, and all that it says to anybody is looked through for those names.

use http::{HeaderValue, Method};
use points_gateway::app::demo;
use points_gateway::http::problem::Kind;
use points_gateway::sandbox::members::FLAGSHIP;
use points_gateway::sandbox::{Endpoint, Fault, SandboxSettings};
use points_gateway::telemetry::settings::TraceProtocol;
use secrecy::SecretString;

use crate::collector::{Collector, Mood};
use crate::leaks::{self, watch};
use crate::support::{Reply, Stage};

const CLIENT_SECRET: &str = "canary-client-secret-5f1d0a";
const APP_SECRET: &str = "canary-app-secret-5f1d0b";
const MEMBER: &str = "canary-member-5f1d0c";
const PHONE: &str = "13812345678";
const TYPE: &str = "canary-type-5f1d0d";
const COOKIE: &str = "canary-cookie-5f1d0e";
const BEARER: &str = "canary-bearer-5f1d0f";
const QUERY: &str = "canary-query-5f1d10";
const PATH: &str = "canary-path-5f1d11";
const COLLECTOR: &str = "canary-collector-5f1d12";
const ALL: [&str; 10] =
    [CLIENT_SECRET, APP_SECRET, MEMBER, PHONE, TYPE, COOKIE, BEARER, QUERY, PATH, COLLECTOR];

/// What may be told to nobody, whoever asks. A caller's own words may be in a problem's `errors`; its member's id is in
/// its own page.
const SECRETS: [&str; 5] = [CLIENT_SECRET, APP_SECRET, COOKIE, BEARER, COLLECTOR];

async fn stage(collector: &Collector) -> Stage {
    let mut settings =
        SandboxSettings { client_secret: SecretString::from(CLIENT_SECRET), ..SandboxSettings::default() };
    for account in &mut settings.accounts {
        account.app_secret = SecretString::from(APP_SECRET);
    }
    settings.calls_per_minute = 1_000_000;
    let endpoint = format!("{}/v1/traces?key={COLLECTOR}", collector.endpoint);
    let configuration = [
        ("KINGDEE__CLIENT_SECRET", CLIENT_SECRET),
        ("KINGDEE__LANE__PER_MINUTE", "600000"),
        ("KINGDEE__LANE__BURST", "300000"),
        ("KINGDEE__CONNECT_TIMEOUT", "100ms"),
        ("KINGDEE__ATTEMPT_TIMEOUT", "200ms"),
        ("KINGDEE__CALL_TIMEOUT", "400ms"),
        ("HISTORY__CALLER_DEADLINE", "500ms"),
        ("HISTORY__STALE_PATIENCE", "100ms"),
        ("HTTP__LIMITS__MAX_IN_FLIGHT", "1"),
        ("TRACE__ENDPOINT", &endpoint),
        ("TRACE__SAMPLE_PERCENT", "100"),
    ];
    Stage::with_sandbox(settings, &configuration).await
}

/// What Kingdee may say in an error: everything that it was told in the call, and what it knows besides.
fn indiscreet(endpoint: Endpoint, member: &str) -> String {
    let token = format!("ey{}.{}.{}", "JhbGciOiJIUzI1NiJ9", "e30".repeat(20), "c2lnbmF0dXJl".repeat(3));
    let signature = "Y2FuYXJ5".repeat(11);
    let ours = format!("token {token} X-Api-Signature={signature} mobile={PHONE} {PHONE}");
    match endpoint {
        Endpoint::Record => format!("member {member} member_id={member} integral_type={TYPE}: {ours}\r\n"),
        Endpoint::Token | Endpoint::Authorize => format!("{ours}\r\n"),
    }
}

fn faults(endpoint: Endpoint, member: &str) -> Vec<Fault> {
    let text = indiscreet(endpoint, member);
    let told = |status, errcode| Fault::Errcode { status, errcode, text: text.clone() };
    vec![
        told(519, 4_003),
        told(519, 4_008),
        told(519, 4_012),
        told(200, 2_018_002_000),
        told(429, 429),
        told(500, 1),
        told(200, 1_000_202_001),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Html,
        Fault::Empty,
        Fault::Truncated,
        Fault::WrongTypes,
        Fault::DuplicateKeys,
        Fault::WrongCharset,
        Fault::Nested(10_000),
        Fault::Reset,
        Fault::ResetMidBody,
        Fault::HangMidBody,
        Fault::RetryAfter(text.trim_end().to_owned()),
        Fault::Redirect(format!("http://127.0.0.1:1/{PATH}")),
        Fault::Code(5_007),
    ]
}

/// Asks with everything that a careless caller sends along.
async fn ask(stage: &Stage, path: &str) -> Reply {
    let request =
        stage.request(path).header("cookie", COOKIE).header("authorization", format!("Bearer {BEARER}"));
    let request = request.header("x-request-id", format!("not an id: {PHONE}"));
    stage.send(request.header("user-agent", HeaderValue::from_static(MEMBER))).await
}

/// Every route, every way to ask badly.
async fn good_days(stage: &Stage) -> Vec<Reply> {
    let mut replies = Vec::new();
    for path in [
        format!("/members/{MEMBER}/points-history"),
        format!("/members/{PHONE}/points-history?type={TYPE}&from=2026-01-01"),
        format!("/accounts/outlet/members/{MEMBER}/points-history?page=2&page_size=7"),
        format!("/accounts/{PATH}/members/{MEMBER}/points-history"),
        format!("/members/{MEMBER}/points-history?cursor={QUERY}"),
        format!("/members/{MEMBER}/points-history?{QUERY}={PHONE}&page=0"),
        format!("/members/{MEMBER}%0a/points-history"),
        format!("/members/{MEMBER}/points-history?type={}", QUERY.repeat(500)),
        format!("/{PATH}/{MEMBER}?q={QUERY}"),
        format!("/problems/{PATH}"),
        format!("/docs/{PATH}"),
        "/".to_owned(),
        "/docs/".to_owned(),
        "/openapi.json".to_owned(),
        "/problems".to_owned(),
    ] {
        replies.push(ask(stage, &path).await);
        let method = Method::from_bytes(b"CANARY").unwrap();
        replies.push(stage.send(stage.request_as(method, &path)).await);
    }
    let cached = stage.request(&format!("/members/{MEMBER}x/points-history"));
    replies.push(stage.send(cached.header("cache-control", "only-if-cached")).await);
    for path in [
        format!("/admin/members/{MEMBER}/purge"),
        format!("/admin/accounts/outlet/members/{PHONE}/purge"),
        format!("/admin/accounts/{PATH}/members/{PHONE}/purge"),
        format!("/admin/members/{MEMBER}%ff/purge"),
        format!("/{PATH}"),
        "/livez".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
    ] {
        for method in [Method::POST, Method::GET] {
            replies.push(stage.send(stage.admin(method, &path).header("cookie", COOKIE)).await);
        }
    }
    replies.extend(a_slip_in_the_file(stage).await);
    replies
}

/// Secrets under names that are none, where another thing belongs, and quoted badly.
async fn a_slip_in_the_file(stage: &Stage) -> Vec<Reply> {
    let mut replies = Vec::new();
    let mut good = String::new();
    stage.written.edit(|text| {
        good.clone_from(&text);
        let slips = format!("[kingdee]\nclient_sekret = \"{CLIENT_SECRET}\"\n");
        let more = format!("app_secret = [\"{APP_SECRET}\"]\n");
        text.replace("[kingdee]\n", &slips).replace("[accounts.main]\n", &format!("[accounts.main]\n{more}"))
    });
    replies.push(stage.reload().await);
    stage.written.edit(|_| good.replace("client_secret = ", &format!("client_secret = {CLIENT_SECRET}")));
    replies.push(stage.reload().await);
    stage.written.edit(|_| good);
    assert_eq!(stage.reload().await.status, 200);
    assert!(replies.iter().all(|reply| reply.status == 409));
    replies
}

/// Every fault, at each of Kingdee's endpoints, cold and with rows in memory.
async fn bad_days(stage: &Stage) -> Vec<Reply> {
    let control = stage.sandbox.control();
    let mut replies = Vec::new();
    for endpoint in [Endpoint::Record, Endpoint::Token, Endpoint::Authorize] {
        for number in 0..faults(endpoint, "").len() {
            let member = format!("{MEMBER}-{number}");
            let fault = faults(endpoint, &member).swap_remove(number);
            stage.clock.advance(std::time::Duration::from_secs(61));
            if endpoint != Endpoint::Record {
                control.forget_tokens();
                control.rotate_app_secret();
            }
            control.fail(endpoint, Some(fault));
            replies.push(ask(stage, &format!("/members/{member}/points-history?type={TYPE}")).await);
            let known = stage.request(&format!("/members/{MEMBER}/points-history?type={TYPE}"));
            replies.push(stage.send(known.header("cache-control", "no-cache")).await);
            control.fail(endpoint, None);
        }
    }
    control.move_domain();
    control.expire_tokens();
    control.set_clock_offset(jiff::SignedDuration::from_mins(20));
    stage.clock.advance(std::time::Duration::from_secs(61));
    replies.push(ask(stage, &format!("/members/{PHONE}/points-history?page_size=3")).await);
    // One waits, the next is shed.
    control.hold();
    let path = format!("/members/{MEMBER}-held/points-history");
    let before = control.calls().record;
    let shed = async {
        control.arrived(before + 1).await;
        let reply = ask(stage, &format!("/members/{MEMBER}-shed/points-history")).await;
        control.release();
        reply
    };
    let (held, shed) = tokio::join!(ask(stage, &path), shed);
    replies.extend([held, shed]);
    replies
}

fn labels(replies: &[Reply]) -> std::collections::BTreeSet<String> {
    let problems = replies.iter().filter(|reply| reply.header("content-type") == "application/problem+json");
    problems.map(Reply::problem).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_must_stay_inside_is_in_any_line_answer_span_or_configuration() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector).await;
    let mut replies = good_days(&stage).await;
    replies.extend(bad_days(&stage).await);
    // It was no easy day: all kinds of problems but those that take a broken protocol, a race or a bug.
    let met = labels(&replies);
    let missed: Vec<_> =
        Kind::ALL.map(Kind::label).into_iter().filter(|label| !met.contains(*label)).collect();
    assert_eq!(missed, ["malformed-request", "cursor-lost", "internal-error"]);
    let metrics = stage.send(stage.admin(Method::GET, "/metrics")).await.text;
    stage.app.status().sample();
    let status = stage.send(stage.admin(Method::GET, "/status.json")).await.text;
    let page = stage.send(stage.admin(Method::GET, "/status")).await.text;
    assert!(status.contains("\"faults\":[{") && page.contains("Recent faults"), "{status}");
    let (told, sandbox) = (leaks::confidential(stage.sandbox.control()), stage.sandbox.control().clone());
    assert!(sandbox.calls().record > 50 && sandbox.busiest_minute().accounts.contains_key(FLAGSHIP));
    stage.app.stop().await;
    let forbidden: Vec<String> = ALL.into_iter().map(str::to_owned).chain(told).collect();
    leaks::check(&watch().text(), &forbidden);
    leaks::check(&metrics, &forbidden);
    leaks::check(&status, &forbidden);
    leaks::check(&page, &forbidden);
    leaks::check(&format!("{:?}", collector.all()), &forbidden);
    assert!(collector.all().len() > 200);
    for reply in &replies {
        let text = format!("{} {:?}", reply.text, reply.headers);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    for reply in replies.iter().filter(|reply| reply.status >= 500) {
        leaks::check(&reply.text, &forbidden);
    }
}

#[test]
fn no_configuration_and_no_debug_text_tells_a_secret() {
    let text = demo::config_text("127.0.0.1:9".parse().unwrap());
    let endpoint = format!("https://collector.example/{COLLECTOR}/traces");
    let config = demo::with(
        &text,
        &[
            ("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET", CLIENT_SECRET),
            ("POINTS_GATEWAY__ACCOUNTS__MAIN__APP_SECRET", APP_SECRET),
            ("POINTS_GATEWAY__ACCOUNTS__MAIN__APP_KEY", "AbCdEfGh"),
            ("POINTS_GATEWAY__ACCOUNTS__MAIN__ROUTER_DOMAIN", "https://tf.jdy.com"),
            ("POINTS_GATEWAY__ACCOUNTS__MAIN__AUTHORIZATION", "static"),
            ("POINTS_GATEWAY__TRACE__ENDPOINT", &endpoint),
        ],
    );
    let shown = match config {
        Ok(config) => {
            let lines: Vec<_> = config.effective().iter().map(ToString::to_string).collect();
            lines.join("\n") + &format!("{:?}", config.kingdee)
        }
        Err(faults) => faults.to_string(),
    };
    assert!(shown.contains("trace.endpoint") || shown.contains("accounts.main"), "{shown}");
    let forbidden = [CLIENT_SECRET, APP_SECRET, COLLECTOR].map(str::to_owned);
    leaks::check(&shown, &forbidden);
}
