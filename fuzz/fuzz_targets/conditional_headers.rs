//! A download's conditions, from anybody: any bytes in any of the five fields give a verdict, and the node's own validators
//! always match themselves.
#![no_main]

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use ods_store::Digest;

#[path = "../../api/src/downloads/conditional.rs"]
mod conditional;

use conditional::{DateStrength, Modified, Validators, Verdict, entity_tag, evaluate, range_applies};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    blob: [u8; 32],
    modified: u64,
    now: u64,
    strong: bool,
    lines: Vec<(u8, &'a [u8])>,
}

const FIELDS: [HeaderName; 5] = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE];

fuzz_target!(|input: Input| {
    let strength = if input.strong { DateStrength::Strong } else { DateStrength::Weak };
    let blob = Digest::from_bytes(input.blob);
    let current = Validators { blob, modified: Modified::unless_future(input.modified, strength, input.now) };
    let mut headers = HeaderMap::new();
    for (field, value) in &input.lines {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(FIELDS[usize::from(*field) % FIELDS.len()].clone(), value);
        }
    }
    let verdict = evaluate(&headers, &current);
    if headers.is_empty() {
        assert_eq!(verdict, Verdict::Perform);
    }
    range_applies(&headers, &current);

    let tag = HeaderValue::from_str(&entity_tag(&blob)).expect("a tag is a header's value");
    let mut own = headers.clone();
    own.insert(IF_RANGE, tag.clone());
    assert!(range_applies(&own, &current), "our own tag is this very content");
    own.insert(IF_NONE_MATCH, tag.clone());
    own.remove(IF_MATCH);
    own.remove(IF_UNMODIFIED_SINCE);
    assert_eq!(evaluate(&own, &current), Verdict::NotModified, "who has it needs no bytes");
    if let Some(date) = current.modified.and_then(Modified::http_date) {
        let mut own = HeaderMap::new();
        let date = HeaderValue::from_str(&date).expect("a date is a header's value");
        own.insert(IF_MODIFIED_SINCE, date.clone());
        assert_eq!(evaluate(&own, &current), Verdict::NotModified, "our own date is not earlier than itself");
        own.insert(IF_RANGE, date);
        assert_eq!(range_applies(&own, &current), input.strong, "only a strong date names one content");
    }
});
