//! Webhooks, as their receivers see them: what is told, in which order, how it is signed, and what happens when a receiver
//! doesn't take it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::node::Node;
use crate::support::receiver::{Answer, Received, Receiver, ok, status};
use crate::support::{tools, wait};

/// Makes a webhook: its id and secret.
fn hook(node: &Node, settings: &Value) -> (String, String) {
    let made = node.post_json("/webhooks", settings).expect(201).json();
    let text = |key: &str| made[key].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

fn to(receiver: &Receiver, types: &[&str]) -> Value {
    json!({"url": receiver.url(), "types": types, "allow_private": true})
}

fn show(node: &Node, id: &str) -> Value {
    node.get_json(&format!("/webhooks/{id}"))
}

fn delivery(node: &Node, id: &str, delivery: &str) -> Value {
    node.get_json(&format!("/webhooks/{id}/deliveries/{delivery}"))
}

fn paths(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| one.json()["data"]["path"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_happens_is_told_in_order_filtered_and_with_its_package() {
    let (node, receiver) = (Node::start("hq"), Receiver::start());
    node.put("before.pkg", b"before").expect(201);
    let settings = json!({"url": receiver.url(), "allow_private": true, "name": "chat",
        "types": ["package.published", "package.replaced", "package.removed"], "paths": ["*.pkg"], "tags": ["prod"]});
    let (id, _) = hook(&node, &settings);
    for (path, tag, bytes) in [("a.pkg", "prod", "1"), ("a.dmg", "prod", "2"), ("b.pkg", "lab", "3")] {
        let target = format!("/packages/{path}?tag={tag}");
        node.api("PUT", &target).body(bytes.as_bytes()).send().expect(201);
    }
    let second = node.put("a.pkg", b"changed").expect(200).json();
    node.remove("a.pkg").expect(204);
    node.put("mac/c.pkg", b"no tag").expect(201);
    wait::until_equal("three deliveries came", wait::SOON, &3, || receiver.count());
    let received = receiver.received();
    let kinds: Vec<String> = received.iter().map(Received::kind).collect();
    assert_eq!(kinds, ["package.published", "package.replaced", "package.removed"]);
    assert_eq!(paths(&received), ["a.pkg"; 3]);
    let replaced = received[1].json();
    assert_eq!(replaced["data"]["event_id"], second["package"]["revision"]);
    assert_eq!(replaced["data"]["package"]["blob"], second["package"]["blob"]);
    assert_eq!(received[2].json()["data"]["package"]["revision"], second["package"]["revision"], "as it was");
    assert_eq!(replaced["node"], json!({"id": node.id(), "name": "hq"}));
    let head = node.get_json("/node")["log"]["head"].clone();
    wait::until_equal("nothing is behind", wait::SOON, &json!(null), || show(&node, &id)["failing"].clone());
    assert!(show(&node, &id)["cursor"].as_u64() <= head.as_u64());
}

#[test]
fn deliveries_are_signed_as_the_libraries_of_standard_webhooks_verify() {
    let (node, receiver) = (Node::start("hq"), Receiver::start());
    let (id, secret) = hook(&node, &to(&receiver, &["package.published"]));
    node.put("ümlaut 日本.pkg", b"1").expect(201);
    let rotated = node.post_json(&format!("/webhooks/{id}/rotate"), &json!({})).expect(200).json();
    let fresh = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(fresh, secret);
    node.put("b.pkg", b"2").expect(201);
    let rotated = node.post_json(&format!("/webhooks/{id}/rotate"), &json!({"keep_old_for_s": 0})).expect(200).json();
    let last = rotated["secret"].as_str().expect("a secret").to_owned();
    node.put("c.pkg", b"3").expect(201);
    wait::until_equal("three deliveries came", wait::SOON, &3, || receiver.count());
    let received = receiver.received();
    // While it is rotated both secrets sign; without a time to keep it, the old one ends at once.
    let cases = [
        (0, &secret, true),
        (0, &fresh, false),
        (1, &secret, true),
        (1, &fresh, true),
        (2, &last, true),
        (2, &fresh, false),
    ];
    let cases: Vec<Value> = cases
        .iter()
        .map(|(index, secret, good)| {
            let one: &Received = &received[*index];
            let headers: serde_json::Map<String, Value> =
                one.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({"body": one.body, "headers": headers, "secret": secret, "good": good})
        })
        .collect();
    let folder = node.folder();
    tools::write(&folder.join("cases.json"), json!(cases).to_string().as_bytes());
    verify_with_python(folder);
    verify_with_node(folder);
}

const PYTHON: &str = "
import json
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
for case in json.load(open('cases.json')):
    try:
        Webhook(case['secret']).verify(case['body'], case['headers'])
        good = True
    except WebhookVerificationError:
        good = False
    assert good == case['good'], case
print('verified')
";

fn verify_with_python(folder: &std::path::Path) {
    tools::write(&folder.join("verify.py"), PYTHON.as_bytes());
    let installed = tools::run("python3", &["-m", "venv", "venv"], folder).status.success()
        && tools::run("venv/bin/pip", &["install", "-q", "standardwebhooks==1.1.0"], folder).status.success();
    if installed {
        assert_eq!(tools::run_well("venv/bin/python", &["verify.py"], folder).trim(), "verified");
    } else {
        tools::leave_out("standardwebhooks of Python", "no venv or no registry");
    }
}

const JAVASCRIPT: &str = "
const { Webhook } = require('standardwebhooks');
for (const c of JSON.parse(require('fs').readFileSync('cases.json', 'utf8'))) {
    let good = true;
    try { new Webhook(c.secret).verify(c.body, c.headers); } catch (e) { good = false; }
    if (good !== c.good) throw new Error(JSON.stringify(c));
}
console.log('verified');
";

fn verify_with_node(folder: &std::path::Path) {
    tools::write(&folder.join("verify.js"), JAVASCRIPT.as_bytes());
    let found = std::process::Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success());
    let installed = found
        && tools::run("npm", &["install", "--silent", "--no-audit", "--no-fund", "standardwebhooks@1.1.1"], folder)
            .status
            .success();
    if installed {
        assert_eq!(tools::run_well("node", &["verify.js"], folder).trim(), "verified");
    } else {
        tools::leave_out("standardwebhooks of npm", "no npm or no registry");
    }
}

#[test]
fn a_delivery_that_fails_is_tried_again_with_its_id_and_holds_up_those_behind_it() {
    let (node, receiver) = (Node::start("hq"), Receiver::scripted(|_| status(503)));
    let (id, _) = hook(&node, &to(&receiver, &["package.published"]));
    node.put("a.pkg", b"1").expect(201);
    node.put("b.pkg", b"2").expect(201);
    wait::until("it was tried thrice", wait::SOON, || receiver.count() >= 3);
    receiver.answer(|_| ok());
    wait::until("both came through", wait::SOON, || paths(&receiver.received()).contains(&"b.pkg".to_owned()));
    let received = receiver.received();
    let ids: Vec<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    let first = ids[0];
    assert!(ids[..ids.len() - 1].iter().all(|id| *id == first) && ids[ids.len() - 1] != first, "{ids:?}");
    let pauses: Vec<Duration> = received.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(pauses[0] >= Duration::from_millis(380) && pauses[1] >= Duration::from_millis(1500), "{pauses:?}");
    let logged = wait::until_some("it is logged", wait::SOON, || {
        Some(delivery(&node, &id, first)).filter(|logged| logged["state"] == "delivered")
    });
    assert_eq!(logged["tries"].as_u64(), Some(ids.len() as u64 - 1));
    assert_eq!(
        (&logged["attempts"][0]["status"], &logged["attempts"][0]["answer"], &logged["body"]),
        (&json!(503), &json!("status 503"), &json!(received[0].body))
    );
}

#[test]
fn a_receiver_that_wants_no_more_is_left_alone_until_somebody_switches_it_on() {
    let (node, receiver) = (Node::start("hq"), Receiver::scripted(|_| status(410)));
    let (id, _) = hook(&node, &to(&receiver, &["package.published"]));
    node.put("a.pkg", b"1").expect(201);
    wait::until_equal("it is off", wait::SOON, &json!(false), || show(&node, &id)["enabled"].clone());
    node.put("b.pkg", b"2").expect(201);
    let alarms = node.get_json("/events?type=node.alarm");
    assert_eq!(alarms["items"][0]["data"]["code"], "webhook_disabled", "{alarms}");
    let failed = node.get_json(&format!("/webhooks/{id}/deliveries?state=failed"));
    assert_eq!(failed["items"].as_array().map(Vec::len), Some(1), "{failed}");
    receiver.answer(|_| ok());
    node.api("PATCH", &format!("/webhooks/{id}")).json(&json!({"enabled": true})).send().expect(200);
    wait::until_equal("it went on where it stopped", wait::SOON, &3, || receiver.count());
    assert_eq!(paths(&receiver.received()), ["a.pkg", "a.pkg", "b.pkg"]);
}

#[test]
fn a_poisonous_delivery_is_passed_over_and_can_be_sent_again() {
    let poison = |one: &Received| if one.body.contains("poison") { status(400) } else { ok() };
    let (node, receiver) = (Node::start("hq"), Receiver::scripted(poison));
    let (id, _) = hook(&node, &to(&receiver, &["package.published"]));
    let skip = format!("/webhooks/{id}/skip");
    node.post_json(&skip, &json!({})).expect_problem(409, "nothing_to_skip");
    node.put("poison.pkg", b"1").expect(201);
    node.put("b.pkg", b"2").expect(201);
    let failing = wait::until_some("it fails", wait::SOON, || {
        show(&node, &id)["failing"]["delivery"].as_str().map(str::to_owned)
    });
    node.post_json(&skip, &json!({"delivery": failing})).expect(200);
    wait::until("the next came through", wait::SOON, || paths(&receiver.received()).contains(&"b.pkg".to_owned()));
    node.post_json(&skip, &json!({"delivery": failing})).expect_problem(409, "nothing_to_skip");
    assert_eq!(delivery(&node, &id, &failing)["state"], "skipped");
    receiver.answer(|_| ok());
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    let queued = node.post_json(&format!("/webhooks/{id}/redeliver"), &since).expect(202).json();
    assert_eq!(queued["queued"], 1);
    wait::until_equal("it came", wait::SOON, &json!("delivered"), || delivery(&node, &id, &failing)["state"].clone());
    let again = format!("/webhooks/{id}/deliveries/{failing}/redeliver");
    let tries = delivery(&node, &id, &failing)["tries"].as_u64().expect("a number");
    node.api("POST", &again).send().expect(202);
    let same = |one: &&Received| one.header("webhook-id") == failing;
    wait::until("it came again", wait::SOON, || delivery(&node, &id, &failing)["tries"].as_u64() > Some(tries));
    assert!(receiver.received().iter().filter(same).count() >= 3);
}

#[test]
fn a_test_is_sent_whatever_is_filtered_also_while_it_is_off() {
    let (node, receiver) = (Node::start("hq"), Receiver::start());
    let (id, _) = hook(&node, &to(&receiver, &["peer.up"]));
    let said = node.ods_well(&["webhook", "test", &id]);
    assert!(said.starts_with("delivered: 200"), "{said}");
    node.ods_well(&["webhook", "disable", &id]);
    receiver.answer(|_| status(500));
    let output = node.ods(&["webhook", "test", &id]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("500"), "{output:?}");
    let kinds: Vec<String> = receiver.received().iter().map(Received::kind).collect();
    assert_eq!(kinds, ["webhook.test"; 2]);
}

#[test]
fn redirects_are_not_followed_and_long_answers_are_cut() {
    let elsewhere = Receiver::start();
    let location = format!("Location: {}\r\n", elsewhere.url());
    let receiver = Receiver::scripted(move |_| Answer::Status(307, location.clone(), "x".repeat(100_000)));
    let node = Node::start("hq");
    let (id, _) = hook(&node, &to(&receiver, &["package.published"]));
    node.put("a.pkg", b"1").expect(201);
    let failing = wait::until_some("it fails", wait::SOON, || {
        show(&node, &id)["failing"]["delivery"].as_str().map(str::to_owned)
    });
    let attempt = delivery(&node, &id, &failing)["attempts"][0].clone();
    assert_eq!((attempt["status"].as_u64(), attempt["answer"].as_str().map(str::len)), (Some(307), Some(4096)));
    assert!(attempt["error"].as_str().is_some_and(|error| error.contains("redirects are not followed")), "{attempt}");
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to() {
    let (node, receiver) = (Node::start("hq"), Receiver::start());
    // Every system has a name of its own that resolves to itself; the text alone doesn't tell.
    let hostname = tools::run_well("hostname", &[], std::path::Path::new("/")).trim().to_owned();
    let port = receiver.url().rsplit(':').next().expect("a port").to_owned();
    let (id, _) = hook(&node, &json!({"url": format!("http://{hostname}:{port}"), "types": ["package.published"]}));
    node.put("a.pkg", b"1").expect(201);
    let error =
        wait::until_some("it fails", wait::SOON, || show(&node, &id)["failing"]["error"].as_str().map(str::to_owned));
    // Where it has no name, or one of the internet, there is nothing to refuse.
    let is_inside = |address: SocketAddr| match address.ip() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    };
    let found: Vec<SocketAddr> = (hostname.as_str(), 80).to_socket_addrs().into_iter().flatten().collect();
    let is_refused = !found.is_empty() && found.into_iter().all(is_inside);
    let is_told = error.contains("is not a public address");
    assert!(is_told || (!is_refused && error.contains("can't connect")), "{error}");
    assert_eq!(receiver.count(), 0);
}

#[test]
fn a_node_that_is_called_by_a_new_url_sends_nothing_there_any_more() {
    let (node, receiver) = (Node::start("hq"), Receiver::start());
    let (id, _) = hook(&node, &to(&receiver, &["package.published"]));
    node.put("a.pkg", b"1").expect(201);
    wait::until("it is told", wait::SOON, || receiver.count() == 1);
    let url = receiver.url().trim_end_matches("/hook").to_owned();
    node.api("PATCH", "/node").json(&json!({ "urls": [url] })).send().expect(200);
    node.put("b.pkg", b"2").expect(201);
    let error =
        wait::until_some("it fails", wait::SOON, || show(&node, &id)["failing"]["error"].as_str().map(str::to_owned));
    assert!(error.contains("is this node itself"), "{error}");
    node.api("PATCH", "/node").json(&json!({ "urls": [] })).send().expect(200);
    wait::until("it is told of the second", wait::SOON, || receiver.count() == 2);
}

#[test]
fn wrong_settings_are_clear_refusals() {
    let node = Node::start("hq");
    let post = |body: &Value| node.post_json("/webhooks", body);
    for url in ["http://127.0.0.1:9/", "http://10.1.1.1/", "http://[::1]/", "http://localhost/", &node.url("/")] {
        post(&json!({"url": url})).expect_problem(422, "address_refused");
    }
    post(&json!({"url": node.url("/"), "allow_private": true})).expect_problem(422, "address_refused");
    for body in [
        json!({}),
        json!({"url": "ftp://x.example"}),
        json!({"url": "https://x.example", "types": ["package.nothing"]}),
        json!({"url": "https://x.example", "paths": ["[a"]}),
        json!({"url": "https://x.example", "paths": ["*a".repeat(4000)]}),
        json!({"url": "https://x.example", "surprise": 1}),
        json!({"url": format!("https://x.example/{}", "x".repeat(3000))}),
        json!({"url": "https://x.example", "name": "x".repeat(200)}),
    ] {
        post(&body).expect_problem(422, "invalid");
    }
    let (id, _) = hook(&node, &json!({"url": "https://x.example"}));
    node.api("GET", "/webhooks/0123456789abcdef").send().expect_problem(404, "no_such_webhook");
    node.api("GET", "/webhooks/nonsense").send().expect_problem(404, "no_such_webhook");
    node.api("GET", &format!("/webhooks/{id}/deliveries/msg_1_2")).send().expect_problem(404, "no_such_delivery");
    node.api("GET", &format!("/webhooks/{id}/deliveries?state=odd")).send().expect_problem(400, "bad_query");
    let patch = json!({"url": "http://127.0.0.1:9/"});
    node.api("PATCH", &format!("/webhooks/{id}")).json(&patch).send().expect_problem(422, "address_refused");
    node.api("DELETE", &format!("/webhooks/{id}")).send().expect(204);
    node.api("DELETE", &format!("/webhooks/{id}")).send().expect_problem(404, "no_such_webhook");
}

/// How many, unless `ODS_WEBHOOK_EVENTS` says: the campaign takes 10,000.
const EVENTS: usize = 1000;
const PUBLISHERS: usize = 8;

#[expect(clippy::disallowed_methods, reason = "how many is for whoever runs the campaign to say")]
fn event_count() -> usize {
    std::env::var("ODS_WEBHOOK_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(EVENTS)
}

/// The receiver fails, closes, hangs once, goes away and comes back; the node is killed while it sends.
#[test]
fn none_is_lost_and_the_order_is_kept_whatever_breaks() {
    let events = event_count();
    let mut count = 0_usize;
    let mut receiver = Receiver::scripted(move |_| {
        count += 1;
        match count {
            n if n % 97 == 0 => status(500),
            n if n % 89 == 0 => Answer::Close,
            150 => Answer::Hang(Duration::from_secs(20)),
            _ => ok(),
        }
    });
    let mut node = Node::start("hq");
    let (id, _) = hook(&node, &to(&receiver, &["package.published"]));
    for round in 0..4 {
        let (from, to) = (events * round / 4, events * (round + 1) / 4);
        std::thread::scope(|scope| {
            for publisher in 0..PUBLISHERS {
                let node = &node;
                scope.spawn(move || {
                    for number in (from..to).filter(|number| number % PUBLISHERS == publisher) {
                        node.put(&format!("{number:05}.pkg"), b"x").expect(201);
                    }
                });
            }
            if round % 2 == 1 {
                receiver.leave();
                wait::pause(Duration::from_millis(300));
                receiver.listen();
            }
        });
        node.kill();
        node.launch();
    }
    let patience = Duration::from_mins(5);
    wait::until("all were told", patience, || {
        let shown = show(&node, &id);
        shown["failing"].is_null() && first_seen(&receiver.received()).len() == events
    });
    let mut places = Vec::new();
    let mut told = std::collections::BTreeSet::new();
    for one in first_seen(&receiver.received()) {
        let id = one.header("webhook-id").to_owned();
        places.push(id.rsplit('_').next().and_then(|lsn| lsn.parse::<u64>().ok()).expect("a record's place"));
        told.insert(one.json()["data"]["path"].as_str().expect("a path").to_owned());
    }
    assert!(places.is_sorted(), "told out of order");
    let published: std::collections::BTreeSet<String> = (0..events).map(|number| format!("{number:05}.pkg")).collect();
    assert_eq!(told, published);
}

/// The deliveries that were answered with success, or at least seen, each the first time.
fn first_seen(received: &[Received]) -> Vec<&Received> {
    let mut seen = std::collections::HashMap::new();
    let mut first = Vec::new();
    for one in received {
        match seen.insert(one.header("webhook-id"), &one.body) {
            None => first.push(one),
            Some(before) => assert_eq!(*before, one.body, "the same id says the same"),
        }
    }
    first
}
