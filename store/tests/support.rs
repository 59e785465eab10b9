//! Stores, bytes and requests in a line each.

use std::path::Path;
use std::sync::Arc;

use ods_store::{
    Author, Condition, Disk, EventBatch, LogQuery, MetaPatch, PackagePath, PublishRequest, Published, PulledFrom,
    SimDisk, Store, StoreError, StoreOptions, UnixMillis,
};

/// Where the simulated data folder is.
pub(crate) const FOLDER: &str = "/data";

pub(crate) fn options(seed: u64) -> StoreOptions {
    let mut entropy = [0; 32];
    entropy[..8].copy_from_slice(&seed.to_le_bytes());
    StoreOptions { cache_bytes: 1 << 20, entropy, name: format!("node {seed}") }
}

pub(crate) fn open(disk: &SimDisk, seed: u64) -> Result<Store, StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Store::open(disk, Path::new(FOLDER), &options(seed))
}

pub(crate) fn fresh(seed: u64) -> (SimDisk, Store) {
    let disk = SimDisk::new();
    let store = open(&disk, seed).expect("a fresh disk opens");
    (disk, store)
}

pub(crate) fn path(text: &str) -> PackagePath {
    PackagePath::parse(text).expect("tests use valid paths")
}

pub(crate) fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + seconds * 1000)
}

pub(crate) fn request(text: &str) -> PublishRequest {
    let author = Author::new("test");
    PublishRequest { path: path(text), meta: MetaPatch::new(), condition: Condition::None, author }
}

/// Bytes that differ for each seed.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn put(store: &Store, text: &str, content: &[u8], now: UnixMillis) -> Result<Published, StoreError> {
    put_request(store, &request(text), content, now)
}

pub(crate) fn put_request(
    store: &Store,
    request: &PublishRequest,
    content: &[u8],
    now: UnixMillis,
) -> Result<Published, StoreError> {
    let mut upload = store.begin_upload(Some(content.len() as u64))?;
    for chunk in content.chunks(700_000) {
        upload.write(chunk)?;
    }
    store.publish(upload.finish()?, request, now)
}

pub(crate) fn read_all(store: &Store, text: &str, now: UnixMillis) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(package) = store.package(&path(text))? else { return Ok(None) };
    let Some(reader) = store.open_blob(&package.blob, now)? else { return Ok(None) };
    let mut all = Vec::new();
    while (all.len() as u64) < reader.size() {
        all.extend(reader.read(all.len() as u64, 1 << 20, now)?);
    }
    Ok(Some(all))
}

/// `to` pulls from `from` until there is no more, as the mesh does: rosters first, then by cursor, then by vector.
pub(crate) fn pull(to: &Store, from: &Store, now: UnixMillis) -> Result<(), StoreError> {
    to.insert_statements(from.roster_statements()?, now)?;
    for cursor in [to.peer_cursor(&from.node_id())?, None] {
        let mut cursor = cursor;
        loop {
            let page = from.log_page(&LogQuery { cursor, vector: to.vector()? })?;
            let (positions, events) = page.items.into_iter().unzip();
            let pulled = PulledFrom { node: from.node_id(), positions, cursor: page.cursor, is_last: !page.more };
            let inserted = to.insert_events(EventBatch { events, pull: Some(pulled), backfill: false }, now)?;
            assert_eq!(inserted.refused, None, "members' events are taken");
            cursor = Some(page.cursor);
            if !page.more {
                break;
            }
        }
        if to.vector()? == from.vector()? {
            break;
        }
    }
    Ok(())
}

pub(crate) fn assert_sound(store: &Store) {
    let faults = store.check().expect("a check reads");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
