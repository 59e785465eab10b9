//! The journal's other end: records that are old go.

use super::Store;
use crate::error::Result;
use crate::journal;
use crate::time::UnixMillis;

impl Store {
    /// Removes journal records that are older than `keep_ms`, a bounded number from the oldest on, and none that an
    /// enabled webhook has yet to look at. Tells whether there may be more.
    pub fn prune_journal(&self, keep_ms: u64, now: UnixMillis) -> Result<bool> {
        self.write(move |tx| journal::prune(tx, keep_ms, now))
    }
}
