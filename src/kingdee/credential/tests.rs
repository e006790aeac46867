//! The chain against a stand-in: once however many ask, early, never dead, never more than twice a minute.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{Keeper, Refused, Source};
use crate::clock::Clock;
use crate::domain::account::AccountName;
use crate::kingdee::exchange::Exchange;
use crate::kingdee::failure::Failure;
use crate::kingdee::settings::{Authorization, KingdeeSettings, TransportSettings};
use crate::kingdee::stub::{Act, Seen, Stub, json};
use crate::kingdee::tests::settings;

struct House {
    keeper: Keeper,
    clock: Clock,
    stub: Stub,
}

fn pulled() -> Authorization {
    Authorization::Pull { outer_instance_id: Some("500".into()), account_id: Some("1".into()) }
}

fn configured() -> Authorization {
    Authorization::Static {
        app_key: "canary-k".into(),
        app_secret: "canary-static".into(),
        router_domain: "https://tf.jdy.com/".into(),
    }
}

async fn house(authorization: Authorization, script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> House {
    let stub = Stub::start(script).await;
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let transport =
        TransportSettings { attempt_timeout: Duration::from_secs(20), ..TransportSettings::default() };
    let settings = KingdeeSettings { transport, ..settings(stub.base.clone()) };
    let exchange = Exchange::new(&settings, clock.clone()).unwrap();
    let day = Duration::from_secs(86_400);
    let source =
        Source::new(exchange, authorization, settings.router_suffixes.into(), day, None, clock.clone());
    let name = AccountName::parse("main").unwrap();
    let keeper = Keeper::new(name, source, 80, Duration::from_secs(20), clock.clone());
    House { keeper, clock, stub }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn token(name: &str, expires: u64) -> Act {
    json(200, &format!(r#"{{"errcode":0,"data":{{"app-token":"{name}","expires":{expires}}}}}"#))
}

fn authorisation(secret: &str) -> Act {
    json(
        200,
        &format!(
            r#"{{"code":200,"msg":"","data":[{{"appKey":"canary-k","appSecret":"{secret}","accountId":"1",
            "domain":"https://tf.jdy.com","status":1}}]}}"#
        ),
    )
}

/// Numbers its tokens `canary-0`, `canary-1` …, each with an hour of life.
fn counting() -> impl Fn(&Seen) -> Act + Send + Sync + 'static {
    let count = AtomicUsize::new(0);
    move |_| token(&format!("canary-{}", count.fetch_add(1, Ordering::SeqCst)), 3600)
}

fn sent(set: &super::CredentialSet) -> (String, String) {
    let credentials = set.credentials();
    assert!(credentials.token.is_sensitive());
    (credentials.token.to_str().unwrap().to_owned(), credentials.router.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_token_is_fetched_once_however_many_ask() {
    let house = house(configured(), counting()).await;
    let asking = (0..200).map(|_| {
        let keeper = house.keeper.clone();
        tokio::spawn(async move { keeper.get(soon()).await })
    });
    for asked in asking.collect::<Vec<_>>() {
        let set = asked.await.unwrap().unwrap();
        assert_eq!(sent(&set), ("canary-0".into(), "https://tf.jdy.com/".into()));
    }
    assert_eq!(house.stub.seen().len(), 1);
    let call = &house.stub.seen()[0];
    assert!(call.query().starts_with("app_key=canary-k&app_signature="));
    assert!(call.query().ends_with("%3D%3D"));
    assert!(call.header("app-token").is_none() && call.header("x-api-signature").is_some());
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let house = house(configured(), counting()).await;
    for _ in 0..50 {
        // Polled once, then dropped; the later ones may find the token there.
        let _ = tokio::time::timeout(Duration::ZERO, house.keeper.get(soon())).await;
    }
    assert_eq!(sent(&house.keeper.get(soon()).await.unwrap()).0, "canary-0");
    assert_eq!(house.stub.seen().len(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_early_while_callers_go_on_with_the_old_one() {
    let house = house(configured(), counting()).await;
    assert_eq!(house.keeper.get(soon()).await.unwrap().version, 1);
    house.clock.advance(Duration::from_secs(2879));
    assert_eq!(house.keeper.get(soon()).await.unwrap().version, 1);
    house.clock.advance(Duration::from_secs(1));
    let mut set = house.keeper.get(soon()).await.unwrap();
    assert_eq!((set.version, sent(&set).0.as_str()), (1, "canary-0"), "nobody waits for a renewal");
    for _ in 0..100_000 {
        if set.version == 2 {
            break;
        }
        tokio::task::yield_now().await;
        set = house.keeper.get(soon()).await.unwrap();
    }
    assert_eq!((set.version, sent(&set).0.as_str()), (2, "canary-1"));
    assert_eq!(house.stub.seen().len(), 2);
}

#[tokio::test]
async fn an_expired_token_is_never_handed_out() {
    let house = house(configured(), counting()).await;
    house.keeper.get(soon()).await.unwrap();
    house.clock.advance(Duration::from_secs(3600));
    assert_eq!(sent(&house.keeper.get(soon()).await.unwrap()).0, "canary-1");
    // A wall clock that jumps kills no token: life is measured on the tick.
    house.clock.set_wall("2038-01-19T03:14:08Z".parse().unwrap());
    assert_eq!(sent(&house.keeper.get(soon()).await.unwrap()).0, "canary-1");
}

#[tokio::test]
async fn a_refused_version_is_replaced_once_however_many_were_refused() {
    let house = house(configured(), counting()).await;
    let used = house.keeper.get(soon()).await.unwrap();
    let renewing = (0..100).map(|_| {
        let (keeper, used) = (house.keeper.clone(), used.clone());
        tokio::spawn(async move { keeper.renew(&used, Refused::Doubted, soon()).await })
    });
    for renewed in renewing.collect::<Vec<_>>() {
        assert_eq!(renewed.await.unwrap().unwrap().version, 2);
    }
    let late = house.keeper.renew(&used, Refused::Doubted, soon()).await.unwrap();
    assert_eq!(late.version, 2, "late news of an old refusal");
    assert_eq!(house.stub.seen().len(), 2);
}

#[tokio::test]
async fn failures_are_shared_and_cause_no_storm() {
    let house = house(configured(), |_| json(519, r#"{"errcode":5006,"description":"fuse canary-k"}"#)).await;
    let (mut calls, mut asked) = (Vec::new(), 0);
    for second in 0..300u64 {
        for _ in 0..5 {
            let error = house.keeper.get(soon()).await.unwrap_err();
            assert!(matches!(error.failure, Failure::Upstream | Failure::LaneFull));
            assert!(error.retry_after.unwrap() > Duration::ZERO);
            asked += usize::from(!error.held_back);
            assert!(!format!("{error:?}").contains("canary"));
        }
        calls.extend(std::iter::repeat_n(second, house.stub.seen().len() - calls.len()));
        house.clock.advance(Duration::from_secs(1));
    }
    let most =
        calls.iter().map(|from| calls.iter().filter(|t| (*from..from + 60).contains(*t)).count()).max();
    assert_eq!(most, Some(2));
    assert!(calls.windows(2).skip(2).all(|two| two[1] - two[0] <= 31), "as often as it may: {calls:?}");
    assert_eq!(asked, calls.len(), "everybody else was held back");
}

#[tokio::test]
async fn a_rotated_secret_is_pulled_before_the_next_token_is_bought() {
    let secret = Arc::new(Mutex::new("canary-old"));
    let now = secret.clone();
    let good = |secret: &str| {
        let signature = crate::kingdee::sign::app_signature("canary-k", &secret.into());
        format!("app_signature={}", signature.as_str().replace('=', "%3D"))
    };
    let house = house(pulled(), move |seen| match seen.path().ends_with("push_app_authorize") {
        true => authorisation(*now.lock().unwrap()),
        false if seen.query().contains(&good(*now.lock().unwrap())) => token("canary-t", 3600),
        false => json(200, r#"{"errcode":1030002006,"description":"授权密钥校验失败，请获取最新密钥加密"}"#),
    })
    .await;
    let set = house.keeper.get(soon()).await.unwrap();
    let pulls = || house.stub.seen_on("push_app_authorize");
    assert_eq!((pulls().len(), pulls()[0].query()), (1, "outerInstanceId=500"));
    *secret.lock().unwrap() = "canary-new";
    house.clock.advance(Duration::from_secs(3700));
    assert_eq!(house.keeper.get(soon()).await.unwrap().version, set.version + 1);
    // Pulled before it was bought, so no token call was wasted.
    assert_eq!((pulls().len(), house.stub.seen_on("kingdee_auth_token").len()), (2, 2));
}

#[tokio::test]
async fn a_secret_from_the_configuration_that_is_refused_stays_refused() {
    let house = house(configured(), |_| json(200, r#"{"errcode":"1030002006","description":"x"}"#)).await;
    let error = house.keeper.get(soon()).await.unwrap_err();
    assert_eq!((error.failure, error.errcode), (Failure::Secret, Some(1_030_002_006)));
    assert_eq!(house.stub.seen().len(), 1);
}

#[tokio::test]
async fn a_garbled_answer_is_asked_for_again_and_never_kept() {
    for garbled in [
        "<html>",
        r#"{"errcode":0}"#,
        r#"{"errcode":0,"data":{"app-token":""}}"#,
        r#"{"errcode":0,"data":{"app-token":"t","expires":1600000000000}}"#,
    ] {
        let first = AtomicUsize::new(0);
        let house = house(configured(), move |_| match first.fetch_add(1, Ordering::SeqCst) {
            0 => json(200, garbled),
            _ => token("canary-good", 3600),
        })
        .await;
        assert_eq!(sent(&house.keeper.get(soon()).await.unwrap()).0, "canary-good", "{garbled}");
        assert_eq!(house.stub.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_waiter_gives_up_at_its_deadline_and_the_fetch_goes_on() {
    let house = house(configured(), |_| Act::Hang).await;
    let error = house.keeper.get(Instant::now()).await.unwrap_err();
    assert_eq!(error.failure, Failure::TimedOut);
}

#[tokio::test]
async fn nothing_that_holds_a_secret_prints_it() {
    let house = house(pulled(), |seen| match seen.path().ends_with("push_app_authorize") {
        true => authorisation("canary-secret"),
        false => token("canary-token", 3600),
    })
    .await;
    let set = house.keeper.get(soon()).await.unwrap();
    let printed = format!("{:?} {:?} {:?} {:?}", house.keeper, set, set.grant, set.credentials());
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains('…'));
}
