//! Downloads, for machines: packages, blobs and listings over plain HTTP (RFC 9110).
//!
//! A request goes one way: its raw path is read ([`url_path`]), its credentials are held against the access mode, what
//! the path names is looked up and opened ([`find`], [`source`]), the answer is decided ([`answer`], pure), and its bytes are sent
//! ([`send`], [`body`]).
//!
//! Invariants:
//! - The blob is looked up and opened once a request, so that a package replaced meanwhile never mixes two contents.
//! - `ETag` and `Last-Modified` come from the event alone, so that every node says the same.
//! - Every answer has an exact `Content-Length`; none is chunked, re-encoded or a redirect.
//! - What can't be found is 404. What is known and not here is fetched before other things and sent while it arrives,
//!   or is 503 if it doesn't. An answer without bytes (HEAD, 304, 412, 416) fetches nothing: the catalog has what it says.

mod accept;
mod answer;
mod base;
mod body;
mod buffers;
mod conditional;
mod disposition;
mod find;
mod folder;
#[cfg(test)]
mod hostile;
mod listing;
mod listing_page;
mod media_type;
mod multipart;
mod range;
mod send;
mod source;
#[cfg(test)]
mod tests;
mod url_path;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};

use crate::auth::{AppState, DownloadAccess};
use crate::error::{ApiError, Code};
pub use send::blob_body;
use url_path::Target;

/// Everything that is downloaded. It is what a listener falls back to, since a context may have any name and the raw path
/// is read here alone; what it doesn't know is 404.
pub(crate) fn downloads_router() -> Router<AppState> {
    Router::new().fallback(serve)
}

/// Answers any request. Refusals are not for caches: what isn't here now may be here in a moment.
async fn serve(State(state): State<AppState>, request: Request) -> Response {
    let mut response = respond(state, request).await.unwrap_or_else(IntoResponse::into_response);
    if response.status().is_client_error() || response.status().is_server_error() {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

async fn respond(state: AppState, request: Request) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let target = Target::parse(parts.uri.path(), &state.options.roots)
        .ok_or_else(|| ApiError::new(Code::NoSuchRoute, "there is nothing at this address"))?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Ok(method_not_allowed(&parts.method));
    }
    if target == Target::Base {
        return Ok(base::answer(&parts, &state.options.roots));
    }
    let access = DownloadAccess::from_request_parts(&mut parts, &state).await?;
    match target {
        Target::Base => Ok(base::answer(&parts, &state.options.roots)),
        Target::Listing(folder) => folder::serve(&parts, access, folder).await,
        Target::Package(path) => send::serve(&parts, find::package(access, path).await?).await,
        Target::Blob(blob) => send::serve(&parts, find::blob(access, blob).await?).await,
    }
}

fn method_not_allowed(method: &Method) -> Response {
    let detail = format!("{method} is not possible here; use GET or HEAD");
    let mut response = ApiError::new(Code::MethodNotAllowed, detail).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// A 200 held in memory, made for each request.
fn short(method: &Method, content: String, headers: &[(HeaderName, HeaderValue)]) -> Response {
    let length = content.len();
    let mut response = Response::new(if method == Method::HEAD { Body::empty() } else { Body::from(content) });
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().extend(headers.iter().cloned());
    response
}
