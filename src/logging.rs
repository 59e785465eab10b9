//! Structured logs on standard error: for people, or one JSON object a line.

mod plain_fields;

use std::{io::IsTerminal, panic::PanicHookInfo};

use tracing_subscriber::{EnvFilter, fmt, util::TryInitError};

use self::plain_fields::PlainFields;
use crate::config::LogFormat;

/// Why logging can't start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoggingError {
    /// The filter can't be read.
    #[error("the log filter {filter:?} can't be read: {source}; write levels like info or info,ods=debug")]
    BadFilter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else logs in this process already.
    #[error("logging was started already: {source}")]
    Started {
        /// What tracing said.
        source: TryInitError,
    },
}

/// Starts logging for the process: lines of `format` on standard error, chosen by `filter` (such as
/// `info,ods=debug`). Panics are logged too, with their place.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<(), LoggingError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let lines = fmt().with_writer(std::io::stderr).with_env_filter(parse(filter)?);
    let started = match format {
        LogFormat::Human if std::io::stderr().is_terminal() => lines.with_ansi(true).finish().try_init(),
        LogFormat::Human => lines.with_ansi(false).fmt_fields(PlainFields).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).finish().try_init(),
    };
    started.map_err(|source| LoggingError::Started { source })?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn parse(filter: &str) -> Result<EnvFilter, LoggingError> {
    EnvFilter::try_new(filter).map_err(|source| LoggingError::BadFilter { filter: filter.to_owned(), source })
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(place, message, %backtrace, "panic");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_named_with_an_example() {
        let error = parse("ods=loud").unwrap_err().to_string();
        assert!(error.starts_with("the log filter \"ods=loud\" can't be read"), "{error}");
        assert!(error.ends_with("write levels like info or info,ods=debug"), "{error}");
    }

    #[test]
    fn levels_by_module_are_read() {
        assert!(parse("info,ods=debug,hyper=warn").is_ok());
    }
}
