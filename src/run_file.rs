//! `<data>/run.json`: where the node on this machine listens, for the CLI and for scripts.
//!
//! Written when the node listens, removed when it stops in good order. After a crash an old one stays; its `pid` tells.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::private_file::write_private;

/// The file's name in the data folder.
pub(crate) const RUN_FILE: &str = "run.json";

/// What the file says. Readers must tolerate further fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// The node's process.
    pub(crate) pid: u32,
    /// The program's version.
    pub(crate) version: String,
    /// The node's id, in hex.
    pub(crate) node: String,
    /// Where it listens.
    pub(crate) listeners: Vec<RunListener>,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunListener {
    /// The address, with the port in use.
    pub(crate) address: SocketAddr,
    /// `none`, `files` or `self-signed`.
    pub(crate) tls: String,
    /// `downloads`, `admin`, `peers`.
    pub(crate) surfaces: Vec<String>,
    /// SHA-256 of the certificate's DER, in hex; none without TLS.
    pub(crate) pin: Option<String>,
}

/// The file on disk, removed when dropped.
#[derive(Debug)]
pub(crate) struct WrittenRunFile {
    path: PathBuf,
}

impl RunFile {
    /// Writes the file into the data folder, in one step, over one that a crash left behind.
    pub(crate) fn write(&self, data: &Path) -> io::Result<WrittenRunFile> {
        let path = data.join(RUN_FILE);
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_private(&path, &text)?;
        Ok(WrittenRunFile { path })
    }
}

impl Drop for WrittenRunFile {
    #[expect(clippy::disallowed_methods, reason = "no part of the store, and nothing depends on when it is gone")]
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the run file can't be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_while_the_node_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file = RunFile {
            pid: 7,
            version: "1.2.3".to_owned(),
            node: "ab".to_owned(),
            listeners: vec![RunListener {
                address: "[::]:8637".parse().unwrap(),
                tls: "none".to_owned(),
                surfaces: vec!["downloads".to_owned(), "admin".to_owned()],
                pin: None,
            }],
        };
        let written = file.write(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(RUN_FILE)).unwrap();
        assert_eq!(
            text.split_whitespace().collect::<String>(),
            r#"{"pid":7,"version":"1.2.3","node":"ab","listeners":[{"address":"[::]:8637","tls":"none","surfaces":["downloads","admin"],"pin":null}]}"#
        );
        drop(written);
        assert!(!folder.path().join(RUN_FILE).exists());
    }
}
