//! The base URLs: that a distribution point is here, in a line for machines and in a page with links for people.

use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::accept::prefers_html;
use super::listing_page::escape;
use super::short;
use super::url_path::encode_segment;
use crate::router::Surfaces;

const PAGE_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Who names HTML gets links: to the packages, and to the web page if the listener offers it.
pub(super) fn answer(request: &Parts, roots: &[String]) -> Response {
    let vary = (VARY, HeaderValue::from_static("Accept"));
    if !wants_html(&request.headers) {
        let roots: Vec<String> = roots.iter().map(|root| format!("{root}/")).collect();
        let text = format!("This is an ODS distribution point. Packages are below {}\n", roots.join(", "));
        return short(
            &request.method,
            text,
            &[(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")), vary],
        );
    }
    let administered = request.extensions.get::<Surfaces>().is_some_and(|surfaces| surfaces.admin);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
        vary,
    ];
    short(&request.method, page(roots, administered), &headers)
}

fn page(roots: &[String], administered: bool) -> String {
    let packages = roots
        .iter()
        .map(|root| format!("<li><a href=\"/{}/\">Packages: /{}/</a>\n", encode_segment(root), escape(root)));
    let administration = if administered { "<li><a href=\"/ui/\">Administration</a>\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>ODS</title>\n<h1>This is an ODS distribution point</h1>\n<ul>\n{}{administration}</ul>\n",
        packages.collect::<String>()
    )
}

fn wants_html(headers: &HeaderMap) -> bool {
    let lines: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    prefers_html(&lines.join(","))
}
