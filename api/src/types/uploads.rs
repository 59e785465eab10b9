//! `/uploads`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PackageView;

/// A resumable upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Upload)]
pub struct UploadView {
    /// Its id, the last part of its address.
    #[schema(example = "019a0b1c2d3e4f5061728394a5b6c7d8")]
    pub id: String,
    /// The package it becomes.
    #[schema(example = "mac/Firefox-142.pkg")]
    pub path: String,
    /// `receiving`, `received` (all bytes are here, and the next request publishes them), `published`, `refused`.
    #[schema(example = "receiving")]
    pub state: String,
    /// How many bytes there will be.
    pub length: u64,
    /// How many are here. While bytes come it may lag behind; HEAD is exact.
    pub offset: u64,
    /// The BLAKE3 that its sender announced.
    #[schema(required = true)]
    pub blake3: Option<String>,
    /// What its sender said of it, as in `Upload-Metadata`.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub metadata: BTreeMap<String, String>,
    /// It was begun with `If-Match` or `If-None-Match`, and is published only if that holds, whoever goes on with it.
    #[serde(default)]
    #[schema(required = true)]
    pub guarded: bool,
    /// Who began it.
    pub by: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When bytes came last, to the minute; or when it ended.
    #[schema(value_type = String, format = DateTime)]
    pub touched_at: Timestamp,
    /// When it is forgotten, if nothing more comes.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Once published: whether an event was minted; false if the package was like this already.
    #[schema(required = true)]
    pub changed: Option<bool>,
    /// Once published: whether there was no package before.
    #[schema(required = true)]
    pub created: Option<bool>,
    /// Once published: the revision.
    #[schema(required = true)]
    pub revision: Option<String>,
    /// Once published: the package as it is now; null also if it was removed since.
    #[schema(required = true)]
    pub package: Option<PackageView>,
    /// Once refused: why.
    #[schema(required = true)]
    pub error: Option<UploadRefusalView>,
}

/// Why an upload was not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UploadRefusal)]
pub struct UploadRefusalView {
    /// The code of the error that its last request got.
    #[schema(example = "digest_mismatch")]
    pub code: String,
    /// In words.
    pub detail: String,
}
