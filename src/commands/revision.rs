//! Finding a revision by the start of its id.

use ods_api::{Page, PageQuery, RevisionView};
use ods_store::PackagePath;

use crate::cli::{Connected, Exit, Failure};

/// Digits of an id that are enough to look for.
const DIGITS_MIN: usize = 4;
/// Digits of a whole one.
const DIGITS: usize = 64;

/// Revisions that are looked at, the newest, about.
const ROWS_MAX: usize = 1000;

/// A package's history, newest first.
pub(super) async fn history(node: &Connected, path: &PackagePath) -> Result<Page<RevisionView>, Failure> {
    let mut query = PageQuery::default();
    let mut all = Vec::new();
    loop {
        let page = node.client.revisions(path, &query).await.map_err(|error| node.explain(error))?;
        all.extend(page.items);
        if page.next.is_none() || all.len() >= ROWS_MAX {
            return Ok(Page { items: all, next: page.next, total: page.total });
        }
        query.after = page.next;
    }
}

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
    let mut fitting =
        history(node, path).await?.items.into_iter().filter(|revision| revision.revision.starts_with(&typed));
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
