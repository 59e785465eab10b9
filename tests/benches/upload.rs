//! Taking a package of 1 GiB by PUT and keeping it durably, beside what the parts of that work cost elsewhere: `dd` with
//! an fsync, nginx's PUT (which syncs nothing), b3sum and sha256sum; and Debian's docker-registry, which does the same
//! kind of work.
//!
//! All get the same bytes again and again: to the same name, or, for ODS, which keeps one copy of equal bytes, as a new
//! file each time that goes away again.

use std::path::Path;
use std::process::Command;

use crate::support::{
    Bench, Cost, Figure, GIB, Nginx, Node, Server, has_program, leave_out, median, run_here, take_turns, write_file,
};

/// What one turn took: on the clock, and of the server's CPU, or the tool's.
type Turn = Cost;

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    if !["nginx", "curl", "b3sum", "sha256sum", "dd"].iter().all(|name| has_program(name)) {
        leave_out("uploads", "they need nginx, curl, b3sum, sha256sum and dd");
        return vec![];
    }
    let file = bench.random_file("upload.pkg", GIB);
    let node = Node::start(bench, "upload-ods");
    let nginx = Nginx::start(bench, "upload-nginx", &node.identity());
    let registry = Registry::start(bench);
    let copy = bench.folder("upload-dd").join("copy");
    let mut ods = || served(node.server(), || node.put("upload.pkg", &file));
    let mut put = || {
        let url = nginx.url("upload.pkg");
        served(nginx.server(), || run_here("curl", &[&"-sSf", &"-o", &"/dev/null", &"-T", &file, &url]).1)
    };
    let mut dd = || run_here("dd", &[&argument("if", &file), &argument("of", &copy), &"bs=1M", &"conv=fsync"]).1;
    let mut b3sum = || run_here("b3sum", &[&"--num-threads", &"1", &file]).1;
    let mut sha256sum = || run_here("sha256sum", &[&file]).1;
    let mut push = || registry.as_ref().map_or(Cost::default(), |registry| registry.push(&file));
    let results = take_turns::<Turn>(&mut [&mut ods, &mut put, &mut dd, &mut b3sum, &mut sha256sum, &mut push]);
    let wall = |side: usize| median(results[side].iter().map(|turn| turn.wall_s));
    let cpu = |side: usize| median(results[side].iter().map(|turn| turn.cpu_s));
    eprintln!("ODS, nginx PUT, dd, b3sum, sha256sum, docker-registry: {results:.3?}");
    let mut figures = vec![
        Figure::new("upload of 1 GiB, durable: time", "s", wall(0), "dd conv=fsync", wall(2)).at_most(1.6),
        Figure::new(
            "upload of 1 GiB: server CPU",
            "s",
            cpu(0),
            "nginx PUT + b3sum + sha256sum",
            cpu(1) + cpu(3) + cpu(4),
        )
        .at_most(1.25),
    ];
    if registry.is_some() {
        figures.push(Figure::new("upload of 1 GiB: time", "s", wall(0), "docker-registry", wall(5)));
        figures.push(Figure::new("upload of 1 GiB: server CPU", "s", cpu(0), "docker-registry", cpu(5)));
    }
    figures
}

fn argument(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// What a server spent while a client did something, and how long that took.
fn served(server: &Server, client: impl FnOnce() -> Cost) -> Turn {
    let before = server.cpu_s();
    let cost = client();
    Turn { wall_s: cost.wall_s, cpu_s: server.cpu_s() - before }
}

/// Debian's docker-registry with an empty folder.
struct Registry {
    server: Server,
    port: u16,
}

impl Registry {
    fn start(bench: &Bench) -> Option<Self> {
        if !has_program("docker-registry") {
            leave_out("docker-registry", "it isn't installed");
            return None;
        }
        let (own, port) = (bench.folder("upload-registry"), Bench::free_port());
        let config = own.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}/data}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n",
            own.display()
        );
        write_file(&config, &text);
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config);
        Some(Self { server: Server::start(&mut command, port, &own.join("registry.log")), port })
    }

    /// Uploads the file as a blob, in one request after the one that begins it.
    fn push(&self, file: &Path) -> Turn {
        let (sum, _) = run_here("sha256sum", &[&file]);
        let digest = sum.split_whitespace().next().expect("sha256sum prints the sum");
        let start = format!("http://127.0.0.1:{}/v2/bench/blobs/uploads/", self.port);
        served(&self.server, || {
            let (place, began) =
                run_here("curl", &[&"-sSf", &"-X", &"POST", &"-o", &"/dev/null", &"-w", &"%header{location}", &start]);
            let url = format!("{}&digest=sha256:{digest}", place.trim());
            let ended = run_here(
                "curl",
                &[&"-sSf", &"-o", &"/dev/null", &"-H", &"Content-Type: application/octet-stream", &"-T", &file, &url],
            )
            .1;
            Cost { wall_s: began.wall_s + ended.wall_s, cpu_s: 0.0 }
        })
    }
}
