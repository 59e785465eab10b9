//! Two Syncthings that know only each other, over loopback, with one folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::Bench;
use super::http::Http;
use super::process::{Server, run_here, until};

/// One side.
#[derive(Debug)]
struct Side {
    _server: Server,
    id: String,
    key: String,
    gui_port: u16,
    sync_port: u16,
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
        self.sender.share(&self.receiver, "sendonly");
        self.sender.scanned();
    }

    /// Lets the receiver take it, and waits until it has so many files whole.
    pub(crate) fn receive(&self, files: u64) {
        self.receiver.share(&self.sender, "receiveonly");
        let mut api = self.receiver.api();
        until("Syncthing has received all", || {
            let status = api.send("GET", "/rest/db/status?folder=bench", b"");
            let status: serde_json::Value = serde_json::from_slice(&status.body).unwrap_or_default();
            status["localFiles"] == files && status["needBytes"] == 0 && status["state"] == "idle"
        });
    }
}

impl Side {
    fn start(bench: &Bench, name: &str, folder: PathBuf) -> Self {
        let home = bench.folder(&format!("{name}/home"));
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        let (gui_port, sync_port) = (Bench::free_port(), Bench::free_port());
        run_here("syncthing", &[&"generate", &format!("--home={}", home.display()), &"--no-default-folder"]);
        let key = "bench".to_owned();
        let mut command = Command::new("syncthing");
        command
            .args(["serve", "--no-browser", "--no-restart", "--no-upgrade"])
            .arg(format!("--home={}", home.display()))
            .arg(format!("--gui-address=127.0.0.1:{gui_port}"))
            .arg(format!("--gui-apikey={key}"));
        let server = Server::start(&mut command, gui_port, &home.join("log"));
        let mut side = Self { _server: server, id: String::new(), key, gui_port, sync_port, folder };
        let mut api = side.api();
        api.json("GET", "/rest/system/ping", b"");
        let options = serde_json::json!({
            "listenAddresses": [format!("tcp://127.0.0.1:{sync_port}")], "globalAnnounceEnabled": false,
            "localAnnounceEnabled": false, "relaysEnabled": false, "natEnabled": false, "urAccepted": -1,
            "crashReportingEnabled": false, "autoUpgradeIntervalH": 0, "startBrowser": false,
        });
        let status = api.json("GET", "/rest/system/status", b"");
        side.id.push_str(status["myID"].as_str().expect("a device id"));
        api.json("PATCH", "/rest/config/options", options.to_string().as_bytes());
        side
    }

    fn api(&self) -> Http {
        Http::connect(self.gui_port, &format!("X-API-Key: {}", self.key))
    }

    fn introduce(&self, other: &Self) {
        let device = serde_json::json!({
            "deviceID": other.id, "addresses": [format!("tcp://127.0.0.1:{}", other.sync_port)],
        });
        self.api().json("POST", "/rest/config/devices", device.to_string().as_bytes());
    }

    fn share(&self, other: &Self, kind: &str) {
        let folder = serde_json::json!({
            "id": "bench", "path": self.folder, "type": kind, "fsWatcherEnabled": false, "rescanIntervalS": 3600,
            "devices": [{"deviceID": self.id}, {"deviceID": other.id}],
        });
        self.api().json("POST", "/rest/config/folders", folder.to_string().as_bytes());
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
