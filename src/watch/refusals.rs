//! What is refused at the moment, and what of it is still to be told. Pure.
//!
//! A refusal is listed as long as it holds, and told (in the journal) once for each file and code, however many scans
//! find it again.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use super::reason::Reason;
use super::scan::Scan;

/// Refusals that are listed; beyond these the files are still not taken, but nobody reads so long a list.
const LISTED_MAX: usize = 1000;

/// The refusals of one watch.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    listed: BTreeMap<PathBuf, Reason>,
    news: VecDeque<News>,
}

/// A change that is to be told or remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// A file is refused, for a reason with another code than before.
    Refused(PathBuf, Reason),
    /// A refusal no longer holds.
    Cleared(PathBuf),
}

impl Refusals {
    /// Lists `file` with its reason.
    pub(super) fn refuse(&mut self, file: &Path, reason: Reason) {
        let before = self.listed.get(file);
        if before.is_none() && self.listed.len() >= LISTED_MAX {
            return;
        }
        if before.is_none_or(|before| before.code() != reason.code()) {
            self.news.push_back(News::Refused(file.to_owned(), reason.clone()));
        }
        self.listed.insert(file.to_owned(), reason);
    }

    /// `file` is not refused.
    pub(super) fn clear(&mut self, file: &Path) {
        if self.listed.remove(file).is_some() {
            self.news.push_back(News::Cleared(file.to_owned()));
        }
    }

    /// Takes over what a scan refused. A refusal that came from trying to take a file stays while the file does, and
    /// one below a folder that can't be read stays too, since nothing is known of it.
    pub(super) fn after_scan(&mut self, scan: &Scan) {
        let over: Vec<PathBuf> = self
            .listed
            .iter()
            .filter(|(file, reason)| {
                let taken_up = scan.files.contains_key(*file) && !reason.is_of_the_name();
                let unknown = file.ancestors().skip(1).any(|above| scan.blind.contains(above));
                !scan.refused.contains_key(*file) && !taken_up && !unknown
            })
            .map(|(file, _)| file.clone())
            .collect();
        for file in over {
            self.clear(&file);
        }
        for (file, reason) in &scan.refused {
            self.refuse(file, reason.clone());
        }
    }

    /// What is listed.
    pub(super) fn listed(&self) -> &BTreeMap<PathBuf, Reason> {
        &self.listed
    }

    /// The next thing to tell.
    pub(super) fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Whether there is something to tell.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(refusals: &mut Refusals) -> Vec<(String, &'static str)> {
        std::iter::from_fn(|| refusals.next_news())
            .map(|news| match news {
                News::Refused(file, reason) => (file.display().to_string(), reason.code()),
                News::Cleared(file) => (file.display().to_string(), "cleared"),
            })
            .collect()
    }

    fn scan(refused: &[(&str, Reason)], files: &[&str], blind: &[&str]) -> Scan {
        let found = |file: &&str| {
            let path = ods_store::PackagePath::parse(file).expect("a valid path");
            let sight = super::super::sight::Sight { bytes: 1, mtime_ns: 1, inode: 1 };
            (PathBuf::from(file), super::super::scan::Found { path, sight })
        };
        Scan {
            identity: 1,
            files: files.iter().map(found).collect(),
            refused: refused.iter().map(|(file, reason)| (PathBuf::from(file), reason.clone())).collect(),
            blind: blind.iter().map(PathBuf::from).collect(),
            folders: BTreeMap::new(),
        }
    }

    #[test]
    fn a_refusal_is_told_once_however_often_it_is_found() {
        let mut refusals = Refusals::default();
        for _ in 0..3 {
            refusals.after_scan(&scan(&[("x", Reason::Link)], &[], &[]));
        }
        assert_eq!(told(&mut refusals), [("x".to_owned(), "link")]);
        refusals.refuse(Path::new("x"), Reason::Bundle);
        assert_eq!(told(&mut refusals), [("x".to_owned(), "bundle")]);
    }

    #[test]
    fn numbers_that_change_in_the_text_are_no_news_but_are_listed() {
        let mut refusals = Refusals::default();
        for free in [1, 2] {
            refusals.refuse(Path::new("x"), Reason::NoSpace { needed: 9, free });
        }
        assert_eq!(told(&mut refusals).len(), 1);
        assert_eq!(refusals.listed()[Path::new("x")], Reason::NoSpace { needed: 9, free: 2 });
    }

    #[test]
    fn what_a_scan_no_longer_finds_is_cleared() {
        let mut refusals = Refusals::default();
        let before = [("gone", Reason::Link), ("mended", Reason::Link), ("dark/x", Reason::Link)];
        refusals.after_scan(&scan(&before, &["full"], &[]));
        refusals.refuse(Path::new("full"), Reason::NoSpace { needed: 2, free: 1 });
        told(&mut refusals);
        refusals.after_scan(&scan(&[("dark", Reason::Unreadable("no".to_owned()))], &["full", "mended"], &["dark"]));
        let listed: Vec<_> = refusals.listed().keys().map(|file| file.display().to_string()).collect();
        assert_eq!(listed, ["dark", "dark/x", "full"]);
        let expected = [("gone", "cleared"), ("mended", "cleared"), ("dark", "unreadable")];
        assert_eq!(told(&mut refusals), expected.map(|(file, code)| (file.to_owned(), code)));
    }

    #[test]
    fn the_list_is_bounded() {
        let mut refusals = Refusals::default();
        for n in 0..LISTED_MAX + 5 {
            refusals.refuse(Path::new(&n.to_string()), Reason::Link);
        }
        assert_eq!(refusals.listed().len(), LISTED_MAX);
    }
}
