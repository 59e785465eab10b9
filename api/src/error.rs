//! What a client is told when something goes wrong, and what the log gets.
//!
//! Invariants: the client gets a stable code, safe text and the facts (RFC 9457); causes go to the log, once, with the
//! request's id, where the answer is made ([`render`]). A 5xx's text is constant: what broke inside is nobody's business
//! outside. No `_` arm chooses a status: a new [`ods_store::StoreError`] doesn't compile until it has its code.

mod code;
mod joining;
mod store;

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

pub use code::Code;

use crate::request::RequestId;
use crate::types::Problem;

/// The media type of every error's body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// Causes that the log gets.
const CAUSES_MAX: usize = 16;

/// Seconds after which whoever found no place may try again.
const NO_PLACE_S: u64 = 10;

/// A refusal or failure on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    detail: String,
    facts: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error with what happened, in words for the client.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), facts: Map::new(), headers: Vec::new(), cause: None }
    }

    /// Something broke here. The client learns only that; the log gets the cause.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "the node met an error of its own; its log has the details under the request's id";
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal, detail) }
    }

    /// Too many do the same already; this one waited for its turn in vain.
    pub(crate) fn no_place(detail: &str) -> Self {
        Self::new(Code::Busy, detail).retry_after(NO_PLACE_S)
    }

    /// Adds a fact to the body.
    #[must_use]
    pub(crate) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Says `field` as this request calls it, where who found the mistake calls it otherwise.
    #[must_use]
    pub(crate) fn field_called(mut self, elsewhere: &str, here: &str) -> Self {
        if self.facts.get("field").is_some_and(|field| field == elsewhere) {
            self.facts.insert("field".to_owned(), here.into());
        }
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Tells the client when to try again.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((RETRY_AFTER, seconds.into()));
        self
    }

    /// Tells the client how to show who it is.
    #[must_use]
    pub(crate) fn challenge(mut self, challenge: HeaderValue) -> Self {
        self.headers.push((WWW_AUTHENTICATE, challenge));
        self
    }

    /// Says what happened in other words.
    #[must_use]
    pub(crate) fn saying(mut self, detail: String) -> Self {
        self.detail = detail;
        self
    }

    /// Which error it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What happened, in words for the client.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Logs its cause, for one that is told as part of an answer.
    pub(crate) fn log_as_part(&self) {
        self.log(None);
    }

    /// The whole answer, for those who answer before any route is reached.
    pub fn answer(self, request_id: &str) -> Response {
        let body = self.body(Some(request_id.to_owned()));
        let mut response = self.into_response();
        response.extensions_mut().remove::<Arc<Self>>();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response.map(|_| body.into())
    }

    /// The body: problem+json.
    pub fn body(&self, request_id: Option<String>) -> Vec<u8> {
        serde_json::to_vec(&self.problem(request_id)).unwrap_or_default()
    }

    fn problem(&self, request_id: Option<String>) -> Problem {
        Problem {
            kind: format!("urn:ods:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            code: self.code.as_str().to_owned(),
            detail: self.detail.clone(),
            request_id,
            facts: self.facts.clone(),
        }
    }

    fn log(&self, request_id: Option<&str>) {
        let Some(cause) = &self.cause else { return };
        let code = self.code.as_str();
        let error = chain(&**cause);
        tracing::error!(code, request_id, error, "a request failed");
    }
}

/// For the log, where an answer under way breaks off.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// An error and what caused it, outermost first.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(cause) = next else { break };
        // Writing to a String can't fail.
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

/// Without `render` around it, status and headers only: the body needs the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.headers_mut().extend(self.headers.iter().cloned());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The layer around all routes: gives every [`ApiError`] its body, and logs its cause.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let request_id = RequestId::of(request.extensions()).map(|id| id.0);
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() else { return response };
    error.log(request_id.as_deref());
    let body = error.body(request_id);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_internal_error_is_the_same_whatever_broke() {
        let of = |cause: &str| serde_json::to_string(&ApiError::internal(cause).problem(None)).expect("json");
        assert_eq!(of("the disk caught fire"), of("/secret/path is missing"));
    }

    #[test]
    fn facts_stand_beside_the_fixed_fields() {
        let error = ApiError::new(Code::NoSpace, "no room").fact("needed", 10_u64).fact("free", 5_u64);
        let body = serde_json::to_value(error.problem(Some("r1".to_owned()))).expect("json");
        let expected = serde_json::json!({"type": "urn:ods:problem:no_space", "title": "The disk has too little room", "status": 507,
            "code": "no_space", "detail": "no room", "request_id": "r1", "needed": 10, "free": 5});
        assert_eq!(body, expected);
    }

    #[test]
    fn the_log_gets_the_whole_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("can't write")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(chain(&Outer(std::io::Error::other("disk gone"))), "can't write: disk gone");
    }
}
