//! What was sent to webhooks: each delivery with its body and its attempts, and those that people want sent again.
//!
//! A delivery is named by its webhook and the record that it tells of; its message id is the same whenever it is sent.
//! The log is bounded: rows of each webhook by number and age, attempts of a row by number, answers by length.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::{Failing, Webhook, WebhookError, WebhookId, WebhookProgress, get, give_up, need, note, put_progress};
use crate::audit::{self, Deed};
use crate::codec::{from_row, to_row};
use crate::error::Result;
use crate::journal::{self, Happening, Moment};
use crate::limits::{
    DELIVERIES_PER_WEBHOOK_MAX, DELIVERY_ATTEMPTS_MAX, DELIVERY_PAGE_BYTES_MAX, DELIVERY_PRUNE_ROWS,
    DELIVERY_ROWS_EXAMINED,
};
use crate::lsn::Lsn;
use crate::publish::Author;
use crate::schema::{DELIVERIES, DELIVERY_QUEUE, WEBHOOK_PROGRESS, WEBHOOKS};
use crate::time::UnixMillis;
use crate::tx::Tx;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeliveryState {
    /// Not tried yet.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It is tried again.
    Failing,
    /// It was given up.
    Failed,
    /// A person passed over it.
    Skipped,
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// How long it took.
    pub took_ms: u64,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// What went wrong, if it didn't get through.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: String,
    /// Somebody asked for it.
    pub manual: bool,
}

impl Attempt {
    /// Whether the receiver took it.
    pub const fn delivered(&self) -> bool {
        self.error.is_none()
    }
}

/// One record on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The `webhook-id`: the same on each attempt.
    pub message: String,
    /// The record's type.
    pub kind: String,
    /// What is sent; empty before the first attempt.
    pub body: String,
    /// When it was first to be sent.
    pub at: UnixMillis,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// The latest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Deliveries of a webhook, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Each with its record's place.
    pub items: Vec<(Lsn, Delivery)>,
    /// What the next page comes before; `None` at the end. A page may be short and still have a next.
    pub next: Option<Lsn>,
}

/// A delivery that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its record.
    pub lsn: Lsn,
    /// The `webhook-id`.
    pub message: String,
    /// The record's type.
    pub kind: String,
    /// What was sent.
    pub body: String,
    /// How it went.
    pub attempt: Attempt,
}

/// What a sender has done since the last time, in the order of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Whose sender.
    pub webhook: WebhookId,
    /// The webhook's edits when it was read: what is settled of an earlier state moves no timers of the present one.
    pub edits: u32,
    /// Records up to here are done with.
    pub cursor: Lsn,
    /// What was tried. Only the last may have failed.
    pub tried: Vec<Tried>,
    /// What the failed one does next.
    pub failing: Option<Failing>,
    /// Why the webhook is given up, if it is.
    pub given_up: Option<String>,
}

type Key = (&'static [u8; 8], u64);

/// Logs what a sender has done and moves its cursor. Nothing if the webhook is gone.
pub(crate) fn settle(tx: &Tx<'_>, moment: Moment, settled: &Settlement) -> Result<()> {
    let id = settled.webhook;
    let Some(Webhook { row, mut progress }) = get(&tx.read(WEBHOOKS)?, &tx.read(WEBHOOK_PROGRESS)?, id)? else {
        return Ok(());
    };
    progress.cursor = progress.cursor.max(settled.cursor);
    for tried in &settled.tried {
        let failed = if settled.given_up.is_some() { DeliveryState::Failed } else { DeliveryState::Failing };
        // What a person skipped while it was under way stays skipped.
        let failed = if tried.lsn <= progress.cursor { DeliveryState::Skipped } else { failed };
        let state = if tried.attempt.delivered() { DeliveryState::Delivered } else { failed };
        log(tx, id, &mut progress, tried, state)?;
    }
    let last = settled.tried.iter().rev().find(|tried| tried.attempt.delivered());
    progress.delivered_at = last.map(|tried| tried.attempt.at).or(progress.delivered_at);
    let same = row.edits == settled.edits;
    if let Some(failing) = &settled.failing {
        let anew = Failing { attempts: 0, since: moment.now, next_at: moment.now, ..failing.clone() };
        progress.failing = Some(if same { failing.clone() } else { anew });
    }
    progress.failing = progress.failing.filter(|failing| failing.lsn > progress.cursor);
    put_progress(tx, id, &progress)?;
    match &settled.given_up {
        Some(reason) if same && row.is_on() && progress.failing.is_some() => give_up(tx, moment, row, reason.clone()),
        Some(_) | None => Ok(()),
    }
}

/// Logs a delivery that somebody asked for. One that gets through is done with, wherever the cursor is.
pub(crate) fn settle_resend(tx: &Tx<'_>, moment: Moment, id: WebhookId, tried: &Tried) -> Result<()> {
    let Some(Webhook { mut progress, .. }) = get(&tx.read(WEBHOOKS)?, &tx.read(WEBHOOK_PROGRESS)?, id)? else {
        return Ok(());
    };
    tx.write(DELIVERY_QUEUE)?.remove((id.as_bytes(), tried.lsn.get()))?;
    let before = delivery(&tx.read(DELIVERIES)?, id, tried.lsn)?.map(|delivery| delivery.state);
    let state = match before {
        _ if tried.attempt.delivered() => DeliveryState::Delivered,
        // Who wanted it again doesn't have it; so it is found among what failed.
        None | Some(DeliveryState::Waiting | DeliveryState::Delivered) => DeliveryState::Failed,
        Some(state) => state,
    };
    log(tx, id, &mut progress, tried, state)?;
    if tried.attempt.delivered() {
        progress.delivered_at = Some(tried.attempt.at);
        match &mut progress.failing {
            Some(failing) if failing.lsn == tried.lsn => {
                progress.cursor = progress.cursor.max(tried.lsn);
                progress.failing = None;
            }
            // The receiver answers again.
            Some(failing) => failing.next_at = moment.now,
            None => {}
        }
    }
    put_progress(tx, id, &progress)
}

/// Adds an attempt to the log.
fn log(tx: &Tx<'_>, id: WebhookId, progress: &mut WebhookProgress, tried: &Tried, state: DeliveryState) -> Result<()> {
    let known = delivery(&tx.read(DELIVERIES)?, id, tried.lsn)?;
    let is_new = known.is_none();
    let mut delivery = known.unwrap_or_else(|| Delivery {
        message: tried.message.clone(),
        kind: tried.kind.clone(),
        body: String::new(),
        at: tried.attempt.at,
        state,
        tries: 0,
        attempts: Vec::new(),
    });
    delivery.body.clone_from(&tried.body);
    delivery.state = state;
    delivery.tries = delivery.tries.saturating_add(1);
    delivery.attempts.push(tried.attempt.clone());
    let surplus = delivery.attempts.len().saturating_sub(DELIVERY_ATTEMPTS_MAX);
    delivery.attempts.drain(..surplus);
    put(tx, id, tried.lsn, &delivery)?;
    if is_new { count_in(tx, id, progress) } else { Ok(()) }
}

/// Counts a new row, and removes the oldest beyond the cap.
fn count_in(tx: &Tx<'_>, id: WebhookId, progress: &mut WebhookProgress) -> Result<()> {
    progress.logged = progress.logged.saturating_add(1);
    if progress.logged <= DELIVERIES_PER_WEBHOOK_MAX {
        return Ok(());
    }
    let oldest = tx.read(DELIVERIES)?.range(span(id.as_bytes()))?.next().transpose()?.map(|(key, _)| key.value().1);
    if let Some(lsn) = oldest {
        tx.write(DELIVERIES)?.remove((id.as_bytes(), lsn))?;
        tx.write(DELIVERY_QUEUE)?.remove((id.as_bytes(), lsn))?;
        progress.logged -= 1;
    }
    Ok(())
}

fn put(tx: &Tx<'_>, id: WebhookId, lsn: Lsn, delivery: &Delivery) -> Result<()> {
    tx.write(DELIVERIES)?.insert((id.as_bytes(), lsn.get()), to_row(delivery).as_slice())?;
    Ok(())
}

/// The keys of a webhook.
fn span(id: &[u8; 8]) -> std::ops::RangeInclusive<(&[u8; 8], u64)> {
    (id, 0)..=(id, u64::MAX)
}

/// One delivery.
pub(crate) fn delivery(
    table: &impl ReadableTable<Key, &'static [u8]>,
    id: WebhookId,
    lsn: Lsn,
) -> Result<Option<Delivery>> {
    table.get((id.as_bytes(), lsn.get()))?.map(|row| from_row("a delivery", row.value())).transpose()
}

/// Up to `limit` deliveries before `before` that `keep` keeps, newest first.
pub(crate) fn page(
    table: &impl ReadableTable<Key, &'static [u8]>,
    id: WebhookId,
    before: Option<Lsn>,
    limit: usize,
    keep: &mut dyn FnMut(&Delivery) -> bool,
) -> Result<DeliveryPage> {
    let key = id.as_bytes();
    let end = before.map_or(u64::MAX, Lsn::get);
    let mut page = DeliveryPage { items: Vec::new(), next: None };
    let (mut bytes, mut last) = (0, None);
    for (examined, entry) in table.range((key, 0)..(key, end))?.rev().enumerate() {
        let (at, row) = entry?;
        if page.items.len() == limit || examined == DELIVERY_ROWS_EXAMINED || bytes > DELIVERY_PAGE_BYTES_MAX {
            page.next = last;
            return Ok(page);
        }
        let lsn = Lsn::new(at.value().1);
        last = Some(lsn);
        let delivery: Delivery = from_row("a delivery", row.value())?;
        if keep(&delivery) {
            bytes += row.value().len();
            page.items.push((lsn, delivery));
        }
    }
    Ok(page)
}

/// The deliveries that somebody wants sent, oldest first, `limit` at most.
pub(crate) fn queued(table: &impl ReadableTable<Key, ()>, id: WebhookId, limit: usize) -> Result<Vec<Lsn>> {
    table.range(span(id.as_bytes()))?.take(limit).map(|entry| Ok(Lsn::new(entry?.0.value().1))).collect()
}

/// Journals a test and queues it; tells its record.
pub(crate) fn test(tx: &Tx<'_>, moment: Moment, id: WebhookId, author: &Author) -> Result<Lsn> {
    let Webhook { mut progress, .. } = need(tx, id)?;
    let happening = Happening::WebhookTest { webhook: id.to_string(), by: author.as_str().to_owned() };
    let kind = happening.kind().to_owned();
    let lsn = journal::append(tx, moment, happening)?;
    let delivery = Delivery {
        message: journal::message_id(tx.meta(&crate::meta::LOG_ID)?, lsn),
        kind,
        body: String::new(),
        at: moment.now,
        state: DeliveryState::Waiting,
        tries: 0,
        attempts: Vec::new(),
    };
    put(tx, id, lsn, &delivery)?;
    count_in(tx, id, &mut progress)?;
    put_progress(tx, id, &progress)?;
    enqueue(tx, id, lsn)?;
    let sent = audit::facts([("delivery", delivery.message)]);
    audit::append(tx, moment, author, &Deed::made("webhook.tested", id, sent))?;
    Ok(lsn)
}

/// Queues a delivery to be sent again, since somebody asks for it.
pub(crate) fn redeliver(tx: &Tx<'_>, moment: Moment, id: WebhookId, lsn: Lsn, author: &Author) -> Result<()> {
    enqueue(tx, id, lsn)?;
    note_redelivered(tx, moment, id, lsn, author)
}

/// Tells the audit that a delivery is sent again.
pub(super) fn note_redelivered(tx: &Tx<'_>, moment: Moment, id: WebhookId, lsn: Lsn, author: &Author) -> Result<()> {
    let which = audit::facts([("delivery", journal::message_id(tx.meta(&crate::meta::LOG_ID)?, lsn))]);
    audit::append(tx, moment, author, &Deed::made("webhook.redelivered", id, which)).map(drop)
}

fn enqueue(tx: &Tx<'_>, id: WebhookId, lsn: Lsn) -> Result<()> {
    need(tx, id)?;
    if delivery(&tx.read(DELIVERIES)?, id, lsn)?.is_none() {
        return Err(WebhookError::NoSuchDelivery.into());
    }
    tx.write(DELIVERY_QUEUE)?.insert((id.as_bytes(), lsn.get()), ())?;
    tx.changed(|effects| effects.webhooks_changed = true);
    Ok(())
}

/// Queues all deliveries since a time that were given up or skipped, and those that were `delivered` if they are meant too;
/// tells how many.
pub(crate) fn redeliver_since(
    tx: &Tx<'_>,
    moment: Moment,
    id: WebhookId,
    (since, delivered): (UnixMillis, bool),
    author: &Author,
) -> Result<u64> {
    need(tx, id)?;
    let mut meant = Vec::new();
    for entry in tx.read(DELIVERIES)?.range(span(id.as_bytes()))? {
        let (key, row) = entry?;
        let delivery: Delivery = from_row("a delivery", row.value())?;
        let again = match delivery.state {
            DeliveryState::Failed | DeliveryState::Skipped => true,
            DeliveryState::Delivered => delivered,
            DeliveryState::Waiting | DeliveryState::Failing => false,
        };
        if again && delivery.at >= since {
            meant.push(key.value().1);
        }
    }
    if meant.is_empty() {
        author.told();
        return Ok(0);
    }
    for lsn in &meant {
        tx.write(DELIVERY_QUEUE)?.insert((id.as_bytes(), *lsn), ())?;
    }
    tx.changed(|effects| effects.webhooks_changed = true);
    let which = audit::facts([("since_ms", since.get().to_string()), ("deliveries", meant.len().to_string())]);
    audit::append(tx, moment, author, &Deed::made("webhook.redelivered", id, which))?;
    Ok(meant.len() as u64)
}

/// Passes over what holds a webhook up: the delivery that fails, which must be `expected` if that is given.
pub(crate) fn skip(
    tx: &Tx<'_>,
    moment: Moment,
    id: WebhookId,
    expected: Option<Lsn>,
    author: &Author,
) -> Result<Webhook> {
    let Webhook { row, progress } = need(tx, id)?;
    let failing = progress.failing.clone().filter(|failing| expected.is_none_or(|lsn| lsn == failing.lsn));
    let failing = failing.ok_or(WebhookError::NothingToSkip)?;
    mark_skipped(tx, id, failing.lsn)?;
    let progress = WebhookProgress { cursor: progress.cursor.max(failing.lsn), failing: None, ..progress };
    put_progress(tx, id, &progress)?;
    let which = audit::facts([("delivery", journal::message_id(tx.meta(&crate::meta::LOG_ID)?, failing.lsn))]);
    note(tx, moment, &row, &Deed::made("webhook.skipped", id, which), author)?;
    tx.changed(|effects| effects.webhooks_changed = true);
    Ok(Webhook { row, progress })
}

/// Passes over everything that a webhook wasn't told yet, and over what somebody wants it to be told again.
pub(crate) fn skip_all(tx: &Tx<'_>, moment: Moment, id: WebhookId, author: &Author) -> Result<Webhook> {
    let Webhook { row, progress } = need(tx, id)?;
    if let Some(failing) = &progress.failing {
        mark_skipped(tx, id, failing.lsn)?;
    }
    // What never went out doesn't wait any more; what did keeps what became of it.
    for lsn in queued(&tx.read(DELIVERY_QUEUE)?, id, usize::MAX)? {
        let known = delivery(&tx.read(DELIVERIES)?, id, lsn)?;
        if known.is_some_and(|delivery| delivery.state == DeliveryState::Waiting) {
            mark_skipped(tx, id, lsn)?;
        }
    }
    tx.write(DELIVERY_QUEUE)?.retain_in(span(id.as_bytes()), |_, ()| false)?;
    let all = audit::facts([("deliveries", "all".to_owned())]);
    let cursor = note(tx, moment, &row, &Deed::made("webhook.skipped", id, all), author)?;
    let progress = WebhookProgress { cursor, failing: None, ..progress };
    put_progress(tx, id, &progress)?;
    tx.changed(|effects| effects.webhooks_changed = true);
    Ok(Webhook { row, progress })
}

fn mark_skipped(tx: &Tx<'_>, id: WebhookId, lsn: Lsn) -> Result<()> {
    let known = delivery(&tx.read(DELIVERIES)?, id, lsn)?;
    let Some(delivery) = known else { return Ok(()) };
    put(tx, id, lsn, &Delivery { state: DeliveryState::Skipped, ..delivery })
}

/// Removes what is older than `cutoff`, a bounded number; whether there may be more.
pub(crate) fn prune(tx: &Tx<'_>, id: WebhookId, cutoff: UnixMillis) -> Result<bool> {
    let mut old = Vec::new();
    for entry in tx.read(DELIVERIES)?.range(span(id.as_bytes()))?.take(DELIVERY_PRUNE_ROWS) {
        let (key, row) = entry?;
        let delivery: Delivery = from_row("a delivery", row.value())?;
        if delivery.at >= cutoff {
            break;
        }
        old.push(key.value().1);
    }
    let webhook = get(&tx.read(WEBHOOKS)?, &tx.read(WEBHOOK_PROGRESS)?, id)?;
    let Some(Webhook { mut progress, .. }) = webhook.filter(|_| !old.is_empty()) else { return Ok(false) };
    for lsn in &old {
        tx.write(DELIVERIES)?.remove((id.as_bytes(), *lsn))?;
        tx.write(DELIVERY_QUEUE)?.remove((id.as_bytes(), *lsn))?;
    }
    progress.logged = progress.logged.saturating_sub(old.len() as u64);
    put_progress(tx, id, &progress)?;
    Ok(old.len() == DELIVERY_PRUNE_ROWS)
}

/// Removes the log of a webhook that is removed.
pub(crate) fn drop_all(tx: &Tx<'_>, id: WebhookId) -> Result<()> {
    tx.write(DELIVERIES)?.retain_in(span(id.as_bytes()), |_, _| false)?;
    tx.write(DELIVERY_QUEUE)?.retain_in(span(id.as_bytes()), |_, ()| false)?;
    Ok(())
}
