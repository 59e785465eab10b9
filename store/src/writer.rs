//! The one writer: a thread that gathers what waits into one transaction, commits it durably, and then answers all.
//!
//! Invariants:
//! - A job is answered after the commit that holds it, never before; after a failed commit all its jobs get the error.
//! - A job that fails after it wrote takes its whole group's transaction with it; the others run again without it. So a
//!   job must be repeatable: it changes nothing outside the transaction.
//! - A commit is not begun on a disk that it might fill, but one that frees room may use up the reserve (`reserve.rs`): jobs
//!   for that are committed without the others then. After a disk error all writes are refused until the database was
//!   mended; what of the failed commit is on the disk is not known until then.
//! - Listeners run on this thread after the commit and before its jobs are answered: they must be quick and must not
//!   write. Whoever is answered can so rely on everybody having been told.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use redb::{Database, ReadTransaction};

use crate::blobs::Blobs;
use crate::database::Held;
use crate::error::{Result, StoreError};
use crate::expel_ahead::ExpelsAhead;
use crate::limits::{GROUP_WRITES_MAX, WRITE_QUEUE_MAX};
use crate::lsn::Lsn;
use crate::meta;
use crate::recent::Recent;
use crate::reserve::Purpose;
use crate::roster::Roster;
use crate::schema::{META, STATEMENTS};
use crate::trust;
use crate::tx::{Committed, Context, Tx};

/// Called after each commit.
pub(crate) type Listener = Box<dyn Fn(&Committed) + Send + Sync>;

/// What readers and the writer share.
pub(crate) struct Shared {
    pub(crate) database: Held,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) context: Context,
    pub(crate) roster: RwLock<Arc<Roster>>,
    pub(crate) expels_ahead: RwLock<Arc<ExpelsAhead>>,
    pub(crate) last: Mutex<Committed>,
    pub(crate) listeners: RwLock<Vec<Listener>>,
    pub(crate) recent: Recent,
}

impl Shared {
    pub(crate) fn roster(&self) -> Arc<Roster> {
        self.roster.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn expels_ahead(&self) -> Arc<ExpelsAhead> {
        self.expels_ahead.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the last commit.
    pub(crate) fn read(&self) -> Result<ReadTransaction> {
        self.database.read(&|read| self.renew(read))
    }

    /// Takes over what is kept in memory from what the database shows.
    pub(crate) fn renew(&self, read: &ReadTransaction) -> Result<()> {
        let values = read.open_table(META)?;
        let roster = trust::load(&read.open_table(STATEMENTS)?, meta::need(&values, &meta::ROOT)?)?;
        let head = Lsn::new(meta::need(&values, &meta::HEAD)?);
        *self.roster.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roster);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Committed { head, ..Committed::default() };
        Ok(())
    }
}

trait Job: Send {
    /// Runs in a transaction. `Err(())` has kept its error for [`Job::answer`].
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), ()>;
    /// Tells the caller; `commit_error` if the group's commit failed.
    fn answer(self: Box<Self>, commit_error: Option<StoreError>);
    /// What it is for.
    fn purpose(&self) -> Purpose;
}

struct Typed<T, F> {
    work: F,
    purpose: Purpose,
    outcome: Option<Result<T>>,
    reply: SyncSender<Result<T>>,
}

impl<T: Send, F: FnMut(&Tx<'_>) -> Result<T> + Send> Job for Typed<T, F> {
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), ()> {
        let outcome = (self.work)(tx);
        let verdict = if outcome.is_ok() { Ok(()) } else { Err(()) };
        self.outcome = Some(outcome);
        verdict
    }

    fn answer(self: Box<Self>, commit_error: Option<StoreError>) {
        let Self { outcome, reply, .. } = *self;
        let answer = commit_error.map_or_else(|| outcome.unwrap_or(Err(StoreError::Closing)), Err);
        // A caller that went away needs no answer.
        let _ = reply.send(answer);
    }

    fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// The handle on the writer's thread; dropping it ends and joins the thread after what is queued.
pub(crate) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Self> {
        let (queue, jobs) = sync_channel(WRITE_QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(&shared, &jobs))
            .map_err(StoreError::io("start the writer of", std::path::Path::new("ods.redb")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` in a transaction, together with others that wait, and returns after the commit.
    pub(crate) fn write<T, F>(&self, purpose: Purpose, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or(StoreError::Closing)?;
        let job: Box<dyn Job> = Box::new(Typed { work, purpose, outcome: None, reply });
        match queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => queue.send(job).map_err(|_| StoreError::Closing)?,
            Err(TrySendError::Disconnected(_)) => return Err(StoreError::Closing),
        }
        answer.recv().map_err(|_| StoreError::Closing)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared, jobs: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(jobs.try_iter().take(GROUP_WRITES_MAX - 1));
        commit_group(shared, group);
    }
}

/// Commits a group; jobs that fail after writing are answered and the rest runs again, so every round has fewer jobs.
fn commit_group(shared: &Shared, mut group: Vec<Box<dyn Job>>) {
    while !group.is_empty() {
        match attempt(shared, &mut group).and_then(|attempt| unless_failing(shared, attempt)) {
            Ok(Attempt::Committed(committed)) => {
                let listeners = shared.listeners.read().unwrap_or_else(PoisonError::into_inner);
                listeners.iter().for_each(|listener| listener(&committed));
                return answer_all(group, || None);
            }
            Ok(Attempt::Unchanged) => return answer_all(group, || None),
            Ok(Attempt::Spoiled(index)) => group.remove(index).answer(None),
            Err(error @ StoreError::NoSpace { .. }) => {
                let (freeing, others) = group.into_iter().partition(|job| job.purpose() == Purpose::FreeRoom);
                let all: bool = Vec::is_empty(&others);
                answer_all(others, || Some(error.again()));
                group = freeing;
                if all {
                    return answer_all(group, || Some(error.again()));
                }
            }
            Err(error) => {
                return answer_all(group, || Some(error.again()));
            }
        }
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, commit_error: impl Fn() -> Option<StoreError>) {
    for job in group {
        job.answer(commit_error());
    }
}

enum Attempt {
    Committed(Committed),
    /// No job wrote anything, so there is nothing to commit.
    Unchanged,
    /// The job at this index failed after it wrote.
    Spoiled(usize),
}

/// After a disk error every job gets that as its error: what its own said is only what followed from it. A commit that
/// succeeded all the same (a reader met the error) stays one.
fn unless_failing(shared: &Shared, attempt: Attempt) -> Result<Attempt> {
    match attempt {
        Attempt::Unchanged | Attempt::Spoiled(_) if shared.database.is_failing() => Err(shared.database.failing()),
        other => Ok(other),
    }
}

/// Runs the group's jobs in one transaction. After a disk error the last durable commit is shown again when it returns.
fn attempt(shared: &Shared, group: &mut [Box<dyn Job>]) -> Result<Attempt> {
    let live = shared.database.for_writing()?;
    let outcome = attempt_in(shared, &live.database, group);
    drop(live);
    if outcome.is_err() && shared.database.is_failing() {
        // Readers try again themselves if this doesn't work.
        let _ = shared.read();
        return Err(shared.database.failing());
    }
    outcome
}

fn attempt_in(shared: &Shared, database: &Database, group: &mut [Box<dyn Job>]) -> Result<Attempt> {
    let mut txn = database.begin_write()?;
    // The allocator's state is saved with each commit: opening after a crash takes 1 ms instead of seconds.
    txn.set_quick_repair(true);
    let tx = Tx::new(&txn, &shared.context, shared.roster(), shared.expels_ahead())?;
    let mut any_dirty = false;
    for (index, job) in group.iter_mut().enumerate() {
        let verdict = job.run(&tx);
        let dirty = tx.take_dirty();
        any_dirty |= dirty;
        if dirty && verdict.is_err() {
            drop(tx);
            txn.abort()?;
            return Ok(Attempt::Spoiled(index));
        }
    }
    if !any_dirty {
        drop(tx);
        txn.abort()?;
        return Ok(Attempt::Unchanged);
    }
    let frees_room = group.iter().all(|job| job.purpose() == Purpose::FreeRoom);
    let room = if frees_room { shared.blobs.make_commit_space() } else { shared.blobs.check_commit_space() };
    if let Err(error) = room {
        drop(tx);
        txn.abort()?;
        return Err(error);
    }
    let (committed, roster, expels_ahead) = tx.finish()?;
    let durable = txn.commit();
    shared.recent.forget();
    durable?;
    *shared.roster.write().unwrap_or_else(PoisonError::into_inner) = roster;
    // After the roster: who is put out by one that is taken now, is so all along.
    *shared.expels_ahead.write().unwrap_or_else(PoisonError::into_inner) = expels_ahead;
    *shared.last.lock().unwrap_or_else(PoisonError::into_inner) = committed;
    Ok(Attempt::Committed(committed))
}
