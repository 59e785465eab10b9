//! Nodes in network namespaces with wires of 200 Mbit/s: a chain of five beside as many Syncthings, one origin and seven
//! others on a switch, a thousand small packages, and a node that nobody can call. *Wire time* is that of as many bytes by curl
//! from nginx over one such wire, in the same run. A package's time begins with the answer to its PUT, and ends when the last
//! node has it.

use std::path::Path;
use std::time::Instant;

use crate::support::namespaces::Namespaces;
use crate::support::{
    Bench, Figure, Http, Nginx, Node, Place, SyncthingChain, has_program, leave_out, median, run_here, take_turns,
    until, uploaded_bytes,
};

const MBIT_PER_S: u32 = 200;
const LARGE_BYTES: u64 = 200_000_000;
const CHAIN: [&str; 5] = ["c0", "c1", "c2", "c3", "c4"];
const MESH: [&str; 8] = ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"];
const SMALL: u64 = 1000;
const SMALL_BYTES: u64 = 100_000;

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let mut figures = Vec::new();
    for group in [chain, mesh, small, firewalled] {
        match group(bench) {
            Ok(more) => figures.extend(more),
            Err(why) => leave_out("wires of 200 Mbit/s", why),
        }
    }
    figures
}

/// A wire with nginx at one end and curl at the other.
struct BareWire {
    spaces: Namespaces,
    nginx: Nginx,
}

impl BareWire {
    fn new(bench: &Bench) -> Result<Self, &'static str> {
        let mut spaces = Namespaces::new(&["server", "client"])?;
        spaces.wire("server", "client", MBIT_PER_S);
        let nginx = Nginx::start_in(bench, "wire-nginx", &spaces.space("server"), &spaces.address("server"));
        Ok(Self { spaces, nginx })
    }

    /// How long a file takes.
    fn carry_s(&self, file: &Path) -> f64 {
        let name = file.file_name().expect("a file has a name").to_string_lossy();
        let link = self.nginx.folder().join(&*name);
        if !link.exists() {
            run_here("ln", &[&file, &link]);
        }
        let url = format!("http://{}:8080/{name}", self.spaces.wire_addresses("server")[0]);
        let space = self.spaces.space("client");
        run_here("ip", &[&"netns", &"exec", &space, &"curl", &"-sSf", &"-o", &"/dev/null", &url]).1.wall_s
    }
}

fn place(spaces: &Namespaces, name: &str) -> Place {
    let addresses = spaces.wire_addresses(name);
    Place { namespace: spaces.space(name), address: spaces.address(name), addresses }
}

fn chain(bench: &Bench) -> Result<Vec<Figure>, &'static str> {
    let mut spaces = Namespaces::new(&CHAIN)?;
    CHAIN.windows(2).for_each(|pair| spaces.wire(pair[0], pair[1], MBIT_PER_S));
    let (wire, file) = (BareWire::new(bench)?, bench.random_file("wires.pkg", LARGE_BYTES));
    let nodes: Vec<Node> = CHAIN.iter().map(|name| Node::start_at(bench, name, &place(&spaces, name))).collect();
    nodes.windows(2).for_each(|pair| pair[1].join_as(&pair[0], "owner"));
    let mut turn = 0;
    let mut ods = || {
        turn += 1;
        let file = bench.random_file(&format!("wires-{turn}.pkg"), LARGE_BYTES);
        nodes[0].put(&format!("{turn}.pkg"), &file);
        let began = Instant::now();
        nodes[CHAIN.len() - 1].wait_for(turn);
        began.elapsed().as_secs_f64()
    };
    let results = take_turns::<f64>(&mut [&mut ods, &mut || wire.carry_s(&file)]);
    eprintln!("200 MB along a chain of 5: {results:.3?} s (ODS, wire)");
    let [ours, bare] = [0, 1].map(|side: usize| median(results[side].iter().copied()));
    drop(nodes);
    let name = "200 MB along a chain of 5 at 200 Mbit/s";
    let mut figures = vec![Figure::new(name, "s", ours, "wire time", bare).at_most(1.06)];
    if has_program("syncthing") {
        let places: Vec<Place> = CHAIN.iter().map(|name| place(&spaces, name)).collect();
        let theirs = SyncthingChain::start(bench, "wires-syncthing", &places).carry_s(&file);
        figures.push(Figure::new(name, "s", ours, "Syncthing, one turn", theirs));
    } else {
        leave_out("Syncthing", "it isn't installed");
    }
    Ok(figures)
}

fn mesh(bench: &Bench) -> Result<Vec<Figure>, &'static str> {
    let names: Vec<&str> = MESH.into_iter().chain(["switch"]).collect();
    let mut spaces = Namespaces::new(&names)?;
    spaces.switch(MBIT_PER_S);
    let (wire, file) = (BareWire::new(bench)?, bench.random_file("wires.pkg", LARGE_BYTES));
    let start = |name: &&str| {
        let addresses = vec![spaces.address_on_switch(name)];
        let place = Place { namespace: spaces.space(name), address: spaces.address(name), addresses };
        Node::start_at(bench, name, &place)
    };
    let nodes: Vec<Node> = MESH.iter().map(start).collect();
    for (number, node) in nodes.iter().enumerate() {
        nodes[..number].iter().for_each(|earlier| node.join_as(earlier, "owner"));
    }
    let (mut turn, mut uploaded) = (0, Vec::new());
    let mut ods = || {
        turn += 1;
        let file = bench.random_file(&format!("wires-mesh-{turn}.pkg"), LARGE_BYTES);
        let before = uploaded_bytes(&mut nodes[0].http());
        nodes[0].put(&format!("{turn}.pkg"), &file);
        let began = Instant::now();
        nodes[1..].iter().for_each(|node| node.wait_for(turn));
        let took_s = began.elapsed().as_secs_f64();
        uploaded.push((uploaded_bytes(&mut nodes[0].http()) - before) / LARGE_BYTES as f64);
        took_s
    };
    let results = take_turns::<f64>(&mut [&mut ods, &mut || wire.carry_s(&file)]);
    eprintln!("200 MB from one to seven: {results:.3?} s (ODS, wire); uploaded {uploaded:.3?}");
    let [ours, bare] = [0, 1].map(|side: usize| median(results[side].iter().copied()));
    Ok(vec![
        Figure::new("200 MB from one to seven others, all linked, 200 Mbit/s each", "s", ours, "wire time", bare)
            .at_most(1.25),
        Figure::limit("the same: the origin uploads, of the package", "times", median(uploaded), 1.3),
    ])
}

fn small(bench: &Bench) -> Result<Vec<Figure>, &'static str> {
    let mut spaces = Namespaces::new(&["s0", "s1"])?;
    spaces.wire("s0", "s1", MBIT_PER_S);
    let (wire, file) = (BareWire::new(bench)?, bench.random_file("wires-small.pkg", SMALL * SMALL_BYTES));
    let first = Node::start_at(bench, "s0", &place(&spaces, "s0"));
    let mut http: Http = first.http();
    let mut bytes = vec![0; usize::try_from(SMALL_BYTES).expect("a small package")];
    for package in 0..SMALL {
        blake3::Hasher::new().update(&package.to_le_bytes()).finalize_xof().fill(&mut bytes);
        http.json("PUT", &format!("/api/v1/packages/small-{package:04}.pkg"), &bytes);
    }
    let mut turn = 0;
    let mut ods = || {
        turn += 1;
        let name = format!("s1-{turn}");
        let second = Node::start_at(bench, &name, &place(&spaces, "s1"));
        let began = Instant::now();
        second.join(&first);
        second.wait_for(SMALL);
        let took_s = began.elapsed().as_secs_f64();
        drop(second);
        bench.clear(&name);
        took_s
    };
    let results = take_turns::<f64>(&mut [&mut ods, &mut || wire.carry_s(&file)]);
    eprintln!("1,000 × 100 KB to a new node: {results:.3?} s (ODS, wire)");
    let [ours, bare] = [0, 1].map(|side: usize| median(results[side].iter().copied()));
    let name = "1,000 × 100 KB to a new node at 200 Mbit/s, joining included";
    Ok(vec![Figure::new(name, "s", ours, "wire time of as many bytes in one file", bare).at_most(1.25)])
}

fn firewalled(bench: &Bench) -> Result<Vec<Figure>, &'static str> {
    let mut spaces = Namespaces::new(&["f0", "f1"])?;
    spaces.wire("f0", "f1", MBIT_PER_S);
    let (wire, file) = (BareWire::new(bench)?, bench.random_file("wires.pkg", LARGE_BYTES));
    let outside = Node::start_at(bench, "f0", &place(&spaces, "f0"));
    let behind = Node::start_behind_a_firewall(bench, "f1", &place(&spaces, "f1"));
    behind.join_as(&outside, "publisher");
    let mut http = outside.http();
    until("its link is open", || http.json("GET", "/api/v1/peers", b"")["items"][0]["state"] == "connected");
    let turn = std::cell::Cell::new(0);
    let carry_s = |from: &Node, to: &Node| {
        turn.set(turn.get() + 1);
        let file = bench.random_file(&format!("wires-link-{}.pkg", turn.get()), LARGE_BYTES);
        from.put(&format!("{}.pkg", turn.get()), &file);
        let began = Instant::now();
        to.wait_for(turn.get());
        began.elapsed().as_secs_f64()
    };
    let results =
        take_turns::<f64>(&mut [&mut || carry_s(&outside, &behind), &mut || carry_s(&behind, &outside), &mut || {
            wire.carry_s(&file)
        }]);
    eprintln!("200 MB through a link: {results:.3?} s (to the node that opened it, from it, wire)");
    let [to, from, bare] = [0, 1, 2].map(|side: usize| median(results[side].iter().copied()));
    let row = |name: &str, ours| Figure::new(name, "s", ours, "wire time", bare).at_most(1.25);
    Ok(vec![
        row("200 MB to a node that nobody can call, through its link, at 200 Mbit/s", to),
        row("200 MB from a node that nobody can call, through its link, at 200 Mbit/s", from),
    ])
}
