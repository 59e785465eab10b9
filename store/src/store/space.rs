//! Space: collecting what nothing needs, and telling where the bytes are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Store;
use crate::error::{Result, StoreError};
use crate::gc::{GcMode, GcReport, GcRun, GcStep, KeptTallies, LastGc, SpacePolicy, Tally};
use crate::limits::STORAGE_VIEW_FOR_MS;
use crate::lsn::Lsn;
use crate::meta;
use crate::schema::META;
use crate::time::UnixMillis;

/// Where the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageView {
    /// Sealed blobs.
    pub blobs: Tally,
    /// Which of them stay, and why.
    pub kept: KeptTallies,
    /// Which of them the next run of gc removes.
    pub collectable: Tally,
    /// Files without a row, which it removes too.
    pub orphans: Tally,
    /// Uploads and fetches in progress.
    pub incoming: Tally,
    /// The database's file.
    pub database_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
    /// When `kept`, `collectable` and `orphans` were counted.
    pub counted_at: UnixMillis,
    /// The last run of gc.
    pub last_gc: Option<LastGc>,
}

/// What the store remembers about its space between calls.
#[derive(Debug, Default)]
pub(super) struct SpaceState {
    collecting: Arc<AtomicBool>,
    /// The last count. The lock is held while counting: a second caller waits and takes the same.
    counted: Mutex<Option<Counted>>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    at: UnixMillis,
    head: Lsn,
    kept: KeptTallies,
    collectable: Tally,
    orphans: Tally,
}

/// The place of the one run that may change things.
#[derive(Debug)]
pub(crate) struct CollectorSeat(Arc<AtomicBool>);

impl Drop for CollectorSeat {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Store {
    /// Begins a run of gc, to be stepped by the caller at a pace of its own; see [`GcRun::step`]. Errs with
    /// [`StoreError::GcRunning`] while another one collects.
    pub fn begin_gc(&self, policy: &SpacePolicy, mode: GcMode, now: UnixMillis) -> Result<GcRun> {
        let seat = match mode {
            GcMode::DryRun => None,
            GcMode::Collect => Some(self.take_collector_seat()?),
        };
        GcRun::new(self, policy, mode, seat, now)
    }

    /// A run of gc, without pauses.
    pub fn gc(&self, policy: &SpacePolicy, mode: GcMode, now: UnixMillis) -> Result<GcReport> {
        let mut run = self.begin_gc(policy, mode, now)?;
        loop {
            if let GcStep::Done(report) = run.step()? {
                return Ok(report);
            }
        }
    }

    /// Where the bytes are. Counting takes a dry run of gc, so a count is used again while nothing changed, and on a busy
    /// node for [`STORAGE_VIEW_FOR_MS`].
    pub fn storage(&self, policy: &SpacePolicy, now: UnixMillis) -> Result<StorageView> {
        let counted = self.counted(policy, now)?;
        let overview = self.overview()?;
        let mut incoming = Tally::default();
        for name in self.blobs().incoming_names()? {
            if let Some(stat) = self.blobs().incoming_stat(&name)? {
                incoming.add(stat.bytes);
            }
        }
        Ok(StorageView {
            blobs: Tally { count: overview.blobs, bytes: overview.blob_bytes },
            kept: counted.kept,
            collectable: counted.collectable,
            orphans: counted.orphans,
            incoming,
            database_bytes: self.blobs().database_bytes()?,
            free_bytes: overview.free_bytes,
            counted_at: counted.at,
            last_gc: self.last_gc()?,
        })
    }

    /// The last run of gc that was not a dry one.
    pub fn last_gc(&self) -> Result<Option<LastGc>> {
        meta::get(&self.read()?.open_table(META)?, &meta::LAST_GC)
    }

    fn counted(&self, policy: &SpacePolicy, now: UnixMillis) -> Result<Counted> {
        let mut slot = self.0.space.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.head();
        let fresh = slot.filter(|counted| {
            let age_ms = now.ms_since(counted.at);
            let is_small = counted.kept.count() + counted.collectable.count < SMALL_STORE_BLOBS;
            age_ms < STORAGE_VIEW_FOR_MS && (counted.head == head || !is_small)
        });
        if let Some(counted) = fresh {
            return Ok(counted);
        }
        let GcReport { kept, blobs: collectable, orphans, .. } = self.gc(policy, GcMode::DryRun, now)?;
        let counted = Counted { at: now, head, kept, collectable, orphans };
        *slot = Some(counted);
        Ok(counted)
    }

    fn take_collector_seat(&self) -> Result<CollectorSeat> {
        let seat = &self.0.space.collecting;
        let taken = seat.compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire);
        taken.map(|_| CollectorSeat(Arc::clone(seat))).map_err(|_| StoreError::GcRunning)
    }
}

/// A store with fewer blobs is counted anew whenever something changed: that takes a fraction of a second.
const SMALL_STORE_BLOBS: u64 = 10_000;
