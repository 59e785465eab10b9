//! Golden data folders: `tests/format/vN` holds one that the first version with schema N wrote. Every later version must
//! open it, find everything in it, and, as long as the signed formats stand, mint the very same events.
//!
//! The folder for a new schema is what [`make`] leaves in `target/tmp/golden-made` when this test runs: copy it there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ods_store::{
    Admit, Author, Condition, Disk, EventBatch, LocalDisk, LogQuery, NewInvite, NewToken, PeerRow, Role, Scope, Store,
};

use crate::support::{assert_sound, at, bytes, fresh, options, path, put, put_request, read_all, request};

const PACKAGES: [(&str, u64, usize); 4] =
    [("empty.pkg", 1, 0), ("mac/small ü.pkg", 2, 5000), ("mac/pieces.dmg", 3, 2_500_000), ("restored.msi", 4, 10)];

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/format/v{version}"))
}

fn open_real(folder: &Path, seed: u64) -> Store {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk::new());
    Store::open(disk, folder, &options(seed)).expect("the folder opens")
}

/// A store with something in every table. The same each time: its randomness is a fixed seed.
fn make(folder: &Path) {
    let store = open_real(folder, 4242);
    for (name, seed, length) in PACKAGES {
        let mut request = request(name);
        request.meta.insert("version".to_owned(), Some(seed.to_string()));
        put_request(&store, &request, &bytes(seed, length), at(seed)).expect("a publish");
    }
    let first = store.package(&path("restored.msi")).expect("readable").expect("listed").revision;
    put(&store, "restored.msi", b"replaced", at(10)).expect("a publish");
    store.restore(first, &request("restored.msi"), at(11)).expect("a restore");
    put(&store, "removed.pkg", b"gone", at(12)).expect("a publish");
    store.remove(&path("removed.pkg"), &Condition::None, &Author::new("test"), at(13)).expect("a removal");
    let author = Author::new("test");
    let token = NewToken { name: "ci".to_owned(), scope: Scope::Publish, prefixes: vec![], expires_at: None };
    store.create_token(&token, &author, at(14)).expect("a token");
    let invite = NewInvite { role: Role::Publisher, prefixes: vec![], expires_at: at(99) };
    store.create_invite(&invite, &author, at(15)).expect("an invite");
    meet_another(&store, &author);
}

/// Another node was admitted and has published something whose bytes are still to come, and a conflict.
fn meet_another(store: &Store, author: &Author) {
    let (_, other) = fresh(4243);
    let node = other.node_id();
    let admit = Admit { node, role: Role::Publisher, prefixes: vec![] };
    store.admit(&admit, author, at(20)).expect("the root admits");
    other.take_root(store.node_id(), at(20)).expect("a node alone takes the root");
    other.insert_statements(store.roster_statements().expect("statements"), at(20)).expect("they verify");
    put(&other, "wanted.deb", b"still to come", at(21)).expect("a publish");
    put(&other, "mac/small ü.pkg", b"concurrent", at(2)).expect("a publish");
    let query = LogQuery { cursor: None, vector: store.vector().expect("a vector") };
    let events = other.log_page(&query).expect("a page").items.into_iter().map(|(_, event)| event).collect();
    store.insert_events(EventBatch { events, pull: None, backfill: false }, at(22)).expect("an answer");
    let peer = PeerRow {
        node,
        name: "other".to_owned(),
        urls: vec!["http://other.example:8637".to_owned()],
        observed_url: None,
        tls_pin: None,
        paused: false,
        added_at: at(23),
    };
    store.put_peer(&peer, author, at(23)).expect("a peer");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

#[test]
fn the_golden_folder_opens_and_everything_is_there() {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-made");
    if made.exists() {
        std::fs::remove_dir_all(&made).expect("an earlier run's folder goes");
    }
    make(&made);
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&golden(1), folder.path());
    // Git keeps no empty folders, so `incoming` and most others are missing here: they are made again.
    let (old, new) = (open_real(folder.path(), 1), open_real(&made, 2));
    assert_sound(&old);
    assert_eq!(old.node_id(), new.node_id());
    assert_eq!(old.vector().expect("a vector"), new.vector().expect("a vector"), "the same events, to the byte");
    let (old_view, new_view) = (old.overview().expect("readable"), new.overview().expect("readable"));
    assert_eq!(old_view.catalog_digest, new_view.catalog_digest);
    assert_eq!((old_view.packages, old_view.wants.count, old_view.blobs), (5, 2, new_view.blobs));
    for (name, seed, length) in PACKAGES.into_iter().filter(|(name, ..)| !name.contains('ü')) {
        assert_eq!(read_all(&old, name, at(50)).expect("readable"), Some(bytes(seed, length)), "{name}");
    }
    assert!(old.package(&path("mac/small ü.pkg")).expect("readable").expect("listed").conflict);
    assert_eq!(old.revisions(&path("removed.pkg")).expect("a history").len(), 2);
    assert_eq!((old.tokens().expect("readable").len(), old.peers().expect("readable").len()), (1, 1));
    assert_eq!(old.invites().expect("readable").len(), 1);
    put(&old, "new.pkg", b"it goes on", at(60)).expect("a publish");
    assert_sound(&old);
}
