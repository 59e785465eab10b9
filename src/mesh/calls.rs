//! What the driver's tasks do: a ping, a pull, a join, by HTTP. Each drives the carrier-free steps of `exchange.rs` and
//! `pair.rs`; store work happens off the async threads.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ods_api::{InviteLine, JoinError};
use ods_store::{Author, JoiningRow, Lsn, NodeId, PeerRow, Store, StoreError};
use tokio::time::sleep;

use super::Clock;
use super::client::CallError;
use super::endpoint::{Endpoint, Way, endpoints};
use super::exchange::{self, Checked, Checker, Pull, Step};
use super::limits::{LINK_TURN_MS, PULL_PAGES_MAX, REJOIN_FOR_MS};
use super::offload::Offload;
use super::pair::Join;
use super::peers::{PullMode, PullReport};
use super::protocol::{Answer, PairAnswer, PairRequest, Request, Summary};
use super::serve::Node;
use super::wire::Wire;

/// What every call needs.
#[derive(Clone)]
pub(super) struct Caller {
    /// This node.
    pub(super) node: Node,
    /// What carries its calls.
    pub(super) wire: Wire,
    /// The clock, for what is written down.
    pub(super) clock: Clock,
    /// Where the store's work is done.
    pub(super) offload: Offload,
}

/// A ping that was answered.
#[derive(Debug)]
pub(super) struct Pinged {
    /// What the peer was told.
    pub(super) told: Summary,
    /// How it stands there.
    pub(super) theirs: Summary,
    /// Where it answered.
    pub(super) endpoint: Endpoint,
}

impl Caller {
    /// Pings a peer at the first of its urls that answers as that node.
    pub(super) async fn ping(
        self,
        row: PeerRow,
        last_good: Option<Way>,
        news_after: Option<Lsn>,
    ) -> Result<Pinged, String> {
        let ping =
            self.in_store(move |store| exchange::ping(store, news_after)).await.map_err(|error| error.to_string())?;
        let (told, request) = (ping.summary.clone(), Request::Ping(ping));
        let mut reason = "it has no url".to_owned();
        let links = self.wire.links_in_turn(&row.node);
        let ways = endpoints(&row, last_good.as_ref(), &links);
        for ways in ways.chunk_by(|one, next| one.way.is_link() && next.way.is_link()) {
            let (endpoint, outcome) = match ways {
                [to] if links.is_empty() => self.ping_or_link(to, &request).await,
                ways => self.ping_soonest(ways, &request).await,
            };
            match outcome {
                Ok(theirs) => {
                    if (told.vector, told.roster) == (theirs.vector, theirs.roster) {
                        let (node, now) = (row.node, (self.clock)());
                        let noted = self.in_store(move |store| store.note_equal(&node, now)).await;
                        noted.map_err(|error| error.to_string())?;
                    }
                    return Ok(Pinged { told, theirs, endpoint });
                }
                Err(error) if error.is_answer() => return Err(error.to_string()),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(reason)
    }

    /// A peer that opens a link while it is looked for elsewhere, where nobody may answer for seconds, is asked through that.
    async fn ping_or_link(&self, to: &Endpoint, request: &Request) -> (Endpoint, Result<Summary, CallError>) {
        tokio::select! {
            biased;
            outcome = self.ping_at(to, request) => (to.clone(), outcome),
            () = self.wire.link_opened(&to.node) => {
                let place = self.wire.links_in_turn(&to.node).first().copied();
                let to = place.map_or_else(|| to.clone(), |place| Endpoint { way: Way::Link(place), ..to.clone() });
                let outcome = self.ping_at(&to, request).await;
                (to, outcome)
            }
        }
    }

    /// Asks in this order, the next one without waiting long for the one before, that may be a link which broke and nobody noticed.
    /// The first answer counts.
    async fn ping_soonest(&self, ways: &[Endpoint], request: &Request) -> (Endpoint, Result<Summary, CallError>) {
        let (mut asked, mut left) = (FuturesUnordered::new(), ways.iter());
        let mut failed = None;
        loop {
            asked.extend(left.next().map(async |to: &Endpoint| (to.clone(), self.ping_at(to, request).await)));
            let is_last = left.len() == 0;
            let answered = tokio::select! {
                biased;
                answered = asked.next() => answered,
                () = sleep(Duration::from_millis(LINK_TURN_MS)), if !is_last => continue,
            };
            match answered {
                Some((to, Err(error))) if !error.is_answer() => failed = Some((to, Err(error))),
                Some(answered) => return answered,
                None => {}
            }
            if let Some(failed) = failed.take_if(|_| is_last && asked.is_empty()) {
                return failed;
            }
        }
    }

    /// A peer that doesn't know this node is shown who admitted it, and tells if somebody expelled it.
    async fn ping_at(&self, to: &Endpoint, request: &Request) -> Result<Summary, CallError> {
        if let Way::Link(place) = to.way {
            self.wire.link_takes_turn(&to.node, place);
        }
        let answer = match self.wire.call(to, request).await {
            Err(error) if error.is_refusal("not_a_member") || error.is_refusal("expelled") => {
                self.introduce(to).await?;
                self.wire.call(to, request).await?
            }
            answer => answer?,
        };
        match answer {
            Answer::Ping(theirs) => Ok(theirs),
            _ => Err(CallError::Garbage("it answers another question")),
        }
    }

    async fn introduce(&self, to: &Endpoint) -> Result<(), CallError> {
        let request = self.in_store(exchange::introduce).await;
        let request = request.map_err(|_| CallError::Garbage("nothing: this node's store failed"))?;
        let (answer, now) = (self.wire.call(to, &request).await?, (self.clock)());
        let taken = self.in_blocking(move |store| exchange::introduced(store, answer, now)).await;
        match taken {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(CallError::Garbage("its roster")),
        }
    }

    /// Tells a peer that it was expelled. If that fails, it learns it when it calls.
    pub(super) async fn farewell(self, row: PeerRow, last_good: Option<Way>) {
        let node = row.node;
        let Ok(request) = self.in_store(move |store| exchange::farewell(store, &node)).await else { return };
        for endpoint in endpoints(&row, last_good.as_ref(), &self.wire.links_in_turn(&node)) {
            match self.wire.call(&endpoint, &request).await {
                Err(error) if !error.is_answer() => {}
                _ => return,
            }
        }
    }

    /// Tells a peer where it answers that this node stops. If that fails, it finds out by itself.
    pub(super) async fn goodbye(self, to: Endpoint) {
        if let Err(error) = self.wire.call(&to, &Request::Goodbye).await {
            tracing::debug!(peer = %to.node.short(), %error, "a peer doesn't hear that this node stops");
        }
    }

    /// Pulls from a peer that stands as `theirs`.
    pub(super) async fn pull(self, to: Endpoint, mode: PullMode, theirs: Summary) -> Result<PullReport, String> {
        let node = to.node;
        let started = self.in_store(move |store| Pull::start(store, node, mode, &theirs, PULL_PAGES_MAX)).await;
        let (mut pull, request) = started.map_err(|error| error.to_string())?;
        let checker = pull.checker();
        let mut answer = self.ask_and_check(&to, &request, checker).await;
        loop {
            let (page, now) = (answer?, (self.clock)());
            let ahead = pull.ahead(&page);
            let taking = self.in_blocking(move |store| (pull.take(store, page, now), pull));
            let asking = async {
                match &ahead {
                    Some(request) => Some(self.ask_and_check(&to, request, checker).await),
                    None => None,
                }
            };
            let (taken, asked) = tokio::join!(taking, asking);
            let (taken, back) = taken.ok_or_else(|| "this node is stopping".to_owned())?;
            match taken.map_err(|error| error.to_string())? {
                Step::Done(report) => return Ok(report),
                Step::Ask(next) => {
                    pull = back;
                    answer = match asked {
                        Some(answer) => answer,
                        None => self.ask_and_check(&to, &next, checker).await,
                    };
                }
            }
        }
    }

    /// An answer to a pull, looked at: signatures are checked on all cores while the one before is still written.
    async fn ask_and_check(&self, to: &Endpoint, request: &Request, checker: Checker) -> Result<Checked, String> {
        let answer = self.wire.call(to, request).await.map_err(|error| error.to_string())?;
        self.in_store(move |store| checker.check(store, answer)).await.map_err(|error| error.to_string())
    }

    /// Redeems an invite. From when the inviter is asked until its answer is known the store has the invite.
    pub(super) async fn join(self, line: String, author: Author) -> Result<NodeId, JoinError> {
        let line: InviteLine = line
            .split_whitespace()
            .collect::<String>()
            .parse()
            .map_err(|error: ods_api::NotAnInvite| JoinError::Malformed { reason: error.to_string() })?;
        let invite = line.to_string();
        let mut before = None;
        let joined = self.ask_to_join(line, author, &mut before).await;
        match joined {
            Err(error) if may_be_admitted(&error) => Err(self.asked_again(error, &invite).await),
            joined => {
                let before = before.filter(|_| joined.is_err());
                // If this fails the invite is redeemed again, to the same end.
                drop(self.in_store(move |store| store.end_joining(&invite, before)).await);
                joined
            }
        }
    }

    /// What went wrong, and that the inviter is asked again, if it is.
    async fn asked_again(&self, error: JoinError, invite: &str) -> JoinError {
        let noted = self.in_store(Store::joining).await.ok().flatten().filter(|row| row.invite == invite);
        match (noted, error) {
            (None, error) | (_, error @ (JoinError::CredentialsEnded(_) | JoinError::Store | JoinError::Stopped)) => {
                error
            }
            (Some(row), error) => {
                JoinError::AskedAgain { error: Box::new(error), until: row.since.plus_ms(REJOIN_FOR_MS) }
            }
        }
    }

    /// `before` is the invite that was being redeemed before this one, once this one is noted.
    async fn ask_to_join(
        &self,
        line: InviteLine,
        author: Author,
        before: &mut Option<JoiningRow>,
    ) -> Result<NodeId, JoinError> {
        // Once the inviter has taken this node in, that is noted here whatever becomes of a token.
        let redeemer = author.clone().regardless();
        let join =
            self.in_blocking(move |store| Join::new(store, line, redeemer)).await.ok_or(JoinError::Stopped)??;
        let (to, inviter_nonce) = self.open(&join).await?;
        let (node, now, invite) = (self.node.clone(), (self.clock)(), join.line().to_string());
        // The statements after the note: from then on nobody else is let in here.
        let noted = self.in_store(move |store| store.note_joining(&invite, &author, now)).await;
        *before = noted.map_err(|error| match error {
            StoreError::Account(ended) => JoinError::CredentialsEnded(ended),
            _ => JoinError::Store,
        })?;
        let (join, request) = self
            .in_blocking(move |_| {
                let request = join.redeem(&node, inviter_nonce, now);
                (join, request)
            })
            .await
            .ok_or(JoinError::Stopped)?;
        let request = request.map_err(|_| JoinError::Store)?;
        let answer = self.pair(&to, request.clone()).await.map_err(|error| join_error(&join, error))?;
        let now = (self.clock)();
        self.in_blocking(move |store| join.take(store, &request, answer, now)).await.ok_or(JoinError::Stopped)?
    }

    /// Redeems the invite again that is being redeemed, if there is one; whether there still is.
    pub(super) async fn rejoin(self) -> bool {
        let Ok(Some(row)) = self.in_store(Store::joining).await else { return false };
        let author = row.author();
        let JoiningRow { invite, since, .. } = row;
        if since.plus_ms(REJOIN_FOR_MS) < (self.clock)() {
            tracing::warn!("an inviter whose answer was lost is asked no more");
            drop(self.in_store(move |store| store.end_joining(&invite, None)).await);
            return false;
        }
        match self.clone().join(invite, author).await {
            Ok(node) => tracing::info!(peer = %node.short(), "joined, after an answer was lost"),
            Err(error) => tracing::info!(code = error.code(), %error, "an invite was not redeemed"),
        }
        self.in_store(Store::joining).await.is_ok_and(|row| row.is_some())
    }

    /// The first of the invite's urls that answers as the inviting node, and that node's nonce.
    async fn open(&self, join: &Join) -> Result<(Endpoint, [u8; 32]), JoinError> {
        let line = join.line();
        let mut failed =
            JoinError::Unreachable { urls: line.urls.clone(), reason: "the invite names no url".to_owned() };
        for url in &line.urls {
            let Ok(parsed) = url.parse() else { continue };
            let endpoint = Endpoint { node: line.node, way: Way::Url(parsed), tls_pin: line.tls_pin };
            match self.pair(&endpoint, join.open()).await {
                Ok(PairAnswer::Opened { inviter_nonce }) => return Ok((endpoint, inviter_nonce)),
                Ok(PairAnswer::Redeemed { .. }) => failed = bad_answer("it answers another question"),
                Err(error) if error.is_answer() && !error.is_refusal("wrong_node") => {
                    return Err(join_error(join, error));
                }
                Err(error) => failed = join_error(join, error),
            }
        }
        Err(failed)
    }

    async fn pair(&self, to: &Endpoint, request: PairRequest) -> Result<PairAnswer, CallError> {
        match self.wire.call(to, &Request::Pair(request)).await? {
            Answer::Pair(answer) => Ok(answer),
            _ => Err(CallError::Garbage("it answers another question")),
        }
    }

    /// Does store work off the async threads.
    pub(super) async fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.in_blocking(work).await.unwrap_or(Err(StoreError::Closing))
    }

    /// Does store work off the async threads; `None` if the node is stopping.
    pub(super) async fn in_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Option<T> {
        let store = self.node.store.clone();
        self.offload.run(move || work(&store)).await
    }
}

/// Whether an inviter that was asked to admit this node may have done so, as far as this error tells. (Where another one
/// answers it may be a proxy that passed the request on; and what was published since keeps a replica from asking at all.)
fn may_be_admitted(error: &JoinError) -> bool {
    match error {
        JoinError::Unreachable { .. }
        | JoinError::WrongNode { .. }
        | JoinError::ReplicaHasEvents
        | JoinError::BadAnswer { .. }
        | JoinError::AskedAgain { .. }
        | JoinError::CredentialsEnded(_)
        | JoinError::Store
        | JoinError::Stopped => true,
        JoinError::Malformed { .. }
        | JoinError::Expired
        | JoinError::Used
        | JoinError::Unknown
        | JoinError::OwnInvite
        | JoinError::NotAnOwner
        | JoinError::Expelled
        | JoinError::MergeNeedsOwner
        | JoinError::StillJoining => false,
    }
}

fn join_error(join: &Join, error: CallError) -> JoinError {
    let urls = join.line().urls.clone();
    match error {
        CallError::Unreachable { .. } | CallError::Broken { .. } => {
            JoinError::Unreachable { urls, reason: error.to_string() }
        }
        CallError::NotThatNode { url, .. } => JoinError::WrongNode { url },
        CallError::Garbage(what) => bad_answer(what),
        CallError::Refused { code, detail } => match code.as_str() {
            "invite_expired" => JoinError::Expired,
            "invite_used" => JoinError::Used,
            "invite_unknown" => JoinError::Unknown,
            "invite_own" => JoinError::OwnInvite,
            "not_an_owner" => JoinError::NotAnOwner,
            "replica_has_events" => JoinError::ReplicaHasEvents,
            "expelled" => JoinError::Expelled,
            "merge_needs_owner" => JoinError::MergeNeedsOwner,
            "still_joining" => JoinError::StillJoining,
            "wrong_node" => JoinError::WrongNode { url: urls.join(", ") },
            _ => bad_answer(&format!("it refused: {detail} ({code})")),
        },
    }
}

fn bad_answer(reason: &str) -> JoinError {
    JoinError::BadAnswer { reason: reason.to_owned() }
}
