//! The mesh: how nodes find, trust and feed each other.
//!
//! # The protocol on one page
//!
//! **Pairing** ([`pair`], [`agreement`]). An invite is a line with the inviter's urls, id, TLS pin, root, a role and a
//! secret. The joiner asks for the inviter's nonce, then sends a MAC keyed by the secret over both ids, both nonces, root,
//! role, prefixes and expiry; the inviter admits it, links it, and answers with its own MAC and a page of its roster. Three things
//! can come of it: a link (both are of one mesh), an admission (the joiner takes the inviter's root), a merge (each
//! side's owner admits the other's root). An answer that is lost after the inviter admitted the joiner leaves them apart only
//! for a moment: the joiner's store has the invite until the answer is there, and it is redeemed again ([`rejoin`]); until
//! then, for an hour, a joiner that is alone lets nobody in.
//!
//! **Calls** ([`protocol`], [`serve`], [`signature`], [`nonce`]). A peer asks typed questions; one synchronous function
//! answers them. Calls are signed with the callee's nonce, answers over the call's signature: so both know who speaks,
//! without clocks. Only members are served. One that was expelled is told so when it calls, and once by its peers, with the
//! statements that its standing follows from, so that it stops by itself. Nothing is taken from it, and no member calls it.
//! (So if two owners expel each other, whoever hears both knows both as expelled; a word that reached no member before its
//! signer was expelled there stays with the signer.)
//!
//! **News** ([`peers`], [`exchange`], [`driver`]). After a commit a node pings its peers: digests of its vector and roster,
//! and up to 64 KiB of new events for a peer known to hold all the rest. Where roster digests differ, rosters are swapped
//! ([`roster_exchange`]): each side names the statements it holds, and gets pages of those it lacks, Expels first;
//! where vectors differ, events are pulled page by page from a cursor that is stored in the transaction of the events; if
//! they still differ, by vector, until that brings nothing. Everybody also compares digests every minute. A lost ping costs time, never data.
//!
//! **States** ([`gossip`], [`telling`], [`states_exchange`], [`state_driver`]). Each node signs how it stands: how far its
//! log is, what it wants, whom it reaches. Where digests of the states held differ, they are swapped, newer ones only; so
//! each node can tell where every package is, and an idle mesh swaps nothing. The calls carry clocks ([`clock_offset`]).
//!
//! **Bytes** ([`plan`], [`fetch`]). Events say which blobs to want; wants are rows of the store. A planner asks peers
//! which pieces they have (so a node whose policy keeps less learns what its peers go on lacking, and fetches it for
//! them), gets the outline, the last piece, then runs of pieces from all that have them. Pieces are served on as soon
//! as they are verified.
//!
//! **Links** ([`linking`], [`link`], [`links`]). A node that its peers can't call turns a connection round: `GET
//! /peer/v1/link` with `Upgrade: ods-link/1`; after the 101 the dialled side speaks HTTP/2 as client through it, and
//! asks there what it would ask at a url. Both directions are signed as ever, so the stream itself is trusted with
//! nothing. When one is opened is the rule in [`linking`].
//!
//! **Limits** ([`pace`], [`pacers`]). Bytes of blobs wait for the node's limit and for the link's, each way; nothing else
//! ever waits, and clients' downloads don't.
//!
//! **Stops** ([`leaving`]). A node that stops in good order says goodbye to its peers, which show it as down at once;
//! of one that is killed or cut off they find out by its silence.
//!
//! # Invariants
//!
//! - The log is the only truth: the mesh moves events, statements and bytes, and writes through the store alone.
//! - Any graph of links works. Events are named by what they say, so loops and duplicates change nothing.
//! - What a peer sends is verified before it is stored or believed. A peer that sends garbage, a wrong piece, or nothing,
//!   costs itself its turn and nobody a byte. Whatever is owed has a deadline as a whole ([`least_rate`]).
//! - Calls that no honest node makes are refused, counted, and told of, not too often ([`offences`]).
//! - Decisions ([`peers`], [`plan`], [`linking`], [`rejoin`], [`schedule`], [`nonce`], [`offences`], [`endpoint`]) are
//!   pure; drivers perform them. Scheduling time is monotonic, so no clock can stop replication.
//! - The carrier-free parts ([`serve`], [`exchange`], [`pair`], [`peers`], [`plan`]) are the whole protocol, and the seam
//!   ([`wire`] on the caller's side, [`callee`] on the other) is all that a carrier sees of them. The simulated network of
//!   `sim.rs` carries the same values, under the same drivers.

mod agreement;
mod at_once;
mod callee;
mod calls;
mod carrier;
mod client;
mod clock_offset;
mod connections;
mod dial;
mod doubts;
mod driver;
mod endpoint;
mod exchange;
mod fetch;
mod fetch_calls;
mod gossip;
mod http_server;
mod inbox;
mod lead;
mod least_rate;
mod leaving;
mod limits;
mod link;
mod link_keeper;
mod linking;
mod links;
mod moment;
mod nonce;
mod offences;
mod offload;
mod pace;
mod pacers;
mod pair;
mod peers;
mod plan;
mod protocol;
mod rejoin;
mod roster_exchange;
mod schedule;
mod serve;
mod signature;
mod state_calls;
mod state_driver;
mod states_exchange;
mod telling;
mod wire;

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use ods_api::{MeshCommand, PeerStatuses, TransferBoard, TransferStatuses};
use ods_store::{Rates, Store, UnixMillis};
use tokio::sync::mpsc;

use crate::worker::Worker;

use self::callee::Callee;
use self::calls::Caller;
use self::client::Client;
use self::driver::Driver;
use self::fetch::Fetcher;
use self::http_server::PeerSurface;
use self::inbox::{FetchInbox, Inbox, StateInbox};
pub(crate) use self::leaving::Leaving;
use self::link_keeper::LinkKeeper;
pub(crate) use self::linking::LinkPolicy;
use self::linking::Linking;
use self::offload::Offload;
use self::pacers::{LimitKeeper, Outflow};
use self::schedule::Dice;
use self::serve::Node;
use self::state_driver::StateDriver;
use self::wire::Wire;

/// What the mesh is told of this node.
#[derive(Clone)]
pub(crate) struct MeshOptions {
    /// Where this node answers, as far as its listeners tell; used while no urls are configured.
    pub(crate) listen_urls: Vec<String>,
    /// SHA-256 of its certificate (DER), if it is self-signed, so that peers can pin it.
    pub(crate) tls_pin: Option<[u8; 32]>,
    /// Whether this node opens links, so that peers can call it that couldn't otherwise.
    pub(crate) link: LinkPolicy,
    /// The most that bytes of blobs take to and from others, whatever limits are set.
    pub(crate) ceiling: Rates,
    /// The clock, for what is written down. Scheduling doesn't use it.
    pub(crate) clock: fn() -> UnixMillis,
    /// Where it is shown what moves.
    pub(crate) board: TransferBoard,
}

/// A clock; each simulated node has its own.
type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// A node's part in the mesh: the surface that peers call, and the workers that call them.
pub(crate) struct Mesh {
    caller: Caller,
    inbox: Arc<Inbox>,
    fetches: Arc<FetchInbox>,
    states: Arc<StateInbox>,
    link: LinkPolicy,
    ceiling: Rates,
    outflow: Outflow,
    surface: Router,
}

impl Mesh {
    /// The mesh of this store.
    pub(crate) fn new(store: Store, options: MeshOptions) -> Self {
        let MeshOptions { listen_urls, tls_pin, link, ceiling, clock, board } = options;
        let outflow = Outflow { board, pacers: Arc::default() };
        let (inbox, fetches) = (Arc::new(Inbox::default()), Arc::new(FetchInbox::default()));
        let states = Arc::new(StateInbox::default());
        let serials = u64::from_le_bytes(store.random());
        let client = Arc::new(Client::new(store.key().clone(), serials, Arc::clone(&inbox), outflow.clone()));
        let (for_pings, for_fetches, for_states) = (Arc::clone(&inbox), Arc::clone(&fetches), Arc::clone(&states));
        store.on_commit(move |commit| {
            for_pings.committed(commit);
            for_fetches.committed(commit);
            for_states.committed(commit);
        });
        let node = Node { store, fallback_urls: listen_urls, tls_pin };
        let wire = Wire::Http(Arc::clone(&client));
        let caller = Caller { node, wire, clock: Arc::new(clock), offload: Offload::Threads };
        let Caller { node, clock: shown, offload, .. } = caller.clone();
        let callee = Callee { node, inbox: Arc::clone(&inbox), states: Arc::clone(&states), clock: shown, offload };
        let surface = PeerSurface::new(callee, client, outflow.clone(), clock).router();
        Self { caller, inbox, fetches, states, link, ceiling, outflow, surface }
    }

    /// What peers call: `/peer/v1`. The listener puts [`ods_api::ClientAddress`] into each request.
    pub(crate) fn router(&self) -> Router {
        self.surface.clone()
    }

    /// What calls peers: one worker for pings and pulls, which obeys `commands` and shows how it stands in `statuses`,
    /// one for node states, one for limits and one for fetches, which shows them in `transfers`. And what has the first say goodbye.
    pub(crate) fn workers(
        self,
        commands: mpsc::Receiver<MeshCommand>,
        statuses: PeerStatuses,
        transfers: TransferStatuses,
    ) -> (impl Worker, impl Worker, impl Worker, impl Worker, Leaving) {
        let Self { caller, inbox, fetches, states, surface, link, ceiling, outflow } = self;
        let limits = LimitKeeper::new(caller.node.store.clone(), outflow.pacers, ceiling, Arc::clone(&caller.clock));
        let linking = Linking::new(link, Dice::new(u64::from_le_bytes(caller.node.store.random())));
        let links = LinkKeeper::new(linking, surface);
        let of_states =
            StateDriver::new(caller.clone(), Arc::clone(&states), Arc::clone(&fetches), Arc::clone(&statuses));
        let driver = Driver::new(caller.clone(), inbox, Arc::clone(&fetches), states, links, commands, statuses);
        let leaving = driver.leaving();
        (driver, of_states, limits, Fetcher::new(caller, fetches, transfers), leaving)
    }
}
