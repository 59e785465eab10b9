//! The fields of a log line without colours, as the library writes them, at a fraction of its cost: it styles each part of
//! each field, also with no style at all, and a node writes a line for every request.

use std::error::Error;
use std::fmt::{self, Write as _};

use ods_store::is_deceptive;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Writes `name=value name=value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainFields;

struct PlainVisitor<'w> {
    writer: Writer<'w>,
    is_first: bool,
    outcome: fmt::Result,
}

impl<'w> FormatFields<'w> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = PlainVisitor { writer, is_first: true, outcome: Ok(()) };
        fields.record(&mut visitor);
        visitor.outcome
    }
}

impl PlainVisitor<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_err() {
            return;
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        let mut name = || {
            if !is_first {
                self.writer.write_char(' ')?;
            }
            self.writer.write_str(field.name())?;
            self.writer.write_char('=')
        };
        self.outcome = name().and_then(|()| value(&mut self.writer));
    }

    /// What is seldom or needs care (a message and an error's chain, whose control characters are escaped) the library writes.
    fn leave_to_library(&mut self, record: impl FnOnce(&mut DefaultVisitor<'_>)) {
        if self.outcome.is_ok() {
            let is_first = std::mem::replace(&mut self.is_first, false);
            let mut visitor = DefaultVisitor::new(self.writer.by_ref(), is_first);
            record(&mut visitor);
            self.outcome = visitor.finish();
        }
    }
}

/// Escapes what would look like something else on a screen: paths and names are others' words.
struct Readable<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Readable<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|letter| {
            if letter.is_control() || is_deceptive(letter) {
                write!(self.0, "{}", letter.escape_unicode())
            } else {
                self.0.write_char(letter)
            }
        })
    }
}

impl Visit for PlainVisitor<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            return self.leave_to_library(|visitor| visitor.record_str(field, value));
        }
        let stands_for_itself = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if !value.bytes().all(stands_for_itself) {
            return self.write(field, |writer| write!(writer, "{value:?}"));
        }
        self.write(field, |writer| {
            writer.write_char('"')?;
            writer.write_str(value)?;
            writer.write_char('"')
        });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.leave_to_library(|visitor| visitor.record_error(field, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            return self.leave_to_library(|visitor| visitor.record_debug(field, value));
        }
        self.write(field, |writer| write!(Readable(writer), "{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::DefaultFields;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("can't write \u{1b}[31m")]
    struct Outer(#[source] io::Error);

    fn lines_with<F>(fields: F) -> String
    where
        F: for<'w> FormatFields<'w> + Send + Sync + 'static,
    {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .fmt_fields(fields)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let error = Outer(io::Error::other("disk \u{7} gone"));
            let error = &error as &dyn Error;
            tracing::info!(target: "ods::request", method = %"GET", path = "/a b", status = 200_u16, bytes = u64::MAX, "request");
            tracing::warn!(path = "/\"\u{1b}[0m\\\n é", flag = true, count = -5, ratio = 0.5, ?error, "odd \u{1b}[2J");
            tracing::error!(error, "failed");
            tracing::error!(error);
            let span = tracing::info_span!("job", id = "x", size = 7);
            span.in_scope(|| tracing::debug!(is_empty = "", "a message with {} arguments", 2));
        });
        let lines = lines.0.lock().unwrap().clone();
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn lines_are_those_of_the_library() {
        let ours = lines_with(PlainFields);
        assert_eq!(ours, lines_with(DefaultFields::new()));
        assert!(ours.contains(r#"request method=GET path="/a b" status=200 bytes=18446744073709551615"#), "{ours}");
        assert!(!ours.contains('\u{1b}'), "{ours}");
    }

    #[test]
    fn a_name_turns_no_line_around() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(PlainFields)
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(file = %"/drop/bad\u{202e}gkp.exe\nERROR é", "seen");
        });
        let line = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(line.ends_with("file=/drop/bad\\u{202e}gkp.exe\\u{a}ERROR é\n"), "{line:?}");
    }
}
