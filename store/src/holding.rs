//! Which node has which bytes, as far as signed states prove it. Pure; the reading is in `holders.rs`.
//!
//! A node has the bytes of a revision that is current here iff, by its state,
//! - its vector covers the event, and holds nothing that this node doesn't hold (else something there may have replaced
//!   the revision, and the want may be gone without the bytes ever having come),
//! - if the event's origin is expelled, its vector is the same (else it may lack the event by which an Expel covers this
//!   one, so that this one doesn't count there, and the want is gone likewise),
//! - its roster is the one held here (else another event may count there),
//! - its policy selects the package, and is not `on-demand`,
//! - the blob is not among its wants, and that list is complete.
//!
//! Where one of these can't be told the answer is *unknown*, never a guess. Vectors and rosters differ for moments only.

use std::collections::HashMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::digest::{Digest, SetDigest};
use crate::event::StreamId;
use crate::node_state::{NodeState, StatePolicy, StreamBrief, WantBrief, low_sum};
use crate::vector::{StreamState, Vector};

/// The revision that is asked about: current here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    pub(crate) stream: StreamId,
    pub(crate) seq: u64,
    /// Whether its origin is expelled: it counts since every Expel covers it, by itself or by a later event.
    pub(crate) of_expelled: bool,
    pub(crate) blob: Digest,
    pub(crate) path: &'a str,
    pub(crate) tags: &'a str,
}

/// Whether a node has a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// All of it.
    Has,
    /// It lacks some or all of it, and wants it.
    Wants {
        /// Bytes it lacks.
        missing: u64,
        /// How fast they come, in bytes a second; 0 while none do.
        rate: u64,
    },
    /// It has not got the news of the revision.
    Behind,
    /// Its policy doesn't keep it.
    NotKept,
    /// What it says of itself doesn't tell.
    Unknown(NotTold),
}

/// Why a state does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTold {
    /// No state of the node is here.
    NoState,
    /// The state is of a version that this one can't read.
    LaterVersion,
    /// The node has another roster at the moment.
    OtherRoster,
    /// The node holds events that this one doesn't, or other ones; or it lacks some by which those of an expelled node count.
    OtherEvents,
    /// It has so many streams that its state doesn't list all.
    ManyStreams,
    /// It has so many wants that its state doesn't list all.
    ManyWants,
    /// It keeps what was asked for there, which nobody is told.
    OnDemand,
}

/// What this node holds, to compare with.
pub(crate) struct Here {
    digest: SetDigest,
    roster: SetDigest,
    streams: HashMap<[u8; 8], (StreamId, StreamState)>,
}

impl Here {
    pub(crate) fn new(vector: &Vector, roster: SetDigest) -> Self {
        let entries = vector.entries.iter();
        let streams = entries.map(|(stream, state)| (StreamBrief::tag_of(stream), (*stream, *state))).collect();
        Self { digest: vector.digest(), roster, streams }
    }
}

/// How the events of a node compare with those held here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Events {
    /// The same ones.
    Same,
    /// Some of them: all up to a last one in each stream.
    Fewer,
    /// That can't be said.
    Other(NotTold),
}

/// A node's state, compared with what is held here.
pub(crate) struct Compared {
    events: Events,
    same_roster: bool,
    lasts: HashMap<[u8; 8], u64>,
    lasts_complete: bool,
    wants: HashMap<Digest, WantBrief>,
    wants_complete: bool,
    keeps: Keeps,
}

/// The sum (modulo 2⁶⁴) of the ids held of a stream after a seq; `None` if there are too many of them.
pub(crate) type TailSum<'a, E> = &'a dyn Fn(&StreamId, u64) -> Result<Option<u64>, E>;

impl Compared {
    pub(crate) fn new<E>(state: &NodeState, here: &Here, tail: TailSum<'_, E>) -> Result<Self, E> {
        Ok(Self {
            events: compare(state, here, tail)?,
            same_roster: state.roster == here.roster,
            lasts: state.streams.iter().map(|brief| (brief.tag, brief.last)).collect(),
            lasts_complete: state.streams_complete,
            wants: state.wants.iter().map(|want| (want.blob, *want)).collect(),
            wants_complete: state.wants_complete,
            keeps: Keeps::new(&state.policy),
        })
    }

    /// The blobs that the node is known to want.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Digest> {
        self.wants.keys()
    }

    /// The streams of which the node is known to lack the last events, each with the last that it may have.
    pub(crate) fn tails(&self, here: &Vector) -> Vec<(StreamId, u64)> {
        if self.events == Events::Same || !self.lasts_complete {
            return Vec::new();
        }
        let last = |stream| self.lasts.get(&StreamBrief::tag_of(stream)).copied().unwrap_or(0);
        let entries = here.entries.iter().map(|(stream, held)| (*stream, last(stream), held.last));
        entries.filter(|(_, last, held)| last < held).map(|(stream, last, _)| (stream, last)).collect()
    }

    /// Whether the node is known to have the events of a stream up to this one.
    pub(crate) fn covers(&self, stream: &StreamId, seq: u64) -> bool {
        self.lasts.get(&StreamBrief::tag_of(stream)).is_some_and(|last| *last >= seq)
    }

    /// Why the node may lack revisions of which [`Self::holding`] can't tell, some of which are of expelled nodes or none;
    /// `None` if it can tell of all.
    pub(crate) fn untold(&self, some_of_expelled: bool) -> Option<NotTold> {
        match (self.events, self.same_roster, self.wants_complete) {
            (Events::Other(why), _, _) => Some(why),
            (Events::Fewer, _, _) if some_of_expelled => Some(NotTold::OtherEvents),
            (Events::Same | Events::Fewer, false, _) => Some(NotTold::OtherRoster),
            (Events::Same | Events::Fewer, true, false) => Some(NotTold::ManyWants),
            (Events::Same | Events::Fewer, true, true) => None,
        }
    }

    /// Whether the node has the bytes of a revision.
    pub(crate) fn holding(&self, asked: &Asked<'_>) -> Holding {
        if let Some(want) = self.wants.get(&asked.blob) {
            return Holding::Wants { missing: want.missing, rate: want.rate };
        }
        match self.keeps.package(asked) {
            Some(true) => {}
            Some(false) => return Holding::NotKept,
            None => return Holding::Unknown(NotTold::OnDemand),
        }
        let lacks = !self.covers(&asked.stream, asked.seq);
        match self.events {
            // That an event is lacking can be told even where it can't be told what else is there.
            Events::Fewer | Events::Other(_) if lacks && self.lasts_complete => return Holding::Behind,
            Events::Other(why) => return Holding::Unknown(why),
            // Those that it lacks may be the ones by which this one counts here.
            Events::Fewer if asked.of_expelled => return Holding::Unknown(NotTold::OtherEvents),
            Events::Same | Events::Fewer => {}
        }
        match (self.same_roster, self.wants_complete) {
            (false, _) => Holding::Unknown(NotTold::OtherRoster),
            (true, false) => Holding::Unknown(NotTold::ManyWants),
            (true, true) => Holding::Has,
        }
    }
}

fn compare<E>(state: &NodeState, here: &Here, tail: TailSum<'_, E>) -> Result<Events, E> {
    if state.vector == here.digest {
        return Ok(Events::Same);
    }
    if !state.streams_complete {
        return Ok(Events::Other(NotTold::ManyStreams));
    }
    for theirs in &state.streams {
        let Some((stream, ours)) = here.streams.get(&theirs.tag) else {
            return Ok(Events::Other(NotTold::OtherEvents));
        };
        if theirs.last > ours.last {
            return Ok(Events::Other(NotTold::OtherEvents));
        }
        let after = if theirs.last == ours.last { Some(0) } else { tail(stream, theirs.last)? };
        if after.is_none_or(|after| theirs.sum.wrapping_add(after) != low_sum(&ours.sum)) {
            return Ok(Events::Other(NotTold::OtherEvents));
        }
    }
    Ok(Events::Fewer)
}

/// Which packages a policy keeps.
#[derive(Debug)]
pub(crate) enum Keeps {
    All,
    Selected(GlobSet, Vec<String>),
    OnDemand,
}

impl Keeps {
    pub(crate) fn new(policy: &StatePolicy) -> Self {
        match policy {
            StatePolicy::All => Self::All,
            StatePolicy::OnDemand { .. } => Self::OnDemand,
            StatePolicy::Selected { paths, tags } => {
                let mut set = GlobSetBuilder::new();
                // As they stand: a policy means the same to every version that reads it. What is taken here is in NFC.
                for glob in paths.iter().filter_map(|glob| Glob::new(glob).ok()) {
                    set.add(glob);
                }
                Self::Selected(set.build().unwrap_or_default(), tags.clone())
            }
        }
    }

    /// `None` if that depends on what clients asked for.
    fn package(&self, asked: &Asked<'_>) -> Option<bool> {
        self.selects(asked.path, asked.tags)
    }

    /// The same by path and comma-separated tags.
    pub(crate) fn selects(&self, path: &str, its_tags: &str) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::OnDemand => None,
            Self::Selected(paths, tags) => {
                let tagged = its_tags.split(',').any(|tag| tags.iter().any(|selected| selected == tag));
                Some(tagged || paths.is_match(path))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{EventId, NodeId};
    use crate::node_state::tests::blank;
    use crate::set_sum::SetSum;

    const HERE_ROSTER: SetDigest = SetDigest::from_bytes([7; 32]);

    fn stream(number: u8) -> StreamId {
        StreamId { origin: NodeId::from_bytes([number; 32]), epoch: 5 }
    }

    fn event(stream: u8, seq: u64) -> EventId {
        EventId::from_bytes(blake3::derive_key("test", &[stream, u8::try_from(seq).unwrap()]))
    }

    fn vector(lasts: &[(u8, u64)]) -> Vector {
        let entry = |&(number, last): &(u8, u64)| {
            let mut sum = SetSum::default();
            (1..=last).for_each(|seq| sum.add(event(number, seq).as_bytes()));
            (stream(number), StreamState { last, sum })
        };
        Vector { entries: lasts.iter().map(entry).collect() }
    }

    /// A node that holds `lasts`, compared with one that holds three events of stream 1 and two of stream 2.
    fn compared(lasts: &[(u8, u64)], change: impl FnOnce(&mut NodeState)) -> Compared {
        let theirs = vector(lasts);
        let streams = theirs.entries.iter().map(|(stream, state)| StreamBrief::new(stream, state)).collect();
        let mut state = NodeState { vector: theirs.digest(), streams, roster: HERE_ROSTER, ..blank() };
        change(&mut state);
        let ours = vector(&[(1, 3), (2, 2)]);
        let tail = |of: &StreamId, after: u64| {
            let mut sum = SetSum::default();
            let number = of.origin.as_bytes()[0];
            (after + 1..=ours.stream(of).last).for_each(|seq| sum.add(event(number, seq).as_bytes()));
            Ok::<_, ()>(Some(low_sum(&sum)))
        };
        Compared::new(&state, &Here::new(&ours, HERE_ROSTER), &tail).unwrap()
    }

    fn asked(seq: u64) -> Asked<'static> {
        let (path, tags) = ("mac/x.pkg", "prod,beta");
        Asked { stream: stream(1), seq, of_expelled: false, blob: Digest::of(b"x"), path, tags }
    }

    fn want(blob: &[u8]) -> WantBrief {
        WantBrief { blob: Digest::of(blob), size: 9, missing: 4, rate: 2 }
    }

    #[test]
    fn a_node_that_covers_the_event_and_wants_nothing_has_it() {
        assert_eq!(compared(&[(1, 3), (2, 2)], |_| {}).holding(&asked(3)), Holding::Has);
        assert_eq!(compared(&[(1, 2)], |_| {}).holding(&asked(2)), Holding::Has, "with fewer events than here");
        assert_eq!(
            compared(&[(1, 3), (2, 2)], |state| state.wants = vec![want(b"y")]).holding(&asked(3)),
            Holding::Has
        );
    }

    #[test]
    fn a_want_or_a_missing_event_says_that_it_is_not_there() {
        let wants = compared(&[(1, 3), (2, 2)], |state| state.wants = vec![want(b"x")]);
        assert_eq!(wants.holding(&asked(3)), Holding::Wants { missing: 4, rate: 2 });
        assert_eq!(compared(&[(1, 2), (2, 2)], |_| {}).holding(&asked(3)), Holding::Behind);
        assert_eq!(compared(&[(2, 2)], |_| {}).holding(&asked(1)), Holding::Behind);
    }

    #[test]
    fn whatever_could_hide_a_missing_blob_makes_it_unknown() {
        let unknown = |compared: Compared| match compared.holding(&asked(3)) {
            Holding::Unknown(why) => why,
            told => panic!("{told:?}"),
        };
        let all = &[(1, 3), (2, 2)];
        assert_eq!(unknown(compared(all, |state| state.wants_complete = false)), NotTold::ManyWants);
        let other_roster = SetDigest::from_bytes([8; 32]);
        assert_eq!(unknown(compared(all, |state| state.roster = other_roster)), NotTold::OtherRoster);
        // A newer event there may have replaced the revision, and so ended the want.
        assert_eq!(unknown(compared(&[(1, 4), (2, 2)], |_| {})), NotTold::OtherEvents);
        assert_eq!(unknown(compared(&[(1, 3), (3, 1)], |_| {})), NotTold::OtherEvents);
        // A twin: as many events, but not the same ones.
        let twin = |state: &mut NodeState| {
            state.vector = SetDigest::from_bytes([1; 32]);
            state.streams[0].sum ^= 1;
            state.streams[1].sum ^= 1;
        };
        assert_eq!(unknown(compared(all, twin)), NotTold::OtherEvents);
        let cut = |state: &mut NodeState| {
            state.streams.truncate(1);
            state.streams_complete = false;
        };
        assert_eq!(unknown(compared(&[(1, 3), (2, 1)], cut)), NotTold::ManyStreams);
    }

    #[test]
    fn an_event_of_an_expelled_node_may_count_by_those_that_are_lacking() {
        let asked = |seq| Asked { of_expelled: true, ..asked(seq) };
        let (all, fewer) = (compared(&[(1, 3), (2, 2)], |_| {}), compared(&[(1, 2), (2, 2)], |_| {}));
        assert_eq!((all.holding(&asked(2)), all.untold(true)), (Holding::Has, None));
        assert_eq!(fewer.holding(&asked(2)), Holding::Unknown(NotTold::OtherEvents));
        assert_eq!(fewer.holding(&asked(3)), Holding::Behind);
        assert_eq!((fewer.untold(true), fewer.untold(false)), (Some(NotTold::OtherEvents), None));
    }

    #[test]
    fn the_policy_decides_what_a_node_keeps() {
        let all = &[(1, 3), (2, 2)];
        let selected = |paths: &[&str], tags: &[&str]| {
            let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
            let policy = StatePolicy::Selected { paths: texts(paths), tags: texts(tags) };
            compared(all, |state| state.policy = policy).holding(&asked(3))
        };
        assert_eq!(selected(&["mac/*"], &[]), Holding::Has);
        assert_eq!(selected(&[], &["beta"]), Holding::Has);
        assert_eq!(selected(&["win/*"], &["test"]), Holding::NotKept);
        let on_demand = compared(all, |state| state.policy = StatePolicy::OnDemand { bytes_max: 1 });
        assert_eq!(on_demand.holding(&asked(3)), Holding::Unknown(NotTold::OnDemand));
    }
}
