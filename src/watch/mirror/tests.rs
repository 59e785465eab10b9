//! The guards by example, and against whatever a folder may go through.

use proptest::prelude::*;

use super::super::testing::{id, published, removed};
use super::*;

const QUIET: Duration = Duration::from_secs(10);
const WALL: UnixMillis = UnixMillis::new(1_800_000_000_000);

fn files(names: std::ops::Range<usize>) -> BTreeSet<PathBuf> {
    names.map(|number| PathBuf::from(format!("{number:03}"))).collect()
}

fn decide(mirror: &mut Mirror, missing: &BTreeSet<PathBuf>, present: usize, now: Instant) -> Decision {
    mirror.decide(&Sighting { missing, present, lately: 0, confirmed: None, quiet: QUIET }, now, WALL)
}

fn count(decision: &Decision) -> usize {
    match decision {
        Decision::Unpublish(files) => files.len(),
        Decision::Ask(_) => panic!("{decision:?}"),
    }
}

fn asked(decision: &Decision) -> Question {
    match decision {
        Decision::Unpublish(_) => panic!("{decision:?}"),
        Decision::Ask(question) => *question,
    }
}

#[test]
fn a_file_is_unpublished_when_it_has_been_gone_for_long_enough() {
    let (mut mirror, now) = (Mirror::default(), Instant::now());
    assert_eq!(count(&decide(&mut mirror, &files(0..1), 9, now)), 0);
    assert_eq!(mirror.next_at(QUIET), Some(now + QUIET));
    assert_eq!(count(&decide(&mut mirror, &files(0..1), 9, now + QUIET)), 1);
    assert_eq!(count(&decide(&mut mirror, &files(0..0), 10, now + QUIET)), 0, "it came back");
    assert_eq!(count(&decide(&mut mirror, &files(0..1), 9, now + 2 * QUIET)), 0, "and counts anew");
}

#[test]
fn over_half_of_the_files_asks_until_all_are_back() {
    let (mut mirror, now) = (Mirror::default(), Instant::now());
    assert_eq!(count(&decide(&mut mirror, &files(0..5), 5, now)), 0);
    let question = asked(&decide(&mut mirror, &files(0..6), 4, now + QUIET));
    assert_eq!((question.missing, question.published, question.folder_was_gone), (6, 10, false));
    asked(&decide(&mut mirror, &files(0..1), 9, now + QUIET));
    asked(&decide(&mut mirror, &files(0..1), 900, now + 9 * QUIET));
    assert_eq!(count(&decide(&mut mirror, &files(0..0), 10, now + 9 * QUIET)), 0);
    assert_eq!(count(&decide(&mut mirror, &files(0..1), 9, now + 9 * QUIET)), 0);
    assert_eq!(count(&decide(&mut mirror, &files(0..1), 9, now + 10 * QUIET)), 1);
}

#[test]
fn what_was_unpublished_lately_counts_with_what_is_missing() {
    let (mut mirror, now) = (Mirror::default(), Instant::now());
    let missing = files(0..1);
    let with = |lately: usize| Sighting { missing: &missing, present: 50, lately, confirmed: None, quiet: QUIET };
    assert_eq!(count(&mirror.decide(&with(49), now, WALL)), 0);
    asked(&mirror.decide(&with(50), now, WALL));
}

#[test]
fn a_confirmation_is_for_the_very_set_and_for_one_pause() {
    let (mut mirror, now) = (Mirror::default(), Instant::now());
    let question = asked(&decide(&mut mirror, &files(0..3), 1, now));
    let with =
        |missing, confirmed| Sighting { missing, present: 1, lately: 0, confirmed: Some(confirmed), quiet: QUIET };
    let more = files(0..4);
    let other = asked(&mirror.decide(&with(&more, question.digest), now, WALL));
    assert_ne!(other.digest, question.digest);
    let fewer = files(0..2);
    asked(&mirror.decide(&with(&fewer, question.digest), now, WALL));
    let same = files(0..3);
    assert_eq!(count(&mirror.decide(&with(&same, question.digest), now, WALL)), 3, "at once");
    // One after the other goes; the rest is confirmed still.
    assert!(mirror.unpublished(&PathBuf::from("000")));
    let rest = files(1..3);
    assert_eq!(count(&mirror.decide(&with(&rest, question.digest), now, WALL)), 2);
    assert_eq!(count(&decide(&mut mirror, &files(0..0), 4, now)), 0);
    let later = UnixMillis::new(WALL.get() + 1);
    let again = mirror.decide(&with(&same, question.digest), now, later);
    assert_ne!(asked(&again).digest, question.digest, "the old word doesn't count in a new pause");
}

#[test]
fn what_is_missing_after_the_folder_was_gone_is_asked_also_over_a_restart() {
    let now = Instant::now();
    let mut mirror = Mirror::default();
    assert_eq!(mirror.folder_gone(WALL), None, "it was never there");
    mirror.folder_found(1);
    assert_eq!(count(&decide(&mut mirror, &files(0..0), 10, now)), 0);
    assert_eq!(mirror.folder_gone(WALL), Some(WALL));
    let mut mirror = Mirror::resumed(mirror.mark());
    mirror.folder_found(1);
    assert!(asked(&decide(&mut mirror, &files(0..1), 9, now)).folder_was_gone);
    let mut mirror = Mirror::resumed(mirror.mark());
    mirror.folder_found(1);
    asked(&decide(&mut mirror, &files(0..1), 9, now + 100 * QUIET));
    assert_eq!(count(&decide(&mut mirror, &files(0..0), 10, now)), 0);
    // Another folder under its name, seen only after a restart: an empty mount point.
    let mut mirror = Mirror::resumed(mirror.mark());
    mirror.folder_found(2);
    asked(&decide(&mut mirror, &files(0..1), 9, now));
}

#[test]
fn only_heads_with_the_files_bytes_go() {
    let replaces =
        |revision: Revision, ids: &[u8]| Revision { replaces: ids.iter().map(|n| id(*n)).collect(), ..revision };
    let bytes = Digest::of(b"v1");
    let cases: [(&str, Vec<Revision>, Vec<EventId>); 6] = [
        ("its own", vec![published(1, b"v1")], vec![id(1)]),
        ("tagged by somebody since", vec![published(1, b"v1"), replaces(published(2, b"v1"), &[1])], vec![id(2)]),
        ("replaced by somebody since", vec![published(1, b"v1"), replaces(published(2, b"v2"), &[1])], vec![]),
        ("removed already", vec![published(1, b"v1"), replaces(removed(2), &[1])], vec![]),
        ("beside another's in conflict", vec![published(1, b"v1"), published(2, b"v2")], vec![id(1)]),
        ("another package's", vec![published(2, b"v1")], vec![]),
    ];
    for (name, revisions, expected) in cases {
        assert_eq!(to_remove(&revisions, id(1), &bytes), expected, "{name}");
    }
}

/// What may happen to a folder between two scans.
#[derive(Debug, Clone)]
enum Step {
    Delete(usize),
    PutBack(usize),
    Add(usize),
    Wait(u64),
    FolderGone,
    OtherFolder,
    Restart,
    Confirm,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..20usize).prop_map(Step::Delete),
        2 => (0..20usize).prop_map(Step::PutBack),
        1 => (1..5usize).prop_map(Step::Add),
        6 => (0..1500u64).prop_map(Step::Wait),
        1 => Just(Step::FolderGone),
        1 => Just(Step::OtherFolder),
        1 => Just(Step::Restart),
        1 => Just(Step::Confirm),
    ]
}

/// A folder, its packages, and what the mirror did to them.
struct Model {
    mirror: Mirror,
    published: BTreeSet<PathBuf>,
    there: BTreeSet<PathBuf>,
    gone_at: BTreeMap<PathBuf, Instant>,
    unpublished_at: Vec<Instant>,
    now: Instant,
    identity: u64,
    added: usize,
    /// What the mirror asked last, and whether a person may be asked at all.
    asks: Option<Digest>,
    must_ask: bool,
}

impl Model {
    fn new() -> Self {
        let all = files(0..12);
        Self {
            mirror: Mirror::default(),
            published: all.clone(),
            there: all,
            gone_at: BTreeMap::new(),
            unpublished_at: Vec::new(),
            now: Instant::now(),
            identity: 1,
            added: 100,
            asks: None,
            must_ask: false,
        }
    }

    fn change(&mut self, step: &Step) -> Option<Digest> {
        match step {
            Step::Delete(n) => {
                if let Some(file) = self.there.iter().nth(*n % self.there.len().max(1)).cloned() {
                    self.there.remove(&file);
                }
            }
            Step::PutBack(n) => {
                let missing: Vec<PathBuf> = self.published.difference(&self.there).cloned().collect();
                self.there.extend(missing.get(*n).cloned());
            }
            Step::Add(n) => {
                for file in files(self.added..self.added + n) {
                    self.there.insert(file.clone());
                    self.published.insert(file);
                }
                self.added += n;
            }
            Step::Wait(seconds) => self.now += Duration::from_secs(*seconds),
            Step::FolderGone => {
                self.mirror.folder_gone(WALL);
                self.must_ask = true;
            }
            Step::OtherFolder => {
                self.identity += 1;
                self.must_ask = true;
            }
            Step::Restart => self.mirror = Mirror::resumed(self.mirror.mark()),
            Step::Confirm => return self.asks,
        }
        None
    }

    fn scan(&mut self, confirmed: Option<Digest>) {
        let missing: BTreeSet<PathBuf> = self.published.difference(&self.there).cloned().collect();
        self.gone_at.retain(|file, _| missing.contains(file));
        for file in &missing {
            self.gone_at.entry(file.clone()).or_insert(self.now);
        }
        let (now, present) = (self.now, self.published.len() - missing.len());
        self.unpublished_at.retain(|at| now.duration_since(*at) < WINDOW);
        let lately = self.unpublished_at.len();
        self.mirror.folder_found(self.identity);
        let sighting = Sighting { missing: &missing, present, lately, confirmed, quiet: QUIET };
        match self.mirror.decide(&sighting, now, WALL) {
            Decision::Ask(question) => {
                assert!(!missing.is_empty(), "nothing to ask about");
                self.asks = Some(question.digest);
            }
            Decision::Unpublish(files) => {
                let was_confirmed = confirmed.is_some() && confirmed == self.asks;
                let free = missing.is_empty() || was_confirmed;
                assert!(free || (self.asks.is_none() && !self.must_ask), "it stopped asking by itself");
                if free {
                    (self.asks, self.must_ask) = (None, false);
                }
                for file in &files {
                    assert!(missing.contains(file), "{} is there", file.display());
                    let rested = now.duration_since(self.gone_at[file]) >= QUIET;
                    let confirmed = self.mirror.unpublished(file);
                    assert!(confirmed == was_confirmed && (confirmed || rested), "{} too early", file.display());
                    self.published.remove(file);
                    if !confirmed {
                        self.unpublished_at.push(now);
                    }
                }
                let gone = self.unpublished_at.len();
                assert!(
                    files.is_empty() || was_confirmed || gone * 2 <= self.published.len() + gone,
                    "{gone} in an hour"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_guards_hold(steps in prop::collection::vec(step(), 1..80)) {
        let mut model = Model::new();
        model.scan(None);
        for step in &steps {
            let confirmed = model.change(step);
            model.scan(confirmed);
        }
    }
}
