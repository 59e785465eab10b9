//! What a download URL names.
//!
//! The raw path is split at its slashes first and decoded segment by segment after, so that an encoded slash never
//! becomes a separator. Whatever isn't exactly a name is nothing (404): nothing is collapsed, resolved or redirected, and
//! a name only ever becomes a key of the catalog, never a file's name. The query plays no part.

use std::borrow::Cow;

use ods_store::{Digest, PackagePath};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// First segments that belong to other doors of the node and so are no context before a root name.
const RESERVED: [&str; 8] = ["api", "peer", "blobs", "ui", "healthz", "readyz", "metrics", ".well-known"];

/// All but `unreserved` (RFC 3986 §2.3).
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `/`, or `/{context}` and `/{context}/`: says that a distribution point is here.
    Base,
    /// The packages below a root, or below a folder in it.
    Listing(Folder),
    /// One package's bytes.
    Package(PackagePath),
    /// A blob's bytes, whatever it is called.
    Blob(Digest),
}

/// A folder to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// `None` for everything.
    pub(super) path: Option<PackagePath>,
    /// What its entries' relative links begin with: the root's own name if the URL lacks the slash at its end.
    pub(super) link_base: String,
}

impl Folder {
    /// What the paths of all packages inside begin with.
    pub(super) fn prefix(&self) -> String {
        self.path.as_ref().map_or_else(String::new, |path| format!("{path}/"))
    }
}

impl Target {
    /// Reads a request's raw path, given the names of the roots. `None`: there is no such thing.
    pub(super) fn parse(raw_path: &str, roots: &[String]) -> Option<Self> {
        let segments: Vec<Cow<'_, str>> = raw_path.strip_prefix('/')?.split('/').map(decode).collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(Cow::as_ref).collect();
        let is_root = |name: &str| roots.iter().any(|root| root == name);
        match segments.as_slice() {
            [""] => Some(Self::Base),
            ["blobs", digest] => digest.parse().ok().map(Self::Blob),
            [root, rest @ ..] if is_root(root) => below_root(root, rest),
            [context, root, rest @ ..] if is_context(context) && is_root(root) => below_root(root, rest),
            [context] | [context, ""] if is_context(context) && !context.contains('.') => Some(Self::Base),
            _ => None,
        }
    }
}

/// A name as one segment of a URL.
pub(super) fn encode_segment(name: &str) -> String {
    utf8_percent_encode(name, NOT_UNRESERVED).to_string()
}

fn below_root(root: &str, rest: &[&str]) -> Option<Target> {
    match rest {
        [] => Some(Target::Listing(Folder { path: None, link_base: format!("{}/", encode_segment(root)) })),
        [""] => Some(Target::Listing(Folder { path: None, link_base: String::new() })),
        [folder @ .., ""] => {
            let path = PackagePath::parse(&folder.join("/")).ok()?;
            Some(Target::Listing(Folder { path: Some(path), link_base: String::new() }))
        }
        [name] => PackagePath::parse(name).ok().map(Target::Package),
        path => PackagePath::parse(&path.join("/")).ok().map(Target::Package),
    }
}

/// Whether a segment may stand before a root's name. (A name with a dot at a base URL is a file that isn't here.)
fn is_context(segment: &str) -> bool {
    !RESERVED.contains(&segment) && PackagePath::parse(segment).is_ok()
}

/// One segment, percent-decoded. `None` for a `%` without two hex digits, for what isn't UTF-8, and for a slash.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let bytes = segment.as_bytes();
    let complete = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && !complete(at)) {
        return None;
    }
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    (!decoded.contains('/')).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downloads::hostile::HOSTILE_PATHS;
    use proptest::prelude::*;

    fn parse(raw: &str) -> Option<Target> {
        Target::parse(raw, &["Packages".to_owned(), "pub".to_owned()])
    }

    fn package(path: &str) -> Target {
        Target::Package(PackagePath::parse(path).expect("a valid path"))
    }

    fn listing(path: &str, link_base: &str) -> Option<Target> {
        let path = if path.is_empty() { None } else { Some(PackagePath::parse(path).ok()?) };
        Some(Target::Listing(Folder { path, link_base: link_base.to_owned() }))
    }

    #[test]
    fn names_are_decoded_once_and_made_nfc() {
        for (raw, path) in [
            ("/Packages/x.pkg", "x.pkg"),
            ("/pub/x.pkg", "x.pkg"),
            ("/%50ackages/x.pkg", "x.pkg"),
            ("/Packages/mac/apps/x.pkg", "mac/apps/x.pkg"),
            ("/Packages/a%20b+c.pkg", "a b+c.pkg"),
            ("/Packages/a%2Bb.pkg", "a+b.pkg"),
            ("/Packages/100%25.pkg", "100%.pkg"),
            ("/Packages/%252e%252e", "%2e%2e"),
            ("/Packages/%2541", "%41"),
            ("/Packages/a%23b%3Fc", "a#b?c"),
            ("/Packages/%22q%22'.msi", "\"q\"'.msi"),
            ("/Packages/B%C3%BCcher.pkg", "Bücher.pkg"),
            ("/Packages/Bu%CC%88cher.pkg", "Bücher.pkg"),
            ("/Packages/Bücher.pkg", "Bücher.pkg"),
            ("/Packages/...", "..."),
            ("/Packages/..a/a..", "..a/a.."),
            ("/Packages/a;v=1&b=2", "a;v=1&b=2"),
            ("/Packages/Packages", "Packages"),
            ("/Packages/pub/x", "pub/x"),
            ("/Packages/api/v1", "api/v1"),
            ("/pub/Packages/x", "Packages/x"),
            ("/CasperShare/Packages/x.pkg", "x.pkg"),
            ("/jamf.v2/Packages/x.pkg", "x.pkg"),
        ] {
            assert_eq!(parse(raw), Some(package(path)), "{raw}");
        }
    }

    #[test]
    fn folders_end_in_a_slash_and_roots_need_none() {
        assert_eq!(parse("/Packages"), listing("", "Packages/"));
        assert_eq!(parse("/Packages/"), listing("", ""));
        assert_eq!(parse("/any/Packages"), listing("", "Packages/"));
        assert_eq!(parse("/any/Packages/"), listing("", ""));
        assert_eq!(parse("/Packages/mac/"), listing("mac", ""));
        assert_eq!(parse("/any/pub/mac/a%20b/"), listing("mac/a b", ""));
    }

    #[test]
    fn base_urls_are_the_root_and_contexts() {
        for raw in ["/", "/CasperShare", "/CasperShare/", "/a%20b"] {
            assert_eq!(parse(raw), Some(Target::Base), "{raw}");
        }
    }

    #[test]
    fn other_doors_files_and_deep_paths_are_nothing_here() {
        for raw in [
            "/api",
            "/api/",
            "/api/v1",
            "/api/Packages/x",
            "/peer/Packages/x",
            "/blobs/Packages/x",
            "/blobs",
            "/blobs/",
            "/healthz/",
            "/metrics",
            "/favicon.ico",
            "/.env",
            "/.well-known/Packages/x",
            "/packages/x",
            "/a/b",
            "/a/b/Packages/x",
            "",
            "*",
            "Packages/x",
        ] {
            assert_eq!(parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn blobs_are_named_by_lower_case_digests_only() {
        let digest = Digest::of(b"x");
        assert_eq!(parse(&format!("/blobs/{digest}")), Some(Target::Blob(digest)));
        for raw in
            [format!("/blobs/{}", digest.to_string().to_uppercase()), format!("/blobs/{digest}/"), "/blobs/ab".into()]
        {
            assert_eq!(parse(&raw), None, "{raw}");
        }
    }

    #[test]
    fn hostile_paths_never_name_a_package() {
        for raw in HOSTILE_PATHS {
            let path = raw.split(['?', '#']).next().expect("a first part");
            assert!(!matches!(parse(path), Some(Target::Package(_) | Target::Listing(_) | Target::Blob(_))), "{raw}");
        }
        let long = "x".repeat(2000);
        assert_eq!(parse(&format!("/Packages/{long}")), None);
        assert_eq!(parse(&format!("/Packages/{}", "a/".repeat(1000) + "x")), None);
    }

    proptest! {
        #[test]
        fn every_package_is_found_under_its_encoded_path(path in "[^/]{1,20}(/[^/]{1,20}){0,3}") {
            if let Ok(path) = PackagePath::parse(&path) {
                let encoded: Vec<String> = path.as_str().split('/').map(encode_segment).collect();
                prop_assert_eq!(parse(&format!("/Packages/{}", encoded.join("/"))), Some(Target::Package(path)));
            }
        }

        #[test]
        fn no_path_panics(raw in "[/%.0-9a-fA-F\\\\é\u{0}]{0,40}") {
            parse(&format!("/Packages{raw}"));
        }
    }
}
