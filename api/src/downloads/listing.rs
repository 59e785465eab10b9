//! What a folder holds: packages and sub-folders, derived from a walk along the catalog's sorted paths.
//!
//! A walk is bounded in what it holds and in how many pages it asks for; where it stops early, `next` says where to go
//! on. A sub-folder is passed over in one step, however much is in it.

use ods_store::{Digest, PackagePath, Sha256};

/// Entries in one answer.
pub(super) const ENTRIES_MAX: usize = 1000;
/// Rows to ask the catalog for at a time.
pub(super) const PAGE_ROWS: usize = 256;
/// Pages of the catalog one answer may ask for.
const PAGES_MAX: usize = 64;
/// Sorts after whatever a path may go on with, all but absurd names that begin with this very character.
const LAST: char = char::MAX;

/// A package, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) path: PackagePath,
    pub(super) size: u64,
    pub(super) modified_unix_seconds: u64,
    pub(super) blob: Digest,
    pub(super) sha256: Sha256,
}

/// Rows in the order of their paths, and the path to go on after.
pub(super) struct RowPage {
    pub(super) rows: Vec<Row>,
    pub(super) next: Option<String>,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A sub-folder's name, without a slash.
    Folder(String),
    /// A package right here.
    Package(Row),
}

/// A folder's content, or as much as fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) entries: Vec<Entry>,
    /// What the rest comes after.
    pub(super) next: Option<String>,
}

/// Which part of a listing is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The `next` of the part before.
    pub(super) after: Option<String>,
    /// At most this many entries; [`ENTRIES_MAX`] unless that is less.
    pub(super) limit: Option<usize>,
}

/// Lists what lies below `prefix` (empty, or a folder's path with a slash). `fetch` gives the page of rows after a path;
/// rows outside the prefix end the walk.
pub(super) fn list<E>(
    prefix: &str,
    part: &Part,
    mut fetch: impl FnMut(&str) -> Result<RowPage, E>,
) -> Result<Listing, E> {
    let cursor = part.after.as_deref().unwrap_or_default().max(prefix).to_owned();
    let entries_max = part.limit.unwrap_or(ENTRIES_MAX).clamp(1, ENTRIES_MAX);
    let mut walk = Walk { prefix, cursor, entries: Vec::new(), entries_max };
    for _ in 0..PAGES_MAX {
        let page = fetch(&walk.cursor)?;
        for row in page.rows {
            match walk.take(row) {
                Step::On => {}
                Step::Full => return Ok(Listing { entries: walk.entries, next: Some(walk.cursor) }),
                Step::Past => return Ok(Listing { entries: walk.entries, next: None }),
            }
        }
        let Some(next) = page.next else { return Ok(Listing { entries: walk.entries, next: None }) };
        walk.cursor = walk.cursor.max(next);
    }
    Ok(Listing { entries: walk.entries, next: Some(walk.cursor) })
}

struct Walk<'a> {
    prefix: &'a str,
    /// Everything up to here is in `entries`.
    cursor: String,
    entries: Vec<Entry>,
    entries_max: usize,
}

enum Step {
    On,
    Full,
    Past,
}

impl Walk<'_> {
    fn take(&mut self, row: Row) -> Step {
        let Some(rest) = row.path.as_str().strip_prefix(self.prefix) else { return Step::Past };
        if row.path.as_str() <= self.cursor.as_str() {
            return Step::On;
        }
        if self.entries.len() == self.entries_max {
            return Step::Full;
        }
        if let Some((folder, _)) = rest.split_once('/') {
            self.cursor = format!("{}{folder}/{LAST}", self.prefix);
            self.entries.push(Entry::Folder(folder.to_owned()));
        } else {
            row.path.as_str().clone_into(&mut self.cursor);
            self.entries.push(Entry::Package(row));
        }
        Step::On
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use super::*;
    use proptest::prelude::*;

    pub(crate) fn row(path: &str) -> Row {
        let path = PackagePath::parse(path).expect("a valid path");
        let (blob, sha256) = (Digest::of(b""), Sha256::from_bytes([7; 32]));
        Row { path, size: 3, modified_unix_seconds: 0, blob, sha256 }
    }

    /// A catalog of these paths, served in pages of `rows`.
    fn catalog(paths: &[String], rows: usize) -> impl FnMut(&str) -> Result<RowPage, Infallible> {
        let sorted: BTreeSet<String> = paths.iter().cloned().collect();
        move |after| {
            let found: Vec<&String> = sorted.iter().filter(|path| path.as_str() > after).take(rows + 1).collect();
            let next = (found.len() > rows).then(|| found[rows - 1].clone());
            Ok(RowPage { rows: found.into_iter().take(rows).map(|path| row(path)).collect(), next })
        }
    }

    fn names(listing: &Listing) -> Vec<String> {
        let name = |entry: &Entry| match entry {
            Entry::Folder(name) => format!("{name}/"),
            Entry::Package(row) => row.path.file_name().to_owned(),
        };
        listing.entries.iter().map(name).collect()
    }

    fn listed(paths: &[&str], prefix: &str) -> Vec<String> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let Ok(listing) = list(prefix, &Part::default(), catalog(&paths, 2));
        assert_eq!(listing.next, None);
        names(&listing)
    }

    #[test]
    fn folders_are_derived_and_listed_once() {
        let paths = ["a-x", "a/1", "a/2", "a/b/3", "a0", "z.pkg", "é/x"];
        assert_eq!(listed(&paths, ""), ["a-x", "a/", "a0", "z.pkg", "é/"]);
        assert_eq!(listed(&paths, "a/"), ["1", "2", "b/"]);
        assert_eq!(listed(&paths, "a/b/"), ["3"]);
        assert_eq!(listed(&paths, "b/"), Vec::<String>::new());
        assert_eq!(listed(&[], ""), Vec::<String>::new());
    }

    #[test]
    fn a_package_and_a_folder_may_share_a_name() {
        assert_eq!(listed(&["a", "a/b"], ""), ["a", "a/"]);
    }

    #[test]
    fn a_long_folder_comes_in_parts_that_join_without_gap_or_repeat() {
        let mut paths: Vec<String> = (0..2500).map(|n| format!("p{n:05}")).collect();
        paths.extend((0..2500).map(|n| format!("f{}/x{n}", n / 2)));
        let expected: Vec<String> = {
            let mut names: BTreeSet<String> = (0..2500).map(|n| format!("p{n:05}")).collect();
            names.extend((0..1250).map(|n| format!("f{n}/")));
            names.into_iter().collect()
        };
        for (limit, at_most) in [(None, ENTRIES_MAX), (Some(7_000), ENTRIES_MAX), (Some(0), 1), (Some(640), 640)] {
            let (mut seen, mut part) = (Vec::new(), Part { after: None, limit });
            loop {
                let Ok(listing) = list("", &part, catalog(&paths, PAGE_ROWS));
                assert!(listing.entries.len() <= at_most);
                seen.extend(names(&listing));
                part.after = listing.next;
                if part.after.is_none() || seen.len() > 50 && limit == Some(0) {
                    break;
                }
            }
            assert_eq!(seen, expected[..seen.len()]);
            assert!(limit == Some(0) || seen.len() == expected.len());
        }
    }

    #[test]
    fn a_walk_asks_for_a_bounded_number_of_pages() {
        let mut asked = 0;
        let Ok(listing) = list("", &Part::default(), |after| {
            asked += 1;
            Ok::<_, Infallible>(RowPage { rows: vec![], next: Some(format!("{after}x")) })
        });
        assert_eq!((asked, listing.entries.len()), (PAGES_MAX, 0));
        assert!(listing.next.is_some());
    }

    proptest! {
        #[test]
        fn listing_equals_its_definition(
            paths in proptest::collection::vec("[ab/é-]{1,6}", 0..40),
            prefix in "([ab]/){0,2}",
            rows in 1_usize..5,
        ) {
            let paths: Vec<String> = paths.into_iter().filter(|path| PackagePath::parse(path).is_ok()).collect();
            let inside = paths.iter().filter_map(|path| path.strip_prefix(&prefix)).filter(|rest| !rest.is_empty());
            let expected: BTreeSet<String> = inside.map(|rest| match rest.split_once('/') {
                Some((folder, _)) => format!("{folder}/"),
                None => rest.to_owned(),
            }).collect();
            let Ok(listing) = list(&prefix, &Part::default(), catalog(&paths, rows));
            prop_assert_eq!(listing.next.as_ref(), None);
            prop_assert_eq!(names(&listing), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
