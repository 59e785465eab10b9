//! What to do with which peer, and when: a pure machine. The driver tells it what happened and performs its actions.
//!
//! A peer has two lanes, so that news never waits behind a long catch-up: pings (one at a time, [`PING_COALESCE_MS`]
//! apart) and pulls (one at a time). Summaries are compared first: a peer known to hold what we hold is neither pinged
//! nor pulled from, except for the comparison every minute.
//!
//! Invariants: at most one ping and one pull to a peer are under way. After a failure nothing is sent before the
//! back-off is over or the peer gives a sign of life. Only a peer that answers pings is pulled from: one that was heard may
//! not have been found yet. What a peer was seen to hold is pulled once: by cursor; then, if
//! the digests still differ after a while, by vector, until that brings nothing; then not again while it holds the same.
//! A pull by vector may take many turns: only the first asks by the vector, the next ones go on by cursor, and what all of
//! them brought decides, as if it were one. So however long a log is, its end is reached over a line that holds for a turn;
//! and a pull of which a turn's gain isn't known, or whose log was replaced between two turns, settles nothing. Nor does one
//! that stopped at an event that was not taken: what lies behind that is unread.
//! Up and down are told once each, down only after [`DOWN_AFTER_MS`] of failures, or at once when the peer said that it
//! stops (once in [`GOODBYE_AGAIN_MS`]). What it answered before it said so doesn't count any more.

use std::collections::BTreeMap;

use ods_store::{Lsn, NodeId, SetDigest};

use super::limits::{
    BACK_OFF_MIN_MS, DOWN_AFTER_MS, GOODBYE_AGAIN_MS, LOST_MS, PING_COALESCE_MS, TOTALS_MS, TURNS_MS, VECTOR_DELAY_MS,
    VECTOR_PULL_MS,
};
use super::moment::Moment;
use super::protocol::Summary;
use super::schedule::{Dice, back_off_ms, compare_ms};

/// Why a peer is down that said that it stops.
pub(super) const STOPPED: &str = "it said that it stops";

/// Which question a pull asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PullMode {
    /// What is new since the stored cursor; or the next turn of a pull by vector, which left the cursor where it stopped.
    Cursor,
    /// What the vector lacks: finds what a cursor can't, such as twins.
    Vector,
}

/// What the driver shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Tell a peer how it stands here, and hear how it stands there.
    Ping(NodeId),
    /// Swap rosters if they differ, then take the events that are lacking here.
    Pull(NodeId, PullMode),
    /// Journal that a peer answers.
    NoteUp(NodeId),
    /// Journal that a peer doesn't answer any more, and why.
    NoteDown(NodeId, String),
}

/// How a pull ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PullReport {
    /// How it was asked.
    pub(super) mode: PullMode,
    /// How it stood at the peer with the last page.
    pub(super) theirs: Summary,
    /// Events and statements that were new.
    pub(super) gained: u64,
    /// Whether the peer has more.
    pub(super) more: bool,
    /// Why an event was not taken, if one wasn't; the pull stopped there.
    pub(super) refused: Option<String>,
    /// It was one that no honest node passes on.
    pub(super) is_offence: bool,
    /// Statements that this version couldn't take.
    pub(super) passed_over: usize,
}

/// How a peer looks from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Not reached yet, and not failed for long.
    Unknown,
    /// It answers.
    Up,
    /// It doesn't.
    Down,
}

/// A peer as shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeerView {
    /// How it looks.
    pub(super) link: Link,
    /// Whether the link is paused.
    pub(super) paused: bool,
    /// How it stood there when last heard of.
    pub(super) theirs: Option<Summary>,
    /// Whether its log was read to the end as far as is known.
    pub(super) caught_up: bool,
    /// What went wrong last, if that was after the last success.
    pub(super) error: Option<String>,
}

/// The parts of a summary that news are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digests {
    vector: SetDigest,
    roster: SetDigest,
}

impl Digests {
    fn of(summary: &Summary) -> Self {
        Self { vector: summary.vector, roster: summary.roster }
    }
}

/// Whether what a peer says isn't what follows from what it said: one overtook the other, or its log was rolled back, or these
/// are two machines with one key.
fn contradicts(known: &Summary, said: &Summary) -> bool {
    known.log_id == said.log_id && (known.head > said.head || (known.head == said.head && known.vector != said.vector))
}

/// A pull by vector that had its turn and goes on.
#[derive(Debug, Clone, Copy)]
struct VectorRun {
    /// Which log it reads.
    log_id: [u8; 16],
    /// Where that ended. One that ends earlier was replaced.
    head: Lsn,
    /// What its turns brought.
    gained: u64,
}

impl VectorRun {
    /// Whether it is the same log that it goes on with.
    fn reads(&self, theirs: &Summary) -> bool {
        self.log_id == theirs.log_id && self.head <= theirs.head
    }
}

/// How far a peer's events are taken.
#[derive(Debug, Default)]
struct PullLane {
    under_way: bool,
    /// How the peer was known to stand when the last pull began.
    knew: Option<Summary>,
    /// Why the last one failed.
    error: Option<String>,
    next_at: Moment,
    failures: u32,
    /// Their digests when a pull got all of it, but perhaps for twins.
    read: Option<Digests>,
    /// Their digests when all of theirs was surely here: the digests were equal, or the vector decided.
    held: Option<Digests>,
    /// Their digests when a pull by cursor stopped at an event that was not taken.
    refused: Option<Digests>,
    /// A pull by vector that isn't at its end.
    run: Option<VectorRun>,
    /// No pull by vector begins before this.
    vector_at: Moment,
}

impl PullLane {
    /// When and how to pull from a peer that holds `theirs` and isn't known to hold nothing else.
    fn next(&self, theirs: Digests) -> (Moment, PullMode) {
        if self.run.is_none() && [self.read, self.refused].contains(&Some(theirs)) {
            (self.next_at.max(self.vector_at), PullMode::Vector)
        } else {
            (self.next_at, PullMode::Cursor)
        }
    }

    /// A pull stopped at an event that was not taken. A rolled back log may lead to the same place by another way, and the
    /// cursor then passes what that event needs. So next time the vector decides, and after that the cursor again.
    fn stopped(&mut self, mode: PullMode, theirs: Digests) {
        let by_cursor = mode == PullMode::Cursor && self.run.is_none();
        (self.read, self.run) = (None, None);
        self.refused = by_cursor.then_some(theirs);
    }

    /// A pull had its turn, and all that it met was taken.
    fn took_turn(&mut self, mode: PullMode, theirs: &Summary, (gained, more): (u64, bool), now: Moment) {
        self.error = None;
        let digests = Digests::of(theirs);
        let run = self.run.take().filter(|run| run.reads(theirs)).map(|run| run.gained);
        let before = if mode == PullMode::Vector { Some(0) } else { run };
        (self.failures, self.next_at, self.refused) = (0, now, None);
        match before.map(|before| before.saturating_add(gained)) {
            None if more => {}
            None => {
                self.read = Some(digests);
                self.vector_at = self.vector_at.max(now.plus_ms(VECTOR_DELAY_MS));
            }
            Some(gained) => {
                self.vector_at = now.plus_ms(VECTOR_PULL_MS);
                if more {
                    self.run = Some(VectorRun { log_id: theirs.log_id, head: theirs.head, gained });
                    return;
                }
                // Of a stream of which the peer held more than this node only that came, and no twin before it: the peer may
                // have gained it since it was read. So what settles it is a pull of what was read before that brings nothing.
                if self.read == Some(digests) && gained == 0 {
                    self.held = Some(digests);
                }
                self.read = Some(digests);
            }
        }
    }

    /// A pull failed. If it was a turn of one by vector, what that brought isn't known: it may be something.
    fn failed(&mut self, reason: String, now: Moment, dice: &mut Dice) {
        self.error = Some(reason);
        self.failures = self.failures.saturating_add(1);
        self.next_at = now.plus_ms(back_off_ms(self.failures, dice));
        if let Some(run) = &mut self.run {
            run.gained = run.gained.saturating_add(1);
        }
    }
}

/// How pings to a peer end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pings {
    /// None is over yet.
    Untried,
    /// The last was answered: so where it answers is known.
    Answered,
    /// So many failed since.
    Failed(u32),
}

#[derive(Debug)]
struct Peer {
    paused: bool,
    link: Link,
    theirs: Option<Summary>,
    /// What the peer knows of us: digests, and bytes wanted.
    told: Option<(Digests, u64)>,
    /// A summary came that doesn't go on from the one known, since the last ping began: look again.
    doubtful: bool,
    pinging: bool,
    pinged_at: Option<Moment>,
    /// The next ping if there is no news; after failures, the end of the back-off.
    ping_at: Moment,
    pings: Pings,
    failing_since: Option<Moment>,
    /// When it said that it stops, unless it has answered since.
    left_at: Option<Moment>,
    /// When it last said so.
    said_goodbye_at: Option<Moment>,
    error: Option<String>,
    pull: PullLane,
    /// This node's head when the peer was seen to hold the same.
    synced_at: Option<Lsn>,
}

impl Peer {
    fn new(now: Moment) -> Self {
        Self {
            paused: false,
            link: Link::Unknown,
            theirs: None,
            told: None,
            doubtful: false,
            pinging: false,
            pinged_at: None,
            ping_at: now,
            pings: Pings::Untried,
            failing_since: None,
            left_at: None,
            said_goodbye_at: None,
            error: None,
            pull: PullLane::default(),
            synced_at: None,
        }
    }

    /// What went wrong last, and isn't well since.
    fn error(&self) -> Option<&String> {
        self.error.as_ref().or(self.pull.error.as_ref())
    }

    fn is_failing(&self) -> bool {
        matches!(self.pings, Pings::Failed(_))
    }

    /// When the next ping is due: at once or [`PING_COALESCE_MS`] after the last for news, later for less.
    fn ping_due(&self, own: &Summary) -> Option<Moment> {
        if self.paused || self.pinging {
            return None;
        }
        let apart_ms = if self.is_failing() {
            None
        } else if self.doubtful || self.has_news_for(own) {
            Some(PING_COALESCE_MS)
        } else {
            self.told.filter(|(_, wanted)| *wanted != own.want_bytes).map(|_| TOTALS_MS)
        };
        let news_at = apart_ms.map(|ms| self.pinged_at.map_or(Moment::default(), |last| last.plus_ms(ms)));
        Some(news_at.map_or(self.ping_at, |at| at.min(self.ping_at)))
    }

    /// When and how the next pull is due.
    fn pull_due(&self, own: &Summary) -> Option<(Moment, PullMode)> {
        let theirs = Digests::of(self.theirs.as_ref()?);
        let idle = !self.paused && !self.pull.under_way && self.pings == Pings::Answered;
        let is_here = theirs == Digests::of(own) || self.pull.held == Some(theirs);
        (idle && !is_here).then(|| self.pull.next(theirs))
    }

    fn is_read(&self) -> bool {
        let theirs = self.theirs.as_ref().map(Digests::of);
        theirs.is_some() && (self.pull.held == theirs || self.pull.read == theirs)
    }

    fn down_due(&self) -> Option<Moment> {
        let at = self.left_at.or_else(|| self.failing_since.map(|since| since.plus_ms(DOWN_AFTER_MS)));
        at.filter(|_| self.link != Link::Down)
    }

    fn has_news_for(&self, own: &Summary) -> bool {
        let own = Digests::of(own);
        let holds_it = self.theirs.as_ref().is_some_and(|theirs| Digests::of(theirs) == own);
        !holds_it && self.told.is_none_or(|(told, _)| told != own)
    }

    /// Both sides saw each other's summary. Answers may overtake each other, so one that is older than what is known is
    /// checked by another ping.
    fn learn(&mut self, theirs: Summary, told: &Summary, own: &Summary) {
        self.doubtful |= self.theirs.as_ref().is_some_and(|known| contradicts(known, &theirs));
        self.theirs = Some(theirs);
        self.told = Some((Digests::of(told), told.want_bytes));
        // What both held a moment ago is held, even if this node has moved on since.
        self.compare(told);
        self.compare(own);
    }

    fn compare(&mut self, own: &Summary) {
        let theirs = self.theirs.as_ref().map(Digests::of);
        if theirs == Some(Digests::of(own)) {
            (self.pull.held, self.pull.run, self.pull.error) = (theirs, None, None);
            self.synced_at = Some(own.head);
        }
    }

    fn answered(&mut self) {
        self.pings = Pings::Answered;
        self.failing_since = None;
        self.left_at = None;
        self.error = None;
    }

    fn failed(&mut self, reason: String, now: Moment, dice: &mut Dice) {
        let failures = if let Pings::Failed(before) = self.pings { before.saturating_add(1) } else { 1 };
        self.pings = Pings::Failed(failures);
        self.failing_since.get_or_insert(now);
        self.error = Some(reason);
        self.ping_at = now.plus_ms(back_off_ms(failures, dice));
    }

    /// A peer that answered last time is pinged now, or so long after its last ping.
    fn look_again_after(&mut self, ms: u64, now: Moment) {
        if !self.is_failing() {
            let earliest = self.pinged_at.map_or(now, |last| last.plus_ms(ms).max(now));
            self.ping_at = self.ping_at.min(earliest);
        }
    }

    /// Up and down, told once each.
    fn change(&mut self, node: &NodeId, now: Moment) -> Option<Action> {
        if self.link != Link::Up && self.pings == Pings::Answered {
            self.link = Link::Up;
            return Some(Action::NoteUp(*node));
        }
        let down = self.down_due().is_some_and(|at| at <= now);
        if down {
            self.link = Link::Down;
        }
        down.then(|| Action::NoteDown(*node, self.error.clone().unwrap_or_default()))
    }
}

/// All linked peers.
#[derive(Debug)]
pub(super) struct Peers {
    links: BTreeMap<NodeId, Peer>,
    own: Summary,
    dice: Dice,
}

impl Peers {
    /// No peers yet; this node stands as `own` says.
    pub(super) fn new(own: Summary, dice: Dice) -> Self {
        Self { links: BTreeMap::new(), own, dice }
    }

    /// The links as they are now: (peer, paused). New ones are pinged at once.
    pub(super) fn set_links(&mut self, links: &[(NodeId, bool)], now: Moment) {
        self.links.retain(|node, _| links.iter().any(|(linked, _)| linked == node));
        for (node, paused) in links {
            let peer = self.links.entry(*node).or_insert_with(|| Peer::new(now));
            if peer.paused && !paused {
                peer.ping_at = now;
                // It may have moved.
                if peer.pings == Pings::Answered {
                    peer.pings = Pings::Untried;
                }
            }
            peer.paused = *paused;
        }
    }

    /// This node changed.
    pub(super) fn set_own(&mut self, own: Summary) {
        self.own = own;
        self.links.values_mut().for_each(|peer| peer.compare(&self.own));
    }

    /// A peer pinged this node and was `told` how it stands here. It lives: no need to wait out a back-off.
    pub(super) fn heard(&mut self, node: &NodeId, theirs: Summary, told: &Summary, now: Moment) {
        let Some(peer) = self.links.get_mut(node) else { return };
        peer.learn(theirs, told, &self.own);
        if peer.is_failing() {
            let earliest = peer.pinged_at.map_or(now, |last| last.plus_ms(TOTALS_MS).max(now));
            peer.ping_at = peer.ping_at.min(earliest);
        }
    }

    /// A ping was answered; `told` is what it said of this node. Whether the peer is there by that: it may have said meanwhile that
    /// it stops.
    pub(super) fn pinged(&mut self, node: &NodeId, told: &Summary, theirs: Summary, now: Moment) -> bool {
        let Some(peer) = self.links.get_mut(node) else { return false };
        peer.pinging = false;
        peer.learn(theirs, told, &self.own);
        let left_since = peer.left_at.is_some_and(|left| peer.pinged_at.is_none_or(|asked| asked <= left));
        if !left_since {
            peer.answered();
            peer.ping_at = now.plus_ms(compare_ms(&mut self.dice));
        }
        !left_since
    }

    /// A peer says that it stops.
    pub(super) fn left(&mut self, node: &NodeId, now: Moment) {
        let Some(peer) = self.links.get_mut(node).filter(|peer| !peer.paused) else { return };
        peer.failed(STOPPED.to_owned(), now, &mut self.dice);
        let lately = peer.said_goodbye_at.is_some_and(|last| now.ms_since(last) < GOODBYE_AGAIN_MS);
        (peer.left_at, peer.said_goodbye_at) = (Some(now).filter(|_| !lately), Some(now));
    }

    /// A link with a peer was opened, by either: a way that may not have been there.
    pub(super) fn linked(&mut self, node: &NodeId, now: Moment) {
        if let Some(peer) = self.links.get_mut(node) {
            peer.ping_at = now;
        }
    }

    /// A peer that answered may be several machines, which are asked in turn.
    pub(super) fn takes_turns(&mut self, node: &NodeId, now: Moment) {
        if let Some(peer) = self.links.get_mut(node) {
            peer.look_again_after(TURNS_MS, now);
        }
    }

    /// A connection to a peer ended. It may be stopping, or just tidy.
    pub(super) fn lost(&mut self, node: &NodeId, now: Moment) {
        if let Some(peer) = self.links.get_mut(node) {
            peer.look_again_after(LOST_MS, now);
        }
    }

    /// A ping failed.
    pub(super) fn ping_failed(&mut self, node: &NodeId, reason: String, now: Moment) {
        if let Some(peer) = self.links.get_mut(node) {
            peer.pinging = false;
            peer.failed(reason, now, &mut self.dice);
        }
    }

    /// A pull ended.
    pub(super) fn pulled(&mut self, node: &NodeId, report: PullReport, now: Moment) {
        let Some(peer) = self.links.get_mut(node) else { return };
        peer.pull.under_way = false;
        let PullReport { mode, theirs, gained, more, refused, is_offence: _, passed_over: _ } = report;
        let newer = |known: &Summary| known.log_id == theirs.log_id && known.head > theirs.head;
        // What was heard meanwhile overtook this. But a log that doesn't go on from what its node had said before it was asked
        // was rolled back, or is another machine's: that is how it stands if nothing was heard since, and a ping tells.
        let knew = peer.pull.knew.take();
        let went_back = knew.as_ref().is_some_and(|knew| contradicts(knew, &theirs));
        if (went_back && peer.theirs == knew) || !peer.theirs.as_ref().is_some_and(newer) {
            peer.theirs = Some(theirs.clone());
        }
        peer.doubtful |= went_back;
        peer.compare(&self.own);
        if let Some(reason) = refused {
            peer.pull.stopped(mode, Digests::of(&theirs));
            return peer.pull.failed(reason, now, &mut self.dice);
        }
        peer.pull.took_turn(mode, &theirs, (gained, more), now);
        if went_back {
            // Where pings reach one machine and pulls another, each finds what the other didn't say.
            peer.pull.next_at = now.plus_ms(BACK_OFF_MIN_MS);
        }
    }

    /// A pull failed. It was asked for where the peer answered last, and perhaps it is elsewhere by now: a ping looks for it.
    pub(super) fn pull_failed(&mut self, node: &NodeId, reason: String, now: Moment) {
        if let Some(peer) = self.links.get_mut(node) {
            peer.pull.under_way = false;
            peer.pull.failed(reason, now, &mut self.dice);
            peer.look_again_after(TOTALS_MS, now);
        }
    }

    /// A person asks for a pull now.
    pub(super) fn hurry(&mut self, node: &NodeId, now: Moment) {
        if let Some(peer) = self.links.get_mut(node) {
            (peer.ping_at, peer.pull.next_at) = (now, now);
            (peer.pull.read, peer.pull.held, peer.pull.refused) = (None, None, None);
        }
    }

    /// What is due now. Each ping and pull is counted as under way until it is reported on.
    pub(super) fn actions(&mut self, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        for (node, peer) in &mut self.links {
            actions.extend(peer.change(node, now));
            if peer.ping_due(&self.own).is_some_and(|due| due <= now) {
                (peer.pinging, peer.pinged_at, peer.doubtful) = (true, Some(now), false);
                actions.push(Action::Ping(*node));
            }
            if let Some((_, mode)) = peer.pull_due(&self.own).filter(|(due, _)| *due <= now) {
                (peer.pull.under_way, peer.pull.knew) = (true, peer.theirs.clone());
                actions.push(Action::Pull(*node, mode));
            }
        }
        actions
    }

    /// When the next action is due, if nothing happens before.
    pub(super) fn next_at(&self) -> Option<Moment> {
        let due = |peer: &Peer| {
            let pull = peer.pull_due(&self.own).map(|(due, _)| due);
            [peer.ping_due(&self.own), pull, peer.down_due()].into_iter().flatten().min()
        };
        self.links.values().filter_map(due).min()
    }

    /// How a peer looks.
    pub(super) fn view(&self, node: &NodeId) -> Option<PeerView> {
        let peer = self.links.get(node)?;
        let (link, paused) = (peer.link, peer.paused);
        let caught_up = peer.is_read();
        Some(PeerView { link, paused, theirs: peer.theirs.clone(), caught_up, error: peer.error().cloned() })
    }

    /// Where this node's log ended when the peer was last seen to hold all of it.
    pub(super) fn synced_at(&self, node: &NodeId) -> Option<Lsn> {
        self.links.get(node)?.synced_at
    }

    /// Whether all is done that can be done with a peer now, and what went wrong if something did; `None` while a ping or
    /// pull is under way or due.
    pub(super) fn settled(&self, node: &NodeId, now: Moment) -> Option<Result<(), String>> {
        let Some(peer) = self.links.get(node) else { return Some(Err("the link was removed".to_owned())) };
        let due = peer.ping_due(&self.own).into_iter().chain(peer.pull_due(&self.own).map(|(due, _)| due));
        if peer.pinging || peer.pull.under_way || due.min().is_some_and(|due| due <= now) {
            return None;
        }
        Some(peer.error().cloned().map_or(Ok(()), Err))
    }

    /// How it stands here.
    pub(super) fn own(&self) -> &Summary {
        &self.own
    }

    /// All linked peers.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.links.keys()
    }
}

#[cfg(test)]
mod tests;
