//! Peers and lines that are broken or lie: nothing wrong is taken, nothing is lost, and whoever is honest delivers.

use crate::support::bytes::{Choices, Generated, blake3_hex};
use crate::support::mesh;
use crate::support::node::{Node, Setup};
use crate::support::proxy::{Manner, Proxy};
use crate::support::wait;

/// `hq`, reached through a proxy only, and `branch`, paired with it.
pub(crate) fn pair_through_a_proxy() -> (Node, Proxy, Node) {
    let mut hq = Node::new(Setup { name: "hq".to_owned(), ..Setup::default() });
    let proxy = Proxy::before(&hq.address());
    hq.setup().arguments = vec!["--url".to_owned(), proxy.url()];
    hq.launch();
    let branch = Node::start("branch");
    mesh::pair(&hq, &branch, "replica");
    mesh::agree(&[&hq, &branch]);
    (hq, proxy, branch)
}

/// What a client gets meanwhile: the right bytes, an honest 503 or 404, or a broken transfer; never other bytes.
fn assert_never_wrong(node: &Node, path: &str, bytes: &[u8]) {
    let answer = node.request("GET", &format!("/Packages/{path}")).try_send();
    let fine = answer.as_ref().is_ok_and(|got| matches!(got.status, 404 | 503) || got.body == bytes);
    assert!(answer.is_err() || fine, "wrong bytes were served");
}

#[test]
fn a_peer_that_answers_garbage_harms_nothing() {
    let (hq, proxy, branch) = pair_through_a_proxy();
    hq.put("before.pkg", b"before").expect(201);
    mesh::stored(&branch, "before.pkg", &blake3_hex(b"before"));
    proxy.set(Manner::Garbage);
    hq.put("after.pkg", b"after").expect(201);
    for _ in 0..20 {
        wait::pause(std::time::Duration::from_millis(100));
        assert_eq!(branch.download("before.pkg").expect(200).text(), "before");
    }
    proxy.set(Manner::Honest);
    mesh::stored(&branch, "after.pkg", &blake3_hex(b"after"));
}

#[test]
fn wrong_pieces_are_refused_alarmed_and_had_from_another_peer() {
    let (hq, proxy, branch) = pair_through_a_proxy();
    let bytes = Generated::new(1, 6_000_000).all();
    proxy.set(Manner::FlipEvery(200_000));
    hq.put("a.pkg", &bytes).expect(201);
    wait::until("the bad piece is alarmed", wait::SOON, || {
        assert_never_wrong(&branch, "a.pkg", &bytes);
        branch.get_json("/events?limit=1000").to_string().contains("node.alarm")
    });
    assert_ne!(branch.package("a.pkg").expect("the catalog is whole")["state"], "stored");

    let honest = Node::start("honest");
    mesh::pair(&hq, &honest, "replica");
    proxy.set(Manner::Honest);
    mesh::stored(&honest, "a.pkg", &blake3_hex(&bytes));
    proxy.set(Manner::FlipEvery(200_000));
    mesh::pair(&honest, &branch, "replica");
    mesh::stored(&branch, "a.pkg", &blake3_hex(&bytes));
    assert!(branch.download("a.pkg").expect(200).body == bytes);
}

#[test]
fn a_line_that_breaks_again_and_again_delivers_in_the_end() {
    let (hq, proxy, branch) = pair_through_a_proxy();
    proxy.set(Manner::BreakAfter(3_300_000));
    let bytes = Generated::new(2, 12_000_000).all();
    hq.put("a.pkg", &bytes).expect(201);
    mesh::stored(&branch, "a.pkg", &blake3_hex(&bytes));
    assert!(branch.download("a.pkg").expect(200).body == bytes);
}

#[test]
fn a_peer_that_stops_in_the_middle_of_a_piece_is_taken_up_again_when_it_goes_on() {
    let (hq, proxy, branch) = pair_through_a_proxy();
    proxy.set(Manner::StallAfter(500_000));
    let bytes = Generated::new(3, 5_000_000).all();
    hq.put("a.pkg", &bytes).expect(201);
    hq.put("small.pkg", b"small").expect(201);
    wait::until("the catalog is whole", mesh::AGREE_WITHIN, || branch.package("a.pkg").is_some());
    assert_never_wrong(&branch, "a.pkg", &bytes);
    proxy.set(Manner::Honest);
    mesh::stored(&branch, "a.pkg", &blake3_hex(&bytes));
    mesh::stored(&branch, "small.pkg", &blake3_hex(b"small"));
}

#[test]
fn strangers_get_nothing_from_the_peer_surface() {
    let node = Node::start("hq");
    node.put("a.pkg", b"secret plans").expect(201);
    let blob = blake3_hex(b"secret plans");
    let mut choices = Choices::new(4);
    let calls = [
        ("POST", "/peer/v1/ping".to_owned()),
        ("POST", "/peer/v1/roster".to_owned()),
        ("POST", "/peer/v1/log".to_owned()),
        ("POST", "/peer/v1/pair".to_owned()),
        ("GET", format!("/peer/v1/blobs/{blob}")),
        ("GET", format!("/peer/v1/blobs/{blob}/outline")),
        ("GET", format!("/peer/v1/blobs/{blob}/pieces")),
        ("GET", "/peer/v1/blobs/nonsense".to_owned()),
        ("GET", "/peer/v1/unknown".to_owned()),
    ];
    for (method, target) in &calls {
        for length in [0, 1, 100, 70_000] {
            let body = Generated::new(choices.below(1 << 40), length).all();
            let forged = "sig1=(\"@method\" \"@path\");keyid=\"00\";alg=\"ed25519\"";
            for signature in ["", forged, "sig1=;;;", "\u{1}"] {
                let request = node.request(method, target).header("Signature-Input", signature).body(&body);
                let Ok(answer) = request.header("Signature", "sig1=:AAAA:").try_send() else { continue };
                assert!((400..500).contains(&answer.status), "{method} {target}: {}", answer.status);
                assert!(!answer.text().contains("secret plans"));
            }
        }
    }
    // A token of the admin API means nothing here.
    let request = node.request("GET", &format!("/peer/v1/blobs/{blob}")).header("Range", "bytes=0-11");
    let answer = request.bearer(&node.token()).send();
    assert!(matches!(answer.status, 401 | 403), "{}", answer.status);
}
