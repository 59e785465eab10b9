//! What the operating system told since the last tick, gathered by name and bounded.
//!
//! A writer's thousand events become one [`Activity`]; the worker is woken once until it has emptied the inbox. Beyond
//! [`NAMES_MAX`] names the rest is dropped and a scan is asked for instead, so events can get lost but never pile up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind};
use tokio::sync::Notify;

use super::settle::Activity;

/// Names kept between two ticks.
const NAMES_MAX: usize = 10_000;

/// What was told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Files something happened to, by absolute name.
    pub(super) files: BTreeMap<PathBuf, Activity>,
    /// A scan is needed.
    pub(super) scan: bool,
    /// Events got lost.
    pub(super) lost: bool,
    /// There is more than openings, which alone are no reason to wake anybody: scans make them too.
    pressing: bool,
}

impl Told {
    fn add(&mut self, event: &notify::Event) {
        if event.need_rescan() {
            self.lose();
        }
        match event.kind {
            EventKind::Access(AccessKind::Open(_)) => self.opened(event),
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => self.each(event, |file| {
                file.closed = file.closed.saturating_add(1);
                file.closed_last = true;
            }),
            EventKind::Access(_) => {}
            EventKind::Modify(ModifyKind::Data(_)) => self.each(event, |file| {
                file.written = true;
                file.closed_last = false;
            }),
            EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => {
                self.scan = true;
                self.pressing = true;
            }
            EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => {
                self.each(event, |_| {});
            }
        }
    }

    fn opened(&mut self, event: &notify::Event) {
        for path in &event.paths {
            match self.activity(path) {
                Some(file) => file.opened = file.opened.saturating_add(1),
                // No reason to scan, which would open folders again: only what is known of closing gets lost.
                None => self.lost = true,
            }
        }
    }

    fn each(&mut self, event: &notify::Event, change: impl Fn(&mut Activity)) {
        self.pressing = true;
        for path in &event.paths {
            match self.activity(path) {
                Some(file) => {
                    file.changed = true;
                    change(file);
                }
                None => self.lose(),
            }
        }
    }

    /// What is told of a name so far; none if there are too many.
    fn activity(&mut self, path: &Path) -> Option<&mut Activity> {
        if self.files.len() >= NAMES_MAX && !self.files.contains_key(path) {
            return None;
        }
        Some(self.files.entry(path.to_owned()).or_default())
    }

    fn lose(&mut self) {
        self.scan = true;
        self.lost = true;
        self.pressing = true;
    }
}

/// Filled by the operating system's watcher, emptied by the worker.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    told: Mutex<Told>,
    wake: Arc<Notify>,
}

impl Inbox {
    /// What ends the worker's wait.
    pub(super) fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Takes in what the watcher says; its failures mean lost events.
    pub(super) fn take_in(&self, event: notify::Result<notify::Event>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let was_pressing = told.pressing;
        match event {
            Ok(event) => told.add(&event),
            Err(error) => {
                tracing::warn!(error = %error, "events of a watched folder may be lost; it is scanned instead");
                told.lose();
            }
        }
        if told.pressing && !was_pressing {
            self.wake.notify_one();
        }
    }

    /// Empties the inbox.
    pub(super) fn empty(&self) -> Told {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The watcher of one folder tree; dropping it ends it.
pub(super) struct Watcher {
    /// The folder as the watcher names it: links resolved, since events come with the real name.
    root: PathBuf,
    _watcher: notify::RecommendedWatcher,
}

impl Watcher {
    /// Starts watching `folder` with what lies below it.
    pub(super) fn start(folder: &Path, inbox: &Arc<Inbox>) -> notify::Result<Self> {
        let root = folder.canonicalize().map_err(notify::Error::io)?;
        let inbox = inbox.clone();
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut watcher =
            <notify::RecommendedWatcher as notify::Watcher>::new(move |event| inbox.take_in(event), config)?;
        notify::Watcher::watch(&mut watcher, &root, notify::RecursiveMode::Recursive)?;
        Ok(Self { root, _watcher: watcher })
    }

    /// The name of `file` below the folder; none for the folder itself and for what lies elsewhere.
    pub(super) fn relative<'a>(&self, file: &'a Path) -> Option<&'a Path> {
        file.strip_prefix(&self.root).ok().filter(|relative| !relative.as_os_str().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use notify::Event;
    use notify::event::{DataChange, Flag};

    use super::*;

    const DATA: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const OPEN: EventKind = EventKind::Access(AccessKind::Open(AccessMode::Any));
    const CLOSE: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));

    fn told(kinds: &[EventKind]) -> Activity {
        let mut told = Told::default();
        for kind in kinds {
            told.add(&Event::new(*kind).add_path("x".into()));
        }
        told.files[Path::new("x")]
    }

    #[test]
    fn a_copy_is_one_activity_that_ends_in_a_close() {
        let copied = told(&[EventKind::Create(CreateKind::File), OPEN, DATA, DATA, CLOSE]);
        assert_eq!(copied, Activity { opened: 1, closed: 1, changed: true, written: true, closed_last: true });
    }

    #[test]
    fn writing_after_a_close_is_not_closed() {
        let open = told(&[OPEN, DATA, CLOSE, OPEN, DATA]);
        assert_eq!(open, Activity { opened: 2, closed: 1, changed: true, written: true, closed_last: false });
    }

    #[test]
    fn too_many_names_become_a_scan() {
        let mut told = Told::default();
        for n in 0..=NAMES_MAX {
            told.add(&Event::new(DATA).add_path(n.to_string().into()));
        }
        assert_eq!((told.files.len(), told.scan, told.lost), (NAMES_MAX, true, true));
    }

    #[test]
    fn a_rescan_flag_and_folder_events_ask_for_a_scan() {
        let mut overflow = Told::default();
        overflow.add(&Event::new(EventKind::Other).set_flag(Flag::Rescan));
        assert_eq!(overflow, Told { scan: true, lost: true, pressing: true, ..Told::default() });
        let mut folder = Told::default();
        folder.add(&Event::new(EventKind::Create(CreateKind::Folder)).add_path("sub".into()));
        assert_eq!(folder, Told { scan: true, pressing: true, ..Told::default() });
    }

    #[tokio::test]
    async fn openings_alone_wake_nobody_and_ask_for_no_scan_however_many() {
        let inbox = Inbox::default();
        for n in 0..=NAMES_MAX {
            inbox.take_in(Ok(Event::new(OPEN).add_path(n.to_string().into())));
        }
        assert!(futures_util::FutureExt::now_or_never(inbox.wake().notified()).is_none(), "woken");
        let told = inbox.empty();
        assert_eq!((told.files.len(), told.scan, told.lost), (NAMES_MAX, false, true));
        assert!(told.files.values().all(|file| !file.changed && file.opened == 1));
    }

    #[tokio::test]
    async fn the_worker_is_woken_once_until_it_empties_the_inbox() {
        let inbox = Inbox::default();
        let wake = inbox.wake();
        for _ in 0..3 {
            inbox.take_in(Ok(Event::new(DATA).add_path("x".into())));
        }
        wake.notified().await;
        assert!(futures_util::FutureExt::now_or_never(wake.notified()).is_none(), "woken a second time");
        assert_eq!(inbox.empty().files.len(), 1);
        inbox.take_in(Err(notify::Error::generic("gone")));
        wake.notified().await;
        assert!(inbox.empty().lost);
    }
}
