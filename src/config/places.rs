//! Where things are by each platform's convention.

use std::path::PathBuf;

use super::Environment;

/// What the machine says about itself: the only inputs of a configuration that nobody typed.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where the data folder is by convention, if that can be told.
    pub data: Option<PathBuf>,
    /// Where the data folder of a node is that this machine runs for everybody.
    pub system_data: Option<PathBuf>,
    /// The machine's name.
    pub hostname: String,
    /// The folder that relative paths on the command line and in the environment start from.
    pub working_folder: PathBuf,
}

impl Surroundings {
    /// Asks the machine.
    pub fn read(environment: &Environment) -> Self {
        Self {
            data: conventional_data_folder(environment),
            system_data: system_data_folder(environment),
            hostname: hostname(),
            working_folder: std::env::current_dir().unwrap_or_default(),
        }
    }
}

fn hostname() -> String {
    let whole = gethostname::gethostname().to_string_lossy().into_owned();
    let short = whole.split('.').next().unwrap_or_default().trim();
    if short.is_empty() { "ods".to_owned() } else { short.to_owned() }
}

#[cfg(unix)]
fn conventional_data_folder(environment: &Environment) -> Option<PathBuf> {
    if is_root() { system_data_folder(environment) } else { user_data_folder(environment) }
}

#[cfg(windows)]
fn conventional_data_folder(environment: &Environment) -> Option<PathBuf> {
    system_data_folder(environment)
}

#[cfg(target_os = "macos")]
fn system_data_folder(_: &Environment) -> Option<PathBuf> {
    Some(PathBuf::from("/Library/Application Support/ODS"))
}

#[cfg(all(unix, not(target_os = "macos")))]
#[expect(clippy::unnecessary_wraps, reason = "on other platforms it can't always be told")]
fn system_data_folder(_: &Environment) -> Option<PathBuf> {
    Some(PathBuf::from("/var/lib/ods"))
}

#[cfg(windows)]
fn system_data_folder(environment: &Environment) -> Option<PathBuf> {
    let program_data = environment.get("ProgramData").or_else(|| environment.get("PROGRAMDATA"))?;
    Some(PathBuf::from(program_data).join("ODS"))
}

#[cfg(target_os = "macos")]
fn user_data_folder(environment: &Environment) -> Option<PathBuf> {
    Some(PathBuf::from(environment.get("HOME")?).join("Library/Application Support/ODS"))
}

#[cfg(all(unix, not(target_os = "macos")))]
fn user_data_folder(environment: &Environment) -> Option<PathBuf> {
    // The XDG specification: a relative value is invalid and to be ignored.
    let named = environment.get("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let base = match named {
        Some(folder) => folder,
        None => PathBuf::from(environment.get("HOME")?).join(".local/share"),
    };
    Some(base.join("ods"))
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
