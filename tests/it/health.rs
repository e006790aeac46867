//! The `health` verb, against a gateway and against whatever else may listen.

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::Stage;

/// Asks, with the address in the environment and nothing else configured.
async fn health(admin: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_points-gateway"));
    command.arg("health").args(more).env_clear().stdin(Stdio::null());
    command.env("POINTS_GATEWAY__HTTP__ADMIN_LISTEN", admin).output().await.unwrap()
}

/// Exit code and everything said.
fn told(output: &Output) -> (Option<i32>, String) {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Somebody on loopback who takes one question and says this.
async fn somebody_who_says(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = [0; 512];
        let _some = stream.read(&mut question).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.is_empty() {
            // Holds the line and says nothing, until the asker goes.
            while stream.read(&mut question).await.is_ok_and(|read| read > 0) {}
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_serves_is_well() {
    let stage = Stage::start().await;
    let admin = stage.app.admin_address().to_string();
    for more in [&[][..], &["--live"]] {
        let (code, said) = told(&health(&admin, more).await);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("well: ") && said.contains(&admin), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_gateway_lives_but_is_not_well() {
    let stage = Stage::with(&[("HTTP__DRAIN__GRACE", "1m")]).await;
    let admin = stage.app.admin_address().to_string();
    let readiness = stage.admin(http::Method::GET, "/readyz");
    let Stage { app, sandbox, .. } = stage;
    let draining = tokio::spawn(app.drain());
    while readiness.try_clone().unwrap().send().await.unwrap().status() == 200 {
        tokio::task::yield_now().await;
    }
    let (code, said) = told(&health(&admin, &[]).await);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("/readyz says 503"), "{said}");
    assert_eq!(told(&health(&admin, &["--live"]).await).0, Some(0));
    draining.abort();
    drop(sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_answers_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = told(&health(&free.to_string(), &[]).await);
    assert_eq!(nobody.0, Some(1));
    assert!(nobody.1.contains(&format!("nobody answers at {free}")), "{}", nobody.1);
    let mute = somebody_who_says("").await;
    let (code, said) = told(&health(&mute.to_string(), &[]).await);
    assert_eq!((code, said.as_str()), (Some(1), format!("no answer from {mute} within 2 s\n").as_str()));
    let stranger = somebody_who_says("220 mail.example ESMTP\r\n").await;
    let (code, said) = told(&health(&stranger.to_string(), &[]).await);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("speaks no HTTP"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_address_means_this_machine() {
    let port = somebody_who_says("HTTP/1.1 200 OK\r\n\r\n").await.port();
    let (code, said) = told(&health(&format!("0.0.0.0:{port}"), &[]).await);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_may_stand_in_the_file_whatever_else_is_wrong_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let asked = async |text: String| {
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_points-gateway"));
        command.args(["health", "--config"]).arg(&file).env_clear();
        told(&command.output().await.unwrap())
    };
    let other_faults = "[kingdee]\nclient_id = 7\nclient_secret_file = \"/nowhere\"\n[http]\n";
    let well = somebody_who_says("HTTP/1.1 200 OK\r\n\r\n").await;
    let (code, said) = asked(format!("{other_faults}admin_listen = \"{well}\"\n")).await;
    assert_eq!(code, Some(0), "{said}");
    for (text, named) in
        [("admin_listen = \"9090\"\n", "http.admin_listen"), ("admin_listen = \n", "gateway.toml")]
    {
        let (code, said) = asked(format!("{other_faults}{text}")).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(named) && said.starts_with("1 fault "), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn help_shows_how_a_container_asks() {
    let (code, said) = told(&health("127.0.0.1:1", &["--help"]).await);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("HEALTHCHECK CMD") && said.contains("--live"), "{said}");
}
