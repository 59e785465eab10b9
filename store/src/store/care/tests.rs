//! An event that lies about a SHA-256: only a node that was tampered with mints one.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::event::Publish;
use crate::open::StoreOptions;
use crate::package::Change;
use crate::path::PackagePath;
use crate::publish::{Condition, PublishRequest};
use crate::scrub::{ScrubStep, Scrubber};
use crate::testing::SimDisk;

fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + seconds * 1000)
}

fn request(path: &PackagePath) -> PublishRequest {
    let (meta, author) = (std::iter::empty().collect(), Author::new("test"));
    PublishRequest { path: path.clone(), meta, condition: Condition::None, author }
}

/// Publishes bytes as `x.pkg` with a SHA-256 that isn't theirs.
fn lie(store: &Store, path: &PackagePath, content: &[u8]) {
    let mut upload = store.begin_upload(None).expect("room");
    upload.write(content).expect("a write");
    let published = store.publish(upload.finish().expect("whole"), &request(path), at(1)).expect("a publish").package;
    let body = Body::Publish(Publish {
        path: path.as_str().to_owned(),
        blob: published.blob,
        size: published.size,
        sha256: Sha256::from_bytes([7; 32]),
        modified: published.modified,
        meta: published.meta,
        replaces: vec![published.revision],
    });
    store.write(move |tx| log::mint(tx, Moment::live(at(2)), "liar", &body)).expect("minted");
}

#[test]
fn a_wrong_sha256_is_alarmed_once_and_the_true_one_is_given_and_published_from_then_on() {
    let options = StoreOptions { cache_bytes: 1 << 20, entropy: [1; 32], name: "n".to_owned() };
    let store = Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).expect("a new store");
    let path = PackagePath::parse("x.pkg").expect("a path");
    lie(&store, &path, b"content");
    let stated = || store.package(&path).expect("readable").expect("listed").sha256;
    let revisions = || -> Vec<Sha256> {
        let all = store.revisions(&path).expect("readable").into_iter();
        let stated = all.filter_map(|revision| match revision.change {
            Change::Published { sha256, .. } => Some(sha256),
            Change::Removed => None,
        });
        stated.collect()
    };
    let wrong = Sha256::from_bytes([7; 32]);
    let mut hasher = crate::outline::BlobHasher::new();
    hasher.update(b"content");
    let right = hasher.finish().sha256;
    assert_eq!((stated(), revisions()), (wrong, vec![wrong, right]), "nothing is known yet");
    for second in [3, 4] {
        store.start_scrub(&Author::new("test"), at(second)).expect("it starts");
        while Scrubber::new(store.clone()).step(1 << 20, at(second)).expect("a step") != ScrubStep::Finished {}
        assert_eq!(store.scrub_status().expect("readable").pass.expect("over").sha256_lies, 1);
    }
    assert_eq!((stated(), revisions()), (right, vec![right, right]));
    let records = store.records(crate::lsn::Lsn::ZERO, 100).expect("readable").items;
    let alarms: Vec<_> = records.iter().filter(|record| record.what.kind() == "node.alarm").collect();
    assert_eq!(alarms.len(), 1, "told once: {alarms:?}");
    assert!(format!("{alarms:?}").contains("x.pkg"), "{alarms:?}");
    let edited = store.edit(&request(&path), at(5)).expect("an edit that changes nothing");
    assert_eq!((edited.changed, edited.package.sha256), (true, right), "it ends the lie");
    assert!(!store.edit(&request(&path), at(6)).expect("once more").changed);
    assert_eq!(store.check().expect("readable"), Vec::<String>::new());
}
