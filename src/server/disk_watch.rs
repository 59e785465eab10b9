//! Looks after the disk: says in the log what it would not do, and has the store try again until it does.

use std::time::Duration;

use ods_store::{DiskTrouble, Happening, Store, StoreError, UnixMillis};

use crate::worker::{Next, Worker, in_blocking};

/// Between two looks at a disk that works.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two tries at one that fails, at most.
const TRY_EVERY_MAX: Duration = Duration::from_secs(10);

/// So long a disk that works lacks room for any package before that is told: an upload under way may just have set it aside.
const LOW_FOR_MS: u64 = 60_000;

/// The worker.
pub(super) struct DiskWatch {
    store: Store,
    clock: fn() -> UnixMillis,
    failing_since: Option<UnixMillis>,
    /// The journal was told that the disk is full, and is to be told that it no longer is.
    told_full: bool,
    /// Since when there is room for commits and for no package.
    low_since: Option<UnixMillis>,
    told_low: bool,
}

impl DiskWatch {
    pub(super) fn new(store: Store, clock: fn() -> UnixMillis) -> Self {
        Self { store, clock, failing_since: None, told_full: false, low_since: None, told_low: false }
    }

    /// Looks, tries again, and says what changed.
    fn look(&mut self) -> Next {
        let troubles = self.store.disk_troubles();
        if troubles.is_empty() {
            if let Some(since) = self.failing_since.take() {
                tracing::info!("the disk works again");
                self.tell_room(since);
            }
            if let Err(error) = self.store.keep_reserve() {
                tracing::debug!(%error, "no room can be set aside");
            }
            self.look_for_room();
            return Next::After(LOOK_EVERY);
        }
        self.low_since = None;
        let now = (self.clock)();
        let is_new = self.failing_since.is_none();
        let since = *self.failing_since.get_or_insert(now);
        if is_new {
            for trouble in &troubles {
                tracing::error!(%trouble, "the disk is full or failing; reading goes on, writing is tried again");
            }
        }
        if let Some(full) = troubles.iter().find(|trouble| trouble.is_full && !self.told_full) {
            // Where even that can't be written it is told when the disk is mended.
            self.told_full = self.store.tell_full(full, now).is_ok();
        }
        match self.store.mend(since, now) {
            // What had failed was told with its end.
            Ok(mended) => self.told_full &= mended.is_empty(),
            Err(error) => tracing::debug!(%error, "the disk still fails"),
        }
        Next::After(pause(now.ms_since(since)))
    }

    /// A disk that is not full may have no room for packages all the same.
    fn look_for_room(&mut self) {
        let Err(StoreError::NoSpace { .. }) = self.store.check_room_for_packages() else {
            (self.low_since, self.told_low) = (None, false);
            return;
        };
        let now = (self.clock)();
        let since = *self.low_since.get_or_insert(now);
        if self.told_low || now.ms_since(since) < LOW_FOR_MS {
            return;
        }
        let detail = "no package can be taken in: what is free is set aside for the database and for uploads under way. \
                      Make room (`ods rm`, `ods gc`), or end uploads (`ods upload ls`)";
        tracing::warn!(detail, "alarm");
        let alarm = Happening::Alarm { code: "disk_low".to_owned(), detail: detail.to_owned() };
        self.told_low = self.store.note(alarm, now).is_ok();
    }

    fn tell_room(&mut self, since: UnixMillis) {
        if std::mem::take(&mut self.told_full)
            && let Err(error) = self.store.tell_room(since, (self.clock)())
        {
            tracing::warn!(%error, "the journal can't be told that the disk has room again");
        }
    }
}

/// The longer it lasts, the rarer the tries.
fn pause(lasted_ms: u64) -> Duration {
    Duration::from_millis(lasted_ms / 4).clamp(LOOK_EVERY, TRY_EVERY_MAX)
}

/// What a trouble means, for who may see nothing of the machine.
pub(super) fn reason(trouble: &DiskTrouble) -> String {
    if trouble.is_full {
        return "the disk is full, so packages can't be taken in; downloads go on. Make room (`ods rm` and `ods gc` still \
                work), and it goes on by itself"
            .to_owned();
    }
    let name = trouble.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!(
        "the disk fails: the node can't {} {name} ({}); downloads go on. See to the disk, and it goes on by itself",
        trouble.what, trouble.reason
    )
}

impl Worker for DiskWatch {
    fn name(&self) -> &'static str {
        "disk watch"
    }

    async fn tick(&mut self) -> Next {
        // Mending can wait for the disk.
        let mut watch = Self { store: self.store.clone(), ..*self };
        let looked = in_blocking(move || (watch.look(), watch)).await;
        let Some((next, watch)) = looked else { return Next::After(TRY_EVERY_MAX) };
        *self = watch;
        next
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ods_store::{DiskError, DiskFault, Lsn, Operation, SimDisk, StoreOptions};

    use super::*;

    fn now() -> UnixMillis {
        UnixMillis::new(1_700_000_000_000)
    }

    fn alarms(store: &Store) -> Vec<String> {
        let records = store.records(Lsn::new(0), 100).unwrap().items;
        let alarm = |what| if let Happening::Alarm { code, .. } = what { Some(code) } else { None };
        records.into_iter().filter_map(|record| alarm(record.what)).collect()
    }

    #[tokio::test]
    async fn a_disk_that_fails_and_works_again_is_noticed_without_a_restart() {
        let disk = SimDisk::new();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(disk.clone()), Path::new("/data"), &options).unwrap();
        let mut watch = DiskWatch::new(store.clone(), now);
        assert_eq!(watch.tick().await, Next::After(LOOK_EVERY));
        disk.fail(DiskFault::new(DiskError::Io).on(Operation::Sync).within("ods.redb").times(1000));
        store.note(Happening::Alarm { code: "x".to_owned(), detail: String::new() }, now()).unwrap_err();
        watch.tick().await;
        assert!(store.refuses_writes());
        let said = reason(&store.disk_troubles()[0]);
        assert!(said.contains("can't sync ods.redb") && !said.contains("/data"), "{said}");
        disk.mend();
        watch.tick().await;
        assert!(!store.refuses_writes());
        assert_eq!(alarms(&store), ["disk", "disk_mended"]);
        assert_eq!(watch.tick().await, Next::After(LOOK_EVERY));
        assert_eq!(watch.failing_since, None);
    }

    #[tokio::test]
    async fn a_full_disk_is_in_the_journal_while_it_is_full_and_when_it_has_room_again() {
        let disk = SimDisk::new();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(disk.clone()), Path::new("/data"), &options).unwrap();
        let mut watch = DiskWatch::new(store.clone(), now);
        watch.tick().await;
        let fills = |mib: &u64| {
            disk.set_capacity(Some(mib << 20));
            !store.disk_troubles().is_empty()
        };
        (1..100).rev().find(fills).expect("full at some size");
        watch.tick().await;
        watch.tick().await;
        assert_eq!(alarms(&store), ["disk"], "told once");
        disk.set_capacity(None);
        watch.tick().await;
        watch.tick().await;
        assert_eq!(alarms(&store), ["disk", "disk_mended"]);
    }

    /// Five minutes pass at each look.
    #[tokio::test]
    async fn a_disk_that_stays_without_room_for_packages_is_told_once_each_time() {
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        let disk = SimDisk::new();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(disk.clone()), Path::new("/data"), &options).unwrap();
        let clock = || UnixMillis::new(1_700_000_000_000 + 300_000 * LOOKS.fetch_add(1, Ordering::Relaxed));
        let mut watch = DiskWatch::new(store.clone(), clock);
        watch.tick().await;
        let is_low = |mib: &u64| {
            disk.set_capacity(Some(mib << 20));
            store.check_room_for_packages().is_err()
        };
        for told in 1..3 {
            (1..100).rev().find(is_low).expect("low at some size");
            assert!(store.disk_troubles().is_empty(), "it isn't full");
            watch.tick().await;
            assert_eq!(alarms(&store).len(), told - 1, "not at once");
            watch.tick().await;
            watch.tick().await;
            assert_eq!(alarms(&store), vec!["disk_low"; told]);
            disk.set_capacity(None);
            watch.tick().await;
        }
    }

    #[test]
    fn tries_become_rarer_up_to_a_bound() {
        assert_eq!([0, 20_000, 1_000_000].map(pause), [LOOK_EVERY, Duration::from_secs(5), TRY_EVERY_MAX]);
    }
}
