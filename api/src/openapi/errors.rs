//! The errors of every operation: those that stand beside its handler ([`NAMED`]), and those that follow from what it takes.
//!
//! Invariant: whatever error the tests of the router get from an operation is listed for it (`router/tests/listed.rs`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::complete::scope_of;
use crate::error::{Code, PROBLEM_JSON};

/// Where a handler names the codes of its own; in the document these are answers.
const NAMED: &str = "x-ods-errors";

/// Makes the codes of an operation answers, with an example of each.
pub(super) fn add(method: &str, operation: &mut Value) {
    let codes = codes(method, operation);
    let Some(fields) = operation.as_object_mut() else { return };
    fields.remove(NAMED);
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let said: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect();
        let examples: Map<String, Value> =
            codes.iter().map(|code| (code.as_str().to_owned(), example(*code))).collect();
        let content = json!({"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples});
        let answer = json!({"description": said.join("; "), "content": {PROBLEM_JSON: content}});
        operation["responses"][status.to_string()] = answer;
    }
}

fn example(code: Code) -> Value {
    let (name, title, status) = (code.as_str(), code.title(), code.status().as_u16());
    let problem = json!({"type": format!("urn:ods:problem:{name}"), "title": title, "status": status, "code": name,
        "detail": "what happened, with its names and numbers", "request_id": "3kq0v5m1t8h2d6fa"});
    json!({"summary": title, "value": problem})
}

/// The codes of an operation, in the order of the table.
fn codes(method: &str, operation: &Value) -> Vec<Code> {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let scope = scope_of(id);
    let (known, changes) = (scope != "none", !["get", "head", "options"].contains(&method));
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let has = |place: &str| parameters().any(|parameter| parameter["in"] == place);
    let takes = |name: &str| parameters().any(|parameter| parameter["name"] == name);
    let body = |ending: &str| {
        let kinds = operation.pointer("/requestBody/content").and_then(Value::as_object).into_iter().flatten();
        kinds.into_iter().any(|(kind, _)| kind.ends_with(ending))
    };
    let must_speak_tus = parameters().any(|each| each["name"] == "Tus-Resumable" && each["required"] == true);
    let rules: [(bool, &[Code]); 16] = [
        (true, &[Code::Internal]),
        // People come to the page with whatever a link had behind it.
        (id != "show_docs", &[Code::BadQuery]),
        (known || changes, &[Code::Busy, Code::Stopping]),
        (known, &[Code::CredentialsMissing, Code::TokenUnknown, Code::TokenExpired, Code::SessionOver]),
        (known, &[Code::TooManyAttempts]),
        (known && (changes || scope != "read"), &[Code::ScopeTooSmall]),
        (known && changes, &[Code::ForeignOrigin, Code::OutsidePrefixes]),
        (changes, &[Code::NoSpace, Code::NotWritable]),
        (has("path"), &[Code::BadPath]),
        (has("header") || changes, &[Code::BadHeader]),
        (changes && operation.get("requestBody").is_none(), &[Code::UnexpectedBody, Code::BodyIncomplete]),
        (takes("If-Match"), &[Code::PreconditionFailed]),
        (takes("Idempotency-Key"), &[Code::MadeAlready, Code::KeyReused]),
        (must_speak_tus, &[Code::TusVersion]),
        (body("json"), &[Code::BadJson, Code::Invalid]),
        (body("json") || body("octet-stream"), &[Code::BodyIncomplete, Code::TooLarge, Code::UnsupportedMediaType]),
    ];
    let named = |code: &Code| operation[NAMED].as_array().is_some_and(|named| named.contains(&json!(code)));
    let follows = |code: &Code| rules.iter().any(|(holds, codes)| *holds && codes.contains(code));
    Code::ALL.iter().copied().filter(|code| named(code) || follows(code)).collect()
}
