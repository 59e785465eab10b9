//! Nodes on loopback, with surface, client and workers.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use bytes::Bytes;
use futures_util::stream;
use ods_api::{JoinError, PeerState, SyncError};
use ods_store::{
    AccountError, Author, Expected, Happening, Holding, LinkState, NewToken, NodeId, Role, Scope, UnixMillis, Who,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::super::peers::STOPPED;
use super::live::{Live, noise, until};
use super::support::{HOUR_MS, TestNode, assert_converged, author, path};

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_all_sizes_travel_both_ways() {
    let (hq, branch) = (Live::start("hq").await, Live::start("branch").await);
    hq.node.publish("before.pkg", b"published before the link");
    branch.joins(&hq, Role::Publisher).await;
    let sizes = [0, 1, 1 << 20, (1 << 20) + 1, 9 << 20, (40 << 20) + 12_345];
    for (number, size) in (0_u8..).zip(sizes) {
        hq.node.publish(&format!("of-hq-{number}.pkg"), &noise(number, size));
    }
    branch.node.publish("of-branch.pkg", &noise(99, 3 << 20));
    until("the branch has all", || {
        branch.has("before.pkg", b"published before the link")
            && (0_u8..)
                .zip(sizes)
                .all(|(number, size)| branch.has(&format!("of-hq-{number}.pkg"), &noise(number, size)))
    })
    .await;
    until("hq has the branch's", || hq.has("of-branch.pkg", &noise(99, 3 << 20))).await;
    until("equal", || hq.node.store().vector().unwrap() == branch.node.store().vector().unwrap()).await;
    assert_converged(&[&hq.node, &branch.node]);
    hq.stop().await;
    branch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_seen_on_the_far_end_of_a_chain_at_once() {
    let (a, b, c) = (Live::start("a").await, Live::start("b").await, Live::start_a_year_ahead("c").await);
    b.joins(&a, Role::Owner).await;
    c.joins(&b, Role::Publisher).await;
    a.node.publish("x.pkg", &noise(1, 5 << 20));
    until("c has it", || c.has("x.pkg", &noise(1, 5 << 20))).await;
    until("quiet", || c.mesh.status(&b.node.store().node_id()).is_some_and(|status| status.behind_events == Some(0)))
        .await;
    let removed = std::time::Instant::now();
    a.node.remove("x.pkg");
    until("c sees the removal", || !c.lists("x.pkg")).await;
    assert!(removed.elapsed() < Duration::from_secs(2), "{:?}", removed.elapsed());
    c.node.publish("y.pkg", b"back");
    until("a has it", || a.has("y.pkg", b"back")).await;
    for live in [a, b, c] {
        live.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_catches_up_and_both_journal_it() {
    let (hq, branch) = (Live::start("hq").await, Live::start("branch").await);
    branch.joins(&hq, Role::Publisher).await;
    let id = branch.node.store().node_id();
    let (up, down) = (
        Happening::PeerUp { node: id },
        |what: &Happening| matches!(what, Happening::PeerDown { node, .. } if *node == id),
    );
    until("up", || hq.happened(|what| *what == up)).await;
    let address = branch.address;
    let away = branch.stop().await;
    hq.node.publish("while-away.pkg", &noise(3, 2 << 20));
    until("down", || hq.happened(down)).await;
    assert_eq!(hq.mesh.status(&id).map(|status| status.state), Some(PeerState::Unreachable));
    let branch = Live::run(away, Some(address), |router| router).await;
    until("caught up", || branch.has("while-away.pkg", &noise(3, 2 << 20))).await;
    until("connected", || hq.mesh.status(&id).is_some_and(|status| status.state == PeerState::Connected)).await;
    hq.stop().await;
    branch.stop().await;
}

/// Whether both peers of a node that says goodbye hear it: in a second, which a busy machine may not have.
async fn goodbye_is_heard() -> bool {
    let hq = Live::start("hq").await;
    let (one, two) = (Live::start("one").await, Live::start_firewalled("two").await);
    for branch in [&one, &two] {
        branch.joins(&hq, Role::Publisher).await;
        let id = branch.node.store().node_id();
        let connected =
            |seen: &Live, id| seen.mesh.status(&id).is_some_and(|status| status.state == PeerState::Connected);
        until("both are connected", || connected(&hq, id) && connected(branch, hq.node.store().node_id())).await;
    }
    let id = hq.node.store().node_id();
    let down = Happening::PeerDown { node: id, reason: STOPPED.to_owned() };
    hq.leaving.say_goodbye().await;
    let mut heard = true;
    for branch in [&one, &two] {
        let is_down = until("it is down, since it said so", || branch.happened(|what| *what == down));
        heard &= timeout(Duration::from_secs(5), is_down).await.is_ok();
    }
    until("its links are closed", || !hq.wire.is_linked(&two.node.store().node_id())).await;
    for live in [hq, one, two] {
        live.stop().await;
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_says_goodbye_by_url_and_by_link() {
    for _ in 0..3 {
        if goodbye_is_heard().await {
            return;
        }
    }
    panic!("no goodbye was heard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_on_demand_tells_how_much_was_new() {
    let (hq, branch) = (Live::start("hq").await, Live::start("branch").await);
    branch.joins(&hq, Role::Publisher).await;
    let id = hq.node.store().node_id();
    until("linked", || branch.mesh.status(&id).is_some_and(|status| status.state == PeerState::Connected)).await;
    hq.node.publish("x.pkg", b"x");
    assert!(branch.mesh.sync(id).await.is_ok());
    assert!(branch.lists("x.pkg"));
    let nobody = NodeId::from_bytes([1; 32]);
    assert_eq!(branch.mesh.sync(nobody).await, Err(SyncError::NoSuchPeer { node: nobody }));
    hq.stop().await;
    assert!(matches!(branch.mesh.sync(id).await, Err(SyncError::Failed { .. })));
    branch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_that_is_redeemed_many_times_at_once_links_once_and_each_is_told_so() {
    let (hq, branch) = (Live::start("hq").await, Live::start("branch").await);
    let (_, line) = hq.node.invite(Role::Replica);
    let mut joins = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (mesh, line) = (branch.mesh.clone(), line.to_string());
        joins.spawn(async move { mesh.join(line, author()).await });
    }
    for joined in joins.join_all().await {
        assert_eq!(joined, Ok(hq.node.store().node_id()));
    }
    assert_eq!(branch.node.store().peers().unwrap().len(), 1);
    hq.stop().await;
    branch.stop().await;
}

/// A surface that loses the answer to the first call to redeem an invite, which is sent twice.
fn losing_an_answer(router: axum::Router) -> axum::Router {
    let pairings = Arc::new(AtomicUsize::new(0));
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let pairings = Arc::clone(&pairings);
        async move {
            let is_pairing = request.uri().path().ends_with("/pair");
            let answer = next.run(request).await;
            // The first is the inviter's nonce.
            let is_lost = is_pairing && answer.status().is_success();
            let is_lost = is_lost && [1, 2].contains(&pairings.fetch_add(1, Ordering::Relaxed));
            let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("the line broke")) });
            if is_lost { answer.map(|_| Body::from_stream(broken)) } else { answer }
        }
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lost_its_inviters_answer_says_that_it_goes_on_asking_and_does() {
    let (hq, branch) = (Live::run(TestNode::new("hq"), None, losing_an_answer).await, Live::start("branch").await);
    let (_, line) = hq.node.invite(Role::Publisher);
    let error = branch.mesh.join(line.to_string(), author()).await.unwrap_err();
    assert_eq!(error.code(), "node_unreachable", "{error}");
    let JoinError::AskedAgain { until: asked_until, .. } = error else { panic!("{error}") };
    assert_eq!(asked_until, branch.node.now.plus_ms(7 * 24 * HOUR_MS));
    assert!(branch.node.store().joining().unwrap().is_some());
    until("it has joined", || branch.node.store().roster().root() == hq.node.store().node_id()).await;
    until("it asks no more", || branch.node.store().joining().unwrap().is_none()).await;
    hq.stop().await;
    branch.stop().await;
}

/// A token of this node's, as an author; and what revokes it.
fn revocable(node: &TestNode) -> (Author, impl Fn() + Clone + Send + Sync + 'static) {
    let new = NewToken { name: "ci".to_owned(), scope: Scope::Publish, prefixes: vec![], expires_at: None };
    let (row, secret) = node.store().create_token(&new, &author(), node.now).unwrap();
    let (store, now) = (node.store().clone(), node.now);
    let by_token = author().by(&secret, &Who::Token(row.clone()), || UnixMillis::new(0));
    (by_token, move || assert!(store.revoke_token(row.id, &Expected::Any, &author(), now).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inviter_is_not_asked_for_a_token_that_was_revoked_before() {
    let (hq, branch) = (Live::start("hq").await, Live::start("branch").await);
    let (row, line) = hq.node.invite(Role::Publisher);
    let (by_token, revoke) = revocable(&branch.node);
    revoke();
    let refused = Err(JoinError::CredentialsEnded(AccountError::TokenRevoked));
    assert_eq!(branch.mesh.join(line.to_string(), by_token.clone()).await, refused);
    assert!(branch.node.store().joining().unwrap().is_none());
    assert_eq!(hq.node.store().invite(&row.id).unwrap().unwrap().redeemed_by, None);
    // Nor does it end what another began.
    branch.node.store().note_joining(&line.to_string(), &author(), branch.node.now).unwrap();
    assert_eq!(branch.mesh.join(line.to_string(), by_token).await, refused);
    until("it has joined", || branch.node.store().roster().root() == hq.node.store().node_id()).await;
    hq.stop().await;
    branch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_inviter_was_asked_for_is_finished_though_the_token_is_revoked_meanwhile() {
    let branch = Live::start("branch").await;
    let (by_token, revoke) = revocable(&branch.node);
    let pairings = Arc::new(AtomicUsize::new(0));
    let revoking = middleware::from_fn(move |request: Request, next: Next| {
        let (pairings, revoke) = (Arc::clone(&pairings), revoke.clone());
        async move {
            let is_pairing = request.uri().path().ends_with("/pair");
            let answer = next.run(request).await;
            // The first is the inviter's nonce.
            if is_pairing && answer.status().is_success() && pairings.fetch_add(1, Ordering::Relaxed) == 1 {
                revoke();
            }
            answer
        }
    });
    let hq = Live::run(TestNode::new("hq"), None, |router| router.layer(revoking)).await;
    let (_, line) = hq.node.invite(Role::Publisher);
    assert_eq!(branch.mesh.join(line.to_string(), by_token).await, Ok(hq.node.store().node_id()));
    assert_eq!(branch.node.store().tokens().unwrap(), []);
    hq.stop().await;
    branch.stop().await;
}

/// Goes as far with something as is possible at once, which is not to its end.
async fn begin<T>(work: Pin<&mut impl Future<Output = T>>) {
    tokio::select! {
        biased;
        _ = work => panic!("it has ended"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_whose_asker_left_before_its_turn_is_not_redeemed() {
    let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let held = {
        let (gate, waiting) = (Arc::clone(&gate), Arc::clone(&waiting));
        middleware::from_fn(move |request: Request, next: Next| {
            let (gate, waiting) = (Arc::clone(&gate), Arc::clone(&waiting));
            async move {
                waiting.fetch_add(1, Ordering::Relaxed);
                let _open = gate.acquire().await;
                next.run(request).await
            }
        })
    };
    let hq = Live::run(TestNode::new("hq"), None, |router| router.layer(held)).await;
    let branch = Live::start("branch").await;
    let [first, left, last] = [(); 3].map(|()| hq.node.invite(Role::Publisher));
    let join = |line: &ods_api::InviteLine| branch.mesh.join(line.to_string(), author());

    let mut first = Box::pin(join(&first.1));
    begin(first.as_mut()).await;
    until("hq is asked", || waiting.load(Ordering::Relaxed) > 0).await;
    begin(pin!(join(&left.1))).await;
    gate.add_permits(1000);
    assert_eq!(first.await, Ok(hq.node.store().node_id()));
    assert_eq!(join(&last.1).await, Ok(hq.node.store().node_id()));
    let redeemed = [left, last].map(|(row, _)| hq.node.store().invite(&row.id).unwrap().unwrap().redeemed_by.is_some());
    assert_eq!(redeemed, [false, true]);
    hq.stop().await;
    branch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_tells_clearly_what_is_wrong() {
    let (hq, branch, other) = (Live::start("hq").await, Live::start("branch").await, Live::start("other").await);
    let (_, line) = hq.node.invite(Role::Publisher);
    let join = |line: String| branch.mesh.join(line, author());
    assert!(matches!(join("hello".to_owned()).await, Err(JoinError::Malformed { .. })));
    assert_eq!(hq.mesh.join(line.to_string(), author()).await, Err(JoinError::OwnInvite));

    let nowhere = ods_api::InviteLine { urls: vec!["http://127.0.0.1:1".to_owned()], ..line.clone() };
    let error = join(nowhere.to_string()).await.unwrap_err();
    assert!(matches!(&error, JoinError::Unreachable { .. }), "{error}");

    let elsewhere = ods_api::InviteLine { urls: vec![format!("http://{}", other.address)], ..line.clone() };
    let error = join(elsewhere.to_string()).await.unwrap_err();
    assert_eq!(error.code(), "wrong_node", "{error}");

    other.mesh.join(line.to_string(), author()).await.unwrap();
    assert_eq!(join(line.to_string()).await, Err(JoinError::Used));
    for live in [hq, branch, other] {
        live.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_learns_of_every_other_which_packages_it_has() {
    let (a, b, c) = (Live::start("a").await, Live::start("b").await, Live::start("c").await);
    b.joins(&a, Role::Owner).await;
    c.joins(&b, Role::Publisher).await;
    a.node.publish("x.pkg", &noise(1, 3 << 20));
    let all_have = |live: &Live| {
        let holders = live.node.store().holders(&path("x.pkg")).unwrap();
        holders.is_some_and(|(_, all)| all.len() == 3 && all.iter().all(|holder| holder.holding == Holding::Has))
    };
    // a and c have no link with each other.
    for live in [&a, &b, &c] {
        until("all are known to have it", || all_have(live)).await;
    }
    let of_b = a.node.store().state(&b.node.store().node_id()).unwrap().unwrap().state.body.unwrap();
    assert_eq!(of_b.links.len(), 2);
    assert!(of_b.links.iter().all(|link| link.link == LinkState::Up), "{:?}", of_b.links);
    c.stop().await;
    let b_lost_c = || {
        let state = a.node.store().state(&b.node.store().node_id()).unwrap().unwrap().state.body.unwrap();
        state.links.iter().any(|link| link.link == LinkState::Down)
    };
    until("a hears that b lost c", b_lost_c).await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_comes_from_whichever_peer_has_it() {
    let (a, b, c) = (Live::start("a").await, Live::start("b").await, Live::start("c").await);
    b.joins(&a, Role::Owner).await;
    a.node.publish("x.pkg", &noise(1, 12 << 20));
    until("b has it", || b.has("x.pkg", &noise(1, 12 << 20))).await;
    a.stop().await;
    c.joins(&b, Role::Publisher).await;
    until("c has it from b", || c.has("x.pkg", &noise(1, 12 << 20))).await;
    b.stop().await;
    c.stop().await;
}
