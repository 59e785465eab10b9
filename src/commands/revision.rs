//! Finding a revision by the start of its id.

use ods_api::RevisionView;
use ods_store::PackagePath;

use crate::cli::{Connected, Exit, Failure};

/// Digits of an id that are enough to look for.
const DIGITS_MIN: usize = 4;
/// Digits of a whole one.
const DIGITS: usize = 64;

/// The id as it is sent, if it was typed whole.
pub(super) fn whole(typed: &str) -> Option<String> {
    let typed = typed.to_ascii_lowercase();
    (typed.len() == DIGITS && typed.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(typed)
}

/// The revision of `path` whose id starts with `typed`.
pub(super) async fn find(node: &Connected, path: &PackagePath, typed: &str) -> Result<RevisionView, Failure> {
    let typed = typed.to_ascii_lowercase();
    if typed.len() < DIGITS_MIN || !typed.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        let message =
            format!("\"{typed}\" is not a revision: expected at least {DIGITS_MIN} of its hexadecimal digits");
        return Err(Failure::usage(message).hint(history_hint(path)));
    }
    let history = node.client.revisions(path).await.map_err(|error| node.explain(error))?;
    let mut fitting = history.items.into_iter().filter(|revision| revision.revision.starts_with(&typed));
    match (fitting.next(), fitting.next()) {
        (Some(revision), None) => Ok(revision),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("several revisions of {path} start with {typed}"))
                .hint("give more of its digits"))
        }
        (None, _) => {
            let message = format!("{path} has no revision that starts with {typed}");
            Err(Failure::new(Exit::NotFound, "no_such_revision", message).hint(history_hint(path)))
        }
    }
}

fn history_hint(path: &PackagePath) -> String {
    format!("`ods show --history {path}` lists the revisions")
}
