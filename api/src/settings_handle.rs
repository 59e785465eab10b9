//! The seam to the node's settings: what there is, where each value came from, and which values may be stored.
//!
//! A setting that was given by flag, environment or file can't be changed here: it would be something else again after the
//! next start. What is stored takes the place of defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingSource {
    /// A flag.
    Flag,
    /// A variable of the environment.
    Environment,
    /// The configuration file.
    File,
    /// It was changed while the node ran.
    Stored,
    /// Nobody gave one.
    Default,
}

/// Whether a setting may be changed while the node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingChange {
    /// Yes, and it counts at once.
    Now,
    /// Yes, and it counts from the next start on.
    Restart,
    /// No: only by flag, environment or file.
    Never,
}

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its key in the configuration file, with its table.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// `text`, `number`, `texts` or `tables`.
    pub kind: &'static str,
    /// The bounds of a number.
    pub bounds: Option<(i64, i64)>,
    /// What the node runs with.
    pub value: Value,
    /// What it is when nobody says otherwise.
    pub default: Option<Value>,
    /// Where the value came from.
    pub source: SettingSource,
    /// That, with its name: `flag --name`, `/etc/ods.toml:3`.
    pub place: String,
    /// Whether it may be changed while the node runs.
    pub change: SettingChange,
}

/// What is wrong with a value: the setting, and the reason.
pub type BadSetting = (String, String);

type Check = dyn Fn(&BTreeMap<String, Value>) -> Result<(), BadSetting> + Send + Sync;

/// The settings that the node started with, and which others it would take.
#[derive(Clone)]
pub struct SettingsHandle {
    all: Arc<Vec<Setting>>,
    check: Arc<Check>,
}

impl SettingsHandle {
    /// The settings, and what errs unless the node would start with these values in place of its own.
    pub fn new(
        all: Vec<Setting>,
        check: impl Fn(&BTreeMap<String, Value>) -> Result<(), BadSetting> + Send + Sync + 'static,
    ) -> Self {
        Self { all: Arc::new(all), check: Arc::new(check) }
    }

    /// Every setting.
    pub(crate) fn all(&self) -> &[Setting] {
        &self.all
    }

    /// Errs unless the node would start with these values.
    pub fn check(&self, values: &BTreeMap<String, Value>) -> Result<(), BadSetting> {
        (self.check)(values)
    }
}

impl Default for SettingsHandle {
    fn default() -> Self {
        Self::new(Vec::new(), |_| Ok(()))
    }
}

impl fmt::Debug for SettingsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SettingsHandle({} settings)", self.all.len())
    }
}
