//! `ods.toml`: read, checked for unknown keys, cut into settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::ConfigError;
use super::settings::{self, SETTINGS};

/// What a file says, by setting.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Where it is.
    pub(super) path: PathBuf,
    values: BTreeMap<&'static str, (Value, usize)>,
}

impl File {
    /// Reads the file at `path`; `None` if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Reads `text` as the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let place = |line: usize| format!("{}:{line}", path.display());
        let lines = Lines(text);
        let not_toml = |error: &toml::de::Error| ConfigError::NotToml {
            place: place(error.span().map_or(1, |span| lines.line(span.start))),
            reason: error.message().to_owned(),
        };
        let table = DeTable::parse(text).map_err(|error| not_toml(&error))?;
        let mut found = Vec::new();
        collect_keys(table.get_ref(), "", &mut found);
        if let Some((key, at)) = found.iter().find(|(key, _)| !settings::is_known(key)) {
            let place = place(lines.line(*at));
            return Err(ConfigError::UnknownKey { place, key: key.clone(), nearest: settings::nearest(key) });
        }
        let whole: toml::Table = toml::from_str(text).map_err(|error| not_toml(&error))?;
        let values = SETTINGS
            .iter()
            .filter_map(|setting| {
                let value = look_up(&whole, setting.key)?.clone();
                let at = found.iter().find(|(key, _)| key == setting.key).map_or(0, |(_, at)| *at);
                Some((setting.key, (value, lines.line(at))))
            })
            .collect();
        Ok(Self { path: path.to_owned(), values })
    }

    /// The setting's value and its line.
    pub(super) fn value(&self, key: &str) -> Option<(Value, usize)> {
        self.values.get(key).cloned()
    }
}

/// The first unknown key within the value of `key`, such as an inline table in a variable.
pub(super) fn unknown_member(key: &str, text: &str) -> Option<String> {
    let value = DeValue::parse(text).ok()?;
    let mut found = Vec::new();
    collect_members(value.get_ref(), key, &mut found);
    found.into_iter().map(|(key, _)| key).find(|key| !settings::is_known(key))
}

/// Every key below `table`, dotted, with its byte offset; positions in lists are left out.
fn collect_keys(table: &DeTable<'_>, prefix: &str, found: &mut Vec<(String, usize)>) {
    for (key, value) in table {
        let dotted = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        found.push((dotted.clone(), key.span().start));
        collect_members(value.get_ref(), &dotted, found);
    }
}

fn collect_members(value: &DeValue<'_>, prefix: &str, found: &mut Vec<(String, usize)>) {
    if let Some(table) = value.as_table() {
        collect_keys(table, prefix, found);
    }
    for member in value.as_array().into_iter().flat_map(|list| list.iter()).map(Spanned::get_ref) {
        collect_members(member, prefix, found);
    }
}

fn look_up<'t>(table: &'t toml::Table, dotted: &str) -> Option<&'t Value> {
    match dotted.split_once('.') {
        Some((first, rest)) => look_up(table.get(first)?.as_table()?, rest),
        None => table.get(dotted),
    }
}

/// Lines of a text, by byte offset.
struct Lines<'t>(&'t str);

impl Lines<'_> {
    /// The line, from 1, that byte `at` is on.
    fn line(&self, at: usize) -> usize {
        self.0.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }
}
