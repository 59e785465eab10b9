//! `/invites`.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use data_encoding::HEXLOWER;
use ods_store::{InviteRow, Made, NewInvite};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::conditions;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, creation_key, page_of};
use crate::once;
use crate::paths::AboutId;
use crate::types::{InviteRequest, InviteView, Page, PageQuery};

/// Seconds that an invite may last: a year.
const LIFE_S_MAX: u64 = 365 * 24 * 60 * 60;

/// List invites, oldest first.
#[utoipa::path(get, path = "/api/v1/invites", operation_id = "list_invites", tag = "mesh", params(PageQuery),
    responses((status = 200, body = Page<InviteView>)))]
pub(crate) async fn list(admin: Admin, Params(query): Params<PageQuery>) -> Result<Json<Page<InviteView>>, ApiError> {
    blocking(move || {
        let rows = admin.store().invites()?;
        page_of("invites", views(&admin, rows)?, &query, |invite| creation_key(invite.created_at, &invite.id))
    })
    .await
    .map(Json)
}

/// Make an invite for one node.
///
/// A node that isn't an owner can invite only nodes that an owner has admitted already; its invites make links.
#[utoipa::path(post, path = "/api/v1/invites", operation_id = "create_invite", tag = "mesh", params(once::IdempotencyKey),
    request_body = InviteRequest,
    responses((status = 201, body = InviteView)),
    extensions(("x-ods-errors" = json!([Code::TooMany]))))]
pub(crate) async fn create(
    admin: Admin,
    headers: HeaderMap,
    JsonBody(request): JsonBody<InviteRequest>,
) -> Result<(StatusCode, Json<InviteView>), ApiError> {
    if !(1..=LIFE_S_MAX).contains(&request.expires_in_s) {
        let detail = format!("`expires_in_s` is 1 to {LIFE_S_MAX}");
        return Err(ApiError::new(Code::Invalid, detail).fact("field", "expires_in_s").fact("max", LIFE_S_MAX));
    }
    let once = once::of(&headers, &admin, "invite", &request)?;
    let view = blocking(move || {
        let now = admin.reader().now();
        let new = NewInvite {
            role: request.role.into(),
            prefixes: request.prefixes,
            expires_at: now.plus_ms(request.expires_in_s * 1000),
        };
        let row = match admin.store().create_invite_once(&new, once, &admin.author(), now)? {
            Made::Now(row) => row,
            Made::Before(id) => {
                let open = known(&admin, &id)?.filter(|row| row.redeemed_by.is_none() && now < row.expires_at);
                open.ok_or_else(|| once::made_already("invite", &id))?
            }
        };
        views(&admin, vec![row])?.pop().ok_or_else(|| ApiError::internal("an invite was made and is not there"))
    })
    .await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Take an invite back.
///
/// A node that used it already stays; with `If-Match` an invite is revoked only if it wasn't used since it was looked at.
#[utoipa::path(delete, path = "/api/v1/invites/{id}", operation_id = "revoke_invite", tag = "mesh", params(("id" = String, Path, description = "The invite's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: revoke only what stands so")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-ods-errors" = json!([Code::NoSuchInvite]))))]
pub(crate) async fn revoke(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let expected = conditions::expected(&headers)?;
    let unknown = || ApiError::new(Code::NoSuchInvite, "there is no such invite").fact("id", id.clone());
    let bytes = bytes_of(&id).ok_or_else(unknown)?;
    let revoked =
        blocking(move || admin.store().revoke_invite(&bytes, &expected, &admin.author(), admin.reader().now())).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

/// The invite with this id.
fn known(admin: &Admin, id: &str) -> Result<Option<InviteRow>, ApiError> {
    Ok(bytes_of(id).map(|id| admin.store().invite(&id)).transpose()?.flatten())
}

fn bytes_of(id: &str) -> Option<[u8; 16]> {
    HEXLOWER.decode(id.as_bytes()).ok()?.try_into().ok()
}

fn views(admin: &Admin, rows: Vec<InviteRow>) -> Result<Vec<InviteView>, ApiError> {
    let reader = admin.reader();
    let overview = reader.overview()?;
    Ok(rows.into_iter().map(|row| convert::invite(row, reader.node_id(), &overview, reader.state())).collect())
}
