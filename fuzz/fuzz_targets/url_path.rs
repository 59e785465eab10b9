//! A download's raw URL path, from anybody: what it names keeps every rule of paths, and its plain spelling names the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../api/src/downloads/url_path.rs"]
mod url_path;

use url_path::{Target, encode_segment};

fuzz_target!(|raw: &str| {
    let roots = ["Packages".to_owned(), "pub".to_owned()];
    for raw in [raw.to_owned(), format!("/Packages/{raw}"), format!("/context/pub/{raw}")] {
        match Target::parse(&raw, &roots) {
            Some(Target::Package(path)) => {
                assert!(path.as_str().split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{raw:?}");
                let plain: Vec<String> = path.as_str().split('/').map(encode_segment).collect();
                let plain = format!("/Packages/{}", plain.join("/"));
                assert_eq!(Target::parse(&plain, &roots), Some(Target::Package(path)), "{raw:?}");
            }
            Some(Target::Listing(folder)) => {
                assert!(folder.prefix().is_empty() || folder.prefix().ends_with('/'), "{raw:?}");
                assert!(!folder.link_base.contains("//") && !folder.link_base.starts_with('/'), "{raw:?}");
            }
            Some(Target::Blob(digest)) => assert!(raw.starts_with("/blobs/") && !digest.to_string().is_empty()),
            Some(Target::Base) | None => {}
        }
    }
});
