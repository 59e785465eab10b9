//! A large catalog, quickly: what a node has after years, for measuring and trying with.
//!
//! Every event is decided, signed, inserted and folded as a publish by hand is; only many of them share one commit. Few blobs
//! serve all packages, since nothing that grows with the catalog depends on their bytes.

use crate::digest::EventId;
use crate::error::Result;
use crate::journal::Moment;
use crate::path::PackagePath;
use crate::publish::{self, Author, Bytes, Condition, MetaPatch, PublishRequest};
use crate::store::Store;
use crate::time::UnixMillis;

/// Events in one commit.
const EVENTS_PER_COMMIT: u64 = 20_000;
/// Different blobs, of different sizes.
const BLOBS: u64 = 64;
/// Tags, one a package.
const TAGS: [&str; 4] = ["prod", "test", "beta", "old"];
/// When the first event was, milliseconds since 1970; the others follow a millisecond apart.
const FIRST_MS: u64 = 1_700_000_000_000;

/// The path of a package of [`fill`].
pub fn filled_path(package: u64) -> PackagePath {
    let path = format!("apps/{:03}/package-{package:06}.pkg", package % 500);
    PackagePath::parse(&path).expect("these are good names")
}

/// Publishes `packages` packages in an empty store, and new versions of them in turn until there are `events` events.
pub fn fill(store: &Store, events: u64, packages: u64) -> Result<()> {
    let sources: Result<Vec<_>> = (0..BLOBS.min(events)).map(|event| publish_bytes(store, event, packages)).collect();
    let sources = sources?;
    for first in (BLOBS..events).step_by(usize::try_from(EVENTS_PER_COMMIT).unwrap_or(usize::MAX)) {
        let sources = sources.clone();
        store.write(move |tx| {
            for (event, id) in (first..events.min(first + EVENTS_PER_COMMIT)).zip(sources.iter().cycle()) {
                let bytes = Bytes::Revision { id: *id, with_meta: false };
                publish::publish(tx, Moment::live(time_of(event)), &request(event, packages), bytes)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The first packages bring the bytes that all the others share.
fn publish_bytes(store: &Store, event: u64, packages: u64) -> Result<EventId> {
    let length = 8 + usize::try_from(event).unwrap_or(0) * 300;
    let bytes: Vec<u8> = event.to_le_bytes().into_iter().cycle().take(length).collect();
    let mut upload = store.begin_upload(Some(bytes.len() as u64))?;
    upload.write(&bytes)?;
    let published = store.publish(upload.finish()?, &request(event, packages), time_of(event))?;
    Ok(published.package.revision)
}

fn request(event: u64, packages: u64) -> PublishRequest {
    let package = event % packages;
    let tag = TAGS[usize::try_from(package).unwrap_or(0) % TAGS.len()];
    let meta = [
        ("title", format!("Package {package}")),
        ("version", format!("{}.{event}", 1 + event / packages)),
        ("tags", tag.to_owned()),
    ];
    PublishRequest {
        path: filled_path(package),
        meta: meta.into_iter().map(|(key, value)| (key.to_owned(), Some(value))).collect::<MetaPatch>(),
        condition: Condition::None,
        author: Author::new("fill"),
    }
}

fn time_of(event: u64) -> UnixMillis {
    UnixMillis::new(FIRST_MS + event)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::StoreOptions;
    use crate::testing::SimDisk;

    #[test]
    fn a_filled_store_is_as_if_it_was_filled_by_hand() {
        let options = StoreOptions { cache_bytes: 16 << 20, entropy: [1; 32], name: "filled".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), std::path::Path::new("/data"), &options).expect("it opens");
        fill(&store, 500, 100).expect("it fills");
        let overview = store.overview().expect("readable");
        assert_eq!((overview.log_events, overview.packages, overview.wants.count), (500, 100, 0));
        let package = store.package(&filled_path(99)).expect("readable").expect("it is there");
        assert_eq!(package.meta["version"].as_str(), "5.499");
        assert!(store.check().expect("readable").is_empty(), "the derived tables are right");
    }
}
