//! Operations on a store and on a plain map of it, compared after each. The model tests draw them at random, the fuzz
//! target `store_model` from its input.

use std::collections::BTreeMap;

use ods_store::{Author, Condition, EventId, Meta, SimDisk, Store, StoreError};

use crate::support::{assert_sound, at, bytes, fresh, open, path, put_request, read_all, request};

const PATHS: [&str; 4] = ["a.pkg", "mac/b.pkg", "mac/c.dmg", "ü.msi"];

/// Lengths of contents: one of no bytes, one of a few, some of several pieces.
const LENGTHS: [usize; 5] = [0, 10, 5000, (1 << 20) + 1, 3 << 20];

/// One thing that is done to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Put {
        path: usize,
        content: u64,
        tag: Option<u8>,
        condition: u8,
    },
    Edit {
        path: usize,
        tag: Option<u8>,
    },
    Remove {
        path: usize,
        condition: u8,
    },
    Restore {
        path: usize,
        revision: usize,
    },
    /// An upload that is begun and let go.
    Abandon {
        bytes: usize,
    },
    Reopen,
    /// Power is lost between two operations: all that was acknowledged is there.
    PowerCut {
        seed: u64,
    },
}

impl Operation {
    /// Reads one from four bytes; every value is some operation.
    pub(crate) fn decode([kind, place, first, second]: [u8; 4]) -> Self {
        let path = usize::from(place) % PATHS.len();
        let tag = |byte: u8| [None, Some(1), Some(2), Some(3)][usize::from(byte % 4)];
        match kind % 16 {
            0..=5 => Self::Put {
                path,
                content: u64::from(first) % LENGTHS.len() as u64,
                tag: tag(second),
                condition: second / 4 % 6,
            },
            6 | 7 => Self::Edit { path, tag: tag(first) },
            8 | 9 => Self::Remove { path, condition: first % 6 },
            10 | 11 => Self::Restore { path, revision: usize::from(first) },
            12 => Self::Abandon { bytes: usize::from(first) * usize::from(second) },
            13 => Self::Reopen,
            _ => Self::PowerCut { seed: u64::from(first) << 8 | u64::from(second) },
        }
    }
}

/// A revision that was: a Publish's content and metadata, nothing for a Remove.
type Past = (EventId, Option<(u64, Meta)>);

/// What a plain map keeps: the current content and metadata of each path, and all that were.
#[derive(Debug, Default)]
struct Model {
    packages: BTreeMap<&'static str, (EventId, u64, Meta, u64)>,
    history: BTreeMap<&'static str, Vec<Past>>,
}

impl Model {
    fn holds(&self, path: &str, condition: &Condition) -> bool {
        let current = self.packages.get(path).map(|package| package.0);
        match condition {
            Condition::None => true,
            Condition::Exists => current.is_some(),
            Condition::IsNew => current.is_none(),
            Condition::Matches(ids) => current.is_some_and(|current| ids.contains(&current)),
        }
    }

    fn condition(&self, path: &str, choice: u8) -> Condition {
        match choice {
            0 => Condition::IsNew,
            1 => Condition::Exists,
            2 => Condition::Matches(self.packages.get(path).map(|package| package.0).into_iter().collect()),
            3 => Condition::Matches(vec![EventId::from_bytes([7; 32])]),
            _ => Condition::None,
        }
    }

    fn set(&mut self, path: &'static str, revision: EventId, content: u64, meta: Meta, modified: u64) {
        self.history.entry(path).or_default().push((revision, Some((content, meta.clone()))));
        self.packages.insert(path, (revision, content, meta, modified));
    }
}

fn content(number: u64) -> Vec<u8> {
    bytes(number, LENGTHS[usize::try_from(number).expect("small")])
}

/// Does all of `operations` to a fresh store and to its model.
pub(crate) fn run(operations: &[Operation]) {
    let (mut disk, mut store) = fresh(1);
    let mut model = Model::default();
    for (step, operation) in operations.iter().enumerate() {
        let step = step as u64;
        match *operation {
            Operation::Put { path, content, tag, condition } => {
                run_put(&store, &mut model, step, PATHS[path], content, tag, condition);
            }
            Operation::Edit { path, tag } => run_edit(&store, &mut model, step, PATHS[path], tag),
            Operation::Remove { path, condition } => run_remove(&store, &mut model, step, PATHS[path], condition),
            Operation::Restore { path, revision } => run_restore(&store, &mut model, step, PATHS[path], revision),
            Operation::Abandon { bytes } => run_abandon(&disk, &store, bytes),
            Operation::Reopen => {
                drop(store);
                store = open(&disk, 1000 + step).expect("it opens again");
            }
            Operation::PowerCut { seed } => {
                let after = disk.crash(seed);
                drop(store);
                disk = after;
                store = open(&disk, 1000 + step).expect("it opens after a power cut");
            }
        }
        compare(&store, &model, step);
    }
    assert_sound(&store);
}

fn run_abandon(disk: &SimDisk, store: &Store, length: usize) {
    let before = disk.file_names();
    let mut upload = store.begin_upload(None).expect("there is room");
    upload.write(&bytes(99, length)).expect("written");
    drop(upload);
    assert_eq!(disk.file_names(), before, "what was let go leaves nothing");
}

fn run_put(
    store: &Store,
    model: &mut Model,
    step: u64,
    name: &'static str,
    number: u64,
    tag: Option<u8>,
    condition: u8,
) {
    let mut request = request(name);
    request.condition = model.condition(name, condition);
    let mut meta = model.packages.get(name).map(|package| package.2.clone()).unwrap_or_default();
    if let Some(tag) = tag {
        request.meta.insert("tags".to_owned(), Some(format!("t{tag}")));
        meta.insert("tags".to_owned(), format!("t{tag}"));
    }
    let outcome = put_request(store, &request, &content(number), at(step));
    if !model.holds(name, &request.condition) {
        assert!(matches!(outcome, Err(StoreError::PreconditionFailed { .. })), "{outcome:?}");
        return;
    }
    let outcome = outcome.expect("a publish that may go ahead");
    let before = model.packages.get(name).cloned();
    let same = before.as_ref().is_some_and(|before| before.1 == number && before.2 == meta);
    assert_eq!((outcome.changed, outcome.created), (!same, before.is_none()));
    if let Some(before) = before {
        let same_bytes = before.1 == number;
        assert_eq!(outcome.package.modified == before.3, same_bytes, "modified changes with the bytes only");
        assert!(outcome.package.modified >= before.3);
    }
    if !same {
        model.set(name, outcome.package.revision, number, meta, outcome.package.modified);
    }
}

fn run_edit(store: &Store, model: &mut Model, step: u64, name: &'static str, tag: Option<u8>) {
    let mut request = request(name);
    request.meta.insert("tags".to_owned(), tag.map(|tag| format!("t{tag}")));
    let outcome = store.edit(&request, at(step));
    let Some((_, number, mut meta, modified)) = model.packages.get(name).cloned() else {
        assert!(matches!(outcome, Err(StoreError::NoSuchPackage { .. })), "{outcome:?}");
        return;
    };
    let outcome = outcome.expect("an edit of what is there");
    match tag {
        Some(tag) => drop(meta.insert("tags".to_owned(), format!("t{tag}"))),
        None => drop(meta.remove("tags")),
    }
    assert_eq!(outcome.package.modified, modified);
    if outcome.changed {
        model.set(name, outcome.package.revision, number, meta, modified);
    } else {
        assert_eq!(meta, model.packages[name].2);
    }
}

fn run_remove(store: &Store, model: &mut Model, step: u64, name: &'static str, condition: u8) {
    let condition = model.condition(name, condition);
    let outcome = store.remove(&path(name), &condition, &Author::new("test"), at(step));
    if !model.holds(name, &condition) {
        assert!(matches!(outcome, Err(StoreError::PreconditionFailed { .. })), "{outcome:?}");
    } else if model.packages.remove(name).is_some() {
        let id = outcome.expect("a removal of what is there");
        model.history.entry(name).or_default().push((id, None));
    } else {
        assert!(matches!(outcome, Err(StoreError::NoSuchPackage { .. })), "{outcome:?}");
    }
}

fn run_restore(store: &Store, model: &mut Model, step: u64, name: &'static str, revision: usize) {
    let Some(history) = model.history.get(name).cloned() else { return };
    let (id, earlier) = &history[revision % history.len()];
    let outcome = store.restore(*id, &request(name), at(step));
    let Some((number, meta)) = earlier else {
        assert!(matches!(outcome, Err(StoreError::NoSuchRevision { .. })), "{outcome:?}");
        return;
    };
    let outcome = outcome.expect("all bytes are held");
    if outcome.changed {
        model.set(name, outcome.package.revision, *number, meta.clone(), outcome.package.modified);
    }
}

fn compare(store: &Store, model: &Model, step: u64) {
    let listed = store.packages(None, 100, &mut |_| true).expect("a page").items;
    let seen: Vec<_> = listed.iter().map(|package| (package.path.as_str(), package.revision, &package.meta)).collect();
    let expected: Vec<_> = model.packages.iter().map(|(path, package)| (*path, package.0, &package.2)).collect();
    assert_eq!(seen, expected);
    for (name, (_, number, ..)) in &model.packages {
        assert_eq!(read_all(store, name, at(step)).expect("readable"), Some(content(*number)), "{name}");
    }
    for (name, history) in &model.history {
        let mut revisions = store.revisions(&path(name)).expect("it has a history");
        revisions.reverse();
        let ids: Vec<_> = revisions.iter().map(|revision| revision.id).collect();
        assert_eq!(ids, history.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    }
}
