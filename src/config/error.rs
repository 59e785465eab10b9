//! Why there is no configuration.

use std::path::PathBuf;

use super::Source;

/// Why there is no configuration. Each message names the place and the key, and says what would be right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// No `--data`, no variable, and the platform's convention needs a variable that is missing.
    #[error("cannot tell where the data folder should be: HOME is not set; name one with --data or ODS_DATA")]
    NoDataFolder,
    /// The file can't be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file, or a variable's value, is not TOML.
    #[error("{place}: {reason}")]
    NotToml {
        /// Where, with the line.
        place: String,
        /// What the parser says.
        reason: String,
    },
    /// A key that no setting has.
    #[error("{place}: unknown key `{key}`; {}", suggestion(nearest.as_deref()))]
    UnknownKey {
        /// Where, with the line.
        place: String,
        /// The key as written, with the tables it is in.
        key: String,
        /// The known key most like it.
        nearest: Option<String>,
    },
    /// A variable that is named almost as one that is known.
    #[error("unknown variable {name} in the environment; did you mean {nearest}?")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The known one most like it.
        nearest: String,
    },
    /// A value of the wrong type or out of bounds.
    #[error("{origin}: {key}: {reason}")]
    Invalid {
        /// Where the value was given.
        origin: Source,
        /// The setting.
        key: &'static str,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "`ods config` lists the known ones".to_owned(),
    }
}
