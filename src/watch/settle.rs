//! When is a file whole? Pure: sights and events with their moments in, files to take out.
//!
//! A file is whole when size, time and inode stayed equal for `quiet`; or, where the operating system tells of closing
//! (Linux), `after_close` after its last writer closed it. Openings that are not yet matched by a close-after-writing
//! may be writers, so with one of those the longer rule holds: that costs seconds, never bytes. An empty file is not
//! taken, since Finder and others make the name first; after `empty` it is refused, until it grows.
//!
//! Not here: looking again right before and after reading (`take.rs`), and what becomes of the bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::sight::Sight;

/// The first pause after a file could not be taken; it doubles with each further try.
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_mins(5);

/// How long a file must rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SettleRules {
    /// Without a change, before it is taken.
    pub(super) quiet: Duration,
    /// After its last writer closed it.
    pub(super) after_close: Duration,
    /// While it is empty, before it is refused.
    pub(super) empty: Duration,
}

impl SettleRules {
    /// The rules for a file that rests for `quiet`: at most a second after a close, at least a minute while empty.
    pub(super) fn of(quiet: Duration) -> Self {
        Self {
            quiet,
            after_close: quiet.min(Duration::from_secs(1)),
            empty: quiet.saturating_mul(6).max(Duration::from_mins(1)),
        }
    }
}

/// What events told of one file since they were last asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Activity {
    /// Times it was opened, by whomever.
    pub(super) opened: u32,
    /// Times a writer closed it.
    pub(super) closed: u32,
    /// Whether more happened than opening: only then it may look different.
    pub(super) changed: bool,
    /// Whether it was written to.
    pub(super) written: bool,
    /// Whether a writer's close came after the last write.
    pub(super) closed_last: bool,
}

/// What is to be done with a file that rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// It is whole: take it, if it still looks like this.
    Take(PathBuf, Sight),
    /// It stayed empty: say so.
    RefuseEmpty(PathBuf, Sight),
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    sight: Sight,
    since: Instant,
    openings: u32,
    closed_at: Option<Instant>,
    retries: u32,
    not_before: Option<Instant>,
}

/// The files that are not yet dealt with.
#[derive(Debug)]
pub(super) struct Settling {
    rules: SettleRules,
    pending: BTreeMap<PathBuf, Pending>,
}

impl Settling {
    /// No files yet.
    pub(super) fn new(rules: SettleRules) -> Self {
        Self { rules, pending: BTreeMap::new() }
    }

    /// A look at `file` at the moment `now`. If it differs from the last one, the rest begins anew.
    pub(super) fn saw(&mut self, file: &Path, sight: Sight, now: Instant) {
        let openings = match self.pending.get(file) {
            Some(pending) if pending.sight == sight => return,
            Some(pending) => pending.openings,
            None => 0,
        };
        let fresh = Pending { sight, since: now, openings, closed_at: None, retries: 0, not_before: None };
        self.pending.insert(file.to_owned(), fresh);
    }

    /// What events told of `file`, after [`Settling::saw`]. Nothing, if it is not waiting.
    pub(super) fn heard(&mut self, file: &Path, activity: Activity, now: Instant) {
        let Some(pending) = self.pending.get_mut(file) else { return };
        pending.openings = pending.openings.saturating_add(activity.opened).saturating_sub(activity.closed);
        if activity.written {
            pending.since = now;
        }
        if activity.changed {
            // Whatever kept it from being taken may be over; permissions change without a new sight.
            pending.not_before = None;
            pending.retries = 0;
        }
        if activity.closed_last && pending.openings == 0 {
            pending.closed_at = Some(now);
        } else if activity.written || activity.opened > 0 {
            pending.closed_at = None;
        }
    }

    /// Events got lost: what they told of closing is no longer known.
    pub(super) fn events_lost(&mut self) {
        for pending in self.pending.values_mut() {
            pending.closed_at = None;
            pending.openings = 0;
        }
    }

    /// `file` could not be taken at `now`: it is tried again after a pause that grows with each time.
    pub(super) fn postpone(&mut self, file: &Path, now: Instant) {
        let Some(pending) = self.pending.get_mut(file) else { return };
        pending.not_before = Some(now + retry_pause(pending.retries));
        pending.retries = pending.retries.saturating_add(1);
    }

    /// `file` is gone or dealt with.
    pub(super) fn forget(&mut self, file: &Path) {
        self.pending.remove(file);
    }

    /// Whether `file` waits.
    pub(super) fn waits(&self, file: &Path) -> bool {
        self.pending.contains_key(file)
    }

    /// How many files wait.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// The files that wait, with their lengths when they were last looked at.
    pub(super) fn lengths(&self) -> impl Iterator<Item = (&PathBuf, u64)> {
        self.pending.iter().map(|(file, pending)| (file, pending.sight.bytes))
    }

    /// The files that wait.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.pending.keys()
    }

    /// What is to be done at `now`, the smallest files first, so that none waits for a big one.
    pub(super) fn actions(&self, now: Instant) -> Vec<Action> {
        let mut due: Vec<_> = self.pending.iter().filter(|(_, pending)| self.due_at(pending) <= now).collect();
        due.sort_by_key(|(file, pending)| (pending.sight.bytes, *file));
        due.into_iter()
            .map(|(file, pending)| match pending.sight.bytes {
                0 => Action::RefuseEmpty(file.clone(), pending.sight),
                _ => Action::Take(file.clone(), pending.sight),
            })
            .collect()
    }

    /// When there may be something to do.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.pending.values().map(|pending| self.due_at(pending)).min()
    }

    fn due_at(&self, pending: &Pending) -> Instant {
        let rested = match (pending.sight.bytes, pending.closed_at) {
            (0, _) => pending.since + self.rules.empty,
            (_, Some(closed_at)) => closed_at + self.rules.after_close,
            (_, None) => pending.since + self.rules.quiet,
        };
        pending.not_before.map_or(rested, |not_before| rested.max(not_before))
    }
}

fn retry_pause(retries: u32) -> Duration {
    RETRY_FIRST.saturating_mul(1 << retries.min(10)).min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: SettleRules = SettleRules {
        quiet: Duration::from_secs(10),
        after_close: Duration::from_secs(1),
        empty: Duration::from_mins(1),
    };
    const CLOSED: Activity = Activity { opened: 0, closed: 1, changed: true, written: false, closed_last: true };
    const WRITTEN: Activity = Activity { opened: 0, closed: 0, changed: true, written: true, closed_last: false };
    const OPENED: Activity = Activity { opened: 1, closed: 0, changed: false, written: false, closed_last: false };

    fn sight(bytes: u64, mtime_ns: i64) -> Sight {
        Sight { bytes, mtime_ns, inode: 7 }
    }

    struct Bench {
        settling: Settling,
        start: Instant,
        file: PathBuf,
    }

    impl Bench {
        fn new() -> Self {
            Self { settling: Settling::new(RULES), start: Instant::now(), file: PathBuf::from("x.pkg") }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn saw(&mut self, ms: u64, sight: Sight) {
            self.settling.saw(&self.file.clone(), sight, self.at(ms));
        }

        fn heard(&mut self, ms: u64, activity: Activity) {
            self.settling.heard(&self.file.clone(), activity, self.at(ms));
        }

        fn due_ms(&self) -> Option<u128> {
            self.settling.next_at().map(|at| (at - self.start).as_millis())
        }
    }

    #[test]
    fn a_file_is_taken_after_it_rested() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        bench.saw(4000, sight(5, 1));
        assert_eq!(bench.settling.actions(bench.at(9999)), []);
        let take = Action::Take(bench.file.clone(), sight(5, 1));
        assert_eq!(bench.settling.actions(bench.at(10_000)), [take]);
    }

    #[test]
    fn growth_a_new_time_or_another_inode_begin_the_rest_anew() {
        for changed in [sight(6, 1), sight(5, 2), Sight { inode: 8, ..sight(5, 1) }] {
            let mut bench = Bench::new();
            bench.saw(0, sight(5, 1));
            bench.saw(9000, changed);
            assert_eq!(bench.due_ms(), Some(19_000));
        }
    }

    #[test]
    fn a_close_after_writing_shortens_the_rest() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        bench.heard(100, CLOSED);
        assert_eq!(bench.due_ms(), Some(1100));
    }

    #[test]
    fn another_open_handle_keeps_the_longer_rule() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        bench.heard(0, Activity { opened: 2, ..Activity::default() });
        bench.heard(100, CLOSED);
        assert_eq!(bench.due_ms(), Some(10_000));
        bench.heard(200, CLOSED);
        assert_eq!(bench.due_ms(), Some(1200));
    }

    #[test]
    fn writing_or_opening_after_the_close_voids_it() {
        for (activity, due_ms) in [(WRITTEN, 10_200), (OPENED, 10_000)] {
            let mut bench = Bench::new();
            bench.saw(0, sight(5, 1));
            bench.heard(100, CLOSED);
            bench.heard(200, activity);
            assert_eq!(bench.due_ms(), Some(due_ms), "{activity:?}");
        }
    }

    #[test]
    fn a_change_of_sight_voids_the_close() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        bench.heard(0, CLOSED);
        bench.saw(500, sight(6, 2));
        assert_eq!(bench.due_ms(), Some(10_500));
    }

    #[test]
    fn lost_events_void_the_close() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        bench.heard(0, CLOSED);
        bench.settling.events_lost();
        assert_eq!(bench.due_ms(), Some(10_000));
    }

    #[test]
    fn an_empty_file_is_refused_after_a_minute_and_taken_once_it_grew() {
        let mut bench = Bench::new();
        bench.saw(0, sight(0, 1));
        bench.heard(0, CLOSED);
        assert_eq!(bench.settling.actions(bench.at(59_999)), []);
        let refuse = Action::RefuseEmpty(bench.file.clone(), sight(0, 1));
        assert_eq!(bench.settling.actions(bench.at(60_000)), [refuse]);
        bench.saw(61_000, sight(5, 2));
        assert_eq!(bench.due_ms(), Some(71_000));
    }

    #[test]
    fn small_files_come_first() {
        let mut bench = Bench::new();
        for (name, bytes) in [("a", 300), ("b", 20), ("c", 20), ("d", 1)] {
            bench.settling.saw(Path::new(name), sight(bytes, 1), bench.start);
        }
        let order: Vec<_> = bench
            .settling
            .actions(bench.at(10_000))
            .into_iter()
            .map(|action| match action {
                Action::Take(file, _) | Action::RefuseEmpty(file, _) => file.display().to_string(),
            })
            .collect();
        assert_eq!(order, ["d", "b", "c", "a"]);
    }

    #[test]
    fn failed_takes_are_retried_ever_more_rarely_up_to_five_minutes() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        let mut at_ms = 10_000;
        let mut pauses_s = Vec::new();
        for _ in 0..9 {
            let now = bench.at(at_ms);
            bench.settling.postpone(&bench.file.clone(), now);
            let pause = bench.settling.next_at().expect("it waits") - now;
            pauses_s.push(pause.as_secs());
            at_ms += u64::try_from(pause.as_millis()).expect("short");
        }
        assert_eq!(pauses_s, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        bench.saw(at_ms, sight(6, 2));
        assert_eq!(bench.settling.next_at(), Some(bench.at(at_ms + 10_000)), "a changed file starts afresh");
    }

    #[test]
    fn a_file_that_something_happened_to_is_retried_at_once() {
        let mut bench = Bench::new();
        bench.saw(0, sight(5, 1));
        bench.settling.postpone(&bench.file.clone(), bench.at(10_000));
        bench.heard(11_000, OPENED);
        assert_eq!(bench.due_ms(), Some(15_000));
        bench.heard(12_000, Activity { changed: true, ..Activity::default() });
        assert_eq!(bench.due_ms(), Some(10_000));
    }

    #[test]
    fn rules_follow_from_the_configured_rest() {
        let rules = SettleRules::of(Duration::from_secs(10));
        assert_eq!(rules, RULES);
        assert_eq!(SettleRules::of(Duration::from_millis(200)).after_close, Duration::from_millis(200));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Saw(u64),
        Heard(Activity),
        Lost,
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let activity = (0u32..3, 0u32..3, any::<bool>(), any::<bool>()).prop_map(|(opened, closed, written, last)| {
            Step::Heard(Activity { opened, closed, changed: true, written, closed_last: last && closed > 0 })
        });
        let step = prop_oneof![(1u64..4).prop_map(Step::Saw), activity, Just(Step::Lost)];
        prop::collection::vec((0u64..15_000, step), 1..40)
    }

    proptest! {
        /// Whatever comes in: a file is only taken as it was last seen, and never before it rested for `after_close`
        /// since the last change or write that was noticed.
        #[test]
        fn nothing_is_taken_that_changed_just_now(steps in steps()) {
            let mut bench = Bench::new();
            let (mut now_ms, mut changed_ms, mut last) = (0, 0, None);
            for (pause_ms, step) in steps {
                now_ms += pause_ms;
                match step {
                    Step::Saw(bytes) => {
                        bench.saw(now_ms, sight(bytes, 1));
                        if last != Some(bytes) {
                            (last, changed_ms) = (Some(bytes), now_ms);
                        }
                    }
                    Step::Heard(activity) => {
                        bench.heard(now_ms, activity);
                        if activity.written && last.is_some() {
                            changed_ms = now_ms;
                        }
                    }
                    Step::Lost => bench.settling.events_lost(),
                }
                for probe_ms in [0, 999, 1000, 9_999, 10_000] {
                    for action in bench.settling.actions(bench.at(now_ms + probe_ms)) {
                        prop_assert_eq!(&action, &Action::Take(bench.file.clone(), sight(last.expect("seen"), 1)));
                        prop_assert!(now_ms + probe_ms - changed_ms >= 1000);
                    }
                }
            }
            let end = bench.at(now_ms + 10_000);
            prop_assert_eq!(bench.settling.actions(end).len(), usize::from(last.is_some()));
        }
    }
}
