//! The table `meta`: single values by name, typed here and nowhere else.

use redb::{ReadableTable, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{from_row, to_row};
use crate::digest::NodeId;
use crate::error::{Result, StoreError};
use crate::gc::{LastGc, Tally};
use crate::peers::JoiningRow;
use crate::policy::PolicyRow;
use crate::scrub::ScrubPass;
use crate::set_sum::SetSum;
use crate::set_up::SetUpRow;
use crate::time::UnixMillis;

/// A value of `meta`: its name and type.
pub(crate) struct Key<T>(&'static str, std::marker::PhantomData<fn() -> T>);

impl<T> Key<T> {
    const fn new(name: &'static str) -> Self {
        Self(name, std::marker::PhantomData)
    }
}

/// Schema version; checked before anything else is read.
pub(crate) const SCHEMA: Key<u32> = Key::new("schema");
/// Whose data this is.
pub(crate) const NODE: Key<NodeId> = Key::new("node");
/// The mesh's root.
pub(crate) const ROOT: Key<NodeId> = Key::new("root");
/// Random; new after a restore, so that cursors of peers on this log are void.
pub(crate) const LOG_ID: Key<[u8; 16]> = Key::new("log_id");
/// The epoch this node mints in.
pub(crate) const EPOCH: Key<u64> = Key::new("epoch");
/// The last Lsn given out.
pub(crate) const HEAD: Key<u64> = Key::new("head");
/// The invite that is being redeemed; absent before the first, none while there is no such.
pub(crate) const JOINING: Key<Option<JoiningRow>> = Key::new("joining");
/// Whether all that was there before this node joined its mesh has come; absent before it joined one. See `joined.rs`.
pub(crate) const CAUGHT_UP: Key<bool> = Key::new("caught_up");
/// The node's name.
pub(crate) const NAME: Key<String> = Key::new("name");
/// The name that the configuration gave last; absent before it gave one.
pub(crate) const CONFIGURED_NAME: Key<String> = Key::new("configured_name");
/// Which packages' bytes this node keeps; absent before that was first changed.
pub(crate) const POLICY: Key<PolicyRow> = Key::new("policy");
/// How many held blobs the catalog ever took from what the policy keeps; absent before the first.
pub(crate) const RENOUNCEMENTS: Key<u64> = Key::new("renouncements");
/// The node's configured urls.
pub(crate) const URLS: Key<Vec<String>> = Key::new("urls");
/// Sum over paths of a digest of path and heads.
pub(crate) const CATALOG_SUM: Key<SetSum> = Key::new("catalog_sum");
/// Bytes of all sealed blobs.
pub(crate) const BLOB_BYTES: Key<u64> = Key::new("blob_bytes");
/// Bytes of all wanted blobs.
pub(crate) const WANT_BYTES: Key<u64> = Key::new("want_bytes");
/// What gc removed and no journal record told yet; absent before the first run.
pub(crate) const GC_UNTOLD: Key<Tally> = Key::new("gc_untold");
/// The last run of gc; absent before the first.
pub(crate) const LAST_GC: Key<LastGc> = Key::new("last_gc");
/// The oldest Lsn whose journal record is kept, minus one; records up to here were pruned.
pub(crate) const JOURNAL_PRUNED: Key<u64> = Key::new("journal_pruned");

/// Sum of the ids of the node states held; absent before the first.
pub(crate) const STATES_SUM: Key<SetSum> = Key::new("states_sum");
/// The greatest counter of any node state that came; absent before the first.
pub(crate) const STATES_COUNTER: Key<u64> = Key::new("states_counter");
/// How often something came up that this node owes a word for: see `states::words_owed`; absent before the first.
pub(crate) const WORDS_OWED: Key<u64> = Key::new("states_policies");
/// How many node states have come; absent before the first.
pub(crate) const STATES_ARRIVED: Key<u64> = Key::new("states_arrived");

/// The set-up link; none before one was made, and once it was used.
pub(crate) const SET_UP: Key<Option<SetUpRow>> = Key::new("set_up");
/// How often the stored settings were changed; absent before the first time.
pub(crate) const SETTINGS_VERSION: Key<u64> = Key::new("settings_version");
/// The last journal record that was looked at for packages to wait for; absent before the first.
pub(crate) const REPLICATION_CURSOR: Key<u64> = Key::new("replication_cursor");

/// The last scrub, running or over; none before the first.
pub(crate) const SCRUB: Key<ScrubPass> = Key::new("scrub");
/// From when the next scheduled scrub is counted.
pub(crate) const SCRUB_SINCE: Key<UnixMillis> = Key::new("scrub_since");

/// Reads a value; `None` if it was never written.
pub(crate) fn get<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &Key<T>,
) -> Result<Option<T>> {
    table.get(key.0)?.map(|bytes| from_row(key.0, bytes.value())).transpose()
}

/// Reads a value that every store has.
pub(crate) fn need<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &Key<T>,
) -> Result<T> {
    get(table, key)?.ok_or(StoreError::Corrupt { what: key.0 })
}

/// Writes a value.
pub(crate) fn put<T: Serialize>(
    table: &mut Table<'_, &'static str, &'static [u8]>,
    key: &Key<T>,
    value: &T,
) -> Result<()> {
    table.insert(key.0, to_row(value).as_slice())?;
    Ok(())
}
