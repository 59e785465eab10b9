//! What the audit tells of a deed, as JSON: the store keeps text, of lists and settings their JSON.
//!
//! A text that isn't what its name says stays text: entries of earlier versions join lists with commas, and what is too
//! long is cut.

use ods_store::{Facts, UnixMillis};
use serde_json::{Map, Value};

use super::timestamp;

/// Facts by the names that people set them by. Of packages the tags are one text, with commas: no tag has one.
pub(crate) fn values(facts: Facts) -> Map<String, Value> {
    let value = |name: &str, text: String| match name {
        "paths" | "prefixes" | "types" | "urls" => json(text, Value::is_array),
        "tags" => match json(text, Value::is_array) {
            Value::String(text) if !text.starts_with('[') && !text.ends_with('…') => {
                text.split(',').map(str::trim).collect()
            }
            other => other,
        },
        "allow_private" | "disabled" | "enabled" | "paused" | "removed" => json(text, Value::is_boolean),
        "bytes" | "bytes_max" | "deliveries" | "missing" | "rescan_s" | "settle_s" | "since_ms" | "size" => {
            json(text, Value::is_u64)
        }
        "priority" => json(text, Value::is_i64),
        "expires_at" | "old_secret_until" => match text.parse() {
            Ok(at) => timestamp(UnixMillis::new(at)).to_string().into(),
            Err(_) => text.into(),
        },
        _ => text.into(),
    };
    facts.into_iter().map(|(name, text)| (name.clone(), value(&name, text))).collect()
}

/// Values of settings, as `PATCH /settings` takes them.
pub(crate) fn settings(facts: Facts) -> Map<String, Value> {
    facts.into_iter().map(|(key, text)| (key, json(text, |_| true))).collect()
}

fn json(text: String, fits: fn(&Value) -> bool) -> Value {
    serde_json::from_str(&text).ok().filter(fits).unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_fact_is_what_it_was_set_as() {
        let told = facts(&[
            ("name", "[\"true\"]"),
            ("paths", "[\"a/*, b\",\"c/*\"]"),
            ("tags", "prod,test"),
            ("enabled", "false"),
            ("size", "5"),
            ("priority", "-1"),
            ("expires_at", "1893456000000"),
        ]);
        let shown = json!({"name": "[\"true\"]", "paths": ["a/*, b", "c/*"], "tags": ["prod", "test"], "enabled": false,
            "size": 5, "priority": -1, "expires_at": "2030-01-01T00:00:00Z"});
        assert_eq!(Value::Object(values(told)), shown);
        let told = facts(&[("gc.grace", "\"2d\""), ("mesh.fetches", "8")]);
        assert_eq!(Value::Object(settings(told)), json!({"gc.grace": "2d", "mesh.fetches": 8}));
    }

    #[test]
    fn what_is_of_an_earlier_version_or_cut_stays_text() {
        let told =
            facts(&[("paths", "a/*, b, c/*"), ("prefixes", "[\"mac/…"), ("size", "many"), ("tags", "[\"a\",\"b\"]")]);
        let shown = json!({"paths": "a/*, b, c/*", "prefixes": "[\"mac/…", "size": "many", "tags": ["a", "b"]});
        assert_eq!(Value::Object(values(told)), shown);
        for cut in ["prod,eu…", "[\"prod\",\"eu…"] {
            assert_eq!(Value::Object(values(facts(&[("tags", cut)]))), json!({"tags": cut}));
        }
        assert_eq!(Value::Object(settings(facts(&[("listen", "[\"127…")]))), json!({"listen": "[\"127…"}));
    }
}
