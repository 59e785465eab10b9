//! A run: the paths, the blobs, the files, the record; in steps of bounded work, whose pace is the caller's.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};

use super::files::{FileStep, FileWalk};
use super::{
    GcFailures, GcItem, GcMode, GcReport, GoneReason, Kept, KeptTallies, LastGc, SpacePolicy, Tally, short, verdict,
};
use crate::catalog::HeadsRow;
use crate::codec::from_row;
use crate::custody;
use crate::digest::{Digest, EventId, NodeId};
use crate::error::Result;
use crate::event::{Body, Event};
use crate::holding::Keeps;
use crate::journal::{self, Happening, Moment};
use crate::limits::{GC_BATCH_BLOBS_MAX, GC_ITEMS_MAX, GC_NEWS_MAX, GC_RESTARTS_MAX, GC_STEP_EXAMINED};
use crate::log;
use crate::lsn::Lsn;
use crate::meta;
use crate::policy;
use crate::retention::{PastRevision, Presence, Window};
use crate::roster::{Roster, Standing};
use crate::schema::{BLOBS, COVERED, HEADS, HISTORY, LIVE_BLOBS, LOG, META, PACKAGES};
use crate::store::{CollectorSeat, Store};
use crate::time::UnixMillis;
use crate::trust;
use crate::tx::Tx;
use crate::wants::{self, BlobRow};

/// A run of gc. Dropping it ends it between two steps; what it removed until then is told by the next one.
#[derive(Debug)]
pub struct GcRun {
    store: Store,
    policy: SpacePolicy,
    now: UnixMillis,
    phase: Phase,
    view: View,
    report: GcReport,
    restarts: u32,
    /// Only one run at a time changes anything.
    _seat: Option<CollectorSeat>,
}

/// What a step came to.
#[derive(Debug)]
pub enum GcStep {
    /// There is more to do.
    More,
    /// The run is over.
    Done(GcReport),
}

#[derive(Debug)]
enum Phase {
    /// Paths after this one are to be walked.
    Paths { after: String },
    /// Blobs after this one are to be walked.
    Blobs { after: Option<Digest> },
    /// Files are being looked through.
    Files(FileWalk),
    /// Log entries after this one are read for the names of what goes.
    Names { after: Lsn, named: BTreeMap<Digest, Named> },
}

/// A blob that nothing needs, as far as the walk can tell.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    blob: Digest,
    size: u64,
    /// How long it must have been here.
    grace_ms: u64,
}

/// The newest revision found of a blob that goes, and how many there are.
type Named = (Option<(String, EventId)>, u64);

/// What the walk over the paths saw, and what came since.
#[derive(Debug, Clone)]
struct View {
    roster: Arc<Roster>,
    /// Expelled nodes of which it isn't known which events count. The walk begins again when an event of such a node comes.
    undecided: BTreeSet<NodeId>,
    /// Events up to here are in the walk or in `news`.
    seen: Lsn,
    /// Short digests of what retention keeps; sorted once the walk is over.
    retained: Vec<u64>,
    /// Short digests of what removed packages had, if those are to be forgotten; sorted once the walk is over.
    released: Vec<u64>,
    /// Short digests of what was published since the walk began.
    news: HashSet<u64>,
    /// What the policy keeps, and how often that was changed before.
    keep: Arc<Keeps>,
    era: u64,
    own: NodeId,
}

impl View {
    fn now(store: &Store) -> Result<Self> {
        // The roster first: if it changes in between, the first transaction notices and the walk begins again.
        let roster = store.roster();
        let seen = Lsn::new(meta::need(&store.read()?.open_table(META)?, &meta::HEAD)?);
        let policy::PolicyRow { policy, era, .. } = policy::row(&store.read()?)?;
        let (keep, own) = (Arc::new(Keeps::new(&policy)), store.node_id());
        let undecided = trust::undecided(&store.read()?, &roster)?;
        let (retained, released, news) = (Vec::new(), Vec::new(), HashSet::new());
        Ok(Self { roster, undecided, seen, retained, released, news, keep, era, own })
    }

    /// The grace of a blob: none for one whose packages were removed on purpose.
    fn grace_ms(&self, blob: &Digest, policy: &SpacePolicy) -> u64 {
        if self.released.binary_search(&short(blob)).is_ok() { 0 } else { policy.grace_ms }
    }

    /// Whether an event that isn't covered may be once its origin's are all here.
    fn may_count(&self, origin: &NodeId, path: &str) -> bool {
        self.undecided.contains(origin) && self.roster.takes_effect(origin, path, || true)
    }

    fn has(&self, blob: &Digest) -> bool {
        self.retained.binary_search(&short(blob)).is_ok() || self.news.contains(&short(blob))
    }
}

/// What came to the log after a view.
enum News {
    /// These blobs were published; the log was read up to this Lsn.
    Published(HashSet<u64>, Lsn),
    /// More than one reading takes: these, up to this Lsn, and further ones.
    More(HashSet<u64>, Lsn),
    /// Something that may change which earlier revisions count.
    Upheaval,
}

impl GcRun {
    pub(crate) fn new(
        store: &Store,
        policy: &SpacePolicy,
        mode: GcMode,
        seat: Option<CollectorSeat>,
        now: UnixMillis,
    ) -> Result<Self> {
        let none = Tally::default();
        let (kept, failed) = (KeptTallies::default(), GcFailures::default());
        Ok(Self {
            store: store.clone(),
            policy: policy.clone(),
            now,
            phase: Phase::Paths { after: String::new() },
            view: View::now(store)?,
            report: GcReport { mode, blobs: none, orphans: none, kept, items: Vec::new(), failed },
            restarts: 0,
            _seat: seat,
        })
    }

    /// Does the next bounded piece of work.
    pub fn step(&mut self) -> Result<GcStep> {
        match &mut self.phase {
            Phase::Paths { .. } => self.walk_paths()?,
            Phase::Blobs { .. } => self.walk_blobs()?,
            Phase::Files(walk) => match walk.step(&self.store, self.report.mode, self.policy.grace_ms, self.now)? {
                FileStep::More => {}
                FileStep::Done(found, failed) => {
                    (self.report.orphans, self.report.failed) = (found, failed);
                    self.tell()?;
                    let named = self.report.items.iter().map(|item| (item.blob, (None, 0))).collect();
                    self.phase = Phase::Names { after: Lsn::default(), named };
                }
            },
            Phase::Names { .. } => {
                if self.find_names()? {
                    return Ok(GcStep::Done(self.report.clone()));
                }
            }
        }
        Ok(GcStep::More)
    }

    /// Begins the walk again; having done so too often, leaves the rest of the blobs to the next run.
    fn begin_again(&mut self) -> Result<()> {
        self.restarts += 1;
        if self.restarts > GC_RESTARTS_MAX {
            self.phase = Phase::Files(FileWalk::default());
            return Ok(());
        }
        self.view = View::now(&self.store)?;
        self.report.kept = KeptTallies::default();
        if self.report.mode == GcMode::DryRun {
            self.report.blobs = Tally::default();
            self.report.items.clear();
        }
        self.phase = Phase::Paths { after: String::new() };
        Ok(())
    }

    fn walk_paths(&mut self) -> Result<()> {
        let Phase::Paths { after } = &mut self.phase else { return Ok(()) };
        let read = self.store.read()?;
        let history = read.open_table(HISTORY)?;
        let mut examined = 0;
        while examined < GC_STEP_EXAMINED {
            let next = history.range((Excluded((after.as_str(), &[0xff; 32])), Unbounded))?.next().transpose()?;
            let Some((key, _)) = next else {
                self.view.retained.sort_unstable();
                self.view.retained.dedup();
                self.view.released.sort_unstable();
                self.view.released.dedup();
                self.phase = Phase::Blobs { after: None };
                return Ok(());
            };
            after.clear();
            after.push_str(key.value().0);
            let presence = presence(&read, after)?;
            let retention = &self.policy.retention;
            let window = Window::new(retention, after, presence, self.now);
            let is_released = retention.forgets_removed() && presence != Presence::Listed;
            examined += walk_path(&read, &mut self.view, window, is_released, after)?;
        }
        Ok(())
    }

    fn walk_blobs(&mut self) -> Result<()> {
        if !self.catch_up()? {
            return self.begin_again();
        }
        let (candidates, ended) = self.pick()?;
        if candidates.is_empty() || self.report.mode == GcMode::DryRun {
            self.count(&candidates);
        } else if !self.collect(&candidates)? {
            return self.begin_again();
        }
        if ended {
            self.phase = Phase::Files(FileWalk::default());
        }
        Ok(())
    }

    /// Reads what came to the log, so that transactions have little of it to read. False if the walk must begin again.
    fn catch_up(&mut self) -> Result<bool> {
        loop {
            let news = {
                let read = self.store.read()?;
                news(&read.open_table(LOG)?, &self.view.roster, self.view.seen)?
            };
            let (published, seen, more) = match news {
                News::Published(published, seen) => (published, seen, false),
                News::More(published, seen) => (published, seen, true),
                News::Upheaval => return Ok(false),
            };
            self.view.news.extend(published);
            self.view.seen = seen;
            if !more {
                return Ok(true);
            }
        }
    }

    /// The next blobs that nothing needs, all with the same first byte so that they share a lock; and whether that was all.
    fn pick(&mut self) -> Result<(Vec<Candidate>, bool)> {
        let Phase::Blobs { after } = &mut self.phase else { return Ok((Vec::new(), true)) };
        let read = self.store.read()?;
        let (blobs, live) = (read.open_table(BLOBS)?, read.open_table(LIVE_BLOBS)?);
        let start = after.as_ref().map_or(Unbounded, |after| Excluded(after.as_bytes()));
        let mut candidates: Vec<Candidate> = Vec::new();
        for (examined, entry) in blobs.range::<&[u8; 32]>((start, Unbounded))?.enumerate() {
            let (key, row) = entry?;
            let blob = Digest::from_bytes(*key.value());
            let other_lock = candidates.first().is_some_and(|first| first.blob.as_bytes()[0] != blob.as_bytes()[0]);
            if examined == GC_STEP_EXAMINED || candidates.len() == GC_BATCH_BLOBS_MAX || other_lock {
                return Ok((candidates, false));
            }
            let row: BlobRow = from_row("a blob", row.value())?;
            let (is_live, grace_ms) = (wants::is_live(&live, &blob)?, self.view.grace_ms(&blob, &self.policy));
            match verdict(is_live, self.view.has(&blob), &row, grace_ms, self.now) {
                Some(Kept::Live) => self.report.kept.live.add(row.size),
                Some(Kept::Retained) => self.report.kept.retained.add(row.size),
                Some(Kept::Young) => self.report.kept.young.add(row.size),
                None => candidates.push(Candidate { blob, size: row.size, grace_ms }),
            }
            *after = Some(blob);
        }
        Ok((candidates, true))
    }

    /// Ends the rows of those that still go, and takes their files away. False if the walk must begin again.
    fn collect(&mut self, candidates: &[Candidate]) -> Result<bool> {
        let Some(one) = candidates.first() else { return Ok(true) };
        let again = Again {
            roster: Arc::clone(&self.view.roster),
            seen: self.view.seen,
            era: self.view.era,
            candidates: candidates.to_vec(),
            now: self.now,
        };
        let mut upheaval = false;
        let gone = custody::collect(&self.store, &one.blob, || {
            let decided = self.store.write_to_free_room(move |tx| again.decide(tx))?;
            upheaval = decided.is_none();
            Ok(decided.unwrap_or_default())
        })?;
        let gone: Vec<Candidate> = candidates.iter().filter(|one| gone.contains(&one.blob)).copied().collect();
        self.count(&gone);
        Ok(!upheaval)
    }

    fn count(&mut self, gone: &[Candidate]) {
        for Candidate { blob, size, .. } in gone {
            self.report.blobs.add(*size);
            if self.report.items.len() < GC_ITEMS_MAX {
                let (blob, size, reason) = (*blob, *size, GoneReason::Unreferenced);
                self.report.items.push(GcItem { blob, size, revision: None, revisions: 0, reason });
            }
        }
    }

    /// Writes the journal record of what was removed, and that there was a run.
    fn tell(&self) -> Result<()> {
        if self.report.mode == GcMode::DryRun {
            return Ok(());
        }
        let (now, orphans) = (self.now, self.report.orphans);
        self.store.write_to_free_room(move |tx| {
            let blobs = meta::get(&tx.read(META)?, &meta::GC_UNTOLD)?.unwrap_or_default();
            if !blobs.is_empty() || !orphans.is_empty() {
                let what = Happening::StorageCollected {
                    blobs: blobs.count,
                    bytes: blobs.bytes,
                    orphans: orphans.count,
                    orphan_bytes: orphans.bytes,
                };
                journal::append(tx, Moment::live(now), what)?;
            }
            tx.set_meta(&meta::GC_UNTOLD, &Tally::default())?;
            tx.set_meta(&meta::LAST_GC, &LastGc { at: now, blobs, orphans })
        })
    }

    /// Finds revisions of the blobs that are named; true when all of the log was read.
    fn find_names(&mut self) -> Result<bool> {
        let Phase::Names { after, named } = &mut self.phase else { return Ok(true) };
        if named.is_empty() {
            return Ok(true);
        }
        let read = self.store.read()?;
        let log = read.open_table(LOG)?;
        for (examined, entry) in log.range(after.next().get()..)?.enumerate() {
            let lsn = entry?.0.value();
            if examined == GC_STEP_EXAMINED {
                return Ok(false);
            }
            *after = Lsn::new(lsn);
            let event = log::at(&log, lsn)?.1;
            let Body::Publish(publish) = event.body else { continue };
            if let Some((newest, count)) = named.get_mut(&publish.blob) {
                *newest = Some((publish.path, event.id));
                *count += 1;
            }
        }
        let packages = read.open_table(PACKAGES)?;
        for item in &mut self.report.items {
            let Some((revision, count)) = named.get(&item.blob) else { continue };
            (item.revision, item.revisions) = (revision.clone(), *count);
            item.reason = match revision {
                Some((path, _)) if packages.get(path.as_str())?.is_some() => GoneReason::Superseded,
                Some(_) => GoneReason::Removed,
                None => GoneReason::Unreferenced,
            };
        }
        Ok(true)
    }
}

/// Whether a package is there: it was removed if every head it has is a Remove.
fn presence(read: &ReadTransaction, path: &str) -> Result<Presence> {
    let heads = read.open_table(HEADS)?;
    let row = heads.get(path)?.map(|row| from_row::<HeadsRow>("the heads of a package", row.value())).transpose()?;
    let heads = row.unwrap_or_default().heads;
    let removed_at = heads.iter().map(|head| head.at_ms).max();
    Ok(match removed_at {
        Some(at) if heads.iter().all(|head| head.content.is_none()) => Presence::Removed(at),
        Some(_) | None => Presence::Listed,
    })
}

/// Notes what retention keeps of a path, and that the rest is released; tells how many revisions it has.
fn walk_path(
    read: &ReadTransaction,
    view: &mut View,
    mut window: Window,
    is_released: bool,
    path: &str,
) -> Result<usize> {
    let (history, log) = (read.open_table(HISTORY)?, read.open_table(LOG)?);
    let (blobs, covered) = (read.open_table(BLOBS)?, read.open_table(COVERED)?);
    let mut lsns = Vec::new();
    for entry in history.range((path, &[0; 32])..=(path, &[0xff; 32]))? {
        lsns.push(entry?.1.value());
    }
    lsns.sort_unstable();
    let mut replaced = BTreeSet::new();
    for lsn in lsns.iter().rev() {
        let event = log::at(&log, *lsn)?.1;
        let (origin, is_covered) = (&event.header.stream.origin, covered.get(event.id.as_bytes())?.is_some());
        let may_count = !is_covered && view.may_count(origin, path);
        let counts = view.roster.takes_effect(origin, path, || is_covered);
        // What is replaced only by what may not count in the end is a head again then.
        if !view.undecided.is_empty() && (counts || replaced.contains(&event.id)) {
            replaced.extend(event.body.replaces().iter().copied());
        }
        let Body::Publish(publish) = &event.body else { continue };
        if is_released {
            view.released.push(short(&publish.blob));
        }
        // Where the policy doesn't keep a package, its earlier revisions stay on the node that published them alone.
        if *origin != view.own && !may_count && !policy::keeps(&view.keep, path, &publish.meta) {
            continue;
        }
        let revision = PastRevision {
            id: event.id,
            blob: publish.blob,
            published_at: event.header.at_ms,
            effective: counts || may_count,
            held: blobs.get(publish.blob.as_bytes())?.is_some(),
        };
        // One that may count and that nothing follows which does may be a head again, and these the only bytes.
        let may_be_head = may_count && !replaced.contains(&event.id);
        if window.keeps(&revision) || may_be_head {
            view.retained.push(short(&publish.blob));
        }
    }
    Ok(lsns.len())
}

fn news(log: &impl ReadableTable<u64, &'static [u8]>, roster: &Roster, after: Lsn) -> Result<News> {
    let (mut published, mut seen) = (HashSet::new(), after);
    for (examined, entry) in log.range(after.next().get()..)?.enumerate() {
        let lsn = entry?.0.value();
        if examined == GC_NEWS_MAX {
            return Ok(News::More(published, seen));
        }
        let Event { header, body, .. } = log::at(log, lsn)?.1;
        if roster.standing(&header.stream.origin).is_none_or(Standing::is_expelled) {
            return Ok(News::Upheaval);
        }
        if let Body::Publish(publish) = body {
            published.insert(short(&publish.blob));
        }
        seen = Lsn::new(lsn);
    }
    Ok(News::Published(published, seen))
}

/// The second decision, inside the write transaction.
struct Again {
    roster: Arc<Roster>,
    seen: Lsn,
    era: u64,
    candidates: Vec<Candidate>,
    now: UnixMillis,
}

impl Again {
    /// Ends the rows of those that still go and names them; `None` if earlier revisions may count that did not.
    fn decide(&self, tx: &Tx<'_>) -> Result<Option<Vec<Digest>>> {
        if !Arc::ptr_eq(&tx.roster(), &self.roster) || policy::row(tx)?.era != self.era {
            return Ok(None);
        }
        let published = match news(&tx.read(LOG)?, &self.roster, self.seen)? {
            News::Published(published, _) => published,
            // Too many to read in here: what can't be judged stays, for the next run.
            News::More(..) => return Ok(Some(Vec::new())),
            News::Upheaval => return Ok(None),
        };
        let mut going = Vec::new();
        for Candidate { blob, grace_ms, .. } in &self.candidates {
            let row = tx.read(BLOBS)?.get(blob.as_bytes())?.map(|row| from_row::<BlobRow>("a blob", row.value()));
            let Some(row) = row.transpose()? else { continue };
            let is_live = wants::is_live(&tx.read(LIVE_BLOBS)?, blob)?;
            let is_news = published.contains(&short(blob));
            if verdict(is_live, is_news, &row, *grace_ms, self.now).is_none() {
                going.push((*blob, row.size));
            }
        }
        self.remove(tx, &going)?;
        Ok(Some(going.into_iter().map(|(blob, _)| blob).collect()))
    }

    fn remove(&self, tx: &Tx<'_>, going: &[(Digest, u64)]) -> Result<()> {
        if going.is_empty() {
            return Ok(());
        }
        let mut untold = meta::get(&tx.read(META)?, &meta::GC_UNTOLD)?.unwrap_or_default();
        for (blob, size) in going {
            wants::lose(tx, Moment::live(self.now), blob)?;
            untold.add(*size);
        }
        tx.set_meta(&meta::GC_UNTOLD, &untold)
    }
}
