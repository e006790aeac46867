//! Requests with another one hidden in them, which only a reader that finds a wrong end of the first one meets.
//!
//! Each row is a head and a body, in which `@M` is the hidden request, `@N` the length of the body, `@H` that of the hidden
//! request in hex, and `@C` that of what stands before it in the body. By the letter of RFC 9112 the hidden request is part
//! of the body, or the whole is to be refused; rows that a conforming reader may take for two requests are left out.

/// Said by a request that reads on after its first line.
const FIRST_LINES: [&str; 2] = [
    "GET /members/1003/points-history?page_size=1 HTTP/1.1\r\nHost: x\r\n",
    "POST /problems HTTP/1.1\r\nHost: x\r\n",
];

/// Spellings of a chunked body that are none to somebody, with a length that contradicts.
const CODINGS: &[&str] = &[
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:chunked\r\n",
    "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding: chunked\t\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    "tRANSFER-eNCODING: CHUNKED\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chun\u{212a}ed\r\n",
    "Transfer-Encoding: \u{b}chunked\r\n",
    "Transfer-Encoding: chunked\u{b}\r\n",
    "Transfer-Encoding: chunked\0\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked identity\r\n",
    // TE.TE: one of two.
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: \r\nTransfer-Encoding: chunked\r\n",
    // A folded line.
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding:\r\n\tchunked\r\n",
    "Transfer-Encoding: x,\r\n chunked\r\n",
    "Transfer-Encoding: chunked\r\n , identity\r\n",
    // A bare line feed.
    "Transfer-Encoding: chunked\n",
    "X: a\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\n chunked\r\n",
    // Taken off by whoever takes off what concerns one hop.
    "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
    "Connection: content-length\r\nTransfer-Encoding: chunked\r\n",
];

/// Chunked to a careless reader only.
const NO_CODINGS: &[&str] = &[
    "Transfer_Encoding: chunked\r\n",
    "Transfer-Encoding\u{a0}: chunked\r\n",
    "\0Transfer-Encoding: chunked\r\n",
    "X: a\r\n Transfer-Encoding: chunked\r\n",
    "X: a\rTransfer-Encoding: chunked\r\n",
    "X: a\r\n\tTransfer-Encoding: chunked\r\n",
    "X:\r\n Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding\n: chunked\r\n",
    "Transfer-Encoding\r\n: chunked\r\n",
    "Content-Encoding: chunked\r\n",
    "TE: chunked\r\n",
];

/// Lengths on which readers differ. The body is the hidden request.
const LENGTHS: &[&str] = &[
    "Content-Length: 0\r\nContent-Length: @N\r\n",
    "Content-Length: @N\r\nContent-Length: 0\r\n",
    "Content-Length: @N\r\nContent-Length : 0\r\n",
    "Content-Length: @N\r\nContent_Length: 0\r\n",
    "Content-Length: @N\r\n Content-Length: 0\r\n",
    "Content-Length: 0, @N\r\n",
    "Content-Length: @N, 0\r\n",
    "Content-Length: @N, @N\r\n",
    "Content-Length: +@N\r\n",
    "Content-Length: 0@N\r\n",
    "Content-Length: 0x@N\r\n",
    "Content-Length: @N;\r\n",
    "Content-Length: @N 0\r\n",
    "Content-Length: \"@N\"\r\n",
    "Content-Length: @N\0\r\n",
    "Content-Length: @N\u{b}\r\n",
    "Content-Length: 18446744073709551616\r\nX: @N\r\n",
    "Content-Length: 18446744073709551617\r\nX: @N\r\n",
    "Content-Length: 100000000000000000000@N\r\n",
    "Content-Length: -@N\r\n",
    "Content-Length : @N\r\n",
    "Content-Length:\r\n @N\r\n",
    "Content-Length: 0\r\n @N\r\n",
    "Content-Length: @N\n",
    "X: a\nContent-Length: @N\r\n",
    "Content-Length: @N\r\r\n",
    "Content-Length: @N\r\nX: a\n",
    "Connection: content-length\r\nContent-Length: @N\r\n",
    "Connection: close, content-length\r\nContent-Length: @N\r\n",
    "Expect: 100-continue\r\nContent-Length: @N\r\n",
    "Expect: y 100-continue\r\nContent-Length: @N\r\n",
    "Expect:\r\n 100-continue\r\nContent-Length: @N\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nContent-Length: @N\r\n",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nContent-Length: @N\r\n",
];

/// Chunks of which readers find different ends.
const CHUNKS: &[&str] = &[
    "@H\n@M\r\n0\r\n\r\n",
    "@H\r\n@M\n0\r\n\r\n",
    "@H\r@M\r\n0\r\n\r\n",
    "@H;a=b\n@M\r\n0\r\n\r\n",
    "2;\nxx\r\n@H\r\n@M\r\n0\r\n\r\n",
    "2;a=\"\n\"\r\nxx\r\n@H\r\n@M\r\n0\r\n\r\n",
    "2;a=\"\r\n\"\r\nxx\r\n@H\r\n@M\r\n0\r\n\r\n",
    "2;a\rb\r\nxx\r\n@H\r\n@M\r\n0\r\n\r\n",
    " @H\r\n@M\r\n0\r\n\r\n",
    "@H \r\n@M\r\n0\r\n\r\n",
    "0x@H\r\n@M\r\n0\r\n\r\n",
    "+@H\r\n@M\r\n0\r\n\r\n",
    "-1\r\n@M\r\n0\r\n\r\n",
    "0000000000000000000@H\r\n@M\r\n0\r\n\r\n",
    "100000000000000@H\r\n@M\r\n0\r\n\r\n",
    "1\r\n@M\r\n0\r\n\r\n",
    "@H\r\n@Mxx\r\n0\r\n\r\n",
    "@H\r\n@M0\r\n\r\n",
    "1\r\nx@H\r\n@M\r\n0\r\n\r\n",
    "0\r\n@M\r\n",
    "0\r\nX: a\n@M\r\n",
];

/// A whole head, first line and all.
const HEADS: &[(&str, &str)] = &[
    ("POST /problems HTTP/1.1\nHost: x\nContent-Length: @N\n\n", "@M"),
    ("POST /problems HTTP/1.1\nHost: x\nContent-Length: @N\nTransfer-Encoding: chunked\n\n", "0\r\n\r\n@M"),
    ("POST /problems HTTP/1.1\r\nHost: x\r\nContent-Length: @N\r\n\n", "@M"),
    (
        "POST /problems HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: @N\r\n\r\n",
        "0\r\n\r\n@M",
    ),
    (
        "POST /problems HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: @C\r\n\r\n",
        "@H\r\n@M\r\n0\r\n\r\n",
    ),
    (
        "POST http://y/problems HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: @N\r\n\r\n",
        "0\r\n\r\n@M",
    ),
    ("HEAD /problems HTTP/1.1\r\nHost: x\r\nContent-Length: @N\r\n\r\n", "@M"),
    ("OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: @N\r\n\r\n", "@M"),
    ("CONNECT x:80 HTTP/1.1\r\nHost: x\r\nContent-Length: @N\r\n\r\n", "@M"),
    ("PRI * HTTP/2.0\r\nContent-Length: @N\r\n\r\n", "@M"),
];

/// A request that hides another.
pub struct Variant {
    /// Its head, escaped.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All of them; `hidden` makes the request to hide in number `n`.
pub fn variants(hidden: impl Fn(usize) -> String) -> Vec<Variant> {
    let mut rows: Vec<(String, &str)> = Vec::new();
    for first in FIRST_LINES {
        for coding in CODINGS {
            rows.push((format!("{first}Content-Length: @N\r\n{coding}\r\n"), "0\r\n\r\n@M"));
            rows.push((format!("{first}{coding}Content-Length: @C\r\n\r\n"), "@H\r\n@M\r\n0\r\n\r\n"));
        }
        for coding in NO_CODINGS {
            rows.push((format!("{first}Content-Length: @N\r\n{coding}\r\n"), "0\r\n\r\n@M"));
        }
        rows.extend(LENGTHS.iter().map(|length| (format!("{first}{length}\r\n"), "@M")));
        rows.extend(CHUNKS.iter().map(|body| (format!("{first}Transfer-Encoding: chunked\r\n\r\n"), *body)));
    }
    rows.extend(HEADS.iter().map(|(head, body)| ((*head).to_owned(), *body)));
    let filled = |(n, (head, body)): (usize, &(String, &str))| Variant {
        name: format!("{head:?} {body:?}"),
        bytes: fill(head, body, &hidden(n)).into_bytes(),
    };
    rows.iter().enumerate().map(filled).collect()
}

fn fill(head: &str, body: &str, hidden: &str) -> String {
    let body = body.replace("@H", &format!("{:x}", hidden.len()));
    let before = body.find("@M").unwrap();
    let body = body.replace("@M", hidden);
    let head = head.replace("@N", &body.len().to_string()).replace("@C", &before.to_string());
    head + &body
}
