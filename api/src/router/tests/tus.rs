//! Resumable uploads: tus 1.0 as its specification has it, and what comes of each upload.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use ods_store::Digest;
use sha1::Digest as _;

use super::*;

/// A tus request, to be completed.
fn tus(api: &Api, method: Method, path: &str, headers: &[(&str, &str)]) -> axum::http::request::Builder {
    let request = api.request(method, path).header("tus-resumable", "1.0.0");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn call(api: &Api, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    api.send(tus(api, method, path, headers).body(body.into()).expect("a request")).await
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key} {}", BASE64.encode(value.as_bytes())));
    pairs.collect::<Vec<_>>().join(",")
}

/// Begins an upload of `length` bytes; tells its address.
async fn begin(api: &Api, length: usize, pairs: &[(&str, &str)]) -> String {
    let headers = [("upload-length", length.to_string()), ("upload-metadata", metadata(pairs))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let begun = call(api, Method::POST, "/api/v1/uploads", &headers, Body::empty()).await;
    assert_eq!(begun.status, 201, "{}", String::from_utf8_lossy(&begun.body));
    assert_eq!((begun.header("upload-offset"), begun.header("tus-resumable")), ("0", "1.0.0"));
    for (method, path) in
        [(Method::PATCH, "/api/v1/uploads/x"), (Method::PUT, "/api/v1/uploads"), (Method::POST, "/api/v1/uploads")]
    {
        let refused = api.call(method, path, Body::empty()).await;
        assert!(refused.status.is_client_error() && refused.header("tus-resumable") == "1.0.0", "{path}");
    }
    assert!(begun.header("upload-expires").ends_with(" GMT"));
    begun.header("location").to_owned()
}

async fn send(api: &Api, upload: &str, offset: usize, bytes: &[u8]) -> Answer {
    let offset = offset.to_string();
    let headers = [("upload-offset", offset.as_str()), ("content-type", "application/offset+octet-stream")];
    call(api, Method::PATCH, upload, &headers, bytes.to_vec()).await
}

async fn stands(api: &Api, upload: &str) -> String {
    let head = call(api, Method::HEAD, upload, &[], Body::empty()).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("cache-control"), "no-store");
    head.header("upload-offset").to_owned()
}

#[tokio::test]
async fn it_is_said_how_long_an_upload_is_kept_with_bytes_and_without() {
    let api = Api::new();
    let upload = begin(&api, 10, &[("path", "x.pkg")]).await;
    let kept = |view: &Value| {
        let at = |field: &str| view[field].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
        at("expires_at").duration_since(at("created_at")).as_secs()
    };
    let head = call(&api, Method::HEAD, &upload, &[], Body::empty()).await;
    let empty = send(&api, &upload, 0, b"").await;
    assert_eq!(kept(&api.get(&upload).await.ok(200)), 15 * 60);
    let some = send(&api, &upload, 0, b"01").await;
    assert_eq!(kept(&api.get(&upload).await.ok(200)), 24 * 60 * 60);
    let [head, empty, some] = [head, empty, some].map(|answer| answer.header("upload-expires").to_owned());
    assert!(head == empty && empty != some, "{head}, {empty}, {some}");
}

#[tokio::test]
async fn an_upload_in_parts_becomes_a_package_with_its_metadata() {
    let api = Api::new();
    let said = [("path", "mac/x.pkg"), ("version", "7"), ("tags", "prod,a"), ("filetype", "application/x")];
    let upload = begin(&api, 10, &said).await;
    assert_eq!(send(&api, &upload, 0, b"0123").await.status, 204);
    assert_eq!(stands(&api, &upload).await, "4");
    let view = api.get(&upload).await.ok(200);
    assert_eq!((&view["state"], &view["offset"], &view["length"]), (&"receiving".into(), &4.into(), &10.into()));
    assert_eq!((&view["metadata"]["filetype"], &view["package"]), (&"application/x".into(), &Value::Null));
    assert_eq!(api.get("/api/v1/uploads").await.ok(200)["items"][0]["id"], view["id"]);
    send(&api, &upload, 3, b"xxx").await.problem(409, "offset_mismatch");
    assert_eq!(send(&api, &upload, 4, b"456789").await.status, 204);
    let package = api.get("/api/v1/packages/mac/x.pkg").await.ok(200);
    assert_eq!((&package["blob"], &package["version"]), (&Digest::of(b"0123456789").to_string().into(), &"7".into()));
    assert_eq!(package["tags"], serde_json::json!(["a", "prod"]));
    let view = api.get(&upload).await.ok(200);
    assert_eq!((&view["state"], &view["package"], &view["created"]), (&"published".into(), &package, &true.into()));
    assert_eq!(view["revision"], package["revision"]);
    assert_eq!(stands(&api, &upload).await, "10", "who lost the last answer learns that it is done");
    send(&api, &upload, 10, b"").await.problem(409, "upload_ended");
    assert_eq!(api.incoming(), 0);
}

#[tokio::test]
async fn who_asks_while_an_upload_is_being_published_learns_that_it_is_done() {
    let api = Api::new();
    for round in 0..40 {
        let upload = begin(&api, 2, &[("path", &format!("{round}.pkg"))]).await;
        let head = || call(&api, Method::HEAD, &upload, &[], Body::empty());
        let (sent, again, first, second, third) =
            tokio::join!(send(&api, &upload, 0, b"ab"), send(&api, &upload, 0, b"ab"), head(), head(), head());
        for answer in [sent, again, first, second, third] {
            // 409: somebody else took it over. It is never said that there is no such upload, so that nobody begins it anew.
            let status = answer.status.as_u16();
            assert!(matches!(status, 200 | 204 | 409), "{status}: {}", String::from_utf8_lossy(&answer.body));
        }
    }
}

#[tokio::test]
async fn the_first_bytes_may_come_with_the_beginning_and_nothing_is_a_package_too() {
    let api = Api::new();
    let said = metadata(&[("filename", "a.pkg")]);
    let headers =
        [("upload-length", "3"), ("upload-metadata", &said), ("content-type", "application/offset+octet-stream")];
    let begun = call(&api, Method::POST, "/api/v1/uploads", &headers, "one").await;
    assert_eq!((begun.status.as_u16(), begun.header("upload-offset")), (201, "3"));
    assert_eq!(api.get("/api/v1/packages/a.pkg").await.ok(200)["size"], 3);
    let said = metadata(&[("path", "empty.pkg")]);
    let headers = [("upload-length", "0"), ("upload-metadata", &said)];
    assert_eq!(call(&api, Method::POST, "/api/v1/uploads", &headers, Body::empty()).await.status, 201);
    assert_eq!(api.get("/api/v1/packages/empty.pkg").await.ok(200)["size"], 0);
}

#[tokio::test]
async fn bytes_with_a_wrong_checksum_are_not_taken() {
    let api = Api::new();
    let upload = begin(&api, 6, &[("path", "a.pkg")]).await;
    let checked = |bytes: &'static [u8], sum: &[u8]| {
        let (api, upload, sum) = (&api, &upload, format!("sha1 {}", BASE64.encode(sum)));
        async move {
            let headers = [
                ("upload-offset", "0"),
                ("content-type", "application/offset+octet-stream"),
                ("upload-checksum", sum.as_str()),
            ];
            call(api, Method::PATCH, upload, &headers, bytes).await
        }
    };
    checked(b"abc", &[0; 20]).await.problem(460, "checksum_mismatch");
    assert_eq!(stands(&api, &upload).await, "0");
    assert_eq!(checked(b"abc", &sha1::Sha1::digest(b"abc")).await.status, 204);
    assert_eq!(send(&api, &upload, 3, b"def").await.status, 204);
    let blob = api.get("/api/v1/packages/a.pkg").await.ok(200)["blob"].clone();
    assert_eq!(blob, Digest::of(b"abcdef").to_string());
}

#[tokio::test]
async fn what_can_not_be_published_is_refused_soon_and_told_again() {
    let api = Api::new();
    api.publish("there.pkg", b"there", &[]);
    let said = metadata(&[("path", "there.pkg")]);
    let headers = [("upload-length", "3"), ("upload-metadata", &said), ("if-none-match", "*")];
    call(&api, Method::POST, "/api/v1/uploads", &headers, Body::empty()).await.problem(412, "precondition_failed");
    let wrong = HEXLOWER.encode(&[1; 32]);
    let upload = begin(&api, 3, &[("path", "a.pkg"), ("blake3", &wrong)]).await;
    let refused = send(&api, &upload, 0, b"abc").await;
    assert_eq!(refused.problem(422, "digest_mismatch")["expected"], wrong);
    send(&api, &upload, 3, b"").await.problem(422, "digest_mismatch");
    assert_eq!(call(&api, Method::HEAD, &upload, &[], Body::empty()).await.status, 422);
    let view = api.get(&upload).await.ok(200);
    assert_eq!((&view["state"], &view["error"]["code"]), (&"refused".into(), &"digest_mismatch".into()));
    api.get("/api/v1/packages/a.pkg").await.problem(404, "no_such_package");
    assert_eq!(api.incoming(), 0);
}

#[tokio::test]
async fn requests_that_break_the_protocol_are_refused_and_change_nothing() {
    let api = Api::new();
    let upload = begin(&api, 6, &[("path", "a.pkg")]).await;
    let octets = ("content-type", "application/offset+octet-stream");
    let untold = api.request(Method::PATCH, &upload).header("upload-offset", "0").header(octets.0, octets.1);
    let untold = api.send(untold.body(Body::from("abc")).expect("a request")).await;
    untold.problem(412, "tus_version");
    assert_eq!(untold.header("tus-version"), "1.0.0");
    for (headers, status, code) in [
        (&[("upload-offset", "0")][..], 415, "unsupported_media_type"),
        (&[octets], 400, "bad_header"),
        (&[octets, ("upload-offset", "0"), ("content-encoding", "gzip")], 415, "unsupported_media_type"),
        (
            &[octets, ("upload-offset", "0"), ("content-encoding", "identity"), ("content-encoding", "gzip")],
            415,
            "unsupported_media_type",
        ),
        (&[octets, ("upload-offset", "-1")], 400, "bad_header"),
        (&[octets, ("upload-offset", "0"), ("upload-checksum", "md5 AAAA")], 400, "bad_header"),
        (&[octets, ("upload-offset", "99999999")], 409, "offset_mismatch"),
    ] {
        call(&api, Method::PATCH, &upload, headers, "abc").await.problem(status, code);
    }
    send(&api, &upload, 0, b"too many bytes").await.problem(413, "too_large");
    assert_eq!(stands(&api, &upload).await, "0");
    for (length, said, status, code) in [
        ("x", "path YQ==", 400, "bad_header"),
        ("99999999999999", "path YQ==", 413, "too_large"),
        ("1", "", 422, "invalid"),
        ("1", "path Li4=", 400, "bad_path"),
        // A zero-width space within `a`.
        ("1", "path YeKAi2E=", 400, "bad_path"),
    ] {
        let headers = [("upload-length", length), ("upload-metadata", said)];
        call(&api, Method::POST, "/api/v1/uploads", &headers, Body::empty()).await.problem(status, code);
    }
    for id in ["x", "00000000000000000000000000000000"] {
        let path = format!("/api/v1/uploads/{id}");
        api.get(&path).await.problem(404, "no_such_upload");
        send(&api, &path, 0, b"x").await.problem(404, "no_such_upload");
    }
}

#[tokio::test]
async fn an_upload_can_be_ended_and_other_tokens_see_only_theirs() {
    let api = Api::new();
    let upload = begin(&api, 6, &[("path", "mac/a.pkg")]).await;
    let elsewhere = api.token(Scope::Publish, &["linux/"]);
    for method in [Method::GET, Method::DELETE] {
        let request = as_token(method, &upload, &elsewhere).header("tus-resumable", "1.0.0");
        api.send(request.body(Body::empty()).expect("a request")).await.problem(404, "no_such_upload");
    }
    let list = api.send(as_token(Method::GET, "/api/v1/uploads", &elsewhere).body(Body::empty()).expect("a request"));
    assert_eq!(list.await.ok(200)["items"], serde_json::json!([]));
    let headers = [("upload-length", "1"), ("upload-metadata", "path bWFjL2I=")];
    let request = headers.iter().fold(
        as_token(Method::POST, "/api/v1/uploads", &elsewhere).header("tus-resumable", "1.0.0"),
        |request, (name, value)| request.header(*name, *value),
    );
    api.send(request.body(Body::empty()).expect("a request")).await.problem(403, "not_a_publisher");
    let over = [("x-http-method-override", "DELETE")];
    call(&api, Method::POST, &upload, &over, "{\"dry_run\":true}").await.problem(400, "unexpected_body");
    assert_eq!(call(&api, Method::POST, &upload, &over, Body::empty()).await.status, 204);
    assert_eq!(call(&api, Method::HEAD, &upload, &[], Body::empty()).await.status, 404);
    assert_eq!(api.incoming(), 0);
    let spoken = call(&api, Method::OPTIONS, "/api/v1/uploads", &[], Body::empty()).await;
    assert_eq!(spoken.header("tus-extension"), "creation,creation-with-upload,checksum,expiration,termination");
    assert_eq!(
        (spoken.header("tus-checksum-algorithm"), spoken.header("tus-max-size")),
        ("sha1,sha256", "1099511627776")
    );
}

/// Sends bytes with another token.
async fn send_as(api: &Api, secret: &str, upload: &str, offset: usize, body: impl Into<Body>) -> Answer {
    let request = as_token(Method::PATCH, upload, secret).header("tus-resumable", "1.0.0");
    let request = request.header("upload-offset", offset).header("content-type", "application/offset+octet-stream");
    api.send(request.body(body.into()).expect("a request")).await
}

#[tokio::test]
async fn an_upload_is_published_in_the_name_of_who_finishes_it_and_the_audit_says_from_where() {
    let api = Api::new();
    let upload = begin(&api, 8, &[("path", "apps/x.pkg")]).await;
    assert_eq!(send(&api, &upload, 0, b"0123").await.status, 204);
    let new = NewToken {
        name: "other".to_owned(),
        scope: Scope::Publish,
        prefixes: vec!["apps".to_owned()],
        expires_at: None,
    };
    let (_, other) = api.store.create_token(&new, &Author::new("test"), NOW).expect("a token");
    assert_eq!(send_as(&api, &other, &upload, 4, "4567").await.status, 204);
    let package = api.get("/api/v1/packages/apps/x.pkg").await.ok(200);
    let audit = api.get("/api/v1/audit?action=package.published").await.ok(200);
    let entry = &audit["items"][0];
    assert_eq!((&package["published_by"]["by"], &entry["who"]), (&"token other".into(), &"token other".into()));
    assert!(entry["from"].is_string(), "{entry}");
}

/// A new token and what it sends: these bytes, before which it is revoked and time passes.
fn revoked_before(
    api: &Api,
    bytes: &'static [u8],
    passes: Duration,
) -> (String, BoxStream<'static, io::Result<Bytes>>) {
    let new = NewToken { name: "slow".to_owned(), scope: Scope::Publish, prefixes: Vec::new(), expires_at: None };
    let (row, secret) = api.store.create_token(&new, &Author::new("test"), NOW).expect("a token");
    let store = api.store.clone();
    let bytes = futures_util::stream::once(async move {
        assert!(store.revoke_token(row.id, &Expected::Any, &Author::new("test"), NOW).expect("revoked"));
        tokio::time::advance(passes).await;
        Ok(Bytes::from_static(bytes))
    });
    (secret, bytes.boxed())
}

#[tokio::test(start_paused = true)]
async fn a_token_revoked_while_it_sends_is_told_so_and_publishes_nothing_and_another_may() {
    let api = Api::new();
    let upload = begin(&api, 16, &[("path", "x.pkg")]).await;
    for (offset, bytes) in [(0, b"01234567"), (8, b"89abcdef")] {
        let (secret, bytes) = revoked_before(&api, bytes, Duration::ZERO);
        send_as(&api, &secret, &upload, offset, Body::from_stream(bytes)).await.problem(401, "token_unknown");
    }
    api.get("/api/v1/packages/x.pkg").await.problem(404, "no_such_package");
    assert_eq!(stands(&api, &upload).await, "16", "who asks for it now publishes it");
    let package = api.get("/api/v1/packages/x.pkg").await.ok(200);
    assert_eq!(package["published_by"]["by"], "token ci");
}

#[tokio::test(start_paused = true)]
async fn of_what_a_revoked_token_sends_nothing_is_taken_a_second_later() {
    let api = Api::new();
    let upload = begin(&api, 16, &[("path", "x.pkg")]).await;
    let checksum = format!("sha256 {}", BASE64.encode(&[7; 32]));
    for checksum in [None, Some(checksum.as_str())] {
        let stood = stands(&api, &upload).await;
        let (secret, late) = revoked_before(&api, b"late", Duration::from_secs(1));
        let first = futures_util::stream::iter([Ok(Bytes::from_static(b"soon"))]);
        let never = futures_util::stream::once(async { panic!("it is still read") });
        let body = Body::from_stream(first.chain(late).chain(never));
        let request = as_token(Method::PATCH, &upload, &secret).header("tus-resumable", "1.0.0");
        let request = request.header("upload-offset", stood).header("content-type", "application/offset+octet-stream");
        let request = checksum.into_iter().fold(request, |request, said| request.header("upload-checksum", said));
        api.send(request.body(body).expect("a request")).await.problem(401, "token_unknown");
        assert_eq!(stands(&api, &upload).await, "4", "what came before stays, unless there is a checksum of the whole");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_told_so_though_it_sends_nothing_more() {
    let api = Api::new();
    let upload = begin(&api, 16, &[("path", "x.pkg")]).await;
    let (secret, some) = revoked_before(&api, b"some", Duration::ZERO);
    let body = Body::from_stream(some.chain(futures_util::stream::pending()));
    send_as(&api, &secret, &upload, 0, body).await.problem(401, "token_unknown");
    assert_eq!(stands(&api, &upload).await, "4");
}
