//! Resumable uploads, as tus 1.0 has them.

use data_encoding::BASE64;
use ods_store::PackagePath;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, RequestBuilder};
use tokio::io::AsyncRead;

use super::transfer::{counted, text, texts};
use super::{Client, ClientError, Guard, Upload};
use crate::types::{Page, PageQuery, PublishQuery, UploadView};

impl Client {
    /// `GET /uploads`: a page of those that go on.
    pub async fn uploads(&self, query: &PageQuery) -> Result<Page<UploadView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/uploads").query(query)).await
    }

    /// `GET /uploads/{id}`: how it stands, or what became of it.
    pub async fn upload(&self, id: &str) -> Result<UploadView, ClientError> {
        self.json(self.request(Method::GET, &upload_url(id))).await
    }

    /// `POST /uploads`: begins one; tells its id.
    pub async fn begin_upload(
        &self,
        path: &PackagePath,
        query: &PublishQuery,
        guard: &Guard,
        size: u64,
    ) -> Result<String, ClientError> {
        let told = upload_metadata(path, query);
        let told: Vec<String> =
            told.iter().map(|(key, value)| format!("{key} {}", BASE64.encode(value.as_bytes()))).collect();
        let request = self
            .tus(Method::POST, "/api/v1/uploads")
            .header("upload-length", size)
            .header("upload-metadata", told.join(","));
        let response = self.send(guard.on(request)).await?;
        let id = text(response.headers(), LOCATION.as_str()).and_then(|address| address.rsplit('/').next());
        let status = response.status().as_u16();
        id.map(str::to_owned).ok_or_else(|| ClientError::Status { status, url: response.url().to_string() })
    }

    /// `HEAD /uploads/{id}`: how many bytes are there. One that has all of them is published by this.
    pub async fn upload_offset(&self, id: &str) -> Result<u64, ClientError> {
        self.offset_of(self.tus(Method::HEAD, &upload_url(id))).await
    }

    /// `PATCH /uploads/{id}`: sends bytes from `offset` on; tells how many are there then.
    pub async fn send_bytes<R, P>(&self, id: &str, offset: u64, upload: Upload<R, P>) -> Result<u64, ClientError>
    where
        R: AsyncRead + Send + 'static,
        P: FnMut(u64) + Send + 'static,
    {
        let request = self
            .tus(Method::PATCH, &upload_url(id))
            .header("upload-offset", offset)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header(CONTENT_LENGTH, upload.size)
            .body(Body::wrap_stream(counted(upload)));
        self.offset_of(request).await
    }

    /// `DELETE /uploads/{id}`.
    pub async fn remove_upload(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.tus(Method::DELETE, &upload_url(id))).await
    }

    fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("tus-resumable", "1.0.0")
    }

    async fn offset_of(&self, request: RequestBuilder) -> Result<u64, ClientError> {
        let response = self.send(request).await?;
        let offset = text(response.headers(), "upload-offset").and_then(|text| text.parse().ok());
        let status = response.status().as_u16();
        offset.ok_or_else(|| ClientError::Status { status, url: response.url().to_string() })
    }
}

/// What an upload says of itself: the keys and values of `Upload-Metadata`.
pub fn upload_metadata(path: &PackagePath, query: &PublishQuery) -> Vec<(&'static str, String)> {
    let tags = (!query.tag.is_empty()).then(|| ("tags", query.tag.join(",")));
    std::iter::once(("path", path.as_str().to_owned())).chain(texts(query)).chain(tags).collect()
}

fn upload_url(id: &str) -> String {
    format!("/api/v1/uploads/{id}")
}
