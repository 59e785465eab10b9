//! One line of the table, and the table.

use std::fmt::Write as _;

/// What is asked of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    AtMost(f64),
    AtLeast(f64),
    Nothing,
}

/// One figure: ours, another program's, and their ratio.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    name: String,
    ours: String,
    other: String,
    ratio: f64,
    asked: Asked,
}

impl Figure {
    /// The ratio is ours ÷ the other's. `unit` comes after both; `other` says whose the other is.
    pub(crate) fn new(name: &str, unit: &str, ours: f64, other: &str, others: f64) -> Self {
        Self {
            name: name.to_owned(),
            ours: format!("{} {unit}", digits(ours)),
            other: format!("{} {unit} ({other})", digits(others)),
            ratio: ours / others,
            asked: Asked::Nothing,
        }
    }

    /// Asks that the ratio be this or less.
    pub(crate) fn at_most(self, ratio: f64) -> Self {
        Self { asked: Asked::AtMost(ratio), ..self }
    }

    /// Asks that the ratio be this or more.
    pub(crate) fn at_least(self, ratio: f64) -> Self {
        Self { asked: Asked::AtLeast(ratio), ..self }
    }

    /// A figure of ours alone, which is asked to be this or less; the ratio is to that.
    pub(crate) fn limit(name: &str, unit: &str, ours: f64, limit: f64) -> Self {
        Self {
            name: name.to_owned(),
            ours: format!("{} {unit}", digits(ours)),
            other: format!("{} {unit} (limit)", digits(limit)),
            ratio: ours / limit,
            asked: Asked::AtMost(1.0),
        }
    }

    fn verdict(&self) -> (String, &'static str) {
        let said = |ok| if ok { "yes" } else { "**no**" };
        match self.asked {
            Asked::AtMost(limit) => (format!("≤ {limit}"), said(self.ratio <= limit)),
            Asked::AtLeast(limit) => (format!("≥ {limit}"), said(self.ratio >= limit)),
            Asked::Nothing => (String::new(), ""),
        }
    }
}

/// Three significant digits.
fn digits(value: f64) -> String {
    let whole = value.abs();
    if whole >= 100.0 {
        format!("{value:.0}")
    } else if whole >= 10.0 {
        format!("{value:.1}")
    } else if whole >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// The table in Markdown.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = "| figure | ODS | other | ratio | asked for | ok |\n|---|---|---|---|---|---|\n".to_owned();
    for figure in figures {
        let (asked, ok) = figure.verdict();
        let Figure { name, ours, other, ratio, .. } = figure;
        let _ = writeln!(text, "| {name} | {ours} | {other} | {ratio:.2} | {asked} | {ok} |");
    }
    text
}
