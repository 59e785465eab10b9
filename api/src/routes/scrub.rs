//! `/storage/scrub`: verifying what is held.

use axum::Json;
use axum::http::StatusCode;

use crate::auth::{Admin, Reader};
use crate::blocking::blocking;
use crate::convert;
use crate::error::ApiError;
use crate::types::ScrubView;

/// Show what the scrub is doing, and what its last pass found.
#[utoipa::path(get, path = "/api/v1/storage/scrub", operation_id = "show_scrub", tag = "storage", responses((status = 200, body = ScrubView)))]
pub(crate) async fn show(reader: Reader) -> Result<Json<ScrubView>, ApiError> {
    blocking(move || view(&reader)).await.map(Json)
}

/// Start to verify everything that is held.
///
/// Every blob is read, at the configured rate, and held against its digest. What is found wrong is told in the journal, set
/// aside and fetched again. If a pass is running already, nothing changes.
#[utoipa::path(post, path = "/api/v1/storage/scrub", operation_id = "start_scrub", tag = "storage", responses((status = 202, body = ScrubView)))]
pub(crate) async fn start(admin: Admin) -> Result<(StatusCode, Json<ScrubView>), ApiError> {
    let view = blocking(move || {
        admin.store().start_scrub(&admin.author(), admin.reader().now())?;
        view(admin.reader())
    });
    Ok((StatusCode::ACCEPTED, Json(view.await?)))
}

/// Stop verifying. What was found stays found.
#[utoipa::path(delete, path = "/api/v1/storage/scrub", operation_id = "stop_scrub", tag = "storage", responses((status = 200, body = ScrubView)))]
pub(crate) async fn stop(admin: Admin) -> Result<Json<ScrubView>, ApiError> {
    blocking(move || {
        admin.store().stop_scrub(&admin.author(), admin.reader().now())?;
        view(admin.reader())
    })
    .await
    .map(Json)
}

fn view(reader: &Reader) -> Result<ScrubView, ApiError> {
    Ok(convert::scrub(reader.scrub_status()?))
}
