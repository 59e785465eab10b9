//! A machine that was rolled back while running, memory and all: it says again what it said before.

use std::sync::Arc;

use ods_store::Role;

use super::super::client::{CallError, Client};
use super::super::endpoint::{Endpoint, Way};
use super::super::pacers::Outflow;
use super::super::protocol::{Answer, Request, StatesRequest};
use super::live::Live;
use super::support::TestNode;

fn states(member: &TestNode) -> Request {
    let digest = member.store().states_digest().unwrap();
    Request::States(StatesRequest { clock: member.now, digest, index: None, fresh: vec![] })
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_serials_were_used_before_it_was_rolled_back_is_answered_all_the_same() {
    let (hq, member) = (Live::start("hq").await, TestNode::new("branch"));
    member.joins(&hq.node, Role::Publisher);
    let way = Way::Url(format!("http://{}", hq.address).parse().unwrap());
    let to = Endpoint { node: hq.node.store().node_id(), way, tls_pin: None };
    // What was in memory: where serials go on.
    let restored = || Client::new(member.store().key().clone(), 7, Arc::default(), Outflow::default());
    let calls_before = async |client: &Client| {
        for _ in 0..3 {
            let answer = client.call(&to, &states(&member)).await;
            assert!(matches!(answer, Ok(Answer::States(_))), "{answer:?}");
        }
    };
    // Put back twice to the same place, the second time it meets what it used after the first.
    calls_before(&restored()).await;
    calls_before(&restored()).await;
    let third = restored();
    let answer = third.call(&to, &states(&member)).await;
    assert!(matches!(&answer, Err(CallError::Refused { code, .. }) if code == "replayed"), "{answer:?}");
    calls_before(&third).await;
    hq.stop().await;
}
