//! Answering for a folder.

use axum::extract::Query;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::Deserialize;

use super::accept::prefers_json;
use super::listing::{Listing, PAGE_ROWS, Part, Row, RowPage, list};
use super::url_path::Folder;
use super::{listing_page, short};
use crate::auth::DownloadAccess;
use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// No scripts, no frames, no forms; links may be followed and files saved.
const PAGE_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; sandbox allow-downloads";

/// Which part of a listing is asked for. Anything else in the query plays no part.
#[derive(Deserialize)]
struct Paging {
    after: Option<String>,
    limit: Option<usize>,
}

/// Lists a folder, as HTML or JSON. A folder that holds nothing doesn't exist; the root always does.
pub(super) async fn serve(request: &Parts, access: DownloadAccess, folder: Folder) -> Result<Response, ApiError> {
    let part = Query::try_from_uri(&request.uri)
        .map_or_else(|_| Part::default(), |Query(Paging { after, limit })| Part { after, limit });
    let is_first = part.after.is_none();
    let prefix = folder.prefix();
    let listing = {
        let prefix = prefix.clone();
        blocking(move || list(&prefix, &part, |after| rows(&access, after))).await?
    };
    if folder.path.is_some() && is_first && listing.entries.is_empty() && listing.next.is_none() {
        let detail = format!("no package is below {prefix}");
        return Err(ApiError::new(Code::NoSuchPackage, detail).fact("path", prefix));
    }
    Ok(answer(request, &folder, &listing))
}

fn answer(request: &Parts, folder: &Folder, listing: &Listing) -> Response {
    let (content, media_type) = if wants_json(&request.headers) {
        (listing_page::json(folder, listing), "application/json")
    } else {
        (listing_page::html(folder, listing), "text/html; charset=utf-8")
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
        (VARY, HeaderValue::from_static("Accept")),
    ];
    short(&request.method, content, &headers)
}

fn wants_json(headers: &HeaderMap) -> bool {
    let lines: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    prefers_json(&lines.join(","))
}

fn rows(access: &DownloadAccess, after: &str) -> Result<RowPage, ApiError> {
    let page = access.packages(Some(after), PAGE_ROWS, &mut |_| true)?;
    let row = |package: ods_store::Package| Row {
        path: package.path,
        size: package.size,
        modified_unix_seconds: package.modified,
        blob: package.blob,
        sha256: package.sha256,
    };
    Ok(RowPage { rows: page.items.into_iter().map(row).collect(), next: page.next })
}
