//! `ods config`: the configuration as it is resolved.

use super::Context;
use super::serve::Settings;
use crate::cli::Failure;
use crate::config;

/// Print the configuration that `serve` would use, with where each value comes from
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the configuration that `ods serve` would use with the same flags, as a commented ods.toml.\n\nA \
                  value comes from the first of these that has it: a flag, an ODS_… variable, the file (--config, \
                  ODS_CONFIG, else ods.toml in the data folder), the default.",
    after_help = "Examples:\n  ods config\n  ods config --data /srv/ods > /srv/ods/ods.toml     a file to start from\n  \
                  ODS_LOG_FORMAT=json ods config | grep -A3 format"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let resolution = config::resolve(&arguments.settings.flags(), &context.environment, &context.machine)?;
    if context.output.is_json() {
        return context.output.json(&resolution.to_json());
    }
    context.output.line(resolution.to_toml().trim_end())
}
