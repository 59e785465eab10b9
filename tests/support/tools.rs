//! Other people's programs: signals, curl, Debian's tools. Absent ones are said to be absent, never passed over silently.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Sends a signal to a process of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {pid}");
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.unwrap_or_else(|error| panic!("{program} can be run: {error}"))
}

/// Runs a program which must succeed, and gives what it printed.
#[track_caller]
pub(crate) fn run_well(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = run(program, arguments, folder);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Says that a test, or a part of one, can't run here: past the test harness, which keeps to itself what a passing test prints.
pub(crate) fn leave_out(what: &str, why: &str) {
    let line = format!("left out: {what}: {why}\n");
    drop(std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()));
}

/// Whether this process may do everything, as in a container or in CI.
pub(crate) fn is_root() -> bool {
    run("id", &["-u"], Path::new("/")).stdout == b"0\n"
}

/// Writes a file of the test's own.
#[expect(clippy::disallowed_methods, reason = "a test's file needs no durable write")]
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{} can be written: {error}", path.display()));
}

/// A small filesystem in memory, mounted until it is dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this machine doesn't let the test mount.
    pub(crate) fn mount(bytes: u64) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ods-disk-").tempdir().expect("a temporary folder");
        let size = format!("size={bytes}");
        let path = folder.path().to_str().expect("a plain name").to_owned();
        let mounted =
            is_root() && run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &path], Path::new("/")).status.success();
        mounted.then_some(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.folder.path()).status());
    }
}

/// A FAT file system in a file, mounted until it is dropped: it has no hard links.
#[derive(Debug)]
pub(crate) struct FatDisk {
    folder: tempfile::TempDir,
}

impl FatDisk {
    /// `None` where this machine doesn't let the test mount one.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ods-fat-").tempdir().expect("a temporary folder");
        if !is_root() || !Path::new("/sbin/mkfs.vfat").exists() {
            return None;
        }
        run_well("truncate", &["-s", "200M", "image"], folder.path());
        run_well("/sbin/mkfs.vfat", &["image"], folder.path());
        run_well("mkdir", &["mounted"], folder.path());
        let mounted = run("mount", &["-o", "loop", "image", "mounted"], folder.path()).status.success();
        mounted.then(|| Self { folder })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }
}

impl Drop for FatDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

/// Removes a file.
#[expect(clippy::disallowed_methods, reason = "a test removes what it made")]
pub(crate) fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap_or_else(|error| panic!("{} can be removed: {error}", path.display()));
}

/// Renames a file or folder.
#[expect(clippy::disallowed_methods, reason = "a test moves what it made, as a person would")]
pub(crate) fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap_or_else(|error| panic!("{} can be renamed: {error}", from.display()));
}

/// Where cargo keeps what it fetched.
pub(crate) fn cargo_home() -> PathBuf {
    option_env!("CARGO_HOME").map_or_else(|| std::env::home_dir().unwrap_or_default().join(".cargo"), PathBuf::from)
}
