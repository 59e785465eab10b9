//! Ranges × conditions × methods: each row is a request and the whole of what it gets.

use axum::http::Method;
use ods_store::Digest;

use super::{Bench, Reply};

const CONTENT: &[u8] = b"0123456789";
const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

/// Method, fields (`TAG`, `AT`, `BEFORE`, `AFTER` stand for the current tag and dates around the current one), answer.
const ROWS: &[(&str, &str, &str)] = &[
    // No conditions, no ranges.
    ("GET", "", "200 0123456789"),
    ("HEAD", "", "200 (10)"),
    // Single ranges.
    ("GET", "Range: bytes=0-0", "206 bytes 0-0/10 0"),
    ("GET", "Range: bytes=0-9", "206 bytes 0-9/10 0123456789"),
    ("GET", "Range: bytes=2-4", "206 bytes 2-4/10 234"),
    ("GET", "Range: bytes=9-", "206 bytes 9-9/10 9"),
    ("GET", "Range: bytes=4-", "206 bytes 4-9/10 456789"),
    ("GET", "Range: bytes=8-999", "206 bytes 8-9/10 89"),
    ("GET", "Range: bytes=-3", "206 bytes 7-9/10 789"),
    ("GET", "Range: bytes=-999", "206 bytes 0-9/10 0123456789"),
    ("GET", "Range: BYTES=0-1", "206 bytes 0-1/10 01"),
    ("GET", "Range: bytes=, 0-1 ,", "206 bytes 0-1/10 01"),
    ("GET", "Range: bytes=0-18446744073709551616", "206 bytes 0-9/10 0123456789"),
    // Ranges that are not there.
    ("GET", "Range: bytes=10-", "416 bytes */10"),
    ("GET", "Range: bytes=10-11", "416 bytes */10"),
    ("GET", "Range: bytes=-0", "416 bytes */10"),
    ("GET", "Range: bytes=99999999999999999999-", "416 bytes */10"),
    ("GET", "Range: bytes=10-,11-,-0", "416 bytes */10"),
    // Malformed ranges, other units and other methods: ignored.
    ("GET", "Range: bytes=", "200 0123456789"),
    ("GET", "Range: bytes=x-y", "200 0123456789"),
    ("GET", "Range: bytes=4-2", "200 0123456789"),
    ("GET", "Range: bytes=0-1,4-2", "200 0123456789"),
    ("GET", "Range: bytes=--1", "200 0123456789"),
    ("GET", "Range: lines=0-1", "200 0123456789"),
    ("GET", "Range: 0-1", "200 0123456789"),
    ("GET", "Range: bytes=0-1 | Range: bytes=2-3", "200 0123456789"),
    ("HEAD", "Range: bytes=0-1", "200 (10)"),
    ("HEAD", "Range: bytes=10-", "200 (10)"),
    // Several ranges.
    ("GET", "Range: bytes=0-1,4-5", "206 parts [bytes 0-1/10 01][bytes 4-5/10 45]"),
    ("GET", "Range: bytes=-2, 0-0", "206 parts [bytes 8-9/10 89][bytes 0-0/10 0]"),
    ("GET", "Range: bytes=0-0,2-2,4-4", "206 parts [bytes 0-0/10 0][bytes 2-2/10 2][bytes 4-4/10 4]"),
    ("GET", "Range: bytes=0-1,50-60", "206 bytes 0-1/10 01"),
    ("GET", "Range: bytes=0-5,3-7", "206 bytes 0-7/10 01234567"),
    ("GET", "Range: bytes=0-5,3-6,9-", "206 parts [bytes 0-6/10 0123456][bytes 9-9/10 9]"),
    ("GET", "Range: bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", "206 bytes 0-9/10 0123456789"),
    ("GET", "Range: bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-", "416 bytes */10"),
    // If-Range.
    ("GET", "Range: bytes=4- | If-Range: TAG", "206 bytes 4-9/10 456789"),
    ("GET", "Range: bytes=4- | If-Range: W/TAG", "200 0123456789"),
    ("GET", "Range: bytes=4- | If-Range: \"other\"", "200 0123456789"),
    ("GET", "Range: bytes=4- | If-Range: AT", "206 bytes 4-9/10 456789"),
    ("GET", "Range: bytes=4- | If-Range: BEFORE", "200 0123456789"),
    ("GET", "Range: bytes=4- | If-Range: AFTER", "200 0123456789"),
    ("GET", "Range: bytes=4- | If-Range: soon", "200 0123456789"),
    ("GET", "Range: bytes=10- | If-Range: \"other\"", "200 0123456789"),
    ("GET", "Range: bytes=10- | If-Range: TAG", "416 bytes */10"),
    ("GET", "If-Range: TAG", "200 0123456789"),
    ("GET", "Range: bytes=0-0,2-2 | If-Range: TAG", "206 parts [bytes 0-0/10 0][bytes 2-2/10 2]"),
    // If-None-Match.
    ("GET", "If-None-Match: TAG", "304"),
    ("GET", "If-None-Match: W/TAG", "304"),
    ("GET", "If-None-Match: *", "304"),
    ("GET", "If-None-Match: \"a\", \"b,c\", TAG", "304"),
    ("GET", "If-None-Match: \"a\" | If-None-Match: TAG", "304"),
    ("GET", "If-None-Match: \"a\"", "200 0123456789"),
    ("GET", "If-None-Match: TAGx", "304"),
    ("GET", "If-None-Match: unquoted", "200 0123456789"),
    ("HEAD", "If-None-Match: TAG", "304"),
    ("HEAD", "If-None-Match: \"a\"", "200 (10)"),
    ("GET", "If-None-Match: TAG | Range: bytes=0-1", "304"),
    ("GET", "If-None-Match: \"a\" | Range: bytes=0-1", "206 bytes 0-1/10 01"),
    ("GET", "If-None-Match: TAG | Range: bytes=10-", "304"),
    // If-Modified-Since.
    ("GET", "If-Modified-Since: AT", "304"),
    ("GET", "If-Modified-Since: AFTER", "304"),
    ("GET", "If-Modified-Since: BEFORE", "200 0123456789"),
    ("GET", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", "304"),
    ("GET", "If-Modified-Since: Sun Nov  6 08:49:37 1994", "304"),
    ("GET", "If-Modified-Since: yesterday", "200 0123456789"),
    ("GET", "If-Modified-Since: AT | If-Modified-Since: AT", "200 0123456789"),
    ("HEAD", "If-Modified-Since: AT", "304"),
    ("GET", "If-Modified-Since: BEFORE | Range: bytes=-1", "206 bytes 9-9/10 9"),
    ("GET", "If-Modified-Since: AT | If-None-Match: \"a\"", "200 0123456789"),
    ("GET", "If-Modified-Since: BEFORE | If-None-Match: TAG", "304"),
    // If-Match.
    ("GET", "If-Match: TAG", "200 0123456789"),
    ("GET", "If-Match: *", "200 0123456789"),
    ("GET", "If-Match: \"a\", TAG", "200 0123456789"),
    ("GET", "If-Match: W/TAG", "412"),
    ("GET", "If-Match: \"a\"", "412"),
    ("GET", "If-Match: unquoted", "412"),
    ("HEAD", "If-Match: \"a\"", "412"),
    ("HEAD", "If-Match: TAG", "200 (10)"),
    ("GET", "If-Match: TAG | Range: bytes=0-1", "206 bytes 0-1/10 01"),
    ("GET", "If-Match: \"a\" | Range: bytes=0-1", "412"),
    ("GET", "If-Match: \"a\" | Range: bytes=10-", "412"),
    ("GET", "If-Match: TAG | If-None-Match: TAG", "304"),
    ("GET", "If-Match: \"a\" | If-None-Match: TAG", "412"),
    // If-Unmodified-Since.
    ("GET", "If-Unmodified-Since: AT", "200 0123456789"),
    ("GET", "If-Unmodified-Since: AFTER", "200 0123456789"),
    ("GET", "If-Unmodified-Since: BEFORE", "412"),
    ("GET", "If-Unmodified-Since: yesterday", "200 0123456789"),
    ("GET", "If-Unmodified-Since: BEFORE | If-Match: TAG", "200 0123456789"),
    ("GET", "If-Unmodified-Since: AT | If-Match: \"a\"", "412"),
    ("GET", "If-Unmodified-Since: AT | If-Modified-Since: AT", "304"),
    ("GET", "If-Unmodified-Since: AT | Range: bytes=0-1", "206 bytes 0-1/10 01"),
    // Other methods.
    ("POST", "", "405 GET, HEAD"),
    ("PUT", "", "405 GET, HEAD"),
    ("DELETE", "", "405 GET, HEAD"),
    ("OPTIONS", "", "405 GET, HEAD"),
    ("PUT", "If-Match: \"a\"", "405 GET, HEAD"),
    ("BREW", "Range: bytes=0-1", "405 GET, HEAD"),
];

#[tokio::test]
async fn every_request_gets_what_http_says() {
    let bench = Bench::new();
    let package = bench.publish("mac/x.txt", CONTENT);
    let tag = format!("\"{}\"", package.blob);
    for (method, fields, expected) in ROWS {
        let row = format!("{method} [{fields}]");
        let dates = [("BEFORE", BEFORE), ("AFTER", AFTER), ("AT", AT)];
        let fill = |value: &str| {
            let exact = dates.iter().find(|(name, _)| *name == value);
            exact.map_or_else(|| value.replace("TAG", &tag), |(_, date)| (*date).to_owned())
        };
        let fields: Vec<(&str, String)> = fields
            .split(" | ")
            .filter_map(|field| field.split_once(": "))
            .map(|(name, value)| (name, fill(value)))
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let method: Method = method.parse().expect("a method");
        let reply = bench.ask(&method, "/Packages/mac/x.txt?query=ignored", &fields).await;
        assert_eq!(told(&method, &reply), *expected, "{row}");
        check_headers(&method, &reply, &row);
    }
}

/// The answer in one line.
fn told(method: &Method, reply: &Reply) -> String {
    let kind = reply.field("content-type");
    match reply.status.as_u16() {
        200 if method == Method::HEAD => format!("200 ({})", reply.field("content-length")),
        200 => format!("200 {}", reply.text()),
        206 if kind.starts_with("multipart/byteranges") => format!("206 parts {}", parts(reply)),
        206 => format!("206 {} {}", reply.field("content-range"), reply.text()),
        304 => "304".to_owned(),
        405 => format!("405 {}", reply.field("allow")),
        416 => format!("416 {}", reply.field("content-range")),
        other => other.to_string(),
    }
}

/// A multipart body, taken apart by its own boundary.
fn parts(reply: &Reply) -> String {
    let (_, boundary) = reply.field("content-type").split_once("boundary=").expect("a boundary");
    let text = format!("\r\n{}", reply.text());
    let inner = text.strip_suffix(&format!("\r\n--{boundary}--\r\n")).expect("the closing boundary");
    let part = |part: &str| {
        let (head, content) = part.split_once("\r\n\r\n").expect("a head and content");
        let place = head.strip_prefix("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: ");
        format!("[{} {content}]", place.expect("the two fields of a part"))
    };
    inner.split(&format!("\r\n--{boundary}")).skip(1).map(part).collect()
}

/// What must hold of every answer, whatever was asked.
fn check_headers(method: &Method, reply: &Reply, row: &str) {
    for never in ["location", "transfer-encoding", "content-encoding", "set-cookie"] {
        assert_eq!(reply.field(never), "", "{never}: {row}");
    }
    let status = reply.status.as_u16();
    assert_eq!(reply.field("cache-control"), if status < 400 { "no-cache" } else { "no-store" }, "{row}");
    if matches!(status, 405 | 412 | 416) && method != Method::HEAD {
        let expected = match status {
            405 => "method_not_allowed",
            412 => "precondition_failed",
            _ => "range_not_satisfiable",
        };
        assert_eq!(reply.code(), expected, "{row}");
        return;
    }
    if status >= 400 {
        return;
    }
    assert_eq!(reply.field("etag"), format!("\"{}\"", Digest::of(CONTENT)), "{row}");
    assert_eq!(reply.field("last-modified"), AT, "{row}");
    assert_eq!(reply.field("x-content-type-options"), "nosniff", "{row}");
    if status == 304 {
        assert!(reply.bytes().is_empty(), "{row}");
        return;
    }
    let length = if method == Method::HEAD { CONTENT.len() } else { reply.bytes().len() };
    assert_eq!(reply.field("content-length"), length.to_string(), "{row}");
    assert_eq!(method == Method::HEAD, reply.bytes().is_empty(), "{row}");
    assert_eq!(reply.field("accept-ranges"), "bytes", "{row}");
    assert_eq!(reply.field("repr-digest"), "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:", "{row}");
    assert_eq!(reply.field("content-security-policy"), "sandbox", "{row}");
    let disposition = r#"attachment; filename*=UTF-8''x.txt; filename="x.txt""#;
    assert_eq!(reply.field("content-disposition"), disposition, "{row}");
    if status == 200 || !reply.field("content-range").is_empty() {
        assert_eq!(reply.field("content-type"), "text/plain; charset=utf-8", "{row}");
    }
    assert_eq!(
        reply.field("content-range").is_empty(),
        status == 200 || told(method, reply).contains("parts"),
        "{row}"
    );
}

#[tokio::test]
async fn the_empty_file_is_a_file() {
    let bench = Bench::new();
    let package = bench.publish("empty", b"");
    let tag = format!("\"{}\"", package.blob);
    for (method, field, expected) in [
        (Method::GET, ("accept", "*/*"), "200 "),
        (Method::HEAD, ("accept", "*/*"), "200 (0)"),
        (Method::GET, ("range", "bytes=0-"), "416 bytes */0"),
        (Method::GET, ("range", "bytes=0-0"), "416 bytes */0"),
        (Method::GET, ("range", "bytes=-0"), "416 bytes */0"),
        (Method::GET, ("range", "bytes=-5"), "200 "),
        (Method::GET, ("range", "nonsense"), "200 "),
        (Method::GET, ("if-none-match", tag.as_str()), "304"),
        (Method::GET, ("if-match", tag.as_str()), "200 "),
    ] {
        let reply = bench.ask(&method, "/Packages/empty", &[field]).await;
        assert_eq!(told(&method, &reply), expected, "{method} {field:?}");
        if reply.status.is_success() {
            assert_eq!(reply.field("content-length"), "0");
            assert_eq!(reply.field("repr-digest"), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
        }
    }
}

#[tokio::test]
async fn a_date_from_the_future_is_kept_back() {
    let bench = Bench::new();
    bench.publish_at("x", CONTENT, super::clock().plus_ms(5_000));
    let reply = bench.ask(&Method::GET, "/Packages/x", &[("if-modified-since", AFTER)]).await;
    assert_eq!((reply.status.as_u16(), reply.field("last-modified")), (200, ""));
    let reply = bench.ask(&Method::GET, "/Packages/x", &[("if-unmodified-since", BEFORE)]).await;
    assert_eq!(reply.status.as_u16(), 200, "a condition on a date that isn't known is ignored");
}

#[tokio::test]
async fn ranges_join_to_the_file_across_chunks_and_pieces() {
    let content: Vec<u8> = (0..2_500_000_u32).map(|n| n.to_le_bytes()[usize::from(n % 7 == 0)]).collect();
    let bench = Bench::new();
    let package = bench.publish("big.bin", &content);
    assert_eq!(package.size, content.len() as u64);
    assert!(bench.get("/Packages/big.bin").await.bytes() == content.as_slice());
    let mut joined = Vec::new();
    for start in (0..content.len()).step_by(262_143) {
        let range = format!("bytes={start}-{}", start + 262_142);
        let reply = bench.ask(&Method::GET, "/Packages/big.bin", &[("range", &range)]).await;
        assert_eq!(reply.status.as_u16(), 206);
        joined.extend_from_slice(reply.bytes());
    }
    assert!(joined == content);
    let ranges = [("range", "bytes=1048570-1048580,2400000-,0-9")];
    let reply = bench.ask(&Method::GET, "/Packages/big.bin", &ranges).await;
    assert_eq!(reply.field("content-length"), reply.bytes().len().to_string());
}
