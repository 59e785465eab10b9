//! `/events`: the journal, by page.

use axum::Json;
use ods_store::{Lsn, ReadFrom};

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{Params, page_rows};
use crate::routes::happenings::{self, Wanted};
use crate::types::{EventQuery, Page, RecordView};

/// List the journal: what happened on this node, oldest first, or newest first.
///
/// `next` is the `after`, or the `before`, of the page that follows; at the end it is null, and whoever polls goes on after the last
/// `lsn` that it got. Records are numbered without gaps. Old ones are pruned, so the first may have any number: without a filter, one
/// that isn't the next after `after` tells that some went before they were read. A token with prefixes sees the records of packages below
/// them; sign-ins, tokens and invites are seen by admins.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "list_events", tag = "events", params(EventQuery),
    responses((status = 200, body = Page<RecordView>)))]
pub(crate) async fn list(
    reader: Reader,
    Params(query): Params<EventQuery>,
) -> Result<Json<Page<RecordView>>, ApiError> {
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
        Ok::<_, ApiError>(Page { items: found.items.iter().map(convert::record).collect(), next, total: None })
    })
    .await
    .map(Json)
}
