//! Data folders with something wrong in them: a database that is damaged or none at all, too few open files, a file system
//! without hard links. Each is named in words that say what to do, and harms nothing else.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::bytes::{Choices, Generated, blake3_hex};
use crate::support::http::Request;
use crate::support::node::{Node, Setup, flip_byte};
use crate::support::{tools, wait};

/// Runs `ods verify`: its exit code, and all that it said.
fn verify(node: &Node, more: &[&str]) -> (Option<i32>, String) {
    let output = node.ods(&[&["verify"], more].concat());
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

#[test]
fn verify_needs_a_stopped_node_finds_damage_and_rebuild_mends_what_can_be_mended() {
    let mut node = Node::start("hq");
    let bytes = Generated::new(1, 3_000_000).all();
    node.put("a.pkg", &bytes).expect(201);
    node.put("b.pkg", b"b").expect(201);
    let (code, said) = verify(&node, &[]);
    assert!(code == Some(6) && said.contains("is running"), "{code:?} {said}");
    node.stop();
    let (code, said) = verify(&node, &[]);
    assert!(code == Some(0) && said.contains("all is well"), "{code:?} {said}");
    let in_folder = |kind: &str, blob: &str| node.data().join(kind).join(&blob[..2]).join(blob);
    tools::remove(&in_folder("outlines", &blake3_hex(&bytes)));
    tools::remove(&in_folder("blobs", &blake3_hex(b"b")));
    let (code, said) = verify(&node, &[]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["a.pkg: its outline is lost", "b.pkg: its file is missing", "--rebuild", "push the package again"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, said) = verify(&node, &["--rebuild"]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["1 outlines were made anew", "b.pkg: its bytes are not here"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    node.launch();
    assert!(node.download("a.pkg").expect(200).body == bytes);
    assert_eq!(node.package("b.pkg").expect("listed")["state"], "wanted");
    node.put("b.pkg", b"b").expect(200);
    assert_eq!(node.download("b.pkg").expect(200).text(), "b");
    let nowhere = node.ods(&["verify", "--data", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(3));
    assert!(!node.folder().join("nowhere").exists(), "nothing is made");
}

#[test]
fn a_lost_folder_of_blobs_is_told_and_its_packages_can_be_pushed_again() {
    let mut node = Node::start("hq");
    let bytes = Generated::new(1, 3_000_000).all();
    node.put("a.pkg", &bytes).expect(201);
    node.put("b.pkg", b"b").expect(201);
    node.stop();
    let shard = |kind: &str| node.data().join(kind).join(&blake3_hex(&bytes)[..2]);
    let modified = || std::fs::metadata(node.data().join("ods.redb")).expect("there").modified().expect("a time");
    tools::rename(&shard("blobs"), &node.folder().join("lost"));
    tools::rename(&shard("outlines"), &node.folder().join("lost too"));
    let before = (std::fs::read(node.data().join("ods.redb")).expect("readable"), modified());
    let (code, said) = verify(&node, &[]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["is missing, with every blob in it", "a.pkg: its file is missing", "push the package again"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(before == (std::fs::read(node.data().join("ods.redb")).expect("readable"), modified()), "it only reads");
    node.launch();
    let answer = node.download("a.pkg").status;
    assert!(answer == 404 || answer == 503, "{answer}: it is wanted");
    node.put("a.pkg", &bytes).expect(200);
    assert!(node.download("a.pkg").expect(200).body == bytes);
    node.stop();
    let (code, said) = verify(&node, &[]);
    assert!(code == Some(0) && said.contains("all is well"), "{code:?} {said}");
}

#[test]
fn a_process_killed_while_it_verifies_or_rebuilds_changes_nothing() {
    let mut node = Node::start("hq");
    for seed in 0..10 {
        node.put(&format!("{seed}.pkg"), &Generated::new(seed, 3_000_000).all()).expect(201);
    }
    let digest = node.catalog_digest();
    node.stop();
    let mut choices = Choices::new(11);
    for round in 0..6 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ods"));
        command.arg("verify").arg("--data").arg(node.data()).stdout(Stdio::null()).stderr(Stdio::null());
        if round % 2 == 1 {
            command.arg("--rebuild");
        }
        let mut child = command.spawn().expect("ods can be run");
        wait::pause(Duration::from_millis(20 + choices.below(300)));
        child.kill().and_then(|()| child.wait()).expect("a child of ours can be killed");
    }
    let (code, said) = verify(&node, &[]);
    assert_eq!(code, Some(0), "{said}");
    node.launch();
    assert_eq!(node.catalog_digest(), digest);
    for seed in 0..10 {
        assert!(node.download(&format!("{seed}.pkg")).expect(200).body == Generated::new(seed, 3_000_000).all());
    }
}

#[test]
fn a_database_that_is_cut_foreign_or_empty_is_told_with_what_to_do() {
    let mut node = Node::start("hq");
    node.put("a.pkg", b"a").expect(201);
    node.stop();
    let database = node.data().join("ods.redb");
    let whole = std::fs::read(&database).expect("readable");
    for content in [&b""[..], b"SQLite format 3\0 and more", b"a text", &whole[..whole.len() / 2], &whole[..100]] {
        tools::write(&database, content);
        let output = node.launch_in_vain();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("ods.redb") && said.contains("ods backup restore"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        assert_eq!(std::fs::read(&database).expect("readable"), content, "it is left as it is");
        let (code, said) = verify(&node, &[]);
        assert!(code == Some(1) && said.contains("ods backup restore"), "{code:?} {said}");
    }
    tools::write(&database, &whole);
    node.launch();
    assert_eq!(node.download("a.pkg").expect(200).text(), "a");
}

#[test]
fn a_database_with_flipped_bytes_ends_no_process_badly_and_serves_no_wrong_byte() {
    let mut node = Node::start("hq");
    let packages: Vec<(String, Vec<u8>)> =
        (0..20).map(|seed| (format!("{seed}.pkg"), Generated::new(seed, 9000).all())).collect();
    for (path, bytes) in &packages {
        node.put(path, bytes).expect(201);
    }
    node.stop();
    let database = node.data().join("ods.redb");
    let whole = std::fs::read(&database).expect("readable");
    let mut choices = Choices::new(5);
    let (mut refused, mut found) = (0, 0);
    for _ in 0..12 {
        tools::write(&database, &whole);
        // Several at once, so that most trials meet a page in use.
        for _ in 0..40 {
            flip_byte(&database, choices.below(whole.len() as u64));
        }
        // (A database library built for tests stops at some wrong pages by a panic, which is caught.)
        let code = node.ods(&["verify", "--quick"]).status.code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}");
        found += u32::from(code == Some(1));
        let mut child = Command::new(env!("CARGO_BIN_EXE_ods"))
            .args(["serve", "--listen", &node.address(), "--data"])
            .arg(node.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ods can be run");
        let started = wait::until_some("it serves or ends", wait::SOON, || {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                assert_eq!(status.code(), Some(1), "it ends in good order");
                return Some(false);
            }
            node.request("GET", "/healthz").try_send().is_ok_and(|answer| answer.status == 200).then_some(true)
        });
        refused += u32::from(!started);
        for (path, bytes) in packages.iter().filter(|_| started) {
            let answer = node.request("GET", &format!("/Packages/{path}")).try_send();
            let fine = answer.as_ref().is_ok_and(|got| got.status != 200 || got.body == *bytes);
            assert!(answer.is_err() || fine, "{path}: wrong bytes were served");
        }
        child.kill().and_then(|()| child.wait()).expect("a child of ours can be killed");
    }
    println!("12 trials of 40 flips: {refused} refused to start, {found} found by verify");
    assert!(found > 0, "nothing was found");
}

#[test]
fn with_256_open_files_many_clients_are_served_or_told_and_the_node_goes_on() {
    let mut node = Node::start("hq");
    let file = Generated::new(1, 2_000_000);
    node.put("a.pkg", &file.all()).expect(201);
    let pid = node.pid().expect("it runs").to_string();
    tools::run_well("prlimit", &["--nofile=256:256", "--pid", &pid], node.folder());
    let (address, token, bytes) = (node.address(), node.token(), file.all());
    let served = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..300u64)
            .map(|client| {
                let (address, token, bytes) = (&address, &token, &bytes);
                scope.spawn(move || {
                    if client % 4 == 0 {
                        let content = Generated::new(client + 10, 200_000).all();
                        let request = Request::new(address, "PUT", &format!("/api/v1/packages/up/{client}.pkg"));
                        let answer = request.bearer(token).body(&content).try_send();
                        assert!(answer.as_ref().map_or(true, |got| matches!(got.status, 201 | 503)), "{answer:?}");
                        return false;
                    }
                    match Request::new(address, "GET", "/Packages/a.pkg").try_send() {
                        Ok(answer) if answer.status == 200 => {
                            assert!(answer.body == *bytes, "wrong bytes were served");
                            true
                        }
                        Ok(answer) => {
                            assert_eq!(answer.status, 503);
                            false
                        }
                        Err(_) => false,
                    }
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client")).filter(|ok| *ok).count()
    });
    println!("{served} of 225 downloads were served");
    assert!(served > 0);
    wait::until("it answers as before", wait::SOON, || node.download("a.pkg").status == 200);
    node.put("after.pkg", b"after").expect(201);
    let alarms = node.get_json("/events?type=node.alarm&limit=100");
    assert_eq!(alarms["items"], serde_json::json!([]), "a lack of open files is no damage");
    assert!(node.stop().success());
}

#[test]
fn a_file_system_without_hard_links_holds_packages_all_the_same() {
    let Some(disk) = tools::FatDisk::mount() else {
        return tools::leave_out("a data folder on FAT", "this needs root, mkfs.vfat and a loop device");
    };
    let setup = Setup { name: "fat".to_owned(), data: Some(disk.path().join("data")), ..Setup::default() };
    let mut node = Node::start_with(setup);
    let bytes = Generated::new(1, 3_000_000).all();
    node.put("a.pkg", &bytes).expect(201);
    node.put("again.pkg", &bytes).expect(201);
    node.api("PUT", "/packages/a.pkg").header("If-None-Match", "*").body(b"refused").send().expect(412);
    node.put("a.pkg", b"other").expect(200);
    node.put("a.pkg", &bytes).expect(200);
    for path in ["a.pkg", "again.pkg"] {
        assert!(node.download(path).expect(200).body == bytes, "{path}");
    }
    node.kill();
    node.launch();
    assert!(node.download("again.pkg").expect(200).body == bytes);
    node.stop();
    let (code, said) = verify(&node, &[]);
    assert_eq!(code, Some(0), "{said}");
}
