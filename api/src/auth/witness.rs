//! That no change goes untold. Whatever changes the store tells the audit itself, in the transaction of the change. Should
//! a handler change something without that (a worker's command, say), the call itself becomes the entry, here: what, to
//! which address, by whom, from where.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use ods_store::{Author, Deed, Purpose, facts};

use super::AppState;
use crate::blocking::blocking;

/// Sees who makes a request, and whether the audit was told.
#[derive(Clone, Default)]
pub(super) struct Witness(Arc<Seen>);

#[derive(Default)]
struct Seen {
    author: OnceLock<Author>,
    told: Arc<AtomicBool>,
}

impl Witness {
    /// The author of a request, before this witness.
    pub(super) fn watch(&self, author: Author) -> Author {
        let author = author.before(self.0.told.clone());
        // What it tells was done by then.
        self.0.author.get_or_init(|| author.clone().regardless());
        author
    }
}

/// The layer around all routes.
pub(crate) async fn witness(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let witness = Witness::default();
    request.extensions_mut().insert(witness.clone());
    let pattern = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let (call, address) = (format!("{} {pattern}", request.method()), request.uri().path().to_owned());
    let response = next.run(request).await;
    let author = witness.0.author.get().cloned().filter(|_| response.status().is_success());
    if let Some(author) = author.filter(|_| !witness.0.told.load(Ordering::Relaxed)) {
        let deed = Deed::made("called", call, facts([("address", address)]));
        let now = state.now();
        let store = state.store.clone();
        if blocking(move || store.note_deed(Purpose::Any, &deed, &author, now)).await.is_err() {
            tracing::error!("a change could not be told to the audit");
        }
    }
    response
}
