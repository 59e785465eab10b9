//! `/packages`, `/revisions`, `/restore`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

/// A path's current revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Package)]
pub struct PackageView {
    /// What it is called.
    #[schema(example = "mac/Firefox-142.pkg")]
    pub path: String,
    /// The event that made it current; the `ETag` of this resource.
    pub revision: String,
    /// BLAKE3 of its bytes; the `ETag` of its download.
    pub blob: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What the name's ending says it is: `pkg`, `tar.gz`; empty without an ending.
    #[schema(example = "pkg")]
    pub kind: String,
    /// What people call it.
    #[schema(required = true)]
    pub title: Option<String>,
    /// Its version, in its maker's own counting.
    #[schema(required = true, example = "142")]
    pub version: Option<String>,
    /// Its maker's identifier, such as `org.mozilla.firefox`.
    #[schema(required = true)]
    pub identifier: Option<String>,
    /// Labels to find and select it by, sorted.
    pub tags: Vec<String>,
    /// Free text.
    #[schema(required = true)]
    pub notes: Option<String>,
    /// Greater is fetched first; null is 0.
    #[schema(required = true)]
    pub priority: Option<i64>,
    /// Further metadata under names that this version gives no meaning to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub other: BTreeMap<String, String>,
    /// When, by the publishing node's clock.
    #[schema(value_type = String, format = DateTime)]
    pub published_at: Timestamp,
    /// Who published it, and where.
    pub published_by: Author,
    /// `stored` (all bytes here, verified), `fetching`, `wanted`, `remote` (not kept here).
    #[schema(example = "stored")]
    pub state: String,
    /// Whether nodes that hadn't heard of each other published different things here. A new publish or a restore ends it.
    pub conflict: bool,
    /// Where its bytes are, on this server.
    #[schema(example = "/Packages/mac/Firefox-142.pkg")]
    pub url: String,
    /// On how many nodes it is; there in a list with `replicas=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
}

/// On how many nodes a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replicas {
    /// Nodes that are known to have all of its bytes.
    pub have: u64,
    /// Nodes that are to have them: those whose policy keeps it, and those that did not tell.
    pub of: u64,
}

/// Who did something, and on which node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Author {
    /// The node's id.
    pub node: String,
    /// The node's name, if this node knows it.
    #[schema(required = true, example = "hq")]
    pub name: Option<String>,
    /// The token, user or watch, as that node calls it.
    #[schema(example = "token ci")]
    pub by: String,
}

/// What a change made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Published)]
pub struct PublishedView {
    /// False if path, bytes and metadata were like this already: no new revision was made.
    pub changed: bool,
    /// The package as it is now.
    pub package: PackageView,
}

/// One entry of a path's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Revision)]
pub struct RevisionView {
    /// The event.
    pub revision: String,
    /// `published` or `removed`.
    #[schema(example = "published")]
    pub change: String,
    /// BLAKE3 of its bytes; null for a removal.
    #[schema(required = true)]
    pub blob: Option<String>,
    /// Bytes; null for a removal.
    #[schema(required = true)]
    pub size: Option<u64>,
    /// SHA-256 of its bytes; null for a removal.
    #[schema(required = true)]
    pub sha256: Option<String>,
    /// See the package's.
    #[schema(required = true)]
    pub title: Option<String>,
    /// See the package's.
    #[schema(required = true)]
    pub version: Option<String>,
    /// See the package's.
    #[schema(required = true)]
    pub identifier: Option<String>,
    /// See the package's.
    pub tags: Vec<String>,
    /// See the package's.
    #[schema(required = true)]
    pub notes: Option<String>,
    /// See the package's.
    #[schema(required = true)]
    pub priority: Option<i64>,
    /// When, by its author's clock.
    #[schema(value_type = String, format = DateTime)]
    pub published_at: Timestamp,
    /// Who did it, and where.
    pub published_by: Author,
    /// Whether this is what clients get now.
    pub current: bool,
    /// Whether no other that counts comes after it. In a conflict there are several: its sides.
    pub head: bool,
    /// Whether the roster lets it count. A replica's, or an expelled node's later events, have no effect anywhere.
    pub effective: bool,
    /// Whether its bytes are on this node, so that it can be restored; null for a removal.
    #[schema(required = true)]
    pub bytes_held: Option<bool>,
}

/// Which packages to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PackageQuery {
    /// Words that path, title, version, identifier or tags contain, all of them, in any case. A word of eight or more
    /// hexadecimal digits also finds what has it at the beginning of its SHA-256 or BLAKE3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "firefox")]
    pub q: Option<String>,
    /// Only below this folder (whole segments).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "mac/apps")]
    pub prefix: Option<String>,
    /// Only with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "prod")]
    pub tag: Option<String>,
    /// Only of this kind, such as `pkg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "pkg")]
    pub kind: Option<String>,
    /// Only in this state: `stored`, `fetching`, `wanted`, `remote`, or `conflict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "stored")]
    pub state: Option<String>,
    /// `path` (unless given), or `-published_at`, `published_at`, `-size`, `size`, `-path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "-published_at")]
    pub sort: Option<String>,
    /// Also tell of each on how many nodes it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<bool>,
    /// At most this many rows, 1–1000; 100 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What a PUT says beside the bytes. Metadata that isn't mentioned stays; an empty value removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PublishQuery {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "Firefox")]
    pub title: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "142.0")]
    pub version: Option<String>,
    /// Its maker's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "org.mozilla.firefox")]
    pub identifier: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "For all")]
    pub notes: Option<String>,
    /// A label; may be given more than once. Those given replace those there were; a single empty one removes them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[param(example = json!(["prod"]))]
    pub tag: Vec<String>,
    /// Greater is fetched first: a whole number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<i32>, example = 10)]
    pub priority: Option<String>,
    /// BLAKE3 that the bytes must have, or nothing is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "4989726575290c47fe30e6b3135b577e2c66f8b1c8a36349ab3a50f52cde2ea8")]
    pub blake3: Option<String>,
    /// Publish the bytes of this revision, of whatever path, instead of a body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(example = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")]
    pub from: Option<String>,
}

/// A merge patch (RFC 7396) of a package's metadata: absent stays, null removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Firefox", "version": "142.0", "tags": ["prod"], "notes": null}))]
pub struct PackagePatch {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub title: Change<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub version: Change<String>,
    /// Its maker's identifier.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub identifier: Change<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<String>)]
    pub notes: Change<String>,
    /// All its labels.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["prod"]))]
    pub tags: Change<Vec<String>>,
    /// Greater is fetched first.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<i64>)]
    pub priority: Change<i64>,
}

/// Which earlier revision to make current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"path": "mac/Firefox-142.pkg", "revision": "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"}))]
pub struct RestoreRequest {
    /// The package's path.
    #[schema(example = "mac/Firefox-142.pkg")]
    pub path: String,
    /// The revision, from its history. Its bytes must be held here.
    pub revision: String,
}

/// What a merge patch says about one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field isn't there: it stays.
    #[default]
    Keep,
    /// Null.
    Remove,
    /// Its new value.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the field isn't mentioned.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Remove => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Remove, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_null_from_absent() {
        let patch: PackagePatch = serde_json::from_str(r#"{"title":null,"tags":["prod"]}"#).expect("a patch");
        let expected =
            PackagePatch { title: Change::Remove, tags: Change::Set(vec!["prod".to_owned()]), ..Default::default() };
        assert_eq!(patch, expected);
        assert_eq!(serde_json::to_string(&patch).expect("json"), r#"{"title":null,"tags":["prod"]}"#);
    }

    #[test]
    fn an_unknown_field_of_a_patch_is_refused() {
        assert!(serde_json::from_str::<PackagePatch>(r#"{"titel":"x"}"#).is_err());
    }
}
