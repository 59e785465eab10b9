//! `/watches`: folders that this node publishes from.

use axum::Json;

use crate::auth::Admin;
use crate::convert;
use crate::types::{Page, WatchView};

/// List the watched folders, with the files that were refused and why.
#[utoipa::path(get, path = "/api/v1/watches", operation_id = "list_watches", tag = "node", responses((status = 200, body = Page<WatchView>)))]
pub(crate) async fn list(admin: Admin) -> Json<Page<WatchView>> {
    let watches = admin.reader().state().watches.snapshot();
    Json(Page::whole(watches.into_iter().map(convert::watch).collect()))
}
