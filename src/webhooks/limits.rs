//! Every bound of the sender.

use std::time::Duration;

/// Deliveries that may begin at once of webhooks that are well, all together; one at a time of each.
pub(super) const WELL_SENDS_MAX: usize = 24;
/// The same of those whose last attempt failed: receivers that hang keep only each other waiting.
pub(super) const TROUBLED_SENDS_MAX: usize = 8;
/// A delivery that takes longer than this gives up its place, and goes on without. There is at most one of each webhook, so
/// there are never more than the store's cap on webhooks.
pub(super) const PLACE_FOR: Duration = Duration::from_secs(1);
/// How long a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a delivery may take, from the connection to the last byte of the answer that is looked at.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is kept for the next delivery.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Records read at a time.
pub(super) const BATCH_RECORDS: usize = 200;
/// Deliveries that one commit logs, at most: as many may come twice after a crash.
pub(super) const BATCH_MESSAGES: usize = 32;
/// What was delivered is logged at least so often.
pub(super) const SETTLE_EVERY: Duration = Duration::from_millis(100);
/// Records that don't concern a webhook move its cursor in memory; it is written down after so many, or each minute.
pub(super) const CURSOR_LAG_RECORDS: u64 = 1000;
/// How often that is.
pub(super) const SETTLE_CURSORS_EVERY: Duration = Duration::from_mins(1);
/// How long a sender rests when the store can't be read or written.
pub(super) const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
