//! Files of a watched folder, reached without any link: opened to be read, and taken away.
//!
//! Names can be given another meaning at any moment: whoever may rename a watched folder, or one in it, can put a link to a
//! folder of others in its place, and back. So on Unix a name is never looked at as a whole: one folder after another is opened
//! in the one before, no link among them, and what was opened stays what it is. Where a folder was confined to its own name
//! (`roots.rs`) that begins at `/`; else the administrator chose its name, and it may be a link.
//!
//! A file is taken away in two steps: it is given a name of our own (hidden, so no watch sees it), looked at once more,
//! and only then unlinked. If its owner put a newer one in its place meanwhile, that is what was renamed, and it gets
//! its name back.
//!
//! Where a system lets people make hard links to files that they may not read (macOS, and Linux with `fs.protected_hardlinks`
//! off), a link in a watched folder would publish what only the node may read. So a file with several names that not everybody
//! may read isn't opened.
//!
//! Not here: scanning (`scan.rs`) goes by names. Where folders are swapped meanwhile, names and sizes of another one
//! can be shown to admins for a moment; nothing of it is opened.
//!
//! Elsewhere the names are looked up again once the file is open, which leaves a moment to somebody who is very quick.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::sight::Sight;

/// A watched folder by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder; absolute.
    pub(super) folder: PathBuf,
    /// No folder on the way to it may be a link either.
    pub(super) confined: bool,
}

impl Place {
    /// Opens `file`, a name below the folder, to read it. What isn't a file is an error, and isn't waited for.
    pub(super) fn open(&self, file: &Path) -> io::Result<File> {
        let file = imp::open(self, file)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file any more")) }
    }

    /// Takes `file` away if it still looks like `sight`; tells whether it did.
    pub(super) fn remove(&self, file: &Path, sight: Sight) -> io::Result<bool> {
        match imp::remove(self, file, sight) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other,
        }
    }
}

fn through_a_link() -> io::Error {
    io::Error::other("it, or a folder above it, is, or was just now, a link")
}

#[cfg(unix)]
mod imp {
    use std::ffi::OsStr;
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Component, Path};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, renameat, unlinkat};
    use rustix::io::Errno;

    use super::{Place, Sight, through_a_link};

    /// Only a way to what lies below: reading the folder's own names may be forbidden.
    #[cfg(target_os = "linux")]
    const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    #[cfg(not(target_os = "linux"))]
    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    /// A pipe put in a file's place doesn't hold it up.
    const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    pub(super) fn open(place: &Place, file: &Path) -> io::Result<File> {
        let (folder, name) = parent(place, file)?;
        let file = File::from(opened(openat(folder, name, FILE, Mode::empty()))?);
        if may_be_of_others(&file.metadata()?) {
            return Err(io::Error::other(
                "it is one of several names (hard links) of a file that not everybody may read; copy it here instead",
            ));
        }
        Ok(file)
    }

    /// Of a file's mode, `S_IROTH`: whoever is neither its owner nor of its group may read it (POSIX, sys/stat.h).
    const OTHERS_MAY_READ: u32 = 0o004;

    /// Whether it may be a hard link to what whoever put it here can't read.
    fn may_be_of_others(metadata: &Metadata) -> bool {
        metadata.is_file() && metadata.nlink() > 1 && metadata.mode() & OTHERS_MAY_READ == 0
    }

    pub(super) fn remove(place: &Place, file: &Path, sight: Sight) -> io::Result<bool> {
        let (folder, name) = parent(place, file)?;
        if looks(&folder, name, sight)? { take_away(&folder, name, sight) } else { Ok(false) }
    }

    fn looks(folder: &OwnedFd, name: &OsStr, sight: Sight) -> io::Result<bool> {
        let found = File::from(opened(openat(folder, name, FILE, Mode::empty()))?);
        Ok(Sight::of(&found.metadata()?) == sight)
    }

    /// Unlinks what has the name if it is the file of `sight`; whatever else has got it meanwhile keeps it.
    pub(super) fn take_away(folder: &OwnedFd, name: &OsStr, sight: Sight) -> io::Result<bool> {
        let aside = format!(".ods-taken-{:x}", sight.inode);
        let aside = OsStr::new(&aside);
        renameat(folder, name, folder, aside)?;
        let removed = match looks(folder, aside, sight) {
            Ok(true) => unlinkat(folder, aside, AtFlags::empty()).map(|()| true).map_err(io::Error::from),
            other => other,
        };
        if !matches!(removed, Ok(true)) {
            give_back(folder, aside, name)?;
        }
        removed
    }

    /// Gives a file its name back, unless a still newer one has that: then this one was replaced by its owner.
    fn give_back(folder: &OwnedFd, aside: &OsStr, name: &OsStr) -> io::Result<()> {
        match linkat(folder, aside, folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => unlinkat(folder, aside, AtFlags::empty())?,
            // The disk knows no hard links, or what has the name is a folder.
            Err(_) => renameat(folder, aside, folder, name)?,
        }
        Ok(())
    }

    /// The folder that `file` lies in, and its name there.
    fn parent<'a>(place: &Place, file: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let top = if place.confined {
            descend(openat(CWD, "/", FOLDER, Mode::empty())?, &place.folder)?
        } else {
            openat(CWD, &place.folder, FOLDER, Mode::empty())?
        };
        Ok((descend(top, file.parent().unwrap_or(Path::new("")))?, name))
    }

    /// From folder to folder, no link among them.
    fn descend(from: OwnedFd, way: &Path) -> io::Result<OwnedFd> {
        way.components().try_fold(from, |at, component| match component {
            Component::RootDir | Component::CurDir => Ok(at),
            Component::Normal(name) => opened(openat(at.as_fd(), name, FOLDER | OFlags::NOFOLLOW, Mode::empty())),
            Component::ParentDir | Component::Prefix(_) => Err(io::ErrorKind::InvalidInput.into()),
        })
    }

    fn opened(outcome: Result<OwnedFd, Errno>) -> io::Result<OwnedFd> {
        outcome.map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR | Errno::MLINK => through_a_link(),
            other => other.into(),
        })
    }
}

#[cfg(not(unix))]
mod imp {
    use std::fs::{self, File};
    use std::io;
    use std::path::Path;

    use super::{Place, Sight, through_a_link};
    use crate::watch::sight::is_same;

    pub(super) fn open(place: &Place, file: &Path) -> io::Result<File> {
        let name = place.folder.join(file);
        let base = if place.confined { place.folder.clone() } else { place.folder.canonicalize()? };
        let expected = base.join(file);
        let opened = open_file(&name)?;
        let there = fs::symlink_metadata(&expected)?;
        if name.canonicalize()? == expected && is_same(&there, &opened.metadata()?) {
            Ok(opened)
        } else {
            Err(through_a_link())
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "consuming a watched folder is the one place that unlinks files of others"
    )]
    pub(super) fn remove(place: &Place, file: &Path, sight: Sight) -> io::Result<bool> {
        if Sight::of(&open(place, file)?.metadata()?) != sight {
            return Ok(false);
        }
        fs::remove_file(place.folder.join(file)).map(|()| true)
    }

    #[cfg(not(windows))]
    fn open_file(name: &Path) -> io::Result<File> {
        File::open(name)
    }

    /// Opens a file that nobody writes to: on Windows, where the whole length is set before the first byte is copied, this
    /// is what tells a whole file.
    #[cfg(windows)]
    fn open_file(name: &Path) -> io::Result<File> {
        const SHARE_READ_AND_DELETE: u32 = 1 | 4;
        let mut options = File::options();
        std::os::windows::fs::OpenOptionsExt::share_mode(options.read(true), SHARE_READ_AND_DELETE);
        options.open(name)
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "these tests play whoever drops files, and an attacker")]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            for name in ["secret", "drop", "drop/mac", "drop/mac/sub"] {
                fs::create_dir(folder.path().join(name)).expect("folder made");
            }
            for (name, bytes) in
                [("secret/x.pkg", "secret"), ("drop/mac/x.pkg", "public"), ("drop/mac/sub/x.pkg", "public")]
            {
                fs::write(folder.path().join(name), bytes).expect("file written");
            }
            Self { folder }
        }

        fn name(&self, below: &str) -> PathBuf {
            self.folder.path().canonicalize().expect("a real name").join(below)
        }

        fn place(&self, confined: bool) -> Place {
            Place { folder: self.name("drop/mac"), confined }
        }
    }

    fn read(place: &Place, file: &str) -> io::Result<String> {
        let mut text = String::new();
        place.open(Path::new(file))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn links_are_not_followed_and_only_the_folder_that_an_administrator_chose_may_be_one() {
        let bench = Bench::new();
        for confined in [false, true] {
            assert_eq!(read(&bench.place(confined), "sub/x.pkg").expect("readable"), "public");
            assert!(read(&bench.place(confined), "../x.pkg").is_err());
        }
        symlink(bench.name("secret/x.pkg"), bench.name("drop/mac/link.pkg")).expect("linked");
        symlink(bench.name("secret"), bench.name("drop/mac/other")).expect("linked");
        for file in ["link.pkg", "other/x.pkg"] {
            assert!(read(&bench.place(false), file).is_err(), "{file}");
        }
        fs::rename(bench.name("drop/mac"), bench.name("aside")).expect("renamed");
        symlink(bench.name("secret"), bench.name("drop/mac")).expect("linked");
        assert!(read(&bench.place(true), "x.pkg").is_err());
        assert_eq!(read(&bench.place(false), "x.pkg").expect("readable"), "secret");
        fs::remove_file(bench.name("drop/mac")).expect("removed");
        fs::create_dir(bench.name("real")).expect("made");
        fs::rename(bench.name("aside"), bench.name("real/mac")).expect("renamed");
        fs::remove_dir(bench.name("drop")).expect("removed");
        symlink(bench.name("real"), bench.name("drop")).expect("linked");
        assert!(read(&bench.place(true), "x.pkg").is_err(), "a link further up");
    }

    #[test]
    fn only_the_file_that_was_published_is_removed_and_never_through_a_link() {
        let bench = Bench::new();
        let (place, file) = (bench.place(true), Path::new("x.pkg"));
        let sight = Sight::of(&fs::metadata(bench.name("drop/mac/x.pkg")).expect("metadata"));
        assert!(!place.remove(file, Sight { inode: sight.inode + 1, ..sight }).expect("looked"));
        fs::rename(bench.name("drop/mac"), bench.name("aside")).expect("renamed");
        symlink(bench.name("aside"), bench.name("drop/mac")).expect("linked");
        assert!(place.remove(file, sight).is_err());
        assert!(bench.name("aside/x.pkg").exists());
        fs::remove_file(bench.name("drop/mac")).expect("removed");
        fs::rename(bench.name("aside"), bench.name("drop/mac")).expect("renamed");
        assert!(place.remove(file, sight).expect("removed"));
        assert!(!bench.name("drop/mac/x.pkg").exists());
        assert!(!place.remove(file, sight).expect("gone already"));
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_newer_file_that_got_the_name_at_the_last_moment_keeps_it() {
        let bench = Bench::new();
        let (folder, file) = (bench.name("drop/mac"), bench.name("drop/mac/x.pkg"));
        let published = Sight::of(&fs::metadata(&file).expect("metadata"));
        // As between the look and the unlinking.
        fs::write(folder.join("newer"), "newer").expect("written");
        fs::rename(folder.join("newer"), &file).expect("replaced");
        let handle = std::os::fd::OwnedFd::from(fs::File::open(&folder).expect("opened"));
        assert!(!imp::take_away(&handle, std::ffi::OsStr::new("x.pkg"), published).expect("looked"));
        assert_eq!(fs::read_to_string(&file).expect("still there"), "newer");
        assert_eq!(names(&folder), ["sub", "x.pkg"]);
        let newer = Sight::of(&fs::metadata(&file).expect("metadata"));
        assert!(imp::take_away(&handle, std::ffi::OsStr::new("x.pkg"), newer).expect("removed"));
        assert_eq!(names(&folder), ["sub"]);
    }

    #[test]
    fn a_hard_link_to_what_not_everybody_may_read_is_not_opened() {
        use std::os::unix::fs::PermissionsExt as _;
        let bench = Bench::new();
        let (secret, place) = (bench.name("secret/x.pkg"), bench.place(true));
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("mode set");
        fs::hard_link(&secret, bench.name("drop/mac/linked.pkg")).expect("linked");
        assert!(read(&place, "linked.pkg").expect_err("refused").to_string().contains("hard link"));
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("mode set");
        assert_eq!(read(&place, "linked.pkg").expect("anybody may"), "secret");
        fs::set_permissions(bench.name("drop/mac/x.pkg"), fs::Permissions::from_mode(0o600)).expect("mode set");
        assert_eq!(read(&place, "x.pkg").expect("its only name"), "public");
    }

    /// A pipe would be waited for, for ever.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_an_error_at_once() {
        let bench = Bench::new();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            bench.name("drop/mac/pipe.pkg"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .expect("made");
        assert!(read(&bench.place(true), "pipe.pkg").is_err());
        assert!(read(&bench.place(true), "sub").is_err());
    }

    /// Somebody puts a link to a folder of others in the place of the watched one, and back, as fast as it goes.
    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_swaps_folders_and_links_meanwhile_gets_nothing_read() {
        let bench = Bench::new();
        symlink(bench.name("secret"), bench.name("drop/link")).expect("linked");
        let (mac, link, done) =
            (bench.name("drop/mac"), bench.name("drop/link"), std::sync::atomic::AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                use rustix::fs::{CWD, RenameFlags, renameat_with};
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    renameat_with(CWD, &mac, CWD, &link, RenameFlags::EXCHANGE).expect("exchanged");
                }
            });
            let place = bench.place(true);
            let read: Vec<String> = (0..5000).filter_map(|_| read(&place, "x.pkg").ok()).collect();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(read.iter().all(|text| text == "public"));
            assert!(!read.is_empty(), "the folder itself was met too");
        });
    }
}
