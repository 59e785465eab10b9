//! Everything a client can make us hold.

use super::super::{ListenLimits, TrustedProxies};
use super::support::{LONG, SHORT, Scene, no_limits};

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

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    let long = "x".repeat(70 * 1024);
    client.send(&format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n")).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 "), "{answer}");
}
