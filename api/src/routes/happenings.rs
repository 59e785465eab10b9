//! Which records of the journal a caller asks for, and reading them by cursor.

use globset::{Glob, GlobMatcher};
use ods_store::{Happening, Lsn, Record, WEBHOOK_GLOB_BYTES_MAX};

use crate::auth::Reader;
use crate::error::{ApiError, Code};

/// Records that one answer looks at, so that a filter that matches little can't hold a reader up.
const EXAMINED_MAX: usize = 10_000;
/// Records that are read at a time, at least: most may be of other types.
const READ_RECORDS: usize = 200;
/// Type patterns in one query.
const PATTERNS_MAX: usize = 32;

/// Which records to show.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    types: Types,
    path: Option<GlobMatcher>,
}

impl Wanted {
    /// Reads a list of types such as `package.*,peer.down` and a glob of paths; none means all.
    pub(super) fn parse(types: Option<&str>, path: Option<&str>) -> Result<Self, ApiError> {
        Ok(Self { types: Types::parse(types)?, path: path.map(glob).transpose()? })
    }

    fn has(&self, what: &Happening) -> bool {
        let path_fits = |glob: &GlobMatcher| what.package_path().is_some_and(|path| glob.is_match(path));
        self.types.has(what.kind()) && self.path.as_ref().is_none_or(path_fits)
    }
}

/// A glob becomes an automaton without back-tracking: no text takes it more than linear time.
fn glob(text: &str) -> Result<GlobMatcher, ApiError> {
    let bad = |reason: String| ApiError::new(Code::BadQuery, format!("`path` {reason}")).fact("field", "path");
    if text.is_empty() || text.len() > WEBHOOK_GLOB_BYTES_MAX {
        return Err(bad(format!("is a glob of 1 to {WEBHOOK_GLOB_BYTES_MAX} bytes")));
    }
    let glob = Glob::new(text).map_err(|error| bad(format!("is no glob: {error}")))?;
    Ok(glob.compile_matcher())
}

/// Which types to show: names, or beginnings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Types(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Name(String),
    Beginning(String),
}

impl Types {
    /// Reads a list such as `package.*,peer.down`. None means all.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, ApiError> {
        let names = text.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let patterns: Vec<Pattern> = names
            .map(|name| match name.strip_suffix('*') {
                Some(beginning) => Pattern::Beginning(beginning.to_owned()),
                None => Pattern::Name(name.to_owned()),
            })
            .collect();
        if patterns.len() > PATTERNS_MAX {
            let detail = format!("`type` has at most {PATTERNS_MAX} names");
            return Err(ApiError::new(Code::BadQuery, detail).fact("field", "type").fact("max", PATTERNS_MAX));
        }
        Ok(Self(patterns))
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|pattern| match pattern {
                Pattern::Name(name) => name == kind,
                Pattern::Beginning(beginning) => kind.starts_with(beginning.as_str()),
            })
    }
}

/// Records that were found.
#[derive(Debug)]
pub(super) struct Found {
    /// Those asked for.
    pub(super) items: Vec<Record>,
    /// The last record looked at.
    pub(super) examined: Lsn,
    /// Whether there are records behind it.
    pub(super) more: bool,
}

/// Up to `limit` records after `after` that the caller asked for and may see.
pub(super) fn read(reader: &Reader, wanted: &Wanted, after: Lsn, limit: usize) -> Result<Found, ApiError> {
    let mut found = Found { items: Vec::new(), examined: after, more: true };
    let mut examined = 0;
    while found.more && found.items.len() < limit && examined < EXAMINED_MAX {
        let page = reader.records(found.examined, limit.max(READ_RECORDS))?;
        examined += page.items.len();
        found.more = page.next.is_some();
        for record in page.items {
            if found.items.len() == limit {
                found.more = true;
                break;
            }
            found.examined = record.lsn;
            if wanted.has(&record.what) && reader.sees(&record.what) {
                found.items.push(record);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_names_or_beginnings() {
        let types = Types::parse(Some("package.*, peer.down,")).expect("types");
        for (kind, expected) in
            [("package.published", true), ("peer.down", true), ("peer.up", false), ("packages", false)]
        {
            assert_eq!(types.has(kind), expected, "{kind}");
        }
        assert!(Types::parse(None).expect("types").has("anything"));
        assert!(Types::parse(Some(&"x,".repeat(33))).is_err());
    }

    #[test]
    fn a_path_is_a_glob_of_packages() {
        let wanted = Wanted::parse(None, Some("mac/*.pkg")).expect("a glob");
        let of = |path: &str| Happening::PackagePublished {
            path: path.to_owned(),
            event: ods_store::EventId::from_bytes([1; 32]),
        };
        assert!(wanted.has(&of("mac/a/b.pkg")) && !wanted.has(&of("win/a.pkg")));
        assert!(!wanted.has(&Happening::NodeChanged { by: String::new() }), "no package");
        for bad in ["", "[a", &"*".repeat(600)] {
            assert!(Wanted::parse(None, Some(bad)).is_err(), "{bad}");
        }
    }
}
