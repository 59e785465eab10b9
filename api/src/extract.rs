//! JSON bodies and queries, with errors in the API's own form.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::error::{ApiError, Code};

/// Bytes of a JSON body. The largest that makes sense, a token with 64 prefixes, has some 70 KB.
const JSON_BYTES_MAX: usize = 256 << 10;

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let detail = "send the body as JSON, with `Content-Type: application/json`";
            return Err(ApiError::new(Code::UnsupportedMediaType, detail));
        }
        let body = read(request.into_body()).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let code = match error.classify() {
                Category::Data => Code::Invalid,
                Category::Io | Category::Syntax | Category::Eof => Code::BadJson,
            };
            ApiError::new(code, format!("the body can't be read: {error}"))
        })
    }
}

async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    match Limited::new(body, JSON_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("a JSON body has at most {JSON_BYTES_MAX} bytes");
            Err(ApiError::new(Code::TooLarge, detail).fact("max", JSON_BYTES_MAX))
        }
        Err(_) => Err(ApiError::new(Code::BodyIncomplete, "the body broke off")),
    }
}

/// `application/json`, or a type made of it, such as `application/merge-patch+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A query.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(query)| Self(query)).map_err(|rejection| {
            let text = rejection.body_text();
            let reason = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, reason)| reason);
            ApiError::new(Code::BadQuery, format!("the query can't be read: {reason}"))
        })
    }
}

/// Rows of a page: the asked number, or 100; 1 to 1,000.
pub(crate) fn page_rows(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit.unwrap_or(100) {
        rows @ 1..=ods_store::PAGE_ROWS_MAX => Ok(rows),
        _ => Err(ApiError::new(Code::BadQuery, "`limit` is 1 to 1000").fact("field", "limit")),
    }
}

/// An id from the address or a body, or the error that there is no such thing.
pub(crate) fn parse_id<T: std::str::FromStr>(text: &str, code: Code, what: &str) -> Result<T, ApiError> {
    let shown: String = text.chars().take(100).collect();
    text.parse().map_err(|_| ApiError::new(code, format!("there is no {what} {shown:?}")).fact("id", shown.clone()))
}
