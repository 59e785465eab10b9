//! A large catalog, quickly: what a node has after years, for measuring and trying with.
//!
//! Every event is decided, signed, inserted and folded as a publish by hand is; only many of them share one commit. Few blobs
//! serve all packages, since nothing that grows with the catalog depends on their bytes.

use crate::audit::{self, Deed};
use crate::digest::EventId;
use crate::edit_tag::Expected;
use crate::error::Result;
use crate::journal::Moment;
use crate::limits::DELIVERIES_PER_WEBHOOK_MAX;
use crate::lsn::Lsn;
use crate::path::PackagePath;
use crate::publish::{self, Author, Bytes, Condition, MetaPatch, PublishRequest};
use crate::store::Store;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::webhooks::{self, Attempt, Settlement, Tried, WebhookChange, WebhookEdit, WebhookSettings};

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

/// Writes an audit of `rows` entries and as many deliveries, of webhooks that are switched off, each with as many as are kept
/// of one: what a node has after years.
pub fn fill_history(store: &Store, rows: u64) -> Result<()> {
    let author = Author::new("fill");
    for (first, number) in (0..rows).step_by(usize::try_from(DELIVERIES_PER_WEBHOOK_MAX).unwrap_or(usize::MAX)).zip(0..)
    {
        let rows = DELIVERIES_PER_WEBHOOK_MAX.min(rows - first);
        let author = author.clone();
        store.write(move |tx| fill_one(tx, number, rows, &author))?;
    }
    Ok(())
}

fn fill_one(tx: &Tx<'_>, number: u32, rows: u64, author: &Author) -> Result<()> {
    let settings = WebhookSettings {
        name: format!("filled-{number}"),
        url: "https://example.com/".to_owned(),
        types: Vec::new(),
        paths: Vec::new(),
        tags: Vec::new(),
        allow_private: false,
    };
    let moment = |row: u64| Moment::live(time_of(row));
    let made = webhooks::create(tx, moment(0), &settings, author)?;
    let (webhook, off) = (made.row.id, WebhookChange::Edit(WebhookEdit { on: Some(false), ..WebhookEdit::default() }));
    let edits = webhooks::change(tx, moment(0), webhook, &off, &Expected::Any, author)?.row.edits;
    let tried = |row: u64| Tried {
        lsn: Lsn::new(made.progress.cursor.get() + 1 + row),
        message: format!("msg_filled_{row}"),
        kind: "package.published".to_owned(),
        body: format!("{{\"type\":\"package.published\",\"data\":{{\"path\":\"{}\"}}}}", filled_path(row)),
        attempt: Attempt {
            at: time_of(row),
            took_ms: 5,
            status: Some(200),
            error: None,
            answer: "ok".to_owned(),
            manual: false,
        },
    };
    let cursor = Lsn::new(made.progress.cursor.get() + rows);
    let tried = (0..rows).map(tried).collect();
    let settled = Settlement { webhook, edits, cursor, tried, failing: None, given_up: None };
    webhooks::settle(tx, moment(rows), &settled)?;
    for row in 0..rows {
        let (before, after) =
            (audit::facts([("tags", "test".to_owned())]), audit::facts([("tags", "prod".to_owned())]));
        let deed = Deed::changed("package.changed", filled_path(row), before, after);
        audit::append(tx, moment(row), author, &deed)?;
    }
    Ok(())
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

    #[test]
    fn a_filled_history_is_read_as_any_other() {
        let options = StoreOptions { cache_bytes: 16 << 20, entropy: [1; 32], name: "filled".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), std::path::Path::new("/data"), &options).expect("it opens");
        fill_history(&store, 300).expect("it fills");
        let webhook = store.webhooks().expect("readable").pop().expect("one").row;
        assert!(!webhook.is_on(), "it would send");
        let page = store.deliveries(webhook.id, None, 1000, &mut |_| true).expect("readable");
        assert_eq!(page.items.len(), 300);
        assert!(store.check().expect("readable").is_empty(), "the derived tables are right");
    }
}
