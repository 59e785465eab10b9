//! `ods settings`: what a running node works with, and changing some of it.

use std::collections::BTreeMap;

use clap::Subcommand;
use ods_api::{SettingView, SettingsPatch, SettingsView};
use serde_json::Value;

use super::Context;
use crate::cli::{Connection, Exit, Failure, Table};

/// Show and change the settings of a running node
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods settings ls\n  ods settings show downloads.access\n  \
                  ods settings set downloads.access=token retention.keep_revisions=10\n  ods settings unset gc.grace\n\n\
                  `ods config` prints what a node that is started here would use.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every setting: its value, where that comes from, whether it can be changed here
    #[command(after_help = "Examples:\n  ods settings ls\n  ods settings ls --json")]
    Ls(Ls),
    /// Show one setting, with its meaning
    #[command(after_help = "Examples:\n  ods settings show downloads.access")]
    Show(Show),
    /// Change settings
    #[command(after_help = "Examples:\n  ods settings set downloads.access=token gc.grace=2d")]
    Set(Set),
    /// Take back what was changed here
    #[command(after_help = "Examples:\n  ods settings unset downloads.access")]
    Unset(Unset),
}

#[derive(Debug, clap::Args)]
struct Ls {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The setting's key
    key: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Keys and values; a value is a number, a JSON list, or else a text
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
    pairs: Vec<(String, Value)>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Unset {
    /// The settings' keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

fn pair(typed: &str) -> Result<(String, Value), String> {
    let (key, text) = typed.split_once('=').ok_or_else(|| "expected KEY=VALUE".to_owned())?;
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Number(_) | Value::Array(_))) => value,
        Ok(_) | Err(_) => Value::from(text),
    };
    Ok((key.trim().to_owned(), value))
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Ls(arguments) => {
            let node = arguments.connection.connect(context)?;
            let settings = node.client.settings().await.map_err(|error| node.explain(error))?;
            list(&settings, context)
        }
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Set(arguments) => change(arguments.pairs.into_iter().collect(), &arguments.connection, context).await,
        Action::Unset(arguments) => {
            let changes = arguments.keys.into_iter().map(|key| (key, Value::Null)).collect();
            change(changes, &arguments.connection, context).await
        }
    }
}

fn list(settings: &SettingsView, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(settings);
    }
    let mut table = Table::new(&["KEY", "VALUE", "FROM", "CHANGES"]);
    for item in &settings.items {
        let change = if item.restart_needed { "restart needed".to_owned() } else { item.change.clone() };
        table.row([item.key.clone(), short(&item.value), item.place.clone(), change]);
    }
    table.write(&mut context.output)
}

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= 48 { text } else { text.chars().take(47).chain(['…']).collect() }
}

async fn show(arguments: &Show, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let settings = node.client.settings().await.map_err(|error| node.explain(error))?;
    let item = settings.items.into_iter().find(|item| item.key == arguments.key).ok_or_else(|| {
        Failure::new(Exit::NotFound, "no_such_setting", format!("there is no setting {}", arguments.key))
            .hint("`ods settings ls` lists them")
    })?;
    if context.output.is_json() {
        return context.output.json(&item);
    }
    let SettingView { key, meaning, value, default, place, change, stored, restart_needed, .. } = item;
    let output = &mut context.output;
    output.field("setting", Some(&key))?;
    output.field("meaning", Some(&meaning.replace('\n', " ")))?;
    output.field("value", Some(&value.to_string()))?;
    output.field("from", Some(&place))?;
    output.field("default", Some(&default.to_string()))?;
    output.field("stored", Some(stored.to_string()).filter(|text| text != "null").as_deref())?;
    output.field("changes", Some(if restart_needed { "restart needed" } else { &change }))
}

async fn change(
    changes: BTreeMap<String, Value>,
    connection: &Connection,
    context: &mut Context,
) -> Result<(), Failure> {
    let node = connection.connect(context)?;
    let keys: Vec<String> = changes.keys().cloned().collect();
    let patch = SettingsPatch { values: changes };
    let settings = node.client.edit_settings(&patch).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&settings);
    }
    for item in settings.items.iter().filter(|item| keys.contains(&item.key)) {
        let when = if item.restart_needed { "; from the next start on" } else { "" };
        let value = if item.restart_needed && !item.stored.is_null() { &item.stored } else { &item.value };
        context.output.line(&format!("{} = {}{when}", item.key, short(value)))?;
    }
    Ok(())
}
