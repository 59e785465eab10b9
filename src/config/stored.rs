//! Settings that were changed while the node ran: they take the place of defaults, and of nothing else, from the next start
//! on; and the settings as the API shows them.

use std::collections::BTreeMap;

use ods_api::{BadSetting, Setting, SettingChange, SettingSource, SettingsHandle};
use serde_json::Value as Json;
use toml::Value;

use super::resolve::Resolved;
use super::settings::{SETTINGS, Shape};
use super::{ConfigError, Resolution, Source, build};

/// What can't be changed through the API: what is needed before the store is open; what has a resource of its own; and what
/// would widen the reach of whoever may call the API into this machine.
const NEVER: [&str; 12] = [
    "data",
    "listeners",
    "limits.cache_bytes",
    "log.format",
    "log.filter",
    "policy.mode",
    "policy.paths",
    "policy.tags",
    "policy.bytes_max",
    "watch.roots",
    "watches",
    "trusted_proxies",
];
/// What counts at once.
const NOW: [&str; 3] = ["name", "urls", "downloads.access"];

impl Resolution {
    /// The same with stored settings in place of defaults. One that can't be used (any more) is left out and told of.
    pub(crate) fn with_stored(&self, stored: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut values = self.values.clone();
        for (key, text) in stored {
            let Ok(json) = serde_json::from_str::<Json>(text) else { continue };
            let alone = BTreeMap::from([(key.clone(), json)]);
            if let Err((key, reason)) = check(&values, &alone) {
                tracing::warn!(key, reason, "a stored setting can't be used and is left out");
                continue;
            }
            replace(&mut values, &alone);
        }
        let config = build::build(&mut values)?;
        Ok(Self { config, file: self.file.clone(), values })
    }

    /// Where a setting's value came from, as the API shows it: what kind of place, and its name.
    pub(crate) fn origin(&self, key: &str) -> (SettingSource, String) {
        let source = self.source(key).unwrap_or(&Source::Default);
        (kind_of(source), source.to_string())
    }

    /// The settings as the API shows and checks them.
    pub(crate) fn handle(&self) -> SettingsHandle {
        let values = self.values.clone();
        let all = self.values.iter().map(describe).collect();
        SettingsHandle::new(all, move |changes| check(&values, changes))
    }
}

/// Errs unless a configuration comes of these values in place of defaults and stored ones.
fn check(values: &[Resolved], changes: &BTreeMap<String, Json>) -> Result<(), BadSetting> {
    for (key, json) in changes {
        if !SETTINGS.iter().any(|setting| setting.key == key) {
            return Err((key.clone(), "there is no such setting".to_owned()));
        }
        Value::try_from(json).map_err(|error| (key.clone(), error.to_string()))?;
    }
    let mut values = values.to_vec();
    replace(&mut values, changes);
    match build::build(&mut values) {
        Ok(_) => Ok(()),
        Err(ConfigError::Invalid { key, reason, .. }) => Err((key.to_owned(), reason)),
        Err(error) => Err((changes.keys().next().cloned().unwrap_or_default(), error.to_string())),
    }
}

fn replace(values: &mut [Resolved], changes: &BTreeMap<String, Json>) {
    for resolved in values.iter_mut().filter(|it| matches!(it.source, Source::Default | Source::Stored)) {
        if let Some(value) = changes.get(resolved.setting.key).and_then(|json| Value::try_from(json).ok()) {
            resolved.value = value;
            resolved.source = Source::Stored;
        }
    }
}

fn describe(resolved: &Resolved) -> Setting {
    let setting = resolved.setting;
    let (kind, bounds) = match &setting.shape {
        Shape::Text => ("text", None),
        Shape::Number(bounds) => ("number", Some((*bounds.start(), *bounds.end()))),
        Shape::Texts => ("texts", None),
        Shape::Tables { .. } => ("tables", None),
    };
    Setting {
        key: setting.key,
        meaning: setting.meaning,
        kind,
        bounds,
        value: json(&resolved.value),
        default: resolved.default.as_ref().map(json),
        source: kind_of(&resolved.source),
        place: resolved.source.to_string(),
        change: match setting.key {
            key if NEVER.contains(&key) => SettingChange::Never,
            key if NOW.contains(&key) => SettingChange::Now,
            _ => SettingChange::Restart,
        },
    }
}

const fn kind_of(source: &Source) -> SettingSource {
    match source {
        Source::Flag(_) => SettingSource::Flag,
        Source::Variable(_) => SettingSource::Environment,
        Source::File { .. } => SettingSource::File,
        Source::Stored => SettingSource::Stored,
        Source::Default => SettingSource::Default,
    }
}

fn json(value: &Value) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Surroundings, resolve};

    fn resolution(environment: &[(&str, &str)]) -> Resolution {
        let folder = std::env::temp_dir().join("no such folder");
        let machine = Surroundings {
            data: Some(folder.clone()),
            system_data: None,
            hostname: "machine".to_owned(),
            working_folder: folder,
        };
        let environment = environment.iter().copied().collect::<Environment>();
        resolve(&Flags::default(), &environment, &machine).expect("resolved")
    }

    fn stored(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_stored_takes_the_place_of_defaults_and_of_nothing_else() {
        let given = resolution(&[("ODS_SCRUB_EVERY_DAYS", "7")]);
        let stored = stored(&[("scrub.every_days", "9"), ("retention.keep_revisions", "3"), ("gc.grace", "\"soon\"")]);
        let merged = given.with_stored(&stored).expect("merged");
        assert_eq!(merged.config.scrub.every, Some(std::time::Duration::from_hours(24 * 7)));
        assert_eq!(merged.config.space.keep.revisions, 3);
        assert_eq!(merged.source("retention.keep_revisions"), Some(&Source::Stored));
        // A value that can't be used spoils neither the others nor the start.
        assert_eq!(merged.source("gc.grace"), Some(&Source::Default));
    }

    #[test]
    fn the_api_checks_as_the_start_does() {
        let handle = resolution(&[]).handle();
        let check =
            |key: &str, value: Json| handle.check(&BTreeMap::from([(key.to_owned(), value)])).err().map(|(key, _)| key);
        assert_eq!(check("retention.keep_revisions", 3.into()), None);
        assert_eq!(check("downloads.access", "nobody".into()).as_deref(), Some("downloads.access"));
        assert_eq!(check("retention.keep_revisions", (-1).into()).as_deref(), Some("retention.keep_revisions"));
        assert_eq!(check("retention.keep_revisions", "3".into()).as_deref(), Some("retention.keep_revisions"));
        assert_eq!(check("no.such", 3.into()).as_deref(), Some("no.such"));
    }
}
