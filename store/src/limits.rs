//! Every bound of the store, in one place. Each protects memory, disk or a peer from what others send.

/// Bytes in a package path, after NFC.
pub const PATH_BYTES_MAX: usize = 1024;
/// Bytes in one segment of a package path.
pub const SEGMENT_BYTES_MAX: usize = 255;
/// Bytes in an event's `by`.
pub const BY_BYTES_MAX: usize = 128;
/// Ids an event's `replaces` may name.
pub const REPLACES_MAX: usize = 64;
/// Entries in an event's `meta`.
pub const META_ENTRIES_MAX: usize = 64;
/// Bytes in one `meta` key.
pub const META_KEY_BYTES_MAX: usize = 64;
/// Bytes in one `meta` value.
pub const META_VALUE_BYTES_MAX: usize = 8 * 1024;
/// Bytes in all of an event's `meta` together, so that every frame stays below [`FRAME_BYTES_MAX`].
pub const META_BYTES_MAX: usize = 32 * 1024;
/// Tags on one package.
pub const TAGS_MAX: usize = 64;
/// Bytes in one tag.
pub const TAG_BYTES_MAX: usize = 64;
/// Bytes in an event's or statement's frame, signature excluded. More than any event that this version mints.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Prefixes an `Admit` may carry.
pub const PREFIXES_MAX: usize = 64;
/// Bytes of all prefixes of an `Admit` together, as people may give them,
pub const PREFIXES_BYTES_MAX: usize = 4 * 1024;
/// ... and of its frame, with room for what a later version adds: owners may sign thousands, and every node keeps all.
pub const ADMIT_FRAME_BYTES_MAX: usize = 8 * 1024;
/// Ids an `Expel` may carry, tips and statements together: 64,000 bytes, which leaves room in a frame for the rest.
pub const EXPEL_IDS_MAX: usize = 2000;
/// Places among these that are kept for tips.
pub const EXPEL_TIPS_MIN: usize = 64;
/// How long an Expel that comes ahead of the events it names waits for them,
pub const EXPEL_WAIT_MS: u64 = 10_000;
/// ... and how many do at once.
pub const EXPELS_AHEAD_MAX: usize = 64;
/// Statements a roster may hold.
pub const STATEMENTS_MAX: usize = 10_000;
/// Streams of one node from which an alarm is raised.
pub const STREAMS_ALARM: usize = 64;
/// How long a node that joined waits to have heard the peer by whose invite it did before any other says what was there
/// before: a day.
pub const BACKFILL_FIRST_MS: u64 = 24 * 3_600_000;
/// Bytes in a node state's frame, signature excluded: all lists of it full.
pub const STATE_FRAME_BYTES_MAX: usize = 512 * 1024;
/// Bytes of one member's states that are taken at once: two of the largest,
pub const STATE_BURST_BYTES: u64 = 1024 * 1024;
/// ... and on the average in a millisecond.
pub const STATE_BYTES_PER_MS: u64 = 64;
/// Wants that a node state lists.
pub const STATE_WANTS_MAX: usize = 1000;
/// Streams that a node state lists.
pub const STATE_STREAMS_MAX: usize = 1024;
/// Links that a node state lists.
pub const STATE_LINKS_MAX: usize = 1000;
/// Urls, globs or tags that a node state lists.
pub const STATE_TEXTS_MAX: usize = 64;
/// Bytes in one of them.
pub const STATE_TEXT_BYTES_MAX: usize = 1024;
/// Events by which the vectors of two nodes may differ in one stream while this node still works out which they are.
pub const HOLDING_TAIL_EVENTS_MAX: usize = 10_000;
/// Packages that are named when a node that may be the only one to have them is to be expelled; all are counted.
pub const LAST_HOLDER_PATHS_MAX: usize = 20;
/// Packages whose arrival everywhere is waited for; of further ones nobody is told.
pub const REPLICATING_MAX: u64 = 100_000;
/// ... and looked at in one step.
pub const REPLICATING_CHECKED_MAX: usize = 500;
/// The lowest limit on bandwidth, in bytes a second: slower, a piece would hardly ever arrive whole.
pub const BANDWIDTH_BYTES_PER_S_MIN: u64 = 10_000;
/// Windows that limits may have.
pub const BANDWIDTH_WINDOWS_MAX: usize = 32;
/// Bytes in a blob: 1 TiB. Keeps an outline at 32 MiB.
pub const BLOB_BYTES_MAX: u64 = 1 << 40;
/// Bytes of events from a peer that a full disk takes at once, up to a removal among them.
pub const FREEING_BATCH_BYTES_MAX: usize = 64 * 1024;
/// Rows a page of a listing may ask for.
pub const PAGE_ROWS_MAX: usize = 1000;
/// Bytes of packages, or of a path's revisions, in a page of a listing, about: it ends early with those that have much
/// to say, so that slow readers of many pages don't take the node's memory.
pub const PACKAGE_PAGE_BYTES_MAX: usize = 2 << 20;
/// Writes that one commit may gather.
pub const GROUP_WRITES_MAX: usize = 256;
/// Writes that may wait for the writer; further ones block their caller.
pub const WRITE_QUEUE_MAX: usize = 1024;
/// Bytes of frames in one answer to a pull.
pub const LOG_PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Log entries examined for one answer to a pull.
pub const LOG_PAGE_EXAMINED_MAX: usize = 20_000;
/// Peers a node may have.
pub const PEERS_MAX: usize = 1000;
/// Tokens a node may hold.
pub const TOKENS_MAX: usize = 10_000;
/// Settings that may be stored.
pub const SETTINGS_MAX: usize = 256;
/// Bytes of one stored setting, key and value.
pub const SETTING_BYTES_MAX: usize = 16 * 1024;
/// Rows between two anchors of an order of packages.
pub const ANCHOR_ROWS: usize = 1000;
/// How long the anchors of an order may be shown again: 10 s.
pub const ANCHORS_FOR_MS: u64 = 10_000;
/// Requests that named themselves and are remembered; the oldest are forgotten first.
pub const ONCE_ROWS_MAX: usize = 1000;
/// ... and for how long: a day.
pub const ONCE_FOR_MS: u64 = 24 * 60 * 60 * 1000;
/// Users a node may have.
pub const USERS_MAX: usize = 1000;
/// Sessions that are kept; the one used longest ago makes room for a new one.
pub const SESSIONS_MAX: usize = 2000;
/// So long a node that is alone lets nobody in while an inviter's answer to it is unknown.
pub(crate) const JOINING_HOLDS_MS: u64 = 3_600_000;
/// How long a session lasts: 7 days.
pub const SESSION_LIFE_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How long a session lasts that nobody uses: 24 h.
pub const SESSION_IDLE_MS: u64 = 24 * 60 * 60 * 1000;
/// How long a set-up link is good: 24 h.
pub const SET_UP_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// Entries of the audit that one page looks at.
pub const AUDIT_EXAMINED_MAX: usize = 20_000;
/// Facts of one audit entry, before and after each.
pub const AUDIT_FACTS_MAX: usize = 64;
/// Bytes of one value in an audit entry.
pub const AUDIT_VALUE_BYTES_MAX: usize = 1024;
/// Resumable uploads that may go on at once.
pub const UPLOADS_MAX: usize = 1000;
/// ... and of them those that one user, or the tokens of one name, began; fewer where fewer places are left.
pub const UPLOADS_PER_AUTHOR_MAX: usize = 100;
/// Places that are left to those who have begun none.
pub const UPLOADS_FIRST_MAX: usize = 200;
/// How long a resumable upload is kept to which no byte ever came: 15 minutes.
pub const UPLOAD_EMPTY_MS: u64 = 900_000;
/// Resumable uploads that ended and are remembered; the oldest are forgotten first.
pub const UPLOADS_ENDED_MAX: u64 = 20_000;
/// Invites a node may hold; expired ones are dropped first.
pub const INVITES_MAX: usize = 1000;
/// Bytes in a name of a node, peer or token.
pub const NAME_BYTES_MAX: usize = 128;
/// Blobs remembered whose publish failed in a way that left open whether it happened; those beyond stay on the disk.
pub const DOUBTFUL_BLOBS_MAX: usize = 1024;
/// A verified piece is verified again before it is sent when this much time has passed: 24 h.
pub const VERIFIED_FOR_MS: u64 = 24 * 60 * 60 * 1000;
/// Revisions that retention may be told to keep of a path.
pub const KEEP_REVISIONS_MAX: usize = 10_000;
/// Rules that retention may have.
pub const RETENTION_RULES_MAX: usize = 256;
/// Globs in one rule of retention.
pub const RETENTION_GLOBS_MAX: usize = 64;
/// Blobs that one transaction of gc may collect.
pub const GC_BATCH_BLOBS_MAX: usize = 64;
/// Rows, events or files that one step of gc looks at, about.
pub const GC_STEP_EXAMINED: usize = 2000;
/// New events that a transaction of gc reads; with more of them the run reads them first, outside.
pub const GC_NEWS_MAX: usize = 2000;
/// How often a run of gc begins its walk again because of changes to the roster.
pub const GC_RESTARTS_MAX: u32 = 8;
/// How long a count of what the blobs are kept for may be shown again: 10 minutes.
pub const STORAGE_VIEW_FOR_MS: u64 = 600_000;
/// Collected blobs that a report names; the others are counted.
pub const GC_ITEMS_MAX: usize = 1000;

/// Watches that may be made while the node runs.
pub const WATCHES_MAX: usize = 100;
/// Bytes in the name of a watched folder.
pub const WATCH_FOLDER_BYTES_MAX: usize = 4096;

/// Webhooks a node may have.
pub const WEBHOOKS_MAX: usize = 100;
/// Bytes in a webhook's url.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2048;
/// Secrets of a webhook from before rotations that sign beside the one of now.
pub const WEBHOOK_OLD_SECRETS_MAX: usize = 4;
/// Types, globs or tags that a webhook filters by, of each.
pub const WEBHOOK_FILTERS_MAX: usize = 64;
/// Bytes in a glob.
pub const WEBHOOK_GLOB_BYTES_MAX: usize = 512;
/// Rows in the log of one webhook; the oldest go.
pub const DELIVERIES_PER_WEBHOOK_MAX: u64 = 20_000;
/// Attempts kept of one delivery; the latest.
pub const DELIVERY_ATTEMPTS_MAX: usize = 32;
/// Bytes kept of a receiver's answer.
pub const DELIVERY_ANSWER_BYTES_MAX: usize = 4096;
/// Rows that a page of deliveries looks at.
pub const DELIVERY_ROWS_EXAMINED: usize = 5000;
/// Bytes of rows in a page of deliveries, about.
pub const DELIVERY_PAGE_BYTES_MAX: usize = 8 << 20;
/// Rows that one transaction prunes of a webhook's log.
pub const DELIVERY_PRUNE_ROWS: usize = 1000;
/// Records that one transaction prunes of the journal.
pub const JOURNAL_PRUNE_ROWS: usize = 5000;

/// Packages remembered with their files open, so that asking again needs no look-up.
pub const RECENT_PACKAGES_MAX: usize = 128;
/// Blobs that one step of a scrub finishes, so that steps stay short where blobs are small.
pub const SCRUB_STEP_BLOBS_MAX: usize = 256;
/// How long what clients used stays on a node that keeps selected packages, and not these: a minute.
pub const EVICT_UNUSED_MS: u64 = 60_000;
/// Blobs that one step of letting go looks at.
pub const EVICT_STEP_EXAMINED: usize = 2000;
/// Blobs that one run lets go.
pub const EVICT_CANDIDATES_MAX: usize = 4096;
/// ... and one transaction.
pub const EVICT_BATCH_BLOBS_MAX: usize = 64;
/// A blob that isn't kept here is fetched for a peer that has asked for it for so long: 10 s.
pub const RELAY_AFTER_MS: u64 = 10_000;
/// What no peer asked for in this time counts as got: 60 s, three times the longest back-off of a want.
pub const RELAY_FORGET_MS: u64 = 60_000;
/// A blob that is fetched for a peer, and of which nothing comes, gives way to what others wait for after this: 30 s,
pub const RELAY_TURN_MS: u64 = 30_000;
/// ... or this, if no peer wants it any more: 10 s, as long as a client waits that asked for it,
pub const RELAY_UNASKED_MS: u64 = 10_000;
/// ... and as long as its first piece needs on the slowest line, in bytes a millisecond: 64 kbit/s.
pub const RELAY_LEAST_BYTES_PER_MS: u64 = 8;
/// A blob that was fetched for a peer, and of which nothing came, isn't again for so long: 30 s, longer than the
/// longest back-off.
pub const RELAY_REST_MS: u64 = 30_000;
/// Peers remembered of each blob that they ask for.
pub const RELAY_WAITING_MAX: usize = 32;
/// Blobs remembered that peers ask for.
pub const RELAYS_MAX: usize = 10_000;
/// On a node with a limit of bytes, what it fetches for peers and hasn't passed on yet is at most this part of the limit.
pub const RELAY_SHARE: u64 = 2;
/// How often uses of blobs are written down, at most: once a minute.
pub const USES_EVERY_MS: u64 = 60_000;
/// Uses of blobs that are noted until they are written down.
pub const USES_NOTED_MAX: usize = 100_000;
/// For how many hours the storage's trend is kept by the hour: a week.
pub const TREND_HOURS_MAX: u64 = 7 * 24;
/// For how many days it is kept by the day: two years.
pub const TREND_DAYS_MAX: u64 = 2 * 365;
/// So many notes there are at most; hours and days overlap.
pub const TREND_ROWS_MAX: usize = 7 * 24 + 2 * 365;
/// Live blobs that one step of a change of policy settles.
pub const POLICY_STEP_BLOBS: usize = 500;
/// How far a state's counter may pass the last one for the sake of others' counters, so that nobody can use it up.
pub const STATE_COUNTER_LEAP_MAX: u64 = 1 << 20;
/// Blobs on their way at once only because clients asked for them.
pub const ASKED_WANTS_MAX: usize = 10_000;
/// How long what clients asked for, and the policy doesn't keep, is wanted after the last of them asked while nothing of it
/// comes: 2 minutes, twice as long as may pass until it is noted that one asks again.
pub const ASKED_FOR_MS: u64 = 120_000;
/// Pieces of one fetch that readers wait for, which come before others.
pub const ASKED_PIECES_MAX: usize = 16;
