//! Retention: which earlier revisions keep their bytes. Pure.
//!
//! Of each path, the newest revisions keep theirs, and so does every revision that is young. In words:
//! - Revisions are taken in the order in which this node lists them, newest first. Only those count whose bytes are here and
//!   which take effect; several with the same bytes count once, since they cost their room once. So an edit of metadata
//!   pushes nothing out.
//! - The first rule with a glob that matches the path decides; without one, the defaults do. `*` matches `/` too.
//! - Of a package that was removed all of that is kept for a while longer, and then nothing: a removal is to free its room in
//!   the end, and can be undone until then. A path without heads, since nobody who published there may any more, is not one
//!   that was removed.
//! - Young means by the author's clock. A revision from the future is young, and a removal from there just happened.
//!
//! What heads have is kept whatever these rules say; that, what may be a head again (a revision of an expelled node that nothing
//! follows which counts, if events are lacking that its expulsion names), and the grace for what has just arrived, is `gc.rs`.

use std::collections::BTreeSet;

use globset::{GlobSet, GlobSetBuilder};

use crate::digest::{Digest, EventId};
use crate::error::{Result, StoreError};
use crate::limits::{KEEP_REVISIONS_MAX, RETENTION_GLOBS_MAX, RETENTION_RULES_MAX};
use crate::path_glob::path_glob;
use crate::time::UnixMillis;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How much of a path's past is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// This many of the newest revisions, the current one included.
    pub revisions: usize,
    /// And all that are younger than this, in milliseconds.
    pub age_ms: u64,
    /// For how long that holds after the package was removed, in milliseconds.
    pub removed_ms: u64,
}

/// What to keep of the paths that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Globs of paths.
    pub paths: Vec<String>,
    /// What is kept of them.
    pub keep: Keep,
}

/// A node's policy: rules in order, and what holds for all other paths.
#[derive(Debug, Clone)]
pub struct Retention {
    rules: Vec<(GlobSet, Keep)>,
    default: Keep,
    forgets_removed: bool,
}

impl Default for Retention {
    /// The last 5 revisions of each path, and all of 30 days; of removed packages for 7 days.
    fn default() -> Self {
        let default = Keep { revisions: 5, age_ms: 30 * DAY_MS, removed_ms: 7 * DAY_MS };
        Self { rules: Vec::new(), default, forgets_removed: false }
    }
}

impl Retention {
    /// Checks and compiles rules.
    pub fn new(default: Keep, rules: &[RetentionRule]) -> Result<Self> {
        if rules.len() > RETENTION_RULES_MAX {
            return Err(StoreError::TooMany { what: "retention rules", max: RETENTION_RULES_MAX });
        }
        check(default)?;
        let compiled: Result<Vec<(GlobSet, Keep)>> = rules.iter().map(compile).collect();
        Ok(Self { rules: compiled?, default, forgets_removed: false })
    }

    /// The same policy, but nothing is kept of packages that were removed, however lately.
    #[must_use]
    pub fn forgetting_removed(&self) -> Self {
        Self { forgets_removed: true, ..self.clone() }
    }

    /// Whether nothing is kept of packages that were removed.
    pub(crate) const fn forgets_removed(&self) -> bool {
        self.forgets_removed
    }

    /// What is kept of a path.
    pub fn keep(&self, path: &str) -> Keep {
        let rule = self.rules.iter().find(|(paths, _)| paths.is_match(path));
        rule.map_or(self.default, |(_, keep)| *keep)
    }
}

fn check(keep: Keep) -> Result<()> {
    if keep.revisions <= KEEP_REVISIONS_MAX {
        return Ok(());
    }
    Err(StoreError::BadName { field: "keep_revisions", reason: format!("must be at most {KEEP_REVISIONS_MAX}") })
}

fn compile(rule: &RetentionRule) -> Result<(GlobSet, Keep)> {
    let bad = |reason: String| StoreError::BadName { field: "a retention rule", reason };
    if rule.paths.is_empty() || rule.paths.len() > RETENTION_GLOBS_MAX {
        return Err(bad(format!("must have 1 to {RETENTION_GLOBS_MAX} paths")));
    }
    check(rule.keep)?;
    let mut set = GlobSetBuilder::new();
    for glob in &rule.paths {
        set.add(path_glob(glob).map_err(|error| bad(format!("has a glob that can't be read: {error}")))?);
    }
    Ok((set.build().map_err(|error| bad(format!("has globs that can't be used: {error}")))?, rule.keep))
}

/// Whether a package is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has a current revision, or no revision that counts.
    Listed,
    /// It was removed, at that time by the remover's clock.
    Removed(UnixMillis),
}

/// A Publish of a path, as far as retention looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRevision {
    /// Its name.
    pub id: EventId,
    /// Its bytes.
    pub blob: Digest,
    /// When, by its author's clock.
    pub published_at: UnixMillis,
    /// It counts: its author may publish there.
    pub effective: bool,
    /// Its bytes are on this node.
    pub held: bool,
}

/// Which of a path's revisions (newest first) keep their bytes.
pub fn retained(
    path: &str,
    presence: Presence,
    newest_first: impl IntoIterator<Item = PastRevision>,
    rules: &Retention,
    now: UnixMillis,
) -> BTreeSet<EventId> {
    let mut window = Window::new(rules, path, presence, now);
    newest_first.into_iter().filter(|revision| window.keeps(revision)).map(|revision| revision.id).collect()
}

/// [`retained`], one revision at a time, so that a long history needs no memory.
#[derive(Debug)]
pub(crate) struct Window {
    keep: Keep,
    now: UnixMillis,
    counted: BTreeSet<Digest>,
}

impl Window {
    pub(crate) fn new(rules: &Retention, path: &str, presence: Presence, now: UnixMillis) -> Self {
        let keep = rules.keep(path);
        let is_over = match presence {
            Presence::Listed => false,
            Presence::Removed(at) => rules.forgets_removed || now.ms_since(at) >= keep.removed_ms,
        };
        let keep = if is_over { Keep { revisions: 0, age_ms: 0, ..keep } } else { keep };
        Self { keep, now, counted: BTreeSet::new() }
    }

    /// Whether the next older revision keeps its bytes.
    pub(crate) fn keeps(&mut self, revision: &PastRevision) -> bool {
        if !revision.held {
            return false;
        }
        let counts = revision.effective && self.counted.len() < self.keep.revisions;
        if counts {
            self.counted.insert(revision.blob);
        }
        counts || self.counted.contains(&revision.blob) || self.now.ms_since(revision.published_at) < self.keep.age_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn keep(revisions: usize, age_ms: u64) -> Keep {
        Keep { revisions, age_ms, removed_ms: 40 }
    }

    fn all(revisions: usize, age_ms: u64) -> Retention {
        Retention::new(keep(revisions, age_ms), &[]).expect("no rules are valid rules")
    }

    fn past(number: usize, blob: u8, age_ms: u64) -> PastRevision {
        PastRevision {
            id: EventId::from_bytes([u8::try_from(number).expect("small"); 32]),
            blob: Digest::from_bytes([blob; 32]),
            published_at: UnixMillis::new(NOW.get() - age_ms),
            effective: true,
            held: true,
        }
    }

    fn numbers(kept: &BTreeSet<EventId>) -> Vec<u8> {
        kept.iter().map(|id| id.as_bytes()[0]).collect()
    }

    #[test]
    fn the_newest_and_the_young_are_kept() {
        let history = [past(0, 0, 5), past(1, 1, 90), past(2, 2, 50), past(3, 3, 100)];
        assert_eq!(numbers(&retained("x", Presence::Listed, history, &all(2, 60), NOW)), [0, 1, 2]);
        assert_eq!(numbers(&retained("x", Presence::Listed, history, &all(2, 0), NOW)), [0, 1]);
        assert_eq!(numbers(&retained("x", Presence::Listed, history, &all(0, 0), NOW)), [0; 0]);
        assert_eq!(
            numbers(&retained("x", Presence::Listed, history, &all(0, 100), NOW)),
            [0, 1, 2],
            "of that very age is not younger"
        );
    }

    #[test]
    fn the_same_bytes_count_once_and_what_is_not_here_or_has_no_effect_not_at_all() {
        let mut history = [past(0, 7, 5), past(1, 7, 6), past(2, 1, 7), past(3, 2, 8), past(4, 3, 9)];
        history[2].held = false;
        history[3].effective = false;
        assert_eq!(numbers(&retained("x", Presence::Listed, history, &all(2, 0), NOW)), [0, 1, 4]);
    }

    #[test]
    fn what_was_removed_is_kept_as_before_for_a_while_and_then_not_at_all() {
        let history = [past(0, 0, 50), past(1, 1, 90), past(2, 2, 95)];
        let removed = |ago: u64| Presence::Removed(UnixMillis::new(NOW.get() - ago));
        for (presence, rules, expected) in [
            (removed(39), all(2, 0), vec![0, 1]),
            (removed(40), all(2, 0), vec![]),
            (removed(40), all(2, 100), vec![]),
            (removed(0), all(2, 0).forgetting_removed(), vec![]),
            (Presence::Removed(UnixMillis::new(NOW.get() + 1000)), all(2, 0), vec![0, 1]),
            (Presence::Listed, all(2, 0).forgetting_removed(), vec![0, 1]),
        ] {
            assert_eq!(numbers(&retained("x", presence, history, &rules, NOW)), expected, "{presence:?}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rule = |glob: &str, revisions| RetentionRule { paths: vec![glob.to_owned()], keep: keep(revisions, 0) };
        let rules = Retention::new(keep(5, 0), &[rule("mac/*", 1), rule("*.pkg", 2)]).expect("valid");
        for (path, expected) in [("mac/a.pkg", 1), ("mac/deep/b.dmg", 1), ("win/c.pkg", 2), ("win/c.msi", 5)] {
            assert_eq!(rules.keep(path).revisions, expected, "{path}");
        }
    }

    #[test]
    fn rules_that_cannot_be_meant_are_refused() {
        let keep = keep(1, 0);
        for paths in [vec![], vec!["[".to_owned()], vec!["a".to_owned(); RETENTION_GLOBS_MAX + 1]] {
            let outcome = Retention::new(keep, &[RetentionRule { paths, keep }]);
            assert!(matches!(outcome, Err(StoreError::BadName { .. })), "{outcome:?}");
        }
        let rule = RetentionRule { paths: vec!["*".to_owned()], keep };
        let outcome = Retention::new(keep, &vec![rule; RETENTION_RULES_MAX + 1]);
        assert!(matches!(outcome, Err(StoreError::TooMany { .. })), "{outcome:?}");
        let outcome = Retention::new(Keep { revisions: KEEP_REVISIONS_MAX + 1, ..keep }, &[]);
        assert!(matches!(outcome, Err(StoreError::BadName { .. })), "{outcome:?}");
    }

    fn revision(number: usize) -> impl Strategy<Value = PastRevision> {
        (0u8..6, 0u64..100, any::<bool>(), prop::bool::weighted(0.8)).prop_map(
            move |(blob, age_ms, effective, held)| PastRevision { effective, held, ..past(number, blob, age_ms) },
        )
    }

    fn history() -> impl Strategy<Value = Vec<PastRevision>> {
        (0usize..14).prop_flat_map(|length| (0..length).map(revision).collect::<Vec<_>>())
    }

    /// The rule said another way: blob by blob, by how many others are newer.
    fn said_again(history: &[PastRevision], keep: Keep) -> BTreeSet<EventId> {
        let counting: Vec<Digest> = {
            let mut seen = BTreeSet::new();
            let counts = history.iter().filter(|revision| revision.held && revision.effective);
            counts.map(|revision| revision.blob).filter(|blob| seen.insert(*blob)).take(keep.revisions).collect()
        };
        let first_at = |blob: &Digest| {
            history.iter().position(|revision| revision.blob == *blob && revision.held && revision.effective)
        };
        let kept = history.iter().enumerate().filter(|(place, revision)| {
            let young = NOW.get() - revision.published_at.get() < keep.age_ms;
            let counted = counting.contains(&revision.blob) && first_at(&revision.blob) <= Some(*place);
            revision.held && (young || counted)
        });
        kept.map(|(_, revision)| revision.id).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_retained_is_what_the_rule_says(history in history(), revisions in 0usize..5, age_ms in 0u64..100) {
            let keep = keep(revisions, age_ms);
            let kept = retained("x", Presence::Listed, history.iter().copied(), &all(revisions, age_ms), NOW);
            prop_assert_eq!(&kept, &said_again(&history, keep));
            let more = retained("x", Presence::Listed, history.iter().copied(), &all(revisions + 1, age_ms + 10), NOW);
            prop_assert!(kept.is_subset(&more), "a policy that keeps more keeps all of it");
        }
    }
}
