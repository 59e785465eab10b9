//! The whole API on one page. What each call takes and gives is in [`crate::routes`]; who may make it, in the handler's
//! arguments ([`crate::auth`]).

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use axum::{Extension, Router};
use serde_json::{Map, Value};

use crate::auth::{self, AppState};
use crate::downloads::downloads_router;
use crate::error::{self, ApiError, Code};
use crate::openapi::{self, Heeds};
use crate::routes::{
    audit, bulk, deliveries, docs, events, invites, node, packages, peers, restore, revisions, roster, scrub, session,
    settings, snapshot, storage, stream, survey, tokens, transfers, uploads, users, watches, webhooks,
};
use crate::whole_body::{BodyError, broken, whole_body};

/// What is read of a body where none is taken.
const IDLE_BODY_BYTES_MAX: usize = 64;

/// The document, rendered for people, who may have come by a link with something behind it.
const DOCS: &str = "/api/v1/docs";

/// An upload. Clients of tus send the headers that they were given with every request; the conditions hold from its creation on.
const UPLOAD: &str = "/api/v1/uploads/{id}";

/// What a listener offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surfaces {
    /// Downloads, for machines.
    pub downloads: bool,
    /// The admin API.
    pub admin: bool,
}

/// The routes of a listener.
pub fn router(state: AppState, surfaces: Surfaces) -> Router {
    let mut router = Router::new();
    if surfaces.admin {
        let told = from_fn_with_state(state.clone(), auth::witness);
        let admin = admin().router.layer(told).layer(from_fn_with_state(state.clone(), nothing_idle));
        router = router.merge(admin.layer(from_fn(uploads::speak_tus)).layer(map_response(not_stored)));
    }
    if surfaces.downloads {
        router = router.merge(downloads_router().layer(Extension(surfaces)));
    }
    router.layer(from_fn(error::render)).with_state(state)
}

fn admin() -> Routes {
    Routes::new()
        .at("/api/v1/openapi.json", get(openapi::show))
        .at(DOCS, get(docs::show))
        .at("/api/v1/node", get(node::show).patch(node::edit))
        .at("/api/v1/packages", get(packages::list))
        .at(
            "/api/v1/packages/{*path}",
            get(packages::show).put(packages::put).patch(packages::edit).delete(packages::remove),
        )
        .at("/api/v1/bulk", post(bulk::change))
        .at("/api/v1/anchors", get(bulk::anchors))
        .at("/api/v1/revisions/{*path}", get(revisions::list))
        .at("/api/v1/restore", post(restore::restore))
        .at("/api/v1/events", get(events::list))
        .at("/api/v1/events/stream", get(stream::follow))
        .at("/api/v1/mesh", get(survey::mesh))
        .at("/api/v1/mesh/{id}/missing", get(survey::missing))
        .at("/api/v1/transfers", get(transfers::list))
        .at("/api/v1/transfers/recent", get(transfers::recent))
        .at("/api/v1/replication/{*path}", get(survey::replication))
        .at("/api/v1/peers", get(peers::list).post(peers::join))
        .at("/api/v1/peers/{id}", get(peers::show).patch(peers::edit).delete(peers::remove))
        .at("/api/v1/peers/{id}/sync", post(peers::sync))
        .at("/api/v1/roster", get(roster::show).post(roster::admit))
        .at("/api/v1/roster/{id}/expel", post(roster::expel))
        .at("/api/v1/invites", get(invites::list).post(invites::create))
        .at("/api/v1/invites/{id}", delete(invites::revoke))
        .at("/api/v1/tokens", get(tokens::list).post(tokens::create))
        .at("/api/v1/tokens/{id}", delete(tokens::revoke))
        .at("/api/v1/settings", get(settings::show).patch(settings::edit))
        .at("/api/v1/audit", get(audit::list))
        .at("/api/v1/session", get(session::show).post(session::start).delete(session::end))
        .at("/api/v1/session/password", post(session::change_password))
        .at("/api/v1/sessions", get(session::list))
        .at("/api/v1/sessions/{id}", delete(session::revoke))
        .at("/api/v1/users", get(users::list).post(users::create))
        .at("/api/v1/users/{id}", get(users::show).patch(users::edit).delete(users::remove))
        .at("/api/v1/set-up-link", post(users::create_link))
        .at("/api/v1/uploads", get(uploads::list).post(uploads::create).options(uploads::discover))
        .at(
            UPLOAD,
            get(uploads::show)
                .head(uploads::offset)
                .patch(uploads::append)
                .delete(uploads::remove)
                .post(uploads::renamed),
        )
        .at("/api/v1/watches", get(watches::list).post(watches::create))
        .at("/api/v1/watches/{id}", get(watches::show).patch(watches::edit).delete(watches::remove))
        .at("/api/v1/watches/{id}/scan", post(watches::scan))
        .at("/api/v1/watches/{id}/confirm", post(watches::confirm))
        .at("/api/v1/webhooks", get(webhooks::list).post(webhooks::create))
        .at("/api/v1/webhooks/{id}", get(webhooks::show).patch(webhooks::edit).delete(webhooks::remove))
        .at("/api/v1/webhooks/{id}/rotate", post(webhooks::rotate))
        .at("/api/v1/webhooks/{id}/test", post(deliveries::test))
        .at("/api/v1/webhooks/{id}/skip", post(webhooks::skip))
        .at("/api/v1/webhooks/{id}/redeliver", post(deliveries::redeliver_since))
        .at("/api/v1/webhooks/{id}/deliveries", get(deliveries::list))
        .at("/api/v1/webhooks/{id}/deliveries/{delivery}", get(deliveries::show))
        .at("/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", post(deliveries::redeliver))
        .at("/api/v1/storage", get(storage::show))
        .at("/api/v1/storage/trend", get(storage::trend))
        .at("/api/v1/storage/gc", post(storage::collect))
        .at("/api/v1/storage/scrub", get(scrub::show).post(scrub::start).delete(scrub::stop))
        .at("/api/v1/storage/snapshot", get(snapshot::get))
        .closed()
}

/// Routes, and their patterns for the test that compares them with the OpenAPI document.
struct Routes {
    router: Router<AppState>,
    patterns: Vec<&'static str>,
}

impl Routes {
    fn new() -> Self {
        Self { router: Router::new(), patterns: Vec::new() }
    }

    fn at(mut self, pattern: &'static str, methods: MethodRouter<AppState>) -> Self {
        self.patterns.push(pattern);
        Self { router: self.router.route(pattern, methods), ..self }
    }

    /// What else is asked for below `/api` is refused here, not by whatever another surface does with unknown paths.
    fn closed(self) -> Self {
        let router = self.router.method_not_allowed_fallback(method_not_allowed);
        Self {
            router: router
                .route("/api", any(no_such_route))
                .route("/api/", any(no_such_route))
                .route("/api/{*rest}", any(no_such_route)),
            ..self
        }
    }
}

/// Answers tell of secrets and of the moment: nobody in between keeps them.
async fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Refuses what an operation doesn't heed: a query, a condition on a change, a body. Who sent it meant it to have an effect.
async fn nothing_idle(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.method().is_safe() && request.uri().query().is_none_or(str::is_empty) {
        return next.run(request).await;
    }
    let pattern = request.extensions().get::<MatchedPath>().map(|matched| matched.as_str().replace("{*", "{"));
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let pattern = pattern.unwrap_or_default();
    let Some(heeds) = openapi::heeds(method, &pattern) else { return next.run(request).await };
    if let Some(refused) = idle(&request, &pattern, heeds) {
        return refused.into_response();
    }
    if heeds.body || request.method().is_safe() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // Who may not is told so by the handler, and isn't waited for. Few send a body, so few are looked up twice.
    if !body.is_end_stream() && !auth::is_let_in(&parts, &state, heeds.scope) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    match must_say_nothing(body).await {
        Ok(()) => next.run(Request::from_parts(parts, Body::empty())).await,
        Err(refused) => refused.into_response(),
    }
}

fn idle(request: &Request, pattern: &str, heeds: &Heeds) -> Option<ApiError> {
    let has_query = request.uri().query().is_some_and(|query| !query.is_empty());
    if has_query && !heeds.query && pattern != DOCS {
        let detail = "this operation has no query parameters; /api/v1/docs says where it takes what it takes";
        return Some(ApiError::new(Code::BadQuery, detail));
    }
    // What only reads may come with whatever a cache on its way adds.
    let is_idle = |name: &HeaderName| request.headers().contains_key(name) && !heeds.conditions.contains(name);
    let may_be_refused = !request.method().is_safe() && pattern != UPLOAD;
    [IF_MATCH, IF_NONE_MATCH].into_iter().find(|name| may_be_refused && is_idle(name)).map(|name| {
        let detail = format!("this operation heeds no {name}, so nothing was done; /api/v1/docs says what it takes");
        ApiError::new(Code::BadHeader, detail).fact("header", name.as_str())
    })
}

/// Takes a body in which nothing is, or what clients send that have nothing to say: `{}` or `null`.
pub(crate) async fn must_say_nothing(body: Body) -> Result<(), ApiError> {
    let told = whole_body(body, IDLE_BODY_BYTES_MAX).await;
    let says_nothing = match told {
        Ok(told) => told.trim_ascii().is_empty() || serde_json::from_slice(&told).is_ok_and(|told| is_nothing(&told)),
        Err(BodyError::TooLong) => false,
        Err(BodyError::Broken(error)) => return Err(broken(&error)),
    };
    if !says_nothing {
        let detail =
            "this operation takes no body, so nothing was done; /api/v1/docs says where it takes what it takes";
        return Err(ApiError::new(Code::UnexpectedBody, detail));
    }
    Ok(())
}

fn is_nothing(told: &Value) -> bool {
    told.is_null() || told.as_object().is_some_and(Map::is_empty)
}

async fn no_such_route(uri: Uri) -> ApiError {
    let shown: String = uri.path().chars().take(200).collect();
    ApiError::new(Code::NoSuchRoute, format!("there is nothing at {shown}; /api/v1/openapi.json lists what there is"))
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "this method is not allowed here; `Allow` lists those that are")
}

#[cfg(test)]
mod tests;
