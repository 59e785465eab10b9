//! Everything a client can make us wait for.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::super::ListenLimits;
use super::support::{Raw, SHORT, Scene, no_limits, until};

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let scene = Scene::new(ListenLimits { request_head_timeout: SHORT, ..no_limits() });
    let mut client = scene.connect().await;
    let (after, sent) = client.closed_after(Instant::now()).await;
    assert!(after >= SHORT, "closed after {after:?}");
    assert_eq!(sent, "");
}

#[tokio::test]
async fn half_a_request_head_is_not_waited_for() {
    let scene = Scene::new(ListenLimits { request_head_timeout: SHORT, ..no_limits() });
    let mut client = scene.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n").await;
    let (after, sent) = client.closed_after(Instant::now()).await;
    assert!(after >= SHORT / 2, "closed after {after:?}");
    assert_eq!(sent, "");
}

#[tokio::test]
async fn half_a_second_head_is_not_waited_for() {
    let scene = Scene::new(ListenLimits { request_head_timeout: SHORT, ..no_limits() });
    let mut client = scene.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.answer().await;
    client.send("GET / HT").await;
    let (after, _) = client.closed_after(Instant::now()).await;
    assert!(after >= SHORT / 2, "closed after {after:?}");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let scene = Scene::new(ListenLimits { idle_timeout: SHORT, ..no_limits() });
    let mut client = scene.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.answer().await;
    let (after, sent) = client.closed_after(Instant::now()).await;
    assert!(after >= SHORT / 2, "closed after {after:?}");
    assert_eq!(sent, "");
}

#[tokio::test]
async fn a_handler_may_take_longer_than_every_timeout() {
    let limits =
        ListenLimits { idle_timeout: SHORT, request_head_timeout: SHORT, write_stall_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut client = scene.connect().await;
    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    scene.handlers.reached.notified().await;
    tokio::time::sleep(SHORT * 3).await;
    scene.handlers.release.notify_one();
    assert!(client.answer().await.ends_with("done"));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_the_handlers_to_answer() {
    let scene = Scene::new(ListenLimits { body_stall_timeout: SHORT, ..no_limits() });
    let mut client = scene.connect().await;
    client.send("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf.").await;
    let (after, answer) = client.closed_after(Instant::now()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(after >= SHORT / 2, "answered after {after:?}");
}

#[tokio::test]
async fn a_whole_body_is_taken_however_long_it_takes_while_it_goes_on() {
    let scene = Scene::new(ListenLimits { body_stall_timeout: SHORT * 4, ..no_limits() });
    let mut client = scene.connect().await;
    client.send("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 98304\r\n\r\n").await;
    for _ in 0..6 {
        tokio::time::sleep(SHORT).await;
        client.send(&"x".repeat(16 * 1024)).await;
    }
    assert!(client.answer().await.ends_with("\r\n\r\n98304"));
}

#[tokio::test]
async fn a_byte_now_and_then_is_no_progress() {
    let scene = Scene::new(ListenLimits { body_stall_timeout: SHORT * 4, ..no_limits() });
    let mut client = scene.connect().await;
    let began = Instant::now();
    client.send("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n").await;
    for _ in 0..3 {
        tokio::time::sleep(SHORT).await;
        client.send("a").await;
    }
    let (_, answer) = client.closed_after(began).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn who_waits_for_room_gets_that_of_a_body_which_hardly_comes() {
    let limits = ListenLimits { connections_max: 1, crowded_body_stall_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut slow = scene.connect().await;
    slow.send("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\na").await;
    tokio::time::sleep(SHORT * 3).await;
    assert_eq!(scene.listeners.counters().open_connections(), 1, "nobody waits");
    slow.send("b").await;
    let mut waits = scene.connect().await;
    waits.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(waits.answer().await.ends_with("hello"));
    let (_, answer) = slow.closed_after(Instant::now()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_came_well_in_all_may_pause_though_others_wait() {
    let limits = ListenLimits { connections_max: 1, crowded_body_stall_timeout: SHORT, ..no_limits() };
    let scene = Scene::new(limits);
    let mut pausing = scene.connect().await;
    pausing.send("POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 163841\r\n\r\n").await;
    pausing.send(&"x".repeat(160 * 1024)).await;
    let mut waits = scene.connect().await;
    waits.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(SHORT * 3).await;
    pausing.send("x").await;
    assert!(pausing.answer().await.ends_with("\r\n\r\n163841"));
    drop(pausing);
    assert!(waits.answer().await.ends_with("hello"));
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off() {
    let scene = Scene::new(ListenLimits { write_stall_timeout: SHORT, ..no_limits() });
    let mut client = scene.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until("the endless body is dropped", || scene.handlers.dropped.load(Ordering::SeqCst) == 1).await;
    until("the connection is closed", || scene.listeners.counters().open_connections() == 0).await;
}

#[tokio::test]
async fn an_http2_client_that_grants_no_window_is_cut_off() {
    let scene = Scene::new(ListenLimits { write_stall_timeout: SHORT, ..no_limits() });
    let mut client = super::protocols::http2(&scene).await;
    let response = client.get("/endless").await;
    assert_eq!(response.status(), 200);
    until("the endless body is dropped", || scene.handlers.dropped.load(Ordering::SeqCst) == 1).await;
    drop(response);
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let scene = Scene::new(ListenLimits { idle_timeout: SHORT, ..no_limits() });
    let mut client = super::protocols::http2(&scene).await;
    assert_eq!(client.text("/").await, "hello");
    until("the connection is closed", || scene.listeners.counters().open_connections() == 0).await;
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let scene = Scene::new(no_limits());
    let Raw(stream) = scene.connect().await;
    let (mut reading, mut writing) = stream.into_split();
    let sending = async {
        use tokio::io::AsyncWriteExt;
        writing.write_all(b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 90000000\r\n\r\n").await.unwrap();
        // Far more than all the buffers between us hold. A node that just closed would make this fail, and on some
        // systems take the answer back.
        for _ in 0..800 {
            writing.write_all(&[b'x'; 16 * 1024]).await.unwrap();
        }
    };
    let receiving = async {
        use tokio::io::AsyncReadExt;
        let mut got = vec![0; 12];
        reading.read_exact(&mut got).await.map(|_| got)
    };
    // The client sends all it wants to before it looks at the answer, as simple ones do.
    sending.await;
    assert_eq!(receiving.await.unwrap(), b"HTTP/1.1 401");
}
