//! Another configuration for one of several replicas that share a tier.

use points_gateway::sandbox::members::{FLAGSHIP, OUTLET};
use serde_json::json;

use crate::support::fleet::{Fleet, PATIENT};
use crate::support::redis::Redis;

const PATH: &str = "/members/1003/points-history";

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_reads_another_account_set_shares_neither_rows_nor_tokens_with_the_others() {
    let redis = Redis::start().await;
    let mut fleet = Fleet::start(2, Some(&redis), &[PATIENT]).await;
    for replica in &fleet.replicas {
        assert_eq!(replica.get(PATH).await.page().total, 57);
    }
    assert_eq!((fleet.record_calls(), fleet.sandbox.control().calls().token), (1, 1));
    let [ours, theirs] = [FLAGSHIP, OUTLET].map(|id| format!("account_id = \"{id}\""));
    let moved = &fleet.replicas[1];
    moved.written.edit(|text| text.replace(&ours, &theirs));
    assert_eq!(moved.reload().await["forgotten_accounts"], json!(["main"]));
    assert_eq!(moved.get(PATH).await.page().total, 12, "the other shop's member of that number");
    assert_eq!((fleet.record_calls(), fleet.sandbox.control().calls().token), (2, 2));
    fleet.add().await;
    assert_eq!(fleet.replicas[2].get(PATH).await.page().total, 57);
    assert_eq!(
        (fleet.record_calls(), fleet.sandbox.control().calls().token),
        (2, 2),
        "as the first one shared it"
    );
    // And back: what was shared before is there still.
    let moved = &fleet.replicas[1];
    moved.written.edit(|text| text.replacen(&theirs, &ours, 1));
    assert_eq!(moved.reload().await["forgotten_accounts"], json!(["main"]));
    assert_eq!(moved.get(PATH).await.page().total, 57);
    assert_eq!(fleet.record_calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_a_rotated_client_secret_share_on_and_say_what_waits() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(2, Some(&redis), &[PATIENT]).await;
    fleet.replicas[0].get(PATH).await.page();
    let control = fleet.sandbox.control();
    control.add_client_secret("sandbox-only-client-secret-000002");
    for replica in &fleet.replicas {
        replica.written.edit(|text| text.replace("secret-000001", "secret-000002"));
        let told = replica.reload().await;
        assert_eq!(
            (&told["changed"], &told["needs_restart"]),
            (&json!(["kingdee.client_secret"]), &json!(["shared.*"]))
        );
        assert_eq!(replica.reload().await["needs_restart"], json!(["shared.*"]), "as long as it does");
    }
    control.end_former_client_secrets();
    for replica in &fleet.replicas {
        replica.get("/members/1004/points-history").await.page();
    }
    assert_eq!((fleet.record_calls(), control.calls().token), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_quota_holds_for_the_shared_bucket_too() {
    let redis = Redis::start().await;
    let fleet = Fleet::start(1, Some(&redis), &[PATIENT, ("HISTORY__CALLER_DEADLINE", "8s")]).await;
    let replica = &fleet.replicas[0];
    replica.written.edit(|text| text + "\n[kingdee.lane]\nper_minute = 2\nburst = 1\n");
    assert_eq!(replica.reload().await["changed"].as_array().unwrap().len(), 2);
    let mut statuses = Vec::new();
    for member in ["1002", "1003", "1004"] {
        statuses.push(replica.get(&format!("/members/{member}/points-history")).await.status);
    }
    assert_eq!(statuses, [200, 503, 503]);
}
