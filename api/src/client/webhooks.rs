//! Calls about webhooks.

use reqwest::Method;

use super::calls::one;
use super::{Client, ClientError};
use crate::types::{
    DeliveryQuery, DeliveryView, NewWebhookView, Page, PageQuery, RedeliverRequest, RedeliveryView, RotateRequest,
    SkipRequest, WebhookPatch, WebhookRequest, WebhookView,
};

impl Client {
    /// `GET /webhooks`: one page.
    pub async fn webhooks(&self, page: &PageQuery) -> Result<Page<WebhookView>, ClientError> {
        self.json(self.request(Method::GET, "/api/v1/webhooks").query(page)).await
    }

    /// `POST /webhooks`.
    pub async fn create_webhook(&self, request: &WebhookRequest) -> Result<NewWebhookView, ClientError> {
        self.json(self.request(Method::POST, "/api/v1/webhooks").json(request)).await
    }

    /// `GET /webhooks/{id}`.
    pub async fn webhook(&self, id: &str) -> Result<WebhookView, ClientError> {
        self.json(self.request(Method::GET, &one("webhooks", id))).await
    }

    /// `PATCH /webhooks/{id}`.
    pub async fn edit_webhook(&self, id: &str, patch: &WebhookPatch) -> Result<WebhookView, ClientError> {
        self.json(self.request(Method::PATCH, &one("webhooks", id)).json(patch)).await
    }

    /// `DELETE /webhooks/{id}`.
    pub async fn remove_webhook(&self, id: &str) -> Result<(), ClientError> {
        self.nothing(self.request(Method::DELETE, &one("webhooks", id))).await
    }

    /// `POST /webhooks/{id}/rotate`: a new secret.
    pub async fn rotate_webhook(&self, id: &str, request: &RotateRequest) -> Result<NewWebhookView, ClientError> {
        self.json(self.about(Method::POST, id, "rotate").json(request)).await
    }

    /// `POST /webhooks/{id}/test`: the delivery that goes out.
    pub async fn test_webhook(&self, id: &str) -> Result<DeliveryView, ClientError> {
        self.json(self.about(Method::POST, id, "test")).await
    }

    /// `POST /webhooks/{id}/skip`.
    pub async fn skip_delivery(&self, id: &str, request: &SkipRequest) -> Result<WebhookView, ClientError> {
        self.json(self.about(Method::POST, id, "skip").json(request)).await
    }

    /// `POST /webhooks/{id}/redeliver`: all since a time.
    pub async fn redeliver_since(&self, id: &str, request: &RedeliverRequest) -> Result<RedeliveryView, ClientError> {
        self.json(self.about(Method::POST, id, "redeliver").json(request)).await
    }

    /// `GET /webhooks/{id}/deliveries`: one page, newest first.
    pub async fn deliveries(&self, id: &str, query: &DeliveryQuery) -> Result<Page<DeliveryView>, ClientError> {
        self.json(self.about(Method::GET, id, "deliveries").query(query)).await
    }

    /// `GET /webhooks/{id}/deliveries/{delivery}`.
    pub async fn delivery(&self, id: &str, delivery: &str) -> Result<DeliveryView, ClientError> {
        self.json(self.about(Method::GET, id, &format!("deliveries/{}", segment(delivery)))).await
    }

    /// `POST /webhooks/{id}/deliveries/{delivery}/redeliver`.
    pub async fn redeliver(&self, id: &str, delivery: &str) -> Result<DeliveryView, ClientError> {
        self.json(self.about(Method::POST, id, &format!("deliveries/{}/redeliver", segment(delivery)))).await
    }

    fn about(&self, method: Method, id: &str, what: &str) -> reqwest::RequestBuilder {
        self.request(method, &format!("{}/{what}", one("webhooks", id)))
    }
}

fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, super::SEGMENT).to_string()
}
