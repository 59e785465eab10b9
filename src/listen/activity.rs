//! What happens on one connection, and whether that is still fine.
//!
//! The connection's parts report here (bytes read and written, requests begun and ended); the connection's watchdog
//! asks for a [`Verdict`]. The judgement is a pure function of what was reported, the limits and the time.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    crowd::Crowd,
    limits::{DEAD_PEER_PROBE, LINGER, ListenLimits, WRITE_PROGRESS_BYTES},
};

/// Why the watchdog closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// No whole request head in time.
    RequestHead,
    /// No further request.
    Idle,
    /// The client stopped reading.
    WriteStall,
}

/// The watchdog's finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All is well; nothing can expire before this much time has passed.
    Fine(Duration),
    /// Close the connection.
    Close(Expired),
}

/// The activity of one connection, shared by its parts.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    body_left_unread: AtomicBool,
}

#[derive(Debug)]
struct State {
    began_at: Instant,
    /// When something that was sent on it was given up, since others wait.
    gave_way_at: Option<Instant>,
    /// When the connection began, or its last request ended.
    idle_since: Instant,
    /// When the head of the next request began to arrive. HTTP/1.1 only: HTTP/2 has other frames between requests.
    head_since: Option<Instant>,
    /// When the client was told that the connection ends.
    leaving_since: Option<Instant>,
    /// When it made a further request all the same. Over HTTP/2 it may: streams are refused only once it acknowledged that
    /// (RFC 9113 section 6.8), and who doesn't mean to leave doesn't acknowledge.
    defied_at: Option<Instant>,
    had_request: bool,
    multiplexed: bool,
    requests: usize,
    /// Response bodies whose last piece was taken and who were not asked for the next one yet.
    responses_held_up: usize,
    /// The socket takes no more bytes.
    write_blocked: bool,
    /// When the client last took some bytes, or when there began to be some for it.
    progress_at: Instant,
    progress_bytes: u64,
}

impl State {
    fn has_output(&self) -> bool {
        self.write_blocked || self.responses_held_up > 0
    }

    fn change_output(&mut self, now: Instant, change: impl FnOnce(&mut Self)) {
        let had_output = self.has_output();
        change(self);
        if !had_output && self.has_output() {
            self.progress_at = now;
            self.progress_bytes = 0;
        }
    }

    /// Until when further requests may be made on it, if that isn't for as long as its client likes.
    fn last_request_until(&self, limits: &ListenLimits, crowd: Crowd) -> Option<Instant> {
        let stays = self.leaving_since.is_some() || !self.had_request || crowd < Crowd::Presses;
        (!stays).then(|| self.gave_way_at.unwrap_or(self.began_at + limits.crowded_age))
    }

    /// The same where the client can be told while it has requests under way. Over HTTP/1.1 an answer tells it
    /// ([`Activity::ends_with_answer`]): else its next request might meet a connection that is closed just then.
    fn leaves_at(&self, limits: &ListenLimits, crowd: Crowd) -> Option<Instant> {
        self.last_request_until(limits, crowd).filter(|_| self.multiplexed)
    }

    fn deadline(&self, limits: &ListenLimits, crowd: Crowd) -> Option<(Instant, Expired)> {
        if let Some(at) = self.defied_at {
            return Some((at, Expired::Idle));
        }
        let waiting = self.waiting_deadline(limits, crowd);
        let leaving = self.leaves_at(limits, crowd).map(|until| (until, Expired::Idle));
        [waiting, leaving].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Until when what is waited for must be here.
    fn waiting_deadline(&self, limits: &ListenLimits, crowd: Crowd) -> Option<(Instant, Expired)> {
        let crowded = crowd >= Crowd::Waits;
        let head_timeout = if crowded { limits.crowded_head_timeout } else { limits.request_head_timeout };
        if self.has_output() {
            return Some((self.progress_at + limits.write_stall_timeout, Expired::WriteStall));
        }
        if self.requests > 0 {
            return None;
        }
        if let Some(since) = self.leaving_since {
            return Some((since.max(self.idle_since) + LINGER, Expired::Idle));
        }
        if !self.had_request {
            return Some((self.idle_since + head_timeout, Expired::RequestHead));
        }
        if let Some(since) = self.head_since {
            return Some((since + head_timeout, Expired::RequestHead));
        }
        let timeout = if crowded { limits.crowded_idle_timeout } else { limits.idle_timeout };
        Some((self.idle_since + timeout, Expired::Idle))
    }
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        let state = State {
            began_at: now,
            gave_way_at: None,
            idle_since: now,
            head_since: None,
            leaving_since: None,
            defied_at: None,
            had_request: false,
            multiplexed: false,
            requests: 0,
            responses_held_up: 0,
            write_blocked: false,
            progress_at: now,
            progress_bytes: 0,
        };
        Self { state: Mutex::new(state), body_left_unread: AtomicBool::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in.
    pub(super) fn read(&self, now: Instant) {
        let mut state = self.state();
        if state.requests == 0 && !state.multiplexed && state.head_since.is_none() {
            state.head_since = Some(now);
        }
    }

    /// The socket took `bytes`.
    pub(super) fn wrote(&self, bytes: usize, now: Instant) {
        let mut state = self.state();
        state.write_blocked = false;
        state.progress_bytes = state.progress_bytes.saturating_add(bytes as u64);
        if state.progress_bytes >= WRITE_PROGRESS_BYTES {
            state.progress_bytes = 0;
            state.progress_at = now;
        }
    }

    /// The socket takes no bytes for now.
    pub(super) fn write_blocked(&self, now: Instant) {
        self.state().change_output(now, |state| state.write_blocked = true);
    }

    /// All written bytes are out.
    pub(super) fn flushed(&self) {
        self.state().write_blocked = false;
    }

    /// A request's head is here.
    pub(super) fn request_began(&self, multiplexed: bool, now: Instant) {
        let mut state = self.state();
        // Who is still being sent something may not have got that yet, however long ago it was written.
        if !state.has_output() && state.leaving_since.is_some_and(|since| since + DEAD_PEER_PROBE <= now) {
            state.defied_at = Some(now);
        }
        state.had_request = true;
        state.multiplexed = multiplexed;
        state.requests += 1;
        state.head_since = None;
    }

    /// A request is answered to the end, or given up.
    pub(super) fn request_ended(&self, now: Instant) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        state.idle_since = now;
    }

    /// Whether a request is being served.
    pub(super) fn serves(&self) -> bool {
        self.state().requests > 0
    }

    /// A piece of a response was taken from its body: from now on the client should take it from us.
    pub(super) fn response_held_up(&self, now: Instant) {
        self.state().change_output(now, |state| state.responses_held_up += 1);
    }

    /// The response's body is asked again, or done with.
    pub(super) fn response_goes_on(&self) {
        let mut state = self.state();
        state.responses_held_up = state.responses_held_up.saturating_sub(1);
    }

    /// The client was told to make no further requests. Whether this is news.
    pub(super) fn leave(&self, now: Instant) -> bool {
        let mut state = self.state();
        let news = state.leaving_since.is_none();
        state.leaving_since.get_or_insert(now);
        news
    }

    /// Something that is sent on it is given up, since others wait: it makes room when it can.
    pub(super) fn give_way(&self, now: Instant) {
        self.state().gave_way_at.get_or_insert(now);
    }

    /// A request was answered before its body was read to the end.
    pub(super) fn body_left_unread(&self) {
        self.body_left_unread.store(true, Relaxed);
    }

    /// It was read after all.
    pub(super) fn body_was_read(&self) {
        self.body_left_unread.store(false, Relaxed);
    }

    /// Whether the client may still be sending what nobody will read.
    pub(super) fn has_unread_body(&self) -> bool {
        self.body_left_unread.load(Relaxed)
    }

    /// Whether an answer that is given now should be the connection's last.
    pub(super) fn ends_with_answer(&self, limits: &ListenLimits, crowd: Crowd, now: Instant) -> bool {
        self.state().last_request_until(limits, crowd).is_some_and(|until| until <= now)
    }

    /// Whether what has no end of its own, and can be gone on with on another connection, should end.
    pub(super) fn ends_streams(&self, limits: &ListenLimits, crowd: Crowd, now: Instant) -> bool {
        let is_leaving = self.state().leaving_since.is_some();
        is_leaving || self.ends_with_answer(limits, crowd, now)
    }

    /// Whether the connection may go on.
    pub(super) fn verdict(&self, limits: &ListenLimits, crowd: Crowd, now: Instant) -> Verdict {
        let Some((deadline, expired)) = self.state().deadline(limits, crowd) else {
            return Verdict::Fine(limits.watchdog_period());
        };
        if deadline <= now {
            return Verdict::Close(expired);
        }
        Verdict::Fine((deadline - now).min(limits.watchdog_period()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ListenLimits {
        ListenLimits {
            request_head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            crowded_idle_timeout: Duration::from_secs(1),
            crowded_head_timeout: Duration::from_secs(5),
            crowded_age: Duration::from_secs(20),
            write_stall_timeout: Duration::from_mins(1),
            ..ListenLimits::default()
        }
    }

    struct Scene {
        start: Instant,
        activity: Activity,
    }

    fn scene() -> Scene {
        let start = Instant::now();
        Scene { start, activity: Activity::new(start) }
    }

    impl Scene {
        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn verdict(&self, seconds: u64) -> Verdict {
            self.activity.verdict(&limits(), Crowd::None, self.at(seconds))
        }

        fn expires_at(&self, seconds: u64, expired: Expired) {
            assert!(
                matches!(self.verdict(seconds - 1), Verdict::Fine(_)),
                "too early: {:?}",
                self.verdict(seconds - 1)
            );
            assert_eq!(self.verdict(seconds), Verdict::Close(expired));
        }

        fn answered_at(&self, seconds: u64) {
            self.activity.request_began(false, self.at(seconds));
            self.activity.request_ended(self.at(seconds));
        }
    }

    #[test]
    fn a_new_connection_has_the_head_timeout_for_its_first_request() {
        let scene = scene();
        scene.expires_at(15, Expired::RequestHead);
        scene.activity.read(scene.at(14));
        scene.expires_at(15, Expired::RequestHead);
    }

    #[test]
    fn a_request_in_the_works_never_expires_by_itself() {
        let scene = scene();
        scene.activity.request_began(false, scene.start);
        assert!(matches!(scene.verdict(100_000), Verdict::Fine(_)));
    }

    #[test]
    fn an_answered_connection_may_idle_for_the_idle_timeout() {
        let scene = scene();
        scene.answered_at(100);
        scene.expires_at(175, Expired::Idle);
    }

    #[test]
    fn a_crowded_node_closes_idle_connections_sooner() {
        let scene = scene();
        scene.answered_at(100);
        assert_eq!(scene.activity.verdict(&limits(), Crowd::Waits, scene.at(101)), Verdict::Close(Expired::Idle));
    }

    #[test]
    fn a_crowded_node_waits_less_for_heads() {
        let scene = scene();
        let crowded = |seconds| scene.activity.verdict(&limits(), Crowd::Waits, scene.at(seconds));
        assert_eq!(crowded(5), Verdict::Close(Expired::RequestHead));
        scene.answered_at(100);
        scene.activity.read(scene.at(100));
        assert!(matches!(crowded(104), Verdict::Fine(_)));
        assert_eq!(crowded(105), Verdict::Close(Expired::RequestHead));
    }

    #[test]
    fn where_others_press_a_connection_that_had_its_time_serves_no_further_request() {
        let scene = scene();
        let pressed = |seconds| scene.activity.verdict(&limits(), Crowd::Presses, scene.at(seconds));
        scene.activity.request_began(true, scene.start);
        assert!(matches!(pressed(19), Verdict::Fine(_)));
        assert!(matches!(scene.verdict(20), Verdict::Fine(_)), "nobody presses");
        assert_eq!(pressed(20), Verdict::Close(Expired::Idle));
        assert!(!scene.activity.ends_streams(&limits(), Crowd::Presses, scene.at(19)));
        assert!(scene.activity.leave(scene.at(20)));
        assert!(matches!(pressed(1000), Verdict::Fine(_)), "what it serves goes on");
        assert!(scene.activity.ends_streams(&limits(), Crowd::None, scene.at(20)), "but what never ends");
    }

    #[test]
    fn a_connection_that_makes_requests_although_it_was_told_to_leave_is_closed() {
        let scene = scene();
        scene.activity.request_began(true, scene.at(0));
        assert!(scene.activity.leave(scene.at(20)));
        scene.activity.request_began(true, scene.at(49));
        assert!(matches!(scene.verdict(49), Verdict::Fine(_)), "it was on its way");
        scene.activity.response_held_up(scene.at(49));
        scene.activity.request_began(true, scene.at(60));
        assert!(matches!(scene.verdict(60), Verdict::Fine(_)), "what it was told may lie behind what it takes slowly");
        scene.activity.response_goes_on();
        scene.activity.request_began(true, scene.at(61));
        assert_eq!(scene.verdict(61), Verdict::Close(Expired::Idle));
    }

    #[test]
    fn over_http_1_an_answer_tells_the_client_that_the_connection_had_its_time() {
        let scene = scene();
        scene.activity.request_began(false, scene.start);
        let pressed = |seconds| scene.activity.verdict(&limits(), Crowd::Presses, scene.at(seconds));
        let ends = |crowd, seconds| scene.activity.ends_with_answer(&limits(), crowd, scene.at(seconds));
        assert!(!ends(Crowd::Presses, 19) && ends(Crowd::Presses, 20) && !ends(Crowd::Waits, 20));
        assert!(matches!(pressed(20), Verdict::Fine(_)), "nothing is closed under a client that may just send");
    }

    #[test]
    fn a_connection_of_which_something_was_given_up_leaves_at_once() {
        let scene = scene();
        scene.activity.request_began(true, scene.start);
        assert!(!scene.activity.ends_with_answer(&limits(), Crowd::Presses, scene.at(1)));
        scene.activity.give_way(scene.at(1));
        assert!(scene.activity.ends_with_answer(&limits(), Crowd::Presses, scene.at(1)));
        assert!(matches!(scene.verdict(1), Verdict::Fine(_)), "nobody presses any more");
        assert_eq!(scene.activity.verdict(&limits(), Crowd::Presses, scene.at(1)), Verdict::Close(Expired::Idle));
    }

    #[test]
    fn the_next_head_has_its_timeout_from_its_first_byte() {
        let scene = scene();
        scene.answered_at(100);
        scene.activity.read(scene.at(110));
        scene.activity.read(scene.at(120));
        scene.expires_at(125, Expired::RequestHead);
    }

    #[test]
    fn http2_frames_between_requests_are_no_head() {
        let scene = scene();
        scene.activity.request_began(true, scene.start);
        scene.activity.request_ended(scene.at(100));
        scene.activity.read(scene.at(110));
        scene.expires_at(175, Expired::Idle);
    }

    #[test]
    fn a_client_that_takes_nothing_stalls() {
        let scene = scene();
        scene.activity.request_began(false, scene.start);
        scene.activity.response_held_up(scene.at(100));
        scene.activity.write_blocked(scene.at(130));
        scene.expires_at(160, Expired::WriteStall);
    }

    #[test]
    fn a_slow_client_that_goes_on_reading_is_fine() {
        let scene = scene();
        scene.activity.request_began(false, scene.start);
        scene.activity.response_held_up(scene.at(100));
        scene.activity.wrote(4096, scene.at(150));
        scene.activity.write_blocked(scene.at(151));
        scene.expires_at(210, Expired::WriteStall);
    }

    #[test]
    fn a_trickle_is_a_stall() {
        let scene = scene();
        scene.activity.request_began(true, scene.start);
        scene.activity.response_held_up(scene.at(100));
        for second in 101..160 {
            scene.activity.wrote(17, scene.at(second));
        }
        scene.expires_at(160, Expired::WriteStall);
    }

    #[test]
    fn a_handler_that_has_nothing_to_send_yet_is_no_stall() {
        let scene = scene();
        scene.activity.request_began(false, scene.start);
        scene.activity.response_held_up(scene.at(100));
        scene.activity.response_goes_on();
        assert!(matches!(scene.verdict(100_000), Verdict::Fine(_)));
    }

    #[test]
    fn a_connection_told_to_leave_has_the_linger_time_after_its_last_request() {
        let scene = scene();
        scene.activity.request_began(true, scene.start);
        assert!(scene.activity.leave(scene.at(100)));
        assert!(!scene.activity.leave(scene.at(101)));
        assert!(matches!(scene.verdict(1000), Verdict::Fine(_)), "a request under way goes on");
        scene.activity.request_ended(scene.at(200));
        scene.expires_at(200 + LINGER.as_secs(), Expired::Idle);
    }

    #[test]
    fn the_watchdog_never_sleeps_past_a_deadline_that_may_begin_meanwhile() {
        let scene = scene();
        scene.activity.request_began(false, scene.start);
        assert_eq!(scene.verdict(10), Verdict::Fine(limits().watchdog_period()));
    }
}
