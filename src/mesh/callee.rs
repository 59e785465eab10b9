//! The called side of every carrier: who calls is proved already; what is left is to ask [`serve`], to wait where it has
//! no news yet, and to tell the driver what a ping or a goodbye told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ods_store::{NodeId, SetDigest};
use tokio::time::Instant;

use super::Clock;
use super::inbox::{Heard, Inbox, StateInbox};
use super::offload::Offload;
use super::protocol::{Answer, PiecesRequest, Request, Summary};
use super::serve::{Node, Refusal, Reply, serve};

/// What a caller tells of itself, which the drivers hear if it is answered.
enum Told {
    Ping(Box<Summary>),
    States(SetDigest),
    Goodbye,
    Nothing,
}

impl Told {
    fn by(request: &Request) -> Self {
        match request {
            Request::Ping(ping) => Self::Ping(Box::new(ping.summary.clone())),
            Request::States(states) => Self::States(states.digest),
            Request::Goodbye => Self::Goodbye,
            _ => Self::Nothing,
        }
    }
}

/// Who calls, and from which address.
type Caller = (NodeId, Option<IpAddr>);

/// What answering needs.
#[derive(Clone)]
pub(super) struct Callee {
    /// This node.
    pub(super) node: Node,
    /// Where it is told what pings told.
    pub(super) inbox: Arc<Inbox>,
    /// Where it is told what swaps of node states told.
    pub(super) states: Arc<StateInbox>,
    /// The clock, for what is written down.
    pub(super) clock: Clock,
    /// Where the store's work is done.
    pub(super) offload: Offload,
}

impl Callee {
    /// Answers a question of `caller`, who called from `address`. `None` if this node is stopping.
    pub(super) async fn answer(
        &self,
        caller: NodeId,
        address: Option<IpAddr>,
        request: Request,
    ) -> Option<Result<Reply, Refusal>> {
        let told = Told::by(&request);
        let reply = self.ask((caller, address), request).await?;
        match (told, &reply) {
            (Told::Ping(theirs), Ok(Reply::Answer(Answer::Ping(told)) | Reply::Despite(Answer::Ping(told), _))) => {
                self.inbox.heard(caller, Heard { theirs: *theirs, told: told.clone(), address });
            }
            (Told::States(digest), Ok(Reply::Answer(Answer::States(answer)))) => {
                // Once the caller has taken the answer, and if nothing is lacking here, both hold the same.
                self.states.heard(caller, if answer.lacking.is_empty() { answer.digest } else { digest });
            }
            (Told::Goodbye, Ok(_)) => self.inbox.left(caller),
            _ => {}
        }
        Some(reply)
    }

    /// Asks [`serve`]; where it has to wait and the caller lets it, again whenever something of the blob has come.
    async fn ask(&self, caller: Caller, request: Request) -> Option<Result<Reply, Refusal>> {
        match request {
            Request::Pieces(pieces) if pieces.wait_ms > 0 => self.ask_until_there_is_more(caller, pieces).await,
            other => self.serve(caller, other).await,
        }
    }

    async fn serve(&self, caller: Caller, request: Request) -> Option<Result<Reply, Refusal>> {
        let (node, now) = (self.node.clone(), (self.clock)());
        self.offload.run(move || serve(&node, (&caller.0, caller.1), request, now)).await
    }

    async fn ask_until_there_is_more(
        &self,
        caller: Caller,
        mut pieces: PiecesRequest,
    ) -> Option<Result<Reply, Refusal>> {
        let deadline = Instant::now() + Duration::from_millis(u64::from(pieces.wait_ms));
        loop {
            // Made before looking, so that nothing is missed in between.
            let arrival = self.node.store.arrival(&pieces.blob);
            let reply = self.serve(caller, Request::Pieces(pieces)).await?;
            if !matches!(reply, Ok(Reply::Wait)) {
                return Some(reply);
            }
            if tokio::time::timeout_at(deadline, arrival).await.is_err() {
                pieces.wait_ms = 0;
            }
        }
    }
}
