//! What a token of scope `admin` may do: everything.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ods_store::{Author, Scope, Store};

use super::{AppState, Reader, Session};
use crate::error::ApiError;

/// Leave to do everything.
#[derive(Clone)]
pub(crate) struct Admin(Reader);

impl FromRequestParts<AppState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let session = Session::of(parts, state, Scope::Admin).await?;
        Ok(Self(Reader { state: state.clone(), session }))
    }
}

impl Admin {
    /// Who may do everything may look.
    pub(crate) fn reader(&self) -> &Reader {
        &self.0
    }

    /// The store. Its writes block.
    pub(crate) fn store(&self) -> &Store {
        &self.0.state.store
    }

    /// As whom it acts, and from where.
    pub(crate) fn author(&self) -> Author {
        self.0.author()
    }

    /// The hash of a password that is decent for the user of this name.
    pub(crate) async fn hash_password(&self, name: &str, password: String) -> Result<String, ApiError> {
        self.0.state.passwords.hash(name, password, self.0.state.store.random()).await
    }
}
