//! Bytes that are not here, or not what they should be.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures_util::future::join;
use futures_util::poll;
use ods_store::{Digest, Disk, LocalDisk, PIECE_BYTES};
use tokio::time::timeout;

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
    let blob = format!("/blobs/{}", package.blob);
    let part = [("range", "bytes=0-0")];
    let (of_package, of_blob) = join(bench.ask(&Method::GET, "/Packages/x.pkg", &part), bench.get(&blob)).await;
    [of_package, of_blob].iter().for_each(assert_unavailable);
}

#[tokio::test]
async fn what_needs_no_byte_is_answered_from_the_catalog_and_wants_nothing() {
    let (bench, packages) = Bench::on_demand(100, &[("x.pkg", b"0123456789")]);
    let package = &packages[0];
    for address in ["/Packages/x.pkg".to_owned(), format!("/blobs/{}", package.blob)] {
        let head = bench.ask(&Method::HEAD, &address, &[("range", "bytes=0-0")]).await;
        assert_eq!((head.status, head.field("content-length")), (StatusCode::OK, "10"), "{address}");
        assert_eq!(head.field("etag"), format!("\"{}\"", package.blob));
        let conditions = [
            ([("if-none-match", "*")], StatusCode::NOT_MODIFIED),
            ([("range", "bytes=99-")], StatusCode::RANGE_NOT_SATISFIABLE),
            ([("if-match", "\"a\"")], StatusCode::PRECONDITION_FAILED),
        ];
        for (fields, status) in conditions {
            assert_eq!(bench.ask(&Method::GET, &address, &fields).await.status, status, "{fields:?} of {address}");
        }
    }
    let wants = bench.store.wants(10).expect("wants");
    assert!(wants.is_empty(), "{wants:?}");
    let unknown = format!("/blobs/{}", Digest::of(b"unknown"));
    assert_eq!(bench.ask(&Method::HEAD, &unknown, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn more_than_the_policys_limit_is_not_fetched_for_clients_at_once() {
    let (bench, packages) = Bench::on_demand(12, &[("a", b"aaaaaa"), ("b", b"bbbbbb"), ("c", b"cccccc")]);
    let (one, two) = join(bench.get("/Packages/a"), bench.get("/Packages/b")).await;
    [one, two].iter().for_each(assert_unavailable);
    let three = bench.get("/Packages/c").await;
    assert_unavailable(&three);
    assert!(three.text().contains("as many bytes as this node keeps"), "{}", three.text());
    let wanted: Vec<Digest> = bench.store.wants(10).expect("wants").into_iter().map(|want| want.blob).collect();
    assert!(wanted.len() == 2 && !wanted.contains(&packages[2].blob), "{wanted:?}");
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

#[tokio::test]
async fn a_package_is_sent_while_its_pieces_arrive() {
    let bench = Bench::new();
    let content: Vec<u8> = (0..4_500_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let package = bench.publish("x.pkg", &content);
    LocalDisk::new().remove(&file_of(&bench, &package.blob)).expect("removed");
    assert_unavailable(&bench.get("/Packages/x.pkg").await);

    let fetch = bench.store.begin_fetch(&package.blob, package.size).expect("a fetch");
    let pieces: Vec<&[u8]> = content.chunks(usize::try_from(PIECE_BYTES).expect("1 MiB")).collect();
    let arrive = |index: usize| fetch.write_piece(index as u64, pieces[index]).expect("a right piece");
    let mut early = pin!(bench.get("/Packages/x.pkg"));
    assert!(poll!(early.as_mut()).is_pending());
    arrive(4);
    arrive(0);
    let range = bench.ask(&Method::GET, "/Packages/x.pkg", &[("range", "bytes=1000-2000,-5")]).await;
    assert_eq!(range.status, StatusCode::PARTIAL_CONTENT, "these pieces are here");
    let head = bench.ask(&Method::HEAD, "/Packages/x.pkg", &[]).await;
    assert_eq!((head.status, head.field("content-length")), (StatusCode::OK, "4500000"));
    assert!(timeout(Duration::from_millis(200), early.as_mut()).await.is_err(), "the rest has not arrived");
    for index in [2, 1, 3] {
        arrive(index);
    }
    fetch.finish(super::clock()).expect("all pieces are here");
    let reply = early.await;
    assert_eq!((reply.status, reply.field("content-length")), (StatusCode::OK, "4500000"));
    assert!(reply.bytes() == content.as_slice());
    assert!(bench.get("/Packages/x.pkg").await.bytes() == content.as_slice(), "now it is held");
}
