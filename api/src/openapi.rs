//! The OpenAPI 3.1 document, generated from the handlers. What is the same for all of them is added here: who may call
//! (the security schemes), and the refusals that any call may meet.
//!
//! Invariant, held by tests in `router/tests.rs`: the document has exactly the routes that are served, and each of its
//! operations refuses a caller without credentials.

mod complete;
mod examples;

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::content::Content;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi, ToSchema};

#[cfg(test)]
pub(crate) use complete::{PUBLIC, scope_of};

use crate::error::PROBLEM_JSON;
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
        deliveries::redeliver_failed,
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
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let id = operation.operation_id.clone().unwrap_or_default();
            add_common_refusals(operation, &id);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, head, options, .. } = item;
    [get, put, post, delete, patch, head, options].into_iter().flatten()
}

fn add_common_refusals(operation: &mut Operation, id: &str) {
    // What is the same for everybody asks for no credentials, and looks at nothing that the node does.
    const SAME_FOR_ALL: [&str; 2] = ["show_document", "show_docs"];
    for (status, text) in [
        ("401", "No token, or one that is unknown or has expired"),
        ("403", "The token's scope, its prefixes or the node's role don't allow it"),
        ("429", "Too many wrong tokens from this address; `Retry-After` says when to try again"),
        ("500", "The node met an error of its own"),
        ("503", "The node is stopping, or can't do this now"),
    ] {
        if SAME_FOR_ALL.contains(&id) && status != "500" {
            continue;
        }
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(text)));
    }
}

fn problem(text: &str) -> Described {
    let schema = Ref::from_schema_name(Problem::name());
    ResponseBuilder::new().description(text).content(PROBLEM_JSON, Content::new(Some(schema))).build()
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $($status:literal $text:literal),+;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, RefOr<Described>> {
                [$(($status.to_owned(), RefOr::T(problem($text)))),+].into()
            }
        }
    )+};
}

refusals! {
    /// Something about the request can't be read.
    BadRequest: "400" "The path, query, a header or the body can't be read";
    /// There is no such thing.
    NotFound: "404" "There is no such thing";
    /// The state of things doesn't allow it.
    Conflict: "409" "The state of things doesn't allow it: the bytes aren't here, the invite was used, a cap is reached";
    /// The caller's condition doesn't hold.
    PreconditionFailed: "412" "The package is not as `If-Match` or `If-None-Match` expects; `current` tells its revision";
    /// A body of a wrong kind, or a value that breaks a rule.
    Invalid: "413" "The body is too large", "415" "The body isn't JSON", "422" "A value breaks a rule; `field` tells which";
    /// Nobody was signed in.
    SignInRefused: "401" "Nobody has these credentials, or they are past their time", "403" "The request comes from another site's page",
        "429" "Too many tries for this account or from this address; `Retry-After` says when to try again";
    /// What a PUT can meet besides.
    UploadRefused: "409" "The bytes of `from` aren't on this node",
        "413" "More bytes than a package may have",
        "415" "The body isn't the bytes themselves, but a form or compressed",
        "422" "A value breaks a rule, or the bytes don't have an announced digest (`expected`, `actual`)",
        "507" "The disk has too little room (`needed`, `free`)";
    /// What a request of the tus protocol can meet besides.
    TusRefused: "409" "The upload stands elsewhere (`offset`), has ended, or is continued by a later request; or there are too many",
        "412" "`Tus-Resumable` isn't 1.0.0, or the package isn't as the upload's condition expects",
        "413" "More bytes than the upload was to have, or than a package may have",
        "415" "The body isn't `application/offset+octet-stream`",
        "422" "A value breaks a rule, or the whole doesn't have an announced digest",
        "460" "The bytes don't have the checksum of `Upload-Checksum`; they were not taken",
        "507" "The disk has too little room (`needed`, `free`)";
    /// The disk is full.
    NoSpace: "507" "The disk has too little room (`needed`, `free`)";
    /// Another node is needed and can't be had.
    Unavailable: "503" "The other node can't be reached, or its answer can't be used";
}
