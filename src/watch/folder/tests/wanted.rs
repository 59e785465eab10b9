//! A watch that no longer stands as it did.

use ods_store::{WatchPatch, WatchRow, WatchSettings};

use super::*;

#[test]
fn a_watch_that_was_removed_or_changed_takes_nothing_more() {
    let mut bench = Bench::new(WatchMode::Keep);
    let settings = WatchSettings {
        folder: bench.rules.folder.display().to_string(),
        prefix: String::new(),
        tags: Vec::new(),
        mode: WatchMode::Keep,
        settle_s: 0,
        rescan_s: 60,
        enabled: true,
    };
    let author = Author::new("test");
    let row = bench.store.create_watch(&settings, &author, WALL).expect("made");
    let folder = |bench: &Bench, row: &WatchRow| {
        let rules = WatchRules { confined: false, ..WatchRules::from(row) };
        Folder::new(row.id, rules, bench.store.clone(), bench.status.clone(), Arc::new(|| true))
    };
    bench.folder = Some(folder(&bench, &row));
    bench.put("a.pkg", "a");
    bench.settle();
    assert_eq!(revisions(&bench.store, "a.pkg").len(), 1);

    let prefix = WatchPatch { prefix: Some("mac".to_owned()), ..WatchPatch::default() };
    let changed = bench.store.edit_watch(row.id, &prefix, None, &author, WALL).expect("changed");
    bench.put("b.pkg", "b");
    bench.settle();
    assert_eq!(revisions(&bench.store, "b.pkg"), []);

    bench.folder = Some(folder(&bench, &changed));
    bench.store.remove_watch(row.id, None, &author, WALL).expect("removed");
    bench.settle();
    assert_eq!(revisions(&bench.store, "mac/b.pkg"), []);
}
