//! Webhooks: telling others what happens here. What is kept of them, and what they are told of, is the store's and the
//! API's matter; here they are sent.
//!
//! # Rules
//! - Each webhook is told of the journal's records in their order, one delivery at a time, at least once each, with the
//!   same `webhook-id` whenever it is sent (`lane.rs`). One that doesn't get through holds up those behind it.
//! - It is tried again ever more rarely, over three days; then the webhook is switched off with an alarm. A 410 does that
//!   at once (`schedule.rs`).
//! - Deliveries are signed (`sign.rs`), and go to no address but those that the webhook may be sent to (`post.rs`).
//!
//! # Invariants
//! - Where a webhook stands is in the store alone; what is known here is only when to look again. So nothing is lost
//!   when the node is killed: what was sent and not logged goes out again.
//! - No webhook waits for another, but for a place to begin in, and those are given back after [`limits::PLACE_FOR`] at
//!   the latest. Webhooks whose last attempt failed have places of their own, so that those that are well never wait
//!   for them.

mod lane;
mod limits;
mod places;
mod post;
mod schedule;
mod sign;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ods_api::{OwnAddresses, WebhookMessages};
use ods_store::{Lsn, Store, UnixMillis, WebhookId};
use tokio::sync::Notify;

use self::lane::{Lane, Rest};
use self::limits::{SETTLE_CURSORS_EVERY, TROUBLE_PAUSE};
use self::places::Places;
use self::post::Poster;
use self::schedule::rest_until;
use crate::tasks::Tasks;
use crate::worker::{Next, Worker, in_blocking};

/// What is known here of a webhook's lane.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// It delivers.
    running: bool,
    /// Something changed while it did: it looks again at once.
    again: bool,
    /// Else, until when it rests.
    rest: Rest,
    /// Since when.
    since: Instant,
    /// Records up to here don't concern it.
    examined: Lsn,
}

impl Known {
    /// One that looks at once.
    fn new() -> Self {
        let (running, again, rest) = (false, true, Rest::UntilChanged);
        Self { running, again, rest, since: Instant::now(), examined: Lsn::default() }
    }

    /// How long it rests on; none for one that runs, or waits for news.
    fn rests(&self, head: Lsn, now: UnixMillis) -> Option<Duration> {
        if self.running {
            return None;
        }
        if self.again {
            return Some(Duration::ZERO);
        }
        match self.rest {
            Rest::UntilNews(examined) => (head > examined).then_some(Duration::ZERO),
            Rest::Until(at) => Some(rest_until(at, now)),
            Rest::UntilChanged => None,
            Rest::Troubled => Some(TROUBLE_PAUSE.saturating_sub(self.since.elapsed())),
        }
    }
}

/// Starts the webhooks' lanes when there is something for them.
pub(crate) struct WebhookWorker {
    lane: LaneParts,
    wake: Arc<Notify>,
    /// Webhooks were changed, or somebody wants something sent.
    changed: Arc<AtomicBool>,
    tasks: Tasks<(WebhookId, Rest)>,
    lanes: BTreeMap<WebhookId, Known>,
    cursors_settled: Instant,
}

/// What every lane is given.
struct LaneParts {
    store: Store,
    clock: fn() -> UnixMillis,
    messages: WebhookMessages,
    poster: Arc<Poster>,
    places: Arc<Places>,
}

impl WebhookWorker {
    /// A worker that is woken by commits. Packages link to below `/{root}/`; nothing is sent to `own`.
    pub(crate) fn new(store: Store, clock: fn() -> UnixMillis, root: &str, own: OwnAddresses) -> Self {
        let (wake, changed) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
        let (notify, note) = (wake.clone(), changed.clone());
        store.on_commit(move |committed| {
            if committed.webhooks_changed {
                note.store(true, Ordering::SeqCst);
            }
            notify.notify_one();
        });
        let lane = LaneParts {
            messages: WebhookMessages::new(store.clone(), root),
            store,
            clock,
            poster: Arc::new(Poster::new(own)),
            places: Arc::new(Places::new()),
        };
        let tasks = Tasks::new(wake.clone());
        Self { lane, wake, changed, tasks, lanes: BTreeMap::new(), cursors_settled: Instant::now() }
    }

    /// Takes over which webhooks there are; all look again.
    async fn reload(&mut self) {
        let store = self.lane.store.clone();
        let Some(Ok(webhooks)) = in_blocking(move || store.webhooks()).await else {
            self.changed.store(true, Ordering::SeqCst);
            return;
        };
        let ids: Vec<WebhookId> = webhooks.iter().map(|webhook| webhook.row.id).collect();
        self.lane.poster.keep_only(&ids);
        self.lanes.retain(|id, known| ids.contains(id) || known.running);
        for id in ids {
            self.lanes.entry(id).or_insert_with(Known::new).again = true;
        }
    }

    /// Takes in what ended since the last tick.
    fn take_ended(&mut self) {
        for (id, rest) in self.tasks.take() {
            let Some(known) = self.lanes.get_mut(&id) else { continue };
            *known = Known { running: false, rest, since: Instant::now(), ..*known };
            if let Rest::UntilNews(examined) = rest {
                known.examined = known.examined.max(examined);
            }
        }
    }

    fn start(&mut self, id: WebhookId, settle_cursor: bool) {
        let Some(known) = self.lanes.get_mut(&id) else { return };
        (known.running, known.again) = (true, false);
        let LaneParts { store, clock, messages, poster, places } = &self.lane;
        let lane = Lane {
            store: store.clone(),
            clock: *clock,
            messages: messages.clone(),
            poster: poster.clone(),
            places: places.clone(),
            id,
            examined: known.examined,
            settle_cursor,
            resent: false,
        };
        self.tasks.start(lane.run());
    }
}

impl Worker for WebhookWorker {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    async fn tick(&mut self) -> Next {
        self.take_ended();
        if self.changed.swap(false, Ordering::SeqCst) {
            self.reload().await;
        }
        let settle_cursors = self.cursors_settled.elapsed() >= SETTLE_CURSORS_EVERY;
        if settle_cursors {
            self.cursors_settled = Instant::now();
        }
        let (head, now) = (self.lane.store.head(), (self.lane.clock)());
        let ids: Vec<WebhookId> = self.lanes.keys().copied().collect();
        for id in ids {
            let known = self.lanes[&id];
            let waits_for_news = !known.running && matches!(known.rest, Rest::UntilNews(_));
            if known.rests(head, now) == Some(Duration::ZERO) || (settle_cursors && waits_for_news) {
                self.start(id, settle_cursors);
            }
        }
        let rests = self.lanes.values().filter_map(|known| known.rests(head, now));
        Next::After(rests.min().unwrap_or(SETTLE_CURSORS_EVERY).min(SETTLE_CURSORS_EVERY))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ods_store::{Author, Deed, Purpose, SimDisk, StoreOptions, WebhookSettings, facts};
    use tokio::time::timeout;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    /// A lane that were started again and again for nothing would take a core.
    #[tokio::test]
    async fn a_webhook_rests_also_when_the_last_that_happened_is_an_entry_of_the_audit() {
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).unwrap();
        let settings = WebhookSettings {
            name: String::new(),
            url: "https://hooks.example.org/".to_owned(),
            types: vec!["package.*".to_owned()],
            paths: Vec::new(),
            tags: Vec::new(),
            allow_private: false,
        };
        let author = Author::new("test");
        store.create_webhook(&settings, &author, NOW).unwrap();
        let mut worker = WebhookWorker::new(store.clone(), || NOW, "Packages", OwnAddresses::default());
        for deeds in 0..3 {
            for _ in 0..5 {
                worker.tick().await;
                // A lane that ends wakes the worker.
                let _woken = timeout(Duration::from_secs(2), worker.wake.clone().notified()).await;
                worker.take_ended();
                if !worker.lanes.values().any(|known| known.running) {
                    break;
                }
            }
            worker.tick().await;
            assert!(!worker.lanes.values().any(|known| known.running), "it doesn't rest after {deeds} deeds");
            store.note_deed(Purpose::Any, &Deed::made("called", "POST /x", facts([])), &author, NOW).unwrap();
        }
    }
}
