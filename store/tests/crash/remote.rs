//! Another node of the mesh, made once: its events and bytes, and a disk whose store has joined it.

use std::sync::OnceLock;

use ods_store::{Admit, Author, Condition, Digest, LogQuery, Role, SignedEvent, SimDisk};

use crate::support::{at, bytes, fresh, path, put};

/// A blob to fetch.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) blob: Digest,
    pub(crate) content: Vec<u8>,
    pub(crate) outline: Vec<[u8; 32]>,
}

/// An event with what it makes its path show.
#[derive(Debug, Clone)]
pub(crate) struct RemoteEvent {
    pub(crate) signed: SignedEvent,
    pub(crate) path: String,
    pub(crate) shown: Option<Digest>,
}

#[derive(Debug)]
pub(crate) struct Remote {
    /// A disk with a store that has joined the mesh and holds nothing.
    pub(crate) joined: SimDisk,
    pub(crate) events: Vec<RemoteEvent>,
    pub(crate) offers: Vec<Offer>,
}

/// The one remote node of all tests.
pub(crate) fn remote() -> &'static Remote {
    static REMOTE: OnceLock<Remote> = OnceLock::new();
    REMOTE.get_or_init(make)
}

fn make() -> Remote {
    let (_, source) = fresh(1);
    let (joined, store) = fresh(2);
    let admit = Admit { node: store.node_id(), role: Role::Owner, prefixes: vec![] };
    source.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
    store.take_root(source.node_id(), at(0)).expect("a node alone takes the root");
    store.insert_statements(source.roster_statements().expect("statements"), at(0)).expect("they verify");
    drop(store);
    let (mut offers, mut shown) = (Vec::new(), Vec::new());
    // Several sizes, one path replaced, one removed.
    let plan = [("r0.pkg", 300), ("r1.pkg", 40_000), ("r2.pkg", 1_100_000), ("r0.pkg", 2_200_000), ("r3.pkg", 7)];
    for (seed, (name, length)) in (500..).zip(plan) {
        let content = bytes(seed, length);
        let blob = put(&source, name, &content, at(1)).expect("a publish").package.blob;
        let outline = source.open_blob(&blob, at(1)).expect("readable").expect("held").outline().to_vec();
        offers.push(Offer { blob, content, outline });
        shown.push((name, Some(blob)));
    }
    source.remove(&path("r3.pkg"), &Condition::None, &Author::new("test"), at(2)).expect("a removal");
    shown.push(("r3.pkg", None));
    let vector = ods_store::Vector::default();
    let page = source.log_page(&LogQuery { cursor: None, vector }).expect("a page");
    let events = page.items.into_iter().zip(shown).map(|((_, signed), (name, shown))| RemoteEvent {
        signed,
        path: name.to_owned(),
        shown,
    });
    Remote { joined: joined.copy(), events: events.collect(), offers }
}
