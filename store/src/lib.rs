//! The store of an ODS node: blobs, log, journal, catalog and their on-disk format. No network, no environment, no clock:
//! time, randomness and paths come in as arguments.
//!
//! - `store.rs` is the handle and owns transactions; `writer.rs` runs them, `tx.rs` is one; `schema.rs` lists the tables.
//! - `event.rs`, `statement.rs` and `frame.rs` are what is signed; `roster.rs`, `heads.rs`, `vector.rs` what it means (pure);
//!   `log.rs`, `catalog.rs`, `trust.rs`, `wants.rs`, `journal.rs` keep that in tables; `pull.rs` serves it.
//! - `gc.rs` collects what nothing needs, by the rules of `retention.rs`; `custody.rs` is the order of locks, files and
//!   commits that keeps it from racing with anybody, `locks.rs` its locks.
//! - `database.rs` keeps the database open over disk errors, which `trouble.rs` notes.
//! - `blobs.rs`, `upload.rs`, `fetch.rs`, `reader.rs`, `outline.rs` are the bytes; `disk.rs` is the seam below them, `fs.rs`
//!   the real disk, `testing.rs` the simulated one.
//!
//! The format and its invariants in words: `store/README.md`.

mod account_error;
mod admins;
mod aligned;
mod arrivals;
mod audit;
mod backup;
mod bandwidth;
mod blobs;
mod catalog;
mod check;
mod codec;
mod credential;
mod custody;
mod database;
mod digest;
mod disk;
mod edit_tag;
mod entropy;
mod error;
mod event;
mod evict;
mod expel_ahead;
mod fetch;
mod frame;
mod fs;
mod gc;
mod heads;
mod holders;
mod holding;
mod invisible;
mod joined;
mod joining;
mod journal;
mod keys;
mod lacking;
mod last_holder;
mod limits;
mod locks;
mod log;
mod lsn;
mod membership;
mod meta;
mod names;
mod node_edit;
mod node_state;
mod once;
mod open;
mod open_tables;
mod order;
mod outline;
mod package;
mod page_cache;
mod path;
mod path_glob;
mod peers;
mod pieces;
mod policy;
mod publish;
mod pull;
mod reach;
mod reader;
mod rebuild;
mod recent;
mod relaying;
mod replicated;
mod reserve;
mod resumable;
mod retention;
mod roster;
mod run_settings;
mod schema;
mod scrub;
mod secret;
mod sessions;
mod set_sum;
mod set_up;
mod short_ids;
mod snapshot;
mod statement;
mod states;
mod states_pace;
mod store;
mod tables;
#[cfg(any(test, feature = "testing"))]
mod testing;
mod time;
mod tokens;
mod told_roster;
mod trend;
mod trouble;
mod trust;
mod tx;
mod upload;
mod users;
mod vector;
mod verify;
mod wants;
mod watched;
mod watches;
mod webhooks;
mod writer;

pub use account_error::AccountError;
pub use aligned::Aligned;
pub use arrivals::Arrival;
pub use audit::{AUDIT_ACTIONS, AuditEntry, AuditPage, Deed, Facts, facts};
pub use backup::{BackupFolder, BackupLock, Copied, DatabaseCopy, FileSum, Trust};
pub use bandwidth::{Bandwidth, BandwidthWindow, Rates};
pub use digest::{Digest, EventId, NodeId, NotHex32, SetDigest, Sha256, StateId, StatementId};
pub use disk::{Disk, DiskFile, FileStat};
pub use edit_tag::{EditTag, Expected};
pub use error::StoreError;
pub use event::{Body, EVENT_CONTEXT, Event, Header, Meta, Publish, Remove, SignedEvent, StreamId};
pub use evict::{EvictReport, EvictRun, EvictStep};
pub use fetch::Fetch;
pub use frame::{FORMAT, FrameError, SIGNATURE_BYTES};
pub use fs::LocalDisk;
pub use gc::{
    GcFailures, GcItem, GcMode, GcReport, GcRun, GcStep, GoneReason, KeptTallies, LastGc, SpacePolicy, Tally,
};
pub use holders::Holder;
pub use holding::{Holding, NotTold};
pub use invisible::is_deceptive;
pub use journal::{Happening, ReadFrom, Record, RecordPage};
pub use keys::{NodeKey, verify as verify_signature};
pub use lacking::Lacking;
pub use last_holder::LastHolder;
pub use limits::*;
pub use lsn::Lsn;
pub use membership::Member;
pub use names::{check_name, find_name, folded_name};
pub use node_edit::NodeEdit;
pub use node_state::{
    LinkBrief, LinkState, NodeState, STATE_CONTEXT, SignedState, State, StateHeader, StatePolicy, StreamBrief,
    WantBrief,
};
pub use once::{Made, Once};
pub use open::StoreOptions;
pub use order::{Place, Sort, SortKey, SortedPage};
pub use outline::{
    BlobHasher, BlobHashes, ChainingValue, PIECE_BYTES, outline_is_right, piece_bytes, piece_count, piece_is_right,
};
pub use package::{Change, Package, PackageState, Page, Revision, RevisionPage};
pub use path::{PackagePath, PathError};
pub use path_glob::path_glob;
pub use peers::{InviteRow, JoiningRow, NewInvite, PeerEdit, PeerRow};
pub use pieces::PieceSet;
pub use policy::check as check_policy;
pub use publish::{Author, Condition, MetaPatch, PublishRequest, Published};
pub use pull::{LogCursor, LogPage, LogQuery};
pub use reach::{Reach, reach};
pub use reader::BlobReader;
pub use recent::PackageWithBytes;
pub use replicated::{ReplicationStep, Waiting, is_settled};
pub use reserve::Purpose;
pub use resumable::{NewUpload, UploadEnd, UploadError, UploadId, UploadRefusal, UploadStatus};
pub use retention::{Keep, PastRevision, Presence, Retention, RetentionRule, retained};
pub use roster::{Roster, Standing};
pub use run_settings::StoredSettings;
pub use scrub::{ScrubPass, ScrubState, ScrubStatus, ScrubStep, Scrubber};
pub use sessions::{SessionHolder, SessionRow, is_session_shaped};
pub use set_sum::SetSum;
pub use short_ids::{SessionId, TokenId, UserId, WatchId};
pub use snapshot::{HeldBlob, Snapshot};
pub use statement::{
    Admit, Expel, Role, STATEMENT_CONTEXT, SignedStatement, Statement, StatementBody, StatementHeader,
};
pub use states::{HeldState, StatesTaken};
pub use store::{
    Description, EventBatch, Inserted, Outside, Overview, PulledFrom, Refusal, RefusalReason, SignedIn, StorageView,
    Store, UploadTurn, VerifiedBatch, WeakStore, Who,
};
#[cfg(any(test, feature = "testing"))]
pub use testing::{DiskError, DiskFault, Operation, SimDisk, fill, fill_history, filled_path, sign_event};
pub use time::UnixMillis;
pub use tokens::{NewToken, Scope, TokenRow, is_token_shaped};
pub use told_roster::ToldRoster;
pub use trend::Usage;
pub use trouble::DiskTrouble;
pub use tx::Committed;
pub use upload::{BLOCK_BYTES, Received, Upload, UploadFile};
pub use users::{NewUser, UserPatch, UserRow};
pub use vector::{StreamState, Vector};
pub use verify::{Depth, Fault, FaultKind, Mended, OnProgress, VerifyProgress, VerifyReport, check_database};
pub use wants::{Want, WantReason, WantTotals};
pub use watched::{WatchMark, WatchOutcome, WatchedFile};
pub use watches::{
    WATCH_SECONDS_MAX, WatchError, WatchMode, WatchOrder, WatchOrders, WatchPatch, WatchRow, WatchSettings,
};
pub use webhooks::{
    Attempt, Delivery, DeliveryPage, DeliveryState, Failing, OLD_SECRET_FOR_MS_MAX, Settlement, Tried, Webhook,
    WebhookChange, WebhookEdit, WebhookError, WebhookFilter, WebhookId, WebhookProgress, WebhookRow, WebhookSecret,
    WebhookSettings, WebhookSwitch,
};
