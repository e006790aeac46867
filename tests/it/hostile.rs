//! Bad input on purpose: garbage heads, impossible questions, ids in disguise, admin paths in every spelling, forged logs.

use rand::{Rng as _, SeedableRng as _};
use rstest::rstest;

use crate::process::Gateway;
use crate::support::Stage;
use crate::wire::Wire;

/// The same garbage every time.
struct Chance(rand::rngs::StdRng);

impl Chance {
    fn new() -> Chance {
        Chance(rand::rngs::StdRng::seed_from_u64(20_261_125))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    fn byte(&mut self) -> u8 {
        self.0.random()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Words of requests, good and bad.
const WORDS: &[&str] = &[
    "GET ",
    "HEAD ",
    "OPTIONS ",
    "PRI * ",
    "get ",
    "/",
    "*",
    "/members/1003/points-history",
    "?page=",
    "%00",
    "%",
    "//",
    "..",
    " HTTP/1.1",
    " HTTP/1.0",
    " HTTP/2.0",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "host: x",
    "Host:",
    "content-length: ",
    "4",
    "-1",
    "99999999999999999999",
    "transfer-encoding: ",
    "chunked",
    "gzip",
    "0\r\n\r\n",
    "expect: 100-continue",
    "upgrade: h2c",
    "connection: ",
    "close",
    "keep-alive",
    "cookie: a=b",
    "range: bytes=0-1",
    ": ",
    "\t",
    " ",
    "\0",
    "\u{1b}[2J",
    "会",
    "{",
    "\"",
];

fn garbage(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = match chance.below(3) {
        0 => (0..chance.below(300)).map(|_| chance.byte()).collect(),
        1 => (0..chance.below(30)).map(|_| chance.of(WORDS)).collect::<String>().into_bytes(),
        _ => b"GET /members/1003/points-history?page=1 HTTP/1.1\r\nhost: x\r\naccept: */*\r\n\r\n".to_vec(),
    };
    for _ in 0..chance.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = chance.below(bytes.len());
        match chance.below(4) {
            0 => bytes[at] = chance.byte(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, chance.of(b"\r\n :\0%/")),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_or_answered_and_never_a_failure_of_ours() {
    let stage = Stage::with(&[("HTTP__LIMITS__HEAD_TIMEOUT", "100ms")]).await;
    stage.get("/members/1003/points-history").await.page();
    let mut chance = Chance::new();
    // Some at a time: half a head is only let go after its time.
    for _ in 0..30 {
        let mut wires = Vec::new();
        for _ in 0..100 {
            let bytes = garbage(&mut chance);
            wires.push((Wire::sending(stage.app.public_address(), &bytes).await, bytes));
        }
        for (wire, bytes) in &mut wires {
            wire.until_closed().await;
            let failed = wire.statuses().into_iter().find(|status| status.starts_with('5'));
            assert_eq!(failed, None, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
    assert_eq!(stage.get("/members/1003/points-history").await.status, 200);
}

#[rstest]
#[case::long(&"x".repeat(7_000), 400)]
#[case::longer(&"x".repeat(16_000), 414)]
#[case::beyond_the_head(&"x".repeat(64 << 10), 431)]
#[case::a_flood(&"page=1&".repeat(1_000), 400)]
#[case::ten_thousand(&"a&".repeat(10_000), 414)]
#[case::semicolons("page=1;page=2", 400)]
#[case::nul("type=%00", 400)]
#[case::invalid_utf_8("type=%C3%28", 400)]
#[case::overlong("type=%C0%AF", 400)]
#[case::surrogate("type=%ED%A0%80", 400)]
#[case::half_an_escape("page=%3", 400)]
#[case::page_beyond("page=18446744073709551616", 400)]
#[case::full_width("page=%EF%BC%91", 400)]
#[case::plus("page=+1", 400)]
#[case::hour_24("from=2026-01-01T24:00:00Z", 400)]
#[case::february("from=2026-02-30", 400)]
#[case::offset("from=2026-01-01T00:00:00%2B26:00", 400)]
#[case::year_0("from=0000-01-01", 400)]
#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_question_is_refused_and_asks_nobody(#[case] query: &str, #[case] status: u16) {
    let stage = Stage::start().await;
    let ask =
        format!("GET /members/1003/points-history?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let text = Wire::sending(stage.app.public_address(), ask).await.until_closed().await;
    assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
    assert!(status == 431 || text.contains("application/problem+json"), "{text}");
    assert!(text.len() < 8_000, "an answer of {} bytes", text.len());
    assert_eq!(stage.record_calls(), 0);
}

#[rstest]
#[case("")]
#[case("..%2f1003")]
#[case("%2e%2e")]
#[case("1003;x=1")]
#[case("1003%0d%0aset-cookie:a")]
#[case("1003%00")]
#[case("%F0%9F%98%80")]
#[case("1003%E2%80%AE")]
#[case("%EF%BC%91003")]
#[case("*")]
#[case("1'or'1'='1")]
#[case("1003%20")]
#[case("1003+")]
#[case("%31003%")]
#[case("%2531003")]
#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_disguise_is_none(#[case] member: &str) {
    let stage = Stage::start().await;
    let ask =
        format!("GET /members/{member}/points-history HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let text = Wire::sending(stage.app.public_address(), ask).await.until_closed().await;
    assert!(text.starts_with("HTTP/1.1 400") && text.contains("member_id"), "{text}");
    assert_eq!(stage.record_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_share_rows_only_if_they_are_the_same_id() {
    let stage = Stage::start().await;
    for (member, calls) in
        [("1003", 1), ("%31003", 1), ("01003", 2), ("1003_", 3), ("A1", 4), ("a1", 5), ("%411", 5)]
    {
        stage.get(&format!("/members/{member}/points-history")).await.page();
        assert_eq!(stage.record_calls(), calls, "{member}");
    }
}

/// One spelling of a path: each letter as it is, escaped, or escaped twice; slashes doubled or escaped; detours.
fn spelling(path: &str, chance: &mut Chance) -> String {
    let mut out = String::from(chance.of(&["", "", "http://127.0.0.1:9090", "//x"]));
    for c in path.chars() {
        let code = c as u32;
        out += &match (c, chance.below(6)) {
            ('/', 0) => "//".into(),
            ('/', 1) => "/./".into(),
            ('/', 2) => "/docs/../".into(),
            ('/', 3) => "%2f".into(),
            ('/', 4) => "\\".into(),
            (_, 0) => format!("%{code:02x}"),
            (_, 1) => format!("%25{code:02X}"),
            (_, 2) => c.to_ascii_uppercase().to_string(),
            _ => c.to_string(),
        };
    }
    out + chance.of(&["", "", "/", "?", "?a=b", "%00", ";", ".json", "%20", "#"])
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_admin_path_leads_anywhere_on_the_public_listener() {
    let stage = Stage::start().await;
    let public = stage.app.public_address();
    let mut chance = Chance::new();
    let paths = [
        "/livez",
        "/readyz",
        "/metrics",
        "/admin",
        "/admin/members/1003/purge",
        "/admin/accounts/main/members/1003/purge",
    ];
    for path in paths {
        for _ in 0..20 {
            let mut asks: Vec<_> = (0..80).map(|_| spelling(path, &mut chance)).collect();
            asks.push(path.to_owned());
            let method = chance.of(&["GET", "HEAD", "POST"]);
            let many = asks
                .iter()
                .map(|target| format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1:9090\r\n\r\n"));
            for ask in many {
                let mut wire = Wire::sending(public, &ask).await;
                let statuses = wire.answers(1).await;
                // 405: below /docs/ there is something, though nothing that can be posted to.
                assert!(["400", "404", "405"].contains(&statuses[0].as_str()), "{ask} {statuses:?}");
            }
        }
    }
    let counted = stage.send(stage.admin(http::Method::GET, "/metrics")).await;
    assert_eq!(counted.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_caller_sends_makes_a_log_line_of_its_own() {
    let mut gateway = Gateway::serving(&[("LOG__LEVEL", "debug")]).await;
    const FORGED: &str = "canary\"},{\"level\":\"ERROR";
    let large = "canary".repeat(4_000);
    for ask in [
        format!("GET /canary%0a{{%22level%22:1}} HTTP/1.1\r\nhost: x\r\nx-request-id: {FORGED}\r\n\r\n"),
        format!("CANARY /\u{1b}[31mcanary HTTP/1.1\r\nhost: x\r\nuser-agent: {FORGED}\u{2028}\r\n\r\n"),
        format!(
            "GET /members/canary/points-history?canary={FORGED} HTTP/1.1\r\nhost: canary\r\nreferer: \x1b[2J\r\n\r\n"
        ),
        format!(
            "GET /members/canary/points-history HTTP/1.1\r\nhost: x\r\na: {large}\r\nauthorization: canary\r\n\r\n"
        ),
        "GET /members/1003/points-history?type=%0A%1b[2Jcanary HTTP/1.1\r\nhost: x\r\ncookie: canary\r\n\r\n"
            .to_owned(),
        "\u{1b}[31mcanary\r\n\r\n".to_owned(),
    ] {
        for address in [gateway.public, gateway.admin] {
            let mut wire = Wire::sending(address, &ask).await;
            assert_eq!(wire.answers(1).await.len(), 1, "{ask}");
        }
    }
    gateway.signal("TERM");
    let mut requests = 0;
    while let Some(line) = gateway.line().await {
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(!line.contains("canary") && !line.contains('\u{1b}'), "{line}");
        requests += usize::from(told["message"] == "request");
    }
    assert!(requests >= 3, "the access log is off");
    assert_eq!(gateway.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_answers_in_problems_too() {
    let stage = Stage::start().await;
    for (method, path, status, label) in [
        (http::Method::GET, "/nowhere", 404, "not-found"),
        (http::Method::POST, "/metrics", 405, "method-not-allowed"),
        (http::Method::GET, "/admin/members/1003/purge", 405, "method-not-allowed"),
        (http::Method::POST, "/admin/members/%ff/purge", 400, "invalid-parameter"),
        (http::Method::POST, "/admin/accounts/%ff/members/1/purge", 400, "invalid-parameter"),
        (http::Method::POST, "/admin/accounts/none/members/1/purge", 404, "not-found"),
    ] {
        let reply = stage.send(stage.admin(method, path).header("x-request-id", "ops-1")).await;
        assert_eq!((reply.status, reply.problem().as_str()), (status, label), "{path}");
        assert_eq!(
            (reply.header("x-request-id"), reply.header("x-content-type-options")),
            ("ops-1", "nosniff")
        );
        assert_eq!(status == 405, !reply.header("allow").is_empty());
    }
    let mut wire = Wire::sending(stage.app.admin_address(), "GET /livez HTTP/1.1\r\n\r\n").await;
    assert_eq!(wire.answers(1).await, ["400"]);
    let options = stage.send(stage.admin(http::Method::OPTIONS, "/metrics")).await;
    assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, OPTIONS"));
    let live = stage.send(stage.admin(http::Method::GET, "/livez")).await;
    assert_eq!(
        (live.status, live.header("cache-control"), live.header("x-content-type-options")),
        (200, "no-store", "nosniff")
    );
}
