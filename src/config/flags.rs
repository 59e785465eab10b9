//! What flags of `ods serve` and `ods config` set.

use std::path::PathBuf;

use toml::Value;

/// Settings typed on the command line; empty ones were not typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// `--config`: the file to read in place of `<data>/ods.toml`; it must exist.
    pub(crate) config: Option<PathBuf>,
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
    /// `--name`.
    pub(crate) name: Option<String>,
    /// `--url`, repeated.
    pub(crate) urls: Vec<String>,
    /// `--listen`, repeated.
    pub(crate) listen: Vec<String>,
    /// `--watch`, repeated.
    pub(crate) watch: Vec<PathBuf>,
    /// `--log-format`.
    pub(crate) log_format: Option<String>,
    /// `--log`.
    pub(crate) log_filter: Option<String>,
}

impl Flags {
    /// The flag that sets the setting `key`, and the value it gives, if it was typed.
    pub(super) fn value(&self, key: &str) -> Option<(&'static str, Value)> {
        match key {
            "data" => self.data.as_ref().map(|folder| ("--data", path(folder))),
            "name" => self.name.as_ref().map(|name| ("--name", Value::from(name.as_str()))),
            "urls" => list("--url", &self.urls, |url| Value::from(url.as_str())),
            "listeners" => list("--listen", &self.listen, |address| single("address", Value::from(address.as_str()))),
            "watches" => list("--watch", &self.watch, |folder| single("folder", path(folder))),
            "log.format" => self.log_format.as_ref().map(|format| ("--log-format", Value::from(format.as_str()))),
            "log.filter" => self.log_filter.as_ref().map(|filter| ("--log", Value::from(filter.as_str()))),
            _ => None,
        }
    }
}

fn list<T>(flag: &'static str, typed: &[T], value: impl Fn(&T) -> Value) -> Option<(&'static str, Value)> {
    let values: Vec<Value> = typed.iter().map(value).collect();
    (!values.is_empty()).then_some((flag, Value::Array(values)))
}

/// A table of one key.
pub(super) fn single(key: &str, value: Value) -> Value {
    Value::Table([(key.to_owned(), value)].into_iter().collect())
}

/// A path as a value. One that isn't UTF-8 can't be written in TOML; it is refused when it is found not to exist.
fn path(path: &std::path::Path) -> Value {
    Value::from(path.to_string_lossy().into_owned())
}
