//! Everything a client can make us hold.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{ListenLimits, TrustedProxies};
use super::support::{LONG, SHORT, Scene, no_limits, until};

#[tokio::test]
async fn a_client_with_all_its_connections_gets_no_further_one() {
    let scene = Scene::new(ListenLimits { connections_per_client_max: 2, ..no_limits() });
    let mut first = scene.connect().await;
    first.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    scene.handlers.reached.notified().await;
    let mut second = scene.connect().await;
    second.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    second.answer().await;

    assert_eq!(scene.ask("/").await, "", "the third is closed");
    assert!(scene.listeners.counters().prometheus().contains("ods_http_connections_over_cap_total 1"));

    drop(second);
    let answered = async {
        while scene.ask("/").await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::support::DEADLINE, answered).await.expect("there is room again");
    scene.handlers.release.notify_one();
    assert!(first.answer().await.ends_with("done"));
}

#[tokio::test]
async fn a_trusted_proxy_may_have_more() {
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let scene = Scene::with(ListenLimits { connections_per_client_max: 1, ..no_limits() }, proxies, None);
    let _first = scene.connect().await;
    let _second = scene.connect().await;
    assert!(scene.ask("/").await.ends_with("hello"));
}

#[tokio::test]
async fn a_full_node_closes_idle_connections_for_those_who_wait() {
    let limits = ListenLimits { connections_max: 1, idle_timeout: LONG, crowded_idle_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut idle = scene.connect().await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.answer().await;
    assert!(scene.ask("/").await.ends_with("hello"), "the second client was served");
    assert_eq!(idle.rest().await, "", "the first was closed");
}

/// A client whose body hardly comes on a full node, and how it is answered once it sends the rest.
async fn slow_body(scene: &Scene) -> impl AsyncFnOnce() -> String + use<> {
    let mut slow = scene.connect().await;
    slow.send("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na").await;
    until("its connection is there", || scene.listeners.counters().open_connections() == 1).await;
    async move || {
        slow.send("b").await;
        slow.answer().await
    }
}

/// Longer than it takes to see that a client has left, and to give a body up for it otherwise.
const LOOKS: Duration = Duration::from_secs(1);

#[tokio::test]
async fn nobody_makes_room_for_a_client_that_has_its_share() {
    let limits = ListenLimits {
        connections_max: 1,
        connections_per_client_max: 1,
        crowded_body_stall_timeout: SHORT,
        ..no_limits()
    };
    let scene = Scene::new(limits);
    let rest = slow_body(&scene).await;
    for _ in 0..3 {
        assert_eq!(scene.ask("/").await, "", "it is refused at once");
    }
    tokio::time::sleep(LOOKS).await;
    assert!(rest().await.ends_with("\r\n\r\n2"));
}

#[tokio::test]
async fn nobody_makes_room_for_a_client_that_says_nothing() {
    let limits = ListenLimits {
        connections_max: 1,
        crowded_head_timeout: SHORT,
        crowded_body_stall_timeout: SHORT,
        ..no_limits()
    };
    let scene = Scene::new(limits);
    let rest = slow_body(&scene).await;
    let mut silent = scene.connect().await;
    assert_eq!(silent.rest().await, "", "it is let go");
    assert!(rest().await.ends_with("\r\n\r\n2"));
}

#[tokio::test]
async fn who_waits_gets_the_room_of_heads_that_come_slowly() {
    let limits = ListenLimits { connections_max: 2, crowded_head_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut first = scene.connect().await;
    first.send("GE").await;
    let mut later = scene.connect().await;
    later.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    later.answer().await;
    later.send("GE").await;
    until("both are there", || scene.listeners.counters().open_connections() == 2).await;
    let (one, two) = (scene.ask("/"), scene.ask("/"));
    let (one, two) = tokio::join!(one, two);
    assert!(one.ends_with("hello") && two.ends_with("hello"));
}

#[tokio::test]
async fn where_others_press_a_connection_doesnt_go_on_with_request_after_request() {
    let limits = ListenLimits { connections_max: 1, crowded_age: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut busy = scene.connect().await;
    let asking = async {
        let mut bytes = Vec::new();
        while busy.0.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok()
            && busy.0.read_buf(&mut bytes).await.is_ok_and(|bytes| bytes > 0)
        {
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    let ((), answer) = tokio::join!(asking, scene.ask("/"));
    assert!(answer.ends_with("hello"));
}

#[tokio::test]
async fn nobody_makes_room_for_a_client_that_left() {
    let limits =
        ListenLimits { connections_max: 1, crowded_patience: LOOKS, crowded_body_stall_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let rest = slow_body(&scene).await;
    let mut waits = scene.connect().await;
    waits.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    drop(waits);
    tokio::time::sleep(LOOKS * 2).await;
    assert!(rest().await.ends_with("\r\n\r\n2"));
}

#[tokio::test]
async fn who_waits_for_a_moment_costs_nobody_its_body() {
    let limits =
        ListenLimits { connections_max: 2, crowded_patience: LONG, crowded_body_stall_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let rest = slow_body(&scene).await;
    let other = scene.connect().await;
    let mut waits = scene.connect().await;
    waits.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(LOOKS).await;
    drop(other);
    assert!(waits.answer().await.ends_with("hello"));
    assert!(rest().await.ends_with("\r\n\r\n2"));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    let long = "x".repeat(70 * 1024);
    client.send(&format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n")).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 "), "{answer}");
}

#[tokio::test]
async fn where_others_press_a_stream_of_events_ends_for_them() {
    let limits = ListenLimits { connections_max: 1, crowded_age: SHORT, crowded_idle_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut follower = scene.connect().await;
    follower.send("GET /ticks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until("it follows", || scene.listeners.counters().open_connections() == 1).await;
    assert!(scene.ask("/").await.ends_with("hello"));
    assert!(follower.rest().await.ends_with("\r\n0\r\n\r\n"), "properly, so that it can be gone on with");
}

#[tokio::test]
async fn a_connection_that_becomes_another_protocols_keeps_its_head_where_others_press() {
    let limits = ListenLimits { connections_max: 1, crowded_age: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut busy = scene.connect().await;
    let upgrading = async {
        busy.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(busy.answer().await.ends_with("hello"));
        tokio::time::sleep(SHORT * 2).await;
        busy.send("GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            busy.0.read_buf(&mut head).await.unwrap();
        }
        drop(busy);
        String::from_utf8(head).unwrap()
    };
    let (head, answer) = tokio::join!(upgrading, scene.ask("/"));
    assert!(head.starts_with("HTTP/1.1 101 ") && !head.contains("close"), "{head}");
    assert!(answer.ends_with("hello"));
}
