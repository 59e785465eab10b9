//! What the web page has of the OpenAPI document is not stale.
//!
//! The page itself is tested in a browser: `tests/browser/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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
    let expected: String = lines.into_iter().collect();
    let file = read("ui/assets/lib/operations.js");
    let start = file.find("({\n").map_or(0, |at| at + 3);
    assert_eq!(file[start..].strip_suffix("});\n"), Some(expected.as_str()), "stale; {MAKE}");
}

#[test]
fn the_pages_types_are_those_of_the_document() {
    let shaped = shape(&ods_api::openapi_document(), "");
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(shaped.to_string().as_bytes()));
    let file = read("ui/types/api.d.ts");
    assert_eq!(file.lines().nth(1), Some(format!("// The document's shape: {hash}").as_str()), "stale; {MAKE}");
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

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
