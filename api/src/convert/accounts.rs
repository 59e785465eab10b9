//! Tokens, users and sessions, as the wire has them.

use ods_store::{Scope, SessionId, SessionRow, SignedIn, TokenRow, UserRow, Who};

use super::timestamp;
use crate::types::{IdentityView, ScopeName, SessionView, TokenView, UserView};

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Publish => Self::Publish,
            ScopeName::Admin => Self::Admin,
        }
    }
}

/// A token.
pub(crate) fn token(row: TokenRow) -> TokenView {
    let etag = row.tag().to_string();
    TokenView {
        id: row.id.to_string(),
        name: row.name,
        scope: row.scope.as_str().to_owned(),
        prefixes: row.prefixes,
        created_at: timestamp(row.created_at),
        expires_at: row.expires_at.map(timestamp),
        last_used_at: row.last_used_at.map(timestamp),
        etag,
    }
}

/// A user, without its password.
pub(crate) fn user(row: UserRow) -> UserView {
    UserView {
        id: row.id.to_string(),
        name: row.name,
        scope: row.scope.as_str().to_owned(),
        prefixes: row.prefixes,
        disabled: row.disabled,
        created_at: timestamp(row.created_at),
        last_sign_in_at: row.last_sign_in_at.map(timestamp),
        version: row.version,
    }
}

/// Who makes a request.
pub(crate) fn identity(who: &Who, session: Option<&SessionRow>) -> IdentityView {
    let view = |row: &SessionRow| {
        let signed_in = SignedIn { session: row.clone(), who: who.clone() };
        self::session(&signed_in, Some(row.id))
    };
    IdentityView {
        kind: kind(who).to_owned(),
        id: match who {
            Who::User(user) => user.id.to_string(),
            Who::Token(token) => token.id.to_string(),
        },
        name: who.name().to_owned(),
        scope: who.scope().as_str().to_owned(),
        prefixes: who.prefixes().to_vec(),
        session: session.map(view),
    }
}

/// Somebody who is signed in; `own` is the session of the request.
pub(crate) fn session(SignedIn { session, who }: &SignedIn, own: Option<SessionId>) -> SessionView {
    SessionView {
        id: session.id.to_string(),
        kind: kind(who).to_owned(),
        name: who.name().to_owned(),
        scope: who.scope().as_str().to_owned(),
        started_at: timestamp(session.started_at),
        last_used_at: timestamp(session.last_used_at),
        expires_at: timestamp(session.expires_at()),
        from: session.from.clone(),
        agent: session.agent.clone(),
        current: own == Some(session.id),
    }
}

const fn kind(who: &Who) -> &'static str {
    match who {
        Who::User(_) => "user",
        Who::Token(_) => "token",
    }
}
