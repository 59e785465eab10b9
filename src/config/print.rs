//! The resolved configuration as commented TOML.

use std::fmt::Write;
use std::path::Path;

use toml::Value;

use super::resolve::{Resolved, Source};
use super::settings::Shape;

/// TOML that parses back to the same configuration, with what each key means and where its value came from.
pub(super) fn to_toml(file: Option<&Path>, values: &[Resolved]) -> String {
    let file = file.map_or_else(|| "there is none".to_owned(), |file| file.display().to_string());
    let mut text = String::new();
    line(&mut text, "# What `ods serve` uses: flags, else ODS_… variables, else the file, else defaults.");
    line(&mut text, &format!("# The file: {file}"));
    let mut table = "";
    for resolved in values {
        match (&resolved.setting.shape, resolved.setting.key.split_once('.')) {
            (Shape::Tables { example, .. }, _) => tables(&mut text, resolved, example),
            (_, Some((of, key))) => {
                if table != of {
                    line(&mut text, &format!("\n[{of}]"));
                    table = of;
                }
                simple(&mut text, resolved, key);
            }
            (_, None) => simple(&mut text, resolved, resolved.setting.key),
        }
    }
    text
}

fn simple(text: &mut String, resolved: &Resolved, key: &str) {
    meaning(text, resolved);
    line(text, &format!("{key} = {}", resolved.value));
}

fn tables(text: &mut String, resolved: &Resolved, example: &str) {
    meaning(text, resolved);
    let key = resolved.setting.key;
    let items = resolved.value.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        line(text, &format!("# [[{key}]]"));
        example.lines().for_each(|example| line(text, &format!("# {}", example.trim_start())));
    }
    for item in items.iter().filter_map(Value::as_table) {
        line(text, &format!("[[{key}]]"));
        item.iter().for_each(|(member, value)| line(text, &format!("{member} = {value}")));
    }
}

fn meaning(text: &mut String, resolved: &Resolved) {
    line(text, "");
    resolved.setting.meaning.lines().for_each(|meaning| line(text, &format!("# {meaning}")));
    let variable = resolved.setting.variable();
    match &resolved.source {
        Source::Default => line(text, &format!("# (default; {variable})")),
        given @ (Source::Flag(_) | Source::Variable(_) | Source::File { .. } | Source::Stored) => {
            line(text, &format!("# (from {given})"));
        }
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}
