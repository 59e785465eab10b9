//! Whatever is done with a token or session is done before its end.

use ods_store::{
    AccountError, Author, Condition, Expected, MetaPatch, NewToken, NewUser, Once, PublishRequest, Scope, SignedIn,
    Store, StoreError, TokenRow, UnixMillis, UserPatch, UserRow, Who,
};

use crate::support::{at, fresh, put_request, request};

fn token(scope: Scope) -> NewToken {
    NewToken { name: "ci".to_owned(), scope, prefixes: Vec::new(), expires_at: None }
}

/// A token that ends at a time.
fn token_until(store: &Store, expires_at: UnixMillis) -> (TokenRow, String) {
    let new = NewToken { expires_at: Some(expires_at), ..token(Scope::Admin) };
    store.create_token(&new, &Author::new("test"), at(1)).expect("made")
}

/// Who acts by a token, while no time goes by.
fn by_token((row, secret): &(TokenRow, String)) -> Author {
    ci().by(secret, &Who::Token(row.clone()), || at(0))
}

/// Who acts by a session, while no time goes by.
fn by_session(signed_in: &SignedIn, secret: &str) -> Author {
    ci().by(secret, &signed_in.who, || at(0))
}

/// A session of a new user.
fn sign_in(store: &Store) -> (SignedIn, ods_store::UserId, String) {
    let user = store.create_user(&ada(), &Author::new("test"), at(1)).expect("made");
    let (signed_in, secret) =
        store.sign_in_user(&user, "", &Author::new("test"), at(1)).expect("written").expect("signed in");
    (signed_in, user.id, secret)
}

/// A request that names itself.
fn once() -> Once {
    Once::new("ci", "token", "key", b"{}")
}

/// What an author does whose token or session stands.
fn assert_acts(store: &Store, author: &Author, now: UnixMillis) {
    let wish = PublishRequest { author: author.clone(), ..request("a.pkg") };
    put_request(store, &wish, b"one", now).expect("it stands");
    store.create_token_once(&token(Scope::Read), Some(once()), author, now).expect("it stands");
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
        store.create_token_once(&token(Scope::Read), Some(once()), author, now).map(drop),
        store.note_joining("an invite", author, now).map(drop),
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
    let made = store.create_token(&token(Scope::Publish), &admin, at(1)).expect("made");
    let author = by_token(&made);
    assert_acts(&store, &author, at(2));
    assert!(store.revoke_token(made.0.id, &Expected::Any, &admin, at(3)).expect("revoked"));
    assert_does_nothing(&store, &author, &AccountError::TokenRevoked, at(4));
    let elsewhere = PublishRequest { author: author.regardless(), ..request("a.pkg") };
    put_request(&store, &elsewhere, b"two", at(5)).expect("no matter of a token");
}

#[test]
fn a_session_that_ended_does_nothing_that_it_was_sent_for_before_but_end() {
    let (_, store) = fresh(2);
    let (signed_in, _, secret) = sign_in(&store);
    let author = by_session(&signed_in, &secret);
    assert_acts(&store, &author, at(2));
    assert!(store.end_session(signed_in.session.id, &author, at(3)).expect("by itself"));
    assert_does_nothing(&store, &author, &AccountError::SessionEnded, at(4));
}

#[test]
fn a_token_whose_time_is_over_does_nothing_though_it_is_still_listed() {
    let (_, store) = fresh(3);
    let author = by_token(&token_until(&store, at(10)));
    assert_acts(&store, &author, at(9));
    assert_does_nothing(&store, &author, &AccountError::TokenExpired, at(10));
}

#[test]
fn a_session_whose_time_is_over_does_nothing_though_it_is_still_listed() {
    let (_, store) = fresh(4);
    let (signed_in, _, secret) = sign_in(&store);
    let author = by_session(&signed_in, &secret);
    assert_acts(&store, &author, at(9));
    assert_does_nothing(&store, &author, &AccountError::SessionEnded, signed_in.session.expires_at());
}

#[test]
fn a_token_that_expires_while_what_it_is_for_waits_does_nothing() {
    let (_, store) = fresh(6);
    let made = token_until(&store, at(10));
    assert_acts(&store, &by_token(&made), at(9));
    let author = ci().by(&made.1, &Who::Token(made.0), || at(10));
    assert_does_nothing(&store, &author, &AccountError::TokenExpired, at(9));
}

#[test]
fn a_user_who_may_do_less_does_nothing_of_what_was_asked_for_before_but_that_change() {
    let (_, store) = fresh(7);
    let (signed_in, user, secret) = sign_in(&store);
    let edit = |patch: UserPatch, author: &Author, now| {
        store.edit_user(user, &patch, None, Some(signed_in.session.id), author, now).map(drop)
    };
    let author = by_session(&signed_in, &secret);
    assert_acts(&store, &author, at(2));
    let elsewhere = UserPatch { prefixes: Some(vec!["mac".to_owned()]), ..UserPatch::default() };
    edit(elsewhere, &author, at(3)).expect("it still may");
    let prefixes = AccountError::PrefixesChanged { now: vec!["mac".to_owned()] };
    assert_does_nothing(&store, &author, &prefixes, at(4));

    let signed_in_since = store.session(&secret).expect("readable").expect("it is spared");
    let author = by_session(&signed_in_since, &secret);
    edit(UserPatch { scope: Some(Scope::Read), ..UserPatch::default() }, &author, at(5)).expect("it still may");
    let lowered = AccountError::ScopeLowered { before: Scope::Publish, now: Scope::Read };
    assert_does_nothing(&store, &author, &lowered, at(6));
    assert!(edit(UserPatch { scope: Some(Scope::Admin), ..UserPatch::default() }, &author, at(7)).is_err());

    let signed_in_since = store.session(&secret).expect("readable").expect("it is spared");
    assert_eq!(signed_in_since.who.scope(), Scope::Read);
    assert!(store.must_stand(&by_session(&signed_in_since, &secret), at(8)).is_ok());
    assert!(store.must_stand(&author, at(8)).is_err());
}

/// Two changes, each right by what was there when it was asked for.
#[test]
fn nobody_becomes_an_admin_of_some_folders() {
    let (_, store) = fresh(8);
    let admin = Author::new("test");
    let some = || vec!["mac".to_owned()];
    let refused = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::BadName { field: "prefixes", .. })), "{outcome:?}");
    };
    let user = store.create_user(&ada(), &admin, at(1)).expect("made");
    let edit = |patch| store.edit_user(user.id, &patch, None, None, &admin, at(2)).map(drop);
    edit(UserPatch { prefixes: Some(some()), ..UserPatch::default() }).expect("no admin");
    edit(UserPatch { disabled: Some(true), ..UserPatch::default() }).expect("whatever its reach is");
    refused(edit(UserPatch { scope: Some(Scope::Admin), ..UserPatch::default() }));
    edit(UserPatch { scope: Some(Scope::Admin), prefixes: Some(vec![]), ..UserPatch::default() }).expect("everywhere");
    refused(edit(UserPatch { prefixes: Some(some()), ..UserPatch::default() }));
    let new = NewUser { name: "eve".to_owned(), scope: Scope::Admin, prefixes: some(), ..ada() };
    refused(store.create_user(&new, &admin, at(3)).map(drop));
    refused(store.create_token(&NewToken { prefixes: some(), ..token(Scope::Admin) }, &admin, at(3)).map(drop));
}

#[test]
fn a_session_does_nothing_once_its_token_has_expired_or_its_user_is_disabled() {
    let (_, store) = fresh(5);
    let (_, secret) = token_until(&store, at(10));
    let (signed_in, secret) = store.sign_in_token(&secret, "", &Author::new("test"), at(2)).expect("signed in");
    let author = by_session(&signed_in, &secret);
    assert_acts(&store, &author, at(9));
    assert_does_nothing(&store, &author, &AccountError::SessionEnded, at(10));

    let (signed_in, user, secret) = sign_in(&store);
    let author = by_session(&signed_in, &secret);
    assert_acts(&store, &author, at(11));
    let disabled = UserPatch { disabled: Some(true), ..UserPatch::default() };
    let spared = Some(signed_in.session.id);
    store.edit_user(user, &disabled, None, spared, &Author::new("test"), at(12)).expect("disabled");
    assert_does_nothing(&store, &author, &AccountError::SessionEnded, at(13));
}

#[test]
fn a_password_that_was_checked_before_a_change_begins_no_session_after_it() {
    let (_, store) = fresh(3);
    let admin = Author::new("test");
    let changes: [fn(&Store, &UserRow, &Author); 3] = [
        |store, user, admin| {
            let patch = UserPatch { password: Some("another".to_owned()), ..UserPatch::default() };
            store.edit_user(user.id, &patch, None, None, admin, at(2)).expect("changed");
        },
        |store, user, admin| {
            let patch = UserPatch { disabled: Some(true), ..UserPatch::default() };
            store.edit_user(user.id, &patch, None, None, admin, at(2)).expect("disabled");
        },
        |store, user, admin| drop(store.remove_user(user.id, None, admin, at(2)).expect("removed")),
    ];
    for change in changes {
        let checked = store.create_user(&ada(), &admin, at(1)).expect("made");
        store.sign_in_user(&checked, "", &admin, at(1)).expect("written").expect("as it is");
        change(&store, &checked, &admin);
        let head = store.overview().expect("readable").head;
        assert_eq!(store.sign_in_user(&checked, "", &admin, at(3)).expect("readable"), None);
        assert_eq!(store.sessions().expect("readable"), []);
        assert_eq!(store.overview().expect("readable").head, head, "nothing is told of it");
        if store.user(checked.id).expect("readable").is_some() {
            store.remove_user(checked.id, None, &admin, at(4)).expect("removed");
        }
    }
}

#[test]
fn a_token_that_was_looked_up_before_its_end_begins_no_session_after_it() {
    let (_, store) = fresh(4);
    let admin = Author::new("test");
    let passing = token_until(&store, at(5));
    let revoked = store.create_token(&token(Scope::Read), &admin, at(1)).expect("made");
    for (_, secret) in [&passing, &revoked] {
        store.sign_in_token(secret, "", &admin, at(2)).expect("as it is");
    }
    assert!(store.revoke_token(revoked.0.id, &Expected::Any, &admin, at(3)).expect("revoked"));
    for (made, ended) in [(&passing, AccountError::TokenExpired), (&revoked, AccountError::TokenRevoked)] {
        for author in [&admin, &by_token(made)] {
            let refused = store.sign_in_token(&made.1, "", author, at(5)).expect_err("too late");
            assert!(matches!(&refused, StoreError::Account(reason) if *reason == ended), "{refused}");
        }
    }
    assert_eq!(store.sessions().expect("readable").len(), 1, "of the one that expired, from before");
}

fn ada() -> NewUser {
    NewUser { name: "ada".to_owned(), password: "hashed".to_owned(), scope: Scope::Publish, prefixes: Vec::new() }
}

fn ci() -> Author {
    Author::new("token ci")
}
