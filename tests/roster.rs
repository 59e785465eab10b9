//! The roster through its doors: admitting, expelling, and what becomes of a node that is out.

use serde_json::{Value, json};

use crate::support::bytes::blake3_hex;
use crate::support::mesh;
use crate::support::node::Node;
use crate::support::wait;

fn expel(owner: &Node, id: &str) -> Value {
    owner.api("POST", &format!("/roster/{id}/expel")).send().expect(200).json()
}

fn standing(seen_from: &Node, id: &str) -> Option<String> {
    let roster = seen_from.get_json("/roster");
    let items = roster["items"].as_array().expect("items").clone();
    items.into_iter().find(|item| item["node"] == *id).and_then(|item| item["standing"].as_str().map(str::to_owned))
}

#[track_caller]
fn comes_to_stand(seen_from: &Node, id: &str, as_what: &str) {
    let what = format!("{} knows that {id} is {as_what}", seen_from.name());
    wait::until_equal(&what, mesh::AGREE_WITHIN, &Some(as_what.to_owned()), || standing(seen_from, id));
}

#[test]
fn an_expelled_node_is_out_everywhere_and_says_so() {
    let (hq, branch, other) = (Node::start("hq"), Node::start("branch"), Node::start("other"));
    mesh::pair(&hq, &branch, "publisher");
    mesh::pair(&hq, &other, "replica");
    mesh::pair(&other, &branch, "replica");
    branch.put("before.pkg", b"before").expect(201);
    mesh::stored(&hq, "before.pkg", &blake3_hex(b"before"));
    let id = branch.id();

    let said = hq.ods_well(&["roster", "expel", "branch", "--yes"]);
    assert!(said.contains("for good"), "{said}");
    for node in [&hq, &other, &branch] {
        comes_to_stand(node, &id, "expelled");
    }
    let refused = branch.put("after.pkg", b"after").expect_problem(403, "expelled");
    assert_eq!(refused["node"], *id);
    let alarms = branch.get_json("/events?type=node.alarm").to_string();
    assert!(alarms.contains("expelled"), "{alarms}");
    assert!(hq.get_json("/events?type=node.expelled").to_string().contains(&id));

    hq.put("later.pkg", b"not for everybody").expect(201);
    mesh::stored(&other, "later.pkg", &blake3_hex(b"not for everybody"));
    assert!(branch.package("later.pkg").is_none());
    for node in [&hq, &other] {
        assert!(node.package("before.pkg").is_some(), "what was published stays");
        let link = node.get_json(&format!("/peers/{id}"));
        assert_eq!(link["state"], "expelled", "{link}");
        node.post_json(&format!("/peers/{id}/sync"), &json!({})).expect_problem(403, "expelled");
    }
    mesh::join(&branch, &mesh::invite(&hq, "publisher")).expect_problem(403, "expelled");
    let failed = branch.ods(&["push", "--path", "x/", branch.data().join("run.json").to_str().expect("UTF-8")]);
    assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("expelled"), "{failed:?}");
}

#[test]
fn what_only_a_node_has_keeps_it_from_being_expelled_unasked() {
    let (hq, branch) = (Node::start("hq"), Node::start("branch"));
    mesh::pair(&hq, &branch, "publisher");
    hq.ods_well(&["policy", "selected", "--path", "mac/*"]);
    branch.put("win/x.msi", b"nobody else keeps it").expect(201);
    branch.put("mac/y.pkg", b"both keep it").expect(201);
    mesh::stored(&hq, "mac/y.pkg", &blake3_hex(b"both keep it"));
    let expel = format!("/roster/{}/expel", branch.id());
    let would = || hq.api("POST", &format!("{expel}?dry_run=true")).send().expect(200).json()["only_there"].clone();
    let only = json!({"packages": 1, "bytes": 20, "paths": ["win/x.msi"]});
    wait::until_equal("hq knows what only branch has", mesh::AGREE_WITHIN, &only, would);

    let refused = hq.api("POST", &expel).send().expect_problem(409, "last_holder");
    for fact in ["packages", "bytes", "paths"] {
        assert_eq!(refused[fact], only[fact], "{fact}");
    }
    let unasked = hq.ods(&["roster", "expel", "branch"]);
    assert!(!unasked.status.success() && String::from_utf8_lossy(&unasked.stderr).contains("--yes"), "{unasked:?}");
    let blind = hq.ods(&["roster", "expel", "branch", "--yes"]);
    let said = String::from_utf8_lossy(&blind.stderr);
    assert!(blind.status.code() == Some(6) && said.contains("--even-if-last-holder"), "{said}");
    let shown = hq.ods_well(&["roster", "expel", "branch", "--dry-run"]);
    for part in [&branch.id(), "publisher", "1 package (20 B)", "win/x.msi", "can't be undone", "goes on serving"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(standing(&hq, &branch.id()).as_deref(), Some("member"));

    let no = on_terminal(&hq, &["roster", "expel", "branch"], "y\n");
    assert!(no.contains("1 package (20 B)") && no.contains("nobody was expelled"), "{no}");
    assert_eq!(standing(&hq, &branch.id()).as_deref(), Some("member"));
    let yes = on_terminal(&hq, &["roster", "expel", "branch"], "yes\n");
    assert!(yes.contains("for good"), "{yes}");
    comes_to_stand(&hq, &branch.id(), "expelled");
    assert_eq!(branch.download("win/x.msi").expect(200).body, b"nobody else keeps it", "it serves what it has");
}

/// What a command prints whose standard streams are a terminal (util-linux's `script` makes one), at which this is typed.
fn on_terminal(node: &Node, arguments: &[&str], typed: &str) -> String {
    let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let line = format!("'{}' {}", env!("CARGO_BIN_EXE_ods"), words.join(" "));
    let mut child = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env("ODS_DATA", node.data())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("script (bsdutils) is part of every Debian");
    let mut keyboard = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut keyboard, typed.as_bytes()).expect("it reads");
    // The keyboard stays: at its end the terminal would be hung up.
    let shown = child.wait_with_output().expect("it ends");
    drop(keyboard);
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

#[test]
fn owners_that_expel_each_other_are_both_judged_alike_by_all_who_heard_both() {
    let (hq, second, branch) = (Node::start("hq"), Node::start("second"), Node::start("branch"));
    let third = Node::start("third");
    mesh::pair(&hq, &second, "owner");
    mesh::pair(&hq, &branch, "publisher");
    mesh::pair(&second, &third, "publisher");
    mesh::agree(&[&hq, &second, &branch, &third]);
    let (hq_id, second_id) = (hq.id(), second.id());
    comes_to_stand(&branch, &third.id(), "member");
    // hq tells branch, second tells third, and the two owners hear nothing of each other's word.
    for (node, peer) in [(&hq, &second_id), (&second, &hq_id)] {
        node.api("PATCH", &format!("/peers/{peer}")).json(&json!({"paused": true})).send().expect(200);
    }
    expel(&hq, &second_id);
    expel(&second, &hq_id);
    comes_to_stand(&branch, &second_id, "expelled");
    comes_to_stand(&third, &hq_id, "expelled");
    mesh::pair(&branch, &third, "publisher");
    for node in [&branch, &third] {
        comes_to_stand(node, &hq_id, "expelled");
        comes_to_stand(node, &second_id, "expelled");
        assert_eq!(node.get_json("/roster")["warnings"][0]["code"], "no_owner");
    }
    for (owner, id) in [(&hq, &hq_id), (&second, &second_id)] {
        comes_to_stand(owner, id, "expelled");
        owner.put("x.pkg", b"x").expect_problem(403, "expelled");
    }
    branch.put("y.pkg", b"y").expect(201);
    mesh::stored(&third, "y.pkg", &blake3_hex(b"y"));
}

#[test]
fn two_meshes_with_history_become_one() {
    let (a, a2) = (Node::start("a"), Node::start("a2"));
    let (b, b2) = (Node::start("b"), Node::start("b2"));
    mesh::pair(&a, &a2, "publisher");
    mesh::pair(&b, &b2, "publisher");
    a2.put("ours.pkg", b"from a2").expect(201);
    b2.put("theirs.pkg", b"from b2").expect(201);
    b.put("gone.pkg", b"removed before").expect(201);
    b.remove("gone.pkg").expect(204);
    a.put("both.pkg", b"a's").expect(201);
    b.put("both.pkg", b"b's").expect(201);
    mesh::agree(&[&a, &a2]);
    mesh::agree(&[&b, &b2]);
    // Only owners merge, and only with an invite for an owner.
    mesh::join(&b2, &mesh::invite(&a, "owner")).expect_problem(409, "merge_needs_owner");
    mesh::join(&b, &mesh::invite(&a, "publisher")).expect_problem(409, "merge_needs_owner");
    mesh::pair(&a, &b, "owner");
    mesh::agree(&[&a, &a2, &b, &b2]);
    for (node, other) in [(&a, &b), (&b, &a)] {
        let told = node.get_json("/audit?action=node.admitted")["items"].clone();
        let admitted = |entry: &Value| {
            entry["subject"] == other.id().as_str() && entry["after"]["role"] == "owner" && entry["from"] == "127.0.0.1"
        };
        assert!(told.as_array().is_some_and(|entries| entries.iter().any(admitted)), "{told}");
    }
    for node in [&a, &a2, &b, &b2] {
        mesh::stored(node, "ours.pkg", &blake3_hex(b"from a2"));
        mesh::stored(node, "theirs.pkg", &blake3_hex(b"from b2"));
        assert!(node.package("gone.pkg").is_none(), "removed stays removed");
        assert_eq!(node.package("both.pkg").expect("listed")["conflict"], true);
        assert_eq!(node.get_json("/roster")["owners"].as_array().map(Vec::len), Some(2), "{}", node.name());
        assert_eq!(node.get_json("/roster")["warnings"], json!([]));
    }
    // Either owner speaks for the whole.
    expel(&b, &a2.id());
    for node in [&a, &b2, &a2] {
        comes_to_stand(node, &a2.id(), "expelled");
    }
    b2.put("both.pkg", b"settled").expect(200);
    mesh::agree(&[&a, &b, &b2]);
    mesh::stored(&a, "both.pkg", &blake3_hex(b"settled"));
}

#[test]
fn a_node_admitted_by_its_id_joins_by_the_invite_of_any_member() {
    let (hq, branch, new) = (Node::start("hq"), Node::start("branch"), Node::start("new"));
    mesh::pair(&hq, &branch, "replica");
    mesh::join(&new, &mesh::invite(&branch, "replica")).expect_problem(403, "not_an_owner");
    let said = hq.ods_well(&["roster", "admit", &new.id(), "--role", "publisher", "--prefix", "mac"]);
    assert!(said.contains("publisher below mac"), "{said}");
    comes_to_stand(&branch, &new.id(), "member");
    mesh::pair(&branch, &new, "replica");
    new.put("mac/x.pkg", b"x").expect(201);
    new.put("win/x.msi", b"x").expect_problem(403, "not_a_publisher");
    mesh::stored(&hq, "mac/x.pkg", &blake3_hex(b"x"));
    hq.ods_well(&["roster", "admit", &new.id(), "--role", "owner"]);
    wait::until("its raise reaches it", mesh::AGREE_WITHIN, || new.get_json("/node")["role"] == "owner");
    new.put("win/x.msi", b"x").expect(201);
    assert!(new.ods_well(&["roster", "ls"]).contains("(this node)"));
    let help = hq.ods_well(&["roster", "--help"]);
    assert!(help.contains("Removing a peer and expelling a node are different things"), "{help}");
}
