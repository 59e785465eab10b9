//! Which packages a list shows, and in which order.
//!
//! A page of any order is read straight from the catalog or one of its indexes, behind the cursor: the last row's path, or
//! its sort value and path. So it costs as much as it shows, and starts where the one before ended, whatever was published
//! or removed in between. A filter looks at a bounded number of rows, so its page may be short and still have a next.

use ods_store::{PACKAGE_PAGE_BYTES_MAX, Package, PackagePath, Place, Sort, SortKey};

use crate::auth::Reader;
use crate::convert::state_name;
use crate::error::{ApiError, Code};
use crate::extract::page_rows;
use crate::types::PackageQuery;

/// Reads of the catalog for one page; each looks at a bounded number of rows.
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
    pub(super) replicas: bool,
}

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
            sort: parse_sort(given(query.sort).as_deref())?,
            limit: page_rows(query.limit)?,
            after: given(query.after),
            replicas: query.replicas.unwrap_or_default(),
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

/// Fewer hexadecimal digits are a word as any other: they would be the beginning of some digest by chance.
const DIGEST_DIGITS_MIN: usize = 8;

fn has_words(package: &Package, words: &[String]) -> bool {
    let meta = ["title", "version", "identifier", "tags"].iter().filter_map(|key| package.meta.get(*key));
    let texts: Vec<String> =
        meta.map(|text| text.to_lowercase()).chain([package.path.as_str().to_lowercase()]).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)) || begins_digest(package, word))
}

/// Whether the SHA-256 or the BLAKE3 of its bytes begins so.
fn begins_digest(package: &Package, word: &str) -> bool {
    let may_be = (DIGEST_DIGITS_MIN..=64).contains(&word.len()) && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    may_be && (package.sha256.to_string().starts_with(word) || package.blob.to_string().starts_with(word))
}

/// An order, by its name.
pub(super) fn parse_sort(text: Option<&str>) -> Result<Sort, ApiError> {
    let text = text.unwrap_or("path");
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let key = match name {
        "path" => SortKey::Path,
        "published_at" => SortKey::PublishedAt,
        "size" => SortKey::Size,
        _ => return Err(bad("sort", "is `path`, `published_at` or `size`, or one of them after a `-`")),
    };
    Ok(Sort { key, descending })
}

/// An order's name.
fn sort_name(sort: Sort) -> String {
    let name = match sort.key {
        SortKey::Path => "path",
        SortKey::PublishedAt => "published_at",
        SortKey::Size => "size",
    };
    format!("{}{name}", if sort.descending { "-" } else { "" })
}

/// A place as a cursor: the order's name, the sort value unless that is the path, and the path.
pub(super) fn cursor(sort: Sort, place: Place) -> String {
    let Place { value, path } = place;
    match sort.key {
        SortKey::Path => format!("{}:{path}", sort_name(sort)),
        SortKey::PublishedAt | SortKey::Size => format!("{}:{value}:{path}", sort_name(sort)),
    }
}

/// A cursor of another order, or of another list, is refused: its place would mean something else here.
fn parse_cursor(sort: Sort, text: &str) -> Result<Place, ApiError> {
    let place = text.strip_prefix(&sort_name(sort)).and_then(|rest| rest.strip_prefix(':')).and_then(|place| {
        let (value, path) = match sort.key {
            SortKey::Path => ("0", place),
            SortKey::PublishedAt | SortKey::Size => place.split_once(':')?,
        };
        PackagePath::parse(path).ok()?;
        Some(Place { value: value.parse().ok()?, path: path.to_owned() })
    });
    place.ok_or_else(|| bad("after", "is not the `next` of a page in this order; leave it out to begin"))
}

fn bad(field: &str, reason: &str) -> ApiError {
    ApiError::new(Code::BadQuery, format!("`{field}` {reason}")).fact("field", field)
}

/// Lists.
pub(super) fn list(reader: &Reader, query: &Query) -> Result<Found, ApiError> {
    let mut items = Vec::new();
    let mut after = query.after.as_deref().map(|text| parse_cursor(query.sort, text)).transpose()?;
    let by_path = query.sort == BY_PATH;
    if by_path {
        let first = start(after.take().map(|place| place.path).as_deref(), query.prefix.as_ref());
        after = first.map(|path| Place { value: 0, path });
    }
    let mut reads = 0;
    let next = loop {
        let limit = query.limit - items.len();
        let page = reader.packages_sorted(query.sort, after.as_ref(), limit, &mut |package| query.keeps(package))?;
        items.extend(page.items);
        reads += 1;
        match page.next {
            Some(next) if by_path && is_past(&next.path, query.prefix.as_ref()) => break None,
            Some(next) if items.len() >= query.limit || reads == READS_MAX || is_full(&items) => break Some(next),
            None => break None,
            next => after = next,
        }
    };
    let total = if query.is_unfiltered() && reader.sees_all() { Some(reader.package_count()?) } else { None };
    Ok(Found { items, next: next.map(|place| cursor(query.sort, place)), total })
}

/// Whether packages have so much to say that the page ends with them.
fn is_full(items: &[Package]) -> bool {
    items.iter().map(Package::listed_bytes).sum::<usize>() >= PACKAGE_PAGE_BYTES_MAX
}

const BY_PATH: Sort = Sort { key: SortKey::Path, descending: false };

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
    fn a_cursor_is_the_place_it_was_made_of() {
        let sort = parse_sort(Some("-size")).expect("an order");
        let place = Place { value: 12, path: "a:b".to_owned() };
        assert_eq!(parse_cursor(sort, &cursor(sort, place.clone())).expect("a place"), place);
        for bad in ["x", "a/b.pkg", "12:a:b", "size:12:a:b", "-path:a", "-size:-1:a", "-size:1:", "-size:1:../x"] {
            assert!(parse_cursor(sort, bad).is_err(), "{bad}");
        }
        let place = Place { value: 0, path: "a".to_owned() };
        assert_eq!(parse_cursor(BY_PATH, &cursor(BY_PATH, place.clone())).expect("a place"), place);
        assert!(parse_cursor(BY_PATH, "a").is_err() && parse_cursor(BY_PATH, &cursor(sort, place)).is_err());
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
