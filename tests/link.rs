//! Nodes behind a firewall: nobody can call them, so they open links outward; also through a reverse proxy.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::node::{Node, Setup, free_port};
use crate::support::{mesh, tools, wait};

/// Where nothing listens: what a node behind a firewall says, and others can't use.
const NOWHERE: &str = "http://127.0.0.1:9";

fn firewalled(name: &str) -> Node {
    let arguments = vec!["--url".to_owned(), NOWHERE.to_owned()];
    Node::start_with(Setup { name: name.to_owned(), arguments, ..Setup::default() })
}

fn state(seen_from: &Node, id: &str) -> Option<String> {
    let peer: Value = seen_from.get_json(&format!("/peers/{id}"));
    peer["state"].as_str().map(str::to_owned)
}

#[track_caller]
fn comes_to_be_connected(seen_from: &Node, id: &str) {
    let what = format!("{} reaches {id}", seen_from.name());
    wait::until_equal(&what, mesh::AGREE_WITHIN, &Some("connected".to_owned()), || state(seen_from, id));
}

/// Packages go both ways between `hub` and `branch`, and each sees the other as connected.
#[track_caller]
fn packages_go_both_ways(hub: &Node, branch: &Node, seed: u64) {
    let (up, down) = (Generated::new(seed, 9_000_000).all(), Generated::new(seed + 1, 3_000_000).all());
    branch.put(&format!("up-{seed}.pkg"), &up).expect(201);
    hub.put(&format!("down-{seed}.pkg"), &down).expect(201);
    mesh::stored(hub, &format!("up-{seed}.pkg"), &blake3_hex(&up));
    mesh::stored(branch, &format!("down-{seed}.pkg"), &blake3_hex(&down));
    comes_to_be_connected(hub, &branch.id());
    comes_to_be_connected(branch, &hub.id());
}

#[test]
fn firewalled_nodes_publish_and_receive_through_a_hub_that_restarts() {
    let mut hub = Node::start("hub");
    let (one, two) = (firewalled("one"), firewalled("two"));
    mesh::pair(&hub, &one, "publisher");
    mesh::pair(&hub, &two, "publisher");
    packages_go_both_ways(&hub, &one, 1);
    mesh::agree(&[&hub, &one, &two]);
    mesh::stored(&two, "up-1.pkg", &blake3_hex(&Generated::new(1, 9_000_000).all()));
    hub.kill();
    one.put("meanwhile.pkg", b"while the hub was away").expect(201);
    hub.launch();
    for node in [&hub, &two] {
        mesh::stored(node, "meanwhile.pkg", &blake3_hex(b"while the hub was away"));
    }
}

#[test]
fn a_node_that_opens_no_links_is_not_reached() {
    let hub = Node::start("hub");
    let config =
        format!("urls = [\"{NOWHERE}\"]\n[mesh]\nlink = \"never\"\n[[listeners]]\naddress = \"127.0.0.1:PORT\"\n");
    let mut branch = Node::new(Setup { name: "branch".to_owned(), ..Setup::default() });
    branch.setup().config = Some(config.replace("PORT", &branch.port().to_string()));
    branch.launch();
    mesh::pair(&hub, &branch, "publisher");
    hub.put("down.pkg", b"down").expect(201);
    // Nobody can tell it of that; it asks each minute, or when told to.
    branch.post_json(&format!("/peers/{}/sync", hub.id()), &serde_json::json!({})).expect(200);
    mesh::stored(&branch, "down.pkg", &blake3_hex(b"down"));
    let id = branch.id();
    wait::until_equal("it is not reached", mesh::AGREE_WITHIN, &Some("unreachable".to_owned()), || state(&hub, &id));
}

/// nginx as a reverse proxy before a node, which passes `Upgrade` on; ended when dropped.
struct ReverseProxy {
    child: Child,
    port: u16,
}

impl ReverseProxy {
    fn before(node: &Node, folder: &Path) -> Option<Self> {
        if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
            return None;
        }
        let port = free_port();
        let (own, behind) = (folder.display(), node.address());
        let user = if tools::is_root() { "user root;" } else { "" };
        let config = format!(
            "daemon off; master_process off; {user} pid {own}/nginx.pid; error_log {own}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n\
             access_log {own}/access.log; client_body_temp_path {own}/body; proxy_temp_path {own}/proxy;\n\
             fastcgi_temp_path {own}/fastcgi; uwsgi_temp_path {own}/uwsgi; scgi_temp_path {own}/scgi;\n\
             map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n\
             server {{\n\
             listen 127.0.0.1:{port};\n\
             location / {{\n\
             proxy_pass http://{behind}; proxy_http_version 1.1; proxy_set_header Host $http_host;\n\
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;\n\
             proxy_request_buffering off; proxy_buffering off; client_max_body_size 0;\n\
             }} }} }}\n"
        );
        let path = folder.join("nginx.conf");
        tools::write(&path, config.as_bytes());
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(path).arg("-e").arg(folder.join("error.log"));
        let child = command.stdin(Stdio::null()).spawn().expect("nginx can be run");
        wait::until("nginx listens", wait::SOON, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { child, port })
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_link_works_through_nginx_as_reverse_proxy_and_comes_back_after_it_was_cut() {
    let mut hub = Node::new(Setup { name: "hub".to_owned(), ..Setup::default() });
    let folder = hub.folder().to_owned();
    let Some(proxy) = ReverseProxy::before(&hub, &folder) else {
        return tools::leave_out("a link through nginx", "nginx is not installed");
    };
    hub.setup().arguments = vec!["--url".to_owned(), format!("http://127.0.0.1:{}", proxy.port)];
    hub.launch();
    let branch = firewalled("branch");
    mesh::pair(&hub, &branch, "publisher");
    packages_go_both_ways(&hub, &branch, 10);
    // All calls go through the proxy, and so did the link.
    let seen = std::fs::read_to_string(folder.join("access.log")).unwrap_or_default();
    assert!(seen.contains("/peer/v1/ping") && !seen.contains(" 426 "), "{seen}");
    hub.kill();
    hub.launch();
    packages_go_both_ways(&hub, &branch, 20);
    let seen = std::fs::read_to_string(folder.join("access.log")).unwrap_or_default();
    assert!(seen.contains("GET /peer/v1/link HTTP/1.1\" 101"), "{seen}");
}
