//! Bytes on their way to a file or to standard output: what has come, and what its digest will be.
//!
//! Invariant: one process writes to a part at a time; the file is locked.

use std::ffi::OsString;
use std::fs::TryLockError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ods_api::{Download, ResumeFrom};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, Stdout};

use crate::cli::{Exit, Failure};

const CHUNK_BYTES: usize = 1 << 20;

/// A download in progress.
pub(super) struct Part {
    sink: Sink,
    hasher: blake3::Hasher,
    bytes: u64,
    etag: Option<String>,
    /// Whether some of the bytes are from an earlier call.
    goes_on: bool,
}

enum Sink {
    StandardOutput(Stdout),
    File { file: File, place: Place },
}

/// Where a part is kept between two calls.
struct Place {
    bytes: PathBuf,
    etag: PathBuf,
}

impl Place {
    fn beside(file: &Path) -> Self {
        let with = |ending: &str| {
            let mut name = OsString::from(file);
            name.push(ending);
            PathBuf::from(name)
        };
        Self { bytes: with(".part"), etag: with(".part.etag") }
    }

    /// Opens the bytes for this process alone.
    fn open(&self) -> Result<File, Failure> {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(&self.bytes);
        let file = file.map_err(|error| failed("write", &self.bytes, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(File::from_std(file)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another `ods pull` is writing to {}", self.bytes.display());
                Err(Failure::new(Exit::Conflict, "part_in_use", message)
                    .hint("wait for it, or name another file with -o"))
            }
            Err(TryLockError::Error(error)) => Err(failed("lock", &self.bytes, &error)),
        }
    }

    /// The digest that the bytes left here shall have.
    async fn etag(&self) -> Result<Option<String>, Failure> {
        match tokio::fs::read_to_string(&self.etag).await {
            Ok(etag) => Ok(Some(etag.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.etag, &error)),
        }
    }
}

impl Part {
    /// Bytes that go to standard output. A cut is survived within this process only.
    pub(super) fn standard_output() -> Self {
        let sink = Sink::StandardOutput(tokio::io::stdout());
        Self { sink, hasher: blake3::Hasher::new(), bytes: 0, etag: None, goes_on: false }
    }

    /// Bytes that go beside `file` until they are whole, with what an earlier call left there.
    pub(super) async fn beside(file: &Path) -> Result<Self, Failure> {
        let place = Place::beside(file);
        let mut file = place.open()?;
        let etag = place.etag().await?;
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        if etag.is_some() {
            bytes = hash(&mut file, &mut hasher).await.map_err(|error| failed("read", &place.bytes, &error))?;
        } else {
            // Without knowing what they are of, the bytes are worth nothing.
            file.set_len(0).await.map_err(|error| failed("write", &place.bytes, &error))?;
        }
        Ok(Self { sink: Sink::File { file, place }, hasher, bytes, etag, goes_on: bytes > 0 })
    }

    /// Bytes that have come.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the bytes are those that the `ETag` names.
    pub(super) fn is_whole(&self) -> bool {
        self.etag.as_deref().is_some_and(|etag| digest_in(etag) == Some(self.hasher.finalize().to_hex().as_str()))
    }

    /// Whether the bytes are wrong, and may be so because those from an earlier call were damaged since.
    pub(super) fn was_damaged(&self) -> bool {
        self.goes_on && !self.is_whole()
    }

    /// Where to go on; `None` at the start.
    pub(super) fn resume(&self) -> Option<ResumeFrom> {
        let etag = self.etag.clone().filter(|_| self.bytes > 0)?;
        Some(ResumeFrom { offset: self.bytes, etag })
    }

    /// Throws away what has come.
    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        match &mut self.sink {
            Sink::StandardOutput(_) if self.bytes > 0 => {
                let message = "the package was replaced while it was downloaded";
                return Err(Failure::new(Exit::Conflict, "replaced", message)
                    .hint("what was written so far is of the earlier bytes; run the command again"));
            }
            Sink::StandardOutput(_) => {}
            Sink::File { file, place } => {
                let emptied = async {
                    file.set_len(0).await?;
                    file.rewind().await
                };
                emptied.await.map_err(|error| failed("write", &place.bytes, &error))?;
            }
        }
        self.hasher.reset();
        (self.bytes, self.etag, self.goes_on) = (0, None, false);
        Ok(())
    }

    /// Takes note of what comes, and where it goes on.
    pub(super) async fn begin(&mut self, download: &Download) -> Result<(), Failure> {
        if download.offset != self.bytes {
            self.restart().await?;
        }
        if download.offset != self.bytes || digest_in(&download.etag).is_none() {
            let message = format!("the server's answer names no BLAKE3 digest (ETag {:?})", download.etag);
            return Err(
                Failure::new(Exit::Failed, "not_a_node", message).hint("check that the address is an ods node's")
            );
        }
        self.etag = Some(download.etag.clone());
        let Sink::File { place, .. } = &self.sink else { return Ok(()) };
        let noted = tokio::fs::write(&place.etag, &download.etag).await;
        noted.map_err(|error| failed("write", &place.etag, &error))
    }

    /// Takes the next bytes.
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        match &mut self.sink {
            Sink::StandardOutput(to) => to.write_all(chunk).await?,
            Sink::File { file, place } => {
                file.write_all(chunk).await.map_err(|error| failed("write", &place.bytes, &error))?;
            }
        }
        self.hasher.update(chunk);
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// Writes out what is still in memory, so that a cut loses nothing that came.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.sink {
            Sink::StandardOutput(to) => Ok(to.flush().await?),
            Sink::File { file, place } => file.flush().await.map_err(|error| failed("write", &place.bytes, &error)),
        }
    }

    /// Checks that the bytes are those that were announced. Their digest, in hex.
    pub(super) async fn verify(&mut self) -> Result<String, Failure> {
        let actual = self.hasher.finalize().to_hex().to_string();
        if self.is_whole() {
            return Ok(actual);
        }
        let expected = self.etag.as_deref().and_then(digest_in).unwrap_or_default().to_owned();
        if let Sink::File { place, .. } = &self.sink {
            discard(&place.etag).await?;
        }
        let message = format!("what arrived is damaged: its BLAKE3 is {actual}, not {expected}");
        Err(Failure::new(Exit::Failed, "digest_mismatch", message).hint("nothing was kept; run the command again"))
    }

    /// Puts the verified bytes in their place.
    pub(super) async fn keep(self, to: &Path) -> Result<(), Failure> {
        let Sink::File { file, place } = self.sink else { return Ok(()) };
        file.sync_all().await.map_err(|error| failed("write", &place.bytes, &error))?;
        drop(file);
        tokio::fs::rename(&place.bytes, to).await.map_err(|error| failed("write", to, &error))?;
        discard(&place.etag).await
    }
}

/// The BLAKE3 of a file, in hex; `None` if there is no such file.
pub(super) async fn digest_of(file: &Path) -> Result<Option<String>, Failure> {
    let mut hasher = blake3::Hasher::new();
    match File::open(file).await {
        Ok(mut open) => hash(&mut open, &mut hasher).await.map_err(|error| failed("read", file, &error))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", file, &error)),
    };
    Ok(Some(hasher.finalize().to_hex().to_string()))
}

async fn hash(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Ok(bytes);
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// The digest that a node's `ETag` is.
fn digest_in(etag: &str) -> Option<&str> {
    let digest = etag.strip_prefix('"')?.strip_suffix('"')?;
    (digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(digest)
}

async fn discard(path: &Path) -> Result<(), Failure> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::file(format!("cannot {what} {}", path.display()), error)
}
