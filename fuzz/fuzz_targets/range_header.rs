//! A download's `Range`, from anybody: only bytes that are there, none twice, and what a plain reading of the field selects.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;

#[path = "../../api/src/downloads/range.rs"]
mod range;

use range::{ByteRange, RANGES_MAX, Selection, select};

fuzz_target!(|input: (u64, &str)| {
    let (size, value) = input;
    check(size, value);
    // Small ones are held against a reading byte by byte.
    let size = size % 40;
    if let Some(expected) = plainly(value, size) {
        let selected: BTreeSet<u64> = ranges(&check(size, value)).iter().flat_map(|r| r.start()..r.end()).collect();
        assert_eq!(selected, expected, "{value:?} of {size} bytes");
    }
});

fn check(size: u64, value: &str) -> Selection {
    let selection = select(value, size);
    let ranges = ranges(&selection);
    assert!(ranges.len() <= RANGES_MAX);
    for (index, range) in ranges.iter().enumerate() {
        assert!(range.start() < range.end() && range.end() <= size, "inside the blob");
        assert_eq!(range.bytes(), range.end() - range.start());
        assert_eq!(range.content_range(size), format!("bytes {}-{}/{size}", range.start(), range.end() - 1));
        for other in &ranges[..index] {
            assert!(range.end() <= other.start() || other.end() <= range.start(), "no byte is sent twice");
        }
        let middle = range.start() + 1 + range.bytes() / 2;
        let (head, tail) = range.split(middle);
        assert_eq!(head.bytes() + tail.map_or(0, ByteRange::bytes), range.bytes());
    }
    selection
}

fn ranges(selection: &Selection) -> Vec<ByteRange> {
    match selection {
        Selection::Whole | Selection::Unsatisfiable => Vec::new(),
        Selection::One(range) => vec![*range],
        Selection::Many(ranges) => {
            assert!(ranges.len() > 1, "several are more than one");
            ranges.clone()
        }
    }
}

/// The bytes that a field of plain numbers selects; `None` where it isn't one, or too long.
fn plainly(value: &str, size: u64) -> Option<BTreeSet<u64>> {
    let set = value.strip_prefix("bytes=")?;
    let specs: Vec<&str> = set.split(',').collect();
    if specs.len() > RANGES_MAX || size == 0 {
        return None;
    }
    let number = |text: &str| {
        let plain = !text.is_empty() && text.len() < 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u64>().expect("a few digits"))
    };
    let mut bytes = BTreeSet::new();
    for spec in specs {
        let (first, last) = spec.split_once('-')?;
        let (from, to) = match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last + 1),
            (Some(first), None) if last.is_empty() => (first, size),
            (None, Some(count)) if first.is_empty() => (size.saturating_sub(count), size),
            _ => return None,
        };
        bytes.extend(from..to.min(size));
    }
    Some(bytes)
}
