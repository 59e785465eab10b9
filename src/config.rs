//! What the program uses: resolved, validated, read once.
//!
//! A value comes from the first of these that has it: a flag, an `ODS_…` variable, `ods.toml`, the default. Every setting
//! is one row of [`settings::SETTINGS`]: its key, meaning, default and bounds; file keys, variable names, `ods config` and
//! the message for an unknown key all follow from that row.
//!
//! Invariants:
//! - Nothing else in the program reads the environment or the file.
//! - A [`Config`] is valid: whoever holds one need not check it again.
//! - What `ods config` prints parses back to the same [`Config`].

mod address;
mod build;
mod environment;
mod error;
mod file;
mod flags;
mod places;
mod print;
mod resolve;
mod settings;
mod stored;
mod types;

#[cfg(test)]
mod tests;

pub use environment::Environment;
pub(crate) use error::ConfigError;
pub(crate) use flags::Flags;
pub use places::Surroundings;
pub(crate) use resolve::{Resolution, Source, data_folder, resolve};
pub(crate) use types::{Access, Config, LinkMode, Listener, LogFormat, Scrub, Space, Surface, Tls, Watch};
