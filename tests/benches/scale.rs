//! A node with 1,000,000 events and 100,000 packages: how soon it serves, also after `kill -9`; how long a page of the
//! list takes wherever it lies; and how much memory it has, at rest and while 64 clients download beside a large upload.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ods_store::{LocalDisk, Store, StoreError, StoreOptions, filled_path};

use crate::api::page_took_ms;
use crate::support::{Bench, Figure, GIB, Node, median};

const PACKAGES: u64 = 100_000;
const EVENTS: u64 = 1_000_000;
const STARTS: usize = 5;
const PAGES: u64 = 200;
const DOWNLOADS: usize = 64;
const UPLOAD_GIB: u64 = 10;

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let folder = bench.folder("scale").join("data");
    fill(&folder, EVENTS, PACKAGES).expect("the store takes it");
    let (mut starts, mut restarts) = (Vec::new(), Vec::new());
    let mut node = None;
    for _ in 0..STARTS {
        drop(node.take());
        let (started, took_s) = start(bench);
        starts.push(took_s);
        // Something is being written when it is killed.
        started.http().json("PUT", "/api/v1/packages/killed.pkg", b"bytes");
        started.server().kill();
        drop(started);
        let (started, took_s) = start(bench);
        restarts.push(took_s);
        node = Some(started);
    }
    let node = node.expect("it was started");
    let mut figures = vec![
        Figure::limit("1,000,000 events: from start to /healthz", "s", median(starts), 1.0),
        Figure::limit("the same after kill -9", "s", median(restarts), 1.0),
        Figure::limit("a page of 100 of 100,000 packages, anywhere, median", "ms", page_ms(&node), 10.0),
    ];
    std::thread::sleep(Duration::from_secs(2));
    figures.push(Figure::limit("memory at rest", "MiB", node.server().rss_mib(), 64.0));
    figures.push(Figure::limit(
        "memory with 64 downloads and a large upload, most",
        "MiB",
        loaded_mib(bench, &node),
        160.0,
    ));
    figures
}

fn start(bench: &Bench) -> (Node, f64) {
    let began = Instant::now();
    let node = Node::start(bench, "scale");
    assert_eq!(node.http().send("GET", "/healthz", b"").status, 200);
    (node, began.elapsed().as_secs_f64())
}

/// Fills a new data folder.
pub(crate) fn fill(folder: &Path, events: u64, packages: u64) -> Result<(), StoreError> {
    let options = StoreOptions { cache_bytes: 1 << 30, entropy: [5; 32], name: "scale".to_owned() };
    ods_store::fill(&Store::open(Arc::new(LocalDisk::new()), folder, &options)?, events, packages)
}

/// A page that begins at any package, over one connection.
fn page_ms(node: &Node) -> f64 {
    let mut http = node.http();
    let pages = (0..PAGES).map(|page| {
        let after = filled_path(page * 7919 % PACKAGES).as_str().replace('/', "%2F");
        let (took_ms, items) = page_took_ms(&mut http, &format!("/api/v1/packages?limit=100&after=path:{after}"));
        assert!(items > 0, "a page has items");
        took_ms
    });
    median(pages.collect::<Vec<_>>())
}

/// The most memory seen while clients take one package at a modest rate, again and again, and another comes in.
fn loaded_mib(bench: &Bench, node: &Node) -> f64 {
    let small = bench.random_file("scale/download.pkg", GIB / 4);
    node.put("download.pkg", &small);
    let large = bench.sparse_file("scale/upload.pkg", UPLOAD_GIB * GIB);
    let url = node.url("/Packages/download.pkg");
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("curl can be run")
    };
    let mut downloads: Vec<_> =
        (0..DOWNLOADS).map(|_| curl(&["-s", "--limit-rate", "4M", "-o", "/dev/null", &url])).collect();
    let upload = large.display().to_string();
    let authorization = node.authorization();
    let target = node.url("/api/v1/packages/upload.pkg");
    let mut upload = curl(&["-sf", "-H", &authorization, "-T", &upload, &target]);
    let mut most_mib = 0.0_f64;
    while upload.try_wait().expect("a child of ours").is_none() {
        most_mib = most_mib.max(node.server().rss_mib());
        for download in &mut downloads {
            if download.try_wait().expect("a child of ours").is_some() {
                *download = curl(&["-s", "--limit-rate", "4M", "-o", "/dev/null", &url]);
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(upload.wait().expect("a child of ours").success(), "the upload is taken");
    for mut download in downloads {
        drop(download.kill());
        drop(download.wait());
    }
    most_mib
}
