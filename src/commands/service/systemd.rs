//! The service on a machine with systemd: its files are written and taken away, and systemd is told.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ods_store::{Disk, LocalDisk};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::cli::{Exit, Failure, Output};
use crate::service::{self, SYSUSERS_FILE, Service, UNIT_FILE};

/// There while systemd runs (`sd_booted(3)`).
const RUNS_MARK: &str = "run/systemd/system";
/// Folders that systems with systemd have, running or not.
const BELONGS_MARKS: [&str; 3] = ["usr/lib/systemd/system", "lib/systemd/system", "etc/systemd"];
const UNIT: &str = "ods.service";
/// What `status` asks for.
const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,UnitFileState,MainPID,StatusText,NRestarts";

/// A system with systemd.
pub(super) struct Systemd {
    root: PathBuf,
    /// Whether it is this machine, so that it may be told.
    is_this_machine: bool,
}

impl Systemd {
    pub(super) fn new(root: &Path, is_this_machine: bool) -> Self {
        Self { root: root.to_owned(), is_this_machine }
    }

    fn runs(&self) -> bool {
        self.is_this_machine && self.root.join(RUNS_MARK).is_dir()
    }

    pub(super) fn install(&self, service: &Service, output: &mut Output) -> Result<(), Failure> {
        if self.is_this_machine && !BELONGS_MARKS.iter().any(|mark| self.root.join(mark).is_dir()) {
            return Err(Failure::new(Exit::Failed, "no_systemd", "this machine has no systemd")
                .hint("`ods service install --print` shows the unit; `--root DIR` writes it for another system"));
        }
        let [unit, sysusers] = [UNIT_FILE, SYSUSERS_FILE].map(|file| self.root.join(file));
        write(&sysusers, &service::sysusers(service))?;
        write(&unit, &service::unit(service))?;
        let runs = self.runs();
        if runs {
            // Makes the user if it is missing.
            tell("systemd-sysusers", &[&sysusers.to_string_lossy()])?;
            tell("systemctl", &["daemon-reload"])?;
            tell("systemctl", &["enable", UNIT])?;
            tell("systemctl", &["restart", UNIT])?;
        }
        if output.is_json() {
            return output.json(&json!({ "unit": unit, "sysusers": sysusers, "started": runs }));
        }
        output.line(&format!("written: {}", unit.display()))?;
        output.line(&format!("written: {}", sysusers.display()))?;
        if runs {
            output.line("the node runs, and starts with the machine; `ods service status` shows it")?;
        } else if self.is_this_machine {
            output.line("systemd doesn't run here, so nothing was started; once it does:")?;
            output.line("  systemd-sysusers && systemctl daemon-reload && systemctl enable --now ods")?;
        } else {
            output.line("nothing was started; when that system runs:")?;
            output.line("  systemctl enable --now ods")?;
        }
        tell_who_needs_what(service, output)
    }

    pub(super) fn uninstall(&self, output: &mut Output) -> Result<(), Failure> {
        let [unit, sysusers] = [UNIT_FILE, SYSUSERS_FILE].map(|file| self.root.join(file));
        if !unit.exists() {
            return Err(not_installed(&unit));
        }
        if self.runs() {
            tell("systemctl", &["disable", "--now", UNIT])?;
        }
        remove(&unit)?;
        remove(&sysusers)?;
        if self.runs() {
            tell("systemctl", &["daemon-reload"])?;
        }
        if output.is_json() {
            return output.json(&json!({ "removed": [unit, sysusers] }));
        }
        output.line(&format!("removed: {}", unit.display()))?;
        output.line(&format!("removed: {}", sysusers.display()))?;
        output.line("the data folder and the service's user stay as they are")
    }

    pub(super) fn status(&self, output: &mut Output) -> Result<(), Failure> {
        let unit = self.root.join(UNIT_FILE);
        if !unit.exists() {
            return Err(not_installed(&unit));
        }
        if !self.runs() {
            return Err(not_running("it is installed, and systemd doesn't run here"));
        }
        let said = tell("systemctl", &["show", UNIT, PROPERTIES])?;
        let properties = properties(&said);
        let of = |key: &str| properties.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        if output.is_json() {
            let all: serde_json::Map<_, _> =
                properties.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
            output.json(&all)?;
        } else {
            for (label, key) in
                [("state", "ActiveState"), ("detail", "SubState"), ("at boot", "UnitFileState"), ("process", "MainPID")]
            {
                output.field(label, of(key))?;
            }
            output.field("says", of("StatusText"))?;
            output.field("restarts", of("NRestarts"))?;
        }
        match of("ActiveState") {
            Some("active" | "reloading") => Ok(()),
            state => Err(not_running(&format!("the service is {}", state.unwrap_or("unknown to systemd")))),
        }
    }
}

/// Folders and files that the service's user must be let into by whoever owns them.
fn tell_who_needs_what(service: &Service, output: &mut Output) -> Result<(), Failure> {
    let user = service.user();
    for (what, path) in service.writes().map(|path| ("change", path)).chain(service.reads().map(|path| ("read", path)))
    {
        output.line(&format!("the user {user} must be able to {what} {path}"))?;
    }
    if !service.data().starts_with("/var/lib/") {
        output.line(&format!("the folder {} must exist and belong to the user {user}", service.data()))?;
    }
    Ok(())
}

/// `key=value` lines that have a value.
fn properties(said: &str) -> Vec<(&str, &str)> {
    said.lines().filter_map(|line| line.split_once('=')).filter(|(_, value)| !value.is_empty()).collect()
}

fn not_installed(unit: &Path) -> Failure {
    Failure::new(Exit::NotFound, "not_installed", format!("the service isn't installed: {} is missing", unit.display()))
        .hint("`ods service install` installs it")
}

fn not_running(message: &str) -> Failure {
    Failure::new(Exit::Unreachable, "not_running", message).hint("`journalctl -u ods` tells why, where systemd runs")
}

/// Writes a file for everybody to read, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        Failure::file(format!("cannot write {}", path.display()), error).hint("installing a service needs root")
    };
    let folder = path.parent().expect("the files of a service lie in folders");
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut file = temporary_in(folder).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error)).map(drop)
}

#[cfg(unix)]
fn temporary_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    tempfile::Builder::new().permissions(readable).tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<(), Failure> {
    match LocalDisk::new().remove(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(format!("cannot remove {}", path.display()), &error)
            .hint("uninstalling a service needs root")),
        Ok(()) => Ok(()),
    }
}

/// Runs one of systemd's programs: what it printed.
fn tell(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let what = || format!("`{program} {}` failed", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| Failure::new(Exit::Failed, "systemd", what()).caused_by(&error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(Exit::Failed, "systemd", format!("{}: {said}", what())).hint("`journalctl -u ods` may tell more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_shows_is_read() {
        assert_eq!(
            properties("ActiveState=active\nStatusText=\nSubState=running\nStatusText2=a=b\n"),
            [("ActiveState", "active"), ("SubState", "running"), ("StatusText2", "a=b")]
        );
    }
}
