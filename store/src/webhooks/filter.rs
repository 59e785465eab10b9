//! Which records a webhook is told of. Pure.
//!
//! Paths and tags narrow what is told of packages; records of other things are told by their type alone. Globs become
//! automata without back-tracking, so none takes more than linear time, and their number and length are bounded.

use std::collections::BTreeSet;

use globset::{GlobSet, GlobSetBuilder};

use super::WebhookSettings;
use crate::error::{Result, StoreError};
use crate::journal::{Happening, Record, webhook_kinds};
use crate::limits::{WEBHOOK_FILTERS_MAX, WEBHOOK_GLOB_BYTES_MAX};
use crate::path_glob::path_glob;

/// What a webhook is told of.
#[derive(Debug, Clone)]
pub struct WebhookFilter {
    kinds: BTreeSet<&'static str>,
    paths: Option<GlobSet>,
    tags: BTreeSet<String>,
}

impl WebhookFilter {
    /// Checks and compiles a webhook's filters.
    pub fn new(settings: &WebhookSettings) -> Result<Self> {
        for (field, filters) in [("types", &settings.types), ("paths", &settings.paths), ("tags", &settings.tags)] {
            if filters.len() > WEBHOOK_FILTERS_MAX {
                return bad(field, format!("may have at most {WEBHOOK_FILTERS_MAX} entries"));
            }
        }
        Ok(Self {
            kinds: kinds(&settings.types)?,
            paths: globs(&settings.paths)?,
            tags: settings.tags.iter().cloned().collect(),
        })
    }

    /// Whether it is told of a record, as far as the record says. Whether a package's tags fit is for [`Self::has_tag`].
    pub fn takes(&self, record: &Record) -> bool {
        let path = record.what.package_path();
        // A test is sent by itself, and to one webhook only.
        let is_test = matches!(record.what, Happening::WebhookTest { .. });
        !record.backfill
            && !is_test
            && self.kinds.contains(record.what.kind())
            && path.is_none_or(|path| self.paths.as_ref().is_none_or(|globs| globs.is_match(path)))
    }

    /// Whether it matters to it which tags a package has.
    pub fn asks_for_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// Whether a package with these tags is told of.
    pub fn has_tag<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> bool {
        self.tags.is_empty() || tags.into_iter().any(|tag| self.tags.contains(tag))
    }
}

fn kinds(patterns: &[String]) -> Result<BTreeSet<&'static str>> {
    if patterns.is_empty() {
        return Ok(webhook_kinds().collect());
    }
    let mut kinds = BTreeSet::new();
    for pattern in patterns {
        let fits = |kind: &&str| match pattern.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => *kind == pattern.as_str(),
        };
        let fitting: Vec<&str> = webhook_kinds().filter(fits).collect();
        if fitting.is_empty() {
            let shown: String = pattern.chars().take(80).collect();
            let all: Vec<&str> = webhook_kinds().collect();
            return bad("types", format!("has {shown:?}, which webhooks aren't told of; there are {}", all.join(", ")));
        }
        kinds.extend(fitting);
    }
    Ok(kinds)
}

fn globs(globs: &[String]) -> Result<Option<GlobSet>> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        if glob.is_empty() || glob.len() > WEBHOOK_GLOB_BYTES_MAX {
            return bad("paths", format!("has a glob that is empty or longer than {WEBHOOK_GLOB_BYTES_MAX} bytes"));
        }
        set.add(path_glob(glob).or_else(|error| bad("paths", format!("has a glob that can't be read: {error}")))?);
    }
    let set = set.build().or_else(|error| bad("paths", format!("has globs that can't be used: {error}")))?;
    Ok(Some(set))
}

fn bad<T>(field: &'static str, reason: String) -> Result<T> {
    Err(StoreError::BadName { field, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::EventId;
    use crate::lsn::Lsn;
    use crate::time::UnixMillis;

    fn settings(types: &[&str], paths: &[&str], tags: &[&str]) -> WebhookSettings {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        WebhookSettings {
            name: String::new(),
            url: "https://x.example/".to_owned(),
            types: owned(types),
            paths: owned(paths),
            tags: owned(tags),
            allow_private: false,
        }
    }

    fn record(what: Happening, backfill: bool) -> Record {
        Record { lsn: Lsn::new(1), at: UnixMillis::new(1), backfill, what }
    }

    fn published(path: &str) -> Happening {
        Happening::PackagePublished { path: path.to_owned(), event: EventId::from_bytes([1; 32]) }
    }

    #[test]
    fn types_paths_and_backfill_decide_what_is_told() {
        let alarm = || Happening::Alarm { code: "rot".to_owned(), detail: String::new() };
        let token = Happening::TokenRevoked { token: String::new(), name: String::new(), by: String::new() };
        let takes = |types: &[&str], paths: &[&str], what: Happening| {
            WebhookFilter::new(&settings(types, paths, &[])).expect("valid").takes(&record(what, false))
        };
        assert!(takes(&[], &[], published("a/b.pkg")) && takes(&[], &[], alarm()));
        assert!(!takes(&[], &[], token), "not a type for webhooks");
        assert!(takes(&["package.*"], &["*.pkg"], published("a/b.pkg")), "`*` matches `/` too");
        let everywhere =
            |path: &str| Happening::PackageReplicated { path: path.to_owned(), event: EventId::from_bytes([1; 32]) };
        assert!(!takes(&["package.*"], &["*.pkg"], published("a/b.dmg")));
        assert!(takes(&[], &["*.pkg"], everywhere("a/b.pkg")) && !takes(&[], &["*.pkg"], everywhere("a/b.dmg")));
        assert!(!takes(&["package.removed", "peer.*"], &[], published("a.pkg")));
        assert!(takes(&["*"], &["*.pkg"], alarm()), "paths are of packages");
        let all = WebhookFilter::new(&settings(&[], &[], &[])).expect("valid");
        assert!(!all.takes(&record(published("a.pkg"), true)), "what was there before is no news");
        let test = Happening::WebhookTest { webhook: String::new(), by: String::new() };
        assert!(!all.takes(&record(test, false)));
    }

    #[test]
    fn any_of_the_tags_will_do() {
        let none = WebhookFilter::new(&settings(&[], &[], &[])).expect("valid");
        let some = WebhookFilter::new(&settings(&[], &[], &["prod", "lab"])).expect("valid");
        assert!(none.has_tag([]) && some.has_tag(["x", "lab"]) && !some.has_tag(["x"]) && !some.has_tag([]));
    }

    #[test]
    fn filters_that_make_no_sense_are_refused() {
        let many = vec!["*"; WEBHOOK_FILTERS_MAX + 1];
        let long = "x".repeat(WEBHOOK_GLOB_BYTES_MAX + 1);
        for (types, paths) in [
            (vec!["package.nothing"], vec![]),
            (vec![""], vec![]),
            (many.clone(), vec![]),
            (vec![], many),
            (vec![], vec![""]),
            (vec![], vec!["[a"]),
            (vec![], vec!["{a,b"]),
            (vec![], vec![long.as_str()]),
        ] {
            assert!(WebhookFilter::new(&settings(&types, &paths, &[])).is_err(), "{types:?} {paths:?}");
        }
    }

    /// Globs that make a back-tracking matcher take for ever: here they take linear time, or are refused.
    #[test]
    fn no_glob_explodes() {
        let stars = "*a".repeat(WEBHOOK_GLOB_BYTES_MAX / 2);
        let alternates = "{a,aa,aaa}".repeat(WEBHOOK_GLOB_BYTES_MAX / 10);
        let nested = format!("{}a{}", "{a,".repeat(60), "}".repeat(60));
        let any = "**/".repeat(WEBHOOK_GLOB_BYTES_MAX / 3);
        let path = format!("{}b", "a".repeat(1023));
        let began = std::time::Instant::now();
        for glob in [&stars, &alternates, &nested, &any] {
            let Ok(filter) = WebhookFilter::new(&settings(&[], &[glob.as_str()], &[])) else { continue };
            for _ in 0..100 {
                // `**/` at the end takes whatever there is.
                assert_eq!(filter.takes(&record(published(&path), false)), glob == &any, "{glob}");
            }
        }
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
