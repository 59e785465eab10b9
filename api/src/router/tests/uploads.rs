//! PUT: bytes in, whole and as announced, or nothing.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::StreamExt;
use http_body::Frame;
use http_body_util::StreamBody;
use ods_store::Digest;
use sha2::Digest as _;

use super::*;

fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

async fn put(api: &Api, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let request = headers.iter().fold(api.request(Method::PUT, &format!("/api/v1/packages/{path}")), |request, row| {
        request.header(row.0, row.1)
    });
    api.send(request.body(body.into()).expect("a request")).await
}

/// What comes without a length. An empty one: `&[]` as it comes over HTTP/1.1, `&[""]` as an empty frame over HTTP/2.
fn chunked(chunks: &[&'static str]) -> Body {
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk.as_bytes()))).collect();
    Body::from_stream(futures_util::stream::iter(chunks))
}

#[tokio::test]
async fn a_new_package_is_201_a_replaced_one_200_and_the_same_again_changes_nothing() {
    let api = Api::new();
    let first = put(&api, "mac/a.pkg?version=1&tag=prod&tag=a", &[], "one").await;
    let body = first.ok(201);
    let package = &body["package"];
    assert_eq!(
        (&body["changed"], &package["version"], &package["tags"]),
        (&true.into(), &"1".into(), &serde_json::json!(["a", "prod"]))
    );
    assert_eq!(package["blob"], Digest::of(b"one").to_string());
    assert_eq!(package["sha256"], data_encoding::HEXLOWER.encode(&sha256(b"one")));
    assert_eq!((&package["size"], &package["kind"], &package["state"]), (&3.into(), &"pkg".into(), &"stored".into()));
    assert_eq!((&package["url"], &package["conflict"]), (&"/Packages/mac/a.pkg".into(), &false.into()));
    assert_eq!(first.header("etag"), format!("\"{}\"", package["revision"].as_str().expect("a revision")));
    assert_eq!(first.header("location"), "/api/v1/packages/mac/a.pkg");

    let again = put(&api, "mac/a.pkg?version=1", &[], "one").await.ok(200);
    assert_eq!((&again["changed"], &again["package"]), (&false.into(), package));

    let replaced = put(&api, "mac/a.pkg?version=2", &[], "two").await.ok(200);
    assert_eq!((&replaced["changed"], &replaced["package"]["version"]), (&true.into(), &"2".into()));
    assert_eq!(replaced["package"]["tags"], serde_json::json!(["a", "prod"]), "what isn't mentioned stays");
    assert_eq!(api.incoming(), 0);
}

#[tokio::test]
async fn empty_and_multi_batch_bodies_arrive_byte_for_byte() {
    let api = Api::new();
    for size in [0, 1, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 3_000_001] {
        let bytes: Vec<u8> = (0..size).map(|n: usize| u8::try_from(n % 251).expect("small")).collect();
        let chunks: Vec<Bytes> = bytes.chunks(70_001).map(Bytes::copy_from_slice).collect();
        let body = Body::from_stream(futures_util::stream::iter(chunks).map(Ok::<_, Infallible>));
        let length = bytes.len().to_string();
        // Only an empty one must say how long it is.
        let headers = if size == 0 { &[("content-length", length.as_str())][..] } else { &[] };
        let made = put(&api, &format!("{size}.bin"), headers, body).await.ok(201);
        assert_eq!(
            (&made["package"]["blob"], &made["package"]["size"]),
            (&Digest::of(&bytes).to_string().into(), &size.into())
        );
    }
}

#[tokio::test]
async fn a_put_without_a_body_changes_nothing_unless_it_says_that_it_is_empty() {
    let api = Api::new();
    put(&api, "a.pkg", &[], "one").await.ok(201);
    for body in [Body::empty(), chunked(&[]), chunked(&[""])] {
        put(&api, "a.pkg?tag=prod", &[], body).await.problem(400, "body_missing");
    }
    put(&api, "new.pkg", &[("transfer-encoding", "chunked")], chunked(&[])).await.problem(400, "body_missing");
    api.get("/api/v1/packages/new.pkg").await.problem(404, "no_such_package");
    let kept = api.get("/api/v1/packages/a.pkg").await.ok(200);
    assert_eq!((&kept["size"], &kept["tags"]), (&3.into(), &serde_json::json!([])));
    for (path, body) in [("a.pkg", Body::empty()), ("b.pkg", chunked(&[])), ("c.pkg", chunked(&[""]))] {
        let answer = put(&api, path, &[("content-length", "0")], body).await;
        assert!(answer.status.is_success(), "{}", answer.status);
        assert_eq!(answer.json()["package"]["size"], 0);
    }
    api.nothing_incoming().await;
}

#[tokio::test]
async fn announced_digests_are_held_against_the_bytes() {
    let api = Api::new();
    let good = format!("sha-256=:{}:, md5=:AAAA:", BASE64.encode(&sha256(b"one")));
    put(&api, "good.pkg", &[("repr-digest", &good)], "one").await.ok(201);
    put(&api, &format!("good2.pkg?blake3={}", Digest::of(b"one")), &[], "one").await.ok(201);

    let wrong = format!("sha-256=:{}:", BASE64.encode(&sha256(b"two")));
    let body = put(&api, "bad.pkg", &[("repr-digest", &wrong)], "one").await.problem(422, "digest_mismatch");
    let hex = |bytes: &[u8]| Value::from(data_encoding::HEXLOWER.encode(&sha256(bytes)));
    assert_eq!((&body["expected"], &body["actual"]), (&hex(b"two"), &hex(b"one")));
    let wrong = format!("bad.pkg?blake3={}", Digest::of(b"two"));
    put(&api, &wrong, &[], "one").await.problem(422, "digest_mismatch");

    api.get("/api/v1/packages/bad.pkg").await.problem(404, "no_such_package");
    put(&api, "bad.pkg", &[("repr-digest", "sha-256=nonsense")], "one").await.problem(400, "bad_header");
    put(&api, "bad.pkg?blake3=nonsense", &[], "one").await.problem(400, "bad_query");
    api.nothing_incoming().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_or_has_another_length_leaves_nothing() {
    let api = Api::new();
    let broken =
        futures_util::stream::iter([Ok(Frame::data(Bytes::from(vec![1; 700_000]))), Err(std::io::Error::other("cut"))]);
    put(&api, "cut.pkg", &[], Body::new(StreamBody::new(broken))).await.problem(400, "body_incomplete");
    for said in ["2", "4"] {
        let stream = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"one"))]);
        let answer = put(&api, "cut.pkg", &[("content-length", said)], Body::from_stream(stream)).await;
        let body = answer.problem(400, "body_incomplete");
        assert_eq!((body["expected"].to_string(), &body["actual"]), (said.to_owned(), &3.into()));
    }
    api.get("/api/v1/packages/cut.pkg").await.problem(404, "no_such_package");
    api.nothing_incoming().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let api = Api::new();
    let stream = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from(vec![1; 700_000]))]);
    let body = Body::from_stream(stream.chain(futures_util::stream::pending()));
    let request = api.request(Method::PUT, "/api/v1/packages/gone.pkg").body(body).expect("a request");
    let mut call = Box::pin(api.router.clone().oneshot(request));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while api.incoming() == 0 {
        assert!(std::time::Instant::now() < deadline, "the upload never began");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), &mut call).await;
    }
    drop(call);
    api.nothing_incoming().await;
}

#[tokio::test]
async fn conditions_are_kept() {
    let api = Api::new();
    let any = [("if-none-match", "*")];
    let made = put(&api, "a.pkg", &any, "one").await.ok(201);
    let current = made["package"]["revision"].as_str().expect("a revision").to_owned();
    let refused = put(&api, "a.pkg", &any, "two").await.problem(412, "precondition_failed");
    assert_eq!(refused["current"], current.as_str());
    let tag = format!("\"{current}\"");
    put(&api, "a.pkg", &[("if-match", &tag)], "two").await.ok(200);
    put(&api, "a.pkg", &[("if-match", &tag)], "three").await.problem(412, "precondition_failed");
    put(&api, "new.pkg", &[("if-match", "*")], "x").await.problem(412, "precondition_failed");
    api.nothing_incoming().await;
}

#[tokio::test]
async fn what_would_be_refused_anyway_is_refused_before_the_first_byte() {
    let api = Api::new();
    api.publish("a.pkg", b"one", &[]);
    let untouched = || {
        let poison = futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> {
            panic!("the body was read")
        });
        Body::from_stream(poison)
    };
    put(&api, "a.pkg", &[("if-none-match", "*")], untouched()).await.problem(412, "precondition_failed");
    put(&api, "a.pkg?priority=high", &[], untouched()).await.problem(422, "invalid");
    put(&api, "a.pkg?titel=x", &[], untouched()).await.problem(400, "bad_query");
    put(&api, "../a.pkg", &[], untouched()).await.problem(400, "bad_path");
    put(&api, "t/%E2%80%AEgkp.exe", &[], untouched()).await.problem(400, "bad_path");
    put(&api, "a.pkg", &[("content-range", "bytes 0-1/2")], untouched()).await.problem(400, "bad_header");
    let encoded: [&[_]; 5] = [
        &[("content-encoding", "gzip")],
        &[("content-encoding", "identity"), ("content-encoding", "br")],
        &[("content-encoding", "gzip"), ("content-encoding", "identity")],
        &[("content-encoding", "identity, gzip")],
        &[("content-encoding", "GZIP")],
    ];
    for headers in encoded {
        put(&api, "a.pkg", headers, untouched()).await.problem(415, "unsupported_media_type");
    }
    put(&api, "a.pkg", &[("content-type", "multipart/form-data; boundary=x")], untouched())
        .await
        .problem(415, "unsupported_media_type");
    let huge = (1_u64 << 40) - 1;
    let body = put(&api, "a.pkg", &[("content-length", &huge.to_string())], untouched()).await.problem(507, "no_space");
    assert!(body["needed"].as_u64() >= Some(huge) && body["free"].is_u64(), "{body}");
    let huge = (1_u64 << 41).to_string();
    put(&api, "a.pkg", &[("content-length", &huge)], untouched()).await.problem(413, "too_large");
    api.nothing_incoming().await;
}

#[tokio::test]
async fn two_uploads_of_one_path_at_once_both_end_well_and_one_is_current() {
    let api = Api::new();
    let (one, two) = tokio::join!(put(&api, "a.pkg", &[], "one"), put(&api, "a.pkg", &[], "two"));
    let statuses = [one.status.as_u16(), two.status.as_u16()];
    assert!(statuses == [201, 200] || statuses == [200, 201], "{statuses:?}");
    let history = api.get("/api/v1/revisions/a.pkg").await.ok(200);
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2));
    let only_new = [("if-none-match", "*")];
    let (one, two) = tokio::join!(put(&api, "b.pkg", &only_new, "one"), put(&api, "b.pkg", &only_new, "two"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412]);
}

#[tokio::test]
async fn bytes_that_are_held_are_published_without_a_body() {
    let api = Api::new();
    let dev = api.publish("dev/a.pkg", b"one", &[("version", "1")]);
    let path = format!("prod/a.pkg?from={}&tag=prod", dev.revision);
    let made = put(&api, &path, &[], Body::empty()).await.ok(201);
    assert_eq!(
        (&made["package"]["blob"], &made["package"]["tags"]),
        (&dev.blob.to_string().into(), &serde_json::json!(["prod"]))
    );
    put(&api, &path, &[], Body::empty()).await.ok(200);
    put(&api, &path, &[("transfer-encoding", "chunked")], chunked(&[])).await.ok(200);
    put(&api, &path, &[], chunked(&[""])).await.ok(200);
    put(&api, &path, &[("content-length", "0")], Body::empty()).await.ok(200);
    put(&api, &path, &[("content-length", "3")], "one").await.problem(400, "unexpected_body");
    put(&api, &path, &[("transfer-encoding", "chunked")], chunked(&["one"])).await.problem(400, "unexpected_body");
    put(&api, &path, &[], chunked(&["", "one"])).await.problem(400, "unexpected_body");
    put(&api, &format!("{path}&blake3={}", dev.blob), &[], Body::empty()).await.problem(400, "bad_query");
    put(&api, &format!("x.pkg?from={}", "0".repeat(64)), &[], Body::empty()).await.problem(404, "no_such_revision");
    put(&api, "x.pkg?from=nonsense", &[], Body::empty()).await.problem(404, "no_such_revision");
}

/// A new token for scope publish, and what it sends: first a part, then, once `meanwhile` was done to the token, the rest.
fn sent_while(api: &Api, meanwhile: impl FnOnce(&Store, ods_store::TokenId) + Send + 'static) -> (String, Body) {
    let new = NewToken { name: "slow".to_owned(), scope: Scope::Publish, prefixes: Vec::new(), expires_at: None };
    let (row, secret) = api.store.create_token(&new, &Author::new("test"), NOW).expect("a token");
    let store = api.store.clone();
    let rest = futures_util::stream::once(async move {
        meanwhile(&store, row.id);
        Ok::<_, Infallible>(Bytes::from_static(b"the rest"))
    });
    let first = futures_util::stream::iter([Ok(Bytes::from_static(b"a part, "))]);
    (secret, Body::from_stream(first.chain(rest)))
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_while_it_sends_publishes_nothing() {
    let api = Api::new();
    let (secret, body) = sent_while(&api, |store, id| {
        assert!(store.revoke_token(id, &Expected::Any, &Author::new("test"), NOW).expect("revoked"));
    });
    let request = as_token(Method::PUT, "/api/v1/packages/late.pkg", &secret).body(body).expect("a request");
    api.send(request).await.problem(401, "token_unknown");
    api.get("/api/v1/packages/late.pkg").await.problem(404, "no_such_package");
    api.nothing_incoming().await;

    // Nor is it read to its end.
    let new = NewToken { name: "slow".to_owned(), scope: Scope::Publish, prefixes: Vec::new(), expires_at: None };
    let (row, secret) = api.store.create_token(&new, &Author::new("test"), NOW).expect("a token");
    let store = api.store.clone();
    let rest = futures_util::stream::unfold(0, move |sent| {
        let store = store.clone();
        async move {
            match sent {
                0 => assert!(store.revoke_token(row.id, &Expected::Any, &Author::new("test"), NOW).expect("revoked")),
                1 => tokio::time::advance(Duration::from_secs(1)).await,
                _ => panic!("it is still read"),
            }
            Some((Ok::<_, Infallible>(Bytes::from_static(b"more")), sent + 1))
        }
    });
    let request = as_token(Method::PUT, "/api/v1/packages/late.pkg", &secret).body(Body::from_stream(rest));
    api.send(request.expect("a request")).await.problem(401, "token_unknown");
    api.nothing_incoming().await;

    let (secret, body) = sent_while(&api, |_, _| {});
    let request = as_token(Method::PUT, "/api/v1/packages/late.pkg", &secret).body(body).expect("a request");
    api.send(request).await.ok(201);
}
