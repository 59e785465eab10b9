//! The node as a service: what systemd is told and when, and that the unit which `ods service` writes is locked in.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use crate::support::node::{Node, Setup};
use crate::support::tools::{self, leave_out};
use crate::support::wait;

/// The greatest exposure by `systemd-analyze security`, in tenths.
const EXPOSURE_MAX: &str = "15";

/// A service manager's end.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a socket in a folder of our own");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        Self { socket, heard: Vec::new() }
    }

    /// Waits for the next message that has `line`.
    fn wait_for(&mut self, line: &str) -> String {
        let what = format!("the service manager hears {line}; it heard {:?}", self.heard);
        wait::until_some(&what, wait::SOON, || {
            let mut message = [0; 2048];
            let length = self.socket.recv(&mut message).ok()?;
            let text = String::from_utf8(message[..length].to_vec()).expect("messages are text");
            self.heard.push(text.clone());
            text.lines().any(|one| one == line).then_some(text)
        })
    }
}

#[test]
fn systemd_hears_that_the_node_serves_lives_and_stops() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let mut manager = Manager::listen(&path);
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("a plain name")), ("WATCHDOG_USEC", "600000")];
    let environment = variables.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let mut node = Node::start_with(Setup { name: "hq".to_owned(), environment, ..Setup::default() });
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains(&format!("STATUS=serving at {}", node.url("").trim_end_matches('/'))), "{ready}");
    node.put("a.pkg", b"bytes").expect(201);
    manager.wait_for("WATCHDOG=1");
    wait::until("the status counts the package", wait::SOON, || {
        manager.wait_for("WATCHDOG=1").contains("STATUS=serving 1 packages")
    });
    assert!(node.stop().success());
    manager.wait_for("STOPPING=1");
    assert!(!manager.heard.iter().any(|text| text.contains("doesn't answer")), "{:?}", manager.heard);
}

#[test]
fn a_node_that_is_stopped_in_its_tracks_is_silent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let mut manager = Manager::listen(&path);
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("a plain name")), ("WATCHDOG_USEC", "600000")];
    let environment = variables.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let node = Node::start_with(Setup { name: "hq".to_owned(), environment, ..Setup::default() });
    manager.wait_for("WATCHDOG=1");
    let pid = node.pid().expect("it runs");
    tools::signal(pid, "STOP");
    // What it said before it stopped.
    while manager.socket.recv(&mut [0; 2048]).is_ok() {}
    wait::pause(Duration::from_secs(1));
    assert!(manager.socket.recv(&mut [0; 2048]).is_err(), "a stopped node says nothing");
    tools::signal(pid, "CONT");
    manager.wait_for("WATCHDOG=1");
}

/// The unit for these arguments, as a file.
fn unit(node: &Node, arguments: &[&str]) -> std::path::PathBuf {
    let printed = node.ods_well(&[&["service", "install", "--print"], arguments].concat());
    let path = node.folder().join("ods.service");
    tools::write(&path, printed.as_bytes());
    path
}

#[test]
fn the_unit_is_locked_in() {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        leave_out("the exposure of the systemd unit", "there is no systemd-analyze");
        return;
    }
    let node = Node::new(Setup::default());
    for arguments in [&[][..], &["--listen", "[::]:443"], &["--data", "/srv/ods", "--watch", "/tmp/in a/drop"]] {
        let unit = unit(&node, arguments);
        let unit = unit.to_str().expect("a plain name");
        let threshold = format!("--threshold={EXPOSURE_MAX}");
        let judged = tools::run("systemd-analyze", &["security", "--offline=true", &threshold, unit], node.folder());
        let said = String::from_utf8_lossy(&judged.stdout);
        let verdict = said.lines().find(|line| line.contains("Overall exposure")).unwrap_or(&said);
        assert!(judged.status.success(), "{arguments:?}: {verdict}\n{said}");
        println!("{arguments:?}: {verdict}");
        let checked = tools::run("systemd-analyze", &["verify", "--man=no", unit], node.folder());
        let said = String::from_utf8_lossy(&checked.stderr);
        let about_it: Vec<&str> = said.lines().filter(|line| line.contains("ods.service")).collect();
        assert_eq!(about_it, Vec::<&str>::new(), "{arguments:?}");
    }
}

#[test]
fn a_service_is_written_into_another_root_and_taken_away_again() {
    let node = Node::new(Setup::default());
    let root = node.folder().join("image");
    fs::create_dir(&root).expect("a folder of our own");
    let at_root = ["--root", root.to_str().expect("a plain name")];
    let ods = |arguments: &[&str]| node.ods(&[&["service"], arguments, &at_root].concat());
    assert_eq!(ods(&["status"]).status.code(), Some(3), "it isn't installed");
    assert_eq!(ods(&["uninstall"]).status.code(), Some(3), "there is nothing to uninstall");
    let installed = ods(&["install", "--user", "depot", "--name", "hq 1"]);
    let said = String::from_utf8_lossy(&installed.stdout);
    assert!(installed.status.success() && said.contains("nothing was started"), "{said}");
    let unit = root.join("etc/systemd/system/ods.service");
    let text = fs::read_to_string(&unit).expect("the unit is there");
    for line in ["User=depot", "StateDirectory=ods", "Type=notify", "WatchdogSec=60"] {
        assert!(text.lines().any(|one| one == line), "{line} is missing in\n{text}");
    }
    assert!(text.contains(" serve --data /var/lib/ods --name \"hq 1\"\n"), "{text}");
    let users = fs::read_to_string(root.join("etc/sysusers.d/ods.conf")).expect("the user is declared");
    assert_eq!(users, "u depot - \"ODS, the Open Distribution Server\" /var/lib/ods\n");
    assert_eq!(ods(&["status"]).status.code(), Some(5), "it doesn't run");
    assert!(ods(&["uninstall"]).status.success());
    assert!(!unit.exists() && !root.join("etc/sysusers.d/ods.conf").exists());
}

#[test]
fn what_can_not_be_a_service_is_refused() {
    let node = Node::new(Setup::default());
    for (arguments, word) in [
        (&["--user", "a b"][..], "a b"),
        (&["--root", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["--listen", "nonsense"], "nonsense"),
        (&["--config", "missing.toml"], "missing.toml"),
    ] {
        let output = node.ods(&[&["service", "install"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
