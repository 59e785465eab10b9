//! `/revisions/{path}`.

use axum::Json;

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::convert::{self, Names};
use crate::error::ApiError;
use crate::openapi::{BadRequest, NotFound};
use crate::paths::AboutPath;
use crate::types::{Page, RevisionView};

/// List a package's history, newest first.
///
/// Also of one that was removed. All of it is on one page.
#[utoipa::path(get, path = "/api/v1/revisions/{path}", operation_id = "list_revisions", tag = "packages", params(
        ("path" = String, Path, description = "The package's path; its slashes may be sent as `%2F`", example = "mac/Firefox-142.pkg")),
    responses((status = 200, body = Page<RevisionView>), BadRequest, NotFound))]
pub(crate) async fn list(reader: Reader, AboutPath(path): AboutPath) -> Result<Json<Page<RevisionView>>, ApiError> {
    blocking(move || {
        let names = Names::load(&reader)?;
        let revisions = reader.revisions(&path)?;
        Ok::<_, ApiError>(Page::whole(revisions.into_iter().map(|row| convert::revision(row, &names)).collect()))
    })
    .await
    .map(Json)
}
