//! Which records of the journal a caller asks for, and reading them by cursor.

use ods_store::{Lsn, Record};

use crate::auth::Reader;
use crate::error::{ApiError, Code};

/// Records that one answer looks at, so that a filter that matches little can't hold a reader up.
const EXAMINED_MAX: usize = 10_000;
/// Records that are read at a time, at least: most may be of other types.
const READ_RECORDS: usize = 200;
/// Type patterns in one query.
const PATTERNS_MAX: usize = 32;

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
pub(super) fn read(reader: &Reader, types: &Types, after: Lsn, limit: usize) -> Result<Found, ApiError> {
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
            if types.has(record.what.kind()) && reader.sees(&record.what) {
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
}
