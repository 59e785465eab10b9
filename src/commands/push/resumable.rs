//! Sending a large file so that it can be gone on with: after a cut, and by the next `ods push` of the same file.
//!
//! The node remembers unfinished uploads, so nothing is kept here: one of the same path, size, digest and metadata is gone
//! on with, whoever began it.

use std::collections::BTreeMap;

use ods_api::{ClientError, Guard, PageQuery, PublishQuery, PublishedView, Upload, upload_metadata};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use super::Target;
use super::upload::{Order, Stopped, cannot_read};
use crate::cli::{Bar, Connected};

/// Files from this size on are sent in a way that can be gone on with; smaller ones are sent again whole.
pub(super) const RESUMABLE_BYTES: u64 = 8 << 20;

/// Pages of unfinished uploads that are looked at.
const PAGES_MAX: usize = 10;

/// Sends what the node lacks of a file, and tells what became of it. `begun` is the upload of an earlier attempt.
pub(super) async fn send(
    node: &Connected,
    target: &Target,
    order: &Order,
    blake3: &str,
    begun: &mut Option<String>,
    bar: &Bar,
) -> Result<PublishedView, Stopped> {
    let query = PublishQuery { blake3: Some(blake3.to_owned()), ..order.metadata.clone() };
    let id = match begun.take() {
        Some(id) => id,
        None => find_or_begin(node, target, &query, &order.guard).await.map_err(Stopped::There)?,
    };
    let offset = match node.client.upload_offset(&id).await {
        // It ended without us: refused, abandoned or removed. Begin anew.
        Err(error) if error.code().is_some() || matches!(error, ClientError::Status { status: 404, .. }) => {
            return Err(Stopped::There(explained(node, &id, error).await));
        }
        other => other.map_err(Stopped::There),
    }?;
    *begun = Some(id.clone());
    if offset < target.size {
        let reader = from(target, offset).await.map_err(|error| Stopped::Here(cannot_read(target, &error)))?;
        let mut bar = bar.clone();
        let upload = Upload { reader, size: target.size - offset, progress: move |bytes| bar.done(offset + bytes) };
        node.client.send_bytes(&id, offset, upload).await.map_err(Stopped::There)?;
    }
    let view = node.client.upload(&id).await.map_err(Stopped::There)?;
    let package = match view.package {
        Some(package) => package,
        None => node.client.package(&target.path).await.map_err(Stopped::There)?,
    };
    Ok(PublishedView { changed: view.changed.unwrap_or(true), package })
}

/// The error that an upload ended with: an answer to HEAD has no body to say it.
async fn explained(node: &Connected, id: &str, error: ClientError) -> ClientError {
    node.client.upload(id).await.err().unwrap_or(error)
}

async fn find_or_begin(
    node: &Connected,
    target: &Target,
    query: &PublishQuery,
    guard: &Guard,
) -> Result<String, ClientError> {
    // A condition was given to the upload when it was begun, and isn't told; so one with a condition is begun anew.
    if *guard == Guard::Always
        && let Some(id) = find(node, target, query).await?
    {
        return Ok(id);
    }
    node.client.begin_upload(&target.path, query, guard, target.size).await
}

async fn find(node: &Connected, target: &Target, query: &PublishQuery) -> Result<Option<String>, ClientError> {
    let told: BTreeMap<String, String> =
        upload_metadata(&target.path, query).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut pages = PageQuery::default();
    for _ in 0..PAGES_MAX {
        let page = node.client.uploads(&pages).await?;
        let same = page.items.iter().find(|upload| upload.length == target.size && upload.metadata == told);
        if same.is_some() || page.next.is_none() {
            return Ok(same.map(|upload| upload.id.clone()));
        }
        pages.after = page.next;
    }
    Ok(None)
}

/// The file from `offset` on, up to the size that was hashed, also if it has grown since.
async fn from(target: &Target, offset: u64) -> std::io::Result<tokio::io::Take<tokio::fs::File>> {
    let mut file = tokio::fs::File::open(&target.file).await?;
    file.seek(SeekFrom::Start(offset)).await?;
    Ok(file.take(target.size - offset))
}
