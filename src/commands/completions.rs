//! `ods completions`, `ods man` and `ods openapi`: what shells, `man` and makers of clients read, made from the code itself.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Context;
use crate::cli::{Cli, Exit, Failure};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods completions bash > /etc/bash_completion.d/ods\n  \
                  ods completions zsh > ~/.zfunc/_ods\n  ods completions fish > ~/.config/fish/completions/ods.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page of the program or of a command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods man | man -l -\n  ods man token create > ods-token-create.1\n  \
                  ods man --list                             the names of all pages")]
pub(crate) struct Manual {
    /// The command's words; without them, the program
    command: Vec<String>,
    /// Print the names of all pages instead
    #[arg(long, conflicts_with = "command")]
    list: bool,
}

/// Print the admin API as an OpenAPI 3.1 document, without asking a node
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods openapi > ods.json          then any maker of clients takes it")]
pub(crate) struct OpenApi {}

pub(crate) fn openapi(_: &OpenApi, context: &mut Context) -> Result<(), Failure> {
    context.output.json(&ods_api::openapi_document())
}

pub(crate) fn completions(arguments: &Completions, context: &mut Context) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "ods", &mut text);
    context.output.line(String::from_utf8_lossy(&text).trim_end())
}

pub(crate) fn manual(arguments: &Manual, context: &mut Context) -> Result<(), Failure> {
    let mut pages = Vec::new();
    gather(&Cli::command(), "ods", &mut pages)?;
    if arguments.list {
        return pages.iter().try_for_each(|(name, _)| context.output.line(name));
    }
    let wanted = arguments.command.iter().fold("ods".to_owned(), |name, word| format!("{name}-{word}"));
    let page = pages.iter().find(|(name, _)| *name == wanted);
    let (_, text) = page.ok_or_else(|| {
        Failure::new(Exit::NotFound, "no_such_page", format!("there is no page {wanted}"))
            .hint("`ods man --list` lists them")
    })?;
    context.output.line(String::from_utf8_lossy(text).trim_end())
}

/// The pages of a command and of those below it: `ods-token-create`.
fn gather(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Failure> {
    let mut text = Vec::new();
    let named = command.clone().name(name.to_owned()).bin_name(name.replace('-', " "));
    Man::new(named).source(concat!("ods ", env!("CARGO_PKG_VERSION"))).render(&mut text)?;
    pages.push((name.to_owned(), text));
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
        gather(inner, &format!("{name}-{}", inner.get_name()), pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_shell_its_completions() {
        let mut pages = Vec::new();
        gather(&Cli::command(), "ods", &mut pages).unwrap_or_else(|_| panic!("rendered"));
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["ods", "ods-push", "ods-token", "ods-token-create", "ods-user-add"] {
            assert!(names.contains(&name), "{name} in {names:?}");
        }
        for (name, text) in &pages {
            let text = String::from_utf8_lossy(text);
            assert!(text.contains(".SH NAME") && text.contains("Examples:"), "{name}");
            assert!(text.contains(concat!("\"ods ", env!("CARGO_PKG_VERSION"))), "{name} says of which version it is");
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ods", &mut text);
            let text = String::from_utf8_lossy(&text);
            assert!(text.contains("push") && text.contains("settings"), "{shell}");
        }
    }
}
