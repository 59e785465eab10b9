//! Syncthings that know only each other, with one folder: a pair over loopback, or a chain over wires.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::Bench;
use super::http::Http;
use super::node::Place;
use super::process::{Server, run_here, until};

/// One side.
#[derive(Debug)]
struct Side {
    _server: Server,
    id: String,
    key: String,
    /// Where its API answers.
    gui: String,
    /// Where the others reach it.
    addresses: Vec<String>,
    folder: PathBuf,
}

/// A pair; the first sends, the second receives.
#[derive(Debug)]
pub(crate) struct SyncthingPair {
    sender: Side,
    receiver: Side,
}

impl SyncthingPair {
    /// Starts both, with what `source` has to send; the receiver has nothing.
    pub(crate) fn start(bench: &Bench, name: &str, source: &Path) -> Self {
        let sender = Side::start(bench, &format!("{name}-sender"), source.to_owned());
        let receiver = Side::start(bench, &format!("{name}-receiver"), bench.folder(&format!("{name}-receiver/files")));
        for (side, other) in [(&sender, &receiver), (&receiver, &sender)] {
            side.introduce(other);
        }
        Self { sender, receiver }
    }

    /// Offers the folder from the sender; it is scanned when this returns.
    pub(crate) fn offer(&self) {
        self.sender.share(&[&self.receiver], "sendonly");
        self.sender.scanned();
    }

    /// Lets the receiver take it, and waits until it has so many files whole.
    pub(crate) fn receive(&self, files: u64) {
        self.receiver.share(&[&self.sender], "receiveonly");
        self.receiver.has(files);
    }
}

/// A chain; the first sends, each passes on to the next.
#[derive(Debug)]
pub(crate) struct SyncthingChain(Vec<Side>);

impl SyncthingChain {
    /// Starts one at each place, and lets each know its neighbours.
    pub(crate) fn start(bench: &Bench, name: &str, places: &[Place]) -> Self {
        let start = |(number, place): (usize, &Place)| {
            let own = format!("{name}-{number}");
            let folder = bench.folder(&format!("{own}/files"));
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &place.namespace, "syncthing"]);
            Side::start_by(command, bench, &own, folder, &place.address, "0.0.0.0", &place.addresses)
        };
        let sides: Vec<Side> = places.iter().enumerate().map(start).collect();
        for pair in sides.windows(2) {
            pair[0].introduce(&pair[1]);
            pair[1].introduce(&pair[0]);
        }
        for number in 0..sides.len() {
            let neighbours: Vec<&Side> =
                [number.wrapping_sub(1), number + 1].into_iter().filter_map(|at| sides.get(at)).collect();
            sides[number].share(&neighbours, "sendreceive");
        }
        Self(sides)
    }

    /// How long a file takes from the first, which has scanned it, to the last.
    pub(crate) fn carry_s(&self, file: &Path) -> f64 {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return f64::NAN };
        until("the Syncthings are connected", || self.0.iter().all(|side| side.connected() >= 1));
        run_here("cp", &[&file, &first.folder.join("carried.pkg")]);
        first.api().json("POST", "/rest/db/scan?folder=bench", b"");
        let began = std::time::Instant::now();
        last.has(1);
        began.elapsed().as_secs_f64()
    }
}

impl Side {
    fn start(bench: &Bench, name: &str, folder: PathBuf) -> Self {
        Self::start_by(
            Command::new("syncthing"),
            bench,
            name,
            folder,
            "127.0.0.1",
            "127.0.0.1",
            &["127.0.0.1".to_owned()],
        )
    }

    /// `host` is where its API shall answer, `listen` where it listens for others, `reached` where these find it.
    fn start_by(
        mut command: Command,
        bench: &Bench,
        name: &str,
        folder: PathBuf,
        host: &str,
        listen: &str,
        reached: &[String],
    ) -> Self {
        let home = bench.folder(&format!("{name}/home"));
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        let (gui_port, sync_port) = (Bench::free_port(), Bench::free_port());
        run_here("syncthing", &[&"generate", &format!("--home={}", home.display()), &"--no-default-folder"]);
        let (key, gui) = ("bench".to_owned(), format!("{host}:{gui_port}"));
        command
            .args(["serve", "--no-browser", "--no-restart", "--no-upgrade"])
            .arg(format!("--home={}", home.display()))
            .arg(format!("--gui-address={gui}"))
            .arg(format!("--gui-apikey={key}"));
        let server = Server::start_at(&mut command, &gui, &home.join("log"));
        let addresses = reached.iter().map(|address| format!("tcp://{address}:{sync_port}")).collect();
        let mut side = Self { _server: server, id: String::new(), key, gui, addresses, folder };
        let mut api = side.api();
        api.json("GET", "/rest/system/ping", b"");
        let options = serde_json::json!({
            "listenAddresses": [format!("tcp://{listen}:{sync_port}")], "globalAnnounceEnabled": false,
            "localAnnounceEnabled": false, "relaysEnabled": false, "natEnabled": false, "urAccepted": -1,
            "crashReportingEnabled": false, "autoUpgradeIntervalH": 0, "startBrowser": false,
        });
        let status = api.json("GET", "/rest/system/status", b"");
        side.id.push_str(status["myID"].as_str().expect("a device id"));
        api.json("PATCH", "/rest/config/options", options.to_string().as_bytes());
        side
    }

    fn api(&self) -> Http {
        Http::connect(&self.gui, &format!("X-API-Key: {}", self.key))
    }

    fn introduce(&self, other: &Self) {
        let device = serde_json::json!({
            "deviceID": other.id, "addresses": other.addresses,
        });
        self.api().json("POST", "/rest/config/devices", device.to_string().as_bytes());
    }

    fn share(&self, others: &[&Self], kind: &str) {
        let devices = others.iter().copied().chain([self]).map(|side| serde_json::json!({ "deviceID": side.id }));
        let folder = serde_json::json!({
            "id": "bench", "path": self.folder, "type": kind, "fsWatcherEnabled": false, "rescanIntervalS": 3600,
            "devices": devices.collect::<Vec<_>>(),
        });
        self.api().json("POST", "/rest/config/folders", folder.to_string().as_bytes());
    }

    /// How many others it is connected with.
    fn connected(&self) -> usize {
        let status = self.api().send("GET", "/rest/system/connections", b"");
        let status: serde_json::Value = serde_json::from_slice(&status.body).unwrap_or_default();
        let others = status["connections"].as_object().into_iter().flatten();
        others.filter(|(_, state)| state["connected"] == true).count()
    }

    fn has(&self, files: u64) {
        let mut api = self.api();
        until("Syncthing has received all", || {
            let status = api.send("GET", "/rest/db/status?folder=bench", b"");
            let status: serde_json::Value = serde_json::from_slice(&status.body).unwrap_or_default();
            status["localFiles"] == files && status["needBytes"] == 0 && status["state"] == "idle"
        });
    }

    fn scanned(&self) {
        let mut api = self.api();
        until("Syncthing has scanned", || {
            let status = api.send("GET", "/rest/db/status?folder=bench", b"");
            let status: serde_json::Value = serde_json::from_slice(&status.body).unwrap_or_default();
            status["state"] == "idle" && status["localBytes"].as_u64().is_some_and(|bytes| bytes > 0)
        });
    }
}
