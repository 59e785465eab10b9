//! What `contrib/` offers, against a real node: the AutoPkg processor, publishing with curl, the receiver of webhooks.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::node::{Node, free_port};
use crate::support::receiver::{self, Receiver};
use crate::support::{tools, wait};

fn contrib(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name)
}

#[test]
fn the_autopkg_processor_publishes_and_says_so_only_when_something_changed() {
    let node = Node::start("hq");
    let output = Command::new("python3")
        .args(["-m", "unittest", "-v"])
        .current_dir(contrib("autopkg"))
        .env("ODS_TEST_URL", node.url(""))
        .env("ODS_TEST_TOKEN", node.new_token("publish", &[]))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3 can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(node.package("mac ü/Firefox-142.pkg").is_some());
    for line in said.lines().filter(|line| line.contains("left out")) {
        tools::leave_out("a part of the AutoPkg processor's tests", line);
    }
}

#[test]
fn a_shell_publishes_with_curl_and_may_do_it_again() {
    let node = Node::start("hq");
    let file = node.folder().join("Tool 7.pkg");
    tools::write(&file, b"a tool");
    let publish = || {
        let output = Command::new("bash")
            .arg(contrib("ci/publish.sh"))
            .args([file.to_str().expect("UTF-8"), "mac/ümlaut/Tool 7.pkg", "version=7+b&1", "tag=test"])
            .env("ODS_URL", node.url(""))
            .env("ODS_TOKEN", node.new_token("publish", &["mac"]))
            .output()
            .expect("bash can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("the node's answer")
    };
    assert_eq!(publish()["changed"], true);
    assert_eq!(publish()["changed"], false);
    let package = node.package("mac/ümlaut/Tool 7.pkg").expect("published");
    assert_eq!((&package["version"], &package["tags"]), (&json!("7+b&1"), &json!(["test"])));
}

/// A program that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_receiver_posts_what_is_signed_and_nothing_else() {
    let (node, chat) = (Node::start("hq"), Receiver::start());
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let made = json!({"url": url, "allow_private": true, "types": ["package.published"]});
    let made = node.post_json("/webhooks", &made).expect(201).json();
    let _receiver = Running(
        Command::new("python3")
            .arg(contrib("webhook-receiver/receiver.py"))
            .arg(port.to_string())
            .env("ODS_WEBHOOK_SECRET", made["secret"].as_str().expect("a secret"))
            .env("CHAT_URL", chat.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 can be run"),
    );
    node.put("mac/a.pkg", b"1").expect(201);
    wait::until("it is in the chat", wait::SOON, || chat.count() >= 1);
    let posted = chat.received()[0].json();
    assert_eq!(posted["text"], "[hq] mac/a.pkg was published by token admin.token");
    let forged = crate::support::http::Request::new(&format!("127.0.0.1:{port}"), "POST", "/")
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", "1")
        .header("webhook-signature", "v1,AAAA")
        .json(&json!({"type": "webhook.test", "data": {}}));
    forged.send().expect(401);
    // More digits than Python makes a number of.
    let long = crate::support::http::Request::new(&format!("127.0.0.1:{port}"), "POST", "/")
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", &"9".repeat(5000))
        .json(&json!({"type": "webhook.test", "data": {}}));
    long.send().expect(401);
    assert_eq!(chat.count(), 1);
    node.put("mac/<!here>@all.pkg", b"2").expect(201);
    wait::until("it is in the chat", wait::SOON, || chat.count() >= 2);
    let posted = chat.received()[1].json();
    let text = "[hq] mac/&lt;!here&gt;@\u{200b}all.pkg was published by token admin.token";
    assert_eq!(posted["text"], text, "it mentions nobody");
    // What the chat will never take holds nothing up.
    chat.answer(|_| receiver::status(400));
    node.put("mac/b.pkg", b"3").expect(201);
    wait::until("the chat refused it", wait::SOON, || chat.count() >= 3);
    chat.answer(|_| receiver::ok());
    node.put("mac/c.pkg", b"4").expect(201);
    wait::until("the next is in the chat", wait::SOON, || chat.count() >= 4);
    assert!(chat.received()[3].body.contains("mac/c.pkg"), "{}", chat.received()[3].body);
    // What the chat takes later is sent again.
    chat.answer(|_| receiver::status(429));
    node.put("mac/d.pkg", b"5").expect(201);
    wait::until("the chat had no time for it", wait::SOON, || chat.count() >= 5);
    chat.answer(|_| receiver::ok());
    wait::until("it is told again", wait::SOON, || chat.count() >= 6);
    assert!(chat.received()[5].body.contains("mac/d.pkg"), "{}", chat.received()[5].body);
}

#[test]
fn a_receiver_that_lacks_a_setting_says_which() {
    for (secret, missing) in
        [("", "ODS_WEBHOOK_SECRET"), ("whsec_a, whsec_b", "ODS_WEBHOOK_SECRET"), ("whsec_a", "CHAT_URL")]
    {
        let mut receiver = Command::new("python3");
        receiver.arg(contrib("webhook-receiver/receiver.py")).env("ODS_WEBHOOK_SECRET", secret).env_remove("CHAT_URL");
        let output = receiver.output().expect("python3 can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(missing) && said.lines().count() == 1, "{said}");
    }
}
