//! Uploads that end badly, fetches that are cut, and rot.

use std::path::PathBuf;

use ods_store::{
    Admit, Author, Digest, EventBatch, LogQuery, PIECE_BYTES, PackageState, PieceSet, Role, SimDisk, Store, StoreError,
    Upload,
};

use crate::support::{assert_sound, at, bytes, fresh, open, path, put, read_all, request};

fn piece(content: &[u8], index: u64) -> &[u8] {
    let start = usize::try_from(index * PIECE_BYTES).expect("small");
    &content[start..content.len().min(start + (1 << 20))]
}

/// A store that wants `content` as `x.pkg`, and its outline.
fn wanting(content: &[u8]) -> (SimDisk, Store, Digest, Vec<[u8; 32]>) {
    let (_, source) = fresh(1);
    let published = put(&source, "x.pkg", content, at(1)).expect("a publish");
    let (disk, store) = fresh(2);
    let admit = Admit { node: store.node_id(), role: Role::Replica, prefixes: vec![] };
    source.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    store.take_root(source.node_id(), at(0)).expect("a node alone takes the root");
    store.insert_statements(source.roster_statements().expect("statements"), at(0)).expect("they verify");
    let vector = store.vector().expect("a vector");
    let events = source.log_page(&LogQuery { cursor: None, vector }).expect("a page").items;
    let events = events.into_iter().map(|(_, event)| event).collect();
    store.insert_events(EventBatch { events, pull: None, backfill: false }, at(2)).expect("an answer");
    let blob = published.package.blob;
    let outline = source.open_blob(&blob, at(2)).expect("readable").expect("held").outline().to_vec();
    (disk, store, blob, outline)
}

fn state(store: &Store) -> PackageState {
    store.package(&path("x.pkg")).expect("readable").expect("listed").state
}

#[test]
fn a_dropped_upload_leaves_nothing() {
    let (disk, store) = fresh(1);
    let mut upload = store.begin_upload(Some(100)).expect("room");
    upload.write(b"half").expect("a write");
    drop(upload);
    drop(store.begin_upload(None).expect("room").finish().expect("an empty one"));
    assert!(disk.file_names().iter().all(|name| !name.starts_with("/data/incoming")));
}

#[test]
fn what_is_hashed_and_written_apart_is_one_upload() {
    let (_, store) = fresh(1);
    let content = bytes(3, 3 * (1 << 20) + 77);
    let (mut file, mut hasher) = store.begin_upload(None).expect("room").into_parts();
    content.chunks(300).for_each(|chunk| hasher.update(chunk));
    content.chunks(400_000).for_each(|chunk| file.write(chunk).expect("a write"));
    let upload = Upload::from_parts(file, hasher);
    assert_eq!(upload.bytes(), content.len() as u64);
    let received = upload.finish().expect("it ends");
    assert_eq!(received.digest(), Digest::of(&content));
    store.publish(received, &request("x.pkg"), at(1)).expect("a publish");
    assert!(read_all(&store, "x.pkg", at(2)).expect("readable").expect("held") == content);
}

#[test]
fn a_full_disk_is_said_before_the_first_byte() {
    let (_, store) = fresh(1);
    let outcome = store.begin_upload(Some(1 << 41));
    assert!(matches!(outcome, Err(StoreError::TooLarge { .. })), "{outcome:?}");
    let outcome = store.begin_upload(Some(1 << 40));
    assert!(matches!(outcome, Err(StoreError::NoSpace { .. })), "all that is free but the reserve: {outcome:?}");
}

#[test]
fn a_fetch_takes_pieces_in_any_order_and_refuses_wrong_ones() {
    let content = bytes(1, 3 * (1 << 20) + 77);
    let (_, store, blob, outline) = wanting(&content);
    assert_eq!(state(&store), PackageState::Wanted);
    let fetch = store.begin_fetch(&blob, content.len() as u64).expect("room");
    assert!(matches!(fetch.write_piece(0, piece(&content, 0)), Err(StoreError::BadPiece { .. })), "no outline yet");
    let mut wrong = outline.clone();
    wrong[1][0] ^= 1;
    assert!(matches!(fetch.set_outline(wrong), Err(StoreError::BadOutline { .. })));
    fetch.set_outline(outline).expect("the right outline");
    for index in [3, 0, 2] {
        assert!(matches!(
            fetch.write_piece(index, &vec![0; piece(&content, index).len()]),
            Err(StoreError::BadPiece { .. })
        ));
        fetch.write_piece(index, piece(&content, index)).expect("a right piece");
    }
    assert!(matches!(fetch.finish(at(3)), Err(StoreError::BytesNotHeld { .. })), "one is missing");
    assert_eq!(fetch.read(5, 100).expect("readable").as_deref(), Some(&content[5..105]), "what is here is served on");
    assert_eq!(fetch.read(PIECE_BYTES, 1).expect("readable"), None);
    fetch.write_piece(1, piece(&content, 1)).expect("a right piece");
    fetch.finish(at(3)).expect("all are here");
    assert_eq!(read_all(&store, "x.pkg", at(4)).expect("readable"), Some(content));
    assert_eq!(state(&store), PackageState::Stored);
    assert_sound(&store);
}

#[test]
fn a_fetch_goes_on_after_a_crash_with_what_was_checkpointed() {
    let content = bytes(2, 4 * (1 << 20));
    let (disk, store, blob, outline) = wanting(&content);
    let fetch = store.begin_fetch(&blob, content.len() as u64).expect("room");
    fetch.set_outline(outline).expect("the right outline");
    for index in [3, 0] {
        fetch.write_piece(index, piece(&content, index)).expect("a right piece");
    }
    fetch.checkpoint().expect("a checkpoint");
    fetch.write_piece(1, piece(&content, 1)).expect("written, not synced");
    assert_eq!(state(&store), PackageState::Fetching);
    drop((fetch, store));
    for seed in 0..8 {
        let disk = disk.crash(seed);
        let store = open(&disk, 100 + seed).expect("it opens");
        let fetch = store.begin_fetch(&blob, content.len() as u64).expect("it goes on");
        let mut expected = PieceSet::none(4);
        expected.insert(0);
        expected.insert(3);
        assert_eq!(fetch.have(), expected, "seed {seed}: what was claimed, and no more");
        for index in [1, 2] {
            fetch.write_piece(index, piece(&content, index)).expect("a right piece");
        }
        fetch.finish(at(3)).expect("all are here");
        assert_eq!(read_all(&store, "x.pkg", at(4)).expect("readable").as_deref(), Some(&content[..]));
    }
}

#[test]
fn rot_is_found_before_it_is_sent_and_only_the_bad_piece_is_missing() {
    let content = bytes(3, 5 * (1 << 20));
    let (disk, store) = fresh(1);
    let blob = put(&store, "x.pkg", &content, at(1)).expect("a publish").package.blob;
    assert_eq!(read_all(&store, "x.pkg", at(2)).expect("readable").as_deref(), Some(&content[..]));
    let name = blob.to_string();
    disk.flip_bit(&PathBuf::from(format!("/data/blobs/{}/{name}", &name[..2])), (2 << 20) + 9);
    let a_day = 24 * 60 * 60;
    let outcome = read_all(&store, "x.pkg", at(3 + a_day));
    assert!(matches!(outcome, Err(StoreError::Rot { piece: 2, .. })), "{outcome:?}");
    assert_eq!(state(&store), PackageState::Wanted);
    let fetch = store.begin_fetch(&blob, content.len() as u64).expect("the file is there");
    assert_eq!(fetch.have().complement().iter().collect::<Vec<_>>(), [2], "the others are kept");
    fetch.write_piece(2, piece(&content, 2)).expect("a right piece");
    fetch.finish(at(5)).expect("mended");
    assert_eq!(read_all(&store, "x.pkg", at(6)).expect("readable").as_deref(), Some(&content[..]));
    assert_sound(&store);
}

#[test]
fn publishing_bytes_that_rotted_unnoticed_mends_them() {
    let content = bytes(3, 2 * (1 << 20));
    for again in ["x.pkg", "y.pkg"] {
        let (disk, store) = fresh(1);
        let blob = put(&store, "x.pkg", &content, at(1)).expect("a publish").package.blob.to_string();
        disk.flip_bit(&PathBuf::from(format!("/data/blobs/{}/{blob}", &blob[..2])), 9);
        disk.flip_bit(&PathBuf::from(format!("/data/outlines/{}/{blob}", &blob[..2])), 9);
        put(&store, again, &content, at(2)).expect("a publish of the same bytes");
        assert_eq!(read_all(&store, "x.pkg", at(3)).expect("readable").as_deref(), Some(&content[..]));
        let left: Vec<_> = disk.file_names().into_iter().filter(|name| name.starts_with("/data/incoming")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn publishing_bytes_that_are_wanted_meets_the_want() {
    let content = bytes(4, 2_000_000);
    let (_, store, blob, _) = wanting(&content);
    let mut upload = store.begin_upload(None).expect("room");
    upload.write(&content).expect("a write");
    let received = upload.finish().expect("whole");
    assert_eq!(received.digest(), blob);
    let outcome = store.publish(received, &crate::support::request("y.pkg"), at(5));
    assert!(matches!(outcome, Err(StoreError::NotAPublisher { .. })), "a replica; {outcome:?}");
    assert_eq!(state(&store), PackageState::Wanted, "refused bytes are not kept");
}

#[test]
fn a_fetch_whose_want_is_gone_leaves_nothing() {
    let content = bytes(5, 2_500_000);
    let (disk, store, blob, outline) = wanting(&content);
    let fetch = store.begin_fetch(&blob, content.len() as u64).expect("room");
    fetch.set_outline(outline).expect("the right outline");
    for index in 0..3 {
        fetch.write_piece(index, piece(&content, index)).expect("a right piece");
    }
    let (_, source) = fresh(1);
    let author = Author::new("test");
    put(&source, "x.pkg", &content, at(1)).expect("the same publish again");
    source.remove(&path("x.pkg"), &ods_store::Condition::None, &author, at(4)).expect("a removal");
    let query = LogQuery { cursor: None, vector: ods_store::Vector::default() };
    let events = source.log_page(&query).expect("a page").items.into_iter().map(|(_, event)| event).collect();
    store.insert_events(EventBatch { events, pull: None, backfill: false }, at(5)).expect("an answer");
    assert!(!store.is_wanted(&blob).expect("readable"), "its package was removed");
    fetch.finish(at(6)).expect("there is nothing to do");
    let left: Vec<_> = disk.file_names().into_iter().filter(|name| name.starts_with("/data/incoming")).collect();
    assert!(left.is_empty() && store.fetch_in_progress(&blob).is_none(), "{left:?}");
    assert_sound(&store);
}

#[test]
fn without_hard_links_everything_is_as_with_them() {
    let disk = SimDisk::without_hard_links();
    let store = crate::support::open(&disk, 1).expect("a new store");
    let content = bytes(7, (1 << 20) + 3);
    let blob = put(&store, "x.pkg", &content, at(1)).expect("a publish").package.blob;
    put(&store, "same.pkg", &content, at(2)).expect("the same bytes elsewhere");
    let mut refused = crate::support::request("new.pkg");
    refused.condition = ods_store::Condition::Exists;
    let outcome = crate::support::put_request(&store, &refused, b"refused", at(3));
    assert!(matches!(outcome, Err(StoreError::PreconditionFailed { .. })), "{outcome:?}");
    let outcome = crate::support::put_request(&store, &refused, &content, at(3));
    assert!(matches!(outcome, Err(StoreError::PreconditionFailed { .. })), "{outcome:?}");
    assert_eq!(read_all(&store, "x.pkg", at(4)).expect("readable").as_ref(), Some(&content), "others need these bytes");
    let left: Vec<_> = disk.file_names().into_iter().filter(|name| name.starts_with("/data/incoming")).collect();
    assert!(left.is_empty(), "{left:?}");
    let held = disk.file_names().into_iter().filter(|name| name.starts_with("/data/blobs")).count();
    assert_eq!(held, 1, "what was refused is gone");
    let name = blob.to_string();
    disk.flip_bit(&PathBuf::from(format!("/data/blobs/{}/{name}", &name[..2])), 5);
    let a_day = 24 * 60 * 60;
    assert!(read_all(&store, "x.pkg", at(5 + a_day)).is_err(), "rot is found");
    let fetch = store.begin_fetch(&blob, content.len() as u64).expect("the file is there");
    fetch.write_piece(0, piece(&content, 0)).expect("a right piece");
    fetch.finish(at(6 + a_day)).expect("mended");
    drop(store);
    let store = crate::support::open(&disk, 2).expect("it opens again");
    assert_eq!(read_all(&store, "same.pkg", at(7 + a_day)).expect("readable"), Some(content));
    assert_sound(&store);
}
