//! JSON bodies and queries, with errors in the API's own form.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::error::{ApiError, Code};
use crate::types::{Page, PageQuery};
use crate::whole_body::{BodyError, broken, whole_body};

/// Bytes of a JSON body. The largest that makes sense, a token with 64 prefixes, has some 70 KB.
const JSON_BYTES_MAX: usize = 256 << 10;

/// Bytes of a JSON body from somebody who isn't known yet. Less than what makes a slow body count as one that comes.
pub(crate) const STRANGERS_JSON_BYTES_MAX: usize = 8 << 10;

/// Characters of a field's name that are told.
const FIELD_CHARS_MAX: usize = 200;

/// A JSON body.
pub(crate) struct JsonBody<T, const BYTES_MAX: usize = JSON_BYTES_MAX>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned, const BYTES_MAX: usize> FromRequest<S> for JsonBody<T, BYTES_MAX> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let detail = "send the body as JSON, with `Content-Type: application/json`";
            return Err(ApiError::new(Code::UnsupportedMediaType, detail));
        }
        let body = read(request.into_body(), BYTES_MAX).await?;
        // A struct would also be read from a list of its fields, in their order: nobody sends that on purpose.
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first.is_some_and(|byte| *byte != b'{') && serde_json::from_slice::<IgnoredAny>(&body).is_ok() {
            return Err(ApiError::new(Code::Invalid, "the body can't be read: it is no JSON object"));
        }
        parse(&body).map(Self).map_err(|(path, error)| {
            let code = match error.classify() {
                Category::Data => Code::Invalid,
                Category::Io | Category::Syntax | Category::Eof => Code::BadJson,
            };
            let text = error.to_string();
            let refused = ApiError::new(code, format!("the body can't be read: {}", in_plain_words(&text)));
            match field_of(&path, &text).filter(|_| code == Code::Invalid) {
                Some(field) => refused.fact("field", field),
                None => refused,
            }
        })
    }
}

/// Reads a body whole, or tells where in it and why not.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, (String, serde_json::Error)> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| (error.path().to_string(), error.into_inner()))?;
    reader.end().map_err(|error| (String::new(), error)).map(|()| value)
}

/// The field that a parser's error is about: where it stopped, and behind that the name in its text where the field isn't known, is
/// missing or is there twice.
fn field_of(path: &str, text: &str) -> Option<String> {
    let path = Some(path).filter(|path| !matches!(*path, "" | "."));
    let named = ["unknown field `", "missing field `", "duplicate field `"];
    let name = named.iter().find_map(|begin| text.strip_prefix(begin)?.split('`').next());
    match (path, name) {
        (Some(path), Some(name)) if !path.ends_with(name) => Some(format!("{path}.{name}")),
        (path, name) => path.or(name).map(|field| field.chars().take(FIELD_CHARS_MAX).collect()),
    }
}

/// A JSON body that may be left out, for calls that rarely need one.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_empty = http_body::Body::size_hint(request.body()).exact() == Some(0);
        if is_empty {
            return Ok(Self(T::default()));
        }
        JsonBody::<_>::from_request(request, state).await.map(|JsonBody(body)| Self(body))
    }
}

async fn read(body: Body, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
    whole_body(body, bytes_max).await.map_err(|error| match error {
        BodyError::TooLong => {
            let detail = format!("a JSON body has at most {bytes_max} bytes here");
            ApiError::new(Code::TooLarge, detail).fact("max", bytes_max)
        }
        BodyError::Broken(error) => broken(&error),
    })
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
        if percent_decode_str(parts.uri.query().unwrap_or_default()).decode_utf8().is_err() {
            return Err(ApiError::new(Code::BadQuery, "the query is not UTF-8 after percent-decoding"));
        }
        Query::try_from_uri(&parts.uri).map(|Query(query)| Self(query)).map_err(|rejection| {
            let text = rejection.body_text();
            let reason = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, reason)| reason);
            let refused = ApiError::new(Code::BadQuery, format!("the query can't be read: {}", in_plain_words(reason)));
            let (name, why) = reason.split_once(": ").filter(|(name, _)| !name.contains(' ')).unwrap_or((".", reason));
            match field_of(name, why) {
                Some(field) => refused.fact("field", field),
                None => refused,
            }
        })
    }
}

/// What the parsers of this program's language say of numbers, for those who don't know it.
fn in_plain_words(reason: &str) -> String {
    let words = [
        ("invalid digit found in string", "expected a whole number, 0 or more"),
        ("cannot parse integer from empty string", "expected a whole number, 0 or more"),
        ("number too large to fit in target type", "the number is too great"),
        ("expected i64", "expected a whole number"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
    ];
    words.iter().fold(reason.to_owned(), |reason, (from, to)| reason.replace(from, to))
}

/// Rows of a page: the asked number, or 100; 1 to 1,000.
pub(crate) fn page_rows(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit.unwrap_or(100) {
        rows @ 1..=ods_store::PAGE_ROWS_MAX => Ok(rows),
        _ => Err(ApiError::new(Code::BadQuery, "`limit` is 1 to 1000").fact("field", "limit")),
    }
}

/// A page of rows that are all at hand, in ascending order of their keys. Cursors name the list and the key, so that one of
/// another list isn't taken for a place in this. Such lists are short, so a page holds as many as it may unless the caller wants
/// fewer.
pub(crate) fn page_of<T>(
    list: &'static str,
    rows: Vec<T>,
    query: &PageQuery,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ApiError> {
    let limit = page_rows(query.limit.or(Some(ods_store::PAGE_ROWS_MAX)))?;
    let total = rows.len() as u64;
    let after = place_in(list, query.after.as_deref(), Some)?;
    let is_before = |row: &T| after.is_some_and(|after| key(row).as_str() <= after);
    let mut items: Vec<T> = rows.into_iter().skip_while(is_before).take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|row| format!("{list}:{}", key(row)));
    Ok(Page { items, next, total: Some(total) })
}

/// The place that a cursor of a list means, `{list}:{key}`. A list's name is a kind, or a kind and behind a colon what it is a
/// list of.
pub(crate) fn place_in<'a, T>(
    list: &str,
    after: Option<&'a str>,
    place: impl Fn(&'a str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let key = |after: &'a str| after.strip_prefix(list)?.strip_prefix(':');
    after.map(|after| key(after).and_then(&place).ok_or_else(|| foreign_cursor(list))).transpose()
}

/// The same where the key is a number.
pub(crate) fn number_in<T: std::str::FromStr>(list: &str, after: Option<&str>) -> Result<Option<T>, ApiError> {
    place_in(list, after, |number| number.parse().ok())
}

/// A cursor of another list is refused: its place would mean something else here.
pub(crate) fn foreign_cursor(list: &str) -> ApiError {
    // Behind the kind is what it is a list of.
    let list = list.split(':').next().unwrap_or(list);
    let detail = format!("`after` is not the `next` of a page of {list}; leave it out to begin");
    ApiError::new(Code::BadQuery, detail).fact("field", "after")
}

/// The key of a row in the order of creation: its text's order is that of moment and id.
pub(crate) fn creation_key(created_at: Timestamp, id: &str) -> String {
    format!("{:020}:{id}", created_at.as_millisecond())
}

/// An id from the address or a body, or the error that there is no such thing.
pub(crate) fn parse_id<T: std::str::FromStr>(text: &str, code: Code, what: &str) -> Result<T, ApiError> {
    let shown: String = text.chars().take(100).collect();
    text.parse().map_err(|_| ApiError::new(code, format!("there is no {what} {shown:?}")).fact("id", shown.clone()))
}
