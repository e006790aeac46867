//! What really goes over a socket, and what may come back.

use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;

use super::*;
use crate::kingdee::settings::SpaceEncoding;
use crate::kingdee::sign::headers::Unsigned;
use crate::kingdee::sign::{Stamp, WireQuery};
use crate::kingdee::stub::{Act, Seen, Stub, answer};

fn transport(base: &Url, max_body_bytes: usize, attempt_timeout: Duration) -> Transport {
    let settings = TransportSettings { max_body_bytes, attempt_timeout, ..TransportSettings::default() };
    Transport::new(base.clone(), &settings, Clock::real()).unwrap()
}

fn signed(method: Method, params: &[(&str, &str)], spaces: SpaceEncoding) -> SignedRequest {
    let request =
        Unsigned { method, path: "/jdy/v2/ls/integral_record", query: WireQuery::build(params, spaces) };
    let stamp = Stamp { nonce: "7".into(), timestamp: "1700000000000".into() };
    SignedRequest::sign(request, "205022", &SecretString::from("canary-secret"), &stamp).unwrap()
}

async fn get(transport: &Transport) -> Result<Reply, AttemptError> {
    let request = signed(Method::GET, &[("member_id", "canary-member")], SpaceEncoding::Form);
    transport.attempt(request, Instant::now() + Duration::from_secs(20)).await
}

async fn against(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Result<Reply, AttemptError> {
    let stub = Stub::start(script).await;
    get(&transport(&stub.base, 1 << 16, Duration::from_secs(10))).await
}

#[tokio::test]
async fn the_signed_bytes_are_the_bytes_on_the_wire() {
    let stub = Stub::start(|_| answer(200, "", b"{}")).await;
    let transport = transport(&stub.base, 1 << 16, Duration::from_secs(10));
    let odd: String = (0u8..128).map(char::from).chain("消费积分😀é".chars()).collect();
    let params = [("start_date", "2024-01-01 00:00:00"), ("integral_type", odd.as_str()), ("member_id", "")];
    for spaces in [SpaceEncoding::Form, SpaceEncoding::Percent] {
        for params in [&params[..], &[]] {
            let request = signed(Method::GET, params, spaces);
            let expected = request.request.query.as_str().to_owned();
            transport.attempt(request, Instant::now() + Duration::from_secs(20)).await.unwrap();
            let seen = stub.seen().pop().unwrap();
            assert_eq!(seen.query(), expected);
            assert_eq!(seen.path(), "/jdy/v2/ls/integral_record");
            assert_eq!(seen.target.contains('?'), !params.is_empty());
        }
    }
}

#[tokio::test]
async fn a_post_carries_an_empty_object() {
    let stub = Stub::start(|_| answer(200, "", b"{}")).await;
    let transport = transport(&stub.base, 1 << 16, Duration::from_secs(10));
    let request = signed(Method::POST, &[("outerInstanceId", "5")], SpaceEncoding::Form);
    transport.attempt(request, Instant::now() + Duration::from_secs(20)).await.unwrap();
    let seen = stub.seen().pop().unwrap();
    assert_eq!((seen.body.as_str(), seen.header("content-type")), ("{}", Some("application/json")));
    assert!(seen.head.starts_with("POST /"));
}

#[tokio::test]
async fn a_reply_of_any_status_is_a_reply_and_redirects_are_not_followed() {
    for status in [200, 301, 302, 307, 404, 429, 500, 519] {
        let reply = against(move |_| {
            answer(status, "Location: http://127.0.0.1:1/inside\r\nRetry-After: 9\r\n", b"x")
        });
        let reply = reply.await.unwrap();
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!((reply.retry_after, &reply.body[..]), (Some(Duration::from_secs(9)), &b"x"[..]));
    }
}

#[tokio::test]
async fn a_bomb_is_defused_at_the_limit() {
    let packed = include_bytes!("../../../tests/it/data/zeros-8mib.gz");
    assert!(packed.len() < 1 << 16);
    let error = against(|_| answer(200, "Content-Encoding: gzip\r\n", packed)).await.unwrap_err();
    assert_eq!(error.error.failure, Failure::Unreadable);
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(4);
    let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}").into_bytes();
    let error = against(move |_| Act::Send(bytes.clone())).await.unwrap_err();
    assert_eq!(error.error.failure, Failure::Unreadable);
}

#[tokio::test]
async fn silence_and_a_body_that_never_ends_run_into_the_attempts_time() {
    for hang in [true, false] {
        let stub = Stub::start(move |_| match hang {
            true => Act::Hang,
            false => Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
        })
        .await;
        let error = get(&transport(&stub.base, 1 << 16, Duration::from_millis(50))).await.unwrap_err();
        assert_eq!((error.error.failure, error.closed_under_us), (Failure::TimedOut, false));
    }
}

#[tokio::test]
async fn a_broken_gzip_body_is_unreadable_and_a_cut_one_unreachable() {
    let error = against(|_| answer(200, "Content-Encoding: gzip\r\n", b"no gzip")).await.unwrap_err();
    assert_eq!(error.error.failure, Failure::Unreadable);
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec();
    let error = against(move |_| Act::SendAndClose(cut.clone())).await.unwrap_err();
    assert!(!error.closed_under_us, "half an answer came: asking again is the caller's business");
}

#[tokio::test]
async fn a_socket_closed_before_an_answer_is_told_apart() {
    let closed = AtomicBool::new(false);
    let error = against(move |_| {
        assert!(!closed.swap(true, Ordering::Relaxed), "the library must not resend a nonce");
        Act::SendAndClose(Vec::new())
    })
    .await
    .unwrap_err();
    assert!(error.closed_under_us);
    assert_eq!(error.error.failure, Failure::Unreachable);
}

#[tokio::test]
async fn no_error_names_a_url_a_member_or_a_secret() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let refused = get(&transport(&nobody, 1 << 16, Duration::from_secs(10))).await.unwrap_err();
    assert_eq!((refused.error.failure, refused.closed_under_us), (Failure::Unreachable, false));
    let garbage = against(|_| Act::SendAndClose(b"HTTP/9.9 what\r\n\r\n".to_vec())).await.unwrap_err();
    for error in [refused, garbage] {
        let text = format!("{error:?} {}", error.error);
        for forbidden in ["canary", "http://", "integral_record", "member_id"] {
            assert!(!text.contains(forbidden), "{text}");
        }
        assert!(!error.error.detail.is_empty());
    }
}

#[tokio::test]
async fn a_query_beyond_kingdees_limit_is_never_sent() {
    let stub = Stub::start(|_| answer(200, "", b"{}")).await;
    let transport = transport(&stub.base, 1 << 16, Duration::from_secs(10));
    let request = signed(Method::GET, &[("n", &"x".repeat(2047))], SpaceEncoding::Form);
    let error = transport.attempt(request, Instant::now() + Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.error.failure, Failure::CallerFault);
    let longest = signed(Method::GET, &[("n", &"x".repeat(2046))], SpaceEncoding::Form);
    transport.attempt(longest, Instant::now() + Duration::from_secs(20)).await.unwrap();
    assert_eq!(stub.seen().len(), 1);
}
