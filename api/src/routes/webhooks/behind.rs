//! How many deliveries webhooks have yet to get, counted for all of them in one pass over the journal.
//!
//! Invariant: a record is read once, however many webhooks have it before them, and of no webhook more than [`RECORDS_MAX`]
//! records behind its cursor are looked at.

use ods_store::{Lsn, PAGE_ROWS_MAX, Store, Webhook, WebhookFilter};

use crate::error::ApiError;
use crate::webhook_message::WebhookMessages;

/// Records behind a webhook's cursor that are looked through.
const RECORDS_MAX: usize = 5 * PAGE_ROWS_MAX;

/// What a webhook has yet to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    /// Deliveries.
    pub(super) deliveries: u64,
    /// There may be more than were counted.
    pub(super) more: bool,
}

/// A webhook that is being counted for.
struct Count {
    filter: WebhookFilter,
    at: Lsn,
    left: usize,
    deliveries: u64,
    ended: bool,
}

/// What each of `webhooks` has yet to be told, in their order.
pub(super) fn behind(store: &Store, webhooks: &[Webhook]) -> Result<Vec<Behind>, ApiError> {
    let begin = |webhook: &Webhook| {
        let filter = WebhookFilter::new(&webhook.row.settings)?;
        Ok(Count { filter, at: webhook.progress.cursor, left: RECORDS_MAX, deliveries: 0, ended: false })
    };
    let counts: Result<Vec<Count>, ApiError> = webhooks.iter().map(begin).collect();
    let mut counts = counts?;
    let messages = WebhookMessages::new(store.clone(), "");
    // From the one that is furthest behind. Where nobody counts any more, nothing is read.
    while let Some(from) = counts.iter().filter(|count| count.counts()).map(|count| count.at).min() {
        let page = store.records(from, PAGE_ROWS_MAX)?;
        for record in &page.items {
            for count in counts.iter_mut().filter(|count| count.counts() && count.at < record.lsn) {
                count.deliveries += u64::from(messages.concerns(record, &count.filter)?);
                (count.at, count.left) = (record.lsn, count.left - 1);
            }
        }
        if page.next.is_none() {
            let last = page.items.last().map_or(from, |record| record.lsn);
            for count in &mut counts {
                count.ended |= count.at >= last;
            }
        }
    }
    Ok(counts.into_iter().map(|count| Behind { deliveries: count.deliveries, more: !count.ended }).collect())
}

impl Count {
    /// Whether it goes on.
    fn counts(&self) -> bool {
        !self.ended && self.left > 0
    }
}
