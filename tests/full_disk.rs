//! A full disk: uploads are refused before their first byte, everything else goes on, and it mends without a restart.

use crate::support::bytes::Generated;
use crate::support::node::{Node, Setup};
use crate::support::tools::{self, SmallDisk};
use crate::support::{mesh, wait};

const MIB: u64 = 1 << 20;

#[test]
fn a_full_disk_refuses_uploads_and_nothing_else() {
    let Some(disk) = SmallDisk::mount(96 * MIB) else {
        return tools::leave_out("a full disk", "needs root to mount a small filesystem");
    };
    let data = Some(disk.path().join("data"));
    let node = Node::start_with(Setup { name: "hq".to_owned(), data, ..Setup::default() });
    let kept = Generated::new(1, 20 * MIB).all();
    node.put("kept.pkg", &kept).expect(201);

    // The length is said: refused before the first byte.
    let said = node.api("PUT", "/packages/big.pkg").open(Some(&(200 * MIB).to_string())).expect("a connection");
    let problem = said.answer().expect("an answer").expect_problem(507, "no_space");
    assert!(problem["needed"].is_u64() && problem["free"].is_u64(), "{problem}");
    let polite = node.api("PUT", "/packages/big.pkg").header("Expect", "100-continue");
    let mut exchange = polite.open(Some(&(200 * MIB).to_string())).expect("a connection");
    let mut first = String::new();
    exchange.reader().read_line(&mut first).expect("an answer");
    assert!(first.contains(" 507 "), "no 100 before it: {first}");

    // The length isn't said: refused when it is met, and the half is cleared away.
    let chunked = node.api("PUT", "/packages/big.pkg").header("Transfer-Encoding", "chunked");
    let mut exchange = chunked.open(None).expect("a connection");
    let block = Generated::new(2, MIB).all();
    for _ in 0..200 {
        let head = format!("{MIB:x}\r\n");
        let sent = exchange
            .write(head.as_bytes())
            .and_then(|()| exchange.write(&block))
            .and_then(|()| exchange.write(b"\r\n"));
        if sent.is_err() {
            break;
        }
    }
    if let Ok(answer) = exchange.answer() {
        answer.expect(507);
    }
    assert!(node.package("big.pkg").is_none());
    assert!(node.download("kept.pkg").expect(200).body == kept, "reading goes on");

    // Someone else fills the disk to the brim; then makes room again.
    let ballast = disk.path().join("ballast");
    wait::until("the half is cleared away", wait::SOON, || {
        node.get_json("/node")["storage"]["free"].as_u64() > Some(40 * MIB)
    });
    let fill = format!("head -c {} /dev/zero > ballast; true", 200 * MIB);
    tools::run("sh", &["-c", &fill], disk.path());
    let refused = node.put("small.pkg", &Generated::new(3, MIB).all());
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(node.download("kept.pkg").expect(200).body == kept, "reading goes on");
    assert_eq!(mesh::listing(&node).len(), 1);
    tools::remove(&ballast);
    node.put("small.pkg", &Generated::new(3, MIB).all()).expect(201);
    assert_eq!(mesh::listing(&node).len(), 2);
}

#[test]
fn a_disk_filled_to_the_brim_is_said_in_readyz_and_mends_without_a_restart() {
    let Some(disk) = SmallDisk::mount(48 * MIB) else {
        return tools::leave_out("a disk filled to the brim", "needs root to mount a small filesystem");
    };
    let data = Some(disk.path().join("data"));
    let node = Node::start_with(Setup { name: "hq".to_owned(), data, ..Setup::default() });
    let kept = Generated::new(1, 5 * MIB).all();
    node.put("kept.pkg", &kept).expect(201);
    node.request("GET", "/readyz").send().expect(200);
    let ballast = disk.path().join("ballast");
    for round in 0..3 {
        tools::run("sh", &["-c", "cat /dev/zero > ballast; true"], disk.path());
        let change = serde_json::json!({ "notes": format!("round {round}") });
        node.api("PATCH", "/packages/kept.pkg").json(&change).send().expect_problem(507, "no_space");
        node.put("small.pkg", b"small").expect_problem(507, "no_space");
        let said = node.request("GET", "/readyz").send().expect(503).text();
        assert!(said.contains("the disk is full"), "{said}");
        node.request("GET", "/healthz").send().expect(200);
        assert!(node.download("kept.pkg").expect(200).body == kept, "reading goes on");
        assert_eq!(mesh::listing(&node).len(), 1);
        tools::remove(&ballast);
        wait::until("the node is ready again", wait::SOON, || node.request("GET", "/readyz").send().status == 200);
        node.api("PATCH", "/packages/kept.pkg").json(&change).send().expect(200);
    }
    node.put("small.pkg", b"small").expect(201);
    assert_eq!(mesh::listing(&node).len(), 2);
}

#[test]
fn a_disk_filled_to_the_brim_is_emptied_by_rm_and_gc() {
    let Some(disk) = SmallDisk::mount(64 * MIB) else {
        return tools::leave_out("emptying a full disk", "needs root to mount a small filesystem");
    };
    let data = disk.path().join("data");
    let mut node = Node::start_with(Setup { name: "hq".to_owned(), data: Some(data.clone()), ..Setup::default() });
    node.put("old.pkg", &Generated::new(1, 15 * MIB).all()).expect(201);
    node.put("kept.pkg", &Generated::new(2, MIB).all()).expect(201);
    tools::run("sh", &["-c", "cat /dev/zero > ballast; true"], disk.path());
    node.put("small.pkg", b"small").expect_problem(507, "no_space");
    // Whoever finds it full may well start it again first.
    node.kill();
    node.launch();
    node.ods_well(&["rm", "old.pkg"]);
    let said = node.ods_well(&["gc", "--removed"]);
    assert!(said.contains("freed 15"), "{said}");
    assert!(node.package("old.pkg").is_none() && node.package("kept.pkg").is_some());
    // 23 MiB are free, the reserve's 8 among them: its place is taken again, and small things fit.
    wait::until("the node is ready again", wait::SOON, || node.request("GET", "/readyz").send().status == 200);
    wait::until("the reserve is there again", wait::SOON, || data.join("reserve").exists());
    node.api("PATCH", "/packages/kept.pkg").json(&serde_json::json!({ "notes": "there is room" })).send().expect(200);
    tools::remove(&disk.path().join("ballast"));
    node.put("small.pkg", b"small").expect(201);
}

#[test]
fn a_full_disk_on_one_node_harms_no_other_and_fetching_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(64 * MIB) else {
        return tools::leave_out("a full disk while fetching", "needs root to mount a small filesystem");
    };
    let hq = Node::start("hq");
    let data = Some(disk.path().join("data"));
    let branch = Node::start_with(Setup { name: "branch".to_owned(), data, ..Setup::default() });
    mesh::pair(&hq, &branch, "replica");
    let ballast = disk.path().join("ballast");
    tools::run_well("sh", &["-c", &format!("head -c {} /dev/zero > ballast", 40 * MIB)], disk.path());
    let file = Generated::new(4, 30 * MIB);
    let blob =
        hq.put("big.pkg", &file.all()).expect(201).json()["package"]["blob"].as_str().expect("a digest").to_owned();
    hq.put("small.pkg", b"small").expect(201);
    wait::until("the small one arrives", mesh::AGREE_WITHIN, || branch.download("small.pkg").status == 200);
    assert_eq!(branch.package("big.pkg").expect("the catalog is whole")["blob"], blob);
    tools::remove(&ballast);
    mesh::stored(&branch, "big.pkg", &blob);
}
