//! Requests that two readers could take for different ones, byte by byte: what hyper refuses, what we refuse, what passes.
//! When a row fails after an update of hyper, look at it before you change it.

use rstest::rstest;

use crate::support::Stage;
use crate::wire::Wire;

/// Asks to close, so that what came before it on the connection shows: kept or closed.
const NEXT: &str = "GET /problems HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

const ROWS: &str = "GET /members/1003/points-history?page_size=1";

/// Sends a request and a harmless one behind it; what comes back is all answers.
async fn answers(request: impl AsRef<[u8]>) -> Vec<String> {
    let stage = Stage::start().await;
    let bytes = [request.as_ref(), NEXT.as_bytes()].concat();
    let mut wire = Wire::sending(stage.app.public_address(), bytes).await;
    wire.until_closed().await;
    wire.statuses()
}

#[rstest]
#[case::two_lengths("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n")]
#[case::length_with_sign("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: +0\r\n\r\n")]
#[case::length_negative("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n")]
#[case::length_list("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 0, 0\r\n\r\n")]
#[case::length_beyond_all("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551616\r\n\r\n")]
#[case::length_hex("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 0x0\r\n\r\n")]
#[case::coding_unknown("GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n")]
#[case::coding_not_last("GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
#[case::blank_before_colon("GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n")]
#[case::coding_in_1_0("GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")]
#[case::folded("GET / HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n")]
#[case::nul("GET / HTTP/1.1\r\nhost: x\r\na: \0\r\n\r\n")]
#[case::lone_cr("GET / HTTP/1.1\r\nhost: x\ra: b\r\n\r\n")]
#[case::blank_in_name("GET / HTTP/1.1\r\nhost: x\r\na b: c\r\n\r\n")]
#[case::blank_before_first_header("GET / HTTP/1.1\r\n host: x\r\n\r\n")]
#[case::no_version("GET /\r\n\r\n")]
#[case::version_of_tomorrow("GET / HTTP/1.2\r\nhost: x\r\n\r\n")]
#[case::version_two("GET / HTTP/2.0\r\nhost: x\r\n\r\n")]
#[case::blank_in_target("GET / / HTTP/1.1\r\nhost: x\r\n\r\n")]
#[case::half_preface("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")]
#[tokio::test(flavor = "multi_thread")]
async fn hyper_refuses_and_closes(#[case] request: &str) {
    assert_eq!(answers(request).await, ["400"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hyper_refuses_garbage_and_closes() {
    let garbage: Vec<u8> = (0..=255).rev().collect();
    assert_eq!(answers(garbage).await, ["400"]);
}

#[rstest]
#[case::no_host("GET / HTTP/1.1\r\n\r\n")]
#[case::two_hosts("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n")]
#[case::twice_the_same("GET / HTTP/1.1\r\nhost: x\r\nHost: x\r\n\r\n")]
#[case::host_list("GET / HTTP/1.1\r\nhost: x, y\r\n\r\n")]
#[case::host_with_user("GET / HTTP/1.1\r\nhost: u@x\r\n\r\n")]
#[case::host_with_path("GET / HTTP/1.1\r\nhost: x/y\r\n\r\n")]
#[case::two_hosts_in_1_0("GET / HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n")]
#[case::absolute_without_host("GET http://x/ HTTP/1.1\r\n\r\n")]
#[case::length_and_coding(
    "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
)]
#[case::coding_and_length(
    "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n"
)]
#[case::coding_twice(
    "GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
)]
#[case::coding_alone("GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")]
#[tokio::test(flavor = "multi_thread")]
async fn we_refuse_with_a_problem_and_close(#[case] request: &str, #[values(true, false)] hit: bool) {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    let request =
        if hit { request.replacen("/ HTTP", "/members/1003/points-history HTTP", 1) } else { request.into() };
    let mut wire = Wire::sending(stage.app.public_address(), request + NEXT).await;
    let text = wire.until_closed().await;
    assert_eq!(wire.statuses(), ["400"], "{text}");
    for part in [
        "application/problem+json",
        "/problems/malformed-request",
        "connection: close",
        "nosniff",
        "x-request-id",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[rstest]
#[case::length_same_twice("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n".into())]
#[case::bare_line_feeds("GET / HTTP/1.1\nhost: x\n\n".into())]
#[case::body_of_a_get("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nGET ".into())]
#[case::absolute_form("GET http://evil.example/ HTTP/1.1\r\nhost: x\r\n\r\n".into())]
#[case::empty_host("GET / HTTP/1.1\r\nhost:\r\n\r\n".into())]
#[case::expectation_of_anything("GET / HTTP/1.1\r\nhost: x\r\nexpect: the-best\r\n\r\n".into())]
#[case::a_hundred_headers(format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(99)))]
#[case::upgrade("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n\r\n".into())]
#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_reads_alike_passes_and_the_next_is_answered(#[case] request: String) {
    assert_eq!(answers(request).await, ["200", "200"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_needs_no_host_and_closes() {
    let stage = Stage::start().await;
    let mut wire = Wire::sending(stage.app.public_address(), format!("{ROWS} HTTP/1.0\r\n\r\n")).await;
    let text = wire.until_closed().await;
    assert!(text.starts_with("HTTP/1.0 200"), "{text}");
}

#[rstest]
#[case::too_many(format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200)), "431")]
#[case::too_large(format!("GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "b".repeat(1 << 20)), "431")]
#[case::target_beyond_the_head(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "b".repeat(100_000)), "431")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_be_read_is_refused_without_a_body(
    #[case] request: String,
    #[case] status: &str,
) {
    let stage = Stage::start().await;
    let mut wire = Wire::sending(stage.app.public_address(), request).await;
    let text = wire.until_closed().await;
    assert_eq!(wire.statuses(), [status], "{text}");
    assert!(text.ends_with("\r\n\r\n") && text.contains("content-length: 0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_nobody_reads_is_neither_waited_for_nor_taken_for_the_next_request() {
    let stage = Stage::start().await;
    stage.get("/members/1003/points-history").await.page();
    for (head, status) in [
        (format!("{ROWS} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n"), "200"),
        (
            "POST /members/1003/points-history HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n".into(),
            "405",
        ),
        (
            "GET /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\nexpect: 100-continue\r\n"
                .into(),
            "404",
        ),
    ] {
        let mut wire = Wire::sending(stage.app.public_address(), format!("{head}\r\n{NEXT}")).await;
        let text = wire.until_closed().await;
        assert_eq!(wire.statuses(), [status], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_decides_nothing_but_the_path() {
    let stage = Stage::start().await;
    let get = |target: &str| {
        format!("GET {target}/members/1003/points-history HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    };
    let mut wire = Wire::sending(stage.app.public_address(), get("http://evil.example:81")).await;
    let text = wire.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 200") && !text.contains("evil.example"), "{text}");
    let mut wire = Wire::sending(stage.app.public_address(), get("")).await;
    assert!(wire.until_closed().await.contains("; hit"), "the authority is in the cache's key");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tunnel_is_opened() {
    let stage = Stage::start().await;
    let mut wire = Wire::sending(
        stage.app.public_address(),
        "CONNECT x:80 HTTP/1.1\r\nhost: x:80\r\nconnection: close\r\n\r\n",
    )
    .await;
    let text = wire.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 404") || text.starts_with("HTTP/1.1 405"), "{text}");
}
