//! Questions of apps: the target of a request through the endpoint's parser and through the front door.

use std::sync::{Arc, LazyLock};

use http::{Request, Uri};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use points_gateway::app::demo;
use points_gateway::clock::Clock;
use points_gateway::domain::ledger::ChunkKey;
use points_gateway::domain::query::HistoryQuery;
use points_gateway::history::History;
use points_gateway::http::front::{Front, FrontParts};
use points_gateway::http::phase::Phase;
use points_gateway::http::points_history::CursorKeys;
use points_gateway::http::points_history::parsers::{query_of, question as parse};
use points_gateway::http::{Account, PointsHistory, router};
use points_gateway::kingdee::settings::{SpaceEncoding, WindowEnd};
use points_gateway::kingdee::sign::WireQuery;
use points_gateway::kingdee::transport::LONGEST_QUERY;
use points_gateway::kingdee::{Kingdee, record};
use points_gateway::telemetry::{AccessLog, Members, Metrics, Tracer};

/// Faults of a query are listed up to 20; then those of single parameters.
const MOST_FAULTS: usize = 20 + 8;

/// A front door whose gateway has nothing in memory: a valid question must wait, and here nobody does.
struct Stage {
    front: Front,
    accounts: Vec<Account>,
    _runtime: tokio::runtime::Runtime,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let config = demo::config("127.0.0.1:9".parse().unwrap(), any, any).unwrap();
    let clock = Clock::manual("2026-11-25T10:00:00+08:00".parse().unwrap());
    let metrics = Metrics::new(&clock);
    let kingdee = Kingdee::new(config.kingdee, None, clock.clone()).unwrap();
    let counters = Arc::clone(&metrics.counters);
    let handle = runtime.handle().clone();
    let history = History::new(config.history, config.cache, kingdee, None, clock.clone(), counters, handle);
    // One zone without and one with summer time.
    let account = |name: &str, zone: &str| {
        let time_zone = TimeZone::get(zone).unwrap();
        Account { name: name.into(), time_zone, cursor_keys: CursorKeys::only(7) }
    };
    let accounts = vec![account("main", "Asia/Shanghai"), account("outlet", "America/New_York")];
    let endpoint = PointsHistory::new(history, accounts.clone());
    let phase = Phase::new();
    let front = Front::new(FrontParts {
        router: router::router(endpoint.clone(), &[], phase.clone()),
        phase,
        endpoint,
        clock,
        limits: config.http.limits,
        access: AccessLog::off(),
        metrics: metrics.requests.clone(),
        tracer: Tracer::off(),
        members: Members::keyed_by(b"key"),
    });
    Stage { front, accounts, _runtime: runtime }
});

/// Sets the stage.
pub fn prepare() {
    LazyLock::force(&STAGE);
}

/// The bytes are a request's target, as hyper would hand it over.
pub fn question(data: &[u8]) {
    let Ok(uri) = Uri::try_from(data) else { return };
    let request = Request::get(uri.clone()).header("host", "apps.example").body(()).unwrap();
    let response = STAGE.front.without_waiting(&request);
    let status = response.as_ref().map(|response| response.status().as_u16());
    let name =
        uri.path().strip_prefix("/accounts/").and_then(|rest| rest.split_once('/')).map(|(name, _)| name);
    let account = match name {
        None => STAGE.accounts.first(),
        Some(name) => STAGE.accounts.iter().find(|account| account.name == name),
    };
    if status == Some(414) {
        return assert!(data.len() > 8 << 10, "a target of {} bytes is no long one", data.len());
    }
    let parsed = parse(account.unwrap_or(&STAGE.accounts[0]), uri.path(), uri.query());
    match (parsed, account) {
        (None, _) => assert_eq!(status, None, "another path is left to the router"),
        (Some(_), None) => assert_eq!(status, Some(404)),
        (Some(Ok(question)), Some(account)) => {
            assert_eq!(status, None, "a question that nothing in memory answers must wait");
            can_be_asked(&question, account);
        }
        (Some(Err(faults)), Some(_)) => {
            assert_eq!(status, Some(400));
            assert!((1..=MOST_FAULTS).contains(&faults.len()), "{} faults", faults.len());
            assert!(faults.iter().all(|fault| fault.parameter.chars().count() <= 64));
        }
    }
    if let Some(response) = response {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("x-request-id").map(str::len), Some(16));
    }
}

/// A question can be asked again in the gateway's own words, and of Kingdee within its limits.
fn can_be_asked(question: &HistoryQuery, account: &Account) {
    let selection = &question.selection;
    let path = format!("/members/{}/points-history", selection.member.as_str());
    let query = query_of(question, account);
    assert!(format!("{path}?{query}").parse::<Uri>().is_ok(), "{path}?{query}");
    assert_eq!(parse(account, &path, Some(&query)), Some(Ok(question.clone())), "{query}");

    let bounds = [selection.window.from, selection.window.to];
    assert!(bounds.into_iter().flatten().all(|t| t >= Timestamp::UNIX_EPOCH && t.subsec_nanosecond() == 0));
    assert!(!matches!(bounds, [Some(from), Some(to)] if from >= to));
    let key = ChunkKey { selection: selection.clone(), number: u32::MAX };
    for (end, spaces) in
        [(WindowEnd::Inclusive, SpaceEncoding::Form), (WindowEnd::Exclusive, SpaceEncoding::Percent)]
    {
        let params = record::params(&key, 100, &account.time_zone, end);
        let sent = WireQuery::build(&params, spaces);
        assert!(sent.as_str().len() <= LONGEST_QUERY && sent.as_str().is_ascii(), "{}", sent.as_str());
    }
}
