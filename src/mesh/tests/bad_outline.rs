//! A peer whose outlines don't merge to the blob they are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as HttpRequest;
use axum::middleware::{Next, from_fn};
use ods_store::{Happening, NodeKey, Role};

use super::super::protocol::Answer;
use super::bad_input::signed;
use super::live::{Live, noise, until};
use super::support::TestNode;

const PIECES: u8 = 5;

/// A surface that gives an outline of as many pieces as there are, for any blob; counts them.
fn bent_outlines(key: NodeKey, asked: Arc<AtomicU64>) -> impl FnOnce(Router) -> Router {
    move |router| {
        router.layer(from_fn(move |request: HttpRequest, next: Next| {
            let (key, asked) = (key.clone(), Arc::clone(&asked));
            async move {
                if !request.uri().path().ends_with("/outline") {
                    return next.run(request).await;
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let outline = (0..PIECES).map(|piece| [piece; 32]).collect();
                signed(&key, request.headers(), &Answer::Outline(outline))
            }
        }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outline_that_does_not_merge_is_alarmed_and_its_source_is_not_asked_again() {
    let bytes = noise(1, usize::from(PIECES) << 20);
    let (good, evil, victim) = (Live::start("good").await, TestNode::new("evil"), Live::start("victim").await);
    let (asked, key) = (Arc::new(AtomicU64::new(0)), evil.store().key().clone());
    let evil = Live::run(evil, None, bent_outlines(key, Arc::clone(&asked))).await;
    evil.joins(&good, Role::Owner).await;
    good.node.publish("x.pkg", &bytes);
    until("the evil node has it", || evil.has("x.pkg", &bytes)).await;
    let address = good.address;
    let away = good.stop().await;
    // The victim first knows the evil node only.
    victim.joins(&evil, Role::Publisher).await;
    let alarmed = || {
        victim.happened(|what| {
            let Happening::Alarm { code, detail } = what else { return false };
            code == "bad_piece" && detail.contains("a wrong outline")
        })
    };
    until("it is told", alarmed).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it is banned");
    let good = Live::run(away, Some(address), |router| router).await;
    until("the good node is known", || {
        let (_, line) = good.node.invite(Role::Publisher);
        victim.node.join(&good.node, line).is_ok()
    })
    .await;
    until("it came from the good node", || victim.has("x.pkg", &bytes)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for live in [good, evil, victim] {
        live.stop().await;
    }
}
