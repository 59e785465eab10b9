//! `Idempotency-Key` of the calls that make what has a secret (draft-ietf-httpapi-idempotency-key-header): whoever lost the answer
//! sends the request again just as it was, and there is one thing, not two.

use axum::http::{HeaderMap, HeaderName};
use ods_store::{Once, Who};
use serde::Serialize;
use utoipa::IntoParams;

use crate::auth::Admin;
use crate::error::{ApiError, Code};

/// What the OpenAPI document says of it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read by its name, together with the request that it names")]
pub(crate) struct IdempotencyKey {
    /// A name for this request: sent again with it, nothing is made twice
    #[param(rename = "Idempotency-Key", example = "8e03978e-40d5-43dd-bc93-6894a57f9324")]
    key: Option<String>,
}

/// The header.
static NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// Bytes of a key.
const KEY_BYTES_MAX: usize = 128;

/// The request of this kind as its sender named it, if at all.
pub(crate) fn of(
    headers: &HeaderMap,
    admin: &Admin,
    kind: &str,
    request: &impl Serialize,
) -> Result<Option<Once>, ApiError> {
    let Some(key) = key(headers)? else { return Ok(None) };
    let sender = match admin.reader().session().who() {
        Who::User(row) => format!("user {}", row.id),
        Who::Token(row) => format!("token {}", row.id),
    };
    let request = serde_json::to_vec(request).map_err(ApiError::internal)?;
    Ok(Some(Once::new(&sender, kind, key, &request)))
}

/// The answer to a request that made something before which can't be shown as it was then.
pub(crate) fn made_already(what: &str, id: &str) -> ApiError {
    let detail = format!(
        "this request made the {what} {id} before, and its secret can't be told again; if that answer was lost, end the {what}, \
         unless it is over, and send the request with another key"
    );
    ApiError::new(Code::MadeAlready, detail).fact("id", id)
}

/// The key: a string in double quotes as the draft has it, or as it stands.
fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(&NAME).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !plain || values.next().is_some() {
        let detail =
            format!("header {NAME} is one key of 1 to {KEY_BYTES_MAX} visible ASCII characters, such as a UUID");
        return Err(ApiError::new(Code::BadHeader, detail).fact("header", NAME.as_str()));
    }
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Option<String>, ApiError> {
        let headers: HeaderMap =
            values.iter().map(|value| (NAME.clone(), value.parse().expect("a header value"))).collect();
        key(&headers).map(|key| key.map(str::to_owned))
    }

    #[test]
    fn a_key_is_one_visible_text_in_quotes_or_not() {
        assert_eq!(read(&[]).expect("none"), None);
        for good in ["8e03978e-40d5-43dd-bc93-6894a57f9324", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\""] {
            assert_eq!(read(&[good]).expect("a key").as_deref(), Some("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        }
        for bad in [vec![""], vec!["\"\""], vec!["a b"], vec!["\"a"], vec!["a\\"], vec!["a", "a"]] {
            assert_eq!(read(&bad).expect_err("no key").code(), Code::BadHeader, "{bad:?}");
        }
        assert!(read(&[&"x".repeat(KEY_BYTES_MAX)]).is_ok() && read(&[&"x".repeat(KEY_BYTES_MAX + 1)]).is_err());
    }
}
