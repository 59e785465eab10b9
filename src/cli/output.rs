//! Standard output: lines for people or JSON for programs.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::{Failure, printable};

/// Where results go.
pub struct Output {
    to: Box<dyn Write + Send>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json { pretty: bool },
}

impl Output {
    /// Standard output.
    pub fn standard(json: bool) -> Self {
        let pretty = std::io::stdout().is_terminal();
        Self { to: Box::new(std::io::stdout()), form: if json { Form::Json { pretty } } else { Form::Text } }
    }

    /// A writer of a test's.
    #[cfg(test)]
    pub(crate) fn into(to: Box<dyn Write + Send>, json: bool) -> Self {
        Self { to, form: if json { Form::Json { pretty: false } } else { Form::Text } }
    }

    /// Whether the user wants JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.form != Form::Text
    }

    /// Writes a line of text.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.to, "{text}")?;
        Ok(self.to.flush()?)
    }

    /// Writes a line `label   value`; nothing without a value.
    pub(crate) fn field(&mut self, label: &str, value: Option<&str>) -> Result<(), Failure> {
        value.map_or(Ok(()), |value| self.line(&format!("{label:<12} {}", printable(value))))
    }

    /// Writes a value as JSON: spread out for a terminal, on one line for programs.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        if self.form == (Form::Json { pretty: true }) {
            serde_json::to_writer_pretty(&mut self.to, value).map_err(std::io::Error::from)?;
            return self.line("");
        }
        self.json_line(value)
    }

    /// Writes a value as one line of JSON, as one of several.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.to, value).map_err(std::io::Error::from)?;
        self.line("")
    }
}
