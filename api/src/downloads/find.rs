//! Looking up what a URL names, and opening its bytes: once a request; off the async threads, unless it was
//! asked for lately.
//!
//! Bytes that aren't here are fetched only for an answer that sends some ([`Found::open`]): what HEAD and a condition ask
//! for is in the catalog, and a probe of all packages must not bring them all here.

use ods_store::{Digest, Package, PackagePath, PackageWithBytes};

use super::answer::{Caching, Representation};
use super::conditional::{DateStrength, Modified, Validators};
use super::media_type::{OCTET_STREAM, media_type};
use super::source::Source;
use crate::auth::{DownloadAccess, DownloadMode};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// What a URL names, and what is said about it.
pub(super) struct Found {
    /// As the catalog has it, or as its bytes are if they are here.
    pub(super) representation: Representation,
    pub(super) access: DownloadAccess,
    /// `None` while they aren't here.
    source: Option<Source>,
}

impl Found {
    /// The bytes, open: fetched before others if they aren't here. Tells their size, as proven.
    pub(super) async fn open(self) -> Result<(Representation, Source, DownloadAccess), ApiError> {
        let Self { representation, access, source } = self;
        let blob = representation.validators.blob;
        let source = match source {
            Some(source) => source,
            None => Source::arriving(&access, blob).await?,
        };
        access.used(&blob);
        let size = source.size();
        Ok((Representation { size, ..representation }, source, access))
    }
}

/// The current revision of a path.
pub(super) async fn package(access: DownloadAccess, path: PackagePath) -> Result<Found, ApiError> {
    let (PackageWithBytes { package, bytes }, access) = match access.recent_package(&path) {
        Some(found) => (found, access.at(&path)),
        None => look_up(access, path).await?,
    };
    let source = bytes.map(Source::Held);
    let size = source.as_ref().map_or(package.size, Source::size);
    let representation = describe_package(&package, size, access.now().unix_seconds());
    Ok(Found { representation, access, source })
}

async fn look_up(access: DownloadAccess, path: PackagePath) -> Result<(PackageWithBytes, DownloadAccess), ApiError> {
    blocking(move || {
        let found = access.package_with_bytes(&path)?.ok_or_else(|| {
            ApiError::new(Code::NoSuchPackage, format!("no package is at {path}")).fact("path", path.as_str())
        })?;
        Ok::<_, ApiError>((found, access.at(&path)))
    })
    .await
}

/// A blob by its name.
pub(super) async fn blob(mut access: DownloadAccess, blob: Digest) -> Result<Found, ApiError> {
    let (package, held, access) = blocking(move || {
        if !access.may_have_blob(&blob)? {
            return Err(no_such_blob(&blob));
        }
        let package = access.package_with_blob(&blob)?;
        let held = access.open_blob(&blob)?;
        if held.is_none() && package.is_none() && !access.is_live(&blob)? {
            return Err(no_such_blob(&blob));
        }
        Ok((package, held, access))
    })
    .await?;
    let (size, source) = match (held.map(Source::Held), &package) {
        (Some(source), _) => (source.size(), Some(source)),
        (None, Some(package)) => (package.size, None),
        // Of a path in conflict, and not the one that counts there: only its bytes tell the size.
        (None, None) => {
            let source = Source::arriving(&access, blob).await?;
            (source.size(), Some(source))
        }
    };
    let representation = describe_blob(blob, size, package.as_ref(), access.state().download_mode());
    Ok(Found { representation, access, source })
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

fn describe_blob(blob: Digest, size: u64, package: Option<&Package>, mode: DownloadMode) -> Representation {
    Representation {
        validators: Validators { blob, modified: None },
        size,
        sha256: package.map(|package| package.sha256),
        media_type: OCTET_STREAM,
        file_name: blob.to_string(),
        caching: match mode {
            DownloadMode::Open => Caching::Immutable,
            DownloadMode::Basic | DownloadMode::Token => Caching::ImmutablePrivate,
        },
    }
}
