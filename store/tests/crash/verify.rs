//! What must hold after any crash and any error.

use std::collections::BTreeSet;

use ods_store::{Digest, PIECE_BYTES, SimDisk, Store, UnixMillis};

use super::remote::remote;
use super::told::Told;
use crate::support::path;

/// Everything that can be seen through reads: what was told is so, whole, with the right digests, and nothing half is
/// listed. What it learns of open outcomes is told from now on.
pub(crate) fn reads(store: &Store, told: &mut Told, now: UnixMillis) {
    let mut listed = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.packages(after.as_deref(), 100, &mut |_| true).expect("a page");
        listed.extend(page.items.iter().map(|package| package.path.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // Damage is found now, unless it was mended: the next upload or restore of these bytes would trust them.
    for blob in &told.rotten {
        if let Some(reader) = store.open_blob(blob, now).expect("readable") {
            let _ = reader.read(0, 1, now);
        }
    }
    let names: Vec<String> = told.paths.keys().cloned().collect();
    for name in names {
        let package = store.package(&path(&name)).expect("readable");
        assert_eq!(listed.remove(&name), package.is_some(), "{name} is listed if it is there");
        let shown = package.as_ref().map(|package| package.blob);
        let allowed = &told.paths[&name];
        assert!(allowed.contains(&shown), "{name} shows {shown:?} and was told to be one of {allowed:?}");
        if let Some(blob) = shown {
            bytes(store, told, &blob, now);
        }
        told.happened(&name, shown);
    }
    assert!(listed.is_empty(), "listed and never told of: {listed:?}");
    let held: Vec<Digest> = told.held.iter().copied().collect();
    for blob in held {
        bytes(store, told, &blob, now);
    }
}

/// A blob's bytes are right or not here; and here if that was told.
fn bytes(store: &Store, told: &Told, blob: &Digest, now: UnixMillis) {
    if told.rotten.contains(blob) {
        let here = store.open_blob(blob, now).expect("readable").is_some();
        assert!(here || store.is_wanted(blob).expect("readable"), "{blob} was set aside and is not wanted");
        return;
    }
    let Some(reader) = store.open_blob(blob, now).expect("readable") else {
        assert!(!told.held.contains(blob), "the bytes of {blob} were acknowledged and are not here");
        assert!(store.is_wanted(blob).expect("readable"), "{blob} is listed, not here and not wanted");
        return;
    };
    let mut all = Vec::new();
    while (all.len() as u64) < reader.size() {
        all.extend(reader.read(all.len() as u64, 1 << 20, now).unwrap_or_else(|error| panic!("{blob}: {error}")));
    }
    assert_eq!(blake3::hash(&all).as_bytes(), blob.as_bytes(), "{blob} has other bytes");
}

/// What is on the disk below the store: sealed files are whole, `incoming/` holds nothing that no fetch claims, and the
/// pieces that fetches claim are right, and all that were told of. For a store that was just opened.
pub(crate) fn files(store: &Store, disk: &SimDisk, told: &mut Told) {
    // Who wants a blob no more forgets what was fetched of it.
    told.pieces.retain(|blob, _| store.is_wanted(blob).expect("readable"));
    for (blob, pieces) in &told.pieces {
        let size = remote().offers.iter().find(|offer| offer.blob == *blob).expect("one of them").content.len();
        let have = store.begin_fetch(blob, size as u64).expect("a fetch goes on").have();
        assert!(pieces.iter().all(|piece| have.contains(*piece)), "{blob}: {pieces:?} were fetched, {have:?} are here");
    }
    for name in disk.file_names() {
        let text = name.to_string_lossy().into_owned();
        let last = name.file_name().expect("a name").to_string_lossy().into_owned();
        if text.starts_with("/data/blobs/") {
            let blob: Digest = last.parse().unwrap_or_else(|_| panic!("{text} is named by no digest"));
            let whole = disk.read(&name).expect("it is there");
            let is_right = blake3::hash(&whole).as_bytes() == blob.as_bytes();
            assert!(is_right || told.rotten.contains(&blob), "{text} is not whole");
        } else if let Some(rest) = text.strip_prefix("/data/incoming/") {
            let blob = rest.strip_suffix(".part").and_then(|blob| blob.parse().ok());
            let blob: Digest = blob.unwrap_or_else(|| panic!("left behind: {text}"));
            assert!(store.is_wanted(&blob).expect("readable"), "{text} is left behind and not wanted");
            claimed(store, &blob);
        }
    }
    // Every blob that is listed has its file: opening one that hasn't would write to the journal.
    let head = store.head();
    for blob in told.contents.keys().filter(|blob| !told.rotten.contains(*blob)) {
        drop(store.open_blob(blob, UnixMillis::new(0)).expect("readable"));
        assert_eq!(store.head(), head, "{blob} is listed and its file is missing");
    }
    let faults = store.check().expect("a check reads");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn claimed(store: &Store, blob: &Digest) {
    let Some(offer) = remote().offers.iter().find(|offer| offer.blob == *blob) else { return };
    let fetch = store.begin_fetch(blob, offer.content.len() as u64).expect("a fetch goes on");
    for index in fetch.have().iter() {
        let start = index * PIECE_BYTES;
        let piece = fetch.read(start, 1 << 20).expect("readable");
        assert!(piece.is_some(), "piece {index} of {blob} is claimed and is not there");
    }
}
