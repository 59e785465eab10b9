//! A typed client of `/api/v1`, for the CLI, for tests, and for whoever writes against a node in Rust.
//!
//! Invariants: one method an operation; nothing is retried here except where a method says so; a body is never held in
//! memory whole; no redirect is followed, since a node never sends one and a token must not travel on.

mod accounts;
mod admin;
mod calls;
mod error;
mod events;
mod tls;
mod transfer;
mod uploads;
mod watches;
mod webhooks;

use std::time::Duration;

use ods_store::PackagePath;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

pub use admin::Answer;
pub use error::ClientError;
pub use events::{EventStream, Followed};
pub use tls::TlsTrust;
pub use transfer::{Download, Guard, ResumeFrom, SnapshotDownload, Upload};
pub use uploads::upload_metadata;

/// What stays as it is in a path segment: RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Bytes of an answer that is JSON. The largest page is some 15 MB (1,000 packages with every field at its cap).
const JSON_BYTES_MAX: u64 = 64 << 20;
/// Bytes of an error's answer that are looked at.
const PROBLEM_BYTES_MAX: u64 = 256 << 10;

/// A connection to a node's admin API and downloads.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<String>,
}

impl Client {
    /// A client of the node at `server` (`http://` or `https://`, a path in front of `/api` is kept). Connects when
    /// first used.
    pub fn new(server: Url, token: Option<String>, tls: TlsTrust) -> Result<Self, ClientError> {
        if !matches!(server.scheme(), "http" | "https") || server.host_str().is_none() {
            return Err(ClientError::BadServer { server: server.to_string() });
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ods/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEP_ALIVE)
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(
                tls.client_config().map_err(|source| ClientError::SetUp { source: source.into() })?,
            );
        if is_loopback(&server) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|source| ClientError::SetUp { source: source.into() })?;
        Ok(Self { http, server, token })
    }

    /// The node's address.
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// What this client shows at each request.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The address of a resource of this node: `path` is percent-encoded already.
    fn url(&self, path: &str) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("{}{path}", self.server.path().trim_end_matches('/')));
        url.set_query(None);
        url
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_at(method, path, None)
    }

    fn request_at(&self, method: Method, path: &str, query: Option<&str>) -> RequestBuilder {
        let mut url = self.url(path);
        url.set_query(query);
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request; an answer that isn't a success is an error.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|source| ClientError::transport(&self.server, source))?;
        if response.status().is_success() { Ok(response) } else { Err(self.problem(response).await) }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        self.read_json(response).await
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let body = self.bytes(response, JSON_BYTES_MAX).await?;
        serde_json::from_slice(&body)
            .map_err(|source| ClientError::NotUnderstood { server: self.server.to_string(), source })
    }

    async fn nothing(&self, request: RequestBuilder) -> Result<(), ClientError> {
        self.send(request).await.map(drop)
    }

    async fn problem(&self, response: Response) -> ClientError {
        let (status, url) = (response.status().as_u16(), response.url().to_string());
        let body = self.bytes(response, PROBLEM_BYTES_MAX).await.unwrap_or_default();
        match serde_json::from_slice(&body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => ClientError::Status { status, url },
        }
    }

    /// A body of at most `bytes_max` bytes; what lies behind is an error, not memory.
    async fn bytes(&self, mut response: Response, bytes_max: u64) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| ClientError::transport(&self.server, e))? {
            if (body.len() + chunk.len()) as u64 > bytes_max {
                return Err(ClientError::TooLong { server: self.server.to_string(), bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A package path as it is written in a URL: each segment percent-encoded.
pub fn encode_path(path: &PackagePath) -> String {
    path.as_str().split('/').map(|s| utf8_percent_encode(s, SEGMENT).to_string()).collect::<Vec<_>>().join("/")
}

fn is_loopback(server: &Url) -> bool {
    let host = server.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
