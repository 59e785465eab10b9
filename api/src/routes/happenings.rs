//! Which records of the journal a caller asks for, and reading them by cursor.

use std::fmt;

use globset::GlobMatcher;
use ods_store::{Happening, Lsn, ReadFrom, Record, WEBHOOK_GLOB_BYTES_MAX, path_glob};

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
        let types = Types::parse("type", types, Happening::KINDS)?;
        Ok(Self { types, path: path.map(glob).transpose()? })
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
    let glob = path_glob(text).map_err(|error| bad(format!("is no glob: {error}")))?;
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
    /// Reads the parameter `field`, a list such as `package.*,peer.down`. None means all. One that none of the `known` types
    /// fits is refused: an empty list would look as if nothing had happened.
    pub(super) fn parse(field: &str, text: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let names = text.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        let patterns: Vec<Pattern> = names
            .map(|name| match name.strip_suffix('*') {
                Some(beginning) => Pattern::Beginning(beginning.to_owned()),
                None => Pattern::Name(name.to_owned()),
            })
            .collect();
        let bad = |detail: String| ApiError::new(Code::BadQuery, detail).fact("field", field);
        if patterns.len() > PATTERNS_MAX {
            return Err(bad(format!("`{field}` has at most {PATTERNS_MAX} names")).fact("max", PATTERNS_MAX));
        }
        if let Some(strange) = patterns.iter().find(|pattern| !known.iter().any(|kind| pattern.fits(kind))) {
            let allowed = known.join(", ");
            let detail =
                format!("`{field}` has {strange}, which nothing is; there are {allowed}, and beginnings with `*`");
            return Err(bad(detail).fact("allowed", known.to_vec()));
        }
        Ok(Self(patterns))
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.fits(kind))
    }
}

impl Pattern {
    fn fits(&self, kind: &str) -> bool {
        match self {
            Self::Name(name) => name == kind,
            Self::Beginning(beginning) => kind.starts_with(beginning.as_str()),
        }
    }
}

impl fmt::Display for Pattern {
    /// As it was written, cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, star) = match self {
            Self::Name(name) => (name, ""),
            Self::Beginning(beginning) => (beginning, "*"),
        };
        let shown: String = text.chars().take(80).collect();
        write!(f, "{:?}", format!("{shown}{star}"))
    }
}

/// Records that were found.
#[derive(Debug)]
pub(super) struct Found {
    /// Those asked for.
    pub(super) items: Vec<Record>,
    /// The last record looked at.
    pub(super) examined: Lsn,
    /// Whether there are records beyond it.
    pub(super) more: bool,
    /// Whether records were pruned that were to be read, or the place is none of this journal.
    pub(super) pruned: bool,
}

/// Up to `limit` records from a place that the caller asked for and may see.
pub(super) fn read(reader: &Reader, wanted: &Wanted, from: ReadFrom, limit: usize) -> Result<Found, ApiError> {
    let mut found = Found { items: Vec::new(), examined: from.lsn(), more: true, pruned: false };
    let mut examined = 0;
    while found.more && found.items.len() < limit && examined < EXAMINED_MAX {
        let page = reader.records(from.at(found.examined), limit.max(READ_RECORDS))?;
        if matches!(from, ReadFrom::After(_)) && found.examined > page.head {
            // A place of another journal than this: what is there was never read.
            return Ok(Found { examined: page.head, more: false, pruned: true, ..found });
        }
        examined += page.items.len();
        if matches!(from, ReadFrom::After(_)) && found.examined.next() < page.first {
            found.pruned = true;
            // Where it begins now: whoever goes on from there isn't told again.
            found.examined = Lsn::new(page.first.get().saturating_sub(1));
        }
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
        let parse = |text| Types::parse("type", text, Happening::KINDS);
        let types = parse(Some("package.*, peer.down,")).expect("types");
        for (kind, expected) in
            [("package.published", true), ("peer.down", true), ("peer.up", false), ("packages", false)]
        {
            assert_eq!(types.has(kind), expected, "{kind}");
        }
        assert!(parse(None).expect("types").has("anything"));
        assert!(parse(Some("*")).expect("types").has("anything"));
        assert!(Types::parse("type", Some(&"peer.up,".repeat(33)), Happening::KINDS).is_err());
        for strange in ["package.publish", "package", "nothing.*", "peer.down,x", "Package.*", "?", "**"] {
            let refused = parse(Some(strange)).expect_err(strange);
            assert!(refused.code() == Code::BadQuery && refused.detail().contains("peer.down"), "{refused:?}");
        }
    }

    #[test]
    fn a_path_is_a_glob_of_packages() {
        let wanted = Wanted::parse(None, Some("mac/*.pkg")).expect("a glob");
        let of = |path: &str| Happening::PackagePublished {
            path: path.to_owned(),
            event: ods_store::EventId::from_bytes([1; 32]),
        };
        assert!(wanted.has(&of("mac/a/b.pkg")) && !wanted.has(&of("win/a.pkg")));
        let everywhere = Happening::PackageReplicated {
            path: "mac/a.pkg".to_owned(),
            event: ods_store::EventId::from_bytes([1; 32]),
        };
        assert!(wanted.has(&everywhere));
        assert!(!wanted.has(&Happening::NodeChanged { by: String::new() }), "no package");
        for bad in ["", "[a", &"*".repeat(600)] {
            assert!(Wanted::parse(None, Some(bad)).is_err(), "{bad}");
        }
    }
}
