//! That no change goes untold. Whatever changes the store tells the audit itself, in the transaction of the change. Should
//! a handler change something without that (a worker's command, say), the call itself becomes the entry, here: what, to
//! which address, by whom, from where.
//!
//! Who asks may leave before the answer, and what was begun may go on without that: such a call becomes an entry when
//! the last that worked on it is done, if nothing was told by then. Whether it did anything isn't known, and said so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use ods_store::{Author, Deed, Facts, facts};
use tokio::runtime::Handle;

use super::AppState;
use crate::blocking::blocking;

/// Sees who makes a request, and whether the audit was told. All who work on the request hold it.
#[derive(Clone)]
pub(super) struct Witness(Arc<Seen>);

struct Seen {
    state: AppState,
    /// The method and the route.
    call: String,
    /// What of the route it is.
    address: String,
    author: OnceLock<Author>,
    told: Arc<AtomicBool>,
    /// It was answered, and what there was to tell of that is told.
    answered: AtomicBool,
}

impl Witness {
    fn new(state: AppState, request: &Request) -> Self {
        let pattern = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        Self(Arc::new(Seen {
            state,
            call: format!("{} {}", request.method(), pattern.unwrap_or_default()),
            address: request.uri().path().to_owned(),
            author: OnceLock::new(),
            told: Arc::default(),
            answered: AtomicBool::new(false),
        }))
    }

    /// The author of a request, before this witness.
    pub(super) fn watch(&self, author: Author) -> Author {
        let author = author.before(self.0.told.clone());
        self.0.author.get_or_init(|| author.clone());
        author
    }
}

impl Seen {
    /// Who is to be told of, unless that was done.
    fn untold(&self) -> Option<Author> {
        self.author.get().cloned().filter(|_| !self.told.load(Ordering::Relaxed))
    }

    fn facts(&self) -> Facts {
        facts([("address", self.address.clone())])
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let author = self.untold().filter(|_| !self.answered.load(Ordering::Relaxed));
        let (Some(author), Ok(runtime)) = (author, Handle::try_current()) else { return };
        let mut facts = self.facts();
        facts.insert("answer".to_owned(), "nobody waited for it".to_owned());
        drop(runtime.spawn(note(self.state.clone(), self.call.clone(), facts, author)));
    }
}

async fn note(state: AppState, call: String, facts: Facts, author: Author) {
    let deed = Deed::made("called", call, facts);
    let now = state.now();
    if blocking(move || state.store.note_deed(&deed, &author, now)).await.is_err() {
        tracing::error!("a change could not be told to the audit");
    }
}

/// The layer around all routes.
pub(crate) async fn witness(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let witness = Witness::new(state.clone(), &request);
    request.extensions_mut().insert(witness.clone());
    let response = next.run(request).await;
    let seen = &witness.0;
    seen.answered.store(true, Ordering::Relaxed);
    if let Some(author) = seen.untold().filter(|_| response.status().is_success()) {
        note(state, seen.call.clone(), seen.facts(), author).await;
    }
    response
}
