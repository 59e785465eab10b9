//! Answers on a connection that sends parts of files itself: what stands for them, and that it never goes out instead.

use std::fs::File;
use std::os::unix::fs::FileExt;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;

use super::Bench;
use crate::file_slices::{FileSlices, Misplaced, SLICE_BYTES_MAX};

const SIZE: usize = 2 * SLICE_BYTES_MAX + 4321;

fn content() -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn request(fields: &[(&str, &str)], slices: &FileSlices) -> Request<Body> {
    let mut request = Request::builder().uri("/Packages/a.pkg").extension(slices.clone());
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

/// The frames of an answer, as the HTTP library would get them.
async fn frames(bench: &Bench, fields: &[(&str, &str)], slices: &FileSlices) -> Vec<Bytes> {
    let response = bench.begin(request(fields, slices)).await;
    assert!(response.status().is_success(), "{fields:?}: {}", response.status());
    let mut body = response.into_body();
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(frame.expect("bytes").into_data().expect("data"));
    }
    frames
}

/// Sends as a socket does that takes so many bytes at a time.
fn send(frame: &[u8], slices: &FileSlices, at_once: usize, out: &mut Vec<u8>) -> Result<(), Misplaced> {
    let mut rest = frame;
    while !rest.is_empty() {
        let sent = if FileSlices::is_placeholder(rest) {
            slices.send(rest, |file: &File, offset, bytes| {
                let mut part = vec![0; bytes.min(at_once)];
                file.read_exact_at(&mut part, offset).expect("the file has the bytes");
                out.extend_from_slice(&part);
                Ok::<_, Misplaced>(part.len())
            })?
        } else {
            out.extend_from_slice(&rest[..rest.len().min(at_once)]);
            rest.len().min(at_once)
        };
        rest = &rest[sent..];
    }
    Ok(())
}

#[tokio::test]
async fn placeholders_stand_for_the_very_bytes() {
    let (bench, content) = (Bench::new(), content());
    bench.publish("a.pkg", &content);
    let slices = FileSlices::new();
    for (range, expected) in [
        ("", 0..SIZE),
        ("bytes=0-0", 0..1),
        ("bytes=1048575-1048576", 1_048_575..1_048_577),
        ("bytes=-100000", SIZE - 100_000..SIZE),
        ("bytes=300000-2097152", 300_000..2_097_153),
    ] {
        let fields: &[_] = if range.is_empty() { &[] } else { &[("range", range)] };
        let frames = frames(&bench, fields, &slices).await;
        assert!(frames.iter().all(|frame| FileSlices::is_placeholder(frame)), "{range}: some bytes were read");
        let mut out = Vec::new();
        for frame in &frames {
            send(frame, &slices, 70_001, &mut out).expect("in order");
        }
        assert!(out == content[expected], "{range}");
    }
}

#[tokio::test]
async fn several_ranges_mix_text_and_parts_of_the_file() {
    let (bench, content) = (Bench::new(), content());
    bench.publish("a.pkg", &content);
    let slices = FileSlices::new();
    let fields = [("range", "bytes=5-9,1048570-1048580,-3")];
    let mixed = frames(&bench, &fields, &slices).await;
    assert!(mixed.iter().any(|frame| FileSlices::is_placeholder(frame)));
    let mut out = Vec::new();
    for frame in &mixed {
        send(frame, &slices, 2, &mut out).expect("in order");
    }
    let plain = bench.ask(&axum::http::Method::GET, "/Packages/a.pkg", &fields).await;
    assert!(out == *plain.bytes(), "the same as without parts of files");
}

#[tokio::test]
async fn a_placeholder_out_of_place_is_refused_and_nothing_is_sent() {
    let bench = Bench::new();
    bench.publish("a.pkg", &content());
    let slices = FileSlices::new();
    let frames = frames(&bench, &[], &slices).await;
    let refused = |bytes: &[u8], slices: &FileSlices| {
        let mut out = Vec::new();
        assert_eq!(send(bytes, slices, usize::MAX, &mut out), Err(Misplaced));
        assert!(out.is_empty());
    };
    refused(&frames[2], &slices);
    refused(&frames[0][1..], &slices);
    refused(&frames[0][..SLICE_BYTES_MAX - 1], &slices);
    refused(&frames[0], &FileSlices::new());
    let mut out = Vec::new();
    for frame in &frames {
        send(frame, &slices, usize::MAX, &mut out).expect("in order");
    }
    refused(&frames[0], &slices);
    assert_eq!(out.len(), SIZE);
}

#[tokio::test]
async fn rot_is_found_before_a_placeholder_is_made() {
    let bench = Bench::new();
    let package = bench.publish("a.pkg", &content());
    let name = package.blob.to_string();
    let path = bench.folder.path().join("blobs").join(&name[..2]).join(&name);
    let mut permissions = std::fs::metadata(&path).expect("the blob").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&path, permissions).expect("ours");
    let file = File::options().write(true).open(&path).expect("ours");
    file.write_all_at(b"rot", 1_048_576 + 77).expect("written");
    let slices = FileSlices::new();
    let response = bench.begin(request(&[], &slices)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let first = body.frame().await.expect("a frame").expect("the first piece is right").into_data().expect("data");
    assert_eq!(first.len(), SLICE_BYTES_MAX);
    assert!(body.frame().await.expect("a frame").is_err(), "the second is not");
    assert!(body.frame().await.is_none());
}
