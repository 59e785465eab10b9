//! One watched folder: what is known of its files, and the pass that moves them on. The deciding is done in the pure
//! modules; here it is performed. Taking and publishing are in [`publish`], telling in [`tell`].
//!
//! A pass is synchronous and short: it reads a bounded number of bytes and publishes a bounded number of files, then
//! says when it wants to go on.

mod joined;
mod publish;
mod retag;
mod tell;
#[cfg(test)]
mod tests;
mod unpublish;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ods_api::{TakenFile, WatchHandle, WatchState};
use ods_store::{
    Author, Digest, EventId, Lsn, PackagePath, Store, StoreError, UnixMillis, WatchError, WatchId, WatchMark,
    WatchMode, WatchOrders, WatchOutcome, WatchedFile,
};

use self::joined::Joined;
use self::publish::Job;
use self::retag::Standing;
pub(super) use self::tell::idle;
use super::inbox::{Inbox, Told, Watcher};
use super::memory::recall;
use super::mirror::Mirror;
use super::reason::Reason;
use super::refusals::Refusals;
use super::rules::WatchRules;
use super::scan::{Found, Look, Scan, ScanLimits, is_below_refused, look, scan};
use super::settle::Settling;
use super::sight::{Sight, folder_identity};

/// How often a watch that waits for the first pull asks for it.
const WAITING_PAUSE: Duration = Duration::from_secs(1);
/// The shortest time from one scan to the next.
const SCAN_PAUSE_MIN: Duration = Duration::from_millis(200);

/// Tells whether the first pull from a peer is done, or none is needed.
pub(super) type FirstPullDone = Arc<dyn Fn() -> bool + Send + Sync>;

/// When the next pass should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// None: there is more to do.
    None,
    /// This long, unless something happens.
    UpTo(Duration),
}

/// A watched folder.
pub(super) struct Folder {
    id: WatchId,
    rules: WatchRules,
    store: Store,
    author: Author,
    status: WatchHandle,
    first_pull_done: FirstPullDone,
    inbox: Arc<Inbox>,
    watcher: Option<Watcher>,
    events_missing_told: bool,
    state: WatchState,
    /// What tells the folder from another one put in its place; none while it is away.
    identity: Option<u64>,
    next_scan: Option<Instant>,
    last_scan: Option<Instant>,
    /// The same by the clock on the wall, for people; and how many files there were.
    last_scan_at: Option<UnixMillis>,
    files_found: usize,
    /// What people had asked for when it was last looked.
    orders: Option<WatchOrders>,
    /// What was published lately, the latest first.
    taken: VecDeque<TakenFile>,
    settling: Settling,
    /// Files that are dealt with as long as they look like this.
    known: BTreeMap<PathBuf, Sight>,
    /// Files that changed while this node or the folder was away, so not under watch.
    changed_while_away: BTreeSet<PathBuf>,
    /// Folders that the last scan could not read.
    blind: BTreeSet<PathBuf>,
    /// Files left alone, and their bytes.
    superseded: BTreeMap<PathBuf, Digest>,
    /// The log's head when it was last looked whether they still are superseded.
    superseded_as_of: Option<Lsn>,
    refusals: Refusals,
    /// The large file that is being read; small ones go in between.
    large: Option<Job>,
    joined: Joined,
    /// What a mirror knows of files that are gone, and what of it is on disk.
    mirror: Mirror,
    mark_kept: Option<WatchMark>,
    /// Files whose packages are removed next.
    to_unpublish: VecDeque<PathBuf>,
    /// Files whose packages get the watch's tags next, as the watch published them.
    to_retag: VecDeque<(PathBuf, EventId)>,
}

impl Folder {
    /// The folder of `rules`, not looked at yet.
    pub(super) fn new(
        id: WatchId,
        rules: WatchRules,
        store: Store,
        status: WatchHandle,
        first_pull_done: FirstPullDone,
    ) -> Self {
        // The folder's own name only: events travel to every node, and where it lies is nobody's business there.
        let name = rules.folder.file_name().unwrap_or(rules.folder.as_os_str());
        let author = Author::new(&format!("watch {}", name.display()));
        let settling = Settling::new(rules.settle());
        let mut folder = Self {
            id,
            rules,
            store,
            author,
            status,
            first_pull_done,
            inbox: Arc::default(),
            watcher: None,
            events_missing_told: false,
            state: WatchState::Waiting,
            identity: None,
            next_scan: None,
            last_scan: None,
            last_scan_at: None,
            files_found: 0,
            orders: None,
            taken: VecDeque::new(),
            settling,
            known: BTreeMap::new(),
            changed_while_away: BTreeSet::new(),
            blind: BTreeSet::new(),
            superseded: BTreeMap::new(),
            superseded_as_of: None,
            refusals: Refusals::default(),
            large: None,
            joined: Joined::default(),
            mirror: Mirror::default(),
            mark_kept: None,
            to_unpublish: VecDeque::new(),
            to_retag: VecDeque::new(),
        };
        folder.recall_mark();
        folder.show();
        folder
    }

    /// Where events come in.
    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// Does what is to be done at `now` (`wall` by the clock on the wall).
    pub(super) fn pass(&mut self, now: Instant, wall: UnixMillis) -> Pause {
        if !self.is_wanted() {
            return Pause::UpTo(WAITING_PAUSE);
        }
        if !(self.first_pull_done)() {
            return self.wait_for_pull();
        }
        self.hear_orders();
        let told = self.inbox.empty();
        self.hear(&told, now);
        if self.next_scan.is_none_or(|at| at <= now) {
            self.withdraw_after_joining(now, wall);
            self.last_scan_at = Some(wall);
            self.rescan(now, wall);
        }
        let more_to_take = self.take(now, wall) | self.unpublish(wall) | self.retag(wall);
        let more_to_tell = self.tell(wall);
        self.show();
        if more_to_take || more_to_tell { Pause::None } else { self.pause(now) }
    }

    /// Whether the watch still stands as it did when this worker began: else it does nothing more until it is ended.
    fn is_wanted(&self) -> bool {
        if self.rules.version == 0 {
            return true;
        }
        match self.store.watch(self.id) {
            Ok(row) => row.version == self.rules.version,
            Err(StoreError::Watch(WatchError::NoSuchWatch(_))) => false,
            Err(error) => {
                let folder = self.rules.folder.display();
                tracing::error!(%folder, %error, "can't read whether this watch is still wanted");
                false
            }
        }
    }

    /// Looks whether somebody asked for something since it was last looked: both begin with a scan.
    fn hear_orders(&mut self) {
        match self.store.watch_orders(self.id) {
            Ok(orders) => {
                if self.orders.is_some_and(|seen| seen != orders) {
                    self.next_scan = None;
                }
                self.orders = Some(orders);
            }
            Err(error) => {
                let folder = self.rules.folder.display();
                tracing::error!(%folder, %error, "can't read what was asked of this watch");
            }
        }
    }

    /// Also after the node joined a mesh while it ran: then the scan that follows comes after what is to be withdrawn.
    fn wait_for_pull(&mut self) -> Pause {
        self.state = WatchState::Waiting;
        self.next_scan = None;
        self.show();
        Pause::UpTo(WAITING_PAUSE)
    }

    fn pause(&self, now: Instant) -> Pause {
        let next = self.settling.next_at().into_iter().chain(self.next_scan).min();
        Pause::UpTo(next.map_or(self.rules.rescan, |at| at.saturating_duration_since(now)))
    }

    /// Takes in what events told. Before the first scan they say nothing that it won't find.
    fn hear(&mut self, told: &Told, now: Instant) {
        if self.identity.is_none() {
            return;
        }
        if told.lost {
            self.settling.events_lost();
        }
        let mut scan_wanted = told.scan;
        for (name, activity) in &told.files {
            let Some(file) = self.watcher.as_ref().and_then(|watcher| watcher.relative(name)) else {
                scan_wanted |= activity.changed;
                continue;
            };
            if !activity.changed {
                self.settling.heard(file, *activity, now);
                continue;
            }
            if is_below_refused(&self.rules.prefix, file) {
                continue;
            }
            match look(&self.rules.folder, &self.rules.prefix, file) {
                Look::Nothing => {
                    self.gone(file);
                    // Whether that unpublishes anything, only a scan can tell.
                    scan_wanted |= self.rules.mode == WatchMode::Mirror;
                }
                Look::Folder => scan_wanted = true,
                Look::Refused(reason) => self.refuse(file, reason),
                Look::File(found) if self.needs_scan(file, &found) => scan_wanted = true,
                Look::File(found) => {
                    self.saw(file, &found, now);
                    self.settling.heard(file, *activity, now);
                }
            }
        }
        if scan_wanted {
            self.scan_soon(now);
        }
    }

    /// Whether only a scan can tell if `file` is to be taken: because another name may be the same package, or because
    /// there may be too many files.
    fn needs_scan(&self, file: &Path, found: &Found) -> bool {
        let spelt_as_its_package = file.to_str().is_some_and(|name| {
            let name = name.replace(std::path::MAIN_SEPARATOR, "/");
            found.path.as_str().ends_with(&name)
        });
        let is_new = !self.known.contains_key(file) && !self.settling.waits(file);
        let full = self.known.len() + self.settling.waiting() >= ScanLimits::USUAL.files;
        !spelt_as_its_package || (is_new && full)
    }

    fn scan_soon(&mut self, now: Instant) {
        // Looking at a hundred thousand files takes seconds: the more there are, the rarer.
        let files = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let pause = SCAN_PAUSE_MIN.max(Duration::from_micros(100).saturating_mul(files));
        let earliest = self.last_scan.map_or(now, |last| last + pause);
        self.next_scan = Some(self.next_scan.map_or(earliest, |planned| planned.min(earliest)));
    }

    fn rescan(&mut self, now: Instant, wall: UnixMillis) {
        self.next_scan = Some(now + self.rules.rescan);
        self.last_scan = Some(now);
        if let Some(elsewhere) = self.leads_elsewhere() {
            return self.went_away(elsewhere, wall);
        }
        self.watch_events();
        match scan(&self.rules.folder, &self.rules.prefix, ScanLimits::USUAL) {
            Ok(scan) => self.take_over(scan, now, wall),
            Err(reason) => self.went_away(reason, wall),
        }
    }

    /// Why a confined folder may not be read: its name no longer leads to itself.
    fn leads_elsewhere(&self) -> Option<Reason> {
        let real = self.rules.folder.canonicalize().ok().filter(|_| self.rules.confined)?;
        (real != self.rules.folder).then(|| Reason::FolderElsewhere(real.display().to_string()))
    }

    /// Sees to it that events come from the folder that is there now.
    fn watch_events(&mut self) {
        let there = std::fs::metadata(&self.rules.folder).ok().map(|metadata| folder_identity(&metadata));
        if there.is_none() || there != self.identity {
            self.watcher = None;
        }
        if there.is_none() || self.watcher.is_some() {
            return;
        }
        match Watcher::start(&self.rules.folder, &self.inbox) {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.events_missing_told = false;
            }
            Err(error) if !self.events_missing_told => {
                let folder = self.rules.folder.display();
                let rescan_s = self.rules.rescan.as_secs();
                tracing::warn!(%folder, %error, rescan_s, "no events come from this watched folder; it is scanned only");
                self.events_missing_told = true;
            }
            Err(_) => {}
        }
    }

    /// The folder can't be looked at. Nothing is concluded from that, and all is looked at anew when it is back.
    fn went_away(&mut self, reason: Reason, wall: UnixMillis) {
        self.state = WatchState::Failing { reason: reason.to_string() };
        if self.rules.mode == WatchMode::Mirror {
            self.mirror_went_away(&reason, wall);
        }
        self.identity = None;
        self.watcher = None;
        self.known.clear();
        self.settling = Settling::new(self.rules.settle());
        self.changed_while_away.clear();
        self.large = None;
        self.refusals.refuse(Path::new(""), reason);
    }

    fn take_over(&mut self, scan: Scan, now: Instant, wall: UnixMillis) {
        let was_away = self.identity != Some(scan.identity);
        if was_away {
            self.known.clear();
        }
        self.state = WatchState::Watching;
        self.files_found = scan.files.len();
        self.identity = Some(scan.identity);
        self.refusals.after_scan(&scan);
        self.forget_gone(&scan);
        self.look_for_deleted(&scan, now, wall);
        for (file, found) in &scan.files {
            let out_of_sight = was_away || file.ancestors().skip(1).any(|above| self.blind.contains(above));
            self.saw(file, found, now);
            if out_of_sight && self.settling.waits(file) {
                self.changed_while_away.insert(file.clone());
            }
        }
        if let Err(error) = self.review_superseded(&scan, now) {
            let folder = self.rules.folder.display();
            tracing::error!(%folder, %error, "can't look whether superseded files still are");
        }
        self.blind = scan.blind;
    }

    fn forget_gone(&mut self, scan: &Scan) {
        let stays = |file: &PathBuf| {
            scan.files.contains_key(file) || file.ancestors().skip(1).any(|above| scan.blind.contains(above))
        };
        self.known.retain(|file, _| stays(file));
        self.superseded.retain(|file, _| stays(file));
        self.changed_while_away.retain(stays);
        let gone: Vec<PathBuf> = self.settling.files().filter(|file| !stays(file)).cloned().collect();
        for file in gone {
            self.settling.forget(&file);
        }
    }

    /// `file` looks like this.
    fn saw(&mut self, file: &Path, found: &Found, now: Instant) {
        if self.known.get(file) == Some(&found.sight) {
            return;
        }
        self.known.remove(file);
        if self.large.as_ref().is_some_and(|job| job.file == file && job.sight != found.sight) {
            self.large = None;
        }
        if !self.settling.waits(file) {
            let row = self.remembered(file);
            match recall(row.as_ref(), found.sight).map(|row| (&row.outcome, row.digest)) {
                Some((WatchOutcome::Superseded, Some(digest))) => {
                    self.superseded.insert(file.to_owned(), digest);
                    self.known.insert(file.to_owned(), found.sight);
                    return;
                }
                Some((WatchOutcome::Published(revision), _)) if self.rules.mode != WatchMode::Consume => {
                    let standing = self.standing(revision, &found.path);
                    if standing == Standing::OtherTags {
                        self.to_retag.push_back((file.to_owned(), *revision));
                    }
                    // What is elsewhere is published anew.
                    if standing != Standing::Elsewhere {
                        self.known.insert(file.to_owned(), found.sight);
                        return;
                    }
                }
                Some(_) | None => {}
            }
        }
        self.settling.saw(file, found.sight, now);
    }

    /// Nothing is at `file`, or nothing that matters.
    fn gone(&mut self, file: &Path) {
        self.settling.forget(file);
        self.known.remove(file);
        self.superseded.remove(file);
        self.changed_while_away.remove(file);
        self.refusals.clear(file);
    }

    fn refuse(&mut self, file: &Path, reason: Reason) {
        self.settling.forget(file);
        self.known.remove(file);
        self.refusals.refuse(file, reason);
    }

    /// The whole name of `file`; of the folder itself if it is empty.
    fn name(&self, file: &Path) -> PathBuf {
        if file.as_os_str().is_empty() { self.rules.folder.clone() } else { self.rules.folder.join(file) }
    }

    /// The key of `file` in the store's memory.
    fn key(&self, file: &Path) -> String {
        self.name(file).to_string_lossy().into_owned()
    }

    fn remembered(&self, file: &Path) -> Option<WatchedFile> {
        self.store.watched_file(&self.key(file)).unwrap_or_else(|error| {
            tracing::error!(file = %self.name(file).display(), %error, "can't read what is remembered of a watched file");
            None
        })
    }

    /// What a mirror has to know of its folder from before a restart.
    fn recall_mark(&mut self) {
        let kept = self.store.watch_mark(self.id);
        match kept {
            Ok(mark) => (self.mirror, self.mark_kept) = (Mirror::resumed(mark), mark),
            Err(error) => tracing::error!(%error, "can't read what a watch knew of its folder before"),
        }
    }

    /// The file that `path` came from, if it came from this folder.
    fn file_of(&self, path: &PackagePath) -> Option<PathBuf> {
        let prefix = self.rules.prefix.trim_matches('/');
        let below = path.as_str().strip_prefix(prefix)?.trim_start_matches('/');
        Some(below.split('/').collect()).filter(|_| path.is_under(prefix) && !below.is_empty())
    }
}
