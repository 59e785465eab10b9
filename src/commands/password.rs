//! Passwords: asked for on the terminal, unseen, or taken from standard input.

use std::io::IsTerminal as _;

use crate::cli::{Failure, Input};

/// Bytes of standard input that are looked at.
const INPUT_BYTES_MAX: u64 = 64 << 10;

/// What a password is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be had from now on: asked for twice.
    New,
    /// To be shown.
    Present,
}

/// A password: the first line of standard input, or what is typed.
pub(super) fn read_password(purpose: Purpose, piped: Option<&mut Input>) -> Result<String, Failure> {
    if let Some(input) = piped {
        let [password, _] = read_lines(input)?;
        return Ok(password);
    }
    let password = ask(if purpose == Purpose::New { "New password: " } else { "Password: " })?;
    if purpose == Purpose::New && ask("Once more: ")? != password {
        return Err(Failure::usage("the two passwords are not the same").hint("try again"));
    }
    Ok(password)
}

/// The first two lines of standard input.
pub(super) fn read_lines(input: &mut Input) -> Result<[String; 2], Failure> {
    let text = input.text(INPUT_BYTES_MAX);
    let text = text.map_err(|error| Failure::file("cannot read the password from standard input", &error))?;
    let mut lines = text.lines().map(str::to_owned);
    Ok([lines.next().unwrap_or_default(), lines.next().unwrap_or_default()])
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let terminal = console::Term::stderr();
    // What is on standard input may be the password, sent without saying so; and what can't be asked isn't answered.
    if !(std::io::stdin().is_terminal() && terminal.is_term()) {
        return Err(Failure::usage("a password is asked for on a terminal").hint("send it with --password-stdin"));
    }
    let asked = terminal.write_str(prompt).and_then(|()| terminal.read_secure_line());
    asked.map_err(|error| {
        Failure::usage("a password can't be asked for here").caused_by(&error).hint("send it with --password-stdin")
    })
}
