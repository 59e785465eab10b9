//! Errors that the simulated disk gives: planned ones (the n-th operation of a kind, once or for a while) and random ones.

use std::io;
use std::path::Path;

use super::random::Random;

/// What a program does to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A file is made.
    Create,
    /// Bytes are written, or a length is set.
    Write,
    /// A file or folder is synced.
    Sync,
    /// A second name is given.
    Link,
    /// A name is changed.
    Rename,
    /// A name is taken away.
    Remove,
    /// A folder is made.
    MakeFolder,
    /// Bytes are read.
    Read,
}

/// What the disk answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskError {
    /// EIO.
    Io,
    /// ENOSPC.
    Full,
}

impl DiskError {
    fn error(self) -> io::Error {
        match self {
            #[cfg(unix)]
            Self::Io => io::Error::from_raw_os_error(crate::disk::EIO),
            #[cfg(not(unix))]
            Self::Io => io::Error::other("simulated input/output error"),
            Self::Full => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// An error to come.
#[derive(Debug, Clone)]
pub struct DiskFault {
    error: DiskError,
    operation: Option<Operation>,
    name_part: String,
    skip: u64,
    times: u64,
}

impl DiskFault {
    /// The next operation fails, once.
    pub fn new(error: DiskError) -> Self {
        Self { error, operation: None, name_part: String::new(), skip: 0, times: 1 }
    }

    /// Only operations of this kind.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// Only on files and folders whose path, with `/` on every system, contains this.
    #[must_use]
    pub fn within(self, name_part: &str) -> Self {
        Self { name_part: name_part.to_owned(), ..self }
    }

    /// After this many that go well.
    #[must_use]
    pub fn after(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// This many in a row.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    fn strikes(&mut self, operation: Operation, path: &Path) -> bool {
        let fits = match self.operation {
            Some(wanted) => wanted == operation,
            None => operation != Operation::Read,
        };
        let path = path.to_string_lossy().replace('\\', "/");
        if self.times == 0 || !fits || !path.contains(&self.name_part) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    planned: Vec<DiskFault>,
    random: Option<(Random, u64)>,
    struck: u64,
}

impl Faults {
    pub(super) fn plan(&mut self, fault: DiskFault) {
        self.planned.push(fault);
    }

    /// One operation in `one_in` that changes something fails.
    pub(super) fn at_random(&mut self, seed: u64, one_in: u64) {
        self.random = Some((Random::new(seed), one_in));
    }

    pub(super) fn end(&mut self) {
        (self.planned, self.random) = (Vec::new(), None);
    }

    pub(super) fn struck(&self) -> u64 {
        self.struck
    }

    /// The error this operation meets, if any.
    pub(super) fn strike(&mut self, operation: Operation, path: &Path) -> Option<io::Error> {
        let planned = self.planned.iter_mut().find_map(|fault| fault.strikes(operation, path).then_some(fault.error));
        let mut random = None;
        if let Some((choices, one_in)) = self.random.as_mut().filter(|_| operation != Operation::Read)
            && choices.below(*one_in) == 0
        {
            random = Some(if choices.coin() { DiskError::Io } else { DiskError::Full });
        }
        let error = planned.or(random)?.error();
        self.struck += 1;
        Some(error)
    }
}
