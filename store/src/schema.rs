//! Every table of `ods.redb`, on one page. The rows' encodings are beside their types, and all of it with its
//! invariants in `store/README.md`.
//!
//! Keys sort as they are read: numbers by value, texts and bytes bytewise. Values are postcard unless said otherwise.
//!
//! A table is declared once, in `tables!`; whoever does something with all of them walks them by [`each_table`], so that none
//! can be forgotten anywhere.

use redb::{Key, TableDefinition, Value, WriteTransaction};

use crate::error::Result;

/// The schema version this code reads and writes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// 32 bytes: a digest, id or node.
pub(crate) type Key32 = &'static [u8; 32];

/// What a snapshot has of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InSnapshots {
    /// Its rows.
    Copied,
    /// The table without rows: they tell of what isn't copied, or mustn't be.
    Empty,
}

/// Something that is done with every table.
pub(crate) trait TableVisitor {
    /// Does it with one.
    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
        in_snapshots: InSnapshots,
    ) -> Result<()>;
}

/// Declares tables, `NAME: key => value = "name on disk", what snapshots have of it;`, and [`each_table`] over just these.
macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $key:ty => $value:ty = $on_disk:literal, $in_snapshots:ident;)*) => {
        $($(#[$doc])* pub(crate) const $name: TableDefinition<$key, $value> = TableDefinition::new($on_disk);)*

        /// Shows every table to the visitor, in the order in which they are declared.
        pub(crate) fn each_table(visitor: &mut impl TableVisitor) -> Result<()> {
            $(visitor.visit($name, InSnapshots::$in_snapshots)?;)*
            Ok(())
        }
    };
}

tables! {
    /// Single values by name; the names are in `meta.rs`.
    META: &str => &[u8] = "meta", Copied;

    /// Lsn → signature ‖ frame: every event held, exactly as it came, in order of arrival. The truth.
    LOG: u64 => &[u8] = "log", Copied;
    /// EventId → Lsn.
    EVENTS: Key32 => u64 = "events", Copied;
    /// (origin, epoch) → `StreamRow`: the vector.
    STREAMS: (Key32, u64) => &[u8] = "streams", Copied;
    /// (origin, epoch, seq, EventId) → Lsn.
    STREAM_EVENTS: (Key32, u64, u64, Key32) => u64 = "stream_events", Copied;
    /// EventId → nothing: events of expelled nodes that every Expel covers.
    COVERED: Key32 => () = "covered", Copied;

    /// Lsn → record: what happened here. Local; pruned by age.
    JOURNAL: u64 => &[u8] = "journal", Copied;

    /// (path, EventId) → Lsn: every event about a path.
    HISTORY: (&str, Key32) => u64 = "history", Copied;
    /// (replaced EventId, replacing EventId) → nothing: remembered also before the replaced one arrives.
    REPLACERS: (Key32, Key32) => () = "replacers", Copied;
    /// Path → `HeadsRow`, also of removed packages. What the catalog digest is over.
    HEADS: &str => &[u8] = "heads", Copied;
    /// Path → `PackageRow`: current revisions that are not a Remove.
    PACKAGES: &str => &[u8] = "packages", Copied;
    /// (published at, path) → nothing: `packages` by when they were published.
    BY_PUBLISHED: (u64, &str) => () = "by_published", Copied;
    /// (size, path) → nothing: `packages` by size.
    BY_SIZE: (u64, &str) => () = "by_size", Copied;
    /// (digest, path) → nothing: blobs of the Publish heads of each path.
    LIVE_BLOBS: (Key32, &str) => () = "live_blobs", Copied;

    /// Digest → `BlobRow`: sealed blobs that are here.
    BLOBS: Key32 => &[u8] = "blobs", Copied;
    /// Digest → `WantRow`: blobs that should be here and are not.
    WANTS: Key32 => &[u8] = "wants", Copied;
    /// Digest → nothing: wants of what was there before this node joined, so that their coming is no news.
    OLD_WANTS: Key32 => () = "old_wants", Copied;
    /// Digest → `FetchRow`: which pieces of a blob in `incoming/` are known to be on disk. That folder isn't copied.
    FETCHES: Key32 => &[u8] = "fetches", Empty;

    /// Digest → 32 bytes: the SHA-256 of a blob that some event states wrongly.
    TRUE_SHA256: Key32 => Key32 = "true_sha256", Copied;
    /// Digest → ms since 1970: when a client last used a blob that the policy doesn't keep.
    USES: Key32 => u64 = "uses", Copied;
    /// Digest → counter of this node's state: a held blob that the catalog took from what the policy keeps; states up to
    /// this one may have claimed it.
    RENOUNCED: Key32 => u64 = "renounced", Copied;

    /// StatementId → signature ‖ frame: the roster.
    STATEMENTS: Key32 => &[u8] = "statements", Copied;
    /// Path → revision, since: what some node may still lack.
    REPLICATING: &str => &[u8] = "replicating", Copied;
    /// NodeId → `Bandwidth`: limits, of this node under its own id, and of links.
    BANDWIDTH: Key32 => &[u8] = "bandwidth", Copied;
    /// NodeId → arrival u64 LE ‖ signature ‖ frame: the newest state of each member.
    STATES: Key32 => &[u8] = "states", Copied;
    /// NodeId → `PeerRow`: the nodes this one has a link with.
    PEERS: Key32 => &[u8] = "peers", Copied;
    /// NodeId → `LogCursor`: how far this node has read that peer's log.
    CURSORS: Key32 => &[u8] = "cursors", Copied;
    /// Invite id → `InviteRow`.
    INVITES: &[u8; 16] => &[u8] = "invites", Copied;
    /// BLAKE3 of a token → `TokenRow`.
    TOKENS: Key32 => &[u8] = "tokens", Copied;
    /// BLAKE3 of a request's name → what it made. What is made in one copy says nothing of another.
    ONCE: Key32 => &[u8] = "once", Empty;
    /// User id → `UserRow`.
    USERS: &[u8; 8] => &[u8] = "users", Copied;
    /// BLAKE3 of a session's secret → `SessionRow`. A copy in other hands, or restored years later, signs nobody in.
    SESSIONS: Key32 => &[u8] = "sessions", Empty;
    /// Lsn → audit entry: who changed what, and whose sign-in was refused. Local.
    AUDIT: u64 => &[u8] = "audit", Copied;
    /// Key → JSON text: settings that were changed while the node ran.
    SETTINGS: &str => &str = "settings", Copied;
    /// Hour since 1970 → `Usage`: what was held when.
    STORAGE_TREND: u64 => &[u8] = "storage_trend", Copied;
    /// File name in a watched folder → `WatchedFile`.
    WATCHED: &str => &[u8] = "watched", Copied;
    /// Watch id as text → `WatchMark`: what a mirror has to know of its folder after a restart.
    WATCH_MARKS: &str => &[u8] = "watch_marks", Copied;
    /// Watch id → `WatchRow`: watches that were made while the node ran.
    WATCHES: &[u8; 8] => &[u8] = "watches", Copied;
    /// Watch id → `WatchOrders`: what people asked watches to do, also those that the configuration names.
    WATCH_ORDERS: &[u8; 8] => &[u8] = "watch_orders", Copied;

    /// Upload id → `UploadRow`: resumable uploads that go on, with their bytes in `incoming/`.
    UPLOADS: &[u8; 16] => &[u8] = "uploads", Empty;
    /// Upload id → `EndedRow`: what became of those that ended lately.
    UPLOADS_ENDED: &[u8; 16] => &[u8] = "uploads_ended", Copied;
    /// Webhook id → `WebhookRow`: what people asked for.
    WEBHOOKS: &[u8; 8] => &[u8] = "webhooks", Copied;
    /// Webhook id → `WebhookProgress`: how far its sender is.
    WEBHOOK_PROGRESS: &[u8; 8] => &[u8] = "webhook_progress", Copied;
    /// (webhook id, Lsn of a record) → `Delivery`: what was sent. Pruned by number and age.
    DELIVERIES: (&[u8; 8], u64) => &[u8] = "deliveries", Copied;
    /// (webhook id, Lsn of a record) → nothing: deliveries that somebody wants sent now.
    DELIVERY_QUEUE: (&[u8; 8], u64) => () = "delivery_queue", Copied;
}

/// Makes every table, so that readers never meet a missing one.
pub(crate) fn make_tables(txn: &WriteTransaction) -> Result<()> {
    each_table(&mut Make(txn))
}

struct Make<'txn>(&'txn WriteTransaction);

impl TableVisitor for Make<'_> {
    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
        _in_snapshots: InSnapshots,
    ) -> Result<()> {
        self.0.open_table(table)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use redb::TableHandle;

    use super::*;

    #[derive(Default)]
    struct Names(Vec<String>);

    impl TableVisitor for Names {
        fn visit<K: Key + 'static, V: Value + 'static>(
            &mut self,
            table: TableDefinition<'static, K, V>,
            _in_snapshots: InSnapshots,
        ) -> Result<()> {
            self.0.push(table.name().to_owned());
            Ok(())
        }
    }

    #[test]
    fn each_table_has_a_name_of_its_own_and_a_row_in_the_readme() {
        let mut names = Names::default();
        each_table(&mut names).expect("nothing fails");
        let different: BTreeSet<_> = names.0.iter().collect();
        assert_eq!(different.len(), names.0.len(), "two tables share a name: {:?}", names.0);
        let readme = include_str!("../README.md");
        let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| `")).collect();
        for name in names.0 {
            let quoted = format!("`{name}`");
            let is_listed = |row: &&str| row.split('|').nth(1).is_some_and(|cell| cell.contains(&quoted));
            assert!(rows.iter().any(is_listed), "store/README.md doesn't list {name}");
        }
    }
}
