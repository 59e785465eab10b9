//! Whether a package is what a push was to make of it. A push whose answer was lost on the way asks that before it tries again:
//! its own success must not pass for somebody else's change.

use std::collections::BTreeSet;

use ods_api::{PackageView, PublishQuery};

/// Whether a package has the bytes with this digest, and says what was asked for. What wasn't mentioned may be anything.
pub(super) fn is_ours(package: &PackageView, blake3: &str, asked: &PublishQuery) -> bool {
    let priority = package.priority.map(|priority| priority.to_string());
    package.blob == blake3
        && says(asked.title.as_deref(), package.title.as_deref())
        && says(asked.version.as_deref(), package.version.as_deref())
        && says(asked.identifier.as_deref(), package.identifier.as_deref())
        && says(asked.notes.as_deref(), package.notes.as_deref())
        && says(asked.priority.as_deref().map(plain_number).as_deref(), priority.as_deref())
        && has_tags(&asked.tag, &package.tags)
}

/// An empty value asks that there be none.
fn says(asked: Option<&str>, held: Option<&str>) -> bool {
    asked.is_none_or(|asked| asked == held.unwrap_or_default())
}

/// `+5` is 5 on the node.
fn plain_number(text: &str) -> String {
    text.parse::<i64>().map_or_else(|_| text.to_owned(), |number| number.to_string())
}

fn has_tags(asked: &[String], held: &[String]) -> bool {
    let wanted: BTreeSet<&str> =
        asked.iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|tag| !tag.is_empty()).collect();
    asked.is_empty() || wanted == held.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_is_ours_if_its_bytes_and_all_that_was_asked_for_are() {
        let package: PackageView = serde_json::from_value(json!({
            "path": "a.pkg", "revision": "r", "blob": "b1", "size": 1, "sha256": "s", "kind": "pkg", "title": "A", "version": null,
            "identifier": null, "tags": ["prod", "x"], "notes": null, "priority": 5, "published_at": "2026-11-22T10:00:00Z",
            "published_by": {"node": "n", "name": null, "by": "token ci"}, "state": "stored", "conflict": false, "url": "/Packages/a.pkg"
        }))
        .expect("a package");
        let text = |text: &str| Some(text.to_owned());
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let nothing = PublishQuery::default;
        for asked in [
            nothing(),
            PublishQuery { title: text("A"), version: text(""), ..nothing() },
            PublishQuery { tag: tags(&["x", "prod"]), priority: text("+5"), ..nothing() },
            PublishQuery { tag: tags(&["prod, x"]), ..nothing() },
        ] {
            assert!(is_ours(&package, "b1", &asked), "{asked:?}");
            assert!(!is_ours(&package, "b2", &asked), "other bytes");
        }
        for asked in [
            PublishQuery { title: text("B"), ..nothing() },
            PublishQuery { title: text(""), ..nothing() },
            PublishQuery { version: text("1"), ..nothing() },
            PublishQuery { priority: text("6"), ..nothing() },
            PublishQuery { priority: text("x"), ..nothing() },
            PublishQuery { tag: tags(&["prod"]), ..nothing() },
            PublishQuery { tag: tags(&[""]), ..nothing() },
        ] {
            assert!(!is_ours(&package, "b1", &asked), "{asked:?}");
        }
    }
}
