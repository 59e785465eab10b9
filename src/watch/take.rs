//! Reads a settled file, a bounded step at a time, into a hash or into the store.
//!
//! A file that looks any different at the end (by its open handle and by its name) than when it had settled was
//! changed meanwhile: what was read is dropped. Steps keep a worker's ticks short, so that a 25 GB file neither holds
//! up small ones nor the node's shutdown.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ods_store::{Digest, Received, StoreError, Upload};

use super::below::Place;
use super::sight::Sight;

/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Where the bytes go.
#[derive(Debug)]
pub(super) enum Sink {
    /// Nowhere: only the digest is wanted, since the bytes may be known.
    Hash(Box<blake3::Hasher>),
    /// Into the store.
    Upload(Box<Upload>),
}

impl Sink {
    /// A sink that only hashes.
    pub(super) fn hash() -> Self {
        Self::Hash(Box::new(blake3::Hasher::new()))
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Taking {
    name: PathBuf,
    sight: Sight,
    file: File,
    read_bytes: u64,
    sink: Sink,
}

/// How far reading came.
#[derive(Debug)]
pub(super) enum Progress {
    /// There is more to read.
    More(Taking),
    /// It was changed while it was read, or is gone.
    Changed,
    /// All was read, into a hash.
    Hashed(Digest),
    /// All was read, into the store's care; durable, not published.
    Received(Received),
}

/// Why a file can't be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    /// It can't be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Taking {
    /// Opens `file` of a watched folder, which had settled as `sight`.
    pub(super) fn open(place: &Place, file: &Path, sight: Sight, sink: Sink) -> io::Result<Self> {
        Ok(Self { name: place.folder.join(file), sight, file: place.open(file)?, read_bytes: 0, sink })
    }

    /// Reads up to `step_bytes` more.
    pub(super) fn step(mut self, step_bytes: u64) -> Result<Progress, TakeError> {
        let until = self.sight.bytes.min(self.read_bytes.saturating_add(step_bytes));
        let mut buffer = vec![0; BUFFER_BYTES.min(usize::try_from(until - self.read_bytes).unwrap_or(BUFFER_BYTES))];
        while self.read_bytes < until {
            let room = buffer.len().min(usize::try_from(until - self.read_bytes).unwrap_or(BUFFER_BYTES));
            let bytes = match self.file.read(&mut buffer[..room]) {
                Ok(0) => return Ok(Progress::Changed),
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            match &mut self.sink {
                Sink::Hash(hasher) => drop(hasher.update(&buffer[..bytes])),
                Sink::Upload(upload) => upload.write(&buffer[..bytes])?,
            }
            self.read_bytes += bytes as u64;
        }
        if self.read_bytes < self.sight.bytes { Ok(Progress::More(self)) } else { self.end() }
    }

    fn end(self) -> Result<Progress, TakeError> {
        if Sight::of(&self.file.metadata()?) != self.sight || !still_looks(&self.name, self.sight)? {
            return Ok(Progress::Changed);
        }
        Ok(match self.sink {
            Sink::Hash(hasher) => Progress::Hashed(Digest::from_bytes(*hasher.finalize().as_bytes())),
            Sink::Upload(upload) => Progress::Received(upload.finish()?),
        })
    }
}

/// Whether `error` says that somebody has the file open for writing.
pub(super) fn is_being_written(error: &io::Error) -> bool {
    /// `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`.
    const IN_USE: [i32; 2] = [32, 33];
    cfg!(windows) && error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}

/// Whether the file `name` still looks like `sight`; false if it is gone.
fn still_looks(name: &Path, sight: Sight) -> io::Result<bool> {
    match fs::symlink_metadata(name) {
        Ok(metadata) => Ok(metadata.is_file() && Sight::of(&metadata) == sight),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests play the admin who drops files")]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    type Change = fn(&Path);

    struct Bench {
        folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a temporary folder") }
        }

        fn put(&self, name: &str, bytes: &[u8]) -> (PathBuf, Sight) {
            let name = self.folder.path().join(name);
            fs::write(&name, bytes).expect("file written");
            let sight = Sight::of(&fs::symlink_metadata(&name).expect("metadata"));
            (name, sight)
        }
    }

    fn hashing(name: &Path, sight: Sight) -> Taking {
        let (folder, file) = (name.parent().expect("a folder"), name.file_name().expect("a name"));
        let place = Place { folder: folder.to_owned(), confined: false };
        Taking::open(&place, Path::new(file), sight, Sink::hash()).expect("opened")
    }

    fn more(progress: Progress) -> Taking {
        match progress {
            Progress::More(taking) => taking,
            other => panic!("expected more, got {other:?}"),
        }
    }

    #[test]
    fn a_file_is_read_in_steps_to_its_digest() {
        let bench = Bench::new();
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let (name, sight) = bench.put("x.pkg", &bytes);
        let mut progress = hashing(&name, sight).step(1_500_000).expect("read");
        let mut steps = 1;
        while let Progress::More(taking) = progress {
            progress = taking.step(1_500_000).expect("read");
            steps += 1;
        }
        let Progress::Hashed(digest) = progress else { panic!("not hashed: {progress:?}") };
        assert_eq!((digest, steps), (Digest::of(&bytes), 2));
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_dropped() {
        let changes: [(&str, Change); 5] = [
            ("grows", |name| {
                let mut file = File::options().append(true).open(name).expect("opened");
                file.write_all(b"more").expect("written");
            }),
            ("shrinks", |name| File::options().write(true).open(name).expect("opened").set_len(6).expect("cut")),
            ("is written over", |name| {
                let mut file = File::options().write(true).open(name).expect("opened");
                file.rewind().expect("rewound");
                file.write_all(b"0123456789").expect("written");
                file.set_modified(std::time::UNIX_EPOCH).expect("time set");
            }),
            ("is replaced", |name| {
                let other = name.with_extension("other");
                fs::write(&other, b"0123456789").expect("written");
                fs::rename(&other, name).expect("renamed");
            }),
            ("is gone", |name| fs::remove_file(name).expect("removed")),
        ];
        for (what, change) in changes {
            let bench = Bench::new();
            let (name, sight) = bench.put("x.pkg", b"0123456789");
            let taking = more(hashing(&name, sight).step(5).expect("read"));
            change(&name);
            let progress = taking.step(100).expect("read");
            assert!(matches!(progress, Progress::Changed), "{what}: {progress:?}");
        }
    }
}
