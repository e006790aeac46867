//! Traces over real sockets: what spans there are, and who decides. How they travel: `trace_export`.

use std::collections::BTreeSet;

use points_gateway::sandbox::{Endpoint, Fault};
use points_gateway::telemetry::settings::TraceProtocol;
use rstest::rstest;

use crate::collector::{Collector, Mood, Seen};
use crate::leaks::watch;
use crate::support::{Reply, Stage};

const PATH: &str = "/members/1003/points-history";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "aaaabbbbccccddddeeeeffff00001111";
const CALLER: &str = "00f067aa0ba902b7";
const ROOT: &str = "GET /members/{member_id}/points-history";
/// Kinds of spans, as the protocol numbers them.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;

async fn stage(collector: &Collector, more: &[(&str, &str)]) -> Stage {
    Stage::with(&[&collector.settings(), more].concat()).await
}

async fn ask(stage: &Stage, path: &str, trace: &str, flags: &str) -> Reply {
    let parent = format!("00-{trace}-{CALLER}-{flags}");
    stage.send(stage.request(path).header("traceparent", parent)).await
}

fn one<'a>(spans: &'a [Seen], name: &str) -> &'a Seen {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}: {spans:#?}");
    found[0]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_cold_request_shows_everything_that_it_waited_for(
    #[values(TraceProtocol::HttpProtobuf, TraceProtocol::Grpc)] protocol: TraceProtocol,
) {
    let collector = Collector::start(protocol, Mood::Takes).await;
    let stage = stage(&collector, &[("TRACE__SERVICE_NAME", "points-test")]).await;
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let request = stage.request(PATH).header("traceparent", parent).header("tracestate", "congo=t61r");
    let reply = stage.send(request.header("x-request-id", "cold-1")).await;
    reply.page();
    let spans = collector.spans(TRACE, 10).await;
    assert_eq!(spans.len(), 10, "{spans:#?}");
    let root = one(&spans, ROOT);
    assert_eq!((root.parent.as_str(), root.kind, root.state.as_str()), (CALLER, SERVER, "congo=t61r"));
    for (name, text) in [
        ("http.request.method", "GET"),
        ("http.route", "/members/{member_id}/points-history"),
        ("http.response.status_code", "200"),
        ("points_gateway.outcome", "miss"),
        ("points_gateway.request_id", "cold-1"),
        ("points_gateway.age_seconds", "0"),
    ] {
        assert_eq!(root.attributes[name], text, "{name}");
    }
    let fetch = one(&spans, "fetch");
    for (name, parent) in [
        ("wait for fetch", root),
        ("fetch", root),
        ("credential", fetch),
        ("lane", fetch),
        ("POST /jdyconnector/app_management/push_app_authorize", fetch),
        ("GET /jdyconnector/app_management/kingdee_auth_token", fetch),
        ("GET /jdy/v2/ls/integral_record", fetch),
    ] {
        assert_eq!(one(&spans, name).parent, parent.id, "{name}: {spans:#?}");
    }
    // Once at the front door, once where it may wait.
    let looks: Vec<_> = spans.iter().filter(|span| span.name == "cache look-up").collect();
    assert!(looks.iter().all(|look| look.parent == root.id), "{looks:#?}");
    let attempt = one(&spans, "GET /jdy/v2/ls/integral_record");
    assert_eq!((attempt.kind, attempt.attributes["http.response.status_code"].as_str()), (CLIENT, "200"));
    assert_eq!(one(&spans, "wait for fetch").links, [(TRACE.into(), fetch.id.clone())]);
    for span in &spans {
        assert!(span.began <= span.ended && span.began >= root.began, "{span:#?}");
        assert!(!span.failed && span.flags & 1 == 1, "{span:#?}");
    }
    assert_eq!(collector.resource()["service.name"], "points-test");
    let line = watch().lines(&["cold-1", r#""message":"request""#]).remove(0);
    let documented: BTreeSet<_> = include_str!("../../docs/logs.md")
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split_once(" |"))
        .flat_map(|(fields, _)| fields.split(", ").map(|field| field.trim_matches('`')))
        .collect();
    let said: BTreeSet<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(said, documented, "docs/logs.md");
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["member"], root.attributes["points_gateway.member"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_two_spans_and_a_stale_one_shows_the_refresh_behind_it() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector, &[]).await;
    stage.get(PATH).await.page();
    ask(&stage, PATH, TRACE, "01").await.page();
    let spans = collector.spans(TRACE, 2).await;
    assert_eq!(one(&spans, ROOT).attributes["points_gateway.outcome"], "hit");
    assert_eq!(one(&spans, "cache look-up").parent, one(&spans, ROOT).id);
    assert_eq!(spans.len(), 2, "{spans:#?}");
    stage.clock.advance(std::time::Duration::from_secs(60));
    ask(&stage, PATH, OTHER, "01").await.page();
    let spans = collector.spans(OTHER, 5).await;
    assert_eq!(one(&spans, ROOT).attributes["points_gateway.outcome"], "stale");
    let fetch = one(&spans, "fetch");
    assert_eq!(
        (fetch.parent.clone(), fetch.attributes["points_gateway.priority"].as_str()),
        (one(&spans, ROOT).id.clone(), "refresh")
    );
    assert_eq!(one(&spans, "GET /jdy/v2/ls/integral_record").parent, fetch.id);
}

#[rstest]
#[case::the_caller_says_no("100", Some("00"), false)]
#[case::the_caller_says_yes("0", Some("01"), true)]
#[case::nobody_says_anything_and_none_are_wanted("0", None, false)]
#[case::nobody_says_anything_and_all_are_wanted("100", None, true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_callers_decision_counts_before_ours(
    #[case] percent: &str,
    #[case] flags: Option<&str>,
    #[case] traced: bool,
) {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector, &[("TRACE__SAMPLE_PERCENT", percent)]).await;
    match flags {
        Some(flags) => ask(&stage, PATH, TRACE, flags).await,
        None => stage.get(PATH).await,
    }
    .page();
    // Its line names a trace wherever there is one.
    let line = watch().lines(&[r#""message":"request""#, r#""route":"/members/"#]).pop().unwrap();
    assert_eq!(line.get("trace_id").is_some(), flags.is_some() || traced, "{line}");
    stage.app.stop().await; // sends what there is
    assert_eq!(collector.all().iter().any(|span| span.name == ROOT), traced);
    if flags.is_none() && traced {
        let root = one(&collector.all(), ROOT).clone();
        assert_eq!((root.parent.as_str(), line["trace_id"].as_str()), ("", Some(root.trace.as_str())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_parent_is_as_none() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector, &[("TRACE__SAMPLE_PERCENT", "100")]).await;
    for bad in [format!("00-{TRACE}-{CALLER}"), format!("00-{TRACE}-0000000000000000-01"), "x".repeat(4_000)]
    {
        stage.send(stage.request(PATH).header("traceparent", bad)).await.page();
    }
    let twice = format!("00-{TRACE}-{CALLER}-01");
    stage.send(stage.request(PATH).header("traceparent", &twice).header("traceparent", &twice)).await.page();
    stage.app.stop().await;
    let roots: Vec<_> = collector.all().into_iter().filter(|span| span.name == ROOT).collect();
    assert_eq!(roots.len(), 4);
    assert!(roots.iter().all(|root| root.parent.is_empty() && root.trace != TRACE), "{roots:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_fetch_points_at_the_trace_that_has_it() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector, &[]).await;
    stage.sandbox.control().hold();
    let joined = async {
        stage.sandbox.control().arrived(1).await;
        let (reply, ()) = tokio::join!(ask(&stage, PATH, OTHER, "01"), async {
            while stage.app.metrics().counters.coalesced.get() == 0 {
                tokio::task::yield_now().await;
            }
            stage.sandbox.control().release();
        });
        reply
    };
    let (first, second) = tokio::join!(ask(&stage, PATH, TRACE, "01"), joined);
    assert_eq!((first.page().total, second.page().total), (57, 57));
    let (ours, theirs) = (collector.spans(TRACE, 10).await, collector.spans(OTHER, 4).await);
    let wait = one(&theirs, "wait for fetch");
    assert_eq!(wait.links, [(TRACE.to_owned(), one(&ours, "fetch").id.clone())]);
    assert_eq!(wait.attributes["points_gateway.joined"], "true");
    assert!(!theirs.iter().any(|span| span.name == "fetch"), "{theirs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_and_failures_show_as_such_without_kingdees_words() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector, &[]).await;
    stage.get("/members/1004/points-history").await.page();
    stage.sandbox.control().fail_next(Endpoint::Record, Fault::Code(5_007), 1);
    ask(&stage, PATH, TRACE, "01").await.page();
    let spans = collector.spans(TRACE, 10).await;
    let attempts: Vec<_> = spans.iter().filter(|span| span.kind == CLIENT).collect();
    assert_eq!(
        attempts.iter().map(|attempt| attempt.failed).collect::<Vec<_>>(),
        [true, false],
        "{attempts:#?}"
    );
    assert_eq!(attempts[0].attributes["error.type"], "throttled");
    assert_eq!(attempts[0].attributes["points_gateway.errcode"], "5007");
    let pause = one(&spans, "back-off");
    assert!(attempts[0].ended <= pause.began && pause.ended <= attempts[1].began, "{spans:#?}");
    let fault = Fault::Errcode { status: 519, errcode: 4_012, text: "told-by-kingdee".into() };
    stage.sandbox.control().fail_records(Some(fault));
    ask(&stage, "/members/1005/points-history", OTHER, "01").await.problem();
    let spans = collector.spans(OTHER, 6).await;
    assert!(one(&spans, ROOT).failed && one(&spans, "fetch").failed && one(&spans, "wait for fetch").failed);
    assert_eq!(one(&spans, ROOT).attributes["error.type"], "upstream-rejected");
    assert!(!format!("{spans:?}").contains("told-by-kingdee"));
}

#[tokio::test(flavor = "multi_thread")]
async fn kingdee_is_told_of_a_trace_only_where_that_is_wanted() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let quiet = stage(&collector, &[]).await;
    ask(&quiet, PATH, TRACE, "01").await.page();
    assert!(quiet.sandbox.control().received().iter().all(|request| request.header("traceparent").is_none()));
    let open = stage(&collector, &[("TRACE__PROPAGATE", "true")]).await;
    let parent = format!("00-{OTHER}-{CALLER}-01");
    let request = open.request(PATH).header("traceparent", parent).header("tracestate", "congo=t61r");
    open.send(request).await.page();
    let spans = collector.spans(OTHER, 10).await;
    let record = open.sandbox.control().received().pop().unwrap();
    let attempt = one(&spans, "GET /jdy/v2/ls/integral_record");
    assert_eq!(record.header("traceparent"), Some(format!("00-{OTHER}-{}-01", attempt.id).as_str()));
    assert_eq!(record.header("tracestate"), Some("congo=t61r"));
    // A trace that nobody records is passed on as it came.
    ask(&open, "/members/1004/points-history", TRACE, "00").await.page();
    let record = open.sandbox.control().received().pop().unwrap();
    assert_eq!(record.header("traceparent"), Some(format!("00-{TRACE}-{CALLER}-00").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_attribute_names_a_member_or_a_secret() {
    let collector = Collector::start(TraceProtocol::HttpProtobuf, Mood::Takes).await;
    let stage = stage(&collector, &[("TRACE__SAMPLE_PERCENT", "100")]).await;
    let member = "1378250463920129288";
    stage.get(&format!("/members/{member}/points-history?type=001&from=2026-01-01")).await.page();
    stage.get(&format!("/accounts/main/members/{member}/points-history?page=0")).await.problem();
    let told = crate::leaks::confidential(stage.sandbox.control());
    assert!(told.iter().any(|told| told == member), "the sandbox was asked for somebody else");
    stage.app.stop().await;
    assert!(collector.all().len() > 10);
    crate::leaks::check(&format!("{:?}", collector.all()), &told);
}

#[test]
fn every_span_and_every_attribute_is_documented() {
    use points_gateway::telemetry::trace::names::{attributes, spans};
    let text = include_str!("../../docs/traces.md");
    let rows: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(n, _)| n).collect();
    let names: Vec<_> = spans::ALL.into_iter().chain(attributes::ALL).collect();
    for name in &names {
        assert!(rows.contains(name), "docs/traces.md doesn't know {name}");
    }
    let requests = ["GET /members/{member_id}/points-history", "GET /jdy/v2/ls/integral_record"];
    let unknown: Vec<_> = rows.iter().filter(|row| !names.contains(row) && !requests.contains(row)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
