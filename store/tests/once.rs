//! Requests that make something once: also over a restart, for a day, and in bounded room.

use ods_store::{Author, Made, NewToken, ONCE_FOR_MS, ONCE_ROWS_MAX, Once, Scope, Store, StoreError, UnixMillis};

use crate::support::{at, fresh, open};

fn once(key: &str) -> Once {
    Once::new("token 1", "token", key, b"{}")
}

/// Whether a request with this key makes a token.
fn makes(store: &Store, once: Once, now: UnixMillis) -> Result<bool, StoreError> {
    let new = NewToken { name: "ci".to_owned(), scope: Scope::Read, prefixes: Vec::new(), expires_at: None };
    Ok(matches!(store.create_token_once(&new, Some(once), &Author::new("test"), now)?, Made::Now(_)))
}

#[test]
fn a_request_makes_its_thing_once_also_over_a_power_cut() {
    let (disk, store) = fresh(1);
    assert!(makes(&store, once("a"), at(1)).expect("made"));
    drop(store);
    let store = open(&disk.crash(1), 2).expect("it opens");
    assert!(!makes(&store, once("a"), at(2)).expect("known"));
    assert_eq!(store.tokens().expect("readable").len(), 1);
    assert!(makes(&store, once("b"), at(2)).expect("another"));
    assert!(makes(&store, Once::new("token 2", "token", "a", b"{}"), at(2)).expect("another's"));
    let other = makes(&store, Once::new("token 1", "token", "a", b"{\"x\":1}"), at(2)).expect_err("another request");
    assert!(matches!(other, StoreError::KeyReused), "{other}");
    assert!(makes(&store, once("a"), at(1).plus_ms(ONCE_FOR_MS)).expect("forgotten"), "after a day");
}

#[test]
fn the_oldest_requests_make_room() {
    let (_, store) = fresh(2);
    for number in 0..=ONCE_ROWS_MAX {
        assert!(makes(&store, once(&number.to_string()), at(number as u64)).expect("made"));
    }
    let now = at(ONCE_ROWS_MAX as u64);
    assert!(!makes(&store, once("1"), now).expect("known"), "it is among the newest");
    assert!(makes(&store, once("0"), now).expect("made"), "the oldest was forgotten");
}
