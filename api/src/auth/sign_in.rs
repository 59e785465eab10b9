//! Signing in: the one way to the store for whoever has shown nothing yet. By name and password, by token, or by the
//! set-up link; each gives a session.

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use ods_store::{Author, NewUser, Scope, SignedIn, UserRow};

use super::attempts::{Refused, Share, Verdict};
use super::origin::{self, Source};
use super::{AppState, Denied, Session, too_many};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};
use crate::request::{ClientAddress, Encrypted};

/// Leave to try to sign in.
pub(crate) struct SignIn {
    state: AppState,
    address: ClientAddress,
    agent: String,
    encrypted: bool,
}

/// A session that has begun, with its secret.
pub(crate) struct Begun {
    /// The session and its holder.
    pub(crate) signed_in: SignedIn,
    /// What the browser is to keep.
    pub(crate) cookie: String,
}

impl FromRequestParts<AppState> for SignIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // Another site's page must not sign its reader in as somebody else.
        if origin::source(parts) == Source::Foreign {
            return Err(super::foreign());
        }
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Ok(Self {
            state: state.clone(),
            address: ClientAddress::of(&parts.extensions),
            agent: agent.to_owned(),
            encrypted: Encrypted::of(&parts.extensions),
        })
    }
}

impl SignIn {
    fn author(&self, who: &Author) -> Author {
        who.clone().at(&self.address.0.to_string())
    }

    /// With a user's name and password.
    pub(crate) async fn by_password(self, name: &str, password: String) -> Result<Begun, ApiError> {
        let shown: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
        let typed = Author::new(&format!("user {shown}"));
        self.state.count_password_try(name, &self.author(&typed), self.address).await?;
        let (store, asked) = (self.state.store.clone(), name.to_owned());
        let user = blocking(move || store.user_named(&asked)).await?;
        let hashed = user.as_ref().map(|user| user.password.clone());
        let fits = self.state.passwords.fits(password, hashed).await?;
        match user.filter(|_| fits) {
            Some(user) if user.disabled => Err(self.refuse(&typed, "the user is disabled").await),
            Some(user) => self.begin(user).await,
            None => Err(self.refuse(&typed, "wrong name or password").await),
        }
    }

    /// With a token.
    pub(crate) async fn by_token(self, secret: String) -> Result<Begun, ApiError> {
        let token = match Session::by_token(&self.state, secret.clone(), self.address)? {
            Ok(session) => session,
            Err(denied) => return Err(denied.answer_for(self.address, &self.state, None).await),
        };
        let (store, agent, now) = (self.state.store.clone(), self.agent.clone(), self.state.now());
        let begun = blocking(move || store.sign_in_token(&secret, &agent, &token.author(), now)).await?;
        Ok(self.begun(begun))
    }

    /// With the set-up link: makes the first admin user.
    pub(crate) async fn by_set_up_link(
        self,
        secret: String,
        name: String,
        password: String,
    ) -> Result<Begun, ApiError> {
        let typed = Author::new("set-up link");
        let (store, presented, now) = (self.state.store.clone(), secret.clone(), self.state.now());
        let checked = blocking(move || store.check_set_up_link(&presented, now)).await;
        self.note_set_up(&typed, checked).await?;
        let password = self.state.passwords.hash(&name, password, self.state.store.random()).await?;
        let new = NewUser { name, password, scope: Scope::Admin, prefixes: Vec::new() };
        let (store, author) = (self.state.store.clone(), self.author(&typed));
        // The link may have been used while the password was hashed.
        let redeemed = blocking(move || store.redeem_set_up_link(&secret, &new, &author, now)).await;
        let user = self.note_set_up(&typed, redeemed).await?;
        self.begin(user).await
    }

    /// Counts and writes down a refused set-up link. It is as random as a token, so a right one is always let in: no stranger
    /// keeps the first admin out.
    async fn note_set_up<T>(&self, typed: &Author, outcome: Result<T, ApiError>) -> Result<T, ApiError> {
        if let Err(error) = &outcome
            && matches!(error.code(), Code::SetUpUnknown | Code::SetUpExpired | Code::SetUpAlready)
        {
            self.state.count_wrong_secret(self.address)?;
            self.state.note_refusal(&self.author(typed), self.address, Refused::Token(error.detail())).await;
        }
        outcome
    }

    /// Begins the session of a user as was checked, unless that changed meanwhile: a password is checked for a while.
    async fn begin(self, user: UserRow) -> Result<Begun, ApiError> {
        let (name, typed) = (user.name.clone(), Author::new(&format!("user {}", user.name)));
        let (store, agent, now) = (self.state.store.clone(), self.agent.clone(), self.state.now());
        let author = self.author(&typed);
        let Some(begun) = blocking(move || store.sign_in_user(&user, &agent, &author, now)).await? else {
            return Err(self.refuse(&typed, "the user was changed meanwhile").await);
        };
        self.state.attempts.signed_in(&name, self.address);
        Ok(self.begun(begun))
    }

    fn begun(&self, (signed_in, secret): (SignedIn, String)) -> Begun {
        let cookie = self.state.cookie(self.encrypted).keeping(&secret, ods_store::SESSION_LIFE_MS / 1000);
        Begun { signed_in, cookie }
    }

    async fn refuse(&self, typed: &Author, reason: &'static str) -> ApiError {
        self.state.note_refusal(&self.author(typed), self.address, Refused::SignIn(reason)).await;
        Denied::WrongPassword.error(None)
    }
}

impl AppState {
    /// Counts a wrong token or set-up link. One that floods must not take the place of what others have written down.
    pub(super) fn count_wrong_secret(&self, address: ClientAddress) -> Result<(), ApiError> {
        let Verdict::TooMany { of, retry_after_s } = self.attempts.failed(address) else { return Ok(()) };
        self.attempts.not_written(1);
        Err(too_many(of, address, retry_after_s))
    }

    /// Counts a try with a password, before it is looked at: so a right one is no way around the bound either.
    pub(super) async fn count_password_try(
        &self,
        name: &str,
        author: &Author,
        address: ClientAddress,
    ) -> Result<(), ApiError> {
        let Verdict::TooMany { of, retry_after_s } = self.attempts.tries(name, address) else { return Ok(()) };
        // What an address sends beyond its share takes no place from what others have written down.
        match of {
            Share::Address => self.attempts.not_written(1),
            Share::Account => self.note_refusal(author, address, Refused::SignIn("too many tries")).await,
        }
        Err(too_many(of, address, retry_after_s))
    }
}

/// The name and attributes of the session's cookie.
pub(crate) struct Cookie {
    pub(super) name: String,
    pub(super) encrypted: bool,
}

impl Cookie {
    /// `Set-Cookie` that has the browser keep the secret for so many seconds.
    fn keeping(&self, secret: &str, seconds: u64) -> String {
        let secure = if self.encrypted { "; Secure" } else { "" };
        format!("{}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.name)
    }

    /// `Set-Cookie` that has the browser forget it.
    pub(crate) fn forgotten(&self) -> String {
        self.keeping("", 0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ods_store::{LocalDisk, Store, StoreOptions, UserPatch};

    use super::*;
    use crate::auth::ApiOptions;
    use crate::mesh_handle::MeshHandle;
    use crate::watch_handle::WatchHandle;

    const NOW: ods_store::UnixMillis = ods_store::UnixMillis::new(1_800_000_000_000);

    #[tokio::test]
    async fn a_password_changed_while_it_was_checked_is_a_wrong_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).expect("a store");
        let (mesh, _, _) = MeshHandle::new();
        let state = AppState::new(store.clone(), || NOW, ApiOptions::default(), mesh, WatchHandle::default());
        let admin = Author::new("test");
        let new = NewUser { name: "ada".to_owned(), password: "old".to_owned(), scope: Scope::Read, prefixes: vec![] };
        let checked = store.create_user(&new, &admin, NOW).expect("made");
        let sign_in = || SignIn {
            state: state.clone(),
            address: ClientAddress(std::net::IpAddr::from([192, 0, 2, 7])),
            agent: String::new(),
            encrypted: false,
        };
        assert!(sign_in().begin(checked.clone()).await.is_ok());
        let patch = UserPatch { password: Some("new".to_owned()), ..UserPatch::default() };
        store.edit_user(checked.id, &patch, None, None, &admin, NOW).expect("changed");
        let refused = sign_in().begin(checked).await.err().map(|error| error.code());
        assert_eq!((refused, store.sessions().expect("readable")), (Some(Code::SignInWrong), vec![]));
    }
}
