//! Bytes up and down.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use ods_store::PackagePath;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Body, Method, Response, StatusCode, Url};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::calls::package_url;
use super::{Client, ClientError, encode_path};
use crate::types::{PublishQuery, PublishedView};

/// Bytes read from a file at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// A download in which nothing arrives for so long is given up; it can be resumed.
const STALL: Duration = Duration::from_mins(1);

/// On what condition a change is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Guard {
    /// On none.
    #[default]
    Always,
    /// If there is no package at the path (`If-None-Match: *`).
    OnlyIfNew,
    /// If this is still its entity tag (`If-Match`): of a package the revision, of a node, peer or webhook the `etag`.
    OnlyIf(String),
}

/// Bytes to publish.
pub struct Upload<R, P> {
    /// Where they come from.
    pub reader: R,
    /// How many there are. A reader that yields another number fails the upload.
    pub size: u64,
    /// Told how many have been handed to the connection so far, after each chunk.
    pub progress: P,
}

/// Where a download goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeFrom {
    /// Bytes that are here.
    pub offset: u64,
    /// The `ETag` they came with.
    pub etag: String,
}

/// A download under way.
pub struct Download {
    response: Response,
    server: Url,
    /// The first byte that comes.
    pub offset: u64,
    /// Bytes of the whole.
    pub size: u64,
    /// The bytes' `ETag`: their BLAKE3 in quotes.
    pub etag: String,
}

/// A copy of a node's database, under way.
pub struct SnapshotDownload {
    response: Response,
    server: Url,
    /// Bytes of the whole.
    pub size: Option<u64>,
}

impl SnapshotDownload {
    /// The next bytes; `None` at the end. One that breaks off is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let next = tokio::time::timeout(STALL, self.response.chunk()).await;
        let next =
            next.map_err(|_| ClientError::Stalled { server: self.server.to_string(), seconds: STALL.as_secs() })?;
        next.map_err(|source| ClientError::transport(&self.server, source))
    }
}

impl Client {
    /// `GET /storage/snapshot`: a consistent copy of the database.
    pub async fn snapshot(&self) -> Result<SnapshotDownload, ClientError> {
        let response = self.send(self.request(Method::GET, "/api/v1/storage/snapshot")).await?;
        let (server, size) = (self.server.clone(), response.content_length());
        Ok(SnapshotDownload { response, server, size })
    }

    /// `PUT /packages/{path}`: streams the bytes and answers when the package is durable.
    pub async fn publish<R, P>(
        &self,
        path: &PackagePath,
        query: &PublishQuery,
        guard: &Guard,
        upload: Upload<R, P>,
    ) -> Result<PublishedView, ClientError>
    where
        R: AsyncRead + Send + 'static,
        P: FnMut(u64) + Send + 'static,
    {
        let size = upload.size;
        let request = self
            .request(Method::PUT, &package_url(path))
            .query(&pairs(query))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size)
            .body(Body::wrap_stream(counted(upload)));
        self.json(guard.on(request)).await
    }

    /// `PUT /packages/{path}?from=`: publishes the bytes of a revision that the node holds.
    pub async fn publish_held(
        &self,
        path: &PackagePath,
        query: &PublishQuery,
        guard: &Guard,
    ) -> Result<PublishedView, ClientError> {
        self.json(guard.on(self.request(Method::PUT, &package_url(path)).query(&pairs(query)))).await
    }

    /// Starts or resumes the download of a package's current bytes.
    pub async fn download(&self, path: &PackagePath, resume: Option<&ResumeFrom>) -> Result<Download, ClientError> {
        self.download_url(&format!("/Packages/{}", encode_path(path)), resume).await
    }

    /// Starts or resumes the download of a blob, such as an earlier revision's.
    pub async fn download_blob(&self, digest: &str, resume: Option<&ResumeFrom>) -> Result<Download, ClientError> {
        self.download_url(&format!("/blobs/{digest}"), resume).await
    }

    async fn download_url(&self, url: &str, resume: Option<&ResumeFrom>) -> Result<Download, ClientError> {
        let mut request = self.request(Method::GET, url);
        if let Some(resume) = resume {
            request = request.header(RANGE, format!("bytes={}-", resume.offset)).header(IF_RANGE, &resume.etag);
        }
        let response = self.send(request).await?;
        let etag = text(response.headers(), ETAG.as_str()).unwrap_or_default().to_owned();
        let (offset, size) = extent(&response).ok_or_else(|| ClientError::Status {
            status: response.status().as_u16(),
            url: response.url().to_string(),
        })?;
        if offset > 0 && resume.is_none_or(|resume| resume.offset != offset || resume.etag != etag) {
            return Err(ClientError::Replaced);
        }
        Ok(Download { response, server: self.server.clone(), offset, size, etag })
    }
}

impl Download {
    /// The next bytes; `None` at the end, which comes only when all have come.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        match tokio::time::timeout(STALL, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|source| ClientError::transport(&self.server, source)),
            Err(_) => Err(ClientError::Stalled { server: self.server.to_string(), seconds: STALL.as_secs() }),
        }
    }
}

pub(super) fn counted<R, P>(upload: Upload<R, P>) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static
where
    R: AsyncRead + Send + 'static,
    P: FnMut(u64) + Send + 'static,
{
    let Upload { reader, mut progress, .. } = upload;
    let mut sent: u64 = 0;
    ReaderStream::with_capacity(reader, CHUNK_BYTES).inspect(move |chunk| {
        sent += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        progress(sent);
    })
}

/// First byte and whole size of a 200 or 206.
fn extent(response: &Response) -> Option<(u64, u64)> {
    if response.status() == StatusCode::PARTIAL_CONTENT {
        let (range, size) =
            text(response.headers(), CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split_once('/')?;
        Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
    } else {
        Some((0, text(response.headers(), CONTENT_LENGTH.as_str())?.parse().ok()?))
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn pairs(query: &PublishQuery) -> Vec<(&'static str, String)> {
    let from = query.from.clone().map(|from| ("from", from));
    texts(query).chain(from).chain(query.tag.iter().map(|tag| ("tag", tag.clone()))).collect()
}

/// What is said of a package in single texts, by name; what isn't said isn't there.
pub(super) fn texts(query: &PublishQuery) -> impl Iterator<Item = (&'static str, String)> {
    let texts = [
        ("title", query.title.clone()),
        ("version", query.version.clone()),
        ("identifier", query.identifier.clone()),
        ("notes", query.notes.clone()),
        ("priority", query.priority.clone()),
        ("blake3", query.blake3.clone()),
    ];
    texts.into_iter().filter_map(|(name, text)| Some((name, text?)))
}
