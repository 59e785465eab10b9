//! Audit, settings, and changes to many packages at once.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{Client, ClientError, JSON_BYTES_MAX};
use crate::types::{
    AnchorQuery, AnchorsView, AuditQuery, AuditView, BulkRequest, BulkView, Page, SettingsPatch, SettingsView,
};

/// What any call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body, whole.
    pub body: Vec<u8>,
}

impl Client {
    /// `GET /audit`: one page, newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/audit").query(query)).await
    }

    /// `GET /settings`.
    pub async fn settings(&self) -> Result<SettingsView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/settings")).await
    }

    /// `PATCH /settings`.
    pub async fn edit_settings(&self, patch: &SettingsPatch) -> Result<SettingsView, ClientError> {
        self.json(self.request(Method::PATCH, "/api/v1/settings").json(patch)).await
    }

    /// `POST /bulk`.
    pub async fn change_packages(&self, request: &BulkRequest) -> Result<BulkView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/bulk").json(request)).await
    }

    /// Any call: what the answer says, whatever it is. The address may have a query; `headers` take the place of those that any
    /// call has.
    pub async fn call(
        &self,
        method: &str,
        address: &str,
        headers: HeaderMap,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        let method = method.parse().unwrap_or(Method::GET);
        let mut request = self.request_at(method, path, query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = self.send(request.headers(headers)).await?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(Answer { headers, body: self.bytes(response, JSON_BYTES_MAX).await? })
    }

    /// `GET /anchors`.
    pub async fn package_anchors(&self, query: &AnchorQuery) -> Result<AnchorsView, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/anchors").query(query)).await
    }
}
