//! What is in the air all day: schedules, moves, growth, latency, idle connections, and what the meter saw.

use std::time::Duration;

use reqwest::Method;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{AUTHORIZE, Call, Scene, soon};
use crate::sandbox::{
    AccountSet, Endpoint, Fault, FormerDomain, Job, Latency, Pareto, SandboxSettings, settings,
};

#[tokio::test]
async fn tokens_expire_on_schedule() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().every(Job::ExpireTokens, Some(Duration::from_secs(60)));
    scene.clock.advance(Duration::from_secs(59));
    assert_eq!(scene.verdict(&scene.record_call(&token, "1002")).await, (200, 0));
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(scene.verdict(&scene.record_call(&token, "1002")).await, (401, 1_000_202_001));
    let fresh = scene.token(&AccountSet::flagship()).await;
    assert_eq!(scene.verdict(&scene.record_call(&fresh, "1002")).await, (200, 0));
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.verdict(&scene.record_call(&fresh, "1002")).await, (401, 1_000_202_001));
    scene.sandbox.control().every(Job::ExpireTokens, None);
    let last = scene.token(&AccountSet::flagship()).await;
    scene.clock.advance(Duration::from_secs(600));
    assert_eq!(scene.verdict(&scene.record_call(&last, "1002")).await, (200, 0));
}

#[tokio::test]
async fn secrets_rotate_on_schedule() {
    let scene = Scene::new().await;
    let set = AccountSet::flagship();
    scene.sandbox.control().every(Job::RotateAppSecret, Some(Duration::from_secs(60)));
    scene.token(&set).await;
    scene.clock.advance(Duration::from_secs(60));
    let stale = scene.token_call(&set.app_key, set.app_secret.expose_secret());
    assert_eq!(scene.verdict(&stale).await, (200, 1_030_002_006));
}

#[tokio::test]
async fn a_domain_moves_on_schedule_and_can_be_forgotten() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    let status = async |call: Call| scene.send(&call).await.unwrap().status().as_u16();
    scene.sandbox.control().every(Job::MoveDomain, Some(Duration::from_secs(60)));
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(status(scene.record_call(&token, "1002")).await, 502);
    scene.sandbox.control().every(Job::MoveDomain, None);
    let moved = "https://tf-grey1.jdy.com";
    assert_eq!(status(scene.record_call(&token, "1002").header("x-gw-router-addr", moved)).await, 200);
    scene.sandbox.control().move_domain_leaving(FormerDomain::NoRoute);
    let response =
        scene.send(&scene.record_call(&token, "1002").header("x-gw-router-addr", moved)).await.unwrap();
    assert_eq!(response.status().as_u16(), 404);
    assert!(response.text().await.unwrap().contains("404 No Route"));
    let authorised = scene.json(&scene.call(Method::POST, AUTHORIZE)).await;
    assert!(authorised.to_string().contains("https://tf-grey2.jdy.com\""));
}

#[tokio::test]
async fn rows_come_while_somebody_pages() {
    let scene = Scene::new().await;
    let token = scene.token(&AccountSet::flagship()).await;
    scene.sandbox.control().grow_while_paging(2);
    let mut tops = Vec::new();
    for count in [1, 3, 5] {
        let data = scene.json(&scene.record_call(&token, "1002")).await["data"].clone();
        assert_eq!(data["count"].to_string().replace('"', ""), count.to_string());
        tops.push(data["rows"][0]["id"].clone());
    }
    assert!(tops[0] != tops[1] && tops[1] != tops[2]);
    let other = scene.json(&scene.record_call(&token, "1003")).await;
    assert_eq!(other["data"]["count"].to_string().replace('"', ""), "57");
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_can_be_slow_and_a_tail_repeats_itself() {
    let scene = Scene::new().await;
    let control = scene.sandbox.control();
    let timed = async |call: Call| {
        let begun = tokio::time::Instant::now();
        scene.send(&call).await.unwrap();
        begun.elapsed()
    };
    control.slow_down(Endpoint::Authorize, Some(Latency::FixedMs(30_000)));
    assert!(timed(scene.call(Method::POST, AUTHORIZE)).await >= Duration::from_secs(30));
    control.slow_down(Endpoint::Authorize, None);
    let token = scene.token(&AccountSet::flagship()).await;
    let tail = Latency::Pareto(Pareto { least_ms: 60_000, shape: 1.2, most_ms: 600_000, seed: 3 });
    for _ in 0..2 {
        control.slow_down(Endpoint::Record, Some(tail));
        for nth in 0..5 {
            let took = timed(scene.record_call(&token, "1002")).await;
            assert!(took >= tail.draw(nth), "{nth}: {took:?}");
        }
    }
}

/// A connection that has been answered once.
async fn answered(scene: &Scene) -> TcpStream {
    let mut stream = TcpStream::connect(scene.sandbox.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 4_096];
    assert!(stream.read(&mut head).await.unwrap() > 0);
    stream
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_when_they_have_had_their_time() {
    let five = Some(Duration::from_secs(5));
    let scene = Scene::with(SandboxSettings { idle_timeout: five, ..SandboxSettings::default() }).await;
    let mut stream = answered(&scene).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert!((4..=6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_change_of_patience_reaches_connections_that_are_open() {
    let scene = Scene::new().await;
    let mut stream = answered(&scene).await;
    scene.sandbox.control().set_idle_timeout(Some(Duration::from_secs(5)));
    assert_eq!(soon(stream.read(&mut [0; 1])).await.unwrap(), 0);
    scene.sandbox.control().reset();
    answered(&scene).await;
}

#[tokio::test]
async fn the_busiest_minute_is_remembered_by_endpoint_and_account_set() {
    let scene = Scene::new().await;
    let set = AccountSet::flagship();
    let token = scene.token(&set).await;
    for _ in 0..3 {
        scene.json(&scene.record_call(&token, "1002")).await;
    }
    scene.clock.advance(Duration::from_secs(30));
    scene.sandbox.control().fail_next(Endpoint::Record, Fault::Empty, 1);
    scene.send(&scene.record_call(&token, "1002")).await.unwrap();
    scene.verdict(&scene.record_call("a.b.c", "1002")).await;
    scene.clock.advance(Duration::from_secs(30));
    scene.json(&scene.record_call(&token, "1002")).await;
    let busiest = scene.sandbox.control().busiest_minute();
    assert_eq!((busiest.authorize, busiest.token, busiest.record), (0, 1, 5));
    let account = &busiest.accounts[&set.account_id];
    assert_eq!((account.token, account.record), (1, 4)); // a token of nobody's is nobody's call
    assert!(!busiest.accounts.contains_key(&settings::AccountSet::outlet().account_id));
    scene.sandbox.control().reset_counts();
    assert_eq!(scene.sandbox.control().busiest_minute(), Default::default());
}
