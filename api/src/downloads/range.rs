//! Byte ranges (RFC 9110 §14.1.2, §14.2): which bytes of a blob a `Range` field asks for.
//!
//! A field that isn't a well-formed set of byte ranges is ignored, as §14.2 allows, so that an odd client still gets
//! the whole file. Overlapping ranges are joined, so that no request makes this node send a byte twice (§17.15).

use std::ops::Range;

/// Ranges one request may ask for; more are refused as unsatisfiable.
pub(super) const RANGES_MAX: usize = 16;

/// Bytes `first..=last` of a blob, both inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    /// All bytes of a blob of `size` bytes; `None` for the empty blob, which has no first byte.
    pub(super) fn whole(size: u64) -> Option<Self> {
        Some(Self { first: 0, last: size.checked_sub(1)? })
    }

    /// The bytes from one offset up to before another; `None` if there are none.
    pub(super) fn new(offsets: Range<u64>) -> Option<Self> {
        (!offsets.is_empty()).then(|| Self { first: offsets.start, last: offsets.end - 1 })
    }

    /// The offset of the first byte.
    pub(super) fn start(self) -> u64 {
        self.first
    }

    /// The offset after the last byte.
    pub(super) fn end(self) -> u64 {
        self.last + 1
    }

    /// How many bytes: at least one.
    pub(super) fn bytes(self) -> u64 {
        self.end() - self.start()
    }

    /// The value of `Content-Range` for this part of `size` bytes.
    pub(super) fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.first, self.last)
    }

    /// The bytes before offset `at` and those from there on. `at` lies after the first byte.
    pub(super) fn split(self, at: u64) -> (Self, Option<Self>) {
        debug_assert!(at > self.first, "the first part would be empty");
        let head = Self { last: self.last.min(at - 1), ..self };
        (head, (at <= self.last).then_some(Self { first: at, ..self }))
    }

    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// What a request's `Range` selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// Everything: no `Range`, or one to ignore. Answered 200.
    Whole,
    /// One part. Answered 206 with `Content-Range`.
    One(ByteRange),
    /// Two or more parts, none overlapping. Answered 206 as `multipart/byteranges`.
    Many(Vec<ByteRange>),
    /// Nothing that is there, or more than [`RANGES_MAX`] ranges. Answered 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` field against a blob of `size` bytes.
pub(super) fn select(value: &str, size: u64) -> Selection {
    let Some(specs) = parse(value) else { return Selection::Whole };
    if specs.len() > RANGES_MAX {
        return Selection::Unsatisfiable;
    }
    if size == 0 && specs.iter().any(|spec| matches!(spec, Spec::Suffix(1..))) {
        // Satisfiable by §14.1.2, but `Content-Range` can't name zero bytes.
        return Selection::Whole;
    }
    let mut ranges = without_overlap(specs.iter().filter_map(|spec| spec.within(size)).collect());
    match ranges.len() {
        0 => Selection::Unsatisfiable,
        1 => Selection::One(ranges.remove(0)),
        _ => Selection::Many(ranges),
    }
}

/// One `range-spec`, as written.
#[derive(Clone, Copy)]
enum Spec {
    /// `first-last`, or `first-` with `last` at the end of all numbers.
    Span { first: u64, last: u64 },
    /// `-count`: the last `count` bytes.
    Suffix(u64),
}

impl Spec {
    fn within(self, size: u64) -> Option<ByteRange> {
        let end = size.checked_sub(1)?;
        match self {
            Self::Span { first, last } => (first <= end).then(|| ByteRange { first, last: last.min(end) }),
            Self::Suffix(0) => None,
            Self::Suffix(count) => Some(ByteRange { first: size.saturating_sub(count), last: end }),
        }
    }
}

/// The specs of a well-formed `bytes=` set; `None` if it is malformed or in another unit.
fn parse(value: &str) -> Option<Vec<Spec>> {
    let (unit, set) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // Empty elements of a list are passed over (§5.6.1.2).
    let members = set.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
    let specs: Vec<Spec> = members.map(parse_spec).collect::<Option<_>>()?;
    (!specs.is_empty()).then_some(specs)
}

fn parse_spec(text: &str) -> Option<Spec> {
    let (first, last) = text.split_once('-')?;
    if first.is_empty() {
        return number(last).map(Spec::Suffix);
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    (first <= last).then_some(Spec::Span { first, last })
}

/// Digits only. A number too great for any blob counts as the greatest.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The ranges in the order asked for if none overlap, else joined and ascending (§15.3.7.2 leaves the order open).
fn without_overlap(mut ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    let overlap = |(at, range): (usize, &ByteRange)| ranges[..at].iter().any(|earlier| earlier.overlaps(*range));
    if !ranges.iter().enumerate().any(overlap) {
        return ranges;
    }
    ranges.sort_by_key(|range| range.first);
    let mut joined: Vec<ByteRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(before) if before.overlaps(range) => before.last = before.last.max(range.last),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(first: u64, last: u64) -> Selection {
        Selection::One(ByteRange { first, last })
    }

    fn many(ranges: &[(u64, u64)]) -> Selection {
        Selection::Many(ranges.iter().map(|&(first, last)| ByteRange { first, last }).collect())
    }

    #[test]
    fn single_ranges_are_clamped_to_the_blob() {
        for (value, size, expected) in [
            ("bytes=0-0", 10, one(0, 0)),
            ("bytes=0-9", 10, one(0, 9)),
            ("bytes=0-10", 10, one(0, 9)),
            ("bytes=3-", 10, one(3, 9)),
            ("bytes=9-", 10, one(9, 9)),
            ("bytes=-1", 10, one(9, 9)),
            ("bytes=-10", 10, one(0, 9)),
            ("bytes=-11", 10, one(0, 9)),
            ("BYTES=0-1", 10, one(0, 1)),
            ("bytes=007-008", 10, one(7, 8)),
            ("bytes= 0-1 ", 10, one(0, 1)),
            ("bytes=,0-1,", 10, one(0, 1)),
            ("bytes=0-99999999999999999999999999", 10, one(0, 9)),
            ("bytes=-99999999999999999999999999", 10, one(0, 9)),
            ("bytes=5000000000-", 5_368_709_120, one(5_000_000_000, 5_368_709_119)),
        ] {
            assert_eq!(select(value, size), expected, "{value} of {size}");
        }
    }

    #[test]
    fn malformed_ranges_and_other_units_are_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=5-4",
            "bytes=0-1,x",
            "bytes=0-1;2-3",
            "bytes=0--1",
            "bytes=--1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1 -2",
            "bytes=0x1-2",
            "bytes=1.0-2",
            "bytes =0-1",
            "bytes:0-1",
            "0-1",
            "items=0-1",
            "bytes=٣-٤",
            "bytes=0-1 2-3",
        ] {
            assert_eq!(select(value, 10), Selection::Whole, "{value:?}");
        }
    }

    #[test]
    fn what_lies_outside_the_blob_is_unsatisfiable() {
        for (value, size) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=-0", 10),
            ("bytes=11-,12-13,-0", 10),
            ("bytes=99999999999999999999999999-", 10),
            ("bytes=18446744073709551615-", u64::MAX),
            ("bytes=0-", 0),
            ("bytes=0-0", 0),
            ("bytes=-0", 0),
        ] {
            assert_eq!(select(value, size), Selection::Unsatisfiable, "{value} of {size}");
        }
    }

    #[test]
    fn a_suffix_of_the_empty_blob_is_all_of_it() {
        assert_eq!(select("bytes=-5", 0), Selection::Whole);
        assert_eq!(select("bytes=0-,-5", 0), Selection::Whole);
    }

    #[test]
    fn several_ranges_keep_the_order_asked_for_unless_they_overlap() {
        for (value, expected) in [
            ("bytes=0-1,4-5", many(&[(0, 1), (4, 5)])),
            ("bytes=4-5,0-1", many(&[(4, 5), (0, 1)])),
            ("bytes= 0-1, 4-5, -1", many(&[(0, 1), (4, 5), (9, 9)])),
            ("bytes=0-1,2-3", many(&[(0, 1), (2, 3)])),
            ("bytes=0-1,20-", one(0, 1)),
            ("bytes=8-,0-1,8-8", many(&[(0, 1), (8, 9)])),
            ("bytes=0-5,3-8", one(0, 8)),
            ("bytes=0-,0-,0-,-10", one(0, 9)),
            ("bytes=4-6,0-2,2-3,9-", many(&[(0, 3), (4, 6), (9, 9)])),
        ] {
            assert_eq!(select(value, 10), expected, "{value}");
        }
    }

    #[test]
    fn sixteen_ranges_are_answered_and_seventeen_refused() {
        let set = |count: u64| {
            let specs: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 2, n * 2)).collect();
            format!("bytes={}", specs.join(","))
        };
        assert!(matches!(select(&set(16), 100), Selection::Many(ranges) if ranges.len() == 16));
        assert_eq!(select(&set(17), 100), Selection::Unsatisfiable);
        assert_eq!(select(&format!("{},x", set(17)), 100), Selection::Whole, "malformed comes first");
    }

    #[test]
    fn a_range_says_where_it_lies() {
        let Selection::One(range) = select("bytes=2-4", 10) else { panic!("one range") };
        assert_eq!((range.start(), range.end(), range.bytes()), (2, 5, 3));
        assert_eq!(range.content_range(10), "bytes 2-4/10");
        assert_eq!(range.split(3), (ByteRange { first: 2, last: 2 }, Some(ByteRange { first: 3, last: 4 })));
        assert_eq!(range.split(5), (range, None));
        assert_eq!(ByteRange::whole(0), None);
        assert_eq!(ByteRange::whole(3).map(ByteRange::bytes), Some(3));
    }

    proptest! {
        #[test]
        fn any_value_selects_only_bytes_that_exist_and_none_twice(value in "(bytes=)?[0-9, \t=a-]{0,60}", size in 0_u64..50) {
            let ranges = match select(&value, size) {
                Selection::Whole | Selection::Unsatisfiable => vec![],
                Selection::One(range) => vec![range],
                Selection::Many(ranges) => { prop_assert!(ranges.len() >= 2); ranges }
            };
            let mut seen = vec![false; usize::try_from(size).expect("small")];
            for range in ranges {
                prop_assert!(range.start() < range.end() && range.end() <= size);
                for byte in range.start()..range.end() {
                    let byte = usize::try_from(byte).expect("small");
                    prop_assert!(!std::mem::replace(&mut seen[byte], true), "byte {} twice in {:?}", byte, value);
                }
            }
        }
    }
}
