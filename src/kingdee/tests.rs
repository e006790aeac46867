//! The room from its front door, over real sockets.

mod rig;
mod bad_days;
mod adopting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use super::settings::{
    AccountSettings, Authorization, LaneSettings, SpaceEncoding, TransportSettings, WindowEnd,
};
use super::sign::{Signature, Stamp, StringToSign, WireQuery};
use super::stub::{Act, Seen, Stub, json};
use super::*;
use crate::domain::account::AccountName;
use crate::domain::member::MemberId;
use crate::domain::query::{Selection, Window};

pub fn settings(base_url: Url) -> KingdeeSettings {
    KingdeeSettings {
        base_url,
        client_id: "205022".into(),
        client_secret: "canary-client-secret".into(),
        space_encoding: SpaceEncoding::Form,
        window_end: WindowEnd::Inclusive,
        chunk_rows: 100,
        router_suffixes: vec!["jdy.com".into()],
        token_refresh_percent: 80,
        token_max_life: Duration::from_secs(86_400),
        transport: TransportSettings {
            attempt_timeout: Duration::from_secs(20),
            call_timeout: Duration::from_secs(30),
            ..TransportSettings::default()
        },
        lane: LaneSettings::default(),
        accounts: vec![AccountSettings {
            name: AccountName::parse("main").unwrap(),
            time_zone: TimeZone::get("Asia/Shanghai").unwrap(),
            authorization: Authorization::Static {
                app_key: "canary-key".into(),
                app_secret: "canary-app-secret".into(),
                router_domain: "https://tf.jdy.com".into(),
            },
        }],
    }
}

pub fn key(member: &str) -> ChunkKey {
    let from = "2023-12-31T16:00:00Z".parse().unwrap();
    ChunkKey {
        selection: Selection {
            account: AccountIndex::DEFAULT,
            member: MemberId::parse(member).unwrap(),
            window: Window::new(Some(from), None).unwrap(),
            kind: None,
        },
        number: 0,
    }
}

fn call() -> Call<'static> {
    Call::alone(Priority::User, Instant::now() + Duration::from_secs(30))
}

const EMPTY: &str = r#"{"errcode":0,"description":"success","data":{"count":0,"rows":null}}"#;

/// Hands out tokens `canary-token-0`, … and answers records with `script`, which also gets the number of the call.
async fn kingdee(
    change: impl FnOnce(&mut KingdeeSettings),
    script: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static,
) -> (Kingdee, Stub) {
    let (tokens, records) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stub = Stub::start(move |seen| match seen.path().ends_with("kingdee_auth_token") {
        true => json(
            200,
            &format!(
                r#"{{"errcode":0,"data":{{"app-token":"canary-token-{}"}}}}"#,
                tokens.fetch_add(1, Ordering::SeqCst)
            ),
        ),
        false => script(seen, records.fetch_add(1, Ordering::SeqCst)),
    })
    .await;
    let mut settings = settings(stub.base.clone());
    change(&mut settings);
    (Kingdee::new(settings, None, Clock::real()).unwrap(), stub)
}

#[tokio::test]
async fn a_chunk_is_one_signed_call_with_all_nine_headers() {
    let (kingdee, stub) = kingdee(|_| (), |_, _| json(200, EMPTY)).await;
    let answer = kingdee.chunk(&key("850693217107061760"), call()).await.unwrap();
    assert_eq!((answer.count, answer.rows.len()), (0, 0));
    let seen = stub.seen_on("/jdy/v2/ls/integral_record").pop().unwrap();
    assert_eq!(
        seen.query(),
        "member_id=850693217107061760&page=1&page_size=100&start_date=2024-01-01+00%3A00%3A00"
    );
    for (name, value) in [
        ("Content-Type", "application/json"),
        ("X-Api-ClientID", "205022"),
        ("X-Api-Auth-Version", "2.0"),
        ("X-Api-SignHeaders", "X-Api-TimeStamp,X-Api-Nonce"),
        ("app-token", "canary-token-0"),
        ("X-GW-Router-Addr", "https://tf.jdy.com"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    let stamp = Stamp {
        nonce: seen.header("x-api-nonce").unwrap().into(),
        timestamp: seen.header("x-api-timestamp").unwrap().into(),
    };
    let params = [
        ("start_date", "2024-01-01 00:00:00"),
        ("page_size", "100"),
        ("page", "1"),
        ("member_id", "850693217107061760"),
    ];
    let query = WireQuery::build(&params, SpaceEncoding::Form);
    let string = StringToSign::derive("GET", "/jdy/v2/ls/integral_record", &query, &stamp);
    let signature = Signature::of(&"canary-client-secret".into(), &string);
    assert_eq!(seen.header("x-api-signature"), Some(signature.as_str()));
}

#[tokio::test]
async fn every_attempt_has_a_nonce_and_a_signature_of_its_own() {
    let (kingdee, stub) = kingdee(
        |s| s.lane.burst = 200,
        |_, call| match call {
            0 => Act::SendAndClose(Vec::new()),
            1 => json(519, r#"{"errcode":4011,"description":"expired"}"#),
            _ => json(200, EMPTY),
        },
    )
    .await;
    kingdee.chunk(&key("1"), call()).await.unwrap();
    for _ in 0..20 {
        kingdee.chunk(&key("1"), call()).await.unwrap();
    }
    let seen = stub.seen();
    assert_eq!(stub.seen_on("integral_record").len(), 23);
    for header in ["x-api-nonce", "x-api-signature"] {
        let values: std::collections::BTreeSet<_> = seen.iter().map(|s| s.header(header).unwrap()).collect();
        assert_eq!(values.len(), seen.len(), "{header}");
    }
}

#[rstest::rstest]
#[case(519, 4009)]
#[case(519, 4010)]
#[case(519, 4011)]
#[case(401, 1_000_202_001)]
#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_made_once_more(#[case] status: u16, #[case] errcode: u64) {
    let refusal = format!(r#"{{"errcode":"{errcode}","description":"token"}}"#);
    let (kingdee, stub) = kingdee(
        |_| (),
        move |seen, _| match seen.header("app-token") {
            Some("canary-token-0") => json(status, &refusal),
            _ => json(200, EMPTY),
        },
    )
    .await;
    let calls = (0..20).map(|_| {
        let kingdee = kingdee.clone();
        tokio::spawn(async move { kingdee.chunk(&key("1"), call()).await })
    });
    for outcome in calls.collect::<Vec<_>>() {
        outcome.await.unwrap().unwrap();
    }
    assert_eq!(stub.seen_on("kingdee_auth_token").len(), 2);
}

#[tokio::test]
async fn a_token_that_is_always_refused_costs_two_token_calls_and_no_more() {
    let (kingdee, stub) =
        kingdee(|_| (), |_, _| json(519, r#"{"errcode":4010,"description":"bad token"}"#)).await;
    let error = kingdee.chunk(&key("1"), call()).await.unwrap_err();
    assert_eq!((error.failure, error.errcode), (Failure::Token, Some(4010)));
    for _ in 0..50 {
        let error = kingdee.chunk(&key("1"), call()).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Token | Failure::LaneFull), "{error}");
    }
    assert_eq!(stub.seen_on("kingdee_auth_token").len(), 2);
}

#[tokio::test]
async fn a_socket_that_closes_under_us_is_replaced_once() {
    let (kingdee, stub) = kingdee(|_| (), |_, _| Act::SendAndClose(Vec::new())).await;
    let error = kingdee.chunk(&key("1"), call()).await.unwrap_err();
    assert_eq!(error.failure, Failure::Unreachable);
    assert_eq!(stub.seen_on("integral_record").len(), 2);
}

#[tokio::test]
async fn refusals_that_would_come_again_are_not_repeated() {
    let bodies = Arc::new([
        (4008, Failure::Configuration),
        (5001, Failure::Router),
        (1_030_002_006, Failure::CallerFault),
        (4012, Failure::Configuration),
    ]);
    let script = bodies.clone();
    let (kingdee, stub) = kingdee(
        |_| (),
        move |_, call| {
            json(
                200,
                &format!(
                    r#"{{"errcode":{},"description":"no such member 13800138000 or canary-member"}}"#,
                    script[call].0
                ),
            )
        },
    )
    .await;
    for (errcode, failure) in bodies.iter() {
        let error = kingdee.chunk(&key("canary-member"), call()).await.unwrap_err();
        assert_eq!((error.failure, error.errcode), (*failure, Some(*errcode)));
        assert_eq!(error.detail, "no such member … or …");
    }
    assert_eq!(stub.seen_on("integral_record").len(), bodies.len());
}

#[tokio::test]
async fn a_call_ends_at_the_callers_deadline_or_its_own() {
    let (kingdee, _stub) = kingdee(|_| (), |_, _| Act::Hang).await;
    let soon = Call { deadline: Instant::now() + Duration::from_millis(30), ..call() };
    assert_eq!(kingdee.chunk(&key("1"), soon).await.unwrap_err().failure, Failure::TimedOut);
    let (kingdee, _stub) =
        self::kingdee(|s| s.transport.call_timeout = Duration::from_millis(30), |_, _| Act::Hang).await;
    assert_eq!(kingdee.chunk(&key("1"), call()).await.unwrap_err().failure, Failure::TimedOut);
}

#[tokio::test]
async fn a_closed_lane_sends_nothing() {
    let (kingdee, stub) = kingdee(|s| s.lane.per_minute = 0, |_, _| json(200, EMPTY)).await;
    let error = kingdee.chunk(&key("1"), call()).await.unwrap_err();
    assert_eq!(error.failure, Failure::LaneFull);
    assert!(stub.seen_on("integral_record").is_empty());
}

#[tokio::test]
async fn account_sets_have_their_names_zones_and_credentials() {
    let (kingdee, stub) = kingdee(
        |s| {
            let second = AccountSettings {
                name: AccountName::parse("second").unwrap(),
                time_zone: TimeZone::UTC,
                ..s.accounts[0].clone()
            };
            s.accounts.push(second);
        },
        |_, _| json(200, EMPTY),
    )
    .await;
    assert_eq!(
        (kingdee.account_name(AccountIndex(0)), kingdee.account_name(AccountIndex(1))),
        ("main", "second")
    );
    assert_eq!(kingdee.time_zone(AccountIndex(1)), &TimeZone::UTC);
    let on = |account| {
        let mut key = key("1");
        key.selection.account = AccountIndex(account);
        key
    };
    kingdee.chunk(&on(0), call()).await.unwrap();
    kingdee.chunk(&on(1), call()).await.unwrap();
    assert_eq!(kingdee.chunk(&on(2), call()).await.unwrap_err().failure, Failure::Configuration);
    let tokens: Vec<_> =
        stub.seen_on("integral_record").iter().map(|s| s.header("app-token").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["canary-token-0", "canary-token-1"]);
    let starts: Vec<_> =
        stub.seen_on("integral_record").iter().map(|s| s.query().contains("2023-12-31+16")).collect();
    assert_eq!(starts, [false, true]);
}
