//! Metadata as callers send it: in a PUT's query and in a PATCH's body. Both become the store's patch.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::MetaPatch;

use crate::error::{ApiError, Code};
use crate::types::{Change, PackagePatch, PublishQuery};

/// Reads a PUT's query. (By hand, since `tag` may be there more than once.)
pub(super) fn parse_query(pairs: Vec<(String, String)>) -> Result<PublishQuery, ApiError> {
    let mut query = PublishQuery::default();
    for (name, value) in pairs {
        let slot = match name.as_str() {
            "title" => &mut query.title,
            "version" => &mut query.version,
            "identifier" => &mut query.identifier,
            "notes" => &mut query.notes,
            "priority" => &mut query.priority,
            "blake3" => &mut query.blake3,
            "from" => &mut query.from,
            "tag" => {
                query.tag.push(value);
                continue;
            }
            _ => return Err(bad_query(&name, "is not known here")),
        };
        if slot.replace(value).is_some() {
            return Err(bad_query(&name, "is there twice"));
        }
    }
    Ok(query)
}

fn bad_query(name: &str, reason: &str) -> ApiError {
    let shown: String = name.chars().take(100).collect();
    ApiError::new(Code::BadQuery, format!("the query parameter {shown:?} {reason}")).fact("field", shown)
}

/// What a PUT says of metadata: what isn't mentioned stays, what is empty goes.
pub(super) fn of_query(query: &PublishQuery) -> MetaPatch {
    let mut patch = MetaPatch::new();
    let texts = [
        ("title", &query.title),
        ("version", &query.version),
        ("identifier", &query.identifier),
        ("notes", &query.notes),
        ("priority", &query.priority),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            patch.insert(key.to_owned(), Some(value.clone()).filter(|value| !value.is_empty()));
        }
    }
    if !query.tag.is_empty() {
        let tags = query.tag.iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
        patch.insert("tags".to_owned(), join(tags));
    }
    patch
}

/// What an upload's metadata says, by name: what isn't mentioned stays, what is empty goes.
pub(super) fn of_texts(said: &BTreeMap<&str, String>) -> MetaPatch {
    let text = |name: &str| said.get(name).cloned();
    let tag = text("tags").or_else(|| text("tag")).into_iter().collect();
    of_query(&PublishQuery {
        title: text("title"),
        version: text("version"),
        identifier: text("identifier"),
        notes: text("notes"),
        priority: text("priority"),
        tag,
        ..PublishQuery::default()
    })
}

/// What a PATCH says: what isn't there stays, null removes.
pub(super) fn of_patch(body: PackagePatch) -> Result<MetaPatch, ApiError> {
    let mut patch = MetaPatch::new();
    let texts = [
        ("title", body.title),
        ("version", body.version),
        ("identifier", body.identifier),
        ("notes", body.notes),
        ("priority", text_of(&body.priority)),
    ];
    for (key, change) in texts {
        match change {
            Change::Keep => {}
            Change::Remove => drop(patch.insert(key.to_owned(), None)),
            Change::Set(value) => drop(patch.insert(key.to_owned(), Some(value).filter(|value| !value.is_empty()))),
        }
    }
    match body.tags {
        Change::Keep => {}
        Change::Remove => drop(patch.insert("tags".to_owned(), None)),
        Change::Set(tags) => {
            if let Some(tag) = tags.iter().find(|tag| tag.is_empty() || tag.contains(',')) {
                let shown: String = tag.chars().take(100).collect();
                let detail = format!("{shown:?} is not a tag: it is empty or has a comma");
                return Err(ApiError::new(Code::Invalid, detail).fact("field", "tags"));
            }
            patch.insert("tags".to_owned(), join(tags.iter().map(String::as_str)));
        }
    }
    Ok(patch)
}

fn text_of(priority: &Change<i64>) -> Change<String> {
    match priority {
        Change::Keep => Change::Keep,
        Change::Remove => Change::Remove,
        Change::Set(priority) => Change::Set(priority.to_string()),
    }
}

/// Tags as they are kept: sorted, each once, with commas between. `None` without any.
fn join<'a>(tags: impl Iterator<Item = &'a str>) -> Option<String> {
    let tags: BTreeSet<&str> = tags.collect();
    let joined = tags.into_iter().collect::<Vec<_>>().join(",");
    (!joined.is_empty()).then_some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<MetaPatch, ApiError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(of_query(&parse_query(pairs)?))
    }

    fn patch(rows: &[(&str, Option<&str>)]) -> MetaPatch {
        rows.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
    }

    #[test]
    fn a_query_sets_what_it_mentions_and_empties_what_is_empty() {
        assert_eq!(query(&[]).expect("understood"), patch(&[]));
        let given = [("tag", "prod"), ("title", "T"), ("notes", ""), ("tag", "a,prod"), ("priority", "5")];
        let expected = [("title", Some("T")), ("notes", None), ("tags", Some("a,prod")), ("priority", Some("5"))];
        assert_eq!(query(&given).expect("understood"), patch(&expected));
        assert_eq!(query(&[("tag", "")]).expect("understood"), patch(&[("tags", None)]));
    }

    #[test]
    fn unknown_and_doubled_parameters_are_refused() {
        for pairs in [&[("titel", "x")][..], &[("title", "x"), ("title", "y")]] {
            assert_eq!(query(pairs).expect_err("refused").code(), Code::BadQuery, "{pairs:?}");
        }
    }

    #[test]
    fn a_merge_patch_sets_and_removes() {
        let body = serde_json::json!({"title": null, "version": "2", "tags": ["b", "a", "b"], "priority": 7});
        let body: PackagePatch = serde_json::from_value(body).expect("a patch");
        let expected = [("title", None), ("version", Some("2")), ("tags", Some("a,b")), ("priority", Some("7"))];
        assert_eq!(of_patch(body).expect("understood"), patch(&expected));
    }

    #[test]
    fn a_tag_with_a_comma_is_refused_rather_than_split() {
        let body = PackagePatch { tags: Change::Set(vec!["a,b".to_owned()]), ..PackagePatch::default() };
        assert_eq!(of_patch(body).expect_err("refused").code(), Code::Invalid);
    }
}
