//! Every bound of the mesh, in one place. Each protects memory, disk or a peer from what others send.

/// Bytes of new events that a ping may carry.
pub(super) const PING_EVENTS_BYTES_MAX: usize = 64 * 1024;
/// Bytes in the body of a ping: its events and room around them.
pub(super) const PING_BODY_BYTES_MAX: usize = 80 * 1024;
/// Bytes in the body of a pairing call, which carries the first page of the joiner's roster.
pub(super) const PAIR_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes in the body of any call of a node that nobody admitted yet.
pub(super) const STRANGER_BODY_BYTES_MAX: usize = 1024 * 1024;
/// ... which has to be here in this time.
pub(super) const STRANGER_BODY_MS: u64 = 15_000;
/// Calls of such nodes that are read or answered at once,
pub(super) const STRANGERS_AT_ONCE: usize = 16;
/// ... and from one address.
pub(super) const STRANGERS_PER_ADDRESS_MAX: usize = 4;
/// Bytes from which a body counts as large.
pub(super) const LARGE_BODY_BYTES: usize = 64 * 1024;
/// Large bodies of one member that are read or answered at once. An honest one pulls and swaps states.
pub(super) const LARGE_BODIES_PER_MEMBER_MAX: usize = 2;
/// Large bodies, of all members, that are taken apart and answered at once; others wait, whole but as they came.
pub(super) const LARGE_BODIES_AT_ONCE: usize = 4;
/// Large answers on their way to one member at once: pages of the log, and outlines of very big blobs.
pub(super) const LARGE_ANSWERS_PER_MEMBER_MAX: usize = 16;
/// Bytes in a swap of rosters, asked or answered.
pub(super) const ROSTER_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of statements in one call; the rest comes with the next,
pub(super) const ROSTER_BYTES_MAX: usize = 5 * 1024 * 1024;
/// ... and in the first, which one makes that nobody may have admitted.
pub(super) const ROSTER_FIRST_BYTES: usize = 512 * 1024;
/// Statements that a call names by their ids,
pub(super) const ROSTER_IDS_MAX: usize = 60_000;
/// ... and the first one.
pub(super) const ROSTER_FIRST_IDS_MAX: usize = 12_000;
/// Calls of one swap of rosters.
pub(super) const ROSTER_CALLS_MAX: usize = 64;
/// Bytes in a swap of node states, asked or answered.
pub(super) const STATES_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of node states in one call; the rest comes with the next.
pub(super) const STATES_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Bytes in the question for a log page: a cursor and a vector of tens of thousands of streams.
pub(super) const LOG_QUERY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Streams that it names: each takes 84 bytes at most.
pub(super) const LOG_QUERY_STREAMS_MAX: usize = 49_000;
/// Bytes in a log page: its frames, their signatures and positions.
pub(super) const LOG_ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes in an outline: that of the largest blob, 1 TiB, and a little.
pub(super) const OUTLINE_BYTES_MAX: usize = 33 * 1024 * 1024;
/// Bytes in a piece map: that of the largest blob, and a little.
pub(super) const PIECE_MAP_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a refusal that the caller reads.
pub(super) const REFUSAL_BYTES_MAX: usize = 16 * 1024;
/// Bytes in a peer's name, url list entry or other short text.
pub(super) const TEXT_BYTES_MAX: usize = 512;
/// Urls that a node may name for itself.
pub(super) const URLS_MAX: usize = 32;

/// How long a nonce is issued; it is accepted for as long again.
pub(super) const NONCE_MS: u64 = 60_000;
/// Serials remembered for one nonce and member.
pub(super) const SERIALS_MAX: usize = 8_192;
/// Serials remembered for one nonce, of all nodes together that nobody admitted (they can only pair).
pub(super) const STRANGER_SERIALS_MAX: usize = 4_096;

/// Refused calls of one place are counted over this time.
pub(super) const OFFENCE_WINDOW_MS: u64 = 60_000;
/// ... and what was told of is told again after this, if it goes on.
pub(super) const OFFENCE_AGAIN_MS: u64 = 3_600_000;
/// Alarms about refused calls within that time.
pub(super) const OFFENCE_ALARMS_MAX: u32 = 20;
/// Places and kinds of refused calls that are counted one by one.
pub(super) const OFFENDERS_MAX: usize = 1_000;

/// A connection that isn't made in this time is given up.
pub(super) const CONNECT_MS: u64 = 5_000;
/// A peer that sends no byte for this time, though it owes some, is dropped.
pub(super) const SILENCE_MS: u64 = 10_000;
/// What is read whole comes at this rate at least, in bytes a millisecond (64 kbit/s), or the peer is dropped.
pub(super) const LEAST_BYTES_PER_MS: u64 = 8;
/// Bytes of a blob that come within [`BYTES_WINDOW_MS`] at least, in one answer. Limits may be low and shared by many answers.
pub(super) const BYTES_WINDOW_LEAST: usize = 8 * 1024;
/// ... which is this long.
pub(super) const BYTES_WINDOW_MS: u64 = 60_000;
/// Connections kept open to one peer while they are idle.
pub(super) const IDLE_CONNECTIONS_MAX: usize = 40;
/// An idle connection older than this is not used again: the other side may be closing it.
pub(super) const IDLE_MS: u64 = 20_000;

/// A peer that answers and hasn't called this node for this time after it first answered is opened a link.
pub(super) const LINK_AFTER_MS: u64 = 5_000;
/// ... and one that called once, after this time of silence: see [`super::linking`].
pub(super) const LINK_SILENCE_MS: u64 = 100_000;
/// A link that lasted this long did not fail.
pub(super) const LINK_LASTED_MS: u64 = 10_000;
/// Links that one peer may hold open.
pub(super) const LINKS_PER_PEER_MAX: usize = 4;
/// A ping through a link that isn't answered in so long goes through the peer's next link as well.
pub(super) const LINK_TURN_MS: u64 = 1_000;
/// A peer that has several links open is pinged this often: these may be machines with one key, each of which has what others lack.
pub(super) const TURNS_MS: u64 = 5_000;
/// Links that all peers together may hold open.
pub(super) const LINKS_MAX: usize = 2_000;
/// Questions at once through a link.
pub(super) const LINK_STREAMS_MAX: u32 = 64;
/// Bytes on their way in one answer through a link.
pub(super) const LINK_STREAM_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes on their way through a link.
pub(super) const LINK_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// A link that rests shows this often that it lives, and is given up if no sign of life comes for as long.
pub(super) const LINK_ALIVE_MS: u64 = 15_000;

/// Pings to one peer are this far apart at least; what happens in between goes with the next.
pub(super) const PING_COALESCE_MS: u64 = 50;
/// A peer is pinged this often even if there is no news, give or take the jitter.
pub(super) const COMPARE_MS: u64 = 60_000;
/// Want totals are told to peers at most this often.
pub(super) const TOTALS_MS: u64 = 1_000;
/// A peer that closed an idle connection is pinged, this long after its last ping at least: it may be stopping.
pub(super) const LOST_MS: u64 = 10_000;
/// The first wait after a failure; doubles each time.
pub(super) const BACK_OFF_MIN_MS: u64 = 500;
/// The longest wait after failures.
pub(super) const BACK_OFF_MAX_MS: u64 = 20_000;
/// An invite whose inviter's answer was lost is redeemed again for this long.
pub(super) const REJOIN_FOR_MS: u64 = 7 * 24 * 3_600_000;
/// How long a node that stops waits until its peers heard of it.
pub(super) const GOODBYE_MS: u64 = 1_000;
/// ... and how long, after that, for its driver to end it.
pub(super) const GOODBYE_END_MS: u64 = 200;
/// A peer that said it within this time before is taken for down by its silence alone: nobody fills the journal with it.
pub(super) const GOODBYE_AGAIN_MS: u64 = 60_000;
/// Peers that it tells at once.
pub(super) const GOODBYES_AT_ONCE: usize = 64;
/// A peer that fails for this long is down.
pub(super) const DOWN_AFTER_MS: u64 = 8_000;
/// Vectors that still differ this long after a pull by cursor are settled by a pull without one. (The usual reason is
/// that the peer is still taking what this node has.)
pub(super) const VECTOR_DELAY_MS: u64 = 2_000;
/// Pulls by vector from one peer are this far apart at least.
pub(super) const VECTOR_PULL_MS: u64 = 5_000;
/// Pages that one pull takes before others get a turn.
pub(super) const PULL_PAGES_MAX: usize = 64;

/// Swaps of node states with one peer, and states that a node tells, are this far apart for each member of the mesh ...
pub(super) const STATES_APART_PER_MEMBER_MS: u64 = 20;
/// ... at least this,
pub(super) const STATES_APART_MIN_MS: u64 = 100;
/// ... and at most this.
pub(super) const STATES_APART_MAX_MS: u64 = 2_000;
/// What a want, or a link, is in a state, about.
pub(super) const BRIEF_BYTES: u64 = 50;
/// Bytes of node states that swaps move along a link in a millisecond, on the average.
pub(super) const STATES_BYTES_PER_MS: u64 = 256;
/// How far bytes got is told at most this often,
pub(super) const PROGRESS_MIN_MS: u64 = 1_000;
/// ... and more seldom by this for each member.
pub(super) const PROGRESS_PER_MEMBER_MS: u64 = 100;
/// What changes slowly, such as free space, is looked at and told at most this often.
pub(super) const SLOW_MS: u64 = 600_000;
/// A node that has nothing to tell tells it this often.
pub(super) const REFRESH_MS: u64 = 12 * 3_600_000;
/// A node describes itself at most this often.
pub(super) const DESCRIBE_APART_MS: u64 = 50;
/// A state of this node's that it did not know is passed after this; doubles each time.
pub(super) const OWN_MET_MS: u64 = 500;
/// Clocks are compared this often although there are no states to swap.
pub(super) const CLOCK_COMPARE_MS: u64 = 15 * 60_000;

/// Wants that the planner keeps in view.
pub(super) const WANTS_IN_VIEW: usize = 200_000;
/// What counts as a small blob.
pub(super) const SMALL_BLOB_BYTES: u64 = 8 * 1024 * 1024;
/// Small blobs fetched at once; they have their own places, so that they never wait behind big ones.
pub(super) const SMALL_BLOBS_AT_ONCE: usize = 48;
/// ... and their bytes at once.
pub(super) const SMALL_BYTES_AT_ONCE: u64 = 32 * 1024 * 1024;
/// Bigger blobs fetched at once. What is urgent has a few further places, of each size.
pub(super) const BIG_BLOBS_AT_ONCE: usize = 3;
/// Pieces asked for in one request.
pub(super) const RUN_PIECES_MAX: u64 = 16;
/// Pieces in the first request to the only source, whose speed isn't known yet.
pub(super) const FIRST_RUN_PIECES: u64 = 4;
/// A request is for as many pieces as come in this time.
pub(super) const RUN_MS: u64 = 400;
/// ... and in this, while others get the same blob: pieces move on when they are whole.
pub(super) const RUN_SHARED_MS: u64 = 100;
/// The next request to a source is made this long before all that was asked of it is here, and twice as long before as it
/// takes to answer: so the line never rests, and a piece doesn't share it with the next.
pub(super) const LEAD_MS: u64 = 8;
/// Bytes a second from which a line is faster than one request's work on them, so that two are always under way.
pub(super) const ALWAYS_TWO_FROM: u64 = 250_000_000;
/// Requests at once to one peer for bytes of one blob: while one answer ends, the next is on its way.
pub(super) const RUNS_PER_SOURCE_MAX: usize = 2;
/// Requests at once to one peer for bytes of big blobs.
pub(super) const BIG_RUNS_PER_PEER_MAX: usize = 6;
/// Requests at once to one peer for bytes of small blobs: enough to hide what each of them waits for.
pub(super) const SMALL_RUNS_PER_PEER_MAX: usize = 32;
/// The speed of a line is measured over about this time in which bytes were owed.
pub(super) const METER_MS: u64 = 4_000;
/// A line that owes bytes and brings none for this time counts as stopped, so that what is urgent is asked of others as well.
pub(super) const STALLED_MS: u64 = 2_000;
/// So many pieces are left to another node that gets the same blob: what it asked for, and what its last map didn't tell yet.
pub(super) const LEFT_TO_OTHERS_PIECES: usize = 2;
/// For how long at least after it was last seen to get more.
pub(super) const LEFT_MIN_MS: u64 = 300;
/// And at most.
pub(super) const LEFT_MAX_MS: u64 = 5_000;
/// How often to look whether another source would bring the last pieces sooner.
pub(super) const ENDGAME_LOOK_MS: u64 = 500;
/// Piece maps left open at once, for one blob.
pub(super) const PIECE_MAPS_AT_ONCE: usize = 8;
/// Piece maps left open at once, of all blobs together.
pub(super) const MAPS_OPEN_MAX: usize = 64;
/// Piece maps of one peer and blob are asked for this far apart at least,
pub(super) const PIECE_MAP_MS: u64 = 10;
/// ... or this, while there are other pieces to ask for.
pub(super) const PIECE_MAP_LAZY_MS: u64 = 100;
/// How long a peer is asked to wait for news of its piece map.
pub(super) const PIECES_WAIT_MS: u32 = 5_000;
/// The longest that a caller may wait for news of a piece map.
pub(super) const PIECES_WAIT_MAX_MS: u32 = 25_000;
/// A blob whose sources have no piece to give for this time makes room for others, and is tried again later.
pub(super) const PROGRESS_MS: u64 = 10_000;
/// ... a small one after this.
pub(super) const PROGRESS_SMALL_MS: u64 = 1_000;
/// The first wait for a blob that no peer has yet; doubles each time.
pub(super) const ABSENT_MS: u64 = 100;
/// The wait after this node's own disk failed or was full.
pub(super) const LOCAL_FAILURE_MS: u64 = 15_000;
/// Wants are read again from the store at most this often.
pub(super) const WANTS_REFRESH_MS: u64 = 5;
/// ... and by 1 ms more seldom for each so many that there are.
pub(super) const WANTS_PER_REFRESH_MS: u64 = 200;
/// ... and as many times more seldom if some were met and nothing else: the planner mostly brought the bytes itself.
pub(super) const WANTS_MET_REFRESHES: u64 = 20;
/// A source that sent a wrong piece isn't asked for that blob for this time; doubles each time,
pub(super) const BAN_MIN_MS: u64 = 60_000;
/// ... up to this.
pub(super) const BAN_MAX_MS: u64 = 6 * 3_600_000;
/// A source that says another size of a blob isn't asked for it for this time.
pub(super) const OTHER_SIZE_MS: u64 = 5_000;
/// That sources said other sizes of a blob is remembered for this time, and told once in it,
pub(super) const OTHER_SIZE_FORGET_MS: u64 = 3_600_000;
/// ... of so many blobs.
pub(super) const OTHER_SIZES_MAX: usize = 1_000;
/// Data fetched before the piece map is made durable.
pub(super) const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;
/// Time before the piece map is made durable.
pub(super) const CHECKPOINT_MS: u64 = 2_000;
/// News of peers make wants be tried again this far apart at least.
pub(super) const LIVELY_MS: u64 = 1_000;
/// What is under way is shown anew this far apart at least.
pub(super) const SHOW_MS: u64 = 250;
