//! The body of every error (RFC 9457).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// `application/problem+json`: what went wrong. `code` is stable; the texts are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"type": "urn:ods:problem:no_such_package", "title": "The package does not exist", "status": 404,
    "code": "no_such_package", "detail": "no package at mac/Firefox-142.pkg", "request_id": "01J…",
    "path": "mac/Firefox-142.pkg"}))]
pub struct Problem {
    /// `urn:ods:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable; the table is in `api/README.md`.
    pub code: String,
    /// What happened here, with its names and numbers.
    pub detail: String,
    /// The request's id, as in the node's log.
    #[serde(default)]
    #[schema(required = true)]
    pub request_id: Option<String>,
    /// The facts, such as `path`, `expected`, `actual`, `needed`, `free`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub facts: Map<String, Value>,
}
