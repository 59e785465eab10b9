//! `/events`: the journal, by page.

use axum::Json;
use ods_store::{Lsn, ReadFrom};

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{Params, page_rows};
use crate::routes::happenings::{self, Wanted};
use crate::types::{EventQuery, RecordsView};

/// List the journal: what happened on this node, oldest first, or newest first.
///
/// `next` is the `after`, or the `before`, of the page that follows; at the end it is null, and whoever polls gives `cursor` as `after`
/// next time. Old records are pruned: `pruned` tells that some went before they were read. A token with prefixes sees the records of
/// packages below them; sign-ins, tokens and invites are seen by admins.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "list_events", tag = "events", params(EventQuery),
    responses((status = 200, body = RecordsView)))]
pub(crate) async fn list(reader: Reader, Params(query): Params<EventQuery>) -> Result<Json<RecordsView>, ApiError> {
    let wanted = Wanted::parse(query.kind.as_deref(), query.path.as_deref())?;
    let limit = page_rows(query.limit)?;
    let from = match (query.after, query.before) {
        (Some(_), Some(_)) => {
            let detail = "`before` reads backwards and `after` forwards: give one of them";
            return Err(ApiError::new(Code::BadQuery, detail).fact("field", "before"));
        }
        (_, Some(before)) => ReadFrom::Before(Lsn::new(before)),
        (after, None) => ReadFrom::After(Lsn::new(after.unwrap_or(0))),
    };
    blocking(move || {
        let found = happenings::read(&reader, &wanted, from, limit)?;
        let next = found.more.then(|| found.examined.to_string());
        let items = found.items.iter().map(convert::record).collect();
        let cursor = found.examined.get();
        Ok::<_, ApiError>(RecordsView { items, next, total: None, cursor, pruned: found.pruned })
    })
    .await
    .map(Json)
}
