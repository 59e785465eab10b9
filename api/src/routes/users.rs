//! `/users`: people with a name and a password. `/set-up-link`: how the first of them is made.

use axum::Json;
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ods_store::{AccountError, NewUser, Scope, UserId, UserPatch, UserRow, Who};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::conditions::{self, entity_tag};
use crate::convert::{self, header};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, creation_key, page_of, parse_id};
use crate::paths::AboutId;
use crate::types::{Page, PageQuery, SetUpLinkView, UserPatchRequest, UserRequest, UserView};

/// List users, oldest first.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "list_users", tag = "accounts", params(PageQuery),
    responses((status = 200, body = Page<UserView>)))]
pub(crate) async fn list(admin: Admin, Params(query): Params<PageQuery>) -> Result<Json<Page<UserView>>, ApiError> {
    blocking(move || {
        let users = admin.store().users()?.into_iter().map(convert::user).collect();
        page_of("users", users, &query, |user: &UserView| creation_key(user.created_at, &user.id))
    })
    .await
    .map(Json)
}

/// Make a user.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "create_user", tag = "accounts", request_body = UserRequest,
    responses((status = 201, body = UserView, headers(("ETag" = String, description = "The version in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NameTaken, Code::TooMany]))))]
pub(crate) async fn create(admin: Admin, JsonBody(request): JsonBody<UserRequest>) -> Result<Response, ApiError> {
    let scope = Scope::from(request.scope);
    let password = admin.hash_password(&request.name, request.password).await?;
    let new = NewUser { name: request.name, password, scope, prefixes: request.prefixes };
    let row = blocking(move || admin.store().create_user(&new, &admin.author(), admin.reader().now())).await?;
    let location = header(&format!("/api/v1/users/{}", row.id))?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], answer(row)?).into_response())
}

/// Show a user.
#[utoipa::path(get, path = "/api/v1/users/{id}", operation_id = "show_user", tag = "accounts",
    params(("id" = String, Path, description = "The user's id", example = "9f86d081884c7d65")),
    responses((status = 200, body = UserView, headers(("ETag" = String, description = "The version in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchUser]))))]
pub(crate) async fn show(admin: Admin, AboutId(id): AboutId) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let row = blocking(move || known(&admin, id)).await?;
    Ok(answer(row)?.into_response())
}

/// Change a user.
///
/// Its sessions end if its password, or what it may do, changes.
#[utoipa::path(patch, path = "/api/v1/users/{id}", operation_id = "edit_user", tag = "accounts", params(
        ("id" = String, Path, description = "The user's id", example = "9f86d081884c7d65"),
        ("If-Match" = Option<String>, Header, description = "A version in double quotes: change only that one")),
    request_body = UserPatchRequest,
    responses((status = 200, body = UserView, headers(("ETag" = String, description = "The version in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchUser, Code::NameTaken, Code::LastAdmin, Code::OwnCredentials]))))]
pub(crate) async fn edit(
    admin: Admin,
    AboutId(id): AboutId,
    headers: HeaderMap,
    JsonBody(request): JsonBody<UserPatchRequest>,
) -> Result<Response, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::version(&headers)?);
    let reader = admin.clone();
    let user = blocking(move || known(&reader, id)).await?;
    if request.disabled == Some(true) {
        must_not_be_own(&admin, id)?;
    }
    let scope = request.scope.map(Scope::from);
    let name = request.name.as_ref().unwrap_or(&user.name);
    let password = match request.password {
        Some(password) => Some(admin.hash_password(name, password).await?),
        None => None,
    };
    let patch =
        UserPatch { name: request.name, password, scope, prefixes: request.prefixes, disabled: request.disabled };
    let row = blocking(move || {
        let spared = admin.reader().session().begun().map(|session| session.id);
        admin.store().edit_user(id, &patch, expected, spared, &admin.author(), admin.reader().now())
    })
    .await?;
    Ok(answer(row)?.into_response())
}

/// Remove a user.
///
/// Its sessions end at once. What it did keeps its name.
#[utoipa::path(delete, path = "/api/v1/users/{id}", operation_id = "remove_user", tag = "accounts", params(
        ("id" = String, Path, description = "The user's id", example = "9f86d081884c7d65"),
        ("If-Match" = Option<String>, Header, description = "A version in double quotes: remove only that one")),
    responses((status = 204, description = "It is removed")),
    extensions(("x-ods-errors" = json!([Code::NoSuchUser, Code::LastAdmin, Code::OwnCredentials]))))]
pub(crate) async fn remove(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::version(&headers)?);
    must_not_be_own(&admin, id)?;
    blocking(move || admin.store().remove_user(id, expected, &admin.author(), admin.reader().now())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a set-up link.
///
/// It is good once, for 24 hours, and takes the place of one made before. Whoever opens it chooses the name and password of
/// the first admin user. Once there is one, it is refused.
#[utoipa::path(post, path = "/api/v1/set-up-link", operation_id = "create_set_up_link", tag = "accounts",
    responses((status = 201, body = SetUpLinkView)),
    extensions(("x-ods-errors" = json!([Code::SetUpAlready]))))]
pub(crate) async fn create_link(admin: Admin) -> Result<(StatusCode, Json<SetUpLinkView>), ApiError> {
    let made = blocking(move || admin.store().make_set_up_link(&admin.author(), admin.reader().now()));
    let (secret, expires_at) = made.await?;
    let link = format!("/ui/#setup={secret}");
    Ok((StatusCode::CREATED, Json(SetUpLinkView { link, secret, expires_at: convert::timestamp(expires_at) })))
}

fn parse(id: &str) -> Result<UserId, ApiError> {
    parse_id(id, Code::NoSuchUser, "user")
}

fn known(admin: &Admin, id: UserId) -> Result<UserRow, ApiError> {
    admin.store().user(id)?.ok_or_else(|| AccountError::NoSuchUser { id }.into())
}

fn answer(row: UserRow) -> Result<impl IntoResponse, ApiError> {
    Ok(([(ETAG, header(&entity_tag(row.version))?)], Json(convert::user(row))))
}

fn must_not_be_own(admin: &Admin, id: UserId) -> Result<(), ApiError> {
    match admin.reader().session().who() {
        Who::User(own) if own.id == id => {
            let detail = "nobody removes or disables themselves; another admin can";
            Err(ApiError::new(Code::OwnCredentials, detail).fact("id", id.to_string()))
        }
        Who::User(_) | Who::Token(_) => Ok(()),
    }
}
