//! Instructions per piece of work, counted by callgrind: the same on a quiet machine and on a noisy one.
//!
//! `bench/instructions.sh` runs it. A run is compared with the one before it in the same target folder, and fails where a
//! piece has grown by more than a tenth; `bench/README.md` says what was counted when.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)] // a program for developers

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use gungraun::prelude::*;
use http::{Method, Request, Response, StatusCode};
use jiff::tz::TimeZone;
use points_gateway::app::{App, Surroundings, demo};
use points_gateway::clock::Clock;
use points_gateway::domain::account::AccountIndex;
use points_gateway::domain::ledger::{Assembled, Chunk, ChunkKey, CountCheck, LedgerAnswer};
use points_gateway::domain::member::MemberId;
use points_gateway::domain::query::{Selection, Window};
use points_gateway::http::body::AnswerBody;
use points_gateway::http::front::Front;
use points_gateway::kingdee::reply::Reply;
use points_gateway::kingdee::settings::SpaceEncoding;
use points_gateway::kingdee::sign::headers::Unsigned;
use points_gateway::kingdee::sign::{SignedRequest, Stamp, WireQuery};
use points_gateway::kingdee::wire::read_ledger;
use points_gateway::sandbox::{Sandbox, SandboxSettings};
use points_gateway::telemetry::AccessLog;
use points_gateway::telemetry::log::Log;
use secrecy::SecretString;

/// A gateway that has the member's first chunk in memory, log and metrics on as in production.
fn warm(target: &str) -> (Front, Request<()>) {
    warm_with(target, None)
}

/// The same with a collector that nobody sends anything to: no request is sampled.
fn watched(target: &str) -> (Front, Request<()>) {
    warm_with(target, Some("http://127.0.0.1:9/v1/traces"))
}

fn warm_with(target: &str, collector: Option<&str>) -> (Front, Request<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let front = runtime.block_on(async {
        let clock = Clock::real();
        let sandbox = Sandbox::start(SandboxSettings::default(), clock.clone()).await.unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let loader = demo::loader_at(sandbox.address(), any, any);
        let mut config = loader.load().0.unwrap();
        config.trace.endpoint = collector.map(|address| address.parse().unwrap());
        config.trace.sample_percent = 0;
        let log = Box::leak(Box::new(Log::install(&config.log).unwrap()));
        let access = AccessLog::into(log);
        let reloading = demo::reloading(loader);
        let surroundings = Surroundings { clock, access, samples: Vec::new(), reloading };
        let app = App::start(config, surroundings).await.unwrap();
        let url = format!("http://{}{target}", app.public_address());
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        assert_eq!(client.get(url).send().await.unwrap().status(), 200);
        app.front().clone()
    });
    std::mem::forget(runtime);
    let request =
        Request::get(target).header("host", "apps.example").header("accept", "*/*").body(()).unwrap();
    for _ in 0..50 {
        assert_eq!(front.without_waiting(&request).unwrap().status(), 200);
    }
    (front, request)
}

/// The sandbox's member with 1 234 rows.
fn history(query: &str) -> String {
    format!("/members/1006/points-history{query}")
}

#[library_benchmark]
#[bench::twenty_rows(warm(&history("")))]
#[bench::twenty_rows_not_sampled(watched(&history("")))]
#[bench::hundred_rows(warm(&history("?page_size=100")))]
#[bench::across_two_chunks(warm(&history("?page_size=30&page=4")))]
fn hit((front, request): (Front, Request<()>)) -> Option<Response<AnswerBody>> {
    black_box(front.without_waiting(&request))
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

/// A full upstream page in Kingdee's shape.
fn reply() -> Reply {
    let row = |n: usize| {
        format!(
            r#"{{"id":"14234243664651{n:05}","member_id":"850693217107061760","member_name":"王小明","type_id":"{}","type_number":"001","type_name":"消费积分","occur":"{n}","last_integral":"100","integral":"{}","create_time":"2024-03-01 10:20:30","modify_time":"2024-03-01 10:20:30"}}"#,
            7_000_000 + n % 5,
            100 + n
        )
    };
    let rows: Vec<_> = (0..100).map(row).collect();
    let body = format!(
        r#"{{"data":{{"count":"1234","cur_page_size":"100","page":"1","page_size":"100","rows":[{}],"total_page":"13"}},"description":"成功","errcode":0}}"#,
        rows.join(",")
    );
    Reply { status: StatusCode::OK, retry_after: None, date: None, body: Bytes::from(body) }
}

/// A page and the zone of its times; finding the zone is no part of reading.
fn page() -> (Reply, TimeZone) {
    (reply(), zone())
}

#[library_benchmark]
#[bench::hundred_rows(page())]
fn decode((reply, zone): (Reply, TimeZone)) -> LedgerAnswer {
    black_box(read_ledger(&reply, &zone, &[]).unwrap())
}

fn answer() -> (ChunkKey, LedgerAnswer) {
    let selection = Selection {
        account: AccountIndex::DEFAULT,
        member: MemberId::parse("850693217107061760").unwrap(),
        window: Window::default(),
        kind: None,
    };
    (ChunkKey { selection, number: 0 }, read_ledger(&reply(), &zone(), &[]).unwrap())
}

#[library_benchmark]
#[bench::hundred_rows(answer())]
fn render((key, answer): (ChunkKey, LedgerAnswer)) -> Assembled {
    black_box(Chunk::assemble(&key, 100, CountCheck::Refuse, &answer).unwrap())
}

fn call() -> (Vec<(&'static str, String)>, SecretString, Stamp) {
    let params = [
        ("member_id", "850693217107061760"),
        ("page", "1"),
        ("page_size", "100"),
        ("start_date", "2024-01-01 00:00:00"),
        ("end_date", "2024-01-31 23:59:59"),
    ];
    let stamp = Stamp { nonce: "4427456950123456".into(), timestamp: "1655775240000".into() };
    (params.map(|(name, value)| (name, value.to_owned())).into(), SecretString::from("client-secret"), stamp)
}

#[library_benchmark]
#[bench::dated_call(call())]
fn sign((params, secret, stamp): (Vec<(&'static str, String)>, SecretString, Stamp)) -> SignedRequest {
    let query = WireQuery::build(&params, SpaceEncoding::Form);
    let request = Unsigned { method: Method::GET, path: "/jdy/v2/ls/integral_record", query };
    black_box(SignedRequest::sign(request, "205022", &secret, &stamp).unwrap())
}

library_benchmark_group!(name = pieces, benchmarks = [hit, render, sign, decode]);

main!(library_benchmark_groups = pieces);
