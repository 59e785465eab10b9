//! The node as a service of the operating system: what each system is told about it, as text.
//!
//! Pure: a [`Service`] in, text out, for every system on every system, so that all of it is tested everywhere. Writing it
//! down and starting it is `commands/service.rs`.

mod launchd;
mod systemd;
mod windows;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ods_store::WatchMode;

use crate::config::{Config, Flags, Tls};

pub(crate) use launchd::{plist, steps as launchd_steps};
pub(crate) use systemd::{SYSUSERS_FILE, UNIT_FILE, sysusers, unit};
pub(crate) use windows::{command_lines, task_line};

/// What the service is called everywhere.
pub(crate) const NAME: &str = "ods";
/// What people read.
const DESCRIPTION: &str = "ODS, the Open Distribution Server";
/// Bounds the files and connections open at once.
const OPEN_FILES: u32 = 65_536;
/// Ports below this need a right of their own.
const FREE_PORTS: u16 = 1024;
/// What follows the drain when a node stops, with room to spare.
const AFTER_DRAIN: Duration = Duration::from_secs(15);

/// A node that shall run as a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    program: String,
    /// After the program.
    arguments: Vec<String>,
    data: String,
    user: String,
    /// Whether it listens on a port that needs a right.
    has_low_port: bool,
    /// What it must be able to read beside its data.
    reads: Vec<String>,
    /// What it must be able to change beside its data.
    writes: Vec<String>,
    stop_timeout: Duration,
}

/// Why a node can't be described to a service manager.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServiceError {
    /// A text that would mean something else in a unit.
    #[error("{what} {text:?} can't be written into a service's description: it has control characters or isn't UTF-8")]
    NotPlain {
        /// What it is.
        what: &'static str,
        /// As it stands.
        text: String,
    },
    /// No system would take that name.
    #[error("\"{name}\" can't be a user's name; use letters, digits, `-` and `_`")]
    User {
        /// As it was typed.
        name: String,
    },
}

impl Service {
    /// `program serve` with these flags, which resolve to `config`. Paths that were typed are made absolute by
    /// `working_folder`: a service starts elsewhere.
    pub(crate) fn new(
        program: &Path,
        flags: &Flags,
        config: &Config,
        working_folder: &Path,
        user: &str,
    ) -> Result<Self, ServiceError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if user.is_empty() || user.len() > 31 || !user.chars().all(is_plain) || user.starts_with('-') {
            return Err(ServiceError::User { name: user.to_owned() });
        }
        let mut reads = vec![program.to_owned()];
        reads.extend(flags.config.iter().map(|path| working_folder.join(path)));
        for listener in &config.listeners {
            if let Tls::Files { certificate, key } = &listener.tls {
                reads.extend([certificate.clone(), key.clone()]);
            }
        }
        let (taken, kept): (Vec<_>, Vec<_>) = config.watches.iter().partition(|watch| watch.mode == WatchMode::Consume);
        reads.extend(kept.iter().map(|watch| watch.folder.clone()));
        let writes = taken.iter().map(|watch| &watch.folder).chain(&config.watch_roots);
        let all = |paths: &mut dyn Iterator<Item = &PathBuf>| {
            paths.map(|path| plain("the path", path)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            program: plain("the program", program)?,
            arguments: arguments(flags, config, working_folder)?,
            data: plain("the data folder", &config.data)?,
            user: user.to_owned(),
            has_low_port: config.listeners.iter().any(|listener| (1..FREE_PORTS).contains(&listener.address.port())),
            reads: all(&mut reads.iter())?,
            writes: all(&mut { writes })?,
            stop_timeout: config.limits.drain_timeout + AFTER_DRAIN,
        })
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> &str {
        &self.data
    }

    /// Who it runs as.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// What it reads beside its data, where that user needs to be let in.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().skip(1).map(String::as_str)
    }

    /// What it changes beside its data, where that user needs to be let in.
    pub(crate) fn writes(&self) -> impl Iterator<Item = &str> {
        self.writes.iter().map(String::as_str)
    }
}

/// `serve` and its flags.
fn arguments(flags: &Flags, config: &Config, working_folder: &Path) -> Result<Vec<String>, ServiceError> {
    let mut arguments = vec!["serve".to_owned(), "--data".to_owned(), plain("the data folder", &config.data)?];
    let mut add = |flag: &str, value: &dyn AsRef<OsStr>| {
        arguments.push(flag.to_owned());
        plain("the argument", Path::new(value.as_ref())).map(|text| arguments.push(text))
    };
    if let Some(path) = &flags.config {
        add("--config", &working_folder.join(path))?;
    }
    flags.name.iter().try_for_each(|name| add("--name", name))?;
    flags.urls.iter().try_for_each(|url| add("--url", url))?;
    flags.listen.iter().try_for_each(|address| add("--listen", address))?;
    flags.watch.iter().try_for_each(|folder| add("--watch", &working_folder.join(folder)))?;
    flags.log_filter.iter().try_for_each(|filter| add("--log", filter))?;
    flags.log_format.iter().try_for_each(|format| add("--log-format", format))?;
    Ok(arguments)
}

/// Text that every service manager takes.
fn plain(what: &'static str, path: &Path) -> Result<String, ServiceError> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(|| ServiceError::NotPlain { what, text: path.to_string_lossy().into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment, Surroundings};

    /// A service as a Unix administrator would have it, on whichever system this runs.
    pub(super) fn service() -> Service {
        Service {
            program: "/usr/local/bin/ods".to_owned(),
            arguments: ["serve", "--data", "/var/lib/ods"].map(str::to_owned).to_vec(),
            data: "/var/lib/ods".to_owned(),
            user: "ods".to_owned(),
            has_low_port: false,
            reads: vec!["/usr/local/bin/ods".to_owned()],
            writes: Vec::new(),
            stop_timeout: Duration::from_secs(30),
        }
    }

    fn of(flags: &Flags, user: &str) -> Result<Service, ServiceError> {
        let folder = std::env::temp_dir();
        let machine = Surroundings {
            data: Some(folder.join("data")),
            system_data: None,
            hostname: "machine".to_owned(),
            working_folder: folder.clone(),
        };
        let config = config::resolve(flags, &Environment::default(), &machine).expect("resolved").config;
        Service::new(&folder.join("bin").join("ods"), flags, &config, &folder, user)
    }

    #[test]
    fn what_was_typed_is_passed_on_with_absolute_paths() {
        let flags = Flags {
            name: Some("hq".to_owned()),
            listen: vec!["127.0.0.1:443".to_owned()],
            watch: vec![PathBuf::from("drop")],
            ..Flags::default()
        };
        let service = of(&flags, "ods").expect("described");
        let text = |path: PathBuf| path.to_str().expect("plain").to_owned();
        let folder = std::env::temp_dir();
        let [data, drop] = ["data", "drop"].map(|name| text(folder.join(name)));
        let expected = ["serve", "--data", &data, "--name", "hq", "--listen", "127.0.0.1:443", "--watch", &drop]
            .map(str::to_owned);
        assert_eq!(service.arguments, expected);
        assert!(service.has_low_port);
        assert_eq!(service.reads().collect::<Vec<_>>(), [drop]);
        assert_eq!(service.stop_timeout, Duration::from_secs(30));
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        let flags = Flags { name: Some("a b".to_owned()), watch: vec![PathBuf::from("a\nb")], ..Flags::default() };
        assert!(matches!(of(&flags, "ods"), Err(ServiceError::NotPlain { .. })));
        for user in ["", "-r", "a b", "a:b", "ods\n"] {
            assert!(matches!(of(&Flags::default(), user), Err(ServiceError::User { .. })), "{user:?}");
        }
    }
}
