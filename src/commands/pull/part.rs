//! Bytes on their way to a file or to standard output: what has come, and what its digest will be.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ods_api::{Download, ResumeFrom};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::cli::{Exit, Failure};

const CHUNK_BYTES: usize = 1 << 20;

/// A download in progress.
pub(super) struct Part {
    to: Box<dyn AsyncWrite + Send + Unpin>,
    place: Option<Place>,
    hasher: blake3::Hasher,
    bytes: u64,
    etag: Option<String>,
}

/// The files of a part.
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
}

impl Part {
    /// Bytes that go to standard output. A cut is survived within this process only.
    pub(super) fn standard_output() -> Self {
        Self { to: Box::new(tokio::io::stdout()), place: None, hasher: blake3::Hasher::new(), bytes: 0, etag: None }
    }

    /// Bytes that go beside `file` until they are whole, with what an earlier call left there.
    pub(super) async fn beside(file: &Path) -> Result<Self, Failure> {
        let place = Place::beside(file);
        let etag = match tokio::fs::read_to_string(&place.etag).await {
            Ok(etag) => Some(etag.trim().to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed("read", &place.etag, &error)),
        };
        let options = OpenOptions::new().create(true).read(true).append(true).clone();
        let mut to = options.open(&place.bytes).await.map_err(|error| failed("write", &place.bytes, &error))?;
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        if etag.is_some() {
            bytes = hash(&mut to, &mut hasher).await.map_err(|error| failed("read", &place.bytes, &error))?;
        } else {
            // Without knowing what they are of, the bytes are worth nothing.
            to.set_len(0).await.map_err(|error| failed("write", &place.bytes, &error))?;
        }
        Ok(Self { to: Box::new(to), place: Some(place), hasher, bytes, etag })
    }

    /// Bytes that have come.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the bytes are those that the `ETag` names.
    pub(super) fn is_whole(&self) -> bool {
        self.etag.as_deref().is_some_and(|etag| digest_in(etag) == Some(self.hasher.finalize().to_hex().as_str()))
    }

    /// Where to go on; `None` at the start.
    pub(super) fn resume(&self) -> Option<ResumeFrom> {
        let etag = self.etag.clone().filter(|_| self.bytes > 0)?;
        Some(ResumeFrom { offset: self.bytes, etag })
    }

    /// Throws away what has come.
    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        let Some(place) = &self.place else {
            return Err(replaced().hint("the output up to here is of the earlier bytes; run the command again"));
        };
        let emptied = OpenOptions::new().write(true).truncate(true).open(&place.bytes).await;
        emptied.map_err(|error| failed("write", &place.bytes, &error))?;
        self.hasher.reset();
        (self.bytes, self.etag) = (0, None);
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
        let Some(place) = &self.place else { return Ok(()) };
        let noted = tokio::fs::write(&place.etag, &download.etag).await;
        noted.map_err(|error| failed("write", &place.etag, &error))
    }

    /// Takes the next bytes.
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.to.write_all(chunk).await.map_err(|error| self.unwritable(&error))?;
        self.hasher.update(chunk);
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// Checks that the bytes are those that were announced. Their digest, in hex.
    pub(super) async fn verify(&mut self) -> Result<String, Failure> {
        self.to.flush().await.map_err(|error| self.unwritable(&error))?;
        let actual = self.hasher.finalize().to_hex().to_string();
        if self.is_whole() {
            return Ok(actual);
        }
        let expected = self.etag.as_deref().and_then(digest_in).unwrap_or_default().to_owned();
        if let Some(place) = self.place.take() {
            discard(&place.bytes).await?;
            discard(&place.etag).await?;
        }
        let message = format!("what arrived is damaged: its BLAKE3 is {actual}, not {expected}");
        Err(Failure::new(Exit::Failed, "digest_mismatch", message).hint("nothing was kept; run the command again"))
    }

    /// Puts the verified bytes in their place.
    pub(super) async fn keep(self, file: &Path) -> Result<(), Failure> {
        let Some(place) = self.place else { return Ok(()) };
        drop(self.to);
        let written = OpenOptions::new().append(true).open(&place.bytes).await;
        let written = written.map_err(|error| failed("write", &place.bytes, &error))?;
        written.sync_all().await.map_err(|error| failed("write", &place.bytes, &error))?;
        drop(written);
        tokio::fs::rename(&place.bytes, file).await.map_err(|error| failed("write", file, &error))?;
        discard(&place.etag).await
    }

    fn unwritable(&self, error: &std::io::Error) -> Failure {
        match &self.place {
            Some(place) => failed("write", &place.bytes, error),
            None => Failure::from(std::io::Error::from(error.kind())),
        }
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

async fn hash(file: &mut File, hasher: &mut blake3::Hasher) -> std::io::Result<u64> {
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

fn replaced() -> Failure {
    Failure::new(Exit::Conflict, "replaced", "the package was replaced while it was downloaded")
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::file(format!("cannot {what} {}", path.display()), error)
}
