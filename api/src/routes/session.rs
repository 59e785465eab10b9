//! `/session`: signing in, who one is, and signing out. `/sessions`: who is signed in.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use ods_store::SessionId;

use crate::auth::{Begun, Reader, SignIn};
use crate::blocking::blocking;
use crate::convert::{self, header};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, STRANGERS_JSON_BYTES_MAX, creation_key, page_of, parse_id};
use crate::paths::AboutId;
use crate::types::{IdentityView, Page, PageQuery, PasswordRequest, SessionView, SignInRequest};

/// Where the one who signed in finds itself.
const OWN: &str = "/api/v1/session";

/// Sign in.
///
/// By name and password, by token, or by the set-up link, which makes the first admin. The answer sets a cookie that scripts
/// can't read; with it the browser makes all further requests. Changes made with it must come from this node's own page
/// (`Origin`). Every try with a password counts, right or wrong: 10 for an account, then one every 15 s.
#[utoipa::path(post, path = "/api/v1/session", operation_id = "sign_in", tag = "accounts", security(()), request_body = SignInRequest,
    responses((status = 201, body = IdentityView, headers(("Set-Cookie" = String, description = "The session's cookie")))),
    extensions(("x-ods-errors" = json!([Code::SignInWrong, Code::TokenUnknown, Code::TokenExpired, Code::SetUpUnknown, Code::SetUpExpired, Code::ForeignOrigin, Code::SetUpAlready, Code::NameTaken, Code::TooMany, Code::TooManyAttempts]))))]
pub(crate) async fn start(
    sign_in: SignIn,
    JsonBody(request): JsonBody<SignInRequest, STRANGERS_JSON_BYTES_MAX>,
) -> Result<Response, ApiError> {
    let begun = match request {
        SignInRequest { name: Some(name), password: Some(password), token: None, set_up: None } => {
            sign_in.by_password(&name, password).await?
        }
        SignInRequest { name: None, password: None, token: Some(token), set_up: None } => {
            sign_in.by_token(token).await?
        }
        SignInRequest { name: Some(name), password: Some(password), token: None, set_up: Some(secret) } => {
            sign_in.by_set_up_link(secret, name, password).await?
        }
        _ => {
            let detail = "send `name` and `password`, or `token`, or `set_up` with `name` and `password`";
            return Err(ApiError::new(Code::Invalid, detail));
        }
    };
    let Begun { signed_in, cookie } = begun;
    let view = convert::identity(&signed_in.who, Some(&signed_in.session));
    Ok((StatusCode::CREATED, [(SET_COOKIE, header(&cookie)?), (LOCATION, header(OWN)?)], Json(view)).into_response())
}

/// Show who makes the request.
#[utoipa::path(get, path = "/api/v1/session", operation_id = "show_session", tag = "accounts", responses((status = 200, body = IdentityView)))]
pub(crate) async fn show(reader: Reader) -> Json<IdentityView> {
    let session = reader.session();
    Json(convert::identity(session.who(), session.begun()))
}

/// Sign out.
#[utoipa::path(delete, path = "/api/v1/session", operation_id = "sign_out", tag = "accounts",
    responses((status = 204, description = "The session is over")),
    extensions(("x-ods-errors" = json!([Code::NoSession]))))]
pub(crate) async fn end(reader: Reader) -> Result<Response, ApiError> {
    let Some(id) = reader.session().begun().map(|session| session.id) else {
        let detail = "the request is made with a token, which has no session; `DELETE /api/v1/tokens/{id}` revokes one";
        return Err(ApiError::new(Code::NoSession, detail));
    };
    let forgotten = reader.forgotten_cookies();
    blocking(move || reader.end_session(id)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    for cookie in forgotten {
        response.headers_mut().append(SET_COOKIE, header(&cookie)?);
    }
    Ok(response)
}

/// Give the user who is signed in another password.
///
/// The user's other sessions end.
#[utoipa::path(post, path = "/api/v1/session/password", operation_id = "change_password", tag = "accounts", request_body = PasswordRequest,
    responses((status = 204, description = "It is changed")),
    extensions(("x-ods-errors" = json!([Code::NoPassword]))))]
pub(crate) async fn change_password(
    reader: Reader,
    JsonBody(request): JsonBody<PasswordRequest>,
) -> Result<StatusCode, ApiError> {
    reader.change_password(request.present, request.new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List who is signed in, oldest first.
///
/// Admins see all sessions, others their own.
#[utoipa::path(get, path = "/api/v1/sessions", operation_id = "list_sessions", tag = "accounts", params(PageQuery),
    responses((status = 200, body = Page<SessionView>)))]
pub(crate) async fn list(
    reader: Reader,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    blocking(move || {
        let own = reader.session().begun().map(|session| session.id);
        let view = |other| convert::session(&other, own);
        let sessions = reader.sessions()?.into_iter().map(view).collect();
        page_of("sessions", sessions, &query, |session: &SessionView| creation_key(session.started_at, &session.id))
    })
    .await
    .map(Json)
}

/// End a session.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", operation_id = "end_session", tag = "accounts",
    params(("id" = String, Path, description = "The session's id", example = "9f86d081884c7d65")),
    responses((status = 204, description = "It is over")),
    extensions(("x-ods-errors" = json!([Code::NoSuchSession]))))]
pub(crate) async fn revoke(reader: Reader, AboutId(id): AboutId) -> Result<StatusCode, ApiError> {
    let session: SessionId = parse_id(&id, Code::NoSuchSession, "session")?;
    if blocking(move || reader.end_session(session)).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::new(Code::NoSuchSession, format!("there is no session {session}")).fact("id", session.to_string()))
}
