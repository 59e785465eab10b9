//! What the document says of every operation alike, made from the document itself: who may call, what may go wrong, an
//! example of everything, and links from what makes a thing to what is done with it.
//!
//! So an operation that is added has all this from the start. Invariant, held by tests in `router/tests/document.rs`.

use serde_json::{Map, Value, json};

use super::{errors, examples};

/// Operations that need no credentials.
pub(crate) const PUBLIC: [&str; 3] = ["show_document", "show_docs", "sign_in"];

/// What scope an operation needs, by its name. What isn't listed needs `admin`.
pub(crate) fn scope_of(operation: &str) -> &'static str {
    const READ: [&str; 23] = [
        "show_node",
        "list_packages",
        "show_package",
        "list_package_anchors",
        "list_revisions",
        "list_events",
        "follow_events",
        "list_peers",
        "show_peer",
        "show_storage",
        "list_storage_trend",
        "show_scrub",
        "show_session",
        "sign_out",
        "change_password",
        "list_sessions",
        "end_session",
        "show_roster",
        "show_replication",
        "list_mesh",
        "list_missing",
        "list_transfers",
        "list_recent_transfers",
    ];
    const PUBLISH: [&str; 13] = [
        "publish_package",
        "edit_package",
        "remove_package",
        "restore_revision",
        "change_packages",
        "list_uploads",
        "begin_upload",
        "discover_uploads",
        "show_upload",
        "tell_offset",
        "send_bytes",
        "remove_upload",
        "override_method",
    ];
    match operation {
        public if PUBLIC.contains(&public) => "none",
        read if READ.contains(&read) => "read",
        publish if PUBLISH.contains(&publish) => "publish",
        _ => "admin",
    }
}

/// Completes the document.
pub(super) fn complete(document: &mut Value) {
    widen(document);
    let whole = document.clone();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            errors::add(method, operation);
            complete_operation(&whole, path, operation);
        }
    }
    link(document);
}

/// Numbers that are not signed reach to 2^64 here, further than the format `int64` says.
fn widen(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("format") == Some(&json!("int64")) && fields.get("minimum") == Some(&json!(0)) {
                fields.remove("format");
                fields.entry("maximum").or_insert(json!(u64::MAX));
            }
            fields.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn complete_operation(whole: &Value, path: &str, operation: &mut Value) {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    operation["x-ods-scope"] = json!(scope_of(&id));
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "Tus-Resumable" {
            // Without it the answer is tus's own 412, not a refusal of a malformed request.
            parameter["required"] = json!(false);
        }
        if parameter.get("example").is_none() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            parameter["example"] = examples::parameter(whole, path, &name, &parameter["schema"]);
        }
    }
    if operation.pointer_mut("/requestBody/content").is_some_and(say_bytes) {
        // A body of no bytes is one too: an empty file, or an upload that is only begun.
        operation["requestBody"]["required"] = json!(false);
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        add_examples(whole, content);
    }
    for (status, response) in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        if response["description"].as_str().unwrap_or_default().is_empty() {
            response["description"] = json!(meaning(status));
        }
        if let Some(content) = response.get_mut("content") {
            say_bytes(content);
            add_examples(whole, content);
        }
    }
}

/// Bodies of bytes are strings of no encoding (JSON Schema 2020-12 has no word for bytes; this one of OpenAPI 3.0 is what
/// tools know). Tells whether there are any.
fn say_bytes(content: &mut Value) -> bool {
    let mut found = false;
    for (kind, media) in content.as_object_mut().into_iter().flatten() {
        if kind.ends_with("octet-stream") {
            media["schema"] = json!({"type": "string", "format": "binary"});
            found = true;
        }
    }
    found
}

/// What a success means where the handler says no more.
fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "It is done; or this is what was asked for",
        "201" => "It is made",
        "202" => "It has begun",
        "204" => "It is done, and there is nothing to show",
        _ => "See the operation",
    }
}

fn add_examples(whole: &Value, content: &mut Value) {
    for (kind, media) in content.as_object_mut().into_iter().flatten() {
        if media.get("example").or_else(|| media.get("examples")).is_some() {
            continue;
        }
        let example = match kind.as_str() {
            bytes if bytes.ends_with("octet-stream") => json!(examples::BYTES),
            "text/event-stream" => json!("id: 4711\nevent: package.published\ndata: {…}\n\n"),
            "text/html" => json!("<!doctype html>…"),
            _ => examples::of(whole, &media["schema"]),
        };
        media["example"] = example;
    }
}

/// From what makes a thing with an id to what is done with things of its kind, and from a package to what is done with it.
fn link(document: &mut Value) {
    let Some(paths) = document["paths"].as_object().cloned() else { return };
    for (path, item) in &paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let (target, parameter, expression) = match id {
                "publish_package" | "restore_revision" => {
                    ("/api/v1/packages/{path}".to_owned(), "path", "$response.body#/package/path")
                }
                _ if method == "post" => (format!("{path}/{{id}}"), "id", "$response.body#/id"),
                _ => continue,
            };
            let Some(targets) = paths.get(&target).and_then(Value::as_object) else { continue };
            let mut links = Map::new();
            for name in targets.values().filter_map(|target| target["operationId"].as_str()).filter(|name| *name != id)
            {
                links.insert(name.to_owned(), json!({"operationId": name, "parameters": {parameter: expression}}));
            }
            let escaped = path.replace('~', "~0").replace('/', "~1");
            let responses = format!("/paths/{escaped}/{method}/responses");
            let made = document.pointer_mut(&responses).and_then(Value::as_object_mut).into_iter().flatten();
            for (_, response) in
                made.filter(|(status, response)| status.starts_with('2') && response.get("content").is_some())
            {
                response["links"] = Value::Object(links.clone());
            }
        }
    }
}
