//! Uploads as JSON.

use std::time::Duration;

use data_encoding::BASE64;
use jiff::Timestamp;
use ods_store::{UPLOAD_EMPTY_MS, UnixMillis, UploadEnd, UploadRefusal, UploadStatus};

use crate::auth::Uploader;
use crate::convert::{self, Names};
use crate::error::{ApiError, Code};
use crate::types::{PackageView, UploadRefusalView, UploadView};

/// How long what became of an upload is told.
const ENDED_KEPT: Duration = Duration::from_hours(24);

/// When an upload is forgotten if nothing more happens to it.
pub(super) fn expires_at(status: &UploadStatus, kept: Duration) -> UnixMillis {
    let kept = match (&status.end, status.has_bytes) {
        (Some(_), _) => ENDED_KEPT,
        (None, true) => kept,
        (None, false) => kept.min(Duration::from_millis(UPLOAD_EMPTY_MS)),
    };
    UnixMillis::new(status.touched_at.get().saturating_add(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX)))
}

/// The package that an upload became, as it is now.
pub(super) fn package(uploader: &Uploader) -> Result<Option<PackageView>, ApiError> {
    if !matches!(uploader.status().end, Some(UploadEnd::Published { .. })) {
        return Ok(None);
    }
    let reader = uploader.writer().reader();
    match reader.package(uploader.writer().path()) {
        Ok(package) => Ok(Some(convert::package(package, &Names::load(reader)?, reader.state()))),
        Err(error) if error.code() == Code::NoSuchPackage => Ok(None),
        Err(error) => Err(error),
    }
}

/// An upload, with the package that it became.
pub(super) fn upload(status: UploadStatus, package: Option<PackageView>, kept: Duration) -> UploadView {
    let (mut changed, mut created, mut revision, mut error) = (None, None, None, None);
    let state = match &status.end {
        None if status.offset == status.bytes => "received",
        None => "receiving",
        Some(UploadEnd::Published { revision: id, changed: was_changed, created: was_created }) => {
            (changed, created, revision) = (Some(*was_changed), Some(*was_created), Some(id.to_string()));
            "published"
        }
        Some(UploadEnd::Refused { refusal, detail }) => {
            let code = code(*refusal).as_str().to_owned();
            error = Some(UploadRefusalView { code, detail: detail.clone() });
            "refused"
        }
    };
    UploadView {
        id: status.id.to_string(),
        path: status.path.as_str().to_owned(),
        state: state.to_owned(),
        length: status.bytes,
        offset: status.offset,
        blake3: status.blake3.map(|digest| digest.to_string()),
        metadata: metadata(&status.told),
        guarded: status.guarded,
        created_at: timestamp(status.created_at),
        touched_at: timestamp(status.touched_at),
        expires_at: timestamp(expires_at(&status, kept)),
        by: status.author,
        changed,
        created,
        revision,
        package,
        error,
    }
}

fn timestamp(at: UnixMillis) -> Timestamp {
    convert::timestamp(at)
}

fn metadata(told: &str) -> std::collections::BTreeMap<String, String> {
    let pairs = told.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once(' ').unwrap_or((pair, "")));
    let text = |value: &str| String::from_utf8(BASE64.decode(value.trim().as_bytes()).unwrap_or_default());
    pairs.map(|(key, value)| (key.to_owned(), text(value).unwrap_or_default())).collect()
}

const fn code(refusal: UploadRefusal) -> Code {
    match refusal {
        UploadRefusal::PreconditionFailed => Code::PreconditionFailed,
        UploadRefusal::NotAPublisher => Code::NotAPublisher,
        UploadRefusal::DigestMismatch => Code::DigestMismatch,
        UploadRefusal::BadMeta => Code::Invalid,
    }
}

/// The refusal that ended an upload, for whoever asks again.
pub(super) fn refusal(refusal: UploadRefusal, detail: &str) -> ApiError {
    ApiError::new(code(refusal), detail)
}
