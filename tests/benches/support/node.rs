//! An `ods` of the build under test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::{Bench, write_file};
use super::http::Http;
use super::process::{Cost, Server, run_here, until};

/// `ODS_BENCH_PROGRAM`, or the program built with the benches; that one has what only tests need compiled in.
#[expect(clippy::disallowed_methods, reason = "the benches have no configuration but their variables")]
fn program() -> OsString {
    std::env::var_os("ODS_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ods").into())
}

/// A running node with a data folder of its own.
#[derive(Debug)]
pub(crate) struct Node {
    server: Server,
    data: PathBuf,
    host: String,
    port: u16,
    tls_port: u16,
}

/// Where a node is in a network of the bench's making.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its network namespace.
    pub(crate) namespace: String,
    /// Where the bench reaches it.
    pub(crate) address: String,
    /// Where the other nodes reach it.
    pub(crate) addresses: Vec<String>,
}

impl Node {
    /// Starts one with a plain listener and one with TLS, which is where its peers call it.
    pub(crate) fn start(bench: &Bench, name: &str) -> Self {
        let tls_port = Bench::free_port();
        let tls = format!("\n[[listeners]]\naddress = \"127.0.0.1:{tls_port}\"\ntls = \"self-signed\"\n");
        Self { tls_port, ..Self::start_with(bench, name, &tls) }
    }

    /// Starts one that speaks plain HTTP, also with its peers.
    pub(crate) fn start_plain(bench: &Bench, name: &str) -> Self {
        Self::start_with(bench, name, "")
    }

    fn start_with(bench: &Bench, name: &str, further: &str) -> Self {
        let folder = bench.folder(name);
        let (data, port, config) = (folder.join("data"), Bench::free_port(), folder.join("ods.toml"));
        let limits = "[limits]\nconnections_per_address_max = 2000\n\n";
        write_file(&config, &format!("{limits}[[listeners]]\naddress = \"127.0.0.1:{port}\"\n{further}"));
        let mut command = Command::new(program());
        command.args(["serve", "--name", name, "--data"]).arg(&data).arg("--config").arg(config);
        let server = Server::start(&mut command, port, &folder.join("ods.log"));
        Self { server, data, host: "127.0.0.1".to_owned(), port, tls_port: 0 }
    }

    /// Starts one at a place, on the data that it has if it was there before.
    pub(crate) fn start_at(bench: &Bench, name: &str, place: &Place) -> Self {
        Self::start_listening(bench, name, place, "0.0.0.0")
    }

    fn start_listening(bench: &Bench, name: &str, place: &Place, listen: &str) -> Self {
        const PORT: u16 = 8637;
        let folder = bench.folder(name);
        let data = folder.join("data");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &place.namespace]).arg(program());
        command.args(["serve", "--name", name, "--listen", &format!("{listen}:{PORT}"), "--data"]).arg(&data);
        for address in &place.addresses {
            command.arg("--url").arg(format!("http://{address}:{PORT}"));
        }
        let server = Server::start_at(&mut command, &format!("{}:{PORT}", place.address), &folder.join("ods.log"));
        Self { server, data, host: place.address.clone(), port: PORT, tls_port: 0 }
    }

    /// Starts one that only the bench can call: nothing listens where its wires end.
    pub(crate) fn start_behind_a_firewall(bench: &Bench, name: &str, place: &Place) -> Self {
        let listen = place.address.clone();
        Self::start_listening(bench, name, &Place { addresses: Vec::new(), ..place.clone() }, &listen)
    }

    /// A client of its plain listener that may do everything.
    pub(crate) fn http(&self) -> Http {
        Http::connect(&format!("{}:{}", self.host, self.port), &self.authorization())
    }

    /// Joins the mesh of another as a replica.
    pub(crate) fn join(&self, other: &Self) {
        self.join_as(other, "replica");
    }

    /// Joins the mesh of another in this role, or is only linked to it.
    pub(crate) fn join_as(&self, other: &Self, role: &str) {
        let terms = serde_json::json!({"role": role, "prefixes": [], "expires_in_s": 3600}).to_string();
        let invite = other.http().json("POST", "/api/v1/invites", terms.as_bytes());
        let body = serde_json::json!({ "invite": invite["invite"] }).to_string();
        self.http().json("POST", "/api/v1/peers", body.as_bytes());
    }

    /// Waits until it lists so many packages and has all their bytes.
    pub(crate) fn wait_for(&self, packages: u64) {
        let mut http = self.http();
        until("the node has all packages", || {
            let node = http.json("GET", "/api/v1/node", b"");
            node["packages"] == packages && node["wants"]["count"] == 0
        });
    }

    /// The process.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The URL of a path on the plain listener.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}:{}{target}", self.host, self.port)
    }

    /// The URL of a path on the listener with TLS.
    pub(crate) fn tls_url(&self, target: &str) -> String {
        format!("https://127.0.0.1:{}{target}", self.tls_port)
    }

    /// The header that lets an administrator in.
    pub(crate) fn authorization(&self) -> String {
        let token = std::fs::read_to_string(self.data.join("admin.token")).expect("the first start writes admin.token");
        format!("Authorization: Bearer {}", token.trim())
    }

    /// The PEM file with the certificate that its TLS listener made for itself, and the key.
    pub(crate) fn identity(&self) -> PathBuf {
        self.data.join("self-signed.pem")
    }

    /// Publishes a file with curl: what curl cost.
    pub(crate) fn put(&self, path: &str, file: &Path) -> Cost {
        let url = self.url(&format!("/api/v1/packages/{path}"));
        run_here("curl", &[&"-sSf", &"-o", &"/dev/null", &"-H", &self.authorization(), &"-T", &file, &url]).1
    }
}

/// Bytes that a node sent to peers so far, by its own count.
pub(crate) fn uploaded_bytes(http: &mut Http) -> f64 {
    let answer = http.send("GET", "/metrics", b"");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("ods_http_response_bytes_total{area=\"peers\"} "));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0.0)
}
