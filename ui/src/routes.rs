//! The page's addresses.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{ACCEPT, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use crate::answer::{self, Keep};
use crate::files::Files;

/// The first segments of the addresses that the page's own router knows, as in `assets/lib/routes.js`.
pub(crate) const PAGES: [&str; 12] = [
    "welcome",
    "packages",
    "uploads",
    "mesh",
    "transfers",
    "events",
    "webhooks",
    "watches",
    "storage",
    "people",
    "settings",
    "api",
];

/// The page below `/ui`, for listeners that offer the admin surface.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let only_read = |route: MethodRouter<S>| route.fallback(answer::method_not_allowed);
    Router::new()
        .route("/ui", only_read(get(with_slash)))
        .route("/ui/", only_read(get(index)))
        .route("/ui/assets/{hash}/{*name}", only_read(get(asset)))
        .route("/ui/{*address}", only_read(get(page)))
}

async fn with_slash() -> Response {
    let location = [(LOCATION, HeaderValue::from_static("/ui/"))];
    (StatusCode::PERMANENT_REDIRECT, location).into_response()
}

async fn index(method: Method, headers: HeaderMap) -> Response {
    answer::file(&method, &headers, Files::current(true).index(), Keep::AskEachTime)
}

async fn asset(method: Method, Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    match Files::current(false).get(&hash, &name) {
        Some(file) => answer::file(&method, &headers, file, Keep::Forever),
        None => answer::not_found(),
    }
}

/// An address of the page's own router is its `index.html`; others are nothing. To somebody who mistyped one, the page itself says
/// so, with its navigation.
async fn page(method: Method, Path(address): Path<String>, headers: HeaderMap) -> Response {
    let first = address.split('/').next().unwrap_or_default();
    if PAGES.contains(&first) {
        return index(method, headers).await;
    }
    if !wants_a_page(&headers) {
        return answer::not_found();
    }
    let mut response = answer::file(&method, &HeaderMap::new(), Files::current(true).index(), Keep::AskEachTime);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Whether a browser asks for something to show: for markup, by name (RFC 9110 §12.5.1).
fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"))
}
