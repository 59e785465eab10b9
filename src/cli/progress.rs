//! How far a transfer is: bars on a terminal, a line now and then elsewhere, nothing with `--json`.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{bytes_text, printable};

/// How often a line is printed where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
const TEMPLATE: &str = "{prefix:30!} {bar:24} {bytes:>10} of {total_bytes:<10} {bytes_per_sec:>12} {eta:>4}  {msg}";

/// The bars of one command.
pub(crate) struct Progress(Form);

enum Form {
    Bars(MultiProgress),
    Lines,
    Silent,
}

impl Progress {
    /// Progress on standard error, as fits what is there.
    pub(crate) fn on_standard_error(json: bool) -> Self {
        match json {
            true => Self(Form::Silent),
            false if std::io::stderr().is_terminal() => Self(Form::Bars(MultiProgress::new())),
            false => Self(Form::Lines),
        }
    }

    /// Bars that nobody sees, for tests that read them.
    #[cfg(test)]
    pub(crate) fn unseen() -> Self {
        Self(Form::Bars(MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden())))
    }

    /// A bar for something of `size` bytes.
    pub(crate) fn bar(&self, name: &str, size: u64) -> Bar {
        let name = printable(name);
        let form = match &self.0 {
            Form::Bars(bars) => {
                let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
                BarForm::Shown(bars.add(ProgressBar::new(size).with_style(style).with_prefix(name)))
            }
            Form::Lines => BarForm::Lines { name, size, last: Instant::now(), verb: String::new() },
            Form::Silent => BarForm::Silent,
        };
        Bar(form)
    }

    /// Runs `write` with the bars out of its way.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            Form::Bars(bars) => bars.suspend(write),
            Form::Lines | Form::Silent => write(),
        }
    }
}

/// One transfer's progress. It disappears when dropped.
#[derive(Clone)]
pub(crate) struct Bar(BarForm);

#[derive(Clone)]
enum BarForm {
    Shown(ProgressBar),
    Lines { name: String, size: u64, last: Instant, verb: String },
    Silent,
}

impl Bar {
    /// What it shows: its name, how many of how many bytes are done, and what is said of it.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> Option<(String, u64, u64, String)> {
        let BarForm::Shown(bar) = &self.0 else { return None };
        Some((bar.prefix(), bar.position(), bar.length()?, bar.message()))
    }

    /// Says what is being done: "hashing", "uploading".
    pub(crate) fn doing(&mut self, what: &'static str) {
        match &mut self.0 {
            BarForm::Shown(bar) => bar.set_message(what),
            BarForm::Lines { verb, .. } => what.clone_into(verb),
            BarForm::Silent => {}
        }
    }

    /// Says what is being waited for, in words that may change.
    pub(crate) fn saying(&mut self, what: &str) {
        match &mut self.0 {
            BarForm::Shown(bar) => bar.set_message(printable(what)),
            BarForm::Lines { verb, .. } => what.clone_into(verb),
            BarForm::Silent => {}
        }
    }

    /// Sets the size, once it is known.
    pub(crate) fn size(&mut self, bytes: u64) {
        match &mut self.0 {
            BarForm::Shown(bar) => bar.set_length(bytes),
            BarForm::Lines { size, .. } => *size = bytes,
            BarForm::Silent => {}
        }
    }

    /// Sets how many bytes are done.
    pub(crate) fn done(&mut self, bytes: u64) {
        match &mut self.0 {
            BarForm::Shown(bar) => bar.set_position(bytes),
            BarForm::Lines { name, size, last, verb } if last.elapsed() >= LINE_INTERVAL => {
                *last = Instant::now();
                eprintln!("{name}: {verb}, {} of {}", bytes_text(bytes), bytes_text(*size));
            }
            BarForm::Lines { .. } | BarForm::Silent => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let BarForm::Shown(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }

    /// Prints a remark about this transfer.
    pub(crate) fn remark(&self, text: &str) {
        match &self.0 {
            BarForm::Shown(bar) => bar.suspend(|| eprintln!("{}", printable(text))),
            BarForm::Lines { .. } => eprintln!("{}", printable(text)),
            BarForm::Silent => {}
        }
    }
}
