//! What webhooks need: to be made and changed, and, for the node that sends, how far each is.

use super::Store;
use crate::edit_tag::Expected;
use crate::error::Result;
use crate::journal::{self, Moment};
use crate::limits::PAGE_ROWS_MAX;
use crate::lsn::Lsn;
use crate::meta;
use crate::publish::Author;
use crate::schema::{DELIVERIES, DELIVERY_QUEUE, META, WEBHOOK_PROGRESS, WEBHOOKS};
use crate::time::UnixMillis;
use crate::webhooks::{
    self, Delivery, DeliveryPage, Settlement, Tried, Webhook, WebhookChange, WebhookError, WebhookId, WebhookSettings,
};

impl Store {
    /// All webhooks, oldest first.
    pub fn webhooks(&self) -> Result<Vec<Webhook>> {
        let read = self.read()?;
        webhooks::list(&read.open_table(WEBHOOKS)?, &read.open_table(WEBHOOK_PROGRESS)?)
    }

    /// One webhook.
    pub fn webhook(&self, id: WebhookId) -> Result<Webhook> {
        let read = self.read()?;
        let found = webhooks::get(&read.open_table(WEBHOOKS)?, &read.open_table(WEBHOOK_PROGRESS)?, id)?;
        found.ok_or_else(|| WebhookError::NoSuchWebhook.into())
    }

    /// Makes a webhook. It is told of what happens from here on.
    pub fn create_webhook(&self, settings: &WebhookSettings, author: &Author, now: UnixMillis) -> Result<Webhook> {
        let (settings, author) = (settings.clone(), author.clone());
        self.write(move |tx| webhooks::create(tx, Moment::live(now), &settings, &author))
    }

    /// Changes a webhook that stands as expected. Whatever held it up is tried again at once.
    pub fn change_webhook(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        expected: &Expected,
        author: &Author,
        now: UnixMillis,
    ) -> Result<Webhook> {
        let (change, expected, author) = (change.clone(), expected.clone(), author.clone());
        self.write(move |tx| webhooks::change(tx, Moment::live(now), id, &change, &expected, &author))
    }

    /// Removes a webhook that stands as expected, with its log; false if there is none.
    pub fn remove_webhook(&self, id: WebhookId, expected: &Expected, author: &Author, now: UnixMillis) -> Result<bool> {
        let (expected, author) = (expected.clone(), author.clone());
        self.write(move |tx| webhooks::remove(tx, Moment::live(now), id, &expected, &author))
    }

    /// Asks for a test to be sent; tells the record it is about.
    pub fn test_webhook(&self, id: WebhookId, author: &Author, now: UnixMillis) -> Result<Lsn> {
        let author = author.clone();
        self.write(move |tx| webhooks::test(tx, Moment::live(now), id, &author))
    }

    /// Passes over the delivery that holds a webhook up, which must be `expected` if that is given.
    pub fn skip_delivery(
        &self,
        id: WebhookId,
        expected: Option<Lsn>,
        author: &Author,
        now: UnixMillis,
    ) -> Result<Webhook> {
        let author = author.clone();
        self.write(move |tx| webhooks::skip(tx, Moment::live(now), id, expected, &author))
    }

    /// Passes over everything that a webhook wasn't told yet.
    pub fn skip_all_deliveries(&self, id: WebhookId, author: &Author, now: UnixMillis) -> Result<Webhook> {
        let author = author.clone();
        self.write(move |tx| webhooks::skip_all(tx, Moment::live(now), id, &author))
    }

    /// One delivery.
    pub fn delivery(&self, id: WebhookId, lsn: Lsn) -> Result<Delivery> {
        let found = webhooks::delivery(&self.read()?.open_table(DELIVERIES)?, id, lsn)?;
        found.ok_or_else(|| WebhookError::NoSuchDelivery.into())
    }

    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) deliveries before `before` that `keep` keeps, newest first.
    pub fn deliveries(
        &self,
        id: WebhookId,
        before: Option<Lsn>,
        limit: usize,
        keep: &mut dyn FnMut(&Delivery) -> bool,
    ) -> Result<DeliveryPage> {
        webhooks::page(&self.read()?.open_table(DELIVERIES)?, id, before, limit.min(PAGE_ROWS_MAX), keep)
    }

    /// Queues a delivery to be sent again.
    pub fn redeliver(&self, id: WebhookId, lsn: Lsn, author: &Author, now: UnixMillis) -> Result<()> {
        let author = author.clone();
        self.write(move |tx| webhooks::redeliver(tx, Moment::live(now), id, lsn, &author))
    }

    /// Queues all deliveries since a time that were given up or skipped, and those that were delivered if they are meant too;
    /// tells how many.
    pub fn redeliver_since(
        &self,
        id: WebhookId,
        (since, delivered): (UnixMillis, bool),
        author: &Author,
        now: UnixMillis,
    ) -> Result<u64> {
        let author = author.clone();
        self.write(move |tx| webhooks::redeliver_since(tx, Moment::live(now), id, (since, delivered), &author))
    }

    /// For the sender: deliveries that somebody wants sent, oldest first.
    pub fn queued_deliveries(&self, id: WebhookId, limit: usize) -> Result<Vec<Lsn>> {
        webhooks::queued(&self.read()?.open_table(DELIVERY_QUEUE)?, id, limit)
    }

    /// For the sender: logs what it has done and moves the cursor.
    pub fn settle_webhook(&self, settled: Settlement, now: UnixMillis) -> Result<()> {
        self.write(move |tx| webhooks::settle(tx, Moment::live(now), &settled))
    }

    /// For the sender: logs a delivery that somebody asked for.
    pub fn settle_resend(&self, id: WebhookId, tried: Tried, now: UnixMillis) -> Result<()> {
        self.write(move |tx| webhooks::settle_resend(tx, Moment::live(now), id, &tried))
    }

    /// The `webhook-id` of a record.
    pub fn message_id(&self, lsn: Lsn) -> Result<String> {
        Ok(journal::message_id(meta::need(&self.read()?.open_table(META)?, &meta::LOG_ID)?, lsn))
    }

    /// Removes deliveries that are older than `cutoff`, a bounded number of each webhook; whether there may be more.
    pub fn prune_deliveries(&self, cutoff: UnixMillis) -> Result<bool> {
        let webhooks: Vec<WebhookId> = self.webhooks()?.into_iter().map(|webhook| webhook.row.id).collect();
        self.write(move |tx| {
            let mut more = false;
            for id in &webhooks {
                more |= webhooks::prune(tx, *id, cutoff)?;
            }
            Ok(more)
        })
    }
}
