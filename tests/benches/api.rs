//! The admin API of a node with 1,000,000 packages: a page of the list; authenticated GETs for each second of a core; how soon an
//! event is with 1,000 followers and with a webhook's receiver; and what an audit and a delivery history of 1,000,000 rows cost
//! those who don't look at them, and those who do.
//!
//! `ODS_BENCH_ROWS` is how many packages, audit entries and deliveries there are, for a quick trial.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use ods_store::{LocalDisk, Store, StoreOptions, filled_path};

use crate::scale::fill;
use crate::support::{Bench, Figure, Http, Node, median, run_here, until};

const PAGES: u64 = 200;
const GETS: u64 = 4000;
const CLIENTS: u64 = 8;
const FOLLOWERS: usize = 1000;
/// Threads that read for the followers; the kernel keeps what comes meanwhile.
const READERS: usize = 4;
const EVENTS: usize = 20;
const DELIVERIES: usize = 50;
const CHANGES: usize = 400;
/// Rows of the histories that the large ones are held against.
const FEW_ROWS: u64 = 1000;

#[expect(clippy::disallowed_methods, reason = "the benches have no configuration but their variables")]
fn rows() -> u64 {
    std::env::var("ODS_BENCH_ROWS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let (rows, data) = (rows(), bench.folder("api").join("data"));
    fill(&data, rows, rows).expect("the store takes it");
    // The same packages with a long history, and with a short one.
    let many = bench.folder("api-many");
    run_here("cp", &[&"-r", &data, &many]);
    fill_history(&many.join("data"), rows);
    fill_history(&data, FEW_ROWS);
    let node = Node::start(bench, "api");
    let mut figures = vec![Figure::limit(
        &format!("a page of 100 of {rows} packages, anywhere, median"),
        "ms",
        page_ms(&node, rows),
        5.0,
    )];
    figures.push(
        Figure::new(
            "authenticated GETs for each second of a core",
            "",
            gets_per_core_s(&node, rows),
            "asked for",
            2000.0,
        )
        .at_least(1.0),
    );
    figures.push(Figure::limit(
        &format!("a change, from its request until all of {FOLLOWERS} followers have the event, median"),
        "ms",
        followed_ms(&node),
        250.0,
    ));
    figures.push(Figure::limit(
        "a change, from its request until a webhook's receiver has it, median",
        "ms",
        webhook_ms(&node),
        100.0,
    ));
    drop(node);
    let (few, many) = (Node::start(bench, "api"), Node::start(bench, "api-many"));
    figures.extend(beside_history(&few, &many, rows));
    figures
}

fn fill_history(data: &Path, rows: u64) {
    let options = StoreOptions { cache_bytes: 1 << 30, entropy: [6; 32], name: "api".to_owned() };
    let store = Store::open(Arc::new(LocalDisk::new()), data, &options).expect("it opens");
    ods_store::fill_history(&store, rows).expect("the store takes it");
}

/// A page that begins at any package, over one connection.
fn page_ms(node: &Node, packages: u64) -> f64 {
    let mut http = node.http();
    let pages = (0..PAGES).map(|page| {
        let after = filled_path(page * 7919 % packages).as_str().replace('/', "%2F");
        page_took_ms(&mut http, &format!("/api/v1/packages?limit=100&after=path:{after}")).0
    });
    median(pages.collect::<Vec<_>>())
}

/// What the server answers in a second of its own processor time, to clients that keep their connections.
fn gets_per_core_s(node: &Node, packages: u64) -> f64 {
    let before = node.server().cpu_s();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut http = node.http();
                for get in 0..GETS {
                    let path = filled_path((client * GETS + get) * 7919 % packages).as_str().replace('/', "%2F");
                    assert_eq!(http.send("GET", &format!("/api/v1/packages/{path}"), b"").status, 200);
                }
            });
        }
    });
    (CLIENTS * GETS) as f64 / (node.server().cpu_s() - before)
}

/// How long until the last of many followers has an event.
fn followed_ms(node: &Node) -> f64 {
    let followers: Vec<Follower> = (0..FOLLOWERS).map(|_| Follower::connect(node)).collect();
    let (sender, receiver) = channel();
    let mut orders: Vec<Sender<String>> = Vec::new();
    let mut followers = followers.into_iter();
    for _ in 0..READERS {
        let (order, wanted) = channel::<String>();
        let (mut share, done) = (followers.by_ref().take(FOLLOWERS / READERS).collect::<Vec<_>>(), sender.clone());
        std::thread::spawn(move || {
            for path in wanted {
                for follower in &mut share {
                    follower.wait_for(&path);
                }
                if done.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        orders.push(order);
    }
    let mut http = node.http();
    let all = (0..EVENTS).map(|event| {
        let path = format!("followed-{event}.pkg");
        for order in &orders {
            order.send(path.clone()).expect("the readers read");
        }
        let began = Instant::now();
        http.json("PUT", &format!("/api/v1/packages/{path}"), path.as_bytes());
        let last = (0..READERS).map(|_| receiver.recv().expect("the readers read")).max().expect("there are readers");
        (last - began).as_secs_f64() * 1000.0
    });
    median(all.collect::<Vec<_>>())
}

/// A connection that follows the journal.
struct Follower(BufReader<TcpStream>);

impl Follower {
    fn connect(node: &Node) -> Self {
        let url = node.url("");
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("the node listens");
        let head = format!(
            "GET /api/v1/events/stream?type=package.published HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n\r\n",
            node.authorization()
        );
        stream.write_all(head.as_bytes()).expect("the node reads");
        let mut follower = Self(BufReader::with_capacity(4096, stream));
        assert!(follower.line().contains("200"), "the node lets it follow");
        while !follower.line().is_empty() {}
        follower
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).expect("the node goes on"), 0, "the node ended a stream");
        line.trim_end().to_owned()
    }

    fn wait_for(&mut self, path: &str) {
        while !self.line().contains(path) {}
    }
}

/// How long until a receiver on this machine has a delivery.
fn webhook_ms(node: &Node) -> f64 {
    let (port, received) = receive();
    let hook = serde_json::json!({
        "url": format!("http://127.0.0.1:{port}/"), "types": ["package.published"], "allow_private": true,
    });
    let mut http = node.http();
    http.json("POST", "/api/v1/webhooks", hook.to_string().as_bytes());
    let all = (0..DELIVERIES).map(|delivery| {
        let path = format!("told-{delivery}.pkg");
        let began = Instant::now();
        http.json("PUT", &format!("/api/v1/packages/{path}"), path.as_bytes());
        let (body, at) = received.recv().expect("the receiver goes on");
        assert!(body.contains(&path), "deliveries come in order");
        (at - began).as_secs_f64() * 1000.0
    });
    median(all.collect::<Vec<_>>())
}

/// A receiver that takes everything: its port, and what came when.
fn receive() -> (u16, Receiver<(String, Instant)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system has free ports");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || while take_delivery(&stream, &sender).is_some() {});
        }
    });
    (port, receiver)
}

fn take_delivery(stream: &TcpStream, sender: &Sender<(String, Instant)>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    sender.send((String::from_utf8_lossy(&body).into_owned(), Instant::now())).ok()?;
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()
}

/// What a history could slow: the same calls to a node with a short one and to a node with a long one, in turns, so that what
/// else the machine does meets both alike.
fn beside_history(few: &Node, many: &Node, rows: u64) -> Vec<Figure> {
    let mut sides = [Side::of(few), Side::of(many)];
    let mut row = |name: &str, call: fn(&mut Side) -> f64| {
        let mut took_ms = [Vec::new(), Vec::new()];
        for turn in 0..=CHANGES {
            for place in 0..sides.len() {
                // Each begins as often as the other; the first turn warms up.
                let side = (place + turn) % sides.len();
                let this_ms = call(&mut sides[side]);
                if turn > 0 {
                    took_ms[side].push(this_ms);
                }
            }
        }
        let [few, many] = took_ms.map(median);
        let name = format!("{name}, median, beside {rows} rows of audit and of deliveries each");
        Figure::new(&name, "ms", many, &format!("beside {FEW_ROWS}"), few).at_most(1.25)
    };
    vec![
        row("a durable PUT of some bytes", Side::put_ms),
        row("a page of 100 of the audit", |side| side.page_ms("/api/v1/audit?limit=100")),
        row("a page of 100 deliveries", |side| side.page_ms(&side.deliveries.clone())),
        row("a page of 100 packages", |side| side.page_ms("/api/v1/packages?limit=100")),
    ]
}

/// A node, and what is called there.
struct Side {
    http: Http,
    deliveries: String,
    changes: usize,
}

impl Side {
    fn of(node: &Node) -> Self {
        let mut http = node.http();
        until("the node is at rest", || http.send("GET", "/readyz", b"").status == 200);
        let webhooks = http.json("GET", "/api/v1/webhooks", b"");
        let of_history =
            |webhook: &&serde_json::Value| webhook["name"].as_str().is_some_and(|name| name.starts_with("filled"));
        let webhook = webhooks["items"].as_array().into_iter().flatten().find(of_history).expect("it was filled");
        let deliveries =
            format!("/api/v1/webhooks/{}/deliveries?limit=100", webhook["id"].as_str().unwrap_or_default());
        Self { http, deliveries, changes: 0 }
    }

    fn put_ms(&mut self) -> f64 {
        self.changes += 1;
        let bytes = format!("the bytes of change {}", self.changes);
        timed_ms(|| drop(self.http.json("PUT", "/api/v1/packages/changed.pkg", bytes.as_bytes())))
    }

    fn page_ms(&mut self, target: &str) -> f64 {
        let (took_ms, items) = page_took_ms(&mut self.http, target);
        assert_eq!(items, 100, "{target}");
        took_ms
    }
}

/// How long until all of a page is here, and how many items it has. They are counted afterwards: this program is built without
/// optimisation, and reads JSON so slowly that it would be most of the time.
pub(crate) fn page_took_ms(http: &mut Http, target: &str) -> (f64, usize) {
    let began = Instant::now();
    let answer = http.send("GET", target, b"");
    let took_ms = began.elapsed().as_secs_f64() * 1000.0;
    let page: serde_json::Value = serde_json::from_slice(&answer.body).expect("a page is JSON");
    (took_ms, page["items"].as_array().map_or_else(|| panic!("{target}: {page}"), Vec::len))
}

fn timed_ms(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1000.0
}
