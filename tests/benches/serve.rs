//! Serving from the page cache, beside nginx with sendfile and static-web-server: a package of 1 GiB to 1 and to 8
//! clients (curl), one of 100 KB to 64 connections (wrk), over HTTP and HTTPS.
//!
//! What counts is the CPU of client and server together for each GiB that arrived, summed over the six cells.

use std::process::Command;

use crate::support::{
    Bench, Cost, Figure, GIB, Nginx, Node, Server, has_program, leave_out, median, run_clients, take_turns,
};

const LARGE: &str = "large.pkg";
const SMALL: &str = "small.pkg";
const SMALL_BYTES: u64 = 100_000;
const SMALL_CONNECTIONS: u64 = 64;
const SMALL_FOR: &str = "3s";

/// What one turn of one side gave.
#[derive(Debug, Clone, Copy)]
struct Sample {
    cpu_s_per_gib: f64,
    mib_per_s: f64,
    requests_per_s: f64,
}

/// A server, and where it offers the two files.
struct Side<'a> {
    name: &'static str,
    server: &'a Server,
    tls_server: &'a Server,
    http: String,
    https: String,
}

/// A cell of the matrix.
#[derive(Clone, Copy)]
struct Cell {
    scheme: &'static str,
    clients: u64,
    file: &'static str,
}

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    if !["nginx", "wrk", "curl"].iter().all(|name| has_program(name)) {
        leave_out("serving", "it needs nginx, wrk and curl");
        return vec![];
    }
    let (large, small) = (bench.random_file(LARGE, GIB), bench.random_file(SMALL, SMALL_BYTES));
    let node = Node::start(bench, "serve-ods");
    node.put(LARGE, &large);
    node.put(SMALL, &small);
    let nginx = Nginx::start(bench, "serve-nginx", &node.identity());
    for file in [&large, &small] {
        std::fs::copy(file, nginx.folder().join(file.file_name().expect("a file has a name"))).expect("there is room");
    }
    let mut sides = vec![
        Side {
            name: "ODS",
            server: node.server(),
            tls_server: node.server(),
            http: node.url("/Packages/"),
            https: node.tls_url("/Packages/"),
        },
        Side {
            name: "nginx",
            server: nginx.server(),
            tls_server: nginx.server(),
            http: nginx.url(""),
            https: nginx.tls_url(""),
        },
    ];
    let others = StaticWebServer::start(bench, &nginx, &node);
    if let Some(other) = &others {
        sides.push(other.side());
    }
    let cells: Vec<(Cell, Vec<Sample>)> = cells().map(|cell| (cell, measure(cell, &sides))).collect();
    figures(&cells, &sides)
}

fn cells() -> impl Iterator<Item = Cell> {
    ["http", "https"].into_iter().flat_map(|scheme| {
        [(1, LARGE), (8, LARGE), (SMALL_CONNECTIONS, SMALL)].map(|(clients, file)| Cell { scheme, clients, file })
    })
}

/// All sides in one cell, in turns: each side's medians.
fn measure(cell: Cell, sides: &[Side<'_>]) -> Vec<Sample> {
    let mut turns: Vec<_> = sides.iter().map(|side| move || turn(cell, side)).collect();
    let mut turns: Vec<&mut dyn FnMut() -> Sample> = turns.iter_mut().map(|turn| turn as _).collect();
    let results = take_turns(&mut turns);
    let middle = |samples: &[Sample], of: fn(&Sample) -> f64| median(samples.iter().map(of));
    let medians = results.iter().map(|samples| Sample {
        cpu_s_per_gib: middle(samples, |sample| sample.cpu_s_per_gib),
        mib_per_s: middle(samples, |sample| sample.mib_per_s),
        requests_per_s: middle(samples, |sample| sample.requests_per_s),
    });
    let medians: Vec<Sample> = medians.collect();
    for (side, sample) in sides.iter().zip(&medians) {
        eprintln!("{} {} × {}: {} {sample:.3?}", cell.scheme, cell.clients, cell.file, side.name);
    }
    medians
}

fn turn(cell: Cell, side: &Side<'_>) -> Sample {
    let (server, base) = match cell.scheme {
        "http" => (side.server, &side.http),
        _ => (side.tls_server, &side.https),
    };
    let (url, before) = (format!("{base}{}", cell.file), server.cpu_s());
    let (bytes, requests, cost) = if cell.file == SMALL { wrk(&url) } else { curl(&url, cell.clients) };
    let gib = bytes as f64 / GIB as f64;
    Sample {
        cpu_s_per_gib: (server.cpu_s() - before + cost.cpu_s) / gib,
        mib_per_s: gib * 1024.0 / cost.wall_s,
        requests_per_s: requests as f64 / cost.wall_s,
    }
}

/// So many clients that fetch the file at once: bytes and requests.
fn curl(url: &str, clients: u64) -> (u64, u64, Cost) {
    let command = || {
        let mut command = Command::new("curl");
        command.args(["-sSfk", "--http1.1", "-o", "/dev/null", "-w", "%{size_download}\n", url]);
        command
    };
    let mut commands: Vec<Command> = (0..clients).map(|_| command()).collect();
    let (printed, cost) = run_clients(&mut commands);
    let sizes: Vec<u64> = printed.lines().map(|line| line.parse().expect("curl prints a size")).collect();
    assert_eq!(sizes, vec![GIB; commands.len()], "{url}");
    (GIB * clients, clients, cost)
}

fn wrk(url: &str) -> (u64, u64, Cost) {
    let mut command = Command::new("wrk");
    command.args(["-t", "1", "-c", &SMALL_CONNECTIONS.to_string(), "-d", SMALL_FOR, url]);
    let (printed, cost) = run_clients(&mut [command]);
    assert!(!printed.contains("Non-2xx") && !printed.contains("Socket errors"), "{url}: {printed}");
    let line = printed.lines().find(|line| line.contains(" requests in ")).expect("wrk counts its requests");
    let requests = line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number of requests");
    (requests * SMALL_BYTES, requests, cost)
}

fn figures(cells: &[(Cell, Vec<Sample>)], sides: &[Side<'_>]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (at, other) in sides.iter().enumerate().skip(1) {
        let sum = |side: usize| cells.iter().map(|(_, samples)| samples[side].cpu_s_per_gib).sum::<f64>();
        let name = "serving: CPU of client and server per GiB, sum of the six cells";
        let total = Figure::new(name, "s", sum(0), other.name, sum(at));
        figures.push(if other.name == "nginx" { total.at_most(1.15) } else { total });
    }
    for (cell, samples) in cells {
        let size = if cell.file == SMALL { "100 KB" } else { "1 GiB" };
        let name = format!("{} {size} to {}", cell.scheme.to_uppercase(), cell.clients);
        for (at, other) in sides.iter().enumerate().skip(1) {
            let (ours, theirs) = (samples[0], samples[at]);
            figures.push(Figure::new(
                &format!("{name}: CPU per GiB"),
                "s",
                ours.cpu_s_per_gib,
                other.name,
                theirs.cpu_s_per_gib,
            ));
            if cell.file == SMALL {
                let asked = if other.name == "nginx" { 0.8 } else { 1.0 };
                let name = format!("{name}: requests per second");
                figures.push(
                    Figure::new(&name, "", ours.requests_per_s, other.name, theirs.requests_per_s).at_least(asked),
                );
            } else {
                figures.push(Figure::new(&format!("{name}: MiB/s"), "", ours.mib_per_s, other.name, theirs.mib_per_s));
            }
        }
    }
    figures
}

/// static-web-server, once for HTTP and once for HTTPS, over nginx's files.
struct StaticWebServer {
    plain: Server,
    tls: Server,
    ports: [u16; 2],
}

impl StaticWebServer {
    fn start(bench: &Bench, nginx: &Nginx, node: &Node) -> Option<Self> {
        if !has_program("static-web-server") {
            leave_out("static-web-server", "it isn't installed");
            return None;
        }
        let own = bench.folder("serve-static-web-server");
        let ports = [Bench::free_port(), Bench::free_port()];
        let command = |port: u16| {
            let mut command = Command::new("static-web-server");
            command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--root"]).arg(nginx.folder());
            command
        };
        let plain = Server::start(&mut command(ports[0]), ports[0], &own.join("http.log"));
        let mut command = command(ports[1]);
        command.arg("--http2").arg("--http2-tls-cert").arg(node.identity()).arg("--http2-tls-key").arg(node.identity());
        let tls = Server::start(&mut command, ports[1], &own.join("https.log"));
        Some(Self { plain, tls, ports })
    }

    fn side(&self) -> Side<'_> {
        Side {
            name: "static-web-server",
            server: &self.plain,
            tls_server: &self.tls,
            http: format!("http://127.0.0.1:{}/", self.ports[0]),
            https: format!("https://127.0.0.1:{}/", self.ports[1]),
        }
    }
}
