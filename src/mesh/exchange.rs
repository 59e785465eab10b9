//! What a node asks of a peer and does with the answers, step by step, without any carrier: the caller's side of
//! [`super::serve`].
//!
//! Invariants: rosters are swapped before events ([`super::roster_exchange`]), so what the peer's roster lets in is taken. An
//! Expel that comes ahead of the events it names waits for them in the store (`expel_ahead.rs` there), and is told on meanwhile.
//! No pull ends its waiting but by bringing the last of them: the next peer may have what this one lacks. Of the node that it
//! expels nothing else is taken.

use ods_store::{EventBatch, Lsn, NodeId, PulledFrom, Store, StoreError, UnixMillis, VerifiedBatch};

use super::limits::{PING_EVENTS_BYTES_MAX, ROSTER_FIRST_BYTES};
use super::peers::{PullMode, PullReport};
use super::protocol::{Answer, Cursor, LogAnswer, LogRequest, Ping, Request, RosterAnswer, RosterRequest, Summary};
use super::roster_exchange::{RosterStep, RosterSwap, hear_if_room};
use super::serve::summary;

/// A ping. To a peer that held all of this node's events when its log ended at `news_after`, what came since goes along.
pub(super) fn ping(store: &Store, news_after: Option<Lsn>) -> Result<Ping, StoreError> {
    let summary = summary(store)?;
    let events = match news_after {
        Some(after) => store.events_after(after, PING_EVENTS_BYTES_MAX)?,
        None => Vec::new(),
    };
    Ok(Ping { summary, events })
}

/// What a node says to a peer that takes it for a stranger: who admitted it.
pub(super) fn introduce(store: &Store) -> Result<Request, StoreError> {
    RosterSwap::start(store).map(|(_, request)| request)
}

/// Takes what such a peer answers: a page of its roster, or why this node doesn't belong any more.
pub(super) fn introduced(store: &Store, answer: Answer, now: UnixMillis) -> Result<(), PullError> {
    let Answer::Roster(answer) = answer else { return Err(PullError::Garbage("it answers another question")) };
    hear_if_room(store, answer.statements, now).map(drop).map_err(PullError::Roster)
}

/// What a member says to a node that was expelled, once: what its standing follows from, so that it stops at once. What
/// it answers is not looked at.
pub(super) fn farewell(store: &Store, node: &NodeId) -> Result<Request, StoreError> {
    let roster = store.told_roster()?;
    let statements = roster.page(roster.bearing_on(node), ROSTER_FIRST_BYTES)?;
    Ok(Request::Roster(RosterRequest { statements, digest: roster.digest(), held: None }))
}

/// A pull under way.
#[derive(Debug)]
pub(super) struct Pull {
    node: NodeId,
    mode: PullMode,
    backfill: bool,
    gained: u64,
    pages: usize,
    pages_max: usize,
    /// Statements that this version couldn't take.
    passed_over: usize,
    /// The swap of rosters that comes first.
    swap: Option<RosterSwap>,
    /// What was asked last of the log.
    asked: Option<LogRequest>,
}

/// Looks at answers to a pull without taking them, so that one is looked at while another is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checker {
    node: NodeId,
    backfill: bool,
}

/// An answer that was looked at.
#[derive(Debug)]
pub(super) enum Checked {
    /// A page of the log.
    Page(CheckedPage),
    /// Anything else, as it came.
    Other(Answer),
}

/// A page of the log whose events' signatures were checked.
#[derive(Debug)]
pub(super) struct CheckedPage {
    batch: VerifiedBatch,
    cursor: Cursor,
    more: bool,
    summary: Summary,
}

impl Checker {
    /// Looks at an answer.
    pub(super) fn check(self, store: &Store, answer: Answer) -> Result<Checked, StoreError> {
        let LogAnswer { items, cursor, more, summary } = match answer {
            Answer::Log(page) => page,
            other => return Ok(Checked::Other(other)),
        };
        let (positions, events) = items.into_iter().unzip();
        let pull = Some(PulledFrom { node: self.node, positions, cursor: cursor.clone().into(), is_last: !more });
        let batch = store.verify_events(EventBatch { events, pull, backfill: self.backfill })?;
        Ok(Checked::Page(CheckedPage { batch, cursor, more, summary }))
    }
}

/// How a pull goes on.
#[derive(Debug)]
pub(super) enum Step {
    /// Ask the peer this.
    Ask(Request),
    /// It is over.
    Done(PullReport),
}

/// Why a pull ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    /// The answer can't be right.
    #[error("its answer can't be used: {0}")]
    Garbage(&'static str),
    /// It was expelled while the pull was under way, or is about to be.
    #[error("it was expelled from this mesh")]
    Expelled,
    /// A statement of its roster is malformed.
    #[error("its roster can't be used")]
    Roster(#[source] StoreError),
    /// This node's store failed.
    #[error("this node's store failed: {0}")]
    Store(#[from] StoreError),
}

impl Pull {
    /// Begins a pull of at most so many pages from a peer that stands as `theirs`: rosters first if they differ.
    pub(super) fn start(
        store: &Store,
        node: NodeId,
        mode: PullMode,
        theirs: &Summary,
        pages_max: usize,
    ) -> Result<(Self, Request), StoreError> {
        let backfill = store.is_backfilling()?;
        let mut pull =
            Self { node, mode, backfill, gained: 0, pages: 0, pages_max, passed_over: 0, swap: None, asked: None };
        if theirs.roster == store.told_digest()? {
            let request = pull.ask_log(store)?;
            return Ok((pull, request));
        }
        let (swap, request) = RosterSwap::start(store)?;
        pull.swap = Some(swap);
        Ok((pull, request))
    }

    /// What looks at this pull's answers.
    pub(super) const fn checker(&self) -> Checker {
        Checker { node: self.node, backfill: self.backfill }
    }

    /// What will be asked after this answer if all of it is taken. It may be asked and looked at before that, so that the peer
    /// reads its log while this node writes; what comes is then taken in its turn, or dropped if the pull doesn't go on.
    pub(super) fn ahead(&self, answer: &Checked) -> Option<Request> {
        let (Checked::Page(page), Some(asked)) = (answer, &self.asked) else { return None };
        let goes_on = page.more && self.pages + 1 < self.pages_max && !self.is_stuck(page);
        goes_on.then(|| Request::Log(LogRequest { cursor: Some(page.cursor.clone()), vector: asked.vector.clone() }))
    }

    /// Takes an answer and says how to go on.
    pub(super) fn take(&mut self, store: &Store, answer: Checked, now: UnixMillis) -> Result<Step, PullError> {
        if store.roster().is_expelled(&self.node) {
            return Err(PullError::Expelled);
        }
        match answer {
            Checked::Page(page) => self.take_page(store, page, now),
            Checked::Other(Answer::Roster(answer)) => self.take_roster(store, answer, now),
            Checked::Other(_) => Err(PullError::Garbage("it answers another question")),
        }
    }

    /// Nothing is taken from a node that is put out, but for a page of its log.
    fn take_roster(&mut self, store: &Store, answer: RosterAnswer, now: UnixMillis) -> Result<Step, PullError> {
        let Some(swap) = &mut self.swap else { return Err(PullError::Garbage("it answers another question")) };
        if !store.is_put_out(&self.node) {
            let step = swap.take(store, answer, now).map_err(PullError::Roster)?;
            self.passed_over = swap.passed_over();
            match step {
                RosterStep::Ask(next) => return Ok(Step::Ask(next)),
                RosterStep::Done(gained) => self.gained += gained,
            }
        }
        self.swap = None;
        Ok(Step::Ask(self.ask_log(store)?))
    }

    fn take_page(&mut self, store: &Store, page: CheckedPage, now: UnixMillis) -> Result<Step, PullError> {
        if self.is_stuck(&page) {
            return Err(PullError::Garbage("its log page doesn't move on"));
        }
        let CheckedPage { batch, more, summary, .. } = page;
        let taken = match store.insert_verified(batch, now) {
            Err(StoreError::Expelled { .. }) => return Err(PullError::Expelled),
            outcome => outcome?,
        };
        self.gained += taken.inserted as u64;
        self.pages += 1;
        if more && taken.refused.is_none() && self.pages < self.pages_max {
            return Ok(Step::Ask(self.ask_log(store)?));
        }
        let is_offence = taken.refused.as_ref().is_some_and(|refusal| refusal.reason.is_offence());
        let refused = taken.refused.map(|refusal| format!("event {} was not taken: {}", refusal.event, refusal.reason));
        let Self { mode, gained, passed_over, .. } = *self;
        Ok(Step::Done(PullReport { mode, theirs: summary, gained, more, refused, is_offence, passed_over }))
    }

    /// A page that promises more and doesn't move on would be asked for until the end of time.
    fn is_stuck(&self, page: &CheckedPage) -> bool {
        let from = self.asked.as_ref().and_then(|asked| asked.cursor.as_ref());
        page.more && from == Some(&page.cursor)
    }

    /// The next page. Only the first of a pull by vector goes without the cursor.
    fn ask_log(&mut self, store: &Store) -> Result<Request, StoreError> {
        let by_vector = self.mode == PullMode::Vector && self.pages == 0;
        let cursor = if by_vector { None } else { store.peer_cursor(&self.node)? };
        let request = LogRequest::new(cursor, &store.vector()?);
        self.asked = Some(request.clone());
        Ok(Request::Log(request))
    }
}
