//! Pages of points records, and what the control handle sees of their calls.

use super::Scene;
use crate::sandbox::{AccountSet, MEMBERS, Readings, RowOrder, UnknownMember};

#[tokio::test]
async fn every_member_has_the_rows_that_the_table_says() {
    let scene = Scene::new().await;
    let mut tokens = Vec::new();
    for set in [AccountSet::flagship(), AccountSet::outlet()] {
        tokens.push((scene.token(&set).await, set));
    }
    for member in MEMBERS {
        let (token, set) = tokens.iter().find(|(_, set)| set.account_id == member.account).unwrap();
        let call = scene
            .record_call(token, member.id)
            .header("x-gw-router-addr", &set.domain)
            .param("mobile", member.mobile)
            .param("page_size", "100");
        let data = &scene.json(&call).await["data"];
        let count = data["count"].as_u64().or_else(|| data["count"].as_str()?.parse().ok());
        assert_eq!(count, Some(member.rows), "{}", member.id);
        let rows = data["rows"].as_array().map_or(&[][..], Vec::as_slice);
        assert_eq!(rows.len() as u64, member.rows.min(100));
        assert!(rows.iter().all(|row| row["member_id"] == member.id && row["member_name"] == member.name));
    }
}

#[tokio::test]
async fn filters_reach_the_ledger_through_the_wire() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let call = scene
        .record_call(&token, "1006")
        .param("integral_type", "002")
        .param("start_date", "2026-01-01 00:00:00")
        .param("end_date", "2026-11-20 18:30:00")
        .param("page_size", "100");
    let answer = scene.json(&call).await;
    let rows = answer["data"]["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row["type_name"], "签到");
        assert!(row["create_time"].as_str().unwrap().starts_with("2026-"));
    }
    let bad = scene.record_call(&token, "1006").param("start_date", "1");
    assert_eq!(scene.verdict(&bad).await, (200, 1_030_002_006));
    let beyond = scene.record_call(&token, "1005").param("page", "12");
    let data = &scene.json(&beyond).await["data"];
    assert_eq!((&data["cur_page_size"], &data["count"]), (&0.into(), &101.into()));
}

#[tokio::test]
async fn requests_are_kept_as_they_came() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let call = scene.record_call(&token, "1006").param("start_date", "2026-11-01 00:00:00");
    scene.json(&call).await;
    let control = scene.sandbox.control();
    let query = "member_id=1006&start_date=2026-11-01+00%3A00%3A00";
    assert_eq!(control.last_record_query().as_deref(), Some(query));
    let received = control.received();
    let last = received.last().unwrap();
    assert_eq!(last.header("app-token"), Some(token.as_str()));
    assert_eq!(last.header("x-api-signheaders"), Some("X-Api-TimeStamp,X-Api-Nonce"));
    assert_eq!(format!("{last:?}"), "Received(Record)");
    assert_eq!((control.calls().token, control.calls().record), (1, 1));
    control.reset_counts();
    assert_eq!((control.received().len(), control.calls().record), (0, 0));
}

#[tokio::test]
async fn the_ledger_grows_while_somebody_pages() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let ids = |answer: serde_json::Value| -> Vec<String> {
        let rows = answer["data"]["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = ids(scene.json(&scene.record_call(&token, "1004")).await);
    assert!(scene.sandbox.control().insert_rows("1004", 2));
    assert!(!scene.sandbox.control().insert_rows("nobody", 2));
    let after = ids(scene.json(&scene.record_call(&token, "1004")).await);
    assert_eq!(after[2..], before[..8]);
}

#[tokio::test]
async fn what_the_documents_leave_open_is_answered_as_it_is_switched() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let control = scene.sandbox.control();
    let times = async |size: &str| -> Vec<String> {
        let call = scene.record_call(&token, "1006").param("page_size", size);
        let data = scene.json(&call).await["data"].take();
        let rows = data["rows"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let newest_first = times("100").await;
    control.read_as(Readings { order: RowOrder::OldestFirst, page_size_cap: 50, ..Readings::default() });
    let oldest_first = times("100").await;
    assert_eq!(oldest_first.len(), 50);
    assert!(!oldest_first.contains(&newest_first[0]));
    let nobody = scene.record_call(&token, "4711");
    assert_eq!(scene.verdict(&nobody).await, (200, 0));
    control.read_as(Readings { unknown_member: UnknownMember::Refused, ..Readings::default() });
    assert_eq!(scene.verdict(&scene.record_call(&token, "4711")).await, (200, 1_030_002_003));
    control.read_as(Readings { unknown_member: UnknownMember::Everybody, ..Readings::default() });
    let everybody = scene.json(&scene.record_call(&token, "4711")).await;
    assert!(everybody["data"]["count"].as_u64().is_some_and(|count| count > 25_000), "{everybody}");
    control.reset();
    assert_eq!(times("100").await, newest_first);
}
