//! Webhooks: who is told of what, how far each has been told, and what was sent.
//!
//! Each webhook is a durable cursor on the journal. A row of `webhooks` is what people asked for; `webhook_progress` is
//! how far the sender is. They are apart, so that an edit and a delivery never undo each other.
//!
//! Invariants:
//! - Every record up to a webhook's cursor was delivered to it, skipped by a person, or doesn't concern it. The cursor
//!   never goes back, and moves in the transaction that logs what it passes ([`deliveries`]).
//! - A webhook that gave up, or was switched off, keeps its cursor: switched on again, it goes on where it stopped.
//! - The journal is not pruned past the cursor of one that is enabled.
//! - Not here: whether something is sent, when, and how. That is the node's.

mod deliveries;
mod filter;

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

pub use deliveries::{Attempt, Delivery, DeliveryPage, DeliveryState, Settlement, Tried};
pub(crate) use deliveries::{
    delivery, drop_all, page, prune, queued, redeliver, redeliver_since, settle, settle_resend, skip, skip_all, test,
};
pub use filter::WebhookFilter;

use crate::audit::{self, Deed, Facts};
use crate::codec::{Added, from_row, to_row};
use crate::edit_tag::{EditTag, Expected};
use crate::error::{Result, StoreError};
use crate::journal::{self, Happening, Moment};
use crate::limits::{WEBHOOK_OLD_SECRETS_MAX, WEBHOOK_URL_BYTES_MAX, WEBHOOKS_MAX};
use crate::lsn::Lsn;
use crate::names::{check_characters, check_optional_name};
use crate::publish::{Author, check_tag};
use crate::schema::{WEBHOOK_PROGRESS, WEBHOOKS};
use crate::time::UnixMillis;
use crate::tx::Tx;

/// How long a secret from before a rotation signs too, at most: 7 days.
pub const OLD_SECRET_FOR_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;

/// What goes wrong with webhooks alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No webhook has this id.
    #[error("there is no such webhook")]
    NoSuchWebhook,
    /// The webhook's log has no such delivery.
    #[error("the webhook's log has no such delivery")]
    NoSuchDelivery,
    /// Nothing holds the webhook up, or not what the caller means.
    #[error("no such delivery holds the webhook up")]
    NothingToSkip,
    /// So many secrets from before rotations sign still.
    #[error(
        "{WEBHOOK_OLD_SECRETS_MAX} secrets from before earlier rotations still sign; wait until `old_secret_until`, or keep \
         none of them (`keep_old_for_s` 0), once the receivers have the one of now"
    )]
    TooManySecrets,
}

/// A webhook's name in URLs: 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WebhookId([u8; 8]);

impl WebhookId {
    pub(crate) const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for WebhookId {
    type Err = WebhookError;

    fn from_str(text: &str) -> Result<Self, WebhookError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(WebhookError::NoSuchWebhook)
    }
}

/// The key of a webhook's signatures.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret([u8; 32]);

impl WebhookSecret {
    /// As receivers are given it: `whsec_` and base64 (Standard Webhooks 1.0).
    pub fn text(&self) -> String {
        format!("whsec_{}", BASE64.encode(&self.0))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// What a webhook is for; what people set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSettings {
    /// What people call it; may be empty.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Names of types, or beginnings such as `package.*`; empty: all that webhooks may have.
    pub types: Vec<String>,
    /// Of packages, only those whose path matches one of these globs; empty: all. `*` matches `/` too.
    pub paths: Vec<String>,
    /// Of packages, only those with one of these tags; empty: all.
    pub tags: Vec<String>,
    /// Addresses that aren't public are allowed.
    pub allow_private: bool,
}

/// Whether a webhook is told anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebhookSwitch {
    /// Yes.
    On,
    /// No: by whom, or because of what.
    Off {
        /// Why.
        reason: String,
        /// Since when.
        since: UnixMillis,
    },
}

/// What is kept of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// What people set.
    pub settings: WebhookSettings,
    /// Whether it is told anything.
    pub switch: WebhookSwitch,
    /// The key of its signatures.
    pub secret: WebhookSecret,
    /// The key before, and until when it signs too.
    pub old_secret: Option<(WebhookSecret, UnixMillis)>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// By whom.
    pub by: String,
    /// How often it was changed.
    pub edits: u32,
    /// The keys before that one, the newest first, and until when they sign too: none longer than a newer one.
    older_secrets: Added<Vec<(WebhookSecret, UnixMillis)>>,
}

impl WebhookRow {
    /// Whether it is told anything.
    pub const fn is_on(&self) -> bool {
        matches!(self.switch, WebhookSwitch::On)
    }

    /// How it stands, as far as people set it.
    pub fn tag(&self) -> EditTag {
        EditTag::of(&(self.id, &self.settings, self.is_on(), self.edits))
    }

    /// The secrets that sign now, the newest first.
    pub fn secrets(&self, now: UnixMillis) -> Vec<&WebhookSecret> {
        std::iter::once(&self.secret).chain(self.old_secrets(now).map(|(secret, _)| secret)).collect()
    }

    /// Those of before that sign now, the newest first.
    fn old_secrets(&self, now: UnixMillis) -> impl Iterator<Item = &(WebhookSecret, UnixMillis)> {
        self.old_secret.iter().chain(&self.older_secrets.0).filter(move |(_, until)| now < *until)
    }

    /// Takes a new secret. That of now signs until then, and those of before no longer than that: whoever ends a secret at
    /// once, since others know it, doesn't leave older ones behind. Whoever rotates again while receivers are still being
    /// changed ends none that they have.
    fn rotate(&mut self, fresh: WebhookSecret, until: UnixMillis, now: UnixMillis) -> Result<()> {
        let old = (std::mem::replace(&mut self.secret, fresh), until);
        let before = self.old_secrets(now).map(|(secret, its)| (secret.clone(), until.min(*its)));
        let mut kept: Vec<_> = std::iter::once(old).chain(before).filter(|(_, until)| now < *until).collect();
        if kept.len() > WEBHOOK_OLD_SECRETS_MAX {
            return Err(WebhookError::TooManySecrets.into());
        }
        self.older_secrets = Added(kept.split_off(kept.len().min(1)));
        self.old_secret = kept.pop();
        Ok(())
    }
}

/// A delivery that doesn't get through, and holds up those behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Of which record.
    pub lsn: Lsn,
    /// How often it was tried since `since`.
    pub attempts: u32,
    /// When it was first tried, or last begun anew.
    pub since: UnixMillis,
    /// When it is tried again.
    pub next_at: UnixMillis,
    /// What went wrong the last time.
    pub error: String,
}

/// How far a webhook's sender is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WebhookProgress {
    /// All records up to here are done with.
    pub cursor: Lsn,
    /// The one behind it, if it doesn't get through.
    pub failing: Option<Failing>,
    /// When the last delivery got through.
    pub delivered_at: Option<UnixMillis>,
    /// Rows of its log.
    pub logged: u64,
}

/// A webhook and how far its sender is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// What people asked for.
    pub row: WebhookRow,
    /// How far it is.
    pub progress: WebhookProgress,
}

/// What people set anew of a webhook; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookEdit {
    /// What people call it.
    pub name: Option<String>,
    /// Where to.
    pub url: Option<String>,
    /// Names of types, or beginnings.
    pub types: Option<Vec<String>>,
    /// Globs of paths.
    pub paths: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// Whether addresses that aren't public are allowed.
    pub allow_private: Option<bool>,
    /// On or off.
    pub on: Option<bool>,
}

impl WebhookEdit {
    /// What `before` becomes.
    pub fn applied_to(&self, before: &WebhookSettings) -> WebhookSettings {
        let before = before.clone();
        WebhookSettings {
            name: self.name.clone().unwrap_or(before.name),
            url: self.url.clone().unwrap_or(before.url),
            types: self.types.clone().unwrap_or(before.types),
            paths: self.paths.clone().unwrap_or(before.paths),
            tags: self.tags.clone().unwrap_or(before.tags),
            allow_private: self.allow_private.unwrap_or(before.allow_private),
        }
    }
}

/// How a webhook is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookChange {
    /// Other settings, or another switch.
    Edit(WebhookEdit),
    /// A new secret; the one of now signs too for so long.
    Rotate {
        /// Milliseconds, at most [`OLD_SECRET_FOR_MS_MAX`].
        keep_old_for_ms: u64,
    },
}

/// Makes a webhook. It is told of what happens from here on.
pub(crate) fn create(tx: &Tx<'_>, moment: Moment, settings: &WebhookSettings, author: &Author) -> Result<Webhook> {
    check(settings, None)?;
    if tx.read(WEBHOOKS)?.len()? >= WEBHOOKS_MAX as u64 {
        return Err(StoreError::TooMany { what: "webhooks", max: WEBHOOKS_MAX });
    }
    let row = WebhookRow {
        id: WebhookId(tx.context.entropy.bytes()),
        settings: settings.clone(),
        switch: WebhookSwitch::On,
        secret: WebhookSecret(tx.context.entropy.bytes()),
        old_secret: None,
        created_at: moment.now,
        by: author.as_str().to_owned(),
        edits: 0,
        older_secrets: Added::default(),
    };
    put(tx, &row)?;
    let cursor = note(tx, moment, &row, &Deed::made("webhook.created", row.id, facts(&row)), author)?;
    let progress = WebhookProgress { cursor, ..WebhookProgress::default() };
    put_progress(tx, row.id, &progress)?;
    Ok(Webhook { row, progress })
}

/// Changes a webhook that stands as expected. Whatever held it up is tried again at once, with all its time before it: an
/// edit that changes nothing is told for just that, and for nothing where nothing is held up.
pub(crate) fn change(
    tx: &Tx<'_>,
    moment: Moment,
    id: WebhookId,
    change: &WebhookChange,
    expected: &Expected,
    author: &Author,
) -> Result<Webhook> {
    let Webhook { mut row, mut progress } = need(tx, id)?;
    expected.check("the webhook", row.tag())?;
    let (before, stood) = (facts(&row), (row.settings.clone(), row.is_on()));
    let told = match change {
        WebhookChange::Edit(edit) => {
            let asked = edit.applied_to(&row.settings);
            check(&asked, Some(&row.settings))?;
            row.settings = asked;
            match edit.on {
                Some(true) => row.switch = WebhookSwitch::On,
                Some(false) if row.is_on() => {
                    let reason = format!("switched off by {}", author.as_str());
                    row.switch = WebhookSwitch::Off { reason, since: moment.now };
                }
                Some(false) | None => {}
            }
            "webhook.changed"
        }
        WebhookChange::Rotate { keep_old_for_ms } => {
            let until = moment.now.plus_ms((*keep_old_for_ms).min(OLD_SECRET_FOR_MS_MAX));
            row.rotate(WebhookSecret(tx.context.entropy.bytes()), until, moment.now)?;
            "webhook.rotated"
        }
    };
    let changes = told == "webhook.rotated" || stood != (row.settings.clone(), row.is_on());
    let held_up = progress.failing.as_ref().map(|failing| failing.lsn);
    if !changes && (held_up.is_none() || !row.is_on()) {
        author.told();
        return Ok(Webhook { row, progress });
    }
    // What is under way is of the state before.
    row.edits = row.edits.wrapping_add(1);
    if let Some(failing) = &mut progress.failing {
        *failing = Failing { attempts: 0, since: moment.now, next_at: moment.now, ..failing.clone() };
    }
    put(tx, &row)?;
    put_progress(tx, id, &progress)?;
    match held_up.filter(|_| !changes) {
        Some(lsn) => deliveries::note_redelivered(tx, moment, id, lsn, author)?,
        None => drop(note(tx, moment, &row, &Deed::changed(told, id, before, facts(&row)), author)?),
    }
    Ok(Webhook { row, progress })
}

/// Removes a webhook that stands as expected, with its log; false if there is none.
pub(crate) fn remove(tx: &Tx<'_>, moment: Moment, id: WebhookId, expected: &Expected, author: &Author) -> Result<bool> {
    let Some(webhook) = get(&tx.read(WEBHOOKS)?, &tx.read(WEBHOOK_PROGRESS)?, id)? else { return Ok(false) };
    expected.check("the webhook", webhook.row.tag())?;
    tx.write(WEBHOOKS)?.remove(id.as_bytes())?;
    tx.write(WEBHOOK_PROGRESS)?.remove(id.as_bytes())?;
    drop_all(tx, id)?;
    note(tx, moment, &webhook.row, &Deed::ended("webhook.removed", id, facts(&webhook.row)), author)?;
    Ok(true)
}

/// One webhook.
pub(crate) fn get<T: ReadableTable<&'static [u8; 8], &'static [u8]>>(
    rows: &T,
    progress: &T,
    id: WebhookId,
) -> Result<Option<Webhook>> {
    let Some(row) = rows.get(id.as_bytes())?.map(|row| from_row("a webhook", row.value())).transpose()? else {
        return Ok(None);
    };
    let progress = progress.get(id.as_bytes())?.map(|row| from_row("a webhook's progress", row.value())).transpose()?;
    Ok(Some(Webhook { row, progress: progress.unwrap_or_default() }))
}

/// All webhooks, oldest first.
pub(crate) fn list<T: ReadableTable<&'static [u8; 8], &'static [u8]>>(rows: &T, progress: &T) -> Result<Vec<Webhook>> {
    let mut webhooks = Vec::new();
    for entry in rows.iter()? {
        let id = WebhookId(*entry?.0.value());
        webhooks.extend(get(rows, progress, id)?);
    }
    webhooks.sort_by_key(|webhook| (webhook.row.created_at, webhook.row.id));
    Ok(webhooks)
}

/// The least cursor of those that are enabled: the journal is kept from there on.
pub(crate) fn least_cursor(tx: &Tx<'_>) -> Result<Option<Lsn>> {
    let webhooks = list(&tx.read(WEBHOOKS)?, &tx.read(WEBHOOK_PROGRESS)?)?;
    Ok(webhooks.iter().filter(|webhook| webhook.row.is_on()).map(|webhook| webhook.progress.cursor).min())
}

fn need(tx: &Tx<'_>, id: WebhookId) -> Result<Webhook> {
    get(&tx.read(WEBHOOKS)?, &tx.read(WEBHOOK_PROGRESS)?, id)?.ok_or_else(|| WebhookError::NoSuchWebhook.into())
}

fn put(tx: &Tx<'_>, row: &WebhookRow) -> Result<()> {
    tx.write(WEBHOOKS)?.insert(row.id.as_bytes(), to_row(row).as_slice())?;
    tx.changed(|effects| effects.webhooks_changed = true);
    Ok(())
}

fn put_progress(tx: &Tx<'_>, id: WebhookId, progress: &WebhookProgress) -> Result<()> {
    tx.write(WEBHOOK_PROGRESS)?.insert(id.as_bytes(), to_row(progress).as_slice())?;
    Ok(())
}

/// Switches a webhook off because it doesn't get through, with an alarm.
fn give_up(tx: &Tx<'_>, moment: Moment, row: WebhookRow, reason: String) -> Result<()> {
    let name = if row.settings.name.is_empty() { row.id.to_string() } else { row.settings.name.clone() };
    let detail = format!(
        "webhook {name} to {} was switched off: {reason}. What happens is kept for it; see to the receiver, then switch \
         it on again (`ods webhook enable {}`)",
        row.settings.url, row.id
    );
    put(tx, &WebhookRow { switch: WebhookSwitch::Off { reason, since: moment.now }, ..row })?;
    journal::alarm(tx, moment, "webhook_disabled", detail).map(drop)
}

/// Tells audit and journal what was done to a webhook; gives the journal's place.
fn note(tx: &Tx<'_>, moment: Moment, row: &WebhookRow, deed: &Deed, author: &Author) -> Result<Lsn> {
    audit::append(tx, moment, author, deed)?;
    let happening = Happening::WebhookChanged {
        webhook: row.id.to_string(),
        url: row.settings.url.clone(),
        change: deed.action.trim_start_matches("webhook.").to_owned(),
        by: author.as_str().to_owned(),
    };
    journal::append(tx, moment, happening)
}

/// What the audit tells of a webhook: all that people set, and never a secret.
fn facts(row: &WebhookRow) -> Facts {
    let WebhookSettings { name, url, types, paths, tags, allow_private } = &row.settings;
    let old_secret_until = row.old_secret.as_ref().map(|(_, until)| audit::time(*until));
    audit::facts([
        ("name", name.clone()),
        ("url", url.clone()),
        ("types", audit::list(types)),
        ("paths", audit::list(paths)),
        ("tags", audit::list(tags)),
        ("allow_private", allow_private.to_string()),
        ("enabled", row.is_on().to_string()),
        ("old_secret_until", old_secret_until.unwrap_or_default()),
    ])
}

/// Errs if settings can't be a webhook's. What `before` had already, from an earlier version, may stay.
fn check(settings: &WebhookSettings, before: Option<&WebhookSettings>) -> Result<()> {
    check_optional_name("name", &settings.name)?;
    if settings.url.len() > WEBHOOK_URL_BYTES_MAX {
        let reason = format!("must have at most {WEBHOOK_URL_BYTES_MAX} bytes");
        return Err(StoreError::BadName { field: "url", reason });
    }
    if before.is_none_or(|before| before.url != settings.url) {
        check_characters("url", &settings.url)?;
    }
    let is_new = |tag: &&String| before.is_none_or(|before| !before.tags.contains(tag));
    for tag in settings.tags.iter().filter(is_new) {
        // No package could ever have another one.
        check_tag(tag).map_err(|reason| StoreError::BadName { field: "tags", reason })?;
        check_characters("tags", tag)?;
    }
    WebhookFilter::new(settings).map(drop)
}
