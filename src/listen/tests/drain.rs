//! Stopping.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::support::{DEADLINE, Scene, no_limits};

#[tokio::test]
async fn a_drain_lets_requests_end_and_takes_no_new_ones() {
    let scene = Scene::new(no_limits());
    let mut idle = scene.connect().await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.answer().await;
    let mut busy = scene.connect().await;
    busy.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    scene.handlers.reached.notified().await;

    let draining = scene.listeners.shared.drain.clone();
    let (address, release) = (scene.address, scene.handlers.release.clone());
    let during = async {
        started(&draining).await;
        assert_eq!(idle.rest().await, "", "an idle connection is closed at once");
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
        release.notify_one();
        let answer = busy.rest().await;
        assert!(answer.ends_with("done"), "{answer}");
    };
    let (cut, ()) = tokio::join!(scene.listeners.drain(DEADLINE), during);
    assert_eq!(cut, 0);
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut() {
    let scene = Scene::new(no_limits());
    let mut busy = scene.connect().await;
    busy.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    scene.handlers.reached.notified().await;
    assert_eq!(scene.listeners.drain(Duration::from_millis(50)).await, 1);
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn streams_of_events_end_when_a_drain_begins() {
    let scene = Scene::new(no_limits());
    let mut client = scene.connect().await;
    client.send("GET /events HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut first = Vec::new();
    while !first.ends_with(b"data: 1\n\n\r\n") {
        tokio::io::AsyncReadExt::read_buf(&mut client.0, &mut first).await.unwrap();
    }
    assert_eq!(scene.listeners.drain(DEADLINE).await, 0);
    assert_eq!(client.rest().await, "0\r\n\r\n", "the stream ends properly");
}

#[tokio::test]
async fn http2_requests_end_too() {
    let scene = Scene::new(no_limits());
    let mut client = super::protocols::http2(&scene).await;
    let draining = scene.listeners.shared.drain.clone();
    let (reached, release) = (scene.handlers.reached.clone(), scene.handlers.release.clone());
    let releasing = async {
        reached.notified().await;
        started(&draining).await;
        release.notify_one();
    };
    let asking = async { assert_eq!(client.text("/wait").await, "done") };
    let draining = async {
        scene.handlers.reached.notified().await;
        scene.handlers.reached.notify_one();
        scene.listeners.drain(DEADLINE).await
    };
    let (cut, (), ()) = tokio::join!(draining, asking, releasing);
    assert_eq!(cut, 0);
}

async fn started(draining: &CancellationToken) {
    draining.cancelled().await;
    tokio::task::yield_now().await;
}
