//! `/revisions/{path}`.

use axum::Json;

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::convert::{self, Names};
use crate::error::{ApiError, Code};
use crate::extract::{Params, page_rows};
use crate::paths::AboutPath;
use crate::types::{Page, PageQuery, RevisionView};

/// List a package's history, newest first.
///
/// Also of one that was removed. `after` is a number of revisions: that many are older than the page before. A page of revisions
/// that have much to say is short and still has a `next`.
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
    let older = query.after.as_deref().map(parse_older).transpose()?;
    blocking(move || {
        let names = Names::load(&reader)?;
        let page = reader.revision_page(&path, older, limit)?;
        let items = page.items.into_iter().map(|row| convert::revision(row, &names)).collect();
        let next = (page.older > 0).then(|| page.older.to_string());
        Ok::<_, ApiError>(Page { items, next, total: Some(page.total as u64) })
    })
    .await
    .map(Json)
}

/// The cursor counts from the oldest revision, so that new ones don't shift it.
fn parse_older(after: &str) -> Result<usize, ApiError> {
    after.parse().map_err(|_| {
        ApiError::new(Code::BadQuery, "`after` is not the `next` of a page of revisions").fact("field", "after")
    })
}
