//! The shapes that the contract shows have just the fields that their schemas have.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{entries, list};
use super::*;
use crate::openapi::document;

/// Which schema each shape is.
const SHAPES: [(&str, &str); 32] = [
    ("package", "Package"),
    ("policy", "Policy"),
    ("limits", "Limits"),
    ("transfer", "Transfer"),
    ("past transfer", "PastTransfer"),
    ("missing", "Missing"),
    ("replication", "Replication"),
    ("mesh", "MeshNode"),
    ("revision", "Revision"),
    ("record", "Record"),
    ("records", "Records"),
    ("peer", "Peer"),
    ("roster", "Roster"),
    ("invite", "Invite"),
    ("token", "NewToken"),
    ("user", "User"),
    ("identity", "Identity"),
    ("session", "Session"),
    ("set-up", "SetUpLink"),
    ("upload", "Upload"),
    ("settings", "Settings"),
    ("audit", "AuditEntry"),
    ("bulk", "BulkView"),
    ("anchors", "AnchorsView"),
    ("storage", "StorageUsage"),
    ("watch", "Watch"),
    ("webhook", "NewWebhook"),
    ("delivery", "Delivery"),
    ("gc", "Gc"),
    ("scrub", "Scrub"),
    ("node", "Node"),
    ("usage", "UsageNote"),
];

/// The fields that a shape names, by the path of what they are fields of: `{"a","b":{"c"}}` is `"" → a, b` and `b → c`.
fn named(shape: &str) -> BTreeMap<Vec<String>, BTreeSet<String>> {
    let (mut found, mut place, mut is_value) = (BTreeMap::<_, BTreeSet<_>>::new(), Vec::new(), false);
    let mut last = String::new();
    // What stands in double quotes is every second part; the others have the braces.
    for (number, part) in shape.split('"').enumerate() {
        if number % 2 == 1 {
            if !is_value {
                last = part.to_owned();
                found
                    .entry(place.iter().filter(|name: &&String| !name.is_empty()).cloned().collect())
                    .or_default()
                    .insert(part.to_owned());
            }
            continue;
        }
        for character in part.chars() {
            match character {
                '{' => place.push(last.clone()),
                '}' => drop(place.pop()),
                _ => {}
            }
            is_value = if ",{(".contains(character) { false } else { is_value || character == ':' };
        }
    }
    found
}

/// The fields of a schema, through references, lists and what may be null; none of what may have any.
fn fields(whole: &Value, schema: &Value) -> BTreeMap<String, Value> {
    let target = schema["$ref"].as_str().and_then(|target| whole.pointer(target.trim_start_matches('#')));
    let parts =
        target.into_iter().chain(schema.get("items")).chain(list(&schema["oneOf"])).chain(list(&schema["allOf"]));
    let own = entries(&schema["properties"]).map(|(name, field)| (name.clone(), field.clone()));
    own.chain(parts.flat_map(|part| fields(whole, part))).collect()
}

#[test]
fn the_contract_shows_every_field_of_its_shapes_and_no_other() {
    let readme = include_str!("../../../README.md");
    let (_, from) = readme.split_once("## Shapes\n\n```\n").expect("the section");
    let (section, _) = from.split_once("```").expect("its end");
    let shapes = section.replace("\n  ", "  ");
    let whole = document();
    let mut seen = BTreeSet::new();
    for line in shapes.lines() {
        let (name, shape) = line.split_at(line.find('{').expect("a brace"));
        let Some((name, schema)) = SHAPES.into_iter().find(|(shape, _)| *shape == name.trim()) else {
            assert_eq!(name.trim(), "expulsion", "{line}");
            continue;
        };
        seen.insert(name);
        for (place, listed) in named(shape) {
            let root = serde_json::json!({"$ref": format!("#/components/schemas/{schema}")});
            let known = place.iter().fold(fields(&whole, &root), |fields_there, name| {
                fields_there.get(name).map(|field| fields(&whole, field)).unwrap_or_default()
            });
            let known: BTreeSet<String> = known.into_keys().collect();
            // Maps have whatever names there are.
            assert!(
                known == listed || (known.is_empty() && !place.is_empty()),
                "{name} {place:?}: {listed:?}, not {known:?}"
            );
        }
    }
    assert_eq!(seen.len(), SHAPES.len(), "{seen:?}");
}
