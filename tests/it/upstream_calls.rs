//! What Kingdee sees of us.

use std::collections::HashSet;

use points_gateway::sandbox::{Endpoint, Readings, SandboxSettings, SpaceReading};

use crate::support::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn every_business_call_carries_the_nine_headers_freshly_signed() {
    let stage = Stage::start().await;
    for member in ["1001", "1002", "1003"] {
        stage.get(&format!("/members/{member}/points-history?from=2026-01-01")).await.page();
    }
    let received = stage.sandbox.control().received();
    let business: Vec<_> = received.iter().filter(|r| r.endpoint == Endpoint::Record).collect();
    assert_eq!(business.len(), 3);
    for call in &business {
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-api-clientid", "0205022"),
            ("x-api-auth-version", "2.0"),
            ("x-api-signheaders", "X-Api-TimeStamp,X-Api-Nonce"),
            ("x-gw-router-addr", "https://tf.jdy.com"),
        ] {
            assert_eq!(call.header(name), Some(value));
        }
        for name in ["x-api-timestamp", "x-api-nonce", "x-api-signature", "app-token"] {
            assert!(call.header(name).is_some_and(|v| !v.is_empty()), "{name}");
        }
    }
    let nonces: HashSet<_> = received.iter().map(|r| r.header("x-api-nonce").unwrap().to_owned()).collect();
    assert_eq!(nonces.len(), received.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_many_calls() {
    let stage = Stage::start().await;
    let ask = |n: usize| {
        stage.get(["/members/1002/points-history", "/members/1003/points-history"][n % 2].as_ref())
    };
    futures_util::future::join_all((0..20).map(ask)).await;
    assert_eq!(stage.sandbox.control().calls().token, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn either_way_of_writing_a_space_verifies_where_kingdee_reads_it_so() {
    for (reading, setting) in [(SpaceReading::FormOnly, "form"), (SpaceReading::PercentOnly, "percent")] {
        let settings = SandboxSettings {
            readings: Readings { space: reading, ..Readings::default() },
            ..SandboxSettings::default()
        };
        let stage = Stage::with_sandbox(settings, &[("KINGDEE__SPACE_ENCODING", setting)]).await;
        let reply = stage.get("/members/1003/points-history?from=2026-01-01&to=2026-12-01").await;
        assert_eq!(reply.status, 200, "{setting}: {}", reply.text);
    }
}
