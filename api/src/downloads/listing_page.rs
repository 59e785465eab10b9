//! A listing as people (HTML) and scripts (JSON) see it. Links are relative, so that they hold behind any proxy.

use jiff::Timestamp;
use serde::Serialize;

use super::listing::{Entry, Listing, Row};
use super::url_path::{Folder, encode_segment};

/// A listing in JSON.
#[derive(Serialize)]
struct ListingView<'a> {
    items: Vec<EntryView<'a>>,
    next: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum EntryView<'a> {
    Folder {
        name: &'a str,
        url: String,
    },
    Package {
        name: &'a str,
        url: String,
        path: &'a str,
        size: u64,
        blob: String,
        sha256: String,
        modified: Option<Timestamp>,
    },
}

impl<'a> EntryView<'a> {
    fn of(entry: &'a Entry, folder: &Folder) -> Self {
        let url = link(entry, folder);
        match entry {
            Entry::Folder(name) => Self::Folder { name, url },
            Entry::Package(row) => Self::Package {
                name: row.path.file_name(),
                url,
                path: row.path.as_str(),
                size: row.size,
                blob: row.blob.to_string(),
                sha256: row.sha256.to_string(),
                modified: modified(row),
            },
        }
    }
}

/// The listing as `{"items": [...], "next": cursor|null}`.
pub(super) fn json(folder: &Folder, listing: &Listing) -> String {
    let items = listing.entries.iter().map(|entry| EntryView::of(entry, folder)).collect();
    let view = ListingView { items, next: listing.next.as_deref() };
    serde_json::to_string(&view).expect("texts and numbers are JSON")
}

/// The listing as a page.
pub(super) fn html(folder: &Folder, listing: &Listing) -> String {
    let title = escape(&format!("/{}", folder.prefix()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Packages: {title}</title>\n\
         <h1>Packages: {title}</h1>\n<table>\n<tr><th>Name<th>Bytes<th>Modified\n"
    );
    if folder.path.is_some() {
        page.push_str("<tr><td><a href=\"../\">../</a><td><td>\n");
    }
    for entry in &listing.entries {
        page.push_str(&html_row(entry, folder));
    }
    page.push_str("</table>\n");
    if listing.entries.is_empty() {
        page.push_str("<p>There are no packages here.\n");
    }
    if let Some(next) = &listing.next {
        for part in ["<p><a href=\"", here(folder), "?after=", &encode_segment(next), "\">More</a>\n"] {
            page.push_str(part);
        }
    }
    page
}

fn html_row(entry: &Entry, folder: &Folder) -> String {
    let link = link(entry, folder);
    match entry {
        Entry::Folder(name) => format!("<tr><td><a href=\"{link}\">{}/</a><td><td>\n", escape(name)),
        Entry::Package(row) => {
            let date = modified(row).map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
            let name = escape(row.path.file_name());
            format!("<tr><td><a href=\"{link}\">{name}</a><td>{}<td>{date}\n", row.size)
        }
    }
}

/// Where an entry is, relative to the listing's own URL. Percent-encoding leaves nothing that HTML could misread.
fn link(entry: &Entry, folder: &Folder) -> String {
    match entry {
        Entry::Folder(name) => format!("{}{}/", folder.link_base, encode_segment(name)),
        Entry::Package(row) => format!("{}{}", folder.link_base, encode_segment(row.path.file_name())),
    }
}

/// The listing's own URL, relative to itself.
fn here(folder: &Folder) -> &str {
    if folder.link_base.is_empty() { "./" } else { &folder.link_base }
}

/// The date, if the calendar can write it.
fn modified(row: &Row) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(row.modified_unix_seconds).ok()?).ok()
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use ods_store::{Digest, PackagePath, Sha256};

    use super::*;

    fn folder(path: &str, link_base: &str) -> Folder {
        Folder { path: PackagePath::parse(path).ok(), link_base: link_base.to_owned() }
    }

    fn package(path: &str, modified_unix_seconds: u64) -> Entry {
        let path = PackagePath::parse(path).expect("a valid path");
        let (blob, sha256) = (Digest::of(b""), Sha256::from_bytes([0; 32]));
        Entry::Package(Row { path, size: 3, modified_unix_seconds, blob, sha256 })
    }

    #[test]
    fn names_are_escaped_and_links_encoded() {
        let entries = vec![
            Entry::Folder("<b>&'\"".to_owned()),
            package("mac/<script>alert(1)</script x", 0),
            package("mac/a b+c%.pkg", 784_111_777),
            package("mac/javascript:x", 0),
        ];
        let page = html(&folder("mac", ""), &Listing { entries, next: Some("mac/a&b".to_owned()) });
        assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
        for expected in [
            r#"<a href="%3Cb%3E%26%27%22/">&lt;b&gt;&amp;&#39;&quot;/</a>"#,
            r#"<a href="a%20b%2Bc%25.pkg">a b+c%.pkg</a><td>3<td>1994-11-06 08:49:37 UTC"#,
            r#"<a href="javascript%3Ax">"#,
            r#"<a href="../">"#,
            r#"<a href="./?after=mac%2Fa%26b">More</a>"#,
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
    }

    #[test]
    fn the_root_without_a_slash_links_into_itself() {
        let listing = Listing { entries: vec![package("x.pkg", 0)], next: Some("x".to_owned()) };
        let page = html(&folder("", "Packages/"), &listing);
        assert!(
            page.contains(r#"<a href="Packages/x.pkg">"#) && page.contains(r#"<a href="Packages/?after=x">"#),
            "{page}"
        );
        assert!(!page.contains("../"));
    }

    #[test]
    fn an_empty_catalog_says_so() {
        let page = html(&folder("", ""), &Listing { entries: vec![], next: None });
        assert!(page.contains("no packages here"), "{page}");
    }

    #[test]
    fn scripts_get_the_same_as_json() {
        let entries = vec![Entry::Folder("a b".to_owned()), package("mac/x.pkg", 0), package("mac/y", u64::MAX)];
        let text = json(&folder("mac", ""), &Listing { entries, next: None });
        let zeros = "0".repeat(64);
        let blob = Digest::of(b"");
        let expected = serde_json::json!({"items": [
            {"type": "folder", "name": "a b", "url": "a%20b/"},
            {"type": "package", "name": "x.pkg", "url": "x.pkg", "path": "mac/x.pkg", "size": 3,
             "blob": blob.to_string(), "sha256": zeros, "modified": "1970-01-01T00:00:00Z"},
            {"type": "package", "name": "y", "url": "y", "path": "mac/y", "size": 3,
             "blob": blob.to_string(), "sha256": zeros, "modified": null},
        ], "next": null});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), expected);
    }
}
