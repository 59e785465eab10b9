//! Every command explains itself.

use clap::{CommandFactory, Parser};

use super::Cli;

fn each_command(command: &clap::Command, path: &str, check: &mut impl FnMut(&str, &clap::Command)) {
    check(path, command);
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        each_command(inner, &format!("{path} {}", inner.get_name()), check);
    }
}

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_about_and_examples_of_itself() {
    each_command(&Cli::command(), "ods", &mut |path, command| {
        assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{path} has no about");
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(examples.starts_with("Examples:\n"), "{path} has no examples");
        assert!(examples.contains(path), "the examples of {path} don't show it");
    });
}

#[test]
fn every_argument_is_explained() {
    each_command(&Cli::command(), "ods", &mut |path, command| {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {} is not explained", argument.get_id());
        }
    });
}

#[test]
fn help_fits_a_terminal_of_100_columns() {
    each_command(&Cli::command(), "ods", &mut |path, command| {
        for line in command.clone().render_long_help().to_string().lines() {
            assert!(line.chars().count() <= 120, "{path}: {line}");
        }
    });
}

#[test]
fn the_help_lists_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    for exit in super::Exit::ALL {
        assert!(help.contains(&format!("{:>3}  {}", exit.code(), exit.meaning())), "{exit:?}");
    }
}

#[test]
fn json_may_stand_anywhere() {
    for typed in [&["ods", "--json", "ls"][..], &["ods", "ls", "--json"], &["ods", "peer", "ls", "--json"]] {
        assert!(Cli::try_parse_from(typed).expect("parsed").json, "{typed:?}");
    }
}

#[test]
fn wrong_arguments_exit_with_the_usage_code() {
    for typed in [&["ods"][..], &["ods", "pus"], &["ods", "push"], &["ods", "push", "x", "--jobs", "0"]] {
        let error = Cli::try_parse_from(typed).expect_err("refused");
        assert_eq!(error.exit_code(), i32::from(super::Exit::Usage.code()), "{typed:?}");
    }
}
