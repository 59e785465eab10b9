//! Looking up what a URL names, and opening its bytes: once a request, off the async threads.

use ods_store::{BlobReader, Digest, Package, PackagePath};

use super::answer::{Caching, Representation};
use super::conditional::{DateStrength, Modified, Validators};
use super::media_type::{OCTET_STREAM, media_type};
use crate::auth::{DownloadAccess, DownloadMode};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// Seconds after which a client may ask again for bytes that are on their way.
const ARRIVING_AFTER_S: u64 = 5;

/// Bytes that are here, open, and what is said about them.
pub(super) struct Found {
    pub(super) representation: Representation,
    pub(super) reader: BlobReader,
    pub(super) access: DownloadAccess,
}

/// The current revision of a path.
pub(super) async fn package(access: DownloadAccess, path: PackagePath) -> Result<Found, ApiError> {
    blocking(move || {
        let package = access.package(&path)?.ok_or_else(|| {
            ApiError::new(Code::NoSuchPackage, format!("no package is at {path}")).fact("path", path.as_str())
        })?;
        let Some(reader) = access.open_blob(&package.blob)? else {
            access.want_now(&package.blob)?;
            return Err(not_here(&package.blob));
        };
        let representation = describe_package(&package, reader.size(), access.now().unix_seconds());
        Ok(Found { representation, reader, access })
    })
    .await
}

/// A blob by its name.
pub(super) async fn blob(access: DownloadAccess, blob: Digest) -> Result<Found, ApiError> {
    blocking(move || {
        let package = access.package_with_blob(&blob)?;
        if package.is_none() && !access.may_have_blob(&blob)? {
            return Err(no_such_blob(&blob));
        }
        let Some(reader) = access.open_blob(&blob)? else {
            let is_awaited = access.want_now(&blob)? || package.is_some();
            return Err(if is_awaited { not_here(&blob) } else { no_such_blob(&blob) });
        };
        let representation = describe_blob(&reader, package.as_ref(), access.state().options.download_mode);
        Ok(Found { representation, reader, access })
    })
    .await
}

/// The bytes are known and will come.
fn not_here(blob: &Digest) -> ApiError {
    let detail = "its bytes are not on this node yet; they are being fetched";
    ApiError::new(Code::BytesUnavailable, detail).fact("blob", blob.to_string()).retry_after(ARRIVING_AFTER_S)
}

fn no_such_blob(blob: &Digest) -> ApiError {
    ApiError::new(Code::NoSuchBlob, "no current revision has this blob").fact("blob", blob.to_string())
}

fn describe_package(package: &Package, size: u64, now_unix_seconds: u64) -> Representation {
    let strength = if package.conflict { DateStrength::Weak } else { DateStrength::Strong };
    let modified = Modified::unless_future(package.modified, strength, now_unix_seconds);
    Representation {
        validators: Validators { blob: package.blob, modified },
        size,
        sha256: Some(package.sha256),
        media_type: media_type(&package.path.kind()),
        file_name: package.path.file_name().to_owned(),
        caching: Caching::Revalidate,
    }
}

fn describe_blob(reader: &BlobReader, package: Option<&Package>, mode: DownloadMode) -> Representation {
    let blob = reader.digest();
    Representation {
        validators: Validators { blob, modified: None },
        size: reader.size(),
        sha256: package.map(|package| package.sha256),
        media_type: OCTET_STREAM,
        file_name: blob.to_string(),
        caching: match mode {
            DownloadMode::Open => Caching::Immutable,
            DownloadMode::Basic | DownloadMode::Token => Caching::ImmutablePrivate,
        },
    }
}
