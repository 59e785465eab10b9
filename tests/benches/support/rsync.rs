//! rsync's daemon, and copies from it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::{Bench, write_file};
use super::process::{Cost, Server, run_here};

/// A daemon that offers one folder.
#[derive(Debug)]
pub(crate) struct RsyncDaemon {
    _server: Server,
    folder: PathBuf,
    port: u16,
}

impl RsyncDaemon {
    /// Starts one with an empty folder.
    pub(crate) fn start(bench: &Bench, name: &str) -> Self {
        let (own, folder, port) = (bench.folder(name), bench.folder(&format!("{name}/files")), Bench::free_port());
        let config = own.join("rsyncd.conf");
        let (own_shown, folder_shown) = (own.display(), folder.display());
        write_file(
            &config,
            &format!(
                "port = {port}\naddress = 127.0.0.1\nuse chroot = no\npid file = {own_shown}/pid\nlog file = {own_shown}/log\n\
                 [files]\npath = {folder_shown}\nread only = yes\n"
            ),
        );
        let mut command = Command::new("rsync");
        command.args(["--daemon", "--no-detach"]).arg(format!("--config={}", config.display()));
        Self { _server: Server::start(&mut command, port, &own.join("rsync.log")), folder, port }
    }

    /// What it offers.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Copies all of it into a folder, whole files, each synced.
    pub(crate) fn copy_to(&self, target: &Path) -> Cost {
        let source = format!("rsync://127.0.0.1:{}/files/", self.port);
        run_here("rsync", &[&"-rtW", &"--fsync", &source, &target]).1
    }
}
