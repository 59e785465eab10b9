//! Many small packages: 10,000 of 10 KiB put by 8 clients, each answer durable, beside 8 writers of plain files that do
//! what it takes to keep a file (write, fsync, rename, fsync the folder); and the whole set on its way to a second node,
//! beside rsync from its daemon and Syncthing.
//!
//! All sides write the same names again in each turn, with new bytes; second nodes are new ones each time.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::support::{Bench, Figure, Node, RsyncDaemon, SyncthingPair, has_program, leave_out, median, take_turns};

const PACKAGES: u64 = 10_000;
const PACKAGE_BYTES: usize = 10 * 1024;
const CLIENTS: u64 = 8;
const FOLDERS: u64 = 100;

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let mut figures = publishing(bench);
    figures.extend(replication(bench));
    figures
}

fn name_of(package: u64) -> String {
    format!("folder-{:02}/package-{package:05}.pkg", package % FOLDERS)
}

/// Bytes that are others in each turn.
fn bytes_of(package: u64, turn: u64) -> Vec<u8> {
    let mut bytes = vec![0; PACKAGE_BYTES];
    blake3::Hasher::new().update(&package.to_le_bytes()).update(&turn.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Lets 8 threads do something for every package; packages per second.
fn by_all_clients(turn: u64, client: impl Fn(&mut dyn Iterator<Item = (String, Vec<u8>)>) + Sync) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for first in 0..CLIENTS {
            let client = &client;
            scope.spawn(move || {
                let step = usize::try_from(CLIENTS).expect("a few");
                let packages = (first..PACKAGES).step_by(step);
                client(&mut packages.map(|package| (name_of(package), bytes_of(package, turn))));
            });
        }
    });
    PACKAGES as f64 / began.elapsed().as_secs_f64()
}

fn publishing(bench: &Bench) -> Vec<Figure> {
    let node = Node::start(bench, "packages-ods");
    let files = bench.folder("packages-files");
    for folder in 0..FOLDERS {
        bench.folder(&format!("packages-files/folder-{folder:02}"));
    }
    let (mut ods_turn, mut files_turn) = (0, 0);
    let mut ods = || {
        ods_turn += 1;
        by_all_clients(ods_turn, |packages| put_all(&node, packages))
    };
    let mut plain = || {
        files_turn += 1;
        by_all_clients(files_turn, |packages| {
            packages.for_each(|(name, bytes)| write_durably(&files.join(name), &bytes));
        })
    };
    let results = take_turns::<f64>(&mut [&mut ods, &mut plain]);
    let [ours, plain] = [0, 1].map(|side: usize| median(results[side].iter().copied()));
    eprintln!("packages a second: {results:.0?} (ODS, plain writers)");
    vec![
        Figure::new("10,000 × 10 KiB by 8 clients, durable", "a second", ours, "8 plain writers", plain).at_least(0.35),
    ]
}

fn put_all(node: &Node, packages: &mut dyn Iterator<Item = (String, Vec<u8>)>) {
    let mut http = node.http();
    for (name, bytes) in packages {
        http.json("PUT", &format!("/api/v1/packages/{name}"), &bytes);
    }
}

#[expect(clippy::disallowed_methods, reason = "the plain way of keeping a file is what is measured here")]
fn write_durably(path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension("part");
    let mut file = std::fs::File::create(&temporary).expect("a new file");
    file.write_all(bytes).expect("there is room");
    file.sync_all().expect("it can be synced");
    drop(file);
    std::fs::rename(&temporary, path).expect("it can be renamed");
    let folder = std::fs::File::open(path.parent().expect("a folder")).expect("the folder can be opened");
    folder.sync_all().expect("the folder can be synced");
}

fn replication(bench: &Bench) -> Vec<Figure> {
    if !has_program("rsync") {
        leave_out("replication of many packages", "it needs rsync");
        return vec![];
    }
    let node = Node::start(bench, "set-ods");
    by_all_clients(0, |packages| put_all(&node, packages));
    let daemon = RsyncDaemon::start(bench, "set-rsync");
    for folder in 0..FOLDERS {
        bench.folder(&format!("set-rsync/files/folder-{folder:02}"));
    }
    by_all_clients(0, |packages| packages.for_each(|(name, bytes)| write_durably(&daemon.folder().join(name), &bytes)));
    let mut turn = 0;
    let mut ods = || {
        turn += 1;
        let second = Node::start(bench, &format!("set-second-{turn}"));
        let began = Instant::now();
        second.join(&node);
        second.wait_for(PACKAGES);
        began.elapsed().as_secs_f64()
    };
    let mut copies = 0;
    let mut rsync = || {
        copies += 1;
        daemon.copy_to(&bench.folder(&format!("set-copy-{copies}"))).wall_s
    };
    let results = take_turns::<f64>(&mut [&mut ods, &mut rsync]);
    let [ours, rsyncs] = [0, 1].map(|side: usize| median(results[side].iter().copied()));
    eprintln!("10,000 × 10 KiB to a second node: {results:.3?} s (ODS, rsync)");
    let mut figures =
        vec![Figure::new("10,000 × 10 KiB to a second node", "s", ours, "rsync --fsync", rsyncs).at_most(1.5)];
    if has_program("syncthing") {
        // Once: it takes minutes, and the order is not in doubt.
        let pair = SyncthingPair::start(bench, "set-syncthing", daemon.folder());
        pair.offer();
        let began = Instant::now();
        pair.receive(PACKAGES);
        let took_s = began.elapsed().as_secs_f64();
        figures.push(
            Figure::new("10,000 × 10 KiB to a second node", "s", ours, "Syncthing, one turn", took_s).at_most(1.0),
        );
    } else {
        leave_out("Syncthing", "it isn't installed");
    }
    figures
}
