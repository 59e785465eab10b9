//! Conditional requests (RFC 9110 §13): whether a request is to be performed, given what the client holds.
//!
//! Precedence is that of §13.2.2. Conditions are looked at only where the answer would otherwise be a 2xx (§13.2.1), so
//! callers first make sure that the bytes are here.

use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use ods_store::Digest;

/// What identifies the representation that is current here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validators {
    /// The strong entity tag is this digest in quotes.
    pub(super) blob: Digest,
    /// `Last-Modified`, where it may be sent.
    pub(super) modified: Option<Modified>,
}

/// A `Last-Modified` that isn't in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Modified {
    unix_seconds: u64,
    strength: DateStrength,
}

/// Whether a date names one content only (§8.8.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateStrength {
    /// The author's dates grow with every content, so that the date is as good as a strong tag.
    Strong,
    /// Concurrent revisions may share the second: the date can't prove equal bytes.
    Weak,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer it.
    Perform,
    /// 304: the client holds this very content.
    NotModified,
    /// 412: what the client relies on isn't current.
    PreconditionFailed,
}

impl Modified {
    /// The date, unless it lies after `now_unix_seconds`: an origin must not send a date from the future (§8.8.2.1).
    pub(super) fn unless_future(unix_seconds: u64, strength: DateStrength, now_unix_seconds: u64) -> Option<Self> {
        (unix_seconds <= now_unix_seconds).then_some(Self { unix_seconds, strength })
    }

    /// The date as an IMF-fixdate; `None` after the year 9999, which the format can't write.
    pub(super) fn http_date(self) -> Option<String> {
        const YEAR_10000: u64 = 253_402_300_800;
        let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.unix_seconds))?;
        (self.unix_seconds < YEAR_10000).then(|| httpdate::fmt_http_date(date))
    }
}

/// The strong entity tag of a blob: the same on every node.
pub(super) fn entity_tag(blob: &Digest) -> String {
    let mut tag = String::with_capacity(66);
    tag.push('"');
    HEXLOWER.encode_append(blob.as_bytes(), &mut tag);
    tag.push('"');
    tag
}

/// Evaluates the preconditions of a GET or HEAD, in the order of §13.2.2.
pub(super) fn evaluate(headers: &HeaderMap, current: &Validators) -> Verdict {
    let refused = if let Some(tags) = TagList::of(headers, &IF_MATCH) {
        !tags.holds(&current.blob, Comparison::Strong)
    } else {
        matches!((current.modified, date_in(headers, &IF_UNMODIFIED_SINCE)),
            (Some(modified), Some(date)) if modified.unix_seconds > date)
    };
    if refused {
        return Verdict::PreconditionFailed;
    }
    let held = if let Some(tags) = TagList::of(headers, &IF_NONE_MATCH) {
        tags.holds(&current.blob, Comparison::Weak)
    } else {
        matches!((current.modified, date_in(headers, &IF_MODIFIED_SINCE)),
            (Some(modified), Some(date)) if modified.unix_seconds <= date)
    };
    if held { Verdict::NotModified } else { Verdict::Perform }
}

/// Whether `Range` may be heeded (§13.1.5): there is no `If-Range`, or it names exactly this content.
pub(super) fn range_applies(headers: &HeaderMap, current: &Validators) -> bool {
    let mut values = headers.get_all(IF_RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return !headers.contains_key(IF_RANGE);
    };
    let Ok(text) = value.to_str() else { return false };
    if text.starts_with('"') || text.starts_with("W/") {
        return text == entity_tag(&current.blob);
    }
    matches!((current.modified, parse_date(text)),
        (Some(Modified { unix_seconds, strength: DateStrength::Strong }), Some(date)) if unix_seconds == date)
}

/// How two entity tags are compared (§8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Both must be strong.
    Strong,
    /// `W/` makes no difference.
    Weak,
}

/// The value of `If-Match` or `If-None-Match`.
enum TagList {
    /// `*`
    Any,
    /// Well-formed tags, up to the first that isn't.
    Tags(Vec<EntityTag>),
}

struct EntityTag {
    weak: bool,
    opaque: Vec<u8>,
}

impl TagList {
    /// The field's list, its lines joined; `None` if the field is absent.
    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
        if lines.is_empty() {
            return None;
        }
        let joined = lines.join(&b',');
        Some(if joined.trim_ascii() == b"*" { Self::Any } else { Self::Tags(parse_tags(&joined)) })
    }

    fn holds(&self, blob: &Digest, comparison: Comparison) -> bool {
        let opaque = blob.to_string();
        match self {
            Self::Any => true,
            Self::Tags(tags) => {
                tags.iter().any(|tag| tag.opaque == opaque.as_bytes() && (comparison == Comparison::Weak || !tag.weak))
            }
        }
    }
}

/// Reads `[W/]"…"`, separated by commas. What follows something that is neither can't be told apart, so reading ends
/// there: a tag that wasn't understood never matches.
fn parse_tags(list: &[u8]) -> Vec<EntityTag> {
    let mut tags = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after;
            continue;
        }
        let Some((tag, after)) = parse_tag(rest) else { return tags };
        tags.push(tag);
        rest = after.trim_ascii_start();
        if !rest.starts_with(b",") {
            return tags;
        }
    }
}

fn parse_tag(text: &[u8]) -> Option<(EntityTag, &[u8])> {
    let (weak, quoted) = match text.strip_prefix(b"W/") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let inner = quoted.strip_prefix(b"\"")?;
    let end = inner.iter().position(|byte| *byte == b'"')?;
    let opaque = &inner[..end];
    let plain = opaque.iter().all(|byte| *byte > b' ' && *byte != 0x7f);
    plain.then(|| (EntityTag { weak, opaque: opaque.to_vec() }, &inner[end + 1..]))
}

/// The seconds of a field with exactly one valid date; anything else counts as absent (§13.1.3, §13.1.4).
fn date_in(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    parse_date(value.to_str().ok()?)
}

/// An HTTP-date in any of its three forms (§5.6.7).
fn parse_date(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const MODIFIED: u64 = 784_111_777;
    const AT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        let modified = Modified::unless_future(MODIFIED, DateStrength::Strong, MODIFIED);
        Validators { blob: Digest::of(b"x"), modified }
    }

    /// `TAG` stands for the current tag.
    fn headers(fields: &[(&HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let value = value.replace("TAG", &entity_tag(&current().blob));
            map.append(*name, HeaderValue::from_str(&value).expect("a header value"));
        }
        map
    }

    #[track_caller]
    fn assert_verdict(fields: &[(&HeaderName, &str)], expected: Verdict) {
        assert_eq!(evaluate(&headers(fields), &current()), expected, "{fields:?}");
    }

    #[test]
    fn if_match_compares_strongly() {
        for (value, expected) in [
            ("TAG", Verdict::Perform),
            ("*", Verdict::Perform),
            (" * ", Verdict::Perform),
            ("\"a\", TAG", Verdict::Perform),
            ("\"a,b\" ,, TAG", Verdict::Perform),
            ("W/TAG", Verdict::PreconditionFailed),
            ("W/TAG, TAG", Verdict::Perform),
            ("\"other\"", Verdict::PreconditionFailed),
            ("", Verdict::PreconditionFailed),
            ("unquoted", Verdict::PreconditionFailed),
            ("unquoted, TAG", Verdict::PreconditionFailed),
            ("\"open", Verdict::PreconditionFailed),
            ("*, \"a\"", Verdict::PreconditionFailed),
        ] {
            assert_verdict(&[(&IF_MATCH, value)], expected);
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        for (value, expected) in [
            ("TAG", Verdict::NotModified),
            ("W/TAG", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"a\",TAG", Verdict::NotModified),
            ("TAG garbage", Verdict::NotModified),
            ("w/TAG", Verdict::Perform),
            ("\"a\"", Verdict::Perform),
            ("\"a\" TAG", Verdict::Perform),
            ("unquoted", Verdict::Perform),
            ("\"with space\", TAG", Verdict::Perform),
            ("", Verdict::Perform),
        ] {
            assert_verdict(&[(&IF_NONE_MATCH, value)], expected);
        }
    }

    #[test]
    fn tags_in_several_lines_are_one_list() {
        assert_verdict(&[(&IF_NONE_MATCH, "\"a\""), (&IF_NONE_MATCH, "TAG")], Verdict::NotModified);
        assert_verdict(&[(&IF_MATCH, "\"a\""), (&IF_MATCH, "TAG")], Verdict::Perform);
    }

    #[test]
    fn dates_are_compared_by_the_second() {
        for (name, value, expected) in [
            (&IF_MODIFIED_SINCE, AT, Verdict::NotModified),
            (&IF_MODIFIED_SINCE, AFTER, Verdict::NotModified),
            (&IF_MODIFIED_SINCE, BEFORE, Verdict::Perform),
            (&IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT", Verdict::NotModified),
            (&IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994", Verdict::NotModified),
            (&IF_MODIFIED_SINCE, "yesterday", Verdict::Perform),
            (&IF_UNMODIFIED_SINCE, AT, Verdict::Perform),
            (&IF_UNMODIFIED_SINCE, AFTER, Verdict::Perform),
            (&IF_UNMODIFIED_SINCE, BEFORE, Verdict::PreconditionFailed),
            (&IF_UNMODIFIED_SINCE, "yesterday", Verdict::Perform),
        ] {
            assert_verdict(&[(name, value)], expected);
        }
        assert_verdict(&[(&IF_MODIFIED_SINCE, AT), (&IF_MODIFIED_SINCE, AT)], Verdict::Perform);
    }

    #[test]
    fn tags_go_before_dates_and_412_before_304() {
        assert_verdict(&[(&IF_MATCH, "TAG"), (&IF_UNMODIFIED_SINCE, BEFORE)], Verdict::Perform);
        assert_verdict(&[(&IF_NONE_MATCH, "\"a\""), (&IF_MODIFIED_SINCE, AT)], Verdict::Perform);
        assert_verdict(&[(&IF_NONE_MATCH, "TAG"), (&IF_MODIFIED_SINCE, BEFORE)], Verdict::NotModified);
        assert_verdict(&[(&IF_MATCH, "\"a\""), (&IF_NONE_MATCH, "TAG")], Verdict::PreconditionFailed);
        assert_verdict(&[(&IF_MATCH, "TAG"), (&IF_NONE_MATCH, "TAG")], Verdict::NotModified);
        assert_verdict(&[(&IF_UNMODIFIED_SINCE, BEFORE), (&IF_NONE_MATCH, "TAG")], Verdict::PreconditionFailed);
    }

    #[test]
    fn without_a_date_conditions_on_dates_are_ignored() {
        let dateless = Validators { modified: None, ..current() };
        for name in [&IF_MODIFIED_SINCE, &IF_UNMODIFIED_SINCE] {
            assert_eq!(evaluate(&headers(&[(name, BEFORE)]), &dateless), Verdict::Perform);
            assert_eq!(evaluate(&headers(&[(name, AFTER)]), &dateless), Verdict::Perform);
        }
        assert!(!range_applies(&headers(&[(&IF_RANGE, AT)]), &dateless));
    }

    #[test]
    fn if_range_wants_the_exact_content() {
        for (value, expected) in [
            ("TAG", true),
            ("W/TAG", false),
            ("\"other\"", false),
            ("TAG, TAG", false),
            ("*", false),
            (AT, true),
            (BEFORE, false),
            (AFTER, false),
            ("Sun Nov  6 08:49:37 1994", true),
            ("Wed, 09 Nov 1994 08:49:37 GMT", false),
            ("soon", false),
            ("", false),
        ] {
            assert_eq!(range_applies(&headers(&[(&IF_RANGE, value)]), &current()), expected, "{value:?}");
        }
        assert!(range_applies(&HeaderMap::new(), &current()));
        assert!(!range_applies(&headers(&[(&IF_RANGE, "TAG"), (&IF_RANGE, "TAG")]), &current()));
    }

    #[test]
    fn a_date_that_may_be_shared_is_no_proof_of_equal_bytes() {
        let modified = Modified::unless_future(MODIFIED, DateStrength::Weak, MODIFIED);
        let conflicting = Validators { modified, ..current() };
        assert!(!range_applies(&headers(&[(&IF_RANGE, AT)]), &conflicting));
        assert!(range_applies(&headers(&[(&IF_RANGE, "TAG")]), &conflicting));
    }

    #[test]
    fn a_date_on_a_wednesday_is_a_date() {
        let wednesday = 784_111_777 + 3 * 86_400;
        let modified = Modified::unless_future(wednesday, DateStrength::Strong, wednesday);
        let current = Validators { modified, ..current() };
        assert!(range_applies(&headers(&[(&IF_RANGE, "Wed, 09 Nov 1994 08:49:37 GMT")]), &current));
    }

    proptest! {
        #[test]
        fn any_field_values_are_survived_and_only_this_tag_matches(
            value in proptest::collection::vec(32_u8..=255, 0..40),
            lines in 1_usize..3,
        ) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE] {
                let mut map = HeaderMap::new();
                for _ in 0..lines {
                    map.append(&name, value.clone());
                }
                let verdict = evaluate(&map, &current());
                let is_any = value.as_bytes().trim_ascii() == b"*" && lines == 1;
                if name == IF_MATCH {
                    prop_assert_eq!(verdict == Verdict::Perform, is_any);
                }
                if name == IF_NONE_MATCH {
                    prop_assert_eq!(verdict == Verdict::NotModified, is_any);
                }
                prop_assert!(name != IF_RANGE || !range_applies(&map, &current()));
            }
        }
    }

    #[test]
    fn dates_from_the_future_are_not_sent() {
        assert_eq!(Modified::unless_future(MODIFIED + 1, DateStrength::Strong, MODIFIED), None);
        assert_eq!(current().modified.and_then(Modified::http_date).as_deref(), Some(AT));
        let far = Modified::unless_future(u64::MAX, DateStrength::Strong, u64::MAX);
        assert_eq!(far.and_then(Modified::http_date), None);
    }
}
