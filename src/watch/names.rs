//! Which names in a watched folder are packages. Pure.
//!
//! Passed over in silence: dotfiles (so also `._*`), names of files that are still being written, and what operating
//! systems strew about; each would otherwise be a complaint about something nobody put there. Refused with a reason:
//! whatever an admin may have meant to publish and can't.

use std::ffi::OsStr;
use std::path::Path;

use ods_store::PackagePath;

use super::reason::Reason;

/// Endings of files that are not whole yet, in lower case.
const PARTIAL_ENDINGS: [&str; 5] = [".part", ".crdownload", ".download", ".tmp", ".filepart"];
/// Endings of folders that macOS shows and installs as one file.
const BUNDLE_ENDINGS: [&str; 4] = [".pkg", ".mpkg", ".app", ".bundle"];
/// What file managers and file systems make by themselves, in lower case.
const STREWN: [&str; 6] =
    ["desktop.ini", "thumbs.db", "$recycle.bin", "system volume information", "lost+found", "@eadir"];

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link or junction.
    Link,
    /// A device, pipe or socket.
    Other,
}

impl Kind {
    /// The kind that `file_type` (of `symlink_metadata`) says.
    pub(super) fn of(file_type: std::fs::FileType) -> Self {
        match file_type {
            link if link.is_symlink() => Self::Link,
            file if file.is_file() => Self::File,
            folder if folder.is_dir() => Self::Folder,
            _ => Self::Other,
        }
    }
}

/// What is to be done with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing, and nothing is said.
    PassedOver,
    /// Nothing, for this reason.
    Refused(Reason),
    /// Its entries are looked at.
    Folder,
    /// It is this package.
    Package(PackagePath),
}

/// What `file` (relative to the watched folder) of this `kind` means, the folders above it being in order.
pub(super) fn meaning(prefix: &str, file: &Path, kind: Kind) -> Meaning {
    if file.file_name().is_some_and(is_passed_over) {
        return Meaning::PassedOver;
    }
    let path = match package_path(prefix, file) {
        Ok(path) => path,
        Err(reason) => return Meaning::Refused(reason),
    };
    match kind {
        Kind::Link => Meaning::Refused(Reason::Link),
        Kind::Other => Meaning::Refused(Reason::NotAFile),
        Kind::Folder if ends_with_any(&path.file_name().to_lowercase(), &BUNDLE_ENDINGS) => {
            Meaning::Refused(Reason::Bundle)
        }
        Kind::Folder => Meaning::Folder,
        Kind::File => Meaning::Package(path),
    }
}

fn is_passed_over(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    name.starts_with('.')
        || name.ends_with('~')
        || ends_with_any(&name, &PARTIAL_ENDINGS)
        || STREWN.contains(&name.as_str())
}

fn ends_with_any(name: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| name.ends_with(ending))
}

fn package_path(prefix: &str, file: &Path) -> Result<PackagePath, Reason> {
    let mut path = prefix.trim_matches('/').to_owned();
    for segment in file {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(segment.to_str().ok_or(Reason::NameNotUtf8)?);
    }
    let path = PackagePath::parse(&path)?;
    // Before it is read, and read again: nothing may be published there.
    path.check_new()?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use ods_store::PathError;
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str) -> Meaning {
        meaning("", Path::new(name), Kind::File)
    }

    fn package(path: &str) -> Meaning {
        Meaning::Package(PackagePath::parse(path).expect("a valid path"))
    }

    #[test]
    fn unfinished_hidden_and_strewn_names_are_passed_over() {
        let names = [
            ".DS_Store",
            "._Firefox.pkg",
            ".hidden",
            "x.part",
            "x.crdownload",
            "x.pkg.download",
            "x.TMP",
            "x.filepart",
            "x.pkg~",
            "~",
            "Thumbs.db",
            "DESKTOP.INI",
            "sub/.hidden",
            "lost+found",
            "$RECYCLE.BIN",
            "@eaDir",
        ];
        for name in names {
            for kind in [Kind::File, Kind::Folder, Kind::Link, Kind::Other] {
                assert_eq!(meaning("p", Path::new(name), kind), Meaning::PassedOver, "{name} {kind:?}");
            }
        }
    }

    #[test]
    fn names_that_only_resemble_those_are_packages() {
        for name in ["part", "x.part.pkg", "download", "tmp", "a~b.pkg", "x.parts", "thumbs.db.zip", "filepart.deb"] {
            assert_eq!(file(name), package(name));
        }
    }

    #[test]
    fn what_may_not_be_published_is_refused_before_it_is_read() {
        for name in ["Fire\u{200b}fox.dmg", "a\u{202e}gkp.pkg"] {
            assert!(
                matches!(file(name), Meaning::Refused(Reason::NameNotAPath(PathError::HiddenCharacter { .. }))),
                "{name:?}"
            );
        }
    }

    #[test]
    fn sub_folders_and_the_prefix_become_segments() {
        assert_eq!(meaning("", Path::new("mac/apps/x.pkg"), Kind::File), package("mac/apps/x.pkg"));
        assert_eq!(meaning("site/7", Path::new("mac/x.pkg"), Kind::File), package("site/7/mac/x.pkg"));
        assert_eq!(meaning("/site/", Path::new("x.pkg"), Kind::File), package("site/x.pkg"));
    }

    #[test]
    fn a_decomposed_name_is_the_composed_package() {
        assert_eq!(file("Bu\u{308}cher.pkg"), package("Bücher.pkg"));
    }

    #[test]
    fn links_devices_and_bundles_are_refused() {
        let cases = [
            ("x.pkg", Kind::Link, Reason::Link),
            ("x.pkg", Kind::Other, Reason::NotAFile),
            ("x.pkg", Kind::Folder, Reason::Bundle),
            ("sub/X.MPKG", Kind::Folder, Reason::Bundle),
            ("Firefox.app", Kind::Folder, Reason::Bundle),
            ("a.bundle", Kind::Folder, Reason::Bundle),
        ];
        for (name, kind, reason) in cases {
            assert_eq!(meaning("", Path::new(name), kind), Meaning::Refused(reason), "{name}");
        }
        assert_eq!(meaning("", Path::new("apps"), Kind::Folder), Meaning::Folder);
        assert_eq!(file("Firefox.app"), package("Firefox.app"), "a file may be called so");
    }

    #[test]
    fn names_that_are_no_package_path_are_refused() {
        let refused = |error: PathError| Meaning::Refused(Reason::NameNotAPath(error));
        assert_eq!(file("a\nb.pkg"), refused(PathError::ControlCharacter { code: 10 }));
        let long = "x".repeat(256);
        assert_eq!(file(&long), refused(PathError::SegmentTooLong { bytes: 256 }));
        assert_eq!(meaning("", Path::new(&long), Kind::Folder), refused(PathError::SegmentTooLong { bytes: 256 }));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_odd_only_on_unix_are_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = Path::new(OsStr::from_bytes(b"caf\xe9.pkg"));
        assert_eq!(meaning("", name, Kind::File), Meaning::Refused(Reason::NameNotUtf8));
        let dotted = Path::new(OsStr::from_bytes(b".caf\xe9"));
        assert_eq!(meaning("", dotted, Kind::File), Meaning::PassedOver);
        assert_eq!(file("a\\b.pkg"), Meaning::Refused(Reason::NameNotAPath(PathError::Backslash)));
    }

    proptest! {
        /// Whatever a file is called: no panic, and what is taken is a path below the prefix.
        #[test]
        fn every_name_is_judged(name in "[^/\0]{1,40}") {
            let file = Path::new("sub").join(&name);
            prop_assume!(file.components().count() == 2);
            if let Meaning::Package(path) = meaning("prefix", &file, Kind::File) {
                prop_assert!(path.is_under("prefix/sub") && path.as_str() != "prefix/sub");
                prop_assert!(!path.file_name().starts_with('.'));
            }
        }
    }
}
