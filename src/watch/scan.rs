//! Looks at what a watched folder holds. Reads names and metadata, never contents, and follows no links below the
//! folder itself.
//!
//! A scan is bounded in depth and number; what lies beyond is refused, never silently left out. Folders that can't be
//! read are named as *blind*: nothing is known of what they hold, so nothing in them counts as gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use ods_store::{BLOB_BYTES_MAX, PackagePath};

use super::names::{Kind, Meaning, meaning};
use super::reason::Reason;
use super::sight::{Sight, folder_identity};

/// Bounds of a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanLimits {
    /// Folders below the watched one.
    pub(super) folders_deep: usize,
    /// Files that are looked at.
    pub(super) files: usize,
    /// Refusals that are kept.
    pub(super) refusals: usize,
}

impl ScanLimits {
    /// The bounds in use.
    pub(super) const USUAL: Self = Self { folders_deep: 32, files: 100_000, refusals: 1000 };
}

/// A file that is a package by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The package.
    pub(super) path: PackagePath,
    /// How it looked.
    pub(super) sight: Sight,
}

/// What a folder holds. Names are relative to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// What tells this folder from another one put in its place.
    pub(super) identity: u64,
    /// Files to publish.
    pub(super) files: BTreeMap<PathBuf, Found>,
    /// What is not taken, and why; [`ScanLimits::refusals`] at most, and the note that there were too many files.
    pub(super) refused: BTreeMap<PathBuf, Reason>,
    /// What tells each folder that was read, by its name, from another one put in its place.
    pub(super) folders: BTreeMap<PathBuf, u64>,
    /// Folders that could not be read.
    pub(super) blind: BTreeSet<PathBuf>,
}

/// What a look at one name gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is there, or nothing that matters.
    Nothing,
    /// A folder: only a scan tells what it holds.
    Folder,
    /// Refused.
    Refused(Reason),
    /// A file to publish.
    File(Found),
}

/// Scans `folder`, or says why it can't be.
pub(super) fn scan(folder: &Path, prefix: &str, limits: ScanLimits) -> Result<Scan, Reason> {
    let metadata = fs::metadata(folder).map_err(|error| folder_reason(&error))?;
    let names = sorted_names(folder).map_err(|error| folder_reason(&error))?;
    let mut walk = Walk {
        folder,
        prefix,
        limits,
        scan: Scan { identity: folder_identity(&metadata), ..Scan::default() },
        taken: BTreeMap::new(),
    };
    walk.entries(Path::new(""), names);
    Ok(walk.scan)
}

/// Looks at one `file` below `folder`, the folders above it being in order.
pub(super) fn look(folder: &Path, prefix: &str, file: &Path) -> Look {
    let metadata = match fs::symlink_metadata(folder.join(file)) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Look::Nothing,
        Err(error) => return Look::Refused(Reason::unreadable(&error)),
    };
    look_at(prefix, file, &metadata)
}

/// Whether a folder above `file` is itself passed over or refused, so that `file` doesn't matter.
pub(super) fn is_below_refused(prefix: &str, file: &Path) -> bool {
    file.ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
        .any(|above| meaning(prefix, above, Kind::Folder) != Meaning::Folder)
}

fn look_at(prefix: &str, file: &Path, metadata: &Metadata) -> Look {
    match meaning(prefix, file, Kind::of(metadata.file_type())) {
        Meaning::PassedOver => Look::Nothing,
        Meaning::Refused(reason) => Look::Refused(reason),
        Meaning::Folder => Look::Folder,
        Meaning::Package(_) if metadata.len() > BLOB_BYTES_MAX => {
            Look::Refused(Reason::TooLarge { bytes: metadata.len(), max: BLOB_BYTES_MAX })
        }
        Meaning::Package(path) => Look::File(Found { path, sight: Sight::of(metadata) }),
    }
}

struct Walk<'a> {
    folder: &'a Path,
    prefix: &'a str,
    limits: ScanLimits,
    scan: Scan,
    taken: BTreeMap<PackagePath, PathBuf>,
}

impl Walk<'_> {
    /// Looks at the entries of `below`. The recursion is at most `folders_deep` deep.
    fn entries(&mut self, below: &Path, names: Vec<PathBuf>) {
        for name in names {
            let file = below.join(name);
            match look(self.folder, self.prefix, &file) {
                Look::Nothing => {}
                Look::Refused(reason) => self.refuse(file, reason),
                Look::Folder => self.enter(file),
                Look::File(found) => self.find(file, found),
            }
        }
    }

    fn enter(&mut self, file: PathBuf) {
        if file.components().count() > self.limits.folders_deep {
            let folders_deep = self.limits.folders_deep;
            return self.refuse(file, Reason::TooDeep(folders_deep));
        }
        match sorted_names(&self.folder.join(&file)) {
            Ok(names) => {
                if let Ok(metadata) = fs::symlink_metadata(self.folder.join(&file)) {
                    self.scan.folders.insert(file.clone(), folder_identity(&metadata));
                }
                self.entries(&file, names);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.scan.blind.insert(file.clone());
                self.refuse(file, Reason::unreadable(&error));
            }
        }
    }

    fn find(&mut self, file: PathBuf, found: Found) {
        if self.scan.files.len() >= self.limits.files {
            // Told even where no further refusal is kept: it speaks for all the files left out.
            self.scan.refused.insert(PathBuf::new(), Reason::TooMany(self.limits.files));
            return;
        }
        if let Some(other) = self.taken.get(&found.path) {
            let other = other.display().to_string();
            return self.refuse(file, Reason::NameTwice(other));
        }
        self.taken.insert(found.path.clone(), file.clone());
        self.scan.files.insert(file, found);
    }

    fn refuse(&mut self, file: PathBuf, reason: Reason) {
        if self.scan.refused.len() < self.limits.refusals {
            self.scan.refused.insert(file, reason);
        }
    }
}

fn sorted_names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let names: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name().into())).collect();
    let mut names = names?;
    names.sort();
    Ok(names)
}

fn folder_reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::NotFound => Reason::FolderMissing,
        io::ErrorKind::NotADirectory => Reason::FolderUnreadable("it is a file".to_owned()),
        _ => Reason::FolderUnreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a temporary folder") }
        }

        #[expect(clippy::disallowed_methods, reason = "tests play the admin who drops files")]
        fn put(&self, file: &str, bytes: &[u8]) {
            let file = self.folder.path().join(file);
            fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("folder made");
            fs::write(file, bytes).expect("file written");
        }

        fn scan(&self, limits: ScanLimits) -> Scan {
            scan(self.folder.path(), "", limits).expect("the folder can be scanned")
        }

        fn names(&self, limits: ScanLimits) -> (Vec<String>, Vec<(String, &'static str)>) {
            let scan = self.scan(limits);
            let files = scan.files.values().map(|found| found.path.to_string()).collect();
            let refused = scan.refused.iter().map(|(file, why)| (file.display().to_string(), why.code())).collect();
            (files, refused)
        }
    }

    #[test]
    fn nested_files_are_found_and_bundles_are_not_entered() {
        let bench = Bench::new();
        for file in ["b.deb", "mac/apps/a.pkg", "x.pkg/Contents/Info.plist", ".git/config", "big.part"] {
            bench.put(file, b"x");
        }
        let (files, refused) = bench.names(ScanLimits::USUAL);
        assert_eq!(files, ["b.deb", "mac/apps/a.pkg"]);
        assert_eq!(refused, [("x.pkg".to_owned(), "bundle")]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_and_not_followed_but_the_folder_itself_may_be_one() {
        use std::os::unix::fs::symlink;
        let bench = Bench::new();
        bench.put("real/a.pkg", b"x");
        symlink("a.pkg", bench.folder.path().join("real/b.pkg")).expect("linked");
        symlink("..", bench.folder.path().join("real/up")).expect("linked");
        let link = bench.folder.path().join("link");
        symlink("real", &link).expect("linked");
        let scan = scan(&link, "", ScanLimits::USUAL).expect("scanned");
        assert_eq!(scan.files.keys().collect::<Vec<_>>(), [Path::new("a.pkg")]);
        let refused = BTreeMap::from([(PathBuf::from("b.pkg"), Reason::Link), (PathBuf::from("up"), Reason::Link)]);
        assert_eq!(scan.refused, refused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn two_spellings_of_one_name_are_one_package_and_a_refusal() {
        let bench = Bench::new();
        bench.put("e\u{301}.pkg", b"decomposed");
        bench.put("\u{e9}.pkg", b"composed");
        let (files, refused) = bench.names(ScanLimits::USUAL);
        assert_eq!(files, ["\u{e9}.pkg"]);
        assert_eq!(refused, [("\u{e9}.pkg".to_owned(), "name_twice")]);
    }

    #[test]
    fn depth_and_number_are_bounded_and_the_rest_is_named() {
        let bench = Bench::new();
        for file in ["1", "2", "3", "a/b/deep", "a/ok"] {
            bench.put(file, b"x");
        }
        let (files, refused) = bench.names(ScanLimits { folders_deep: 1, files: 3, refusals: 10 });
        assert_eq!(files, ["1", "2", "3"]);
        assert_eq!(refused, [(String::new(), "too_many"), ("a/b".to_owned(), "too_deep")]);
        let (_, refused) = bench.names(ScanLimits { folders_deep: 1, files: 3, refusals: 1 });
        assert_eq!(refused, [(String::new(), "too_many"), ("a/b".to_owned(), "too_deep")]);
        let (_, refused) = bench.names(ScanLimits { folders_deep: 1, files: 3, refusals: 0 });
        assert_eq!(refused, [(String::new(), "too_many")]);
    }

    #[test]
    fn a_missing_folder_and_a_file_in_its_place_are_told_apart() {
        let bench = Bench::new();
        bench.put("file", b"x");
        let missing = scan(&bench.folder.path().join("no"), "", ScanLimits::USUAL).expect_err("missing");
        assert_eq!(missing, Reason::FolderMissing);
        let file = scan(&bench.folder.path().join("file"), "", ScanLimits::USUAL).expect_err("a file");
        assert_eq!(file.code(), "folder_unreadable");
    }

    #[test]
    fn files_below_a_hidden_folder_or_bundle_do_not_matter() {
        for file in [".git/config", "x.app/Contents/MacOS/x", "a/.b/c/d", "a.tmp/x"] {
            assert!(is_below_refused("", Path::new(file)), "{file}");
        }
        for file in ["a", "a/b/c", "a/.b", "a/x.pkg"] {
            assert!(!is_below_refused("", Path::new(file)), "{file}");
        }
    }

    #[test]
    fn a_look_tells_files_folders_and_nothing() {
        let bench = Bench::new();
        bench.put("sub/a.pkg", b"abc");
        let look = |file: &str| look(bench.folder.path(), "p", Path::new(file));
        assert_eq!((look("no.pkg"), look("sub")), (Look::Nothing, Look::Folder));
        let Look::File(found) = look("sub/a.pkg") else { panic!("a file") };
        assert_eq!((found.path.as_str(), found.sight.bytes), ("p/sub/a.pkg", 3));
    }
}
