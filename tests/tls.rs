//! TLS: a certificate the node makes itself, pinned by invites; and what is offered on which listener.

use crate::support::bytes::{Generated, blake3_hex};
use crate::support::mesh;
use crate::support::node::{Node, Setup};
use crate::support::tools;

/// A node whose peers reach it by TLS only; the test itself looks in by plain HTTP.
fn node_with_tls(name: &str, tls_port: u16) -> Node {
    let mut node = Node::new(Setup { name: name.to_owned(), ..Setup::default() });
    let plain = node.address();
    node.setup().config = Some(format!(
        "urls = [\"https://127.0.0.1:{tls_port}\"]\n\
         [[listeners]]\naddress = \"{plain}\"\nsurfaces = [\"admin\"]\n\
         [[listeners]]\naddress = \"127.0.0.1:{tls_port}\"\ntls = \"self-signed\"\nsurfaces = [\"downloads\", \"peers\"]\n"
    ));
    node.launch();
    node
}

#[test]
fn nodes_pair_and_replicate_over_pinned_self_signed_tls() {
    let ports = [crate::support::node::free_port(), crate::support::node::free_port()];
    let (hq, branch) = (node_with_tls("hq", ports[0]), node_with_tls("branch", ports[1]));
    let listeners = hq.get_json("/node")["listeners"].clone();
    assert_eq!((&listeners[0]["tls"], listeners[0]["certificate"].is_null()), (&"none".into(), true), "{listeners}");
    assert_eq!(
        (&listeners[1]["tls"], &listeners[1]["surfaces"][1]),
        (&"self-signed".into(), &"peers".into()),
        "{listeners}"
    );
    let certificate = &listeners[1]["certificate"];
    assert_eq!(certificate["sha256"].as_str().map(str::len), Some(64), "{listeners}");
    assert!(certificate["expires_at"].as_str() > Some("2026-12-31"), "{listeners}");
    mesh::pair(&hq, &branch, "replica");
    let bytes = Generated::new(1, 4_000_000).all();
    hq.put("a.pkg", &bytes).expect(201);
    mesh::stored(&branch, "a.pkg", &blake3_hex(&bytes));

    let url = format!("https://127.0.0.1:{}/Packages/a.pkg", ports[1]);
    tools::run_well("curl", &["-sS", "-f", "-k", "-o", "got", &url], branch.folder());
    assert!(std::fs::read(branch.folder().join("got")).expect("curl wrote it") == bytes);
    let unpinned = tools::run("curl", &["-sS", "-f", "-o", "refused", &url], branch.folder());
    assert!(!unpinned.status.success(), "a self-signed certificate is trusted by pin only");
}

#[test]
fn a_listener_offers_its_surfaces_only() {
    let port = crate::support::node::free_port();
    let node = node_with_tls("hq", port);
    node.put("a.pkg", b"a").expect(201);
    node.request("GET", "/Packages/a.pkg").send().expect(404);
    let get = |target: &str| {
        let url = format!("https://127.0.0.1:{port}{target}");
        tools::run_well("curl", &["-sS", "-k", "-o", "/dev/null", "-w", "%{http_code}", &url], node.folder())
    };
    assert_eq!(get("/Packages/a.pkg"), "200");
    assert_eq!(get("/api/v1/node"), "404");
}
