//! Package paths: what a package is called, in every mesh, URL, log and folder.
//!
//! Rules (one home for them all): UTF-8 in NFC, `/`-separated, at most 1024 bytes; segments of 1–255 bytes, not `.` or
//! `..`, without control characters and without `\`. A path is made NFC here, so equal names are equal bytes whichever
//! door they came through. Paths never become file names: blobs are stored by digest.
//!
//! What is published here may moreover have no characters that hide something ([`PackagePath::check_new`]). Paths that others
//! publish are taken with them: what is an event's path must be so on every node of every version.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::invisible;
use crate::limits::{PATH_BYTES_MAX, SEGMENT_BYTES_MAX};

/// A valid package path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PackagePath(String);

/// Why a text is not a package path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing at all.
    #[error("the path is empty")]
    Empty,
    /// More than [`PATH_BYTES_MAX`] bytes after normalisation.
    #[error("the path has {bytes} bytes; at most {PATH_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length after normalisation.
        bytes: usize,
    },
    /// `//`, or a `/` at the start or end.
    #[error("the path has an empty segment (a doubled, leading or trailing '/')")]
    EmptySegment,
    /// A segment of more than [`SEGMENT_BYTES_MAX`] bytes.
    #[error("a segment of the path has {bytes} bytes; at most {SEGMENT_BYTES_MAX} are allowed")]
    SegmentTooLong {
        /// The segment's length.
        bytes: usize,
    },
    /// `.` or `..` as a segment.
    #[error("'.' and '..' are not allowed as segments of a path")]
    DotSegment,
    /// A control character (U+0000–U+001F, U+007F–U+009F).
    #[error("the path has a control character (U+{code:04X})")]
    ControlCharacter {
        /// The character's code point.
        code: u32,
    },
    /// A character that turns the direction of writing, or shows nothing. Only new paths are refused for it.
    #[error(
        "the path has a character that can't be seen or turns the text around (U+{code:04X}), so that it looks like another \
         path; leave it out"
    )]
    HiddenCharacter {
        /// The character's code point.
        code: u32,
    },
    /// A backslash: a separator on Windows.
    #[error("'\\' is not allowed in a path; separate segments with '/'")]
    Backslash,
}

impl PackagePath {
    /// Parses a path, normalising it to NFC.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        // ASCII is in NFC as it stands (UAX #15).
        let path: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
        check(&path)?;
        Ok(Self(path))
    }

    /// Errs if nothing may be published there from here, since the path would look like another one.
    pub fn check_new(&self) -> Result<(), PathError> {
        match invisible::find(&self.0) {
            Some(hidden) => Err(PathError::HiddenCharacter { code: hidden.into() }),
            None => Ok(()),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// What the name's ending says the package is, in lower case: `pkg` for `Firefox.PKG`; `tar.gz` stays whole;
    /// empty without an ending.
    pub fn kind(&self) -> String {
        let name = self.file_name().to_lowercase();
        let Some((stem, ending)) = name.rsplit_once('.') else { return String::new() };
        if stem.is_empty() || ending.is_empty() || ending.len() > 16 {
            return String::new();
        }
        let double = matches!(ending, "gz" | "xz" | "bz2" | "zst")
            && stem.strip_suffix(".tar").is_some_and(|name| !name.is_empty());
        if double { format!("tar.{ending}") } else { ending.to_owned() }
    }

    /// Whether the path lies in the folder `prefix` (whole segments; a trailing `/` is allowed) or is `prefix` itself.
    pub fn is_under(&self, prefix: &str) -> bool {
        let prefix = prefix.trim_end_matches('/');
        prefix.is_empty() || self.0.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn check(path: &str) -> Result<(), PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(PathError::TooLong { bytes: path.len() });
    }
    path.split('/').try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), PathError> {
    if segment.is_empty() {
        return Err(PathError::EmptySegment);
    }
    if segment.len() > SEGMENT_BYTES_MAX {
        return Err(PathError::SegmentTooLong { bytes: segment.len() });
    }
    if matches!(segment, "." | "..") {
        return Err(PathError::DotSegment);
    }
    if let Some(control) = segment.chars().find(|c| c.is_control()) {
        return Err(PathError::ControlCharacter { code: control.into() });
    }
    if segment.contains('\\') {
        return Err(PathError::Backslash);
    }
    Ok(())
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PackagePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for PackagePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_nfc() {
        let composed = PackagePath::parse("Bücher/é.pkg").expect("a valid path");
        let decomposed = PackagePath::parse("Bu\u{308}cher/e\u{301}.pkg").expect("a valid path");
        assert_eq!(composed, decomposed);
    }

    #[test]
    fn traversal_and_odd_names_are_refused() {
        let long = "x".repeat(2000);
        let segment = "x".repeat(256);
        let cases: &[(&str, PathError)] = &[
            ("", PathError::Empty),
            ("..", PathError::DotSegment),
            (".", PathError::DotSegment),
            ("../etc/passwd", PathError::DotSegment),
            ("a/../b", PathError::DotSegment),
            ("a/./b", PathError::DotSegment),
            ("/etc/passwd", PathError::EmptySegment),
            ("a//b", PathError::EmptySegment),
            ("a/", PathError::EmptySegment),
            ("a\\b", PathError::Backslash),
            ("..\\..\\x", PathError::Backslash),
            ("a\0b", PathError::ControlCharacter { code: 0 }),
            ("a\nb", PathError::ControlCharacter { code: 10 }),
            ("a\u{85}b", PathError::ControlCharacter { code: 0x85 }),
            (&long, PathError::TooLong { bytes: 2000 }),
            (&segment, PathError::SegmentTooLong { bytes: 256 }),
        ];
        for (text, expected) in cases {
            assert_eq!(PackagePath::parse(text), Err(*expected), "{text:?}");
        }
    }

    #[test]
    fn names_that_look_odd_but_are_harmless_are_taken() {
        for text in ["a b+c%20.pkg", "…", "..a", "a..", "...", "%2e%2e", "con", "a:b", "\"quoted\".msi", "日本語.dmg"]
        {
            assert_eq!(PackagePath::parse(text).expect("a valid path").as_str(), text);
        }
    }

    #[test]
    fn the_kind_is_the_names_ending() {
        for (path, kind) in [
            ("a/Firefox.PKG", "pkg"),
            ("x.tar.gz", "tar.gz"),
            ("x.gz", "gz"),
            ("noending", ""),
            (".hidden", ""),
            ("x.", ""),
        ] {
            assert_eq!(PackagePath::parse(path).expect("a valid path").kind(), kind, "{path}");
        }
    }

    #[test]
    fn prefixes_match_whole_segments() {
        let path = PackagePath::parse("mac/apps/x.pkg").expect("a valid path");
        assert!(
            path.is_under("mac") && path.is_under("mac/apps/") && path.is_under("") && path.is_under("mac/apps/x.pkg")
        );
        assert!(!path.is_under("ma") && !path.is_under("mac/app"));
    }
}
