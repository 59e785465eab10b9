//! Takes a renewed certificate into use, without a restart.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Tls, TlsFiles};
use crate::worker::{Next, Worker};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Looks at a listener's certificate files, and reads them again when they changed.
#[derive(Debug)]
pub(crate) struct CertificateReload {
    tls: Tls,
    files: TlsFiles,
    seen: [Option<Stamp>; 2],
}

/// What changes when a file is replaced or rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl CertificateReload {
    /// Keeps `tls` in step with the `files` it was read from just now.
    pub(crate) fn new(tls: Tls, files: TlsFiles) -> Self {
        let seen = stamps(&files);
        Self { tls, files, seen }
    }

    /// Reads the files if they changed since the last look. Whether a new certificate is in use.
    pub(super) fn look(&mut self) -> bool {
        let now = stamps(&self.files);
        if now == self.seen {
            return false;
        }
        self.seen = now;
        match self.files.read() {
            Ok(key) => {
                self.tls.replace(key);
                tracing::info!(certificate = %self.files.certificate.display(), "a renewed TLS certificate is in use");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the changed TLS certificate can't be used; the old one stays in use");
                false
            }
        }
    }
}

impl Worker for CertificateReload {
    fn name(&self) -> &'static str {
        "certificate reload"
    }

    async fn tick(&mut self) -> Next {
        // Two small files each ten seconds: not worth a thread.
        self.look();
        Next::After(LOOK_EVERY)
    }
}

fn stamps(files: &TlsFiles) -> [Option<Stamp>; 2] {
    [stamp(&files.certificate), stamp(&files.key)]
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = path.metadata().ok()?;
    Some(Stamp { modified: metadata.modified().ok(), bytes: metadata.len() })
}
