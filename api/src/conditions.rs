//! `If-Match` and `If-None-Match` of the API (RFC 9110 §13.1). A package's entity tag is its revision, that of users, watches and
//! settings a version, that of what else people change a digest of what they can set.

use axum::Json;
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use ods_store::{Condition, EventId, Expected};
use serde::Serialize;

use crate::convert::header;
use crate::error::{ApiError, Code};

/// What an `If-Match` or `If-None-Match` says.
enum Tags {
    /// The header isn't there.
    Absent,
    /// `*`.
    Any,
    /// Entity tags, as they stand.
    List(Vec<String>),
}

/// The condition on a change. Both headers together make no sense here and are refused, as is an `If-None-Match` that
/// names revisions: nobody means "replace it unless it is this one".
pub(crate) fn of_change(headers: &HeaderMap) -> Result<Condition, ApiError> {
    match (tags(headers, &IF_MATCH)?, tags(headers, &IF_NONE_MATCH)?) {
        (Tags::Absent, Tags::Absent) => Ok(Condition::None),
        (Tags::Any, Tags::Absent) => Ok(Condition::Exists),
        (Tags::List(tags), Tags::Absent) => Ok(Condition::Matches(tags.iter().filter_map(|tag| strong(tag)).collect())),
        (Tags::Absent, Tags::Any) => Ok(Condition::IsNew),
        (Tags::Absent, Tags::List(_)) => Err(bad(&IF_NONE_MATCH, "of a change only `*` is understood")),
        (Tags::Any | Tags::List(_), Tags::Any | Tags::List(_)) => {
            Err(bad(&IF_NONE_MATCH, "it can't be combined with If-Match"))
        }
    }
}

/// Whether the client has this revision already, so that 304 is the answer.
pub(crate) fn has_already(headers: &HeaderMap, revision: EventId) -> Result<bool, ApiError> {
    Ok(match tags(headers, &IF_NONE_MATCH)? {
        Tags::Absent => false,
        Tags::Any => true,
        Tags::List(tags) => tags.iter().any(|tag| strong(tag.strip_prefix("W/").unwrap_or(tag)) == Some(revision)),
    })
}

/// The version that a change expects: `None` if it expects none. Tags that name no version match nothing: nothing is ever at the
/// last number there is. Of several the newest counts: versions only grow, but for a restored backup, where a 412 does no harm.
pub(crate) fn version(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    Ok(match tags(headers, &IF_MATCH)? {
        Tags::Absent | Tags::Any => None,
        Tags::List(tags) => {
            let named = |tag: &String| {
                let version: u64 = tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()?;
                (entity_tag(version) == *tag).then_some(version)
            };
            Some(tags.iter().filter_map(named).max().unwrap_or(u64::MAX))
        }
    })
}

/// How a change expects what it changes to stand. Tags that name no state match nothing.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Expected, ApiError> {
    Ok(match tags(headers, &IF_MATCH)? {
        Tags::Absent | Tags::Any => Expected::Any,
        Tags::List(tags) => {
            let named = |tag: &String| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
            Expected::OneOf(tags.iter().filter_map(named).collect())
        }
    })
}

/// An answer with its entity tag.
pub(crate) fn tagged<T: Serialize>(tag: &str, view: T) -> Result<Response, ApiError> {
    Ok(([(ETAG, header(&entity_tag(tag))?)], Json(view)).into_response())
}

/// A revision or version as an entity tag.
pub(crate) fn entity_tag(revision: impl std::fmt::Display) -> String {
    format!("\"{revision}\"")
}

/// The revision that a strong tag names. Weak tags and other texts name none, so they never match.
fn strong(tag: &str) -> Option<EventId> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Tags, ApiError> {
    let mut list = Vec::new();
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| bad(name, "it is not ASCII"))?;
        list.extend(value.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()));
    }
    if !headers.contains_key(name) {
        return Ok(Tags::Absent);
    }
    if list == ["*"] {
        return Ok(Tags::Any);
    }
    let quoted = |tag: &String| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"')
    };
    if list.is_empty() || !list.iter().all(quoted) {
        return Err(bad(name, "expected `*` or tags in double quotes, as `ETag` tells them"));
    }
    Ok(Tags::List(list))
}

fn bad(name: &HeaderName, reason: &str) -> ApiError {
    ApiError::new(Code::BadHeader, format!("header {name} can't be used: {reason}")).fact("header", name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(rows: &[(HeaderName, &str)]) -> HeaderMap {
        rows.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    fn id(byte: u8) -> EventId {
        EventId::from_bytes([byte; 32])
    }

    #[test]
    fn conditions_of_a_change() {
        let (one, two) = (entity_tag(id(1)), entity_tag(id(2)));
        let both = format!("{one}, {two}");
        let weak = format!("W/{one}, {two}");
        for (rows, expected) in [
            (vec![], Condition::None),
            (vec![(IF_MATCH, "*")], Condition::Exists),
            (vec![(IF_MATCH, one.as_str())], Condition::Matches(vec![id(1)])),
            (vec![(IF_MATCH, both.as_str())], Condition::Matches(vec![id(1), id(2)])),
            (vec![(IF_MATCH, one.as_str()), (IF_MATCH, two.as_str())], Condition::Matches(vec![id(1), id(2)])),
            (vec![(IF_MATCH, weak.as_str())], Condition::Matches(vec![id(2)])),
            (vec![(IF_MATCH, "\"other\"")], Condition::Matches(vec![])),
            (vec![(IF_NONE_MATCH, "*")], Condition::IsNew),
        ] {
            assert_eq!(of_change(&headers(&rows)).expect("understood"), expected, "{rows:?}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let one = entity_tag(id(1));
        for rows in [
            vec![(IF_MATCH, "")],
            vec![(IF_MATCH, "abc")],
            vec![(IF_MATCH, "*, \"x\"")],
            vec![(IF_MATCH, "\"")],
            vec![(IF_NONE_MATCH, one.as_str())],
            vec![(IF_MATCH, one.as_str()), (IF_NONE_MATCH, "*")],
        ] {
            let error = of_change(&headers(&rows)).expect_err("refused");
            assert_eq!(error.code(), Code::BadHeader, "{rows:?}");
        }
    }

    #[test]
    fn a_client_that_has_the_revision_is_told_so() {
        let one = entity_tag(id(1));
        for (value, expected) in [("*", true), (&one, true), (&format!("W/{one}"), true), ("\"x\"", false)] {
            let has = has_already(&headers(&[(IF_NONE_MATCH, value)]), id(1)).expect("understood");
            assert_eq!(has, expected, "{value}");
        }
        assert!(!has_already(&HeaderMap::new(), id(1)).expect("understood"));
    }
}
