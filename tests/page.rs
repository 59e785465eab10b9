//! What the web page has of the OpenAPI document is not stale, and every operation can be reached from the page.
//!
//! The page itself is tested in a browser: `tests/browser/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const MAKE: &str = "in ui/: `ods openapi | npm run document`";

#[test]
fn the_pages_operations_are_those_of_the_document() {
    let mut lines = BTreeSet::new();
    for (path, method, operation) in operations() {
        let (id, scope) = (text(&operation["operationId"]), text(&operation["x-ods-scope"]));
        let method = method.to_uppercase();
        lines.insert(format!("  {id}: {{ method: '{method}', path: '{path}', scope: '{scope}' }},\n"));
    }
    let file = read("ui/assets/lib/operations.js");
    let start = file.find("({\n").map_or(0, |at| at + 3);
    let mut listed: Vec<&str> = file[start..].strip_suffix("});\n").expect("its end").split_inclusive('\n').collect();
    // They stand by address, and within one as the document has them.
    listed.sort_unstable();
    assert_eq!(listed, lines.iter().map(String::as_str).collect::<Vec<_>>(), "stale; {MAKE}");
}

#[test]
fn the_pages_types_are_those_of_the_document() {
    let shaped = shape(&ods_api::openapi_document(), "");
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(shaped.to_string().as_bytes()));
    let file = read("ui/types/api.d.ts");
    assert_eq!(file.lines().nth(1), Some(format!("// The document's shape: {hash}").as_str()), "stale; {MAKE}");
}

#[test]
fn every_operation_is_reached_from_a_page_by_a_control_that_is_there() {
    let parity: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(&read("ui/parity.json")).expect("operation → page and control");
    let ids: BTreeSet<String> = operations().map(|(_, _, operation)| text(&operation["operationId"])).collect();
    let known: BTreeSet<String> = parity.keys().cloned().collect();
    assert_eq!(known, ids, "ui/parity.json, left, and the OpenAPI document, right");
    let pages: BTreeSet<String> = pages();
    let sources = sources();
    for (id, place) in &parity {
        let page = place.get("page").map_or("", String::as_str);
        assert!(pages.contains(page) || page == "everywhere", "{id}: there is no page {page:?}");
        assert!(place.get("control").is_some_and(|control| control.len() > 3), "{id}: which control?");
        // The API page makes a control for each operation, of the document itself.
        let is_there = sources.contains_key(id) || page == "api";
        assert!(is_there, "{id}: nothing in ui/assets has this as its data-operation");
    }
    let strangers: Vec<_> = sources.iter().filter(|(id, _)| !ids.contains(*id)).collect();
    assert!(strangers.is_empty(), "controls for operations that don't exist: {strangers:?}");
}

#[test]
fn a_file_of_the_page_has_one_element_at_most() {
    for folder in ["ui/assets/elements", "ui/assets/pages", "ui/assets/lib"] {
        for file in scripts(&root().join(folder)) {
            let source = fs::read_to_string(&file).expect("a readable script");
            assert!(source.matches("customElements.define(").count() <= 1, "{}", file.display());
        }
    }
}

/// What of the document makes its types; `ui/tools/document.js` has the same rule.
fn shape(value: &Value, under: &str) -> Value {
    const NO_TYPE: [&str; 22] = [
        "description",
        "summary",
        "example",
        "examples",
        "info",
        "tags",
        "links",
        "x-ods-scope",
        "security",
        "securitySchemes",
        "title",
        "default",
        "format",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    ];
    let names = ["properties", "schemas"].contains(&under);
    let is_kept = |key: &str| match under {
        _ if names => true,
        "responses" => key < "4",
        _ => !NO_TYPE.contains(&key),
    };
    match value {
        Value::Array(items) => items.iter().map(|item| shape(item, "")).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| is_kept(key));
            let ordered: BTreeMap<&String, &Value> = kept.collect();
            let below = |key: &str| if names { String::new() } else { key.to_owned() };
            let shaped = ordered.into_iter().map(|(key, value)| (key.clone(), shape(value, &below(key))));
            Value::Object(shaped.collect::<Map<_, _>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn operations() -> impl Iterator<Item = (String, String, Value)> {
    let Value::Object(paths) = ods_api::openapi_document()["paths"].take() else { panic!("no paths") };
    paths.into_iter().flat_map(|(path, item)| {
        let Value::Object(item) = item else { panic!("{path}") };
        item.into_iter().map(move |(method, operation)| (path.clone(), method, operation))
    })
}

/// The pages' addresses, as the page's router has them.
fn pages() -> BTreeSet<String> {
    let routes = read("ui/assets/lib/routes.js");
    quoted_after(&routes, "path: '", '\'').collect()
}

/// The operations that controls carry, and in which files: `data-operation="…"` in a template, `operation: '…'` given to a
/// helper that makes the control.
fn sources() -> BTreeMap<String, BTreeSet<PathBuf>> {
    let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for folder in ["ui/assets/elements", "ui/assets/pages"] {
        for file in scripts(&root().join(folder)) {
            let source = fs::read_to_string(&file).expect("a readable script");
            let marks = [("data-operation=\"", '"'), ("operation: '", '\'')];
            for (mark, end) in marks {
                for names in quoted_after(&source, mark, end).filter(|names| !names.contains('$')) {
                    for name in names.split_whitespace() {
                        found.entry(name.to_owned()).or_default().insert(file.clone());
                    }
                }
            }
        }
    }
    found
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of scripts").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { scripts(&path) } else { vec![path] }).collect()
}

fn quoted_after<'a>(text: &'a str, mark: &'a str, end: char) -> impl Iterator<Item = String> + 'a {
    text.match_indices(mark).filter_map(move |(at, _)| {
        let rest = &text[at + mark.len()..];
        rest.find(end).map(|length| rest[..length].to_owned())
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
