//! Data folders that can't be opened: each is said in words that tell what to do, and nothing is changed.

use std::sync::Arc;

use ods_store::{Disk, LocalDisk, Store, StoreError};

use crate::support::{at, fresh, open, options, put};

fn real(folder: &std::path::Path, seed: u64) -> Result<Store, StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(LocalDisk::new());
    Store::open(disk, folder, &options(seed))
}

#[test]
fn a_store_opens_again_as_the_same_node() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = real(folder.path(), 1).expect("a new store").node_id();
    let store = real(folder.path(), 2).expect("the same store");
    assert_eq!(store.node_id(), node);
    put(&store, "x.pkg", b"on a real disk", at(1)).expect("a publish");
}

#[test]
fn a_name_that_was_given_before_does_not_undo_one_that_was_chosen_since() {
    let (_disk, store) = fresh(1);
    let author = ods_store::Author::new("test");
    let name = || store.name().expect("readable");
    store.configure_name("hq", &author, at(1)).expect("set");
    assert_eq!(name(), "hq");
    store.set_name("Headquarters", &author, at(2)).expect("set");
    let head = store.head();
    store.configure_name("hq", &author, at(3)).expect("nothing to do");
    assert_eq!((name().as_str(), store.head()), ("Headquarters", head));
    store.configure_name("lisbon", &author, at(4)).expect("set");
    assert_eq!(name(), "lisbon");
}

#[test]
fn another_process_inside_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _first = real(folder.path(), 1).expect("a new store");
    let error = real(folder.path(), 2).expect_err("it is in use");
    assert!(matches!(error, StoreError::AlreadyOpen { .. }), "{error:?}");
    assert!(error.to_string().contains("another process"), "{error}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays the admin who mixes key files up")]
fn a_wrong_missing_or_cut_key_file_is_told() {
    let (ours, theirs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    drop(real(ours.path(), 1).expect("a new store"));
    drop(real(theirs.path(), 2).expect("a new store"));
    let key = ours.path().join("node.key");
    let right = std::fs::read(&key).expect("readable");
    std::fs::copy(theirs.path().join("node.key"), &key).expect("copied");
    assert!(matches!(real(ours.path(), 3), Err(StoreError::WrongKey { .. })));
    std::fs::write(&key, &right[..20]).expect("written");
    assert!(matches!(real(ours.path(), 3), Err(StoreError::BadKeyFile { bytes: 20, .. })));
    std::fs::remove_file(&key).expect("removed");
    assert!(matches!(real(ours.path(), 3), Err(StoreError::NoKey { .. })));
    assert!(!key.exists(), "no other key is made in its place");
    std::fs::write(&key, &right).expect("written");
    real(ours.path(), 3).expect("with the right key it opens");
}

#[test]
fn a_folder_that_is_a_file_is_told() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let error = real(file.path(), 1).expect_err("it is not a folder");
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
}

#[test]
fn a_foreign_database_is_told() {
    let (disk, store) = fresh(1);
    drop(store);
    let name = std::path::Path::new("/data/ods.redb");
    for offset in 0..64 {
        disk.flip_bit(name, offset);
    }
    assert!(open(&disk, 2).is_err());
}
