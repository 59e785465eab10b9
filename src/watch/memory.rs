//! What a file's bytes mean, given what was seen of the file before and what the path's history holds. Pure.
//!
//! The rule behind it: a node rebuilt beside an old folder must not bring old versions back. So bytes that are already
//! some revision of the path are published again only if the file was *seen to change*: this node remembers it with
//! other bytes, and it changed while this node was watching. A file that differs after the node or the folder was away
//! was not seen to change: a restored backup looks just like it.

use ods_store::{Change, Digest, EventId, Revision, WatchOutcome, WatchedFile};

use super::sight::Sight;

/// What is to be done with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They become the current revision.
    Publish,
    /// They are the current revision; nothing new is to be said of them.
    Current {
        /// That revision.
        revision: EventId,
        /// This node holds them.
        held: bool,
    },
    /// They are an older revision, or one beside the current one.
    Superseded,
}

/// What `bytes` at a path with this history mean.
pub(super) fn verdict(bytes: &Digest, revisions: &[Revision], seen_to_change: bool) -> Verdict {
    let mut same = revisions.iter().filter(|revision| revision.effective && blob_of(revision) == Some(bytes));
    if let Some(current) = same.clone().find(|revision| revision.current) {
        return Verdict::Current { revision: current.id, held: current.bytes_held };
    }
    if same.next().is_some() && !seen_to_change { Verdict::Superseded } else { Verdict::Publish }
}

/// Whether some revision may be these bytes, going by the size alone. Then they are hashed before they are copied.
pub(super) fn may_be_known(bytes: u64, revisions: &[Revision]) -> bool {
    revisions.iter().any(|revision| matches!(&revision.change, Change::Published { size, .. } if *size == bytes))
}

/// Whether a file with these bytes, last remembered as `row`, was seen to change.
pub(super) fn seen_to_change(row: Option<&WatchedFile>, bytes: &Digest, changed_while_away: bool) -> bool {
    !changed_while_away && row.and_then(|row| row.digest).is_some_and(|before| before != *bytes)
}

/// What came of a file that still looks as remembered; none if it has to be read.
pub(super) fn recall(row: Option<&WatchedFile>, sight: Sight) -> Option<&WatchedFile> {
    row.filter(|row| {
        let dealt_with = matches!(row.outcome, WatchOutcome::Published(_) | WatchOutcome::Superseded);
        dealt_with && row.digest.is_some() && sight_of(row) == sight
    })
}

/// What is to be remembered of a file that was read.
pub(super) fn row(sight: Sight, digest: Digest, outcome: WatchOutcome) -> WatchedFile {
    let Sight { bytes, mtime_ns, inode } = sight;
    WatchedFile { bytes, modified_ns: mtime_ns, inode, digest: Some(digest), outcome }
}

/// What is to be remembered of a file that was refused, so that it is told only once. What was read of it before is
/// worth more: then nothing is.
pub(super) fn refused_row(before: Option<&WatchedFile>, code: &str) -> Option<WatchedFile> {
    if before.is_some_and(|row| row.digest.is_some()) {
        return None;
    }
    let outcome = WatchOutcome::Refused(code.to_owned());
    Some(WatchedFile { bytes: 0, modified_ns: 0, inode: 0, digest: None, outcome })
}

/// Whether a refusal for `code` was told already, before this node was started.
pub(super) fn told_before(row: Option<&WatchedFile>, code: &str) -> bool {
    row.is_some_and(|row| matches!(&row.outcome, WatchOutcome::Refused(told) if told == code))
}

fn sight_of(row: &WatchedFile) -> Sight {
    Sight { bytes: row.bytes, mtime_ns: row.modified_ns, inode: row.inode }
}

fn blob_of(revision: &Revision) -> Option<&Digest> {
    match &revision.change {
        Change::Published { blob, .. } => Some(blob),
        Change::Removed => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{id, published, removed};
    use super::*;

    const SIGHT: Sight = Sight { bytes: 5, mtime_ns: 7, inode: 9 };

    fn old() -> Digest {
        Digest::of(b"old")
    }

    fn new() -> Digest {
        Digest::of(b"new")
    }

    #[test]
    fn bytes_are_judged_by_the_history_of_their_path() {
        let (v1, v2) = (published(1, b"old"), Revision { current: true, ..published(2, b"new") });
        let current = Verdict::Current { revision: id(2), held: true };
        let cases = [
            ("a path without history", vec![], new(), false, Verdict::Publish),
            ("the current bytes", vec![v2.clone(), v1.clone()], new(), false, current),
            ("the current bytes after a change", vec![v2.clone(), v1.clone()], new(), true, current),
            ("older bytes not seen to change", vec![v2.clone(), v1.clone()], old(), false, Verdict::Superseded),
            ("older bytes seen to change", vec![v2.clone(), v1.clone()], old(), true, Verdict::Publish),
            ("other bytes", vec![v2.clone(), v1.clone()], Digest::of(b"x"), false, Verdict::Publish),
            ("removed bytes", vec![removed(3), v1.clone()], old(), false, Verdict::Superseded),
            ("removed bytes seen to change", vec![removed(3), v1.clone()], old(), true, Verdict::Publish),
            (
                "bytes of an author who may not",
                vec![v2, Revision { effective: false, ..v1 }],
                old(),
                false,
                Verdict::Publish,
            ),
        ];
        for (name, revisions, bytes, changed, expected) in cases {
            assert_eq!(verdict(&bytes, &revisions, changed), expected, "{name}");
        }
    }

    #[test]
    fn a_file_was_seen_to_change_only_under_watch_and_from_other_bytes() {
        let published = row(SIGHT, old(), WatchOutcome::Published(id(1)));
        let refused = refused_row(None, "empty");
        let cases = [
            (None, new(), false, false),
            (Some(&published), new(), false, true),
            (Some(&published), new(), true, false),
            (Some(&published), old(), false, false),
            (refused.as_ref(), new(), false, false),
        ];
        for (row, bytes, away, expected) in cases {
            assert_eq!(seen_to_change(row, &bytes, away), expected, "{row:?} {away}");
        }
    }

    #[test]
    fn a_file_that_looks_as_remembered_is_not_read_again() {
        let published = row(SIGHT, old(), WatchOutcome::Published(id(1)));
        let superseded = row(SIGHT, old(), WatchOutcome::Superseded);
        let refused = WatchedFile { outcome: WatchOutcome::Refused("empty".to_owned()), ..published.clone() };
        assert_eq!(recall(Some(&published), SIGHT), Some(&published));
        assert_eq!(recall(Some(&superseded), SIGHT), Some(&superseded));
        assert_eq!(recall(Some(&refused), SIGHT), None);
        assert_eq!(recall(None, SIGHT), None);
        for other in [Sight { bytes: 6, ..SIGHT }, Sight { mtime_ns: 8, ..SIGHT }, Sight { inode: 1, ..SIGHT }] {
            assert_eq!(recall(Some(&published), other), None, "{other:?}");
        }
    }

    #[test]
    fn a_refusal_is_remembered_but_never_in_place_of_what_was_read() {
        let refused = refused_row(None, "empty").expect("remembered");
        assert!(told_before(Some(&refused), "empty"));
        assert!(!told_before(Some(&refused), "link") && !told_before(None, "empty"));
        assert!(refused_row(Some(&refused), "link").is_some());
        let published = row(SIGHT, old(), WatchOutcome::Published(id(1)));
        assert_eq!(refused_row(Some(&published), "empty"), None);
    }

    #[test]
    fn only_a_revision_of_the_same_size_may_be_the_same_bytes() {
        let revisions = [removed(2), published(1, b"old")];
        assert!(may_be_known(3, &revisions) && !may_be_known(4, &revisions));
    }

    proptest! {
        /// A node that remembers nothing never publishes bytes that an effective revision of the path had.
        #[test]
        fn a_rebuilt_node_brings_nothing_back(
            history in prop::collection::vec((0u8..4, any::<bool>(), any::<bool>()), 0..8),
            bytes in 0u8..4,
            away in any::<bool>(),
        ) {
            let mut revisions: Vec<Revision> = history
                .iter()
                .zip(1u8..)
                .map(|((content, remove, effective), n)| {
                    let revision = if *remove { removed(n) } else { published(n, &[*content]) };
                    Revision { effective: *effective, ..revision }
                })
                .collect();
            if let Some(last) = revisions.last_mut() {
                last.current = last.effective && last.change != Change::Removed;
            }
            let digest = Digest::of(&[bytes]);
            let known = revisions.iter().any(|revision| revision.effective && blob_of(revision) == Some(&digest));
            let verdict = verdict(&digest, &revisions, seen_to_change(None, &digest, away));
            prop_assert_eq!(verdict == Verdict::Publish, !known);
        }
    }
}
