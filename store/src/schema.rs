//! Every table of `ods.redb`, on one page. The rows' encodings are beside their types, and all of it with its
//! invariants in `store/README.md`.
//!
//! Keys sort as they are read: numbers by value, texts and bytes bytewise. Values are postcard unless said otherwise.

use redb::TableDefinition;

/// The schema version this code reads and writes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// 32 bytes: a digest, id or node.
pub(crate) type Key32 = &'static [u8; 32];

/// Single values by name; the names are in `meta.rs`.
pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");

/// Lsn → signature ‖ frame: every event held, exactly as it came, in order of arrival. The truth.
pub(crate) const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
/// EventId → Lsn.
pub(crate) const EVENTS: TableDefinition<Key32, u64> = TableDefinition::new("events");
/// (origin, epoch) → `StreamRow`: the vector.
pub(crate) const STREAMS: TableDefinition<(Key32, u64), &[u8]> = TableDefinition::new("streams");
/// (origin, epoch, seq, EventId) → Lsn.
pub(crate) const STREAM_EVENTS: TableDefinition<(Key32, u64, u64, Key32), u64> = TableDefinition::new("stream_events");
/// EventId → nothing: events of expelled nodes that every Expel covers.
pub(crate) const COVERED: TableDefinition<Key32, ()> = TableDefinition::new("covered");

/// Lsn → record: what happened here. Local; pruned by age.
pub(crate) const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// (path, EventId) → Lsn: every event about a path.
pub(crate) const HISTORY: TableDefinition<(&str, Key32), u64> = TableDefinition::new("history");
/// (replaced EventId, replacing EventId) → nothing: remembered also before the replaced one arrives.
pub(crate) const REPLACERS: TableDefinition<(Key32, Key32), ()> = TableDefinition::new("replacers");
/// Path → `HeadsRow`, also of removed packages. What the catalog digest is over.
pub(crate) const HEADS: TableDefinition<&str, &[u8]> = TableDefinition::new("heads");
/// Path → `PackageRow`: current revisions that are not a Remove.
pub(crate) const PACKAGES: TableDefinition<&str, &[u8]> = TableDefinition::new("packages");
/// (published at, path) → nothing: `packages` by when they were published.
pub(crate) const BY_PUBLISHED: TableDefinition<(u64, &str), ()> = TableDefinition::new("by_published");
/// (size, path) → nothing: `packages` by size.
pub(crate) const BY_SIZE: TableDefinition<(u64, &str), ()> = TableDefinition::new("by_size");
/// (digest, path) → nothing: blobs of the Publish heads of each path.
pub(crate) const LIVE_BLOBS: TableDefinition<(Key32, &str), ()> = TableDefinition::new("live_blobs");

/// Digest → `BlobRow`: sealed blobs that are here.
pub(crate) const BLOBS: TableDefinition<Key32, &[u8]> = TableDefinition::new("blobs");
/// Digest → `WantRow`: blobs that should be here and are not.
pub(crate) const WANTS: TableDefinition<Key32, &[u8]> = TableDefinition::new("wants");
/// Digest → nothing: wants of what was there before this node joined, so that their coming is no news.
pub(crate) const OLD_WANTS: TableDefinition<Key32, ()> = TableDefinition::new("old_wants");
/// Digest → `FetchRow`: which pieces of a blob in `incoming/` are known to be on disk.
pub(crate) const FETCHES: TableDefinition<Key32, &[u8]> = TableDefinition::new("fetches");

/// Digest → 32 bytes: the SHA-256 of a blob that some event states wrongly.
pub(crate) const TRUE_SHA256: TableDefinition<Key32, Key32> = TableDefinition::new("true_sha256");

/// StatementId → signature ‖ frame: the roster.
pub(crate) const STATEMENTS: TableDefinition<Key32, &[u8]> = TableDefinition::new("statements");
/// Path → revision, since: what some node may still lack.
pub(crate) const REPLICATING: TableDefinition<&str, &[u8]> = TableDefinition::new("replicating");
/// NodeId → `Bandwidth`: limits, of this node under its own id, and of links.
pub(crate) const BANDWIDTH: TableDefinition<Key32, &[u8]> = TableDefinition::new("bandwidth");
/// NodeId → arrival u64 LE ‖ signature ‖ frame: the newest state of each member.
pub(crate) const STATES: TableDefinition<Key32, &[u8]> = TableDefinition::new("states");
/// NodeId → `PeerRow`: the nodes this one has a link with.
pub(crate) const PEERS: TableDefinition<Key32, &[u8]> = TableDefinition::new("peers");
/// NodeId → `LogCursor`: how far this node has read that peer's log.
pub(crate) const CURSORS: TableDefinition<Key32, &[u8]> = TableDefinition::new("cursors");
/// Invite id → `InviteRow`.
pub(crate) const INVITES: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("invites");
/// BLAKE3 of a token → `TokenRow`.
pub(crate) const TOKENS: TableDefinition<Key32, &[u8]> = TableDefinition::new("tokens");
/// User id → `UserRow`.
pub(crate) const USERS: TableDefinition<&[u8; 8], &[u8]> = TableDefinition::new("users");
/// BLAKE3 of a session's secret → `SessionRow`.
pub(crate) const SESSIONS: TableDefinition<Key32, &[u8]> = TableDefinition::new("sessions");
/// Lsn → audit entry: who changed what, and whose sign-in was refused. Local.
pub(crate) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// Key → JSON text: settings that were changed while the node ran.
pub(crate) const SETTINGS: TableDefinition<&str, &str> = TableDefinition::new("settings");
/// File name in a watched folder → `WatchedFile`.
pub(crate) const WATCHED: TableDefinition<&str, &[u8]> = TableDefinition::new("watched");

/// Upload id → `UploadRow`: resumable uploads that go on.
pub(crate) const UPLOADS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("uploads");
/// Upload id → `EndedRow`: what became of those that ended lately.
pub(crate) const UPLOADS_ENDED: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("uploads_ended");
/// Webhook id → `WebhookRow`: what people asked for.
pub(crate) const WEBHOOKS: TableDefinition<&[u8; 8], &[u8]> = TableDefinition::new("webhooks");
/// Webhook id → `WebhookProgress`: how far its sender is.
pub(crate) const WEBHOOK_PROGRESS: TableDefinition<&[u8; 8], &[u8]> = TableDefinition::new("webhook_progress");
/// (webhook id, Lsn of a record) → `Delivery`: what was sent. Pruned by number and age.
pub(crate) const DELIVERIES: TableDefinition<(&[u8; 8], u64), &[u8]> = TableDefinition::new("deliveries");
/// (webhook id, Lsn of a record) → nothing: deliveries that somebody wants sent now.
pub(crate) const DELIVERY_QUEUE: TableDefinition<(&[u8; 8], u64), ()> = TableDefinition::new("delivery_queue");

/// Makes every table, so that readers never meet a missing one.
pub(crate) fn make_tables(txn: &redb::WriteTransaction) -> Result<(), redb::TableError> {
    txn.open_table(META)?;
    txn.open_table(LOG)?;
    txn.open_table(EVENTS)?;
    txn.open_table(STREAMS)?;
    txn.open_table(STREAM_EVENTS)?;
    txn.open_table(COVERED)?;
    txn.open_table(JOURNAL)?;
    txn.open_table(HISTORY)?;
    txn.open_table(REPLACERS)?;
    txn.open_table(HEADS)?;
    txn.open_table(PACKAGES)?;
    txn.open_table(BY_PUBLISHED)?;
    txn.open_table(BY_SIZE)?;
    txn.open_table(LIVE_BLOBS)?;
    txn.open_table(BLOBS)?;
    txn.open_table(WANTS)?;
    txn.open_table(OLD_WANTS)?;
    txn.open_table(FETCHES)?;
    txn.open_table(TRUE_SHA256)?;
    txn.open_table(STATEMENTS)?;
    txn.open_table(STATES)?;
    txn.open_table(REPLICATING)?;
    txn.open_table(BANDWIDTH)?;
    txn.open_table(PEERS)?;
    txn.open_table(CURSORS)?;
    txn.open_table(INVITES)?;
    txn.open_table(TOKENS)?;
    txn.open_table(USERS)?;
    txn.open_table(SESSIONS)?;
    txn.open_table(AUDIT)?;
    txn.open_table(SETTINGS)?;
    txn.open_table(WATCHED)?;
    txn.open_table(UPLOADS)?;
    txn.open_table(UPLOADS_ENDED)?;
    txn.open_table(WEBHOOKS)?;
    txn.open_table(WEBHOOK_PROGRESS)?;
    txn.open_table(DELIVERIES)?;
    txn.open_table(DELIVERY_QUEUE)?;
    Ok(())
}
