//! Bytes that are not here, or not what they should be.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use axum::http::{Method, StatusCode};
use ods_store::{Digest, Disk, LocalDisk};

use super::{Bench, Reply};

fn file_of(bench: &Bench, blob: &Digest) -> PathBuf {
    let name = blob.to_string();
    bench.folder.path().join("blobs").join(&name[..2]).join(name)
}

/// Changes one byte of a stored blob behind the store's back.
fn rot(bench: &Bench, blob: &Digest, at: u64) {
    let path = file_of(bench, blob);
    let mut permissions = path.metadata().expect("the blob's file").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a file in a temporary folder")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&path, permissions).expect("made writable");
    let mut file = OpenOptions::new().write(true).open(path).expect("opened");
    file.seek(SeekFrom::Start(at)).expect("in the file");
    file.write_all(b"!").expect("written");
}

fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.code(), "bytes_unavailable");
    assert!(reply.field("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
}

#[tokio::test]
async fn bytes_that_are_not_here_are_503_and_wanted() {
    let bench = Bench::new();
    let package = bench.publish("x.pkg", b"0123456789");
    LocalDisk::new().remove(&file_of(&bench, &package.blob)).expect("removed");
    assert_unavailable(&bench.get("/Packages/x.pkg").await);
    let wants = bench.store.wants(10).expect("wants");
    assert!(wants.iter().any(|want| want.blob == package.blob && want.asked_at.is_some()), "{wants:?}");
    for fields in [[("if-none-match", "*")], [("range", "bytes=99-")], [("if-match", "\"a\"")]] {
        assert_unavailable(&bench.ask(&Method::GET, "/Packages/x.pkg", &fields).await);
    }
    assert_unavailable(&bench.get(&format!("/blobs/{}", package.blob)).await);
    let head = bench.ask(&Method::HEAD, "/Packages/x.pkg", &[]).await;
    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn rot_at_the_start_is_told_by_the_status() {
    let bench = Bench::new();
    let package = bench.publish("x.pkg", b"0123456789");
    rot(&bench, &package.blob, 3);
    assert_unavailable(&bench.get("/Packages/x.pkg").await);
    assert_unavailable(&bench.ask(&Method::GET, "/Packages/x.pkg", &[("range", "bytes=5-6,8-8")]).await);
    assert!(bench.store.is_wanted(&package.blob).expect("read"), "a rotten blob is fetched again");
}

#[tokio::test]
async fn rot_in_the_middle_cuts_the_answer_short() {
    let bench = Bench::new();
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let package = bench.publish("x.pkg", &content);
    rot(&bench, &package.blob, 2_500_000);
    let reply = bench.get("/Packages/x.pkg").await;
    assert_eq!((reply.status, reply.field("content-length")), (StatusCode::OK, "3000000"));
    let sent = reply.body.expect_err("the answer ends in an error");
    assert!(sent.len() < content.len() && content.starts_with(&sent), "only right bytes were sent, {}", sent.len());
    assert_unavailable(&bench.get("/Packages/x.pkg").await);
}
