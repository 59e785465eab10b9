//! The OpenAPI 3.1 document, generated from the handlers. What follows from that is added here: who may call (the security
//! schemes), what may go wrong, examples and links.
//!
//! Invariant, held by tests in `router/tests.rs`: the document has exactly the routes that are served, and each of its
//! operations refuses a caller without credentials.

mod complete;
mod errors;
mod examples;

use std::collections::HashMap;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};
use ods_store::Scope;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::ComponentsBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

#[cfg(test)]
pub(crate) use complete::{PUBLIC, scope_of};

use crate::routes::{
    audit, bulk, deliveries, docs, events, invites, node, packages, peers, restore, revisions, roster, scrub, session,
    settings, snapshot, storage, stream, survey, tokens, transfers, uploads, users, watches, webhooks,
};
use crate::types::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ODS admin API",
        description = "Everything an ODS node can do. Times are RFC 3339 UTC, sizes bytes, digests and ids lower-case hex. \
            Lists are pages: give `next` as `after` to go on. Errors are `application/problem+json` with a stable `code`. \
            Any request may be refused before it reaches an operation: 400 `malformed`, 404 `no_such_route`, 405 `method_not_allowed` \
            with `Allow`, 413 `too_large`, 414 `address_too_long`, 431 `head_too_large`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "node", description = "This node"),
        (name = "packages", description = "Packages, their history, and publishing"),
        (name = "events", description = "The journal: what happened on this node"),
        (name = "tokens", description = "Tokens: who may call"),
        (name = "accounts", description = "Users, and who is signed in"),
        (name = "mesh", description = "Links with other nodes, and who may do what in the mesh"),
        (name = "uploads", description = "Resumable uploads: tus 1.0"),
        (name = "webhooks", description = "Telling others what happens"),
        (name = "watches", description = "Folders whose files are published"),
        (name = "storage", description = "What is on this node's disk"),
    ),
    paths(
        show, docs::show, node::show, node::edit,
        packages::list, packages::show, packages::put, packages::edit, packages::remove,
        revisions::list, restore::restore, events::list, stream::follow,
        peers::list, peers::join, peers::show, peers::edit, peers::remove, peers::sync,
        roster::show, roster::admit, roster::expel, survey::mesh, survey::missing, survey::replication, transfers::list, transfers::recent,
        invites::list, invites::create, invites::revoke,
        tokens::list, tokens::create, tokens::revoke, watches::list, watches::create, watches::show, watches::edit, watches::remove, watches::scan,
        watches::confirm,
        session::show, session::start, session::end, session::change_password, session::list, session::revoke,
        audit::list, settings::show, settings::edit, bulk::change, bulk::anchors,
        users::list, users::create, users::show, users::edit, users::remove, users::create_link,
        uploads::list, uploads::create, uploads::discover, uploads::show, uploads::offset, uploads::append,
        uploads::remove, uploads::renamed,
        webhooks::list, webhooks::create, webhooks::show, webhooks::edit, webhooks::remove, webhooks::rotate,
        webhooks::skip, deliveries::test, deliveries::list, deliveries::show, deliveries::redeliver,
        deliveries::redeliver_since,
        storage::show, storage::trend, storage::collect,
        scrub::show, scrub::start, scrub::stop, snapshot::get,
    ),
    components(schemas(Problem)),
    security(("bearer" = []), ("basic" = []), ("session" = []))
)]
struct Document;

/// Show this document.
///
/// The one call that needs no token.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "show_document", tag = "node", security(()),
    responses((status = 200, content_type = "application/json", body = Object)))]
pub(crate) async fn show() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let bytes = DOCUMENT.get_or_init(|| document().to_string().into()).clone();
    ([(CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// The document.
pub fn document() -> Value {
    let mut document = serde_json::to_value(generated()).unwrap_or_default();
    complete::complete(&mut document);
    document
}

/// What requests may bring that only some operations heed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heeds {
    /// A query.
    pub(crate) query: bool,
    /// `If-Match`, `If-None-Match`.
    pub(crate) conditions: Vec<HeaderName>,
    /// A body.
    pub(crate) body: bool,
    /// What scope it needs; of one that is for everybody the least.
    pub(crate) scope: Scope,
}

/// What the operation heeds, if it is one.
pub(crate) fn heeds(method: &Method, pattern: &str) -> Option<&'static Heeds> {
    static OPERATIONS: OnceLock<HashMap<(String, String), Heeds>> = OnceLock::new();
    let operations = OPERATIONS.get_or_init(|| {
        let document = document();
        let items = document["paths"].as_object().into_iter().flatten();
        let operations = items.flat_map(|(pattern, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(move |(method, operation)| ((method.to_uppercase(), pattern.clone()), heeded_by(operation)))
        });
        operations.collect()
    });
    operations.get(&(method.to_string(), pattern.to_owned()))
}

fn heeded_by(operation: &Value) -> Heeds {
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let has = |name: &HeaderName| {
        parameters().filter_map(|each| each["name"].as_str()).any(|told| told.eq_ignore_ascii_case(name.as_str()))
    };
    Heeds {
        query: parameters().any(|parameter| parameter["in"] == "query"),
        conditions: [IF_MATCH, IF_NONE_MATCH].into_iter().filter(has).collect(),
        body: operation.get("requestBody").is_some(),
        scope: match operation["x-ods-scope"].as_str() {
            Some("admin") => Scope::Admin,
            Some("publish") => Scope::Publish,
            _ => Scope::Read,
        },
    }
}

/// What the handlers say.
fn generated() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let scheme =
        |scheme, text: &str| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(text)).build());
    let components = ComponentsBuilder::from(document.components.take().unwrap_or_default());
    let components = components
        .security_scheme("bearer", scheme(HttpAuthScheme::Bearer, "A token: `ods_…`"))
        .security_scheme("basic", scheme(HttpAuthScheme::Basic, "Any name, and a token as the password"));
    let cookie = ApiKeyValue::with_description(
        "ods_session",
        "What signing in gives a browser. Its name goes on with the node's short id, and begins with `__Host-` over TLS. Changes \
         must come from this node's own page",
    );
    let components = components.security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    document.components = Some(components.build());
    document
}
