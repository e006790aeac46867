//! Request smuggling: whatever hides a second request in a first one, directly and through the proxies that stand before
//! gateways, the second is never asked, and nobody gets an answer that isn't theirs.
//!
//! Proxies refuse what is hidden if they see it, as they would an admin path. So what they take for two requests, though it
//! is none of our business how they read, comes to nothing either: HAProxy 2.6 counts lengths modulo 2^64.

mod variants;

use std::net::SocketAddr;
use std::path::Path;

use futures_util::{StreamExt as _, stream};
use points_gateway::sandbox::Endpoint;
use rstest::rstest;

use crate::support::Stage;
use crate::support::proxy::Proxy;
use crate::wire::Wire;
use variants::variants;

/// A lane that is never in the way, and heads that are let go soon.
const SETTINGS: [(&str, &str); 3] = [
    ("KINGDEE__LANE__PER_MINUTE", "6000000"),
    ("KINGDEE__LANE__BURST", "3000000"),
    ("HTTP__LIMITS__HEAD_TIMEOUT", "1s"),
];

const FIRST: &str = "GET /problems HTTP/1.1\r\nHost: x\r\n\r\n";

/// Ends the connection where a reader finds it behind the first request.
const LAST: &str = "GET /problems HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Somebody else's request, to be answered from the cache.
const BYSTANDER: &str =
    "GET /members/1004/points-history?page_size=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// What stands before the gateway.
#[derive(Debug, Clone, Copy)]
enum Way {
    Direct,
    Haproxy,
    Nginx,
    Varnish,
}

/// What proxies refuse.
const REFUSED: &str = "/members/77";

/// A member whom nobody else asks for, so that Kingdee sees it if a handler does.
fn member(n: usize) -> String {
    format!("77{n:04}")
}

fn asking_for(member: &str) -> String {
    format!("GET /members/{member}/points-history HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_hidden_request_is_asked_and_nobody_gets_the_answer_of_another(
    #[values(Way::Direct, Way::Haproxy, Way::Nginx, Way::Varnish)] way: Way,
) {
    let stage = Stage::with(&SETTINGS).await;
    for warm in ["1003", "1004"] {
        stage.get(&format!("/members/{warm}/points-history")).await.page();
    }
    let proxy = before(way, stage.app.public_address()).await;
    let address = proxy.as_ref().map_or(stage.app.public_address(), Proxy::address);
    let all = variants(|n| asking_for(&member(n)));
    assert!(all.len() > 60);
    // Some at a time: what looks unfinished is only let go after a second.
    let sent = stream::iter(&all).map(|variant| async move {
        let bytes = [&variant.bytes, LAST.as_bytes()].concat();
        let mut wire = Wire::sending(address, bytes).await;
        wire.until_closed().await;
        let theirs = Wire::sending(address, BYSTANDER).await.until_closed().await;
        let is_theirs = theirs.starts_with("HTTP/1.1 200") && theirs.contains("{\"id\":\"1004\"");
        assert!(is_theirs, "{way:?}: after {}: {theirs}", variant.name);
        wire.statuses()
    });
    let answers: Vec<_> = sent.buffered(40).collect().await;
    let with = |status: &str| answers.iter().filter(|a| a.first().is_some_and(|a| a == status)).count();
    assert!(with("200") > 0 && with("400") > 0, "{way:?}: all are treated alike: {answers:?}");

    // And one that is not hidden, which shows that it would have been seen.
    let open = format!("{FIRST}{}{LAST}", asking_for("780000"));
    let mut wire = Wire::sending(address, open).await;
    wire.until_closed().await;
    assert_eq!(wire.statuses(), ["200"; 3]);

    stage.app.drain().await;
    let asked = stage.sandbox.control().received();
    let asked: Vec<_> = asked.iter().filter(|r| r.endpoint == Endpoint::Record).map(|r| r.query()).collect();
    let was_asked = |member: &str| asked.iter().any(|query| query.contains(member));
    let smuggled = (0..).zip(&all).filter(|(n, _)| was_asked(&member(*n)));
    let smuggled: Vec<_> = smuggled.map(|(_, variant)| &variant.name).collect();
    assert!(smuggled.is_empty(), "{way:?}: {smuggled:#?}");
    assert!(was_asked("780000"), "{way:?}: what arrives is not seen");
}

async fn before(way: Way, gateway: SocketAddr) -> Option<Proxy> {
    match way {
        Way::Direct => None,
        Way::Haproxy => Some(Proxy::start("haproxy", |folder, port| haproxy(folder, port, gateway)).await),
        Way::Nginx => Some(Proxy::start("nginx", |folder, port| nginx(folder, port, gateway)).await),
        Way::Varnish => Some(Proxy::start("varnishd", |folder, port| varnish(folder, port, gateway)).await),
    }
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Connections to the gateway are kept and shared, as everywhere below.
fn haproxy(folder: &Path, port: u16, gateway: SocketAddr) -> Vec<String> {
    let text = format!(
        "global\n  maxconn 1000\n  nbthread 1\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout server 9s\n  timeout client 1s\n  timeout http-request 1s\n  \
         timeout http-keep-alive 1s\n  http-reuse always\n\
         frontend apps\n  bind 127.0.0.1:{port}\n  http-request deny if {{ path_beg {REFUSED} }}\n  default_backend gateway\n\
         backend gateway\n  server one {gateway}\n"
    );
    vec!["-f".to_owned(), file(folder, "haproxy.cfg", &text), "-db".to_owned()]
}

/// Headers that nginx doubts are passed on, and bodies as they come.
fn nginx(folder: &Path, port: u16, gateway: SocketAddr) -> Vec<String> {
    let own = folder.display();
    let text = format!(
        "daemon off; master_process off; pid {own}/pid; error_log /dev/null;\n\
         events {{ worker_connections 1000; }}\n\
         http {{\n  access_log off; client_body_temp_path {own}; proxy_temp_path {own}; fastcgi_temp_path {own};\n  \
         uwsgi_temp_path {own}; scgi_temp_path {own};\n  \
         client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; lingering_close off;\n  \
         upstream gateway {{ server {gateway}; keepalive 4; }}\n  \
         server {{\n    listen 127.0.0.1:{port}; ignore_invalid_headers off; underscores_in_headers on;\n    \
         location {REFUSED} {{ return 403; }}\n    location / {{\n      proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection \"\";\n      \
         proxy_request_buffering off;\n    }}\n  }}\n}}\n"
    );
    let words = ["-p", own.to_string().as_str(), "-c"].map(str::to_owned);
    [&words[..], &[file(folder, "nginx.conf", &text)]].concat()
}

/// Everything passes, bodies of GETs too, which Varnish would drop by itself.
fn varnish(folder: &Path, port: u16, gateway: SocketAddr) -> Vec<String> {
    let text = format!(
        "vcl 4.1;\nbackend default {{ .host = \"{}\"; .port = \"{}\"; }}\n\
         sub vcl_recv {{ if (req.url ~ \"^{REFUSED}\") {{ return (synth(403)); }} return (pass); }}\nsub vcl_backend_fetch {{ return (fetch); }}\n",
        gateway.ip(),
        gateway.port()
    );
    let (vcl, listen) = (file(folder, "proxy.vcl", &text), format!("127.0.0.1:{port}"));
    let own = folder.join("varnish").to_str().unwrap().to_owned();
    let words = [
        "-F",
        "-j",
        "none",
        "-s",
        "malloc,16m",
        "-T",
        "none",
        "-p",
        "timeout_idle=1",
        "-a",
        &listen,
        "-f",
        &vcl,
    ];
    words.iter().chain(&["-n", own.as_str()]).map(|word| (*word).to_owned()).collect()
}
