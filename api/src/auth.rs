//! Who may do what: authorization is a value that a handler must hold to reach the store.
//!
//! Invariants:
//! - [`AppState`]'s store is private to this module. The only ways to it are the extractors [`Reader`], [`Publisher`],
//!   [`Admin`], [`DownloadAccess`], and [`SignIn`] for whoever wants in, so a route that forgets to ask for one can't do anything.
//! - Each gives only what its scope allows, and holds the caller's prefixes against every path.
//! - A session may do what its holder may at this moment. Its cookie changes nothing unless the request comes from this
//!   node's own page ([`origin`]); nor does Basic, which browsers remember, where the request says that it comes from another.
//! - A right token is always let in. A wrong one costs its address from a small budget ([`attempts`]), beyond which the
//!   answer is 429; so a flood of guesses neither fills the journal nor locks out others behind the same address.
//!   (Tokens are random enough that guessing is hopeless at any rate.) Passwords are not: there every try counts.

mod admin;
mod attempts;
mod credentials;
mod download;
mod leave;
mod origin;
mod passwords;
mod publisher;
mod reader;
mod sign_in;
mod state;
mod uploader;
mod witness;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use ods_store::{Author, Scope, SessionRow, SignedIn, UnixMillis, Who, is_session_shaped};

pub(crate) use admin::Admin;
pub(crate) use download::DownloadAccess;
pub(crate) use leave::{Leave, MayEnd};
pub(crate) use publisher::{PackageWriter, Publisher};
pub(crate) use reader::Reader;
pub(crate) use sign_in::{Begun, SignIn};
pub use state::{ApiOptions, AppState, DownloadMode};
pub(crate) use uploader::{Announced, Uploader};
pub(crate) use witness::witness;

use crate::error::{ApiError, Code};
use crate::request::{ClientAddress, Encrypted};
use credentials::Credentials;
use origin::Source;
use witness::Witness;

/// Somebody who has shown who they are: a token, or a session that one or a user began.
#[derive(Clone)]
pub(crate) struct Session {
    who: Who,
    begun: Option<SessionRow>,
    secret: String,
    address: ClientAddress,
    clock: fn() -> UnixMillis,
    witness: Option<Witness>,
}

impl Session {
    /// Checks a request's credentials against a scope.
    async fn of(parts: &Parts, state: &AppState, needed: Scope) -> Result<Self, ApiError> {
        let session = match Self::presented(parts, state)? {
            Ok(session) => Self { witness: parts.extensions.get().cloned(), ..session },
            Err(denied) => return Err(denied.answer(parts, state, BEARER).await),
        };
        session.must_have(needed)?;
        // Seen already now: what is done without an author's name is done in this one.
        session.author();
        state.note_use(&session).await;
        Ok(session)
    }

    /// Looks up what a request presents. A change that comes with a cookie must come from this node's own page; one with
    /// Basic must not come from another page.
    fn presented(parts: &Parts, state: &AppState) -> Result<Result<Self, Denied>, ApiError> {
        let address = ClientAddress::of(&parts.extensions);
        let cookie = state.cookie(Encrypted::of(&parts.extensions));
        let changes = !parts.method.is_safe();
        match Credentials::of(&parts.headers, &cookie.name) {
            Credentials::None => Ok(Err(Denied::Missing)),
            Credentials::Unreadable => Ok(Err(Denied::Unknown)),
            Credentials::Cookie(_) if changes && origin::source(parts) != Source::Own => Err(foreign()),
            Credentials::Basic(_) if changes && origin::source(parts) == Source::Foreign => Err(foreign()),
            Credentials::Cookie(secret) => Self::by_session(state, secret, address),
            Credentials::Bearer(secret) | Credentials::Basic(secret) if is_session_shaped(&secret) => {
                Self::by_session(state, secret, address)
            }
            Credentials::Bearer(secret) | Credentials::Basic(secret) => Self::by_token(state, secret, address),
        }
    }

    fn by_token(state: &AppState, secret: String, address: ClientAddress) -> Result<Result<Self, Denied>, ApiError> {
        Ok(match state.store.authenticate(&secret)? {
            None => Err(Denied::Unknown),
            Some(token) if token.is_expired(state.now()) => Err(Denied::Expired { name: token.name }),
            Some(token) => {
                Ok(Self { who: Who::Token(token), begun: None, secret, address, clock: state.clock, witness: None })
            }
        })
    }

    fn by_session(state: &AppState, secret: String, address: ClientAddress) -> Result<Result<Self, Denied>, ApiError> {
        let signed_in = state.store.session(&secret)?.filter(|signed_in| !signed_in.is_over(state.now()));
        let Some(SignedIn { session, who }) = signed_in else { return Ok(Err(Denied::Over)) };
        Ok(Ok(Self { who, begun: Some(session), secret, address, clock: state.clock, witness: None }))
    }

    fn must_have(&self, needed: Scope) -> Result<(), ApiError> {
        let actual = self.who.scope();
        if actual >= needed {
            return Ok(());
        }
        let (needed, actual) = (needed.as_str(), actual.as_str());
        let detail = format!("this needs scope {needed}; {} has scope {actual}", self.label());
        Err(ApiError::new(Code::ScopeTooSmall, detail).fact("needed", needed).fact("actual", actual))
    }

    /// Who it is.
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// The session, if it isn't a token that is presented each time.
    pub(crate) fn begun(&self) -> Option<&SessionRow> {
        self.begun.as_ref()
    }

    /// Who it is, for people: `token ci`.
    fn label(&self) -> String {
        self.who.author().as_str().to_owned()
    }

    /// Whether its prefixes allow a path.
    fn covers(&self, path: &ods_store::PackagePath) -> bool {
        self.who.covers(path)
    }

    /// As whom it acts, and from where.
    fn author(&self) -> Author {
        let author = self.who.author().at(&self.address.0.to_string()).by(&self.secret, &self.who, self.clock);
        match &self.witness {
            Some(witness) => witness.watch(author),
            None => author,
        }
    }

    /// Errs unless it still holds: for what goes on for hours. Reads the database.
    fn must_still_hold(&self, state: &AppState) -> Result<(), ApiError> {
        Ok(state.store.must_stand(&self.author(), state.now())?)
    }
}

/// Whether a request's credentials are somebody's of that scope. What is said of those that aren't is the extractors' to say.
pub(crate) fn is_let_in(parts: &Parts, state: &AppState, needed: Scope) -> bool {
    matches!(Session::presented(parts, state), Ok(Ok(session)) if session.must_have(needed).is_ok())
}

/// How the API asks for credentials. Not `Basic`, at which browsers would ask the user.
pub(crate) const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"ods\"");

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
    /// Its session is over, or its holder is gone. No guess: session secrets have a checksum, and are as random as tokens.
    Over,
    /// Nobody has this name and this password.
    WrongPassword,
}

impl Denied {
    /// The answer. Wrong credentials are counted against the address, and written down while that is not too much.
    async fn answer(self, parts: &Parts, state: &AppState, challenge: HeaderValue) -> ApiError {
        self.answer_for(ClientAddress::of(&parts.extensions), state, Some(challenge)).await
    }

    async fn answer_for(self, address: ClientAddress, state: &AppState, challenge: Option<HeaderValue>) -> ApiError {
        if matches!(self, Self::Missing | Self::Over) {
            return self.error(challenge);
        }
        if let Err(refused) = state.count_wrong_secret(address) {
            return refused;
        }
        let who = match &self {
            Self::Expired { name } => Author::new(&format!("token {name}")),
            _ => Author::new("unknown"),
        };
        let refused = attempts::Refused::Token(self.reason());
        state.note_refusal(&who.at(&address.0.to_string()), address, refused).await;
        self.error(challenge)
    }

    fn error(&self, challenge: Option<HeaderValue>) -> ApiError {
        let (code, detail) = match self {
            Self::Missing => (
                Code::CredentialsMissing,
                "send a token: `Authorization: Bearer ods_…`, or as the password of Basic; people sign in at /ui/",
            ),
            Self::Unknown => (Code::TokenUnknown, "this node knows no such token; make one with `ods token create`"),
            Self::Expired { .. } => {
                (Code::TokenExpired, "the token has expired; make a new one with `ods token create`")
            }
            Self::Over => (Code::SessionOver, "the session is over; sign in again"),
            Self::WrongPassword => (Code::SignInWrong, "no user has this name and this password"),
        };
        let error = ApiError::new(code, detail);
        match challenge {
            Some(challenge) => error.challenge(challenge),
            None => error,
        }
    }

    /// For journal and audit.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "no credentials",
            Self::Unknown => "unknown token",
            Self::Expired { .. } => "the token has expired",
            Self::Over => "the session is over",
            Self::WrongPassword => "wrong name or password",
        }
    }
}

fn too_many(of: attempts::Share, address: ClientAddress, retry_after_s: u64) -> ApiError {
    let detail = match of {
        attempts::Share::Address => format!("too many tries from {}; wait {retry_after_s} s", address.0),
        attempts::Share::Account => format!(
            "too many tries for this name, from here or elsewhere; wait {retry_after_s} s, or use a computer from which \
             it signed in since the node was started"
        ),
    };
    ApiError::new(Code::TooManyAttempts, detail).retry_after(retry_after_s)
}

fn foreign() -> ApiError {
    let detail = "a change that a browser signs in by itself, with a session's cookie or Basic, must come from this node's \
                  own page: send `Origin` with the address that is called; programs send a token as Bearer instead";
    ApiError::new(Code::ForeignOrigin, detail)
}
