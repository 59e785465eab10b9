//! The metrics of care: what gc, the scrub and the alarms came to.
//!
//! Alarms and gc are told by the journal, so they are counted there, from a cursor that begins where the node started: what
//! happened before is not counted again, as Prometheus expects of counters. One question reads a bounded part of it; the next
//! goes on.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ods_store::{Happening, LastGc, Lsn, ScrubState, ScrubStatus, Store, StoreError, UnixMillis};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, proto::MetricFamily};

/// Records read at a time.
const PAGE_RECORDS: usize = 1000;
/// Pages read for one question.
const PAGES_MAX: usize = 50;
/// Alarms that are shown before there was one; further codes are shown once they occur.
const CODES: [&str; 15] = [
    "bad_calls",
    "bad_piece",
    "disk",
    "disk_low",
    "disk_mended",
    "expel_cut",
    "expel_incomplete",
    "expelled",
    "outline",
    "rolled_back",
    "rot",
    "sha256",
    "twin",
    "unreadable",
    "wrong_size",
];

/// What was counted since the start.
#[derive(Debug, Default)]
pub(super) struct CareCounters(Mutex<Counted>);

#[derive(Debug, Clone, Default)]
struct Counted {
    after: Lsn,
    alarms: BTreeMap<String, u64>,
    blobs_removed: u64,
    bytes_removed: u64,
}

/// What is told at one moment.
#[derive(Debug, Clone)]
pub(super) struct Care {
    counted: Counted,
    last_gc: Option<LastGc>,
    scrub: ScrubStatus,
    refuses_writes: bool,
}

impl CareCounters {
    /// Counts what comes after this.
    pub(super) fn after(after: Lsn) -> Self {
        Self(Mutex::new(Counted { after, ..Counted::default() }))
    }

    /// Counts what came since the last time, and looks at the rest.
    pub(super) fn read(&self, store: &Store) -> Result<Care, StoreError> {
        let counted = {
            let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            counted.catch_up(store)?;
            counted.clone()
        };
        let (last_gc, scrub) = (store.last_gc()?, store.scrub_status()?);
        Ok(Care { counted, last_gc, scrub, refuses_writes: store.refuses_writes() })
    }
}

impl Counted {
    fn catch_up(&mut self, store: &Store) -> Result<(), StoreError> {
        for _ in 0..PAGES_MAX {
            let page = store.records(self.after, PAGE_RECORDS)?;
            for record in page.items {
                self.after = record.lsn;
                match record.what {
                    Happening::Alarm { code, .. } => *self.alarms.entry(code).or_default() += 1,
                    Happening::StorageCollected { blobs, bytes, orphan_bytes, .. } => {
                        self.blobs_removed += blobs;
                        self.bytes_removed += bytes + orphan_bytes;
                    }
                    _ => {}
                }
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// The families.
pub(super) fn families(care: &Care) -> prometheus::Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let alarms =
        IntCounterVec::new(Opts::new("ods_alarms_total", "Alarms since the start, by their code."), &["code"])?;
    for code in CODES {
        alarms.with_label_values(&[code]);
    }
    for (code, count) in &care.counted.alarms {
        alarms.with_label_values(&[code]).inc_by(*count);
    }
    registry.register(Box::new(alarms))?;
    for (name, value, help) in [
        ("ods_gc_blobs_removed_total", care.counted.blobs_removed, "Blobs that gc removed since the start."),
        ("ods_gc_bytes_removed_total", care.counted.bytes_removed, "Bytes that gc removed since the start."),
    ] {
        let counter = IntCounter::new(name, help)?;
        counter.inc_by(value);
        registry.register(Box::new(counter))?;
    }
    let seconds = |at: Option<UnixMillis>| at.map_or(0, |at| at.get() / 1000);
    let pass = care.scrub.pass.as_ref();
    let is_running = care.scrub.state == ScrubState::Running;
    for (name, value, help) in [
        ("ods_gc_last_run_timestamp_seconds", seconds(care.last_gc.map(|gc| gc.at)), "When gc last ran; 0: never."),
        ("ods_scrub_running", u64::from(is_running), "Whether all that is held is being verified."),
        (
            "ods_scrub_verified_bytes",
            pass.map_or(0, |pass| pass.bytes_done),
            "Bytes verified by this scrub or the last.",
        ),
        (
            "ods_scrub_damaged_blobs",
            pass.map_or(0, |pass| pass.damaged),
            "Damaged blobs found by this scrub or the last.",
        ),
        (
            "ods_scrub_last_finished_timestamp_seconds",
            seconds(pass.and_then(|pass| pass.finished_at)),
            "When a scrub last ended; 0: never, or one is running.",
        ),
        ("ods_writes_refused", u64::from(care.refuses_writes), "Whether the disk fails, so that nothing is written."),
    ] {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(Box::new(gauge))?;
    }
    Ok(registry.gather())
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use ods_store::{SimDisk, StoreOptions};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn store() -> Store {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).unwrap()
    }

    fn text(care: &Care) -> String {
        prometheus::TextEncoder::new().encode_to_string(&families(care).unwrap()).unwrap()
    }

    #[test]
    fn what_the_journal_tells_from_the_start_on_is_counted_once() {
        let store = store();
        let alarm = |code: &str| Happening::Alarm { code: code.to_owned(), detail: String::new() };
        store.note(alarm("rot"), NOW).unwrap();
        let counters = CareCounters::after(store.head());
        assert!(text(&counters.read(&store).unwrap()).contains("ods_alarms_total{code=\"rot\"} 0"));
        for _ in 0..1500 {
            store.note(alarm("rot"), NOW).unwrap();
        }
        store.note(alarm("a new one"), NOW).unwrap();
        let collected = Happening::StorageCollected { blobs: 3, bytes: 40, orphans: 1, orphan_bytes: 2 };
        store.note(collected, NOW).unwrap();
        for _ in 0..2 {
            let text = text(&counters.read(&store).unwrap());
            for line in [
                "ods_alarms_total{code=\"rot\"} 1500",
                "ods_alarms_total{code=\"a new one\"} 1",
                "ods_gc_blobs_removed_total 3",
                "ods_gc_bytes_removed_total 42",
                "ods_writes_refused 0",
            ] {
                assert!(text.lines().any(|one| one == line), "{line} is missing in\n{text}");
            }
        }
    }
}
