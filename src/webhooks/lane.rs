//! One webhook's sender: delivers what is there, in order, one after the other, and says when to go on.
//!
//! Invariants:
//! - A record's delivery is tried only when all before it are done with; the cursor passes it only after an answer of
//!   success, or a person's word.
//! - What was sent and isn't logged yet is sent again after a crash, with the same id.
//! - What somebody asked for (a test, an old delivery) goes in between, once, and moves nothing.

use std::sync::Arc;
use std::time::Instant;

use ods_api::{WebhookMessage, WebhookMessages};
use ods_store::{
    Delivery, Failing, Happening, Lsn, Record, Settlement, Store, StoreError, Tried, UnixMillis, Webhook, WebhookError,
    WebhookFilter, WebhookId,
};

use super::limits::{BATCH_MESSAGES, BATCH_RECORDS, CURSOR_LAG_RECORDS, SETTLE_EVERY};
use super::places::Places;
use super::post::{Poster, Sent};
use super::schedule::{Verdict, after_failure};
use crate::worker::in_blocking;

/// When a lane goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// When there are records behind this one.
    UntilNews(Lsn),
    /// At this time.
    Until(UnixMillis),
    /// When the webhook is changed.
    UntilChanged,
    /// The store failed; later.
    Troubled,
}

/// What a lane has at hand.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) store: Store,
    pub(super) clock: fn() -> UnixMillis,
    pub(super) messages: WebhookMessages,
    pub(super) poster: Arc<Poster>,
    pub(super) places: Arc<Places>,
    pub(super) id: WebhookId,
    /// Records up to here don't concern it, though its cursor in the store may not say so yet.
    pub(super) examined: Lsn,
    /// Write down how far it is, also if nothing was sent.
    pub(super) settle_cursor: bool,
    /// The last one was sent since somebody asked for it: news goes first now, however much is asked for.
    pub(super) resent: bool,
}

/// What to do next.
enum Work {
    /// Send what somebody asked for.
    Resend(Box<Webhook>, Lsn, WebhookMessage),
    /// Send these.
    Send(Box<Batch>),
    /// Nothing.
    Rest(Rest),
}

struct Batch {
    webhook: Webhook,
    messages: Vec<(Lsn, WebhookMessage)>,
    examined: Lsn,
}

impl Lane {
    /// Delivers until there is nothing to do for now.
    pub(super) async fn run(mut self) -> (WebhookId, Rest) {
        loop {
            match self.step().await {
                Ok(None) => {}
                Ok(Some(rest)) => return (self.id, rest),
                Err(StoreError::Webhook(WebhookError::NoSuchWebhook)) => return (self.id, Rest::UntilChanged),
                Err(error) => {
                    tracing::warn!(webhook = %self.id, %error, "a webhook's sender can't go on; it tries again");
                    return (self.id, Rest::Troubled);
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Rest>, StoreError> {
        let lane = self.clone();
        let work = in_blocking(move || lane.look()).await.ok_or(StoreError::Closing)??;
        match work {
            Work::Rest(rest) => Ok(Some(rest)),
            Work::Resend(webhook, lsn, message) => {
                self.resent = true;
                self.resend(&webhook, lsn, message).await.map(|()| None)
            }
            Work::Send(batch) => {
                self.resent = false;
                self.send(*batch).await
            }
        }
    }

    /// What there is to do: what somebody asked for, and news, by turns.
    fn look(&self) -> Result<Work, StoreError> {
        let webhook = self.store.webhook(self.id)?;
        let Some(lsn) = self.store.queued_deliveries(self.id, 1)?.pop() else { return self.news(webhook) };
        if self.resent
            && let news @ Work::Send(_) = self.news(webhook.clone())?
        {
            return Ok(news);
        }
        let message = self.message_of(lsn, self.store.delivery(self.id, lsn)?)?;
        Ok(Work::Resend(Box::new(webhook), lsn, message))
    }

    /// What there is to tell.
    fn news(&self, webhook: Webhook) -> Result<Work, StoreError> {
        if !webhook.row.is_on() {
            return Ok(Work::Rest(Rest::UntilChanged));
        }
        let now = (self.clock)();
        if let Some(failing) = &webhook.progress.failing
            && !super::schedule::rest_until(failing.next_at, now).is_zero()
        {
            return Ok(Work::Rest(Rest::Until(failing.next_at)));
        }
        let batch = self.gather(webhook)?;
        let lag = batch.examined.get().saturating_sub(batch.webhook.progress.cursor.get());
        let settle = lag >= CURSOR_LAG_RECORDS || (self.settle_cursor && lag > 0);
        if !batch.messages.is_empty() || settle {
            return Ok(Work::Send(Box::new(batch)));
        }
        Ok(Work::Rest(Rest::UntilNews(batch.examined)))
    }

    /// Reads on from the cursor until there is a batch to send or nothing more. Then all up to the head is examined: it may
    /// lie behind the last record, at an entry of the audit.
    fn gather(&self, webhook: Webhook) -> Result<Batch, StoreError> {
        let filter = WebhookFilter::new(&webhook.row.settings)?;
        let examined = webhook.progress.cursor.max(self.examined);
        let mut batch = Batch { webhook, messages: Vec::new(), examined };
        loop {
            let head = self.store.head();
            let page = self.store.records(batch.examined, BATCH_RECORDS)?;
            for record in &page.items {
                if batch.messages.len() == BATCH_MESSAGES {
                    return Ok(batch);
                }
                if let Some(message) = self.messages.filtered(record, &filter)? {
                    batch.messages.push((record.lsn, message));
                }
                batch.examined = record.lsn;
            }
            if page.next.is_none() {
                batch.examined = batch.examined.max(head);
                return Ok(batch);
            }
            if !batch.messages.is_empty() {
                return Ok(batch);
            }
        }
    }

    /// What is sent again: the body that was sent before, or, of a test, one made now.
    fn message_of(&self, lsn: Lsn, delivery: Delivery) -> Result<WebhookMessage, StoreError> {
        if !delivery.body.is_empty() {
            return Ok(WebhookMessage { id: delivery.message, kind: delivery.kind, body: delivery.body });
        }
        let found = self.store.records(Lsn::new(lsn.get().saturating_sub(1)), 1)?.items.pop();
        let what = Happening::WebhookTest { webhook: self.id.to_string(), by: String::new() };
        let pruned = Record { lsn, at: delivery.at, backfill: false, what };
        self.messages.of(&found.filter(|record| record.lsn == lsn).unwrap_or(pruned))
    }

    async fn resend(&self, webhook: &Webhook, lsn: Lsn, message: WebhookMessage) -> Result<(), StoreError> {
        let sent = self.post(webhook, &message, true).await?;
        let tried = tried(lsn, message, &sent);
        let (store, id, now) = (self.store.clone(), self.id, (self.clock)());
        in_blocking(move || store.settle_resend(id, tried, now)).await.unwrap_or(Err(StoreError::Closing))
    }

    /// Sends a batch, or as much of it as gets through in time, and logs it.
    async fn send(&mut self, batch: Batch) -> Result<Option<Rest>, StoreError> {
        let Batch { webhook, messages, examined } = batch;
        let mut settled = Settlement {
            webhook: self.id,
            edits: webhook.row.edits,
            cursor: webhook.progress.cursor,
            tried: Vec::new(),
            failing: None,
            given_up: None,
        };
        let (began, all) = (Instant::now(), messages.len());
        for (lsn, message) in messages {
            let sent = self.post(&webhook, &message, false).await?;
            settled.tried.push(tried(lsn, message, &sent));
            if !sent.attempt.delivered() {
                self.fail(&webhook, lsn, &sent, &mut settled);
                break;
            }
            settled.cursor = lsn;
            if began.elapsed() >= SETTLE_EVERY {
                break;
            }
        }
        if settled.tried.len() == all && settled.failing.is_none() {
            settled.cursor = examined;
        }
        self.examined = self.examined.max(settled.cursor);
        self.settle_cursor = false;
        let (store, now) = (self.store.clone(), (self.clock)());
        in_blocking(move || store.settle_webhook(settled, now)).await.unwrap_or(Err(StoreError::Closing))?;
        Ok(None)
    }

    /// Decides what becomes of a delivery that failed.
    fn fail(&self, webhook: &Webhook, lsn: Lsn, sent: &Sent, settled: &mut Settlement) {
        let now = (self.clock)();
        let error = sent.attempt.error.clone().unwrap_or_default();
        let before = webhook.progress.failing.as_ref().filter(|failing| failing.lsn == lsn);
        let attempts = before.map_or(0, |failing| failing.attempts).saturating_add(1);
        let since = before.map_or(sent.attempt.at, |failing| failing.since);
        let verdict = after_failure(attempts, since, now, sent.retry_after, u16::from_le_bytes(self.store.random()));
        let next_at = match verdict {
            _ if sent.gone => {
                settled.given_up = Some("the receiver said 410: it wants no more".to_owned());
                now
            }
            Verdict::Again(at) => at,
            Verdict::GiveUp => {
                settled.given_up = Some(format!("it didn't get through for three days; at last: {error}"));
                now
            }
        };
        tracing::debug!(webhook = %self.id, %lsn, attempts, error, "a webhook's delivery failed");
        settled.failing = Some(Failing { lsn, attempts, since, next_at, error });
    }

    async fn post(&self, webhook: &Webhook, message: &WebhookMessage, manual: bool) -> Result<Sent, StoreError> {
        let posting = async {
            // As they are at this moment: the node may have got another since the webhook was made, or read.
            let store = self.store.clone();
            let urls = in_blocking(move || store.urls()).await.ok_or(StoreError::Closing)??;
            Ok(self.poster.post(&webhook.row, message, urls, (self.clock)(), manual).await)
        };
        self.places.run(webhook.progress.failing.is_some(), posting).await
    }
}

fn tried(lsn: Lsn, message: WebhookMessage, sent: &Sent) -> Tried {
    Tried { lsn, message: message.id, kind: message.kind, body: message.body, attempt: sent.attempt.clone() }
}
