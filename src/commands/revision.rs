//! Finding a revision by the start of its id.

use ods_api::{Page, PageQuery, RevisionView};
use ods_store::PackagePath;

use crate::cli::{Connected, Exit, Failure};

/// Digits of an id that are enough to look for.
const DIGITS_MIN: usize = 4;
/// Digits of a whole one.
const DIGITS: usize = 64;

/// Revisions that are asked for at a time, and the most that a history shows, about.
const PAGE_ROWS: usize = 1000;

/// A package's history, newest first; with `next`, if there is more.
pub(super) async fn history(node: &Connected, path: &PackagePath) -> Result<Page<RevisionView>, Failure> {
    let mut whole = page(node, path, None).await?;
    while whole.items.len() < PAGE_ROWS && whole.next.is_some() {
        let more = page(node, path, whole.next.take()).await?;
        whole.items.extend(more.items);
        whole.next = more.next;
    }
    Ok(whole)
}

async fn page(node: &Connected, path: &PackagePath, after: Option<String>) -> Result<Page<RevisionView>, Failure> {
    let query = PageQuery { after, limit: Some(PAGE_ROWS) };
    node.client.revisions(path, &query).await.map_err(|error| node.explain(error))
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
    let (mut found, mut after) = (None, None);
    loop {
        let page = page(node, path, after).await?;
        for revision in page.items.into_iter().filter(|revision| revision.revision.starts_with(&typed)) {
            if found.replace(revision).is_some() {
                let message = format!("several revisions of {path} start with {typed}");
                return Err(Failure::usage(message).hint("give more of its digits"));
            }
        }
        if page.next.is_none() {
            break;
        }
        after = page.next;
    }
    found.ok_or_else(|| {
        let message = format!("{path} has no revision that starts with {typed}");
        Failure::new(Exit::NotFound, "no_such_revision", message).hint(history_hint(path))
    })
}

fn history_hint(path: &PackagePath) -> String {
    format!("`ods show --history {path}` lists the revisions")
}
