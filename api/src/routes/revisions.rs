//! `/revisions/{path}`.

use axum::Json;
use ods_store::{Digest, PackagePath};

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::convert::{self, Names};
use crate::error::{ApiError, Code};
use crate::extract::{Params, foreign_cursor, number_in, page_rows};
use crate::paths::AboutPath;
use crate::types::{Page, PageQuery, RevisionView};

/// How the cursors of a path's list begin, so that those of other lists are known as such. Behind that is how many revisions are
/// older than the page: it is counted from the oldest, so that new ones don't shift it.
fn list_of(path: &PackagePath) -> String {
    format!("revisions:{}", &Digest::of(path.as_str().as_bytes()).to_string()[..8])
}

/// List a package's history, newest first.
///
/// Also of one that was removed. A page of revisions that have much to say is short and still has a `next`.
#[utoipa::path(get, path = "/api/v1/revisions/{path}", operation_id = "list_revisions", tag = "packages", params(
        ("path" = String, Path, description = "The package's path; its slashes may be sent as `%2F`", example = "mac/Firefox-142.pkg"), PageQuery),
    responses((status = 200, body = Page<RevisionView>)),
    extensions(("x-ods-errors" = json!([Code::NoSuchPackage, Code::OutsidePrefixes]))))]
pub(crate) async fn list(
    reader: Reader,
    AboutPath(path): AboutPath,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<RevisionView>>, ApiError> {
    let limit = page_rows(query.limit.or(Some(ods_store::PAGE_ROWS_MAX)))?;
    let list = list_of(&path);
    let older = number_in(&list, query.after.as_deref())?;
    blocking(move || {
        let names = Names::load(&reader)?;
        let page = reader.revision_page(&path, older, limit)?;
        if older.is_some_and(|older| older > page.total) {
            return Err(foreign_cursor(&list));
        }
        let items = page.items.into_iter().map(|row| convert::revision(row, &names)).collect();
        let next = (page.older > 0).then(|| format!("{list}:{}", page.older));
        Ok(Page { items, next, total: Some(page.total as u64) })
    })
    .await
    .map(Json)
}
