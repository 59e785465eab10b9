//! `/tokens`.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ods_store::{Made, NewToken, Scope, TokenId, UnixMillis, Who};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::conditions;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, creation_key, page_of, parse_id};
use crate::once;
use crate::paths::AboutId;
use crate::types::{NewTokenView, Page, PageQuery, TokenRequest, TokenView};

/// List tokens, oldest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "list_tokens", tag = "tokens", params(PageQuery),
    responses((status = 200, body = Page<TokenView>)))]
pub(crate) async fn list(admin: Admin, Params(query): Params<PageQuery>) -> Result<Json<Page<TokenView>>, ApiError> {
    blocking(move || {
        let tokens = admin.store().tokens()?.into_iter().map(convert::token).collect();
        page_of("tokens", tokens, &query, |token: &TokenView| creation_key(token.created_at, &token.id))
    })
    .await
    .map(Json)
}

/// Make a token.
///
/// Its secret is in the answer, and nowhere else ever again.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "create_token", tag = "tokens", params(once::IdempotencyKey),
    request_body = TokenRequest,
    responses((status = 201, body = NewTokenView)),
    extensions(("x-ods-errors" = json!([Code::TooMany]))))]
pub(crate) async fn create(
    admin: Admin,
    headers: HeaderMap,
    JsonBody(request): JsonBody<TokenRequest>,
) -> Result<(StatusCode, Json<NewTokenView>), ApiError> {
    let once = once::of(&headers, &admin, "token", &request)?;
    let new = parse(request, admin.reader().now())?;
    let made = blocking(move || {
        let (store, author, now) = (admin.store(), admin.author(), admin.reader().now());
        store.create_token_once(&new, once, &author, now)
    });
    let (row, token) = match made.await? {
        Made::Now(made) => made,
        Made::Before(id) => return Err(once::made_already("token", &id)),
    };
    Ok((StatusCode::CREATED, Json(NewTokenView { token, row: convert::token(row) })))
}

/// Revoke a token.
///
/// Nothing is done with it any more, nor with the sessions it began; downloads, uploads and streams under way break off soon
/// (`api/README.md`). A token doesn't revoke itself, and the last admin stays.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revoke_token", tag = "tokens", params(("id" = String, Path, description = "The token's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: revoke only what stands so")),
    responses((status = 204, description = "It is revoked")),
    extensions(("x-ods-errors" = json!([Code::NoSuchToken, Code::LastAdmin, Code::OwnCredentials]))))]
pub(crate) async fn revoke(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let expected = conditions::expected(&headers)?;
    let token: TokenId = parse_id(&id, Code::NoSuchToken, "token")?;
    if matches!(admin.reader().session().who(), Who::Token(own) if own.id == token) {
        let detail =
            "a token can't revoke itself: whoever holds it would be locked out; use another one, or sign in as a user";
        return Err(ApiError::new(Code::OwnCredentials, detail).fact("id", token.to_string()));
    }
    if blocking(move || admin.store().revoke_token(token, &expected, &admin.author(), admin.reader().now())).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::new(Code::NoSuchToken, format!("there is no token {token}")).fact("id", token.to_string()))
}

fn parse(request: TokenRequest, now: UnixMillis) -> Result<NewToken, ApiError> {
    let invalid = |field: &str, detail: &str| Err(ApiError::new(Code::Invalid, detail).fact("field", field));
    let scope = Scope::from(request.scope);
    let expires_at = request.expires_at.map(|at| UnixMillis::new(u64::try_from(at.as_millisecond()).unwrap_or(0)));
    if expires_at.is_some_and(|at| at <= now) {
        return invalid("expires_at", "`expires_at` is in the past, by this node's clock");
    }
    Ok(NewToken { name: request.name, scope, prefixes: request.prefixes, expires_at })
}
