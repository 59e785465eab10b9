//! Precedence: which layer a setting's value comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;

use super::file::{self, File};
use super::settings::{SETTINGS, Setting, Shape};
use super::{Config, ConfigError, Environment, Flags, Surroundings, build, flags, print};

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(String),
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// It was changed while the node ran.
    Stored,
    /// Nobody gave one.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Stored => f.write_str("stored"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting's value and where it came from.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) setting: &'static Setting,
    pub(super) value: Value,
    pub(super) source: Source,
    /// The folder that relative paths in the value start from.
    pub(super) base: PathBuf,
    /// What it is when nobody says otherwise.
    pub(super) default: Option<Value>,
}

/// A configuration and where each of its values came from.
pub(crate) struct Resolution {
    /// The configuration.
    pub(crate) config: Config,
    /// The file that was read, if there was one.
    pub(crate) file: Option<PathBuf>,
    pub(super) values: Vec<Resolved>,
}

impl Resolution {
    /// The whole configuration as TOML that says what each key means and where its value came from.
    pub(crate) fn to_toml(&self) -> String {
        print::to_toml(self.file.as_deref(), &self.values)
    }

    /// The whole configuration as JSON: for each key its value and where it came from.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let entry = |resolved: &Resolved| {
            let entry = serde_json::json!({"value": resolved.value, "source": resolved.source.to_string()});
            (resolved.setting.key.to_owned(), entry)
        };
        serde_json::Value::Object(self.values.iter().map(entry).collect())
    }

    /// Where the value of the setting `key` came from.
    pub(crate) fn source(&self, key: &str) -> Option<&Source> {
        self.values.iter().find(|resolved| resolved.setting.key == key).map(|resolved| &resolved.source)
    }
}

/// Resolves flags, environment, file and defaults, in this order.
pub(crate) fn resolve(
    flags: &Flags,
    environment: &Environment,
    machine: &Surroundings,
) -> Result<Resolution, ConfigError> {
    check_variable_names(environment)?;
    check_paths(flags)?;
    let file = find_file(flags, environment, machine)?;
    let layers = Layers { flags, environment, file: file.as_ref(), machine };
    let mut values = SETTINGS.iter().map(|setting| layers.resolve(setting)).collect::<Result<Vec<_>, _>>()?;
    let config = build::build(&mut values)?;
    Ok(Resolution { config, file: file.map(|file| file.path), values })
}

/// The data folder alone, for clients of the node on this machine.
pub(crate) fn data_folder(
    flags: &Flags,
    environment: &Environment,
    machine: &Surroundings,
) -> Result<PathBuf, ConfigError> {
    let file = find_file(flags, environment, machine)?;
    let layers = Layers { flags, environment, file: file.as_ref(), machine };
    let setting = SETTINGS.iter().find(|setting| setting.key == "data").ok_or(ConfigError::NoDataFolder)?;
    build::folder(&mut layers.resolve(setting)?)
}

struct Layers<'l> {
    flags: &'l Flags,
    environment: &'l Environment,
    file: Option<&'l File>,
    machine: &'l Surroundings,
}

impl Layers<'_> {
    fn resolve(&self, setting: &'static Setting) -> Result<Resolved, ConfigError> {
        let (value, source) = self.first(setting)?;
        let base = match &source {
            Source::File { path, .. } => path.parent().map(Path::to_owned).unwrap_or_default(),
            Source::Flag(_) | Source::Variable(_) | Source::Stored | Source::Default => PathBuf::new(),
        };
        // A relative `--config` is itself relative to the working folder; joining an absolute base keeps the base.
        let base = self.machine.working_folder.join(base);
        Ok(Resolved { setting, value, source, base, default: (setting.default)(self.machine) })
    }

    fn first(&self, setting: &'static Setting) -> Result<(Value, Source), ConfigError> {
        if let Some((flag, value)) = self.flags.value(setting.key) {
            return Ok((value, Source::Flag(flag)));
        }
        let variable = setting.variable();
        if let Some(text) = self.environment.get(&variable) {
            return Ok((from_variable(setting, &variable, text)?, Source::Variable(variable)));
        }
        if let Some((file, (value, line))) = self.file.and_then(|file| Some((file, file.value(setting.key)?))) {
            return Ok((value, Source::File { path: file.path.clone(), line }));
        }
        let value = (setting.default)(self.machine).ok_or(ConfigError::NoDataFolder)?;
        Ok((value, Source::Default))
    }
}

/// The file named by flag or variable, which must exist, else `ods.toml` in the data folder, which need not.
fn find_file(flags: &Flags, environment: &Environment, machine: &Surroundings) -> Result<Option<File>, ConfigError> {
    let named = flags.config.clone().or_else(|| environment.get("ODS_CONFIG").map(PathBuf::from));
    if let Some(path) = named {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let path = machine.working_folder.join(path);
        let file = File::read(&path)?.ok_or_else(|| ConfigError::Unreadable { path, source: missing() })?;
        return Ok(Some(file));
    }
    let data = flags.data.clone().or_else(|| environment.get("ODS_DATA").map(PathBuf::from)).or(machine.data.clone());
    data.map_or(Ok(None), |data| File::read(&machine.working_folder.join(data).join("ods.toml")))
}

/// A variable's text as the value of its setting.
fn from_variable(setting: &'static Setting, variable: &str, text: &str) -> Result<Value, ConfigError> {
    let invalid = |reason: String| ConfigError::Invalid {
        origin: Source::Variable(variable.to_owned()),
        key: setting.key,
        reason,
    };
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    match &setting.shape {
        Shape::Text => Ok(Value::from(text)),
        Shape::Number(_) => {
            text.trim().parse::<i64>().map(Value::from).map_err(|_| invalid(format!("\"{text}\" is no whole number")))
        }
        Shape::Texts | Shape::Tables { .. } if text.trim_start().starts_with('[') && is_toml_list(text) => {
            if let Some(key) = file::unknown_member(setting.key, text) {
                let nearest = super::settings::nearest(&key);
                return Err(ConfigError::UnknownKey { place: format!("environment {variable}"), key, nearest });
            }
            toml_value(text).map_err(|error| invalid(error.message().to_owned()))
        }
        Shape::Texts => Ok(Value::Array(items().map(Value::from).collect())),
        Shape::Tables { short, .. } => {
            Ok(Value::Array(items().map(|item| flags::single(short, Value::from(item))).collect()))
        }
    }
}

/// Whether a text that begins with `[` is a list; `[::]:8637` isn't one.
fn is_toml_list(text: &str) -> bool {
    text.trim_end().ends_with(']') && toml_value(text).is_ok_and(|value| value.is_array())
        || text.trim_start().starts_with("[{")
}

fn toml_value(text: &str) -> Result<Value, toml::de::Error> {
    use serde::Deserialize;
    Value::deserialize(toml::de::ValueDeserializer::parse(text)?)
}

/// Variables that are meant for something else than a setting.
const OTHER_VARIABLES: &[&str] = &["ODS_CONFIG", "ODS_PIN", "ODS_SERVER", "ODS_TOKEN"];

/// A misspelt variable is an error. Others that begin with `ODS_` are none of our business: Kubernetes sets
/// `ODS_PORT` and `ODS_SERVICE_HOST` where a service is called "ods".
fn check_variable_names(environment: &Environment) -> Result<(), ConfigError> {
    let known: Vec<String> =
        SETTINGS.iter().map(Setting::variable).chain(OTHER_VARIABLES.iter().map(|name| (*name).to_owned())).collect();
    for name in environment.ods_names().filter(|name| !known.iter().any(|known| known == name)) {
        let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
        if let Some(nearest) = nearest.filter(|known| strsim::damerau_levenshtein(known, name) <= 2) {
            return Err(ConfigError::UnknownVariable { name: name.to_owned(), nearest: nearest.clone() });
        }
    }
    Ok(())
}

/// Paths are kept as text in TOML, so they must be text.
fn check_paths(flags: &Flags) -> Result<(), ConfigError> {
    let data = flags.data.iter().map(|path| ("--data", "data", path));
    let watches = flags.watch.iter().map(|path| ("--watch", "watches", path));
    for (flag, key, path) in data.chain(watches) {
        if path.to_str().is_none() {
            let reason = format!("the folder's name {} is not UTF-8", path.display());
            return Err(ConfigError::Invalid { origin: Source::Flag(flag), key, reason });
        }
    }
    Ok(())
}
