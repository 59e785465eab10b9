//! What the mesh needs: the log and the roster given and taken, peers, invites.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Store;
use crate::catalog::{self, News};
use crate::codec::Added;
use crate::digest::{EventId, NodeId, SetDigest, StatementId};
use crate::edit_tag::{EditTag, Expected};
use crate::error::{Result, StoreError};
use crate::event::{Body, Event, SignedEvent};
use crate::expel_ahead::{self, Told};
use crate::frame::FrameError;
use crate::joined;
use crate::joining;
use crate::journal::Moment;
use crate::limits::FREEING_BATCH_BYTES_MAX;
use crate::log::{self, Insertion, Source};
use crate::lsn::Lsn;
use crate::membership::{self, Member, check_role};
use crate::path::PackagePath;
use crate::peers::{self, InviteRow, JoiningRow, NewInvite, PeerEdit, PeerRow};
use crate::publish::Author;
use crate::pull::{self, LogCursor, LogPage, LogQuery};
use crate::roster::{self, Roster};
use crate::schema::{CURSORS, EVENTS, INVITES, LOG, META, PEERS, STATEMENTS, STREAMS};
use crate::statement::{Admit, SignedStatement, Statement, StatementBody, StatementHeader};
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

/// What became of statements that a peer told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementsTaken {
    /// How many were new, and are taken.
    pub fresh: usize,
    /// How many Expels among them wait for the events they name.
    pub waiting: usize,
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

    /// Takes events from a peer, in order, up to the first that can't be taken.
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
    /// nevertheless: it frees room.
    pub fn insert_verified(&self, batch: VerifiedBatch, now: UnixMillis) -> Result<Inserted> {
        let moment = Moment { now, backfill: batch.batch.backfill };
        let batch = Arc::new(batch);
        let (whole, count) = (Arc::clone(&batch), batch.verdicts.len());
        match self.write_statements(now, move |tx| take_batch(tx, moment, &whole, count)) {
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

    /// All statements held.
    pub fn roster_statements(&self) -> Result<Vec<SignedStatement>> {
        trust::statements(&self.read()?.open_table(STATEMENTS)?)
    }

    /// What a peer is told: all statements held, and the Expels that wait here for events they name.
    pub fn statements_to_tell(&self) -> Result<Vec<SignedStatement>> {
        // These first: what is taken in between is told twice, not left out.
        let mut told = self.0.shared.context.expels_ahead.told();
        told.extend(self.roster_statements()?);
        Ok(told)
    }

    /// Whether a node was expelled, or an Expel of it waits here for the events it names: nothing is taken from it any more.
    pub fn is_put_out(&self, node: &NodeId) -> bool {
        // In this order: one that is taken in between is seen in the roster.
        self.0.shared.context.expels_ahead.expel(node) || self.roster().is_expelled(node)
    }

    /// The roster as it would be with what somebody offers.
    pub fn roster_with(&self, offered: &[SignedStatement]) -> Result<Roster> {
        let (_, all) = self.verify_fresh(offered.to_vec())?;
        Ok(Roster::fold(self.roster().root(), &all))
    }

    /// Those of offered statements that aren't held and may count, verified, and all that would be held with them. Anybody can
    /// sign as much as fits into a call, and each signature takes some 60 µs to check. So a statement is looked at once its signer is
    /// known as an owner.
    fn verify_fresh(&self, offered: Vec<SignedStatement>) -> Result<(Vec<Told>, Vec<Statement>)> {
        let (root, mut all) = (self.roster().root(), trust::decode_all(&self.read()?.open_table(STATEMENTS)?)?);
        let known: BTreeSet<StatementId> = all.iter().map(|statement| statement.id).collect();
        let fresh = offered.into_iter().filter(|signed| !known.contains(&signed.id()));
        let signer = |signed: &SignedStatement| -> Result<NodeId> { Ok(signed.decode()?.header.signer) };
        let mut left = fresh.map(|signed| Ok((signer(&signed)?, signed))).collect::<Result<Vec<_>>>()?;
        let mut verified = Vec::new();
        loop {
            let owners = roster::ever_owners(root, &all);
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(signer, _)| owners.contains(signer));
            if now.is_empty() {
                return Ok((verified, all));
            }
            for (_, signed) in now {
                let statement = signed.verify()?;
                all.push(statement.clone());
                verified.push((signed, statement));
            }
            left = later;
        }
    }

    /// Equal on nodes that hold the same statements.
    pub fn roster_digest(&self) -> SetDigest {
        self.roster().digest()
    }

    /// Takes statements; tells how many were new. Those that may count must verify.
    pub fn insert_statements(&self, statements: Vec<SignedStatement>, now: UnixMillis) -> Result<usize> {
        let (told, _) = self.verify_fresh(statements)?;
        self.write_statements(now, move |tx| take_and_settle(tx, now, &told, None))
    }

    /// Takes what a peer told, but for Expels that come ahead of the events they name: these wait for them, for
    /// [`EXPEL_WAIT_MS`](crate::EXPEL_WAIT_MS) at most.
    pub fn hear_statements(&self, statements: Vec<SignedStatement>, now: UnixMillis) -> Result<StatementsTaken> {
        self.take_statements(statements, None, now)
    }

    /// The same with one among them that [`Store::sign_admit`] signed for `author`.
    pub fn hear_signed_for(
        &self,
        author: &Author,
        statements: Vec<SignedStatement>,
        now: UnixMillis,
    ) -> Result<StatementsTaken> {
        self.take_statements(statements, Some(author.clone()), now)
    }

    fn take_statements(
        &self,
        statements: Vec<SignedStatement>,
        author: Option<Author>,
        now: UnixMillis,
    ) -> Result<StatementsTaken> {
        let (told, _) = self.verify_fresh(statements)?;
        self.write_statements(now, move |tx| {
            let taken = expel_ahead::to_take(tx, now, &told)?;
            let fresh = take_and_settle(tx, now, &taken, author.as_ref())?;
            Ok(StatementsTaken { fresh, waiting: told.len() - taken.len() })
        })
    }

    /// In how many milliseconds [`Store::take_due_expels`] has something to do; `None` if no Expel waits.
    pub fn expels_due_in_ms(&self, now: UnixMillis) -> Option<u64> {
        self.0.shared.context.expels_ahead.next_in_ms(now)
    }

    /// Takes the Expels that waited long enough for the events they name; tells how many.
    pub fn take_due_expels(&self, now: UnixMillis) -> Result<usize> {
        self.write_statements(now, move |tx| take_and_settle(tx, now, &[], None))
    }

    /// Does a job that takes Expels which waited; those are forgotten once it is committed.
    fn write_statements<T: Send + 'static>(
        &self,
        now: UnixMillis,
        work: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let outcome = self.write(work)?;
        let ahead = &self.0.shared.context.expels_ahead;
        if !ahead.is_empty() {
            ahead.forget_taken(&self.read()?.open_table(STATEMENTS)?, now)?;
        }
        Ok(outcome)
    }

    /// Admits a node, or raises it. Owners only. `None` if it may do all that already, so that nothing was signed.
    pub fn admit(&self, admit: &Admit, author: &Author, now: UnixMillis) -> Result<Option<StatementId>> {
        let (admit, author) = (admit.clone(), author.clone());
        self.write(move |tx| membership::admit(tx, Moment::live(now), &admit, &author))
    }

    /// Expels a node, for good: what this node holds of it by now still counts, nothing else will. Owners only. `None`
    /// if it is expelled already.
    pub fn expel(&self, node: &NodeId, author: &Author, now: UnixMillis) -> Result<Option<StatementId>> {
        let (node, author) = (*node, author.clone());
        self.write_statements(now, move |tx| {
            let id = membership::expel(tx, Moment::live(now), &node, &author)?;
            take_and_settle(tx, now, &[], None)?;
            Ok(id)
        })
    }

    /// All nodes that the roster knows, by id, and what was said of each.
    pub fn members(&self) -> Result<Vec<Member>> {
        // Roster and statements are read apart: one that comes in between is in the next answer.
        let statements = trust::decode_all(&self.read()?.open_table(STATEMENTS)?)?;
        Ok(membership::members(&Roster::fold(self.roster().root(), &statements), statements))
    }

    /// The statements that a node's standing follows from, for a node that doesn't belong any more: enough for it to
    /// learn that, and no more.
    pub fn statements_bearing_on(&self, node: &NodeId) -> Result<Vec<SignedStatement>> {
        membership::bearing_on(node, self.statements_to_tell()?)
    }

    /// Whether this node may publish at a path, or why not.
    pub fn check_may_publish(&self, path: &PackagePath) -> Result<()> {
        crate::publish::check_may_publish(&self.roster(), self.node_id(), path)
    }

    /// Signs an Admit without keeping it: what a joiner offers when two meshes merge.
    pub fn sign_admit(&self, admit: &Admit, author: &Author, now: UnixMillis) -> Result<SignedStatement> {
        let admit = Admit { prefixes: check_role(admit.role, &admit.prefixes)?, ..admit.clone() };
        let header = StatementHeader { signer: self.node_id(), at_ms: now, by: author.as_str().to_owned() };
        Ok(SignedStatement::mint(self.key(), &header, &StatementBody::Admit(admit)))
    }

    /// Takes another mesh's root, while nobody else is known here.
    pub fn take_root(&self, root: NodeId, now: UnixMillis) -> Result<()> {
        self.write(move |tx| trust::take_root(tx, Moment::live(now), root))?;
        self.0.shared.context.expels_ahead.clear();
        Ok(())
    }

    /// The same for one that becomes a replica there: what it published would be nowhere any more, so it must have
    /// published nothing.
    pub fn take_root_as_replica(&self, root: NodeId, now: UnixMillis) -> Result<()> {
        self.write(move |tx| {
            if trust::has_events(tx, &tx.context.key.node_id())? {
                return Err(StoreError::ReplicaHasEvents);
            }
            trust::take_root(tx, Moment::live(now), root)
        })?;
        self.0.shared.context.expels_ahead.clear();
        Ok(())
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

/// Takes statements, and the Expels that waited long enough; tells how many were new.
fn take_and_settle(tx: &Tx<'_>, now: UnixMillis, told: &[Told], author: Option<&Author>) -> Result<usize> {
    let (moment, mut news) = (Moment::live(now), News::default());
    let taken = [expel_ahead::ripe(tx, now)?, told.to_vec()].concat();
    let fresh = membership::take(tx, moment, &taken, author, &mut news)?;
    news.settle(tx, moment)?;
    Ok(fresh)
}

/// Takes the first `count` events of a batch, and writes down how far the peer's log is read.
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
    let (ripe, mut news) = (expel_ahead::ripe(tx, moment.now)?, News::default());
    if !ripe.is_empty() {
        membership::take(tx, Moment::live(moment.now), &ripe, None, &mut news)?;
    }
    catalog::arrive(tx, moment, &arrived, &mut news)?;
    trust::events_of_expelled_arrived(tx, moment, &origins, &mut news)?;
    news.settle(tx, moment)?;
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
