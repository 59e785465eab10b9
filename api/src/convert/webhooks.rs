//! Webhooks and their deliveries.

use ods_store::{Attempt, Delivery, DeliveryState, Lsn, Webhook, WebhookSwitch};

use super::timestamp;
use crate::types::{AttemptView, DeliveryView, FailingView, WebhookView};

/// A webhook; `head` is the newest record, and `message` what a record's delivery is called.
pub(crate) fn webhook(
    webhook: Webhook,
    (behind, behind_more): (u64, bool),
    message: impl Fn(Lsn) -> String,
) -> WebhookView {
    let Webhook { row, progress } = webhook;
    let etag = row.tag().to_string();
    let (enabled, disabled_reason, disabled_at) = match row.switch {
        WebhookSwitch::On => (true, None, None),
        WebhookSwitch::Off { reason, since } => (false, Some(reason), Some(timestamp(since))),
    };
    WebhookView {
        id: row.id.to_string(),
        name: row.settings.name,
        url: row.settings.url,
        types: row.settings.types,
        paths: row.settings.paths,
        tags: row.settings.tags,
        allow_private: row.settings.allow_private,
        enabled,
        disabled_reason,
        disabled_at,
        created_at: timestamp(row.created_at),
        created_by: row.by,
        old_secret_until: row.old_secret.map(|(_, until)| timestamp(until)),
        cursor: progress.cursor.get(),
        behind,
        behind_more,
        delivered_at: progress.delivered_at.map(timestamp),
        failing: progress.failing.map(|failing| FailingView {
            delivery: message(failing.lsn),
            attempts: failing.attempts,
            since: timestamp(failing.since),
            next_attempt_at: timestamp(failing.next_at),
            error: failing.error,
        }),
        etag,
    }
}

/// What the API calls a delivery's state.
pub(crate) const fn delivery_state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failing => "failing",
        DeliveryState::Failed => "failed",
        DeliveryState::Skipped => "skipped",
    }
}

/// A delivery.
pub(crate) fn delivery(lsn: Lsn, delivery: Delivery) -> DeliveryView {
    DeliveryView {
        id: delivery.message,
        lsn: lsn.get(),
        kind: delivery.kind,
        at: timestamp(delivery.at),
        state: delivery_state(delivery.state).to_owned(),
        tries: delivery.tries,
        body: delivery.body,
        attempts: delivery.attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(attempt: Attempt) -> AttemptView {
    AttemptView {
        at: timestamp(attempt.at),
        took_ms: attempt.took_ms,
        status: attempt.status,
        error: attempt.error,
        answer: attempt.answer,
        manual: attempt.manual,
    }
}
