//! Standard input: what is piped into a command.

use std::io::Read;

/// Where a command reads what it isn't given as an argument.
pub struct Input(Box<dyn Read + Send>);

impl Input {
    /// Standard input.
    pub fn standard() -> Self {
        Self(Box::new(std::io::stdin()))
    }

    /// A text of a test's.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(Box::new(std::io::Cursor::new(text.to_owned())))
    }

    /// All of it, of which at most so many bytes are looked at.
    pub(crate) fn text(&mut self, bytes_max: u64) -> std::io::Result<String> {
        let mut text = String::new();
        (&mut self.0).take(bytes_max).read_to_string(&mut text)?;
        Ok(text)
    }
}
