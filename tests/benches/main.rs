//! Figures: what ODS costs beside well-known programs that do a part of its work, each a ratio measured side by side.
//!
//! `cargo bench --bench figures -- [GROUP…]` runs the groups named, or all; `bash .ci/bench` installs the other programs
//! first. A group is a file beside this one with a `run` that gives [`support::Figure`]s; they are printed as a table in
//! Markdown, as it stands in the README.
//!
//! Rules: both sides get the same bytes, the same client and the same folder; they take turns, `ODS_BENCH_PAIRS` (5) times
//! after one turn that isn't counted; a figure is the ratio of medians. Files are written again in place rather than made anew, since memory that a virtual machine touches first is slow.
//! A program that isn't installed leaves its figures out, and that is said.

#![expect(clippy::cast_precision_loss, reason = "figures are shown to three digits")]

mod api;
mod chain;
mod cuts;
mod growth;
mod hop;
mod limits;
mod packages;
mod scale;
mod serve;
mod support;
mod upload;
mod wires;

use support::{Bench, Figure};

/// Measures one group.
type Group = fn(&Bench) -> Vec<Figure>;

/// The groups by name, in the order in which they run.
const GROUPS: [(&str, Group); 11] = [
    ("serve", serve::run),
    ("upload", upload::run),
    ("packages", packages::run),
    ("hop", hop::run),
    ("chain", chain::run),
    ("wires", wires::run),
    ("cuts", cuts::run),
    ("limits", limits::run),
    ("scale", scale::run),
    ("growth", growth::run),
    ("api", api::run),
];

fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| !GROUPS.iter().any(|(known, _)| known == name)) {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no group {unknown}; there are: {}", known.join(", "));
        std::process::exit(2);
    }
    let bench = Bench::new();
    let mut figures = Vec::new();
    for (name, run) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("== {name}");
            figures.extend(run(&bench));
        }
    }
    println!("{}", support::table(&figures));
}
