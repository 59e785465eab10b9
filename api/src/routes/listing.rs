//! Which packages a list shows, and in which order.
//!
//! By path, a page is read straight from the catalog. Every other order looks at all packages once a page and keeps the
//! first `limit` that come after the cursor, so memory is bounded by the page; its cursor is the last row's sort value and
//! path, so that a page starts where the one before ended, whatever was published or removed in between.

use std::cmp::Ordering;

use ods_store::{Package, PackagePath};

use crate::auth::Reader;
use crate::convert::state_name;
use crate::error::{ApiError, Code};
use crate::extract::page_rows;
use crate::types::PackageQuery;

/// Reads of the catalog for one page in the order of paths; each looks at a bounded number of rows.
const READS_MAX: usize = 10;

/// What to list.
#[derive(Debug, Clone)]
pub(super) struct Query {
    words: Vec<String>,
    prefix: Option<PackagePath>,
    tag: Option<String>,
    kind: Option<String>,
    state: Option<String>,
    sort: Sort,
    limit: usize,
    after: Option<String>,
}

/// By what rows are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sort {
    key: SortKey,
    descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortKey {
    Path,
    PublishedAt,
    Size,
}

/// A place in an order: the value sorted by (0 by path), and the path, which tells rows of equal value apart.
type Place = (u64, String);

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) items: Vec<Package>,
    pub(super) next: Option<String>,
    pub(super) total: Option<u64>,
}

impl Query {
    pub(super) fn parse(query: PackageQuery) -> Result<Self, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let prefix = given(query.prefix).map(|prefix| PackagePath::parse(prefix.trim_end_matches('/'))).transpose();
        let state = given(query.state);
        if let Some(state) = &state
            && !["stored", "fetching", "wanted", "remote", "conflict"].contains(&state.as_str())
        {
            return Err(bad("state", "is `stored`, `fetching`, `wanted`, `remote` or `conflict`"));
        }
        Ok(Self {
            words: query.q.unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect(),
            prefix: prefix.map_err(|error| bad("prefix", &format!("can't be used: {error}")))?,
            tag: given(query.tag),
            kind: given(query.kind).map(|kind| kind.trim_start_matches('.').to_lowercase()),
            state,
            sort: Sort::parse(query.sort.as_deref().unwrap_or("path"))?,
            limit: page_rows(query.limit)?,
            after: given(query.after),
        })
    }

    fn is_unfiltered(&self) -> bool {
        self.words.is_empty()
            && [&self.tag, &self.kind, &self.state].iter().all(|filter| filter.is_none())
            && self.prefix.is_none()
    }

    fn keeps(&self, package: &Package) -> bool {
        let equal = |wanted: &Option<String>, actual: &str| wanted.as_ref().is_none_or(|wanted| wanted == actual);
        self.prefix.as_ref().is_none_or(|prefix| package.path.is_under(prefix.as_str()))
            && self.tag.as_ref().is_none_or(|tag| package.tags().contains(&tag.as_str()))
            && equal(&self.kind, &package.path.kind())
            && match self.state.as_deref() {
                Some("conflict") => package.conflict,
                _ => equal(&self.state, state_name(package.state)),
            }
            && (self.words.is_empty() || has_words(package, &self.words))
    }
}

fn has_words(package: &Package, words: &[String]) -> bool {
    let meta = ["title", "version", "identifier", "tags"].iter().filter_map(|key| package.meta.get(*key));
    let texts: Vec<String> =
        meta.map(|text| text.to_lowercase()).chain([package.path.as_str().to_lowercase()]).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

impl Sort {
    const BY_PATH: Self = Self { key: SortKey::Path, descending: false };

    fn parse(text: &str) -> Result<Self, ApiError> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let key = match name {
            "path" => SortKey::Path,
            "published_at" => SortKey::PublishedAt,
            "size" => SortKey::Size,
            _ => return Err(bad("sort", "is `path`, `published_at` or `size`, or one of them after a `-`")),
        };
        Ok(Self { key, descending })
    }

    fn place(self, package: &Package) -> Place {
        let value = match self.key {
            SortKey::Path => 0,
            SortKey::PublishedAt => package.published_at.get(),
            SortKey::Size => package.size,
        };
        (value, package.path.as_str().to_owned())
    }

    fn compare(self, left: &Place, right: &Place) -> Ordering {
        if self.descending { right.cmp(left) } else { left.cmp(right) }
    }
}

fn bad(field: &str, reason: &str) -> ApiError {
    ApiError::new(Code::BadQuery, format!("`{field}` {reason}")).fact("field", field)
}

/// Lists.
pub(super) fn list(reader: &Reader, query: &Query) -> Result<Found, ApiError> {
    if query.sort == Sort::BY_PATH { by_path(reader, query) } else { sorted(reader, query) }
}

fn by_path(reader: &Reader, query: &Query) -> Result<Found, ApiError> {
    let mut items = Vec::new();
    let mut after = start(query.after.as_deref(), query.prefix.as_ref());
    let mut reads = 0;
    let next = loop {
        let page = reader.packages(after.as_deref(), query.limit - items.len(), &mut |package| query.keeps(package))?;
        items.extend(page.items);
        reads += 1;
        match page.next {
            Some(next) if is_past(&next, query.prefix.as_ref()) => break None,
            Some(next) if items.len() >= query.limit || reads == READS_MAX => break Some(next),
            None => break None,
            next => after = next,
        }
    };
    let total = if query.is_unfiltered() && reader.sees_all() { Some(reader.package_count()?) } else { None };
    Ok(Found { items, next, total })
}

/// Where to begin to look for paths below a prefix: a little before it, since the prefix itself may be a package.
fn start(after: Option<&str>, prefix: Option<&PackagePath>) -> Option<String> {
    let prefix = prefix.map(|prefix| {
        let mut before = prefix.as_str().to_owned();
        if let Some(last) = before.pop()
            && let Some(smaller) = u32::from(last).checked_sub(1).and_then(char::from_u32)
        {
            before.extend([smaller, char::MAX]);
        }
        before
    });
    after.map(str::to_owned).max(prefix)
}

/// Whether all paths after this one lie behind the prefix. (`0` is the character after `/`.)
fn is_past(path: &str, prefix: Option<&PackagePath>) -> bool {
    prefix.is_some_and(|prefix| path >= format!("{prefix}0").as_str())
}

fn sorted(reader: &Reader, query: &Query) -> Result<Found, ApiError> {
    let sort = query.sort;
    let cursor = query.after.as_deref().map(parse_place).transpose()?;
    let mut first: Vec<(Place, Package)> = Vec::new();
    let mut total: u64 = 0;
    let mut after = start(None, query.prefix.as_ref());
    loop {
        let page = reader.packages(after.as_deref(), 1, &mut |package| {
            if query.keeps(package) {
                total += 1;
                let place = sort.place(package);
                if cursor.as_ref().is_none_or(|cursor| sort.compare(&place, cursor).is_gt()) {
                    first.push((place, package.clone()));
                }
                cut(&mut first, sort, query.limit * 2, query.limit + 1);
            }
            false
        })?;
        match page.next {
            Some(next) if !is_past(&next, query.prefix.as_ref()) => after = Some(next),
            Some(_) | None => break,
        }
    }
    cut(&mut first, sort, 0, query.limit + 1);
    let more = first.len() > query.limit;
    first.truncate(query.limit);
    let next = first.last().filter(|_| more).map(|((value, path), _)| format!("{value}:{path}"));
    Ok(Found { items: first.into_iter().map(|(_, package)| package).collect(), next, total: Some(total) })
}

/// Once there are more than `beyond` rows, keeps the first `keep` of them.
fn cut(rows: &mut Vec<(Place, Package)>, sort: Sort, beyond: usize, keep: usize) {
    if rows.len() > beyond.max(keep) || beyond == 0 {
        rows.sort_by(|(left, _), (right, _)| sort.compare(left, right));
        rows.truncate(keep);
    }
}

fn parse_place(cursor: &str) -> Result<Place, ApiError> {
    let place = cursor.split_once(':').and_then(|(value, path)| Some((value.parse().ok()?, path.to_owned())));
    place.ok_or_else(|| bad("after", "is not the `next` of a page in this order"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PackagePath {
        PackagePath::parse(text).expect("a valid path")
    }

    #[test]
    fn the_range_below_a_prefix_holds_all_of_it_and_ends() {
        for prefix in ["mac", "a b", "é", "日", "\u{e000}", "x/y"] {
            let prefix = path(prefix);
            let start = start(None, Some(&prefix)).expect("a start");
            assert!(start.as_str() < prefix.as_str(), "{prefix}");
            for below in [prefix.to_string(), format!("{prefix}/a"), format!("{prefix}/\u{10ffff}")] {
                assert!(start < below && !is_past(&below, Some(&prefix)), "{below:?}");
            }
            assert!(is_past(&format!("{prefix}0"), Some(&prefix)));
        }
        assert_eq!(start(Some("zzz"), Some(&path("mac"))).as_deref(), Some("zzz"));
        assert_eq!(start(None, None), None);
    }

    #[test]
    fn orders_are_total_and_a_cursor_survives_the_query() {
        let sort = Sort::parse("-size").expect("an order");
        let place = |value: u64, path: &str| (value, path.to_owned());
        assert_eq!(sort.compare(&place(2, "a"), &place(1, "b")), Ordering::Less);
        assert_eq!(sort.compare(&place(1, "b"), &place(1, "a")), Ordering::Less);
        assert_eq!(parse_place("12:a:b").expect("a place"), place(12, "a:b"));
        for bad in ["", "x", "a/b.pkg", "-1:a"] {
            assert!(parse_place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_can_not_be_listed_by_is_refused() {
        for (field, query) in [
            ("sort", PackageQuery { sort: Some("name".to_owned()), ..PackageQuery::default() }),
            ("state", PackageQuery { state: Some("lost".to_owned()), ..PackageQuery::default() }),
            ("prefix", PackageQuery { prefix: Some("../x".to_owned()), ..PackageQuery::default() }),
            ("limit", PackageQuery { limit: Some(0), ..PackageQuery::default() }),
            ("limit", PackageQuery { limit: Some(1001), ..PackageQuery::default() }),
        ] {
            assert_eq!(Query::parse(query).expect_err(field).code(), Code::BadQuery, "{field}");
        }
    }
}
