//! The signature of a delivery, as Standard Webhooks 1.0 says. Pure.

use ods_store::{UnixMillis, WebhookSecret};
use standardwebhooks::Webhook;

/// The headers of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedHeaders {
    /// `webhook-id`.
    pub(super) id: String,
    /// `webhook-timestamp`: when this attempt is made, in seconds.
    pub(super) timestamp: String,
    /// `webhook-signature`: one for each secret, the newest first.
    pub(super) signature: String,
}

/// Signs a body. There are several secrets while they are rotated; a receiver needs one of them.
pub(super) fn sign(id: &str, body: &str, secrets: &[WebhookSecret], now: UnixMillis) -> SignedHeaders {
    let timestamp = i64::try_from(now.unix_seconds()).unwrap_or(i64::MAX);
    let signatures = secrets.iter().filter_map(|secret| {
        let signer = Webhook::from_bytes(secret.as_bytes().to_vec()).ok()?;
        // Fails only on a body that isn't UTF-8.
        signer.sign(id, timestamp, body.as_bytes()).ok()
    });
    SignedHeaders {
        id: id.to_owned(),
        timestamp: timestamp.to_string(),
        signature: signatures.collect::<Vec<_>>().join(" "),
    }
}
