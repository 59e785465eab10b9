//! JSON Schema 2020-12, as far as the document uses it: whether a value fits. A word that is not known here fits nothing.

use super::document::{entries, list};
use super::*;
use crate::openapi::document;

/// What of a value doesn't fit a schema of the document, if anything.
pub(super) fn misfit(whole: &Value, schema: &Value, value: &Value) -> Option<String> {
    entries(schema).find_map(|(word, rule)| {
        let fits = |one: &Value| misfit(whole, one, value).is_none();
        let holds = match word.as_str() {
            "$ref" => {
                let target = rule.as_str().and_then(|target| whole.pointer(target.trim_start_matches('#')));
                return misfit(whole, target.expect("a schema"), value);
            }
            "allOf" => return list(rule).find_map(|one| misfit(whole, one, value)),
            "items" => return list(value).find_map(|item| misfit(whole, rule, item)),
            "properties" => return entries(value).find_map(|(name, field)| misfit(whole, rule.get(name)?, field)),
            "additionalProperties" => return others(whole, schema, rule, value),
            "propertyNames" => {
                return entries(value).find_map(|(name, _)| misfit(whole, rule, &name.as_str().into()));
            }
            "oneOf" => list(rule).filter(|one| fits(one)).count() == 1,
            "anyOf" => list(rule).any(fits),
            "required" => !value.is_object() || list(rule).all(|name| value.get(name.as_str().unwrap_or("")).is_some()),
            "type" if rule.is_array() => list(rule).any(|kind| is(value, kind)),
            "type" => is(value, rule),
            "enum" => list(rule).any(|one| one == value),
            "minItems" => value.as_array().is_none_or(|all| rule.as_u64() <= Some(all.len() as u64)),
            "maxItems" => value.as_array().is_none_or(|all| rule.as_u64() >= Some(all.len() as u64)),
            "minimum" => value.as_f64().is_none_or(|number| rule.as_f64() <= Some(number)),
            "maximum" => value.as_f64().is_none_or(|number| rule.as_f64() >= Some(number)),
            "format" if rule == "date-time" => {
                value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok())
            }
            "description" | "example" | "default" | "format" => true,
            _ => false,
        };
        (!holds).then(|| format!("{value} has not `{word}`: {rule}"))
    })
}

/// The fields that `properties` doesn't name.
fn others(whole: &Value, schema: &Value, rule: &Value, value: &Value) -> Option<String> {
    let mut others = entries(value).filter(|(name, _)| schema["properties"].get(name.as_str()).is_none());
    others.find_map(|(name, field)| match rule {
        Value::Bool(true) => None,
        Value::Bool(false) => Some(format!("`{name}` is not known")),
        rule => misfit(whole, rule, field),
    })
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[test]
fn what_does_not_fit_a_schema_is_found() {
    let whole = document();
    let by = |name: &str| serde_json::json!({"$ref": format!("#/components/schemas/{name}")});
    for (name, value) in [
        ("Policy", serde_json::json!({"paths": []})),
        ("Policy", serde_json::json!({"mode": "some", "bytes_max": null})),
        ("Limits", serde_json::json!({"windows": [null]})),
        ("Limits", serde_json::json!({"window": []})),
        ("RedeliverRequest", serde_json::json!({"since": "text"})),
        ("RotateRequest", serde_json::json!({"keep_old_for_s": -1})),
        ("BulkRequest", serde_json::json!({"action": "remove", "items": []})),
    ] {
        assert!(misfit(&whole, &by(name), &value).is_some(), "{name} {value}");
    }
}
