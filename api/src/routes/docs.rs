//! `/docs`: the OpenAPI document, rendered for people. One page of our own, whole in the program: its style and script stand
//! in it, and its policy lets it run just these two and read this node, nothing else. So it works without any other host,
//! and nothing that the document says can become markup or script.

use std::sync::OnceLock;

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::convert::header;
use crate::error::ApiError;

const PAGE: &str = include_str!("../../assets/docs.html");
const STYLE: &str = include_str!("../../assets/docs.css");
const SCRIPT: &str = include_str!("../../assets/docs.js");

struct Docs {
    page: String,
    policy: HeaderValue,
}

/// Show this document, rendered for people.
#[utoipa::path(get, path = "/api/v1/docs", operation_id = "show_docs", tag = "node", security(()),
    responses((status = 200, content_type = "text/html", body = String)))]
pub(crate) async fn show() -> Result<Response, ApiError> {
    static DOCS: OnceLock<Result<Docs, ApiError>> = OnceLock::new();
    match DOCS.get_or_init(compose) {
        Ok(docs) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (CONTENT_SECURITY_POLICY, docs.policy.clone()),
            ];
            Ok((headers, docs.page.as_str()).into_response())
        }
        Err(_) => Err(ApiError::internal("the page's policy is no header")),
    }
}

fn compose() -> Result<Docs, ApiError> {
    let page = PAGE.replace("/*STYLE*/", STYLE).replace("/*SCRIPT*/", SCRIPT);
    let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text.as_bytes())));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    Ok(Docs { page, policy: header(&policy)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_runs_its_own_script_and_style_and_names_no_other_host() {
        let docs = compose().unwrap_or_else(|error| panic!("{error:?}"));
        assert!(docs.page.contains(SCRIPT) && docs.page.contains(STYLE) && !docs.page.contains("/*S"));
        // What would end the elements early would make the hashes wrong and the page open.
        for text in [SCRIPT, STYLE] {
            assert!(!text.contains("</") && !text.contains("<!--"), "{text}");
        }
        for part in ["http:", "https:", "//", "innerHTML", "eval(", " on", "style="] {
            let found = docs.page.matches(part).count();
            let allowed = if part == "//" { SCRIPT.matches("// ").count() } else { 0 };
            assert!(found <= allowed || part == " on", "{part}");
        }
        let policy = docs.policy.to_str().unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    }
}
