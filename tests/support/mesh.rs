//! Several nodes: pairing them by invite, and waiting until they agree.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Response;
use super::node::Node;
use super::wait;

/// Long enough for any few nodes to agree.
pub(crate) const AGREE_WITHIN: Duration = Duration::from_mins(1);

/// A new invite's line.
#[track_caller]
pub(crate) fn invite(inviter: &Node, role: &str) -> String {
    let body = json!({"role": role, "prefixes": [], "expires_in_s": 3600});
    let answer = inviter.post_json("/invites", &body).expect(201).json();
    answer["invite"].as_str().expect("an invite is one line").to_owned()
}

/// Asks `joiner` to redeem an invite.
#[track_caller]
pub(crate) fn join(joiner: &Node, line: &str) -> Response {
    joiner.post_json("/peers", &json!({"invite": line}))
}

/// Pairs two nodes: `inviter` admits `joiner` in this role, or only links to it if it is admitted already.
#[track_caller]
pub(crate) fn pair(inviter: &Node, joiner: &Node, role: &str) -> Value {
    join(joiner, &invite(inviter, role)).expect(201).json()
}

/// Waits until all nodes have the same catalog, and gives its digest.
#[track_caller]
pub(crate) fn agree(nodes: &[&Node]) -> String {
    let digests = || nodes.iter().map(|node| node.catalog_digest()).collect::<BTreeSet<_>>();
    wait::until("all nodes have the same catalog", AGREE_WITHIN, || digests().len() == 1);
    nodes[0].catalog_digest()
}

/// Waits until a node holds all bytes of a package's current revision with this BLAKE3 digest.
#[track_caller]
pub(crate) fn stored(node: &Node, path: &str, blob: &str) {
    let what = format!("{} holds {path}", node.name());
    let expected = Some((blob.to_owned(), "stored".to_owned()));
    wait::until_equal(&what, AGREE_WITHIN, &expected, || {
        let package = node.package(path)?;
        Some((package["blob"].as_str()?.to_owned(), package["state"].as_str()?.to_owned()))
    });
}

/// Every package's path and blob, as the node lists them.
pub(crate) fn listing(node: &Node) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let page = node.get_json(&format!("/packages?limit=1000{after}"));
        for package in page["items"].as_array().expect("a list has items") {
            let field = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
            rows.push((field("path"), field("blob")));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", super::http::encode_path(next).replace('/', "%2F")),
            None => return rows,
        }
    }
}
