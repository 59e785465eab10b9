//! A run: what isn't kept is looked through in bounded steps, then what is surplus and safe goes, some at a time.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use super::{EvictReport, Unkept, surplus};
use crate::codec::from_row;
use crate::custody;
use crate::digest::Digest;
use crate::error::Result;
use crate::gc::Tally;
use crate::holders::{Newness, Survey};
use crate::holding::Keeps;
use crate::journal::{self, Happening, Moment};
use crate::limits::{EVICT_BATCH_BLOBS_MAX, EVICT_CANDIDATES_MAX, EVICT_STEP_EXAMINED};
use crate::node_state::StatePolicy;
use crate::policy::{self, PolicyRow};
use crate::schema::{BLOBS, LIVE_BLOBS, USES};
use crate::store::Store;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::wants::{self, BlobRow};

/// A run. Dropping it ends it between two steps.
#[derive(Debug)]
pub struct EvictRun {
    store: Store,
    policy: PolicyRow,
    /// What the words of others must pass; none if they weren't asked yet.
    asked: Option<Newness>,
    now: UnixMillis,
    phase: Phase,
    /// The longest unused of those that may go; the youngest makes room for an older one.
    candidates: BTreeSet<Unkept>,
    report: EvictReport,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvictStep {
    /// There is more to do.
    More,
    /// The run is over.
    Done(EvictReport),
}

#[derive(Debug)]
enum Phase {
    /// Blobs after this one are to be looked at.
    Look { after: Option<Digest> },
    /// These go, by digest, so that those of one lock are together.
    LetGo(Vec<Unkept>),
}

impl EvictRun {
    pub(crate) fn new(store: &Store, now: UnixMillis) -> Result<Self> {
        let policy = policy::row(&store.read()?)?;
        let (phase, candidates) = (Phase::Look { after: None }, BTreeSet::new());
        let (asked, report) = (store.word_asked(), EvictReport::default());
        Ok(Self { store: store.clone(), policy, asked, now, phase, candidates, report })
    }

    /// Does the next bounded piece of work.
    pub fn step(&mut self) -> Result<EvictStep> {
        match &self.phase {
            Phase::Look { .. } => self.look()?,
            Phase::LetGo(rest) if rest.is_empty() => return Ok(EvictStep::Done(self.report)),
            Phase::LetGo(_) => self.let_go()?,
        }
        Ok(EvictStep::More)
    }

    fn look(&mut self) -> Result<()> {
        let Phase::Look { after } = &mut self.phase else { return Ok(()) };
        // The roster first: states of a roster that is newer than the survey's are unknown, never taken for granted.
        let (roster, read) = (self.store.roster(), self.store.read()?);
        let survey = Survey::read(&read, &roster, self.store.node_id())?.without_put_out(&self.store.expels_ahead());
        let keep = Keeps::new(&self.policy.policy);
        let (blobs, uses, live) = (read.open_table(BLOBS)?, read.open_table(USES)?, read.open_table(LIVE_BLOBS)?);
        let start = after.as_ref().map_or(Unbounded, |after| Excluded(after.as_bytes()));
        for (examined, entry) in blobs.range::<&[u8; 32]>((start, Unbounded))?.enumerate() {
            if examined == EVICT_STEP_EXAMINED {
                return Ok(());
            }
            let (key, row) = entry?;
            let blob = Digest::from_bytes(*key.value());
            *after = Some(blob);
            if !wants::is_live(&live, &blob)? || policy::keeps_blob(&read, &keep, &blob)? {
                continue;
            }
            let row: BlobRow = from_row("a blob", row.value())?;
            let came_at = match self.policy.policy {
                StatePolicy::OnDemand { .. } => row.since,
                StatePolicy::All | StatePolicy::Selected { .. } => UnixMillis::new(0),
            };
            let used_at = uses.get(blob.as_bytes())?.map_or(came_at, |at| came_at.max(UnixMillis::new(at.value())));
            let unkept = Unkept { used_at, blob, size: row.size };
            self.report.unkept.add(row.size);
            let is_old = self.candidates.last().is_none_or(|youngest| unkept < *youngest);
            if !is_old && self.candidates.len() >= EVICT_CANDIDATES_MAX {
                continue;
            }
            let floor = policy::floor(&read, &self.policy, &blob)?;
            if survey.publisher_has(&read, &blob, Newness::of_counter(floor))? && !self.store.is_in_use(&blob, self.now)
            {
                self.candidates.insert(unkept);
                if self.candidates.len() > EVICT_CANDIDATES_MAX {
                    self.candidates.pop_last();
                }
            } else {
                self.report.held_back.add(row.size);
            }
        }
        self.decide()
    }

    /// All were looked at: those that go are known, and how much should and can't.
    fn decide(&mut self) -> Result<()> {
        let oldest = std::mem::take(&mut self.candidates).into_iter().collect();
        let going = surplus(&self.policy.policy, oldest, self.report.unkept.bytes, self.now);
        let (mut going, waiting) = self.heard_of(going)?;
        for unkept in &waiting {
            self.report.held_back.add(unkept.size);
        }
        match (self.asked, waiting.is_empty()) {
            (None, false) => self.store.wish_for_word()?,
            (Some(_), true) => self.store.forget_word(),
            (None, true) | (Some(_), false) => {}
        }
        self.report.awaits_word = !waiting.is_empty();
        going.sort_unstable_by_key(|unkept| unkept.blob);
        self.phase = Phase::LetGo(going);
        Ok(())
    }

    /// Those of which others said, after they were asked, that they have them; and those for which that is waited for.
    fn heard_of(&self, going: Vec<Unkept>) -> Result<(Vec<Unkept>, Vec<Unkept>)> {
        let Some(asked) = self.asked else { return Ok((Vec::new(), going)) };
        let (roster, read) = (self.store.roster(), self.store.read()?);
        let survey = Survey::read(&read, &roster, self.store.node_id())?.without_put_out(&self.store.expels_ahead());
        let (mut heard, mut waiting) = (Vec::new(), Vec::new());
        for unkept in going {
            let side = if survey.publisher_has(&read, &unkept.blob, asked)? { &mut heard } else { &mut waiting };
            side.push(unkept);
        }
        Ok((heard, waiting))
    }

    /// Ends the rows of the next few, all with one lock, and takes their files away.
    fn let_go(&mut self) -> Result<()> {
        let Phase::LetGo(rest) = &mut self.phase else { return Ok(()) };
        let Some(first) = rest.last().copied() else { return Ok(()) };
        let mut batch = Vec::new();
        while batch.len() < EVICT_BATCH_BLOBS_MAX
            && let Some(next) = rest.pop_if(|next| next.blob.as_bytes()[0] == first.blob.as_bytes()[0])
        {
            batch.push(next);
        }
        let gone = {
            let (store, batch, now) = (self.store.clone().downgrade(), batch.clone(), self.now);
            let Some(asked) = self.asked else { return Ok(()) };
            let era = self.policy.era;
            custody::collect(&self.store, &first.blob, || {
                self.store.write_to_free_room(move |tx| {
                    let Some(store) = store.upgrade() else { return Ok(Vec::new()) };
                    decide_again(tx, &store, (era, asked), &batch, now)
                })
            })?
        };
        for unkept in batch {
            let tally = if gone.contains(&unkept.blob) { &mut self.report.gone } else { &mut self.report.held_back };
            tally.add(unkept.size);
        }
        Ok(())
    }
}

/// Ends the rows of those that may still go, in this era and by words that pass `asked`; tells which.
fn decide_again(
    tx: &Tx<'_>,
    store: &Store,
    (era, asked): (u64, Newness),
    batch: &[Unkept],
    now: UnixMillis,
) -> Result<Vec<Digest>> {
    let row = policy::row(tx)?;
    if row.era != era {
        return Ok(Vec::new());
    }
    let survey = Survey::read(tx, &tx.roster(), tx.context.key.node_id())?.without_put_out(&tx.expels_ahead());
    let keep = tx.keeps()?;
    let (mut gone, mut tally) = (Vec::new(), Tally::default());
    for Unkept { blob, .. } in batch {
        let is_live = wants::is_live(&tx.read(LIVE_BLOBS)?, blob)?;
        if !is_live || policy::keeps_blob(tx, &keep, blob)? || store.is_in_use(blob, now) {
            continue;
        }
        let counter = asked.counter.max(policy::floor(tx, &row, blob)?);
        if !survey.publisher_has(tx, blob, Newness { counter, ..asked })? {
            continue;
        }
        if let Some(size) = wants::let_go(tx, blob)? {
            gone.push(*blob);
            tally.add(size);
        }
    }
    if !gone.is_empty() {
        tx.changed(|effects| effects.wants_changed = true);
        let what = Happening::StorageEvicted { blobs: tally.count, bytes: tally.bytes };
        journal::append(tx, Moment::live(now), what)?;
    }
    Ok(gone)
}
