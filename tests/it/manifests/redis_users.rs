//! The users that `deploy/redis-secret.sh` makes, in a real Redis: the gateway's may do all that a gateway does, and
//! nobody else anything.

use std::fs;
use std::process::Command;

use points_gateway::sandbox::SandboxSettings;

use super::rendered::{deploy, documents};
use crate::support::fleet::{Fleet, PATIENT};
use crate::support::redis::Redis;

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_user_may_do_what_gateways_do_and_nobody_else_anything() {
    let made = Command::new(deploy("redis-secret.sh")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let secret = documents(&String::from_utf8(made.stdout).unwrap()).remove(0);
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.acl");
    fs::write(&users, secret["stringData"]["users.acl"].as_str().unwrap()).unwrap();
    let redis = Redis::with(&["--aclfile", users.to_str().unwrap()]).await;
    let url = secret["stringData"]["url"].as_str().unwrap();
    let url = url.replace("points-gateway-redis:6379", &redis.address().to_string());

    let fleet = Fleet::before(SandboxSettings::default(), 2, Some(url.clone()), &[PATIENT]).await;
    let [first, second] = &fleet.replicas[..] else { panic!("two were started") };
    first.get("/members/1003/points-history").await.page();
    second.get("/members/1003/points-history").await.page();
    let calls = fleet.sandbox.control().calls();
    assert_eq!((calls.record, calls.token), (1, 1), "rows and token are not shared");
    first.purge("1003").await;
    first.get("/members/1003/points-history").await.page();
    assert_eq!(fleet.record_calls(), 2);

    let refused = |why: redis::RedisError| assert!(!why.is_io_error(), "{why}");
    let ask = async |url: &str, words: &[&str]| -> redis::RedisResult<redis::Value> {
        let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await
    };
    refused(ask(&redis.url(), &["PING"]).await.expect_err("the default user is on"));
    for words in [&["FLUSHALL"][..], &["CONFIG", "GET", "*"], &["KEYS", "*"], &["SET", "another", "1"]] {
        refused(ask(&url, words).await.expect_err(words[0]));
    }
    ask(&url, &["PING"]).await.unwrap();
}
