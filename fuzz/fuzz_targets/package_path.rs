//! A package path from a URL, a form, a folder or a peer: what is accepted keeps every rule and means itself again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ods_store::{PATH_BYTES_MAX, PackagePath, SEGMENT_BYTES_MAX};

fuzz_target!(|text: &str| {
    let Ok(path) = PackagePath::parse(text) else { return };
    assert!(path.as_str().len() <= PATH_BYTES_MAX, "a path is capped");
    for segment in path.as_str().split('/') {
        assert!(!segment.is_empty() && segment.len() <= SEGMENT_BYTES_MAX, "a segment is capped");
        assert!(segment != "." && segment != "..", "no segment climbs");
        assert!(!segment.contains(|c: char| c.is_control() || c == '\\'), "no odd characters");
    }
    assert_eq!(PackagePath::parse(path.as_str()).as_ref(), Ok(&path), "an accepted path is accepted again, unchanged");
    assert!(path.is_under(""), "every path is under the root");
    assert!(path.as_str().ends_with(path.file_name()), "a path ends with its file's name");
});
