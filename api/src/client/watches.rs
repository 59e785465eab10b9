//! Calls about watched folders.

use reqwest::Method;

use super::calls::one;
use super::{Client, ClientError};
use crate::types::{ConfirmRequest, Page, WatchPatch, WatchRequest, WatchView};

impl Client {
    /// `GET /watches`.
    pub async fn watches(&self) -> Result<Page<WatchView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/watches")).await
    }

    /// `POST /watches`.
    pub async fn create_watch(&self, request: &WatchRequest) -> Result<WatchView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/watches").json(request)).await
    }

    /// `GET /watches/{id}`.
    pub async fn watch(&self, id: &str) -> Result<WatchView, ClientError> {
        self.json(self.request(Method::GET, &one("watches", id))).await
    }

    /// `PATCH /watches/{id}`.
    pub async fn edit_watch(&self, id: &str, patch: &WatchPatch) -> Result<WatchView, ClientError> {
        self.json(self.request(Method::PATCH, &one("watches", id)).json(patch)).await
    }

    /// `DELETE /watches/{id}`.
    pub async fn remove_watch(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("watches", id))).await
    }

    /// `POST /watches/{id}/scan`: reads the folder at once.
    pub async fn scan_watch(&self, id: &str) -> Result<WatchView, ClientError> {
        self.json(self.request(Method::POST, &format!("{}/scan", one("watches", id)))).await
    }

    /// `POST /watches/{id}/confirm`: has a paused mirror unpublish the files that it shows as missing.
    pub async fn confirm_watch(&self, id: &str, request: &ConfirmRequest) -> Result<WatchView, ClientError> {
        self.json(self.request(Method::POST, &format!("{}/confirm", one("watches", id))).json(request)).await
    }
}
