//! What the mesh needs: the log given and taken, peers, invites.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Store;
use crate::catalog::{self, News};
use crate::codec::Added;
use crate::digest::{EventId, NodeId};
use crate::edit_tag::{EditTag, Expected};
use crate::error::{Result, StoreError};
use crate::event::{Body, Event, SignedEvent};
use crate::expel_ahead;
use crate::frame::FrameError;
use crate::joined;
use crate::joining;
use crate::journal::Moment;
use crate::limits::FREEING_BATCH_BYTES_MAX;
use crate::log::{self, Insertion, Source};
use crate::lsn::Lsn;
use crate::membership;
use crate::peers::{self, InviteRow, JoiningRow, NewInvite, PeerEdit, PeerRow};
use crate::publish::Author;
use crate::pull::{self, LogCursor, LogPage, LogQuery};
use crate::schema::{CURSORS, EVENTS, INVITES, LOG, META, PEERS, STREAMS};
use crate::time::UnixMillis;
use crate::trust;
use crate::tx::Tx;
use crate::vector::Vector;

/// Events from a peer, and how far its log is read once they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events, in the order of the peer's log.
    pub events: Vec<SignedEvent>,
    /// The peer's cursor, if this is a pull.
    pub pull: Option<PulledFrom>,
    /// They tell of what was there before this node joined; of a pull only for as long as [`Store::is_backfilling`].
    pub backfill: bool,
}

/// Where a pulled batch came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledFrom {
    /// The peer.
    pub node: NodeId,
    /// Each event's place in its log.
    pub positions: Vec<Lsn>,
    /// Where to go on after the whole batch.
    pub cursor: LogCursor,
    /// The peer has nothing after it, as it says.
    pub is_last: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// How many were new.
    pub inserted: usize,
    /// The first that was refused; those after it were not looked at, and the cursor stops before it.
    pub refused: Option<Refusal>,
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its place in the batch.
    pub index: usize,
    /// Its name.
    pub event: EventId,
    /// Why.
    pub reason: RefusalReason,
}

/// Why an event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
    /// Framing, caps or signature are wrong.
    #[error("the event is malformed or its signature is wrong")]
    Malformed(#[from] FrameError),
    /// Events of its stream before it are missing.
    #[error("events of its stream before it are missing")]
    Gap,
    /// No statement ever admitted its origin as one that publishes.
    #[error("no statement ever admitted its origin as one that publishes")]
    UnknownOrigin,
}

impl RefusalReason {
    /// Whether no honest node passes such an event on, since it would have refused it itself. One of a format that came later
    /// is none of that kind.
    pub const fn is_offence(&self) -> bool {
        match self {
            Self::Malformed(FrameError::UnknownFormat { .. }) | Self::Gap | Self::UnknownOrigin => false,
            Self::Malformed(_) => true,
        }
    }
}

type Verdict = Result<Event, FrameError>;

/// A batch whose events were looked at one by one: what is left is to write them.
#[derive(Debug)]
pub struct VerifiedBatch {
    batch: EventBatch,
    verdicts: Vec<Verdict>,
}

impl Store {
    /// Which events are held.
    pub fn vector(&self) -> Result<Vector> {
        log::vector(&self.read()?.open_table(STREAMS)?)
    }

    /// This log's id: random, new after a restore.
    pub fn log_id(&self) -> Result<[u8; 16]> {
        crate::meta::need(&self.read()?.open_table(META)?, &crate::meta::LOG_ID)
    }

    /// One page of the events that a peer lacks.
    pub fn log_page(&self, query: &LogQuery) -> Result<LogPage> {
        pull::page(&self.read()?, query)
    }

    /// Events after a place in the log, up to a number of bytes: what a ping carries along.
    pub fn events_after(&self, after: Lsn, bytes_max: usize) -> Result<Vec<SignedEvent>> {
        let table = self.read()?.open_table(LOG)?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        for entry in table.range(after.next().get()..)? {
            let row = entry?.1;
            bytes += row.value().len();
            if bytes > bytes_max {
                break;
            }
            let signed = SignedEvent::from_stored(row.value());
            events.push(signed.ok_or(StoreError::Corrupt { what: "an event" })?);
        }
        Ok(events)
    }

    /// Takes events from a peer, in order, up to the first that can't be taken. [`StoreError::Expelled`] if they were pulled from a node
    /// that is put out ([`Store::is_put_out`]) by an Expel that waits here, and don't bring the last of what this names: none is taken.
    pub fn insert_events(&self, batch: EventBatch, now: UnixMillis) -> Result<Inserted> {
        self.insert_verified(self.verify_events(batch)?, now)
    }

    /// Whether what was there before this node joined its mesh is still on its way: no pull of all that a peer has came to its
    /// end so far.
    pub fn is_backfilling(&self) -> Result<bool> {
        let read = self.read()?;
        joined::is_backfilling_by(&read.open_table(META)?)
    }

    /// This node holds all that a peer does.
    pub fn note_equal(&self, peer: &NodeId, now: UnixMillis) -> Result<()> {
        let peer = *peer;
        if self.is_backfilling()? { self.write(move |tx| joined::equals(tx, &peer, now)) } else { Ok(()) }
    }

    /// Checks signatures, on all cores and without the writer, so that it can be done while the batch before is written. Each
    /// alone: a check of many at once is quicker and passes by chance what no single check passes, so nodes would come to hold
    /// different events.
    pub fn verify_events(&self, batch: EventBatch) -> Result<VerifiedBatch> {
        let verdicts = self.verify(&batch.events)?;
        Ok(VerifiedBatch { batch, verdicts })
    }

    /// Takes a batch's events, in order, up to the first that can't be taken. On a full disk what leads to a removal is taken
    /// nevertheless: it frees room. Errors are those of [`Store::insert_events`].
    pub fn insert_verified(&self, batch: VerifiedBatch, now: UnixMillis) -> Result<Inserted> {
        let moment = Moment { now, backfill: batch.batch.backfill };
        let batch = Arc::new(batch);
        let (whole, count) = (Arc::clone(&batch), batch.verdicts.len());
        match self.write(move |tx| take_batch(tx, moment, &whole, count)) {
            Err(error @ StoreError::NoSpace { .. }) => {
                let Some(part) = up_to_removal(&batch) else { return Err(error) };
                let taken = self.write_to_free_room(move |tx| take_batch(tx, moment, &batch, part))?;
                if part == count { Ok(taken) } else { Err(error) }
            }
            outcome => outcome,
        }
    }

    /// Decodes and checks; events that are held already are known good.
    fn verify(&self, events: &[SignedEvent]) -> Result<Vec<Verdict>> {
        let read = self.read()?;
        let (streams, held) = (read.open_table(STREAMS)?, read.open_table(EVENTS)?);
        let check = |signed: &SignedEvent| -> Result<Verdict> {
            let event = match Event::decode(&signed.frame) {
                Ok(event) => event,
                Err(error) => return Ok(Err(error)),
            };
            Ok(if log::holds(&streams, &held, &event)? { Ok(event) } else { signed.verify_as(event) })
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if events.len() < 16 || cores == 1 {
            return events.iter().map(check).collect();
        }
        std::thread::scope(|scope| {
            let share = events.len().div_ceil(cores);
            let check = &check;
            let parts: Vec<_> = events
                .chunks(share)
                .map(|part| scope.spawn(move || part.iter().map(check).collect::<Result<Vec<Verdict>>>()))
                .collect();
            let mut all = Vec::with_capacity(events.len());
            for part in parts {
                all.extend(part.join().map_err(|_| StoreError::Closing)??);
            }
            Ok(all)
        })
    }

    /// The invite that is being redeemed here without an answer so far.
    pub fn joining(&self) -> Result<Option<JoiningRow>> {
        joining::read(&self.read()?.open_table(META)?)
    }

    /// Notes that an invite's inviter is asked to admit this node, so that it is asked again if its answer is lost. Another
    /// one that was noted before is returned; it is asked no more. Errs if its author's token or session is over: that inviter
    /// must not be asked then.
    pub fn note_joining(&self, invite: &str, author: &Author, now: UnixMillis) -> Result<Option<JoiningRow>> {
        let by = Added(Some((author.as_str().to_owned(), author.from().map(str::to_owned))));
        let row = JoiningRow { invite: invite.to_owned(), since: now, by };
        let author = author.clone();
        self.write(move |tx| {
            author.must_stand(tx, now)?;
            joining::note(tx, row.clone())
        })
    }

    /// The inviter has answered, or is asked no more. If it refused, `before` is what was noted before, and is again.
    pub fn end_joining(&self, invite: &str, before: Option<JoiningRow>) -> Result<()> {
        if self.joining()?.is_none() {
            return Ok(());
        }
        let invite = invite.to_owned();
        self.write(move |tx| joining::end(tx, &invite, before.as_ref()))
    }

    /// Whether this node has minted any event.
    pub fn has_own_events(&self) -> Result<bool> {
        let node = self.node_id();
        self.write(move |tx| trust::has_events(tx, &node))
    }

    /// All peers, by id.
    pub fn peers(&self) -> Result<Vec<PeerRow>> {
        peers::list(&self.read()?.open_table(PEERS)?)
    }

    /// One peer.
    pub fn peer(&self, node: &NodeId) -> Result<Option<PeerRow>> {
        peers::find(&self.read()?, node)
    }

    /// Adds a peer or changes what is known of it.
    pub fn put_peer(&self, row: &PeerRow, author: &Author, now: UnixMillis) -> Result<()> {
        let (row, author) = (row.clone(), author.clone());
        self.write(move |tx| peers::put(tx, Moment::live(now), &row, &author))
    }

    /// How a peer stands, as far as people set it.
    pub fn peer_tag(&self, row: &PeerRow) -> Result<EditTag> {
        peers::tag(&self.read()?, row)
    }

    /// Changes what people set of a peer, all of it or nothing, if it stands as expected; false if there is none.
    pub fn edit_peer(
        &self,
        node: &NodeId,
        edit: &PeerEdit,
        expected: &Expected,
        author: &Author,
        now: UnixMillis,
    ) -> Result<bool> {
        let (node, edit, expected, author) = (*node, edit.clone(), expected.clone(), author.clone());
        self.write(move |tx| peers::edit(tx, Moment::live(now), &node, &edit, &expected, &author))
    }

    /// Notes where a peer called from.
    pub fn observe_peer(&self, node: &NodeId, url: &str) -> Result<()> {
        let (node, url) = (*node, url.to_owned());
        self.write(move |tx| peers::observe(tx, &node, &url))
    }

    /// Removes a peer (the link, not the node's place in the mesh), if it stands as expected; false if there is none.
    pub fn remove_peer(&self, node: &NodeId, expected: &Expected, author: &Author, now: UnixMillis) -> Result<bool> {
        let (node, expected, author) = (*node, expected.clone(), author.clone());
        self.write(move |tx| peers::remove(tx, Moment::live(now), &node, &expected, &author))
    }

    /// How far a peer's log was read.
    pub fn peer_cursor(&self, node: &NodeId) -> Result<Option<LogCursor>> {
        peers::cursor(&self.read()?.open_table(CURSORS)?, node)
    }

    /// Makes an invite.
    pub fn create_invite(&self, new: &NewInvite, author: &Author, now: UnixMillis) -> Result<InviteRow> {
        let (new, author) = (new.clone(), author.clone());
        self.write(move |tx| peers::invite(tx, Moment::live(now), &new, &author))
    }

    /// All invites, oldest first.
    pub fn invites(&self) -> Result<Vec<InviteRow>> {
        peers::invites(&self.read()?.open_table(INVITES)?)
    }

    /// One invite.
    pub fn invite(&self, id: &[u8; 16]) -> Result<Option<InviteRow>> {
        peers::find_invite(&self.read()?.open_table(INVITES)?, id)
    }

    /// Takes an invite back, if it stands as expected; false if there is none.
    pub fn revoke_invite(&self, id: &[u8; 16], expected: &Expected, author: &Author, now: UnixMillis) -> Result<bool> {
        let (id, expected, author) = (*id, expected.clone(), author.clone());
        self.write(move |tx| peers::revoke_invite(tx, Moment::live(now), &id, &expected, &author))
    }

    /// Uses an invite for a node. Again by the same node is the same; an expired one is good only for who used it in time.
    pub fn redeem_invite(&self, id: &[u8; 16], node: &NodeId, now: UnixMillis) -> Result<InviteRow> {
        let (id, node) = (*id, *node);
        self.write(move |tx| peers::redeem(tx, &id, &node, now))
    }
}

/// Takes the first `count` events of a batch and the Expels that wait for no more, and writes down how far the peer's log is read. From a
/// node whose Expel waits a batch is taken only if it brings the last of what that names, however long it has waited.
fn take_batch(tx: &Tx<'_>, moment: Moment, batch: &VerifiedBatch, count: usize) -> Result<Inserted> {
    let VerifiedBatch { batch, verdicts } = batch;
    let moment =
        Moment { backfill: moment.backfill && (batch.pull.is_none() || joined::is_backfilling(tx)?), ..moment };
    let mut outcome = Inserted { inserted: 0, refused: None };
    let (mut arrived, mut origins) = (Vec::new(), BTreeSet::new());
    for (index, (signed, verdict)) in batch.events.iter().zip(verdicts).take(count).enumerate() {
        let reason = match verdict {
            Ok(event) => match log::insert(tx, moment, Source::Peer, signed, event)? {
                Insertion::New(lsn) => {
                    outcome.inserted += 1;
                    arrived.push((event, lsn));
                    origins.insert(event.header.stream.origin);
                    continue;
                }
                Insertion::Held => continue,
                Insertion::Gap => RefusalReason::Gap,
                Insertion::UnknownOrigin => RefusalReason::UnknownOrigin,
            },
            Err(error) => RefusalReason::Malformed(*error),
        };
        outcome.refused = Some(Refusal { index, event: signed.id(), reason });
        break;
    }
    let complete = if arrived.is_empty() { BTreeSet::new() } else { expel_ahead::complete(tx)? };
    match batch.pull.as_ref().map(|pull| pull.node) {
        Some(node) if expel_ahead::is_waited_for(tx, &node, &complete) => return Err(StoreError::Expelled { node }),
        Some(_) | None => {}
    }
    let (ripe, mut news) = (expel_ahead::ripe(tx, moment.now, &complete), News::default());
    if !ripe.is_empty() {
        membership::take(tx, Moment::live(moment.now), &ripe, None, &mut news)?;
    }
    catalog::arrive(tx, moment, &arrived, &mut news)?;
    trust::events_of_expelled_arrived(tx, moment, &origins, &mut news)?;
    news.settle(tx)?;
    let stopped = outcome.refused.as_ref().map(|refusal| refusal.index);
    let stopped = stopped.or((count < batch.events.len()).then_some(count));
    if let Some(pull) = &batch.pull {
        joined::pulled(tx, &pull.node, pull.is_last && stopped.is_none(), moment.now)?;
    }
    if let Some((node, cursor)) = reached(batch, stopped) {
        peers::set_cursor(tx, &node, &cursor)?;
    }
    Ok(outcome)
}

/// How many events of a batch a full disk takes, since the last of them is a removal; none if there is no removal among the
/// first few.
fn up_to_removal(VerifiedBatch { batch, verdicts }: &VerifiedBatch) -> Option<usize> {
    let mut bytes = 0;
    let few = batch.events.iter().zip(verdicts).take_while(|(signed, _)| {
        bytes += signed.frame.len();
        bytes <= FREEING_BATCH_BYTES_MAX
    });
    let frees = |verdict: &Verdict| matches!(verdict, Ok(Event { body: Body::Remove(_), .. }));
    few.zip(1..).filter(|((_, verdict), _)| frees(verdict)).last().map(|(_, count)| count)
}

/// How far a peer's log is read after a batch: all of it, or up to before the event at which it stopped.
fn reached(batch: &EventBatch, stopped: Option<usize>) -> Option<(NodeId, LogCursor)> {
    let pull = batch.pull.as_ref()?;
    let Some(index) = stopped else { return Some((pull.node, pull.cursor)) };
    let last = index.checked_sub(1)?;
    let lsn = *pull.positions.get(last)?;
    let event = batch.events.get(last)?.id();
    Some((pull.node, LogCursor { log_id: pull.cursor.log_id, lsn, event }))
}
