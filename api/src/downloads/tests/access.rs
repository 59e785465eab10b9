//! Who may download what.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use data_encoding::BASE64;
use http_body_util::BodyExt;
use ods_store::{Digest, Scope};

use super::{Bench, Reply};
use crate::auth::DownloadMode;

/// Bytes of what takes several reads.
const LONG: usize = 3 << 20;

fn basic(password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("anyone:{password}").as_bytes()))
}

async fn with(bench: &Bench, target: &str, authorization: &str) -> Reply {
    bench.ask(&Method::GET, target, &[("authorization", authorization)]).await
}

#[tokio::test]
async fn closed_downloads_ask_for_a_token_in_their_own_way() {
    for (mode, challenge) in [(DownloadMode::Basic, "Basic realm="), (DownloadMode::Token, "Bearer realm=")] {
        let bench = Bench::with_mode(mode);
        let package = bench.publish("x", b"secret");
        let token = bench.token(Scope::Read, &[]);
        for target in
            ["/Packages/x", "/Packages/nope", "/Packages/", "/any/repo/x", &format!("/blobs/{}", package.blob)]
        {
            let reply = bench.get(target).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{target}");
            assert!(reply.field("www-authenticate").starts_with(challenge), "{}", reply.field("www-authenticate"));
            assert_eq!(with(&bench, target, "Bearer ods_wrong").await.status, StatusCode::UNAUTHORIZED);
            let expected = if target.contains("nope") { StatusCode::NOT_FOUND } else { StatusCode::OK };
            assert_eq!(with(&bench, target, &format!("Bearer {token}")).await.status, expected, "{target}");
            assert_eq!(with(&bench, target, &basic(&token)).await.status, expected, "{target}");
        }
        assert_eq!(bench.get("/").await.status, StatusCode::OK, "a base URL tells nothing");
        assert_eq!(bench.get("/Packages/../x").await.status, StatusCode::NOT_FOUND);
    }
}

/// Begins a download, revokes its token after the first bytes, and reads on after so long; whether it came whole.
async fn goes_on(bench: &Bench, target: &str, token: &str, after: Duration) -> bool {
    let request = Request::get(target).header("authorization", format!("Bearer {token}"));
    let response = bench.begin(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(response.status(), StatusCode::OK, "{target}");
    let mut body = response.into_body();
    let first = body.frame().await.expect("a frame").expect("allowed").into_data().expect("data");
    bench.revoke(token);
    tokio::time::advance(after).await;
    let mut read = first.len();
    loop {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.into_data().expect("data").len(),
            Some(Err(error)) => {
                assert!(error.to_string().contains("was revoked meanwhile"), "{error}");
                return false;
            }
            None => break,
        }
    }
    assert_eq!(read, LONG);
    true
}

#[tokio::test(start_paused = true)]
async fn a_download_under_way_ends_with_its_token_where_one_is_needed() {
    for (mode, whole) in [(DownloadMode::Token, false), (DownloadMode::Basic, false), (DownloadMode::Open, true)] {
        let bench = Bench::with_mode(mode);
        bench.publish("x.pkg", &b"7".repeat(LONG));
        let token = bench.token(Scope::Read, &[]);
        assert_eq!(goes_on(&bench, "/Packages/x.pkg", &token, Duration::from_secs(1)).await, whole, "{mode:?}");
        // That is looked at once a second, so that it costs a fast download nothing.
        let token = bench.token(Scope::Read, &[]);
        assert!(goes_on(&bench, "/Packages/x.pkg", &token, Duration::from_millis(999)).await, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_nobody_had_to_sign_in_for_ends_when_downloads_are_closed() {
    for (mode, whole) in [(DownloadMode::Open, true), (DownloadMode::Token, false), (DownloadMode::Basic, false)] {
        let bench = Bench::new();
        bench.publish("x.pkg", &b"7".repeat(LONG));
        let request = Request::get("/Packages/x.pkg").body(Body::empty()).expect("a request");
        let mut body = bench.begin(request).await.into_body();
        body.frame().await.expect("a frame").expect("allowed");
        bench.state.set_download_mode(mode);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(body.collect().await.is_ok(), whole, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_downloads_are_closed_a_token_keeps_what_is_under_its_prefixes() {
    for (prefix, whole) in [("mac", true), ("win", false)] {
        let bench = Bench::new();
        let package = bench.publish("mac/x.pkg", &b"7".repeat(LONG));
        let token = bench.token(Scope::Read, &[prefix]);
        for target in ["/Packages/mac/x.pkg".to_owned(), format!("/blobs/{}", package.blob)] {
            bench.state.set_download_mode(DownloadMode::Open);
            let request = Request::get(&target).header("authorization", format!("Bearer {token}"));
            let mut body = bench.begin(request.body(Body::empty()).expect("a request")).await.into_body();
            body.frame().await.expect("a frame").expect("allowed");
            bench.state.set_download_mode(DownloadMode::Token);
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(body.collect().await.is_ok(), whole, "{target} below {prefix}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_only_admins_may_have_end_with_their_token_also_where_downloads_are_open() {
    let bench = Bench::new();
    bench.token(Scope::Admin, &[]);
    let old = bench.publish("x.pkg", &b"7".repeat(LONG));
    let new = bench.publish("x.pkg", &b"8".repeat(LONG));
    for (blob, whole) in [(old.blob, false), (new.blob, true)] {
        let token = bench.token(Scope::Admin, &[]);
        assert_eq!(goes_on(&bench, &format!("/blobs/{blob}"), &token, Duration::from_secs(1)).await, whole);
    }
}

#[tokio::test]
async fn a_token_with_prefixes_sees_only_what_is_under_them() {
    let bench = Bench::with_mode(DownloadMode::Token);
    let (mac, win) = (bench.publish("mac/x", b"mac"), bench.publish("win/x", b"win"));
    let bearer = format!("Bearer {}", bench.token(Scope::Read, &["mac"]));
    assert_eq!(with(&bench, "/Packages/mac/x", &bearer).await.text(), "mac");
    assert_eq!(with(&bench, "/Packages/win/x", &bearer).await.status, StatusCode::NOT_FOUND);
    assert_eq!(with(&bench, "/Packages/win/", &bearer).await.status, StatusCode::NOT_FOUND);
    assert_eq!(with(&bench, &format!("/blobs/{}", mac.blob), &bearer).await.text(), "mac");
    assert_eq!(with(&bench, &format!("/blobs/{}", win.blob), &bearer).await.status, StatusCode::NOT_FOUND);
    let listing = with(&bench, "/Packages/", &bearer).await.text();
    assert!(listing.contains("mac/") && !listing.contains("win"), "{listing}");
}

#[tokio::test]
async fn blobs_are_for_ever_and_only_current_ones_are_shown() {
    let bench = Bench::new();
    let old = bench.publish("x.pkg", b"old");
    let new = bench.publish("x.pkg", b"new");
    let current = bench.get(&format!("/blobs/{}", new.blob)).await;
    assert_eq!((current.status, current.text()), (StatusCode::OK, "new".to_owned()));
    assert_eq!(current.field("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(current.field("etag"), format!("\"{}\"", new.blob));
    assert_eq!(current.field("last-modified"), "");
    assert!(current.field("repr-digest").starts_with("sha-256=:"));
    assert_eq!(current.field("content-type"), "application/octet-stream");
    let part = bench.ask(&Method::GET, &format!("/blobs/{}", new.blob), &[("range", "bytes=1-")]).await;
    assert_eq!((part.status, part.text()), (StatusCode::PARTIAL_CONTENT, "ew".to_owned()));

    let gone = format!("/blobs/{}", old.blob);
    assert_eq!(bench.get(&gone).await.code(), "no_such_blob");
    assert_eq!(
        with(&bench, &gone, &format!("Bearer {}", bench.token(Scope::Read, &[]))).await.status,
        StatusCode::NOT_FOUND
    );
    let admin = format!("Bearer {}", bench.token(Scope::Admin, &[]));
    assert_eq!(with(&bench, &gone, &admin).await.text(), "old");
    let unknown = format!("/blobs/{}", Digest::of(b"never seen"));
    assert_eq!(with(&bench, &unknown, &admin).await.code(), "no_such_blob");
    bench.remove("x.pkg");
    assert_eq!(bench.get(&format!("/blobs/{}", new.blob)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn in_closed_mode_blobs_stay_out_of_shared_caches() {
    let bench = Bench::with_mode(DownloadMode::Token);
    let package = bench.publish("x", b"x");
    let bearer = format!("Bearer {}", bench.token(Scope::Read, &[]));
    let reply = with(&bench, &format!("/blobs/{}", package.blob), &bearer).await;
    assert_eq!(reply.field("cache-control"), "private, max-age=31536000, immutable");
}
