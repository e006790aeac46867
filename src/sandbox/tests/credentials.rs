//! Authorisations, tokens, and how they stop working.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{AUTHORIZE, Scene, TOKEN};
use crate::sandbox::AccountSet;
use crate::sandbox::settings::DEMO_OUTER_INSTANCE_ID;

/// The live authorisation of an account set, as a careful client finds it.
fn live<'a>(answer: &'a Value, set: &AccountSet) -> &'a Value {
    let rows = answer["data"].as_array().unwrap();
    rows.iter()
        .find(|row| row["status"] == 1 && row["accountId"] == set.account_id.as_str())
        .unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn an_authorisation_lists_live_and_dead_rows_of_both_account_sets() {
    let scene = Scene::new().await;
    let bare = scene.call(Method::POST, AUTHORIZE);
    let named = scene.call(Method::POST, AUTHORIZE).param("outerInstanceId", DEMO_OUTER_INSTANCE_ID);
    for call in [bare, named] {
        let answer = scene.json(&call).await;
        assert_eq!((answer["code"].as_u64(), answer["msg"].as_str()), (Some(200), Some("success")));
        assert_eq!(answer["data"].as_array().unwrap().len(), 4);
        assert_eq!(answer["data"][0]["status"], 0);
        let flagship = live(&answer, &AccountSet::flagship());
        assert_eq!(flagship["domain"], "https://tf.jdy.com");
        assert_eq!(live(&answer, &AccountSet::outlet())["domain"], "https://tf2.jdy.com/");
    }
    let stranger = scene.call(Method::POST, AUTHORIZE).param("outerInstanceId", "nobody");
    assert_eq!(scene.json(&stranger).await["data"], serde_json::json!([]));
}

#[tokio::test]
async fn a_token_is_a_jwt_of_its_account_set_that_lives_a_day() {
    let scene = Scene::new().await;
    let set = AccountSet::flagship();
    let answer = scene.json(&scene.token_call(&set.app_key, set.app_secret.expose_secret())).await;
    let token = answer["data"]["app-token"].as_str().unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["ext"]["accountId"], set.account_id.as_str());
    assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), 86_400);
    assert_eq!(answer["data"]["expires"].as_i64().unwrap() / 1_000, payload["exp"].as_i64().unwrap());

    scene.clock.advance(Duration::from_secs(86_399));
    assert_eq!(scene.verdict(&scene.record_call(token, "1002")).await, (200, 0));
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(scene.verdict(&scene.record_call(token, "1002")).await, (401, 1_000_202_001));
}

#[tokio::test]
async fn the_outlet_says_how_long_instead_of_until_when() {
    let scene = Scene::new().await;
    let set = AccountSet::outlet();
    let answer = scene.json(&scene.token_call(&set.app_key, set.app_secret.expose_secret())).await;
    assert_eq!((&answer["data"]["expires"], answer["data"]["uid"].is_number()), (&86_400.into(), true));
}

#[tokio::test]
async fn a_third_token_call_in_a_minute_is_throttled() {
    let scene = Scene::new().await;
    let set = AccountSet::flagship();
    let call = || scene.token_call(&set.app_key, set.app_secret.expose_secret());
    assert_eq!(scene.verdict(&call()).await, (200, 0));
    scene.clock.advance(Duration::from_secs(30));
    assert_eq!(scene.verdict(&call()).await, (200, 0));
    assert_eq!(scene.verdict(&call()).await, (429, 429));
    scene.clock.advance(Duration::from_secs(30));
    assert_eq!(scene.verdict(&call()).await, (200, 0));
    assert_eq!(scene.verdict(&call()).await, (429, 429));
}

#[tokio::test]
async fn wrong_keys_and_secrets_are_told_apart() {
    let scene = Scene::new().await;
    let set = AccountSet::flagship();
    assert_eq!(scene.verdict(&scene.token_call("nobody", "x")).await, (200, 1_020_002_008));
    assert_eq!(scene.verdict(&scene.call(Method::GET, TOKEN)).await, (200, 1_020_002_008));
    let answer = scene.json(&scene.token_call(&set.app_key, "yesterday's")).await;
    assert_eq!(answer["errcode"], 1_030_002_006);
    assert_eq!(answer["description"], "授权密钥校验失败，请获取最新密钥加密");
}

#[tokio::test]
async fn a_rotated_secret_is_found_in_the_authorisation() {
    let scene = Scene::new().await;
    let set = AccountSet::flagship();
    let token = scene.token(&set).await;
    scene.sandbox.control().rotate_app_secret();
    let stale = scene.token_call(&set.app_key, set.app_secret.expose_secret());
    assert_eq!(scene.verdict(&stale).await, (200, 1_030_002_006));
    let answer = scene.json(&scene.call(Method::POST, AUTHORIZE)).await;
    let row = live(&answer, &set);
    assert_eq!(row["oldAppSecret"], set.app_secret.expose_secret());
    scene.clock.advance(Duration::from_secs(60));
    let fresh = scene.token_call(&set.app_key, row["appSecret"].as_str().unwrap());
    assert_eq!(scene.verdict(&fresh).await, (200, 0));
    assert_eq!(scene.verdict(&scene.record_call(&token, "1002")).await, (200, 0));
}

#[tokio::test]
async fn a_moved_domain_answers_502_until_the_new_one_is_used() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().move_domain();
    assert_eq!(scene.send(&scene.record_call(&token, "1002")).await.unwrap().status().as_u16(), 502);
    let answer = scene.json(&scene.call(Method::POST, AUTHORIZE)).await;
    let domain = live(&answer, &AccountSet::flagship())["domain"].as_str().unwrap().to_owned();
    assert_eq!(domain, "https://tf-grey1.jdy.com");
    assert_eq!(live(&answer, &AccountSet::outlet())["domain"], "https://tf2-grey1.jdy.com/");
    let call = scene.record_call(&token, "1002").header("x-gw-router-addr", &domain);
    assert_eq!(scene.verdict(&call).await, (200, 0));
}

#[tokio::test]
async fn expired_and_forgotten_tokens_are_told_apart() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().expire_tokens();
    let answer = scene.json(&scene.record_call(&token, "1002")).await;
    assert_eq!(answer["description"], "JWT token has expired");
    scene.sandbox.control().forget_tokens();
    assert_eq!(scene.verdict(&scene.record_call(&token, "1002")).await, (519, 4010));
    let fresh = scene.token(&AccountSet::flagship()).await;
    assert_ne!(fresh, token);
    assert_eq!(scene.verdict(&scene.record_call(&fresh, "1002")).await, (200, 0));
}
