//! Who may do what: authorization is a value that a handler must hold to reach the store.
//!
//! Invariants:
//! - [`AppState`]'s store is private to this module. The only ways to it are the extractors [`Reader`], [`Publisher`],
//!   [`Admin`] and [`DownloadAccess`], so a route that forgets to ask for one can't do anything.
//! - Each gives only what its scope allows, and holds the token's prefixes against every path.
//! - A right token is always let in. A wrong one costs its address from a small budget ([`attempts`]), beyond which the
//!   answer is 429; so a flood of guesses neither fills the journal nor locks out others behind the same address.
//!   (Tokens are random enough that guessing is hopeless at any rate.)

mod admin;
mod attempts;
mod credentials;
mod download;
mod publisher;
mod reader;
mod state;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use ods_store::{Author, Scope, TokenRow};

pub(crate) use admin::Admin;
pub(crate) use download::DownloadAccess;
pub(crate) use publisher::{PackageWriter, Publisher};
pub(crate) use reader::Reader;
pub use state::{ApiOptions, AppState, DownloadMode};

use crate::error::{ApiError, Code};
use crate::request::ClientAddress;
use credentials::Credentials;

/// A token that was presented and is right.
#[derive(Clone)]
pub(crate) struct Session {
    token: TokenRow,
    secret: String,
}

impl Session {
    /// Checks a request's credentials against a scope.
    async fn of(parts: &Parts, state: &AppState, needed: Scope) -> Result<Self, ApiError> {
        let session = match Credentials::of(&parts.headers) {
            Credentials::None => Err(Denied::Missing),
            Credentials::Unreadable => Err(Denied::Unknown),
            Credentials::Secret(secret) => Self::present(state, secret)?,
        };
        let session = match session {
            Ok(session) => session,
            Err(denied) => return Err(denied.answer(parts, state, BEARER).await),
        };
        session.must_have(needed)?;
        state.note_use(&session).await;
        Ok(session)
    }

    /// Looks a secret up.
    fn present(state: &AppState, secret: String) -> Result<Result<Self, Denied>, ApiError> {
        let now = state.now();
        Ok(match state.store.authenticate(&secret)? {
            None => Err(Denied::Unknown),
            Some(token) if token.is_expired(now) => Err(Denied::Expired { name: token.name }),
            Some(token) => Ok(Self { token, secret }),
        })
    }

    fn must_have(&self, needed: Scope) -> Result<(), ApiError> {
        let actual = self.token.scope;
        if actual >= needed {
            return Ok(());
        }
        let (needed, actual) = (needed.as_str(), actual.as_str());
        let detail = format!("this needs a token of scope {needed}; token {:?} has scope {actual}", self.token.name);
        Err(ApiError::new(Code::ScopeTooSmall, detail).fact("needed", needed).fact("actual", actual))
    }

    /// Whether the token's prefixes allow a path.
    fn covers(&self, path: &ods_store::PackagePath) -> bool {
        self.token.covers(path)
    }

    /// As whom it acts.
    fn author(&self) -> Author {
        Author::new(&format!("token {}", self.token.name))
    }

    /// Whether the token still holds: for answers that go on for hours.
    fn still_holds(&self, state: &AppState) -> bool {
        matches!(Self::present(state, self.secret.clone()), Ok(Ok(session)) if session.token.scope >= self.token.scope)
    }
}

/// How the API asks for credentials. Not `Basic`, at which browsers would ask the user.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"ods\"");

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Denied {
    /// It says nothing about who sends it.
    Missing,
    /// Its credentials can't be read, or nobody has them.
    Unknown,
    /// Its token is past its time.
    Expired {
        /// The token's name.
        name: String,
    },
}

impl Denied {
    /// The answer. Wrong credentials are counted against the address, and journalled while that is not too much.
    async fn answer(self, parts: &Parts, state: &AppState, challenge: HeaderValue) -> ApiError {
        let (code, detail) = match &self {
            Self::Missing => {
                let detail = "send a token: `Authorization: Bearer ods_…`, or as the password of Basic";
                return ApiError::new(Code::CredentialsMissing, detail).challenge(challenge);
            }
            Self::Unknown => (Code::TokenUnknown, "this node knows no such token; make one with `ods token create`"),
            Self::Expired { .. } => {
                (Code::TokenExpired, "the token has expired; make a new one with `ods token create`")
            }
        };
        let address = ClientAddress::of(&parts.extensions);
        match state.attempts.failed(address) {
            attempts::Verdict::TooMany { retry_after_s } => {
                let detail = format!("too many wrong credentials from {}; wait {retry_after_s} s", address.0);
                return ApiError::new(Code::TooManyAttempts, detail).retry_after(retry_after_s);
            }
            attempts::Verdict::Tolerated { journal: true } => state.note_refusal(address, &self).await,
            attempts::Verdict::Tolerated { journal: false } => {}
        }
        ApiError::new(code, detail).challenge(challenge)
    }

    /// For the journal.
    fn reason(&self) -> String {
        match self {
            Self::Missing => "no credentials".to_owned(),
            Self::Unknown => "unknown token".to_owned(),
            Self::Expired { name } => format!("token {name} has expired"),
        }
    }
}
