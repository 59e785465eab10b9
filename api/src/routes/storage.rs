//! `/storage`: where the bytes are, and removing those that nothing needs.

use axum::Json;
use ods_store::{Deed, GcMode, GcReport, GcStep, Purpose, StoreError, facts};

use crate::auth::{Admin, Reader};
use crate::blocking::blocking;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, page_of};
use crate::types::{GcRequest, GcView, Page, PageQuery, StorageUsageView, UsageNoteView};

/// Show where this node's bytes are, and what they are kept for.
#[utoipa::path(get, path = "/api/v1/storage", operation_id = "show_storage", tag = "node", responses((status = 200, body = StorageUsageView)))]
pub(crate) async fn show(reader: Reader) -> Result<Json<StorageUsageView>, ApiError> {
    blocking(move || reader.storage().map(|view| Json(convert::storage(&view)))).await
}

/// List what this node held in the past, oldest first.
///
/// The node notes it once an hour. Of the last week every hour is kept, of two years before that the last note of each day.
#[utoipa::path(get, path = "/api/v1/storage/trend", operation_id = "list_storage_trend", tag = "node", params(PageQuery),
    responses((status = 200, body = Page<UsageNoteView>)))]
pub(crate) async fn trend(
    reader: Reader,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<UsageNoteView>>, ApiError> {
    blocking(move || {
        let notes = reader.usage_trend()?.iter().map(convert::usage_note).collect();
        page_of("trend", notes, &query, |note: &UsageNoteView| format!("{:020}", note.at.as_millisecond()))
    })
    .await
    .map(Json)
}

/// Remove bytes that nothing needs any more, or tell which these are.
///
/// The node does so by itself, regularly. What is kept is set in its configuration. A dry run tells exactly what a real one
/// would remove at that moment. Of removed packages bytes stay for a while, so that they can be restored; `removed` lets them
/// go at once.
#[utoipa::path(post, path = "/api/v1/storage/gc", operation_id = "collect_garbage", tag = "node", request_body = GcRequest,
    responses((status = 200, body = GcView)),
    extensions(("x-ods-errors" = json!([Code::GcRunning]))))]
pub(crate) async fn collect(admin: Admin, JsonBody(request): JsonBody<GcRequest>) -> Result<Json<GcView>, ApiError> {
    blocking(move || run(&admin, &request).map(|report| Json(convert::gc(report)))).await
}

/// Runs it to its end, unless the node stops.
fn run(admin: &Admin, request: &GcRequest) -> Result<GcReport, ApiError> {
    let author = admin.author();
    let options = &admin.reader().state().options;
    let mode = if request.dry_run { GcMode::DryRun } else { GcMode::Collect };
    let mut policy = options.space.clone();
    if request.removed {
        policy.retention = policy.retention.forgetting_removed();
    }
    let now = admin.reader().now();
    let mut run = admin.store().begin_gc(&policy, mode, now)?;
    match mode {
        GcMode::DryRun => author.told(),
        // What goes is told by the journal. Whoever asked may leave before that, and the node may stop.
        GcMode::Collect => {
            let how = facts([("removed", request.removed.to_string())]);
            let asked = Deed::made("gc.asked", "storage", how);
            admin.store().note_deed(Purpose::FreeRoom, &asked, &author, now)?;
        }
    }
    while !options.stopping.is_cancelled() {
        if let GcStep::Done(report) = run.step()? {
            return Ok(report);
        }
    }
    Err(StoreError::Closing.into())
}
