//! What a mirror remembers of its folder is that of the watch as it is now.

use ods_store::{Author, WatchId, WatchMark, WatchMode, WatchPatch, WatchSettings};

use crate::support::{at, fresh};

const MARK: WatchMark = WatchMark { identity: 7, asks_since: None, folder_was_gone: false };

fn mirror() -> WatchSettings {
    WatchSettings {
        folder: "/drop".to_owned(),
        prefix: String::new(),
        tags: Vec::new(),
        mode: WatchMode::Mirror,
        settle_s: 10,
        rescan_s: 60,
        enabled: true,
    }
}

#[test]
fn a_mirror_that_was_changed_and_changed_back_remembers_nothing_seen_before() {
    let (_, store) = fresh(1);
    let author = Author::new("test");
    let first = store.create_watch(&mirror(), &author, at(1)).expect("made");
    assert!(store.put_watch_mark(first.id, first.version, MARK).expect("written"));
    assert_eq!(store.watch_mark(first.id).expect("read"), Some(MARK));
    let mode = |mode| WatchPatch { mode: Some(mode), ..WatchPatch::default() };
    store.edit_watch(first.id, &mode(WatchMode::Keep), None, &author, at(2)).expect("changed");
    let second = store.edit_watch(first.id, &mode(WatchMode::Mirror), None, &author, at(3)).expect("changed");
    assert_eq!(store.watch_mark(first.id).expect("read"), None);
    assert!(
        !store.put_watch_mark(first.id, first.version, MARK).expect("answered"),
        "the mirror before comes too late"
    );
    assert_eq!(store.watch_mark(first.id).expect("read"), None);
    assert!(store.put_watch_mark(first.id, second.version, MARK).expect("written"));
    store.remove_watch(first.id, None, &author, at(4)).expect("removed");
    assert!(!store.put_watch_mark(first.id, second.version, MARK).expect("answered"), "there is no such watch");
}

#[test]
fn a_mirror_that_the_configuration_names_is_remembered_at_version_0() {
    let (_, store) = fresh(2);
    let id = WatchId::of_folder("/drop");
    assert_eq!(store.watch_version(id).expect("read"), 0);
    assert!(store.put_watch_mark(id, 0, MARK).expect("written"));
    assert_eq!(store.watch_mark(id).expect("read"), Some(MARK));
}

#[test]
fn a_prefix_below_which_nothing_could_be_published_is_refused() {
    let (_, store) = fresh(1);
    for prefix in ["mac\u{202E}", "../mac", "mac\\x"] {
        let settings = WatchSettings { prefix: prefix.to_owned(), ..mirror() };
        let refused = store.create_watch(&settings, &Author::new("test"), at(1)).expect_err(prefix);
        assert!(refused.to_string().starts_with("prefix "), "{refused}");
    }
}
