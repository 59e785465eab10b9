//! Whatever is done with a token or session is done before its end.

use ods_store::{
    AccountError, Author, Condition, Expected, MetaPatch, NewToken, NewUser, PublishRequest, Scope, Store, StoreError,
    UnixMillis,
};

use crate::support::{at, fresh, put_request, request};

fn token(scope: Scope) -> NewToken {
    NewToken { name: "ci".to_owned(), scope, prefixes: Vec::new(), expires_at: None }
}

/// What an author tries whose token or session ended, each time for the same reason.
fn assert_does_nothing(store: &Store, author: &Author, ended: &AccountError, now: UnixMillis) {
    let wish = PublishRequest { author: author.clone(), ..request("a.pkg") };
    let titled = PublishRequest { meta: MetaPatch::from([("title".to_owned(), Some("T".to_owned()))]), ..wish.clone() };
    let head = store.overview().expect("readable").head;
    let outcomes = [
        put_request(store, &wish, b"two", now).map(drop),
        put_request(store, &wish, b"one", now).map(drop),
        store.edit(&titled, now).map(drop),
        store.remove(&wish.path, &Condition::None, author, now).map(drop),
        store.create_token(&token(Scope::Admin), author, now).map(drop),
    ];
    for outcome in outcomes {
        let error = outcome.expect_err("refused");
        assert!(matches!(&error, StoreError::Account(reason) if reason == ended), "{error}");
    }
    assert_eq!(store.overview().expect("readable").head, head);
}

#[test]
fn a_revoked_token_does_nothing_that_it_was_sent_for_before() {
    let (_, store) = fresh(1);
    let admin = Author::new("test");
    let (row, secret) = store.create_token(&token(Scope::Publish), &admin, at(1)).expect("made");
    let author = ci().by(&secret);
    let wish = PublishRequest { author: author.clone(), ..request("a.pkg") };
    put_request(&store, &wish, b"one", at(2)).expect("it stands");
    assert!(store.revoke_token(row.id, &Expected::Any, &admin, at(3)).expect("revoked"));
    assert_does_nothing(&store, &author, &AccountError::TokenRevoked, at(4));
    let elsewhere = PublishRequest { author: author.regardless(), ..wish };
    put_request(&store, &elsewhere, b"two", at(5)).expect("no matter of a token");
}

#[test]
fn a_session_that_ended_does_nothing_that_it_was_sent_for_before_but_end() {
    let (_, store) = fresh(2);
    let admin = Author::new("test");
    let new =
        NewUser { name: "ada".to_owned(), password: "hashed".to_owned(), scope: Scope::Publish, prefixes: Vec::new() };
    let user = store.create_user(&new, &admin, at(1)).expect("made");
    let (signed_in, secret) = store.sign_in_user(user.id, "", &admin, at(1)).expect("signed in");
    let author = ci().by(&secret);
    let wish = PublishRequest { author: author.clone(), ..request("a.pkg") };
    put_request(&store, &wish, b"one", at(2)).expect("it stands");
    assert!(store.end_session(signed_in.session.id, &author, at(3)).expect("by itself"));
    assert_does_nothing(&store, &author, &AccountError::SessionEnded, at(4));
}

fn ci() -> Author {
    Author::new("token ci")
}
