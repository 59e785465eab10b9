//! Examples of the document: those that types and handlers give, and where they give none one made of the schema's parts.
//!
//! Invariants, held by tests in `router/tests/examples.rs`: each is valid against its own schema, and a request made of them is
//! not refused for its form.

use serde_json::{Map, Value, json};

/// Deepest nesting that examples follow; no schema is that deep.
const DEPTH_MAX: usize = 32;

/// Ids and digests that examples have.
const HEX: &str = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";

/// The body of bytes, where there is one.
pub(super) const BYTES: &str = "the bytes";

/// A value for a parameter of an operation.
pub(super) fn parameter(whole: &Value, path: &str, name: &str, schema: &Value) -> Value {
    match name {
        "path" => json!("mac/Firefox-142.pkg"),
        "id" if ["/peers/", "/mesh/", "/roster/"].iter().any(|part| path.contains(part)) => json!(HEX),
        "id" if path.contains("/invites/") => json!("00112233445566778899aabbccddeeff"),
        "id" if path.contains("/uploads/") => json!("019a0b1c2d3e4f5061728394a5b6c7d8"),
        "id" => json!("9f86d081884c7d65"),
        "delivery" => json!("msg_0a1b2c3d4e5f_42"),
        "If-Match" | "If-None-Match" => json!(format!("\"{HEX}\"")),
        "Repr-Digest" => json!("sha-256=:7ViTQcn9Xalqr/TF76AIImKCpxYYZgjVoDKsdYlanC8=:"),
        "limit" => json!(100),
        "Last-Event-ID" => json!(4711),
        "after" if schema["type"] != "integer" && !is_number(schema) => json!(cursor(path)),
        _ => of(whole, schema),
    }
}

fn is_number(schema: &Value) -> bool {
    schema["type"].as_array().is_some_and(|types| types.contains(&json!("integer")))
}

/// The `next` of a page of a list, which begins with the list's name, and what it is of, or its order.
fn cursor(path: &str) -> String {
    let list = path.rsplit('/').next().unwrap_or_default();
    match list {
        "packages" => "path:mac/Firefox-142.pkg".to_owned(),
        "missing" => format!("missing:{HEX}:mac/Firefox-142.pkg"),
        "uploads" => "uploads:019a0b1c2d3e4f5061728394a5b6c7d8".to_owned(),
        "{path}" => "revisions:aa7c103b:1".to_owned(),
        "audit" => "audit:4711".to_owned(),
        "deliveries" => "deliveries:9f86d081884c7d65:4711".to_owned(),
        _ => format!("{list}:{HEX}"),
    }
}

/// A value that fits a schema.
pub(super) fn of(whole: &Value, schema: &Value) -> Value {
    example(whole, schema, "", 0)
}

/// A value for a field of this name: its schema's example, or one made of its parts.
fn example(whole: &Value, schema: &Value, name: &str, depth: usize) -> Value {
    if let Some(example) = schema.get("example").or_else(|| schema.get("examples")?.get(0)) {
        return example.clone();
    }
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let found = reference.strip_prefix('#').and_then(|pointer| whole.pointer(pointer));
        return found.map_or(Value::Null, |found| example(whole, found, name, depth + 1));
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut fields = Map::new();
        for part in parts.iter().chain([&json!({"type": "object", "properties": schema.get("properties")})]) {
            if let Value::Object(more) = example(whole, part, name, depth + 1) {
                fields.extend(more);
            }
        }
        return Value::Object(fields);
    }
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
    if let Some(choice) = choices.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
        return example(whole, choice, name, depth + 1);
    }
    if let Some(first) = schema.get("enum").and_then(|all| all.get(0)) {
        return first.clone();
    }
    by_type(whole, schema, name, depth)
}

fn by_type(whole: &Value, schema: &Value, name: &str, depth: usize) -> Value {
    let named = schema["type"].as_str().or_else(|| {
        let all = schema["type"].as_array()?;
        all.iter().filter_map(Value::as_str).find(|kind| *kind != "null")
    });
    match named.unwrap_or(if schema.get("properties").is_some() { "object" } else { "" }) {
        "object" => {
            let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            Value::Object(fields.map(|(name, field)| (name.clone(), example(whole, field, name, depth + 1))).collect())
        }
        "array" => json!([example(whole, &schema["items"], name, depth + 1)]),
        "string" if schema["format"] == "date-time" => json!("2026-11-22T10:00:00Z"),
        "string" => json!(text(name)),
        "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "number" => json!(1.5),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

/// What a text of this name says, where its type has no example.
fn text(name: &str) -> &'static str {
    match name {
        "id" | "node" | "root" | "owners" | "sources" | "peer" | "redeemed_by" | "revision" | "blob" | "sha256"
        | "blake3" | "digest" | "catalog_digest" | "roster_digest" | "missing_digest" | "statement" | "tls_pin" => HEX,
        "path" | "paths" | "file" | "files" | "superseded" => "mac/Firefox-142.pkg",
        "title" => "Firefox",
        "version" => "142.0",
        "identifier" => "org.mozilla.firefox",
        "tags" => "prod",
        "prefix" | "prefixes" => "mac",
        "name" => "hq",
        "url" | "urls" | "observed_url" => "https://hq.example.org",
        "types" => "package.*",
        "surfaces" => "downloads",
        "by" | "created_by" => "user ada",
        "client" => "192.0.2.7",
        _ => "text",
    }
}
