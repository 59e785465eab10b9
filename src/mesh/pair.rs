//! Pairing: redeeming an invite, on both sides. No carrier in here.
//!
//! Invariants: the inviter decides before it uses up the invite, and redeeming again ends in the same state, so that a
//! lost answer costs nothing. The joiner changes nothing before the inviter has proved that it knows the secret and the
//! roster in its answer shows that this node belongs. From the moment when the inviter may have admitted it until it knows,
//! the joiner's store has the invite, and the driver redeems it again ([`super::rejoin`]): no join or merge stays half done
//! because an answer was lost or a machine stopped. While it has it, and the node is alone, the store lets nobody else in, for
//! an hour; if the node did so later, an owner's invite merges the two meshes. A member's redemption, else, adds the link
//! only, or raises one that never learnt that it was admitted. Of both rosters the first page goes along, with what says how the two
//! nodes stand; the rest is swapped before the first pull, as ever where rosters differ.

use std::net::IpAddr;

use ods_api::{InviteLine, JoinError};
use ods_store::{
    Admit, Author, InviteRow, NodeId, PeerRow, Role, Roster, SignedStatement, Statement, Store, StoreError, UnixMillis,
};

use super::agreement::{Agreement, Direction, InviteKey};
use super::limits::{ROSTER_BYTES_MAX, ROSTER_FIRST_BYTES};
use super::protocol::{Contact, PairAnswer, PairRequest, Redemption};
use super::serve::{Node, Refusal};

/// What redeeming an invite does to the rosters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joining {
    /// The nodes know each other's mesh already: only a link.
    Link,
    /// The joiner comes into the inviter's mesh.
    Admit,
    /// Each side's owner admits the other's root.
    Merge,
}

/// What the inviter knows of the joiner.
struct Joiner<'a> {
    node: NodeId,
    root: NodeId,
    has_events: bool,
    /// Its roster; it is alone if only it is in there.
    roster: &'a Roster,
}

/// Answers the inviter's side of pairing. What is done by an invite is done by who made it, from where it is redeemed.
pub(super) fn serve(
    node: &Node,
    (caller, address): (&NodeId, Option<IpAddr>),
    request: PairRequest,
    now: UnixMillis,
) -> Result<PairAnswer, Refusal> {
    match request {
        PairRequest::Open { invite, joiner_nonce } => {
            let row = node.store.invite(&invite)?.ok_or(Refusal::InviteUnknown)?;
            let inviter_nonce = InviteKey::new(&row.secret).inviter_nonce(caller, &joiner_nonce);
            Ok(PairAnswer::Opened { inviter_nonce })
        }
        PairRequest::Redeem(redemption) => redeem(node, (caller, address), *redemption, now),
    }
}

fn redeem(
    node: &Node,
    (caller, address): (&NodeId, Option<IpAddr>),
    redemption: Redemption,
    now: UnixMillis,
) -> Result<PairAnswer, Refusal> {
    let store = &node.store;
    let row = store.invite(&redemption.invite)?.ok_or(Refusal::InviteUnknown)?;
    let mac = check_proof(store, caller, &row, &redemption)?;
    let roster = fold(redemption.root, &redemption.statements)?;
    let joiner = Joiner { node: *caller, root: redemption.root, has_events: redemption.has_events, roster: &roster };
    let joining = decide(&store.roster(), &store.node_id(), &row, &joiner)?;
    store.redeem_invite(&row.id, caller, now)?;
    let author = Author::new(&row.by);
    let author = address.map_or(author.clone(), |address| author.at(&address.to_string()));
    admit(store, joining, (&row, &author), &joiner, redemption.statements, now)?;
    put_peer(store, *caller, &redemption.contact, &author, now)?;
    let statements = store.told_roster()?.page_showing(&[*caller, store.node_id()], ROSTER_BYTES_MAX)?;
    Ok(PairAnswer::Redeemed { mac, contact: node.contact()?, statements })
}

/// Checks the joiner's proof of the secret; gives this node's.
fn check_proof(store: &Store, caller: &NodeId, row: &InviteRow, given: &Redemption) -> Result<[u8; 32], Refusal> {
    if *caller == store.node_id() {
        return Err(Refusal::OwnInvite);
    }
    let key = InviteKey::new(&row.secret);
    let terms = Agreement {
        joiner: *caller,
        inviter: store.node_id(),
        joiner_nonce: given.joiner_nonce,
        inviter_nonce: key.inviter_nonce(caller, &given.joiner_nonce),
        root: store.roster().root(),
        role: row.role,
        prefixes: &row.prefixes,
        expires_at: row.expires_at,
    };
    let fresh = terms.inviter_nonce == given.inviter_nonce;
    if fresh && terms.mac(&key, Direction::ToInviter) == blake3::Hash::from_bytes(given.mac) {
        Ok(*terms.mac(&key, Direction::ToJoiner).as_bytes())
    } else {
        Err(Refusal::InviteUnknown)
    }
}

/// What this invite does for this joiner.
fn decide(ours: &Roster, inviter: &NodeId, row: &InviteRow, joiner: &Joiner<'_>) -> Result<Joining, Refusal> {
    if ours.is_expelled(&joiner.node) {
        return Err(Refusal::Expelled);
    }
    let alone = joiner.root == joiner.node && joiner.roster.is_alone(&joiner.node);
    let owns = ours.role(inviter) == Some(Role::Owner);
    let owners = row.role == Role::Owner
        && joiner.roster.role(&joiner.node) == Some(Role::Owner)
        && joiner.roster.role(&ours.root()) == Some(Role::Owner);
    let expelled_root = ours.is_expelled(&joiner.root);
    let two_meshes = !alone && joiner.root != ours.root();
    if let Some(role) = ours.role(&joiner.node) {
        // One that never learnt that it was admitted, and now needs a greater role for what it published meanwhile.
        if alone && owns && row.role > role {
            return Ok(Joining::Admit);
        }
        // Or one that let others in meanwhile. (A mesh that was merged is no other one, though its root was expelled since.)
        if !two_meshes || expelled_root || ours.role(&joiner.root) == Some(Role::Owner) {
            return Ok(Joining::Link);
        }
    }
    if !owns {
        return Err(Refusal::NotAnOwner);
    }
    if two_meshes {
        // As an owner here, an expelled root could expel others again.
        return match owners {
            _ if expelled_root => Err(Refusal::Expelled),
            true => Ok(Joining::Merge),
            false => Err(Refusal::MergeNeedsOwner),
        };
    }
    if row.role == Role::Replica && joiner.has_events {
        return Err(Refusal::ReplicaHasEvents);
    }
    Ok(Joining::Admit)
}

fn admit(
    store: &Store,
    joining: Joining,
    (row, author): (&InviteRow, &Author),
    joiner: &Joiner<'_>,
    mut theirs: Vec<SignedStatement>,
    now: UnixMillis,
) -> Result<(), StoreError> {
    match joining {
        Joining::Link => Ok(()),
        Joining::Admit => {
            let admit = Admit { node: joiner.node, role: row.role, prefixes: row.prefixes.clone() };
            store.admit(&admit, author, now).map(drop)
        }
        Joining::Merge => {
            theirs.push(store.sign_admit(&owner(joiner.root), author, now)?);
            store.hear_signed_for(author, theirs, now).map(drop)
        }
    }
}

/// The joiner's side, ready to redeem.
#[derive(Debug)]
pub(super) struct Join {
    line: InviteLine,
    joining: Joining,
    joiner: NodeId,
    joiner_nonce: [u8; 32],
    has_events: bool,
    author: Author,
}

impl Join {
    /// Checks that this node can use the invite.
    pub(super) fn new(store: &Store, line: InviteLine, author: Author) -> Result<Self, JoinError> {
        let (roster, joiner) = (store.roster(), store.node_id());
        if line.node == joiner {
            return Err(JoinError::OwnInvite);
        }
        let has_events = store.has_own_events().map_err(|error| store_failed(&error))?;
        let joining = if roster.is_member(&line.node) && !roster.is_alone(&joiner) {
            Joining::Link
        } else if roster.is_alone(&joiner) || roster.root() == line.root {
            Joining::Admit
        } else if roster.role(&joiner) == Some(Role::Owner) && line.role == Role::Owner {
            Joining::Merge
        } else {
            return Err(JoinError::MergeNeedsOwner);
        };
        if joining == Joining::Merge && (roster.is_expelled(&line.node) || roster.is_expelled(&line.root)) {
            return Err(JoinError::Expelled);
        }
        if joining == Joining::Admit && line.role == Role::Replica && has_events {
            return Err(JoinError::ReplicaHasEvents);
        }
        Ok(Self { line, joining, joiner, joiner_nonce: store.random(), has_events, author })
    }

    /// The invite.
    pub(super) fn line(&self) -> &InviteLine {
        &self.line
    }

    /// The first step.
    pub(super) fn open(&self) -> PairRequest {
        PairRequest::Open { invite: self.line.id, joiner_nonce: self.joiner_nonce }
    }

    /// The second step.
    pub(super) fn redeem(
        &self,
        node: &Node,
        inviter_nonce: [u8; 32],
        now: UnixMillis,
    ) -> Result<PairRequest, StoreError> {
        let own = node.store.node_id();
        let mut statements = node.store.told_roster()?.page_showing(&[own], ROSTER_FIRST_BYTES)?;
        if self.joining == Joining::Merge {
            statements.push(node.store.sign_admit(&owner(self.line.root), &self.author, now)?);
        }
        let key = InviteKey::new(&self.line.secret);
        Ok(PairRequest::Redeem(Box::new(Redemption {
            invite: self.line.id,
            joiner_nonce: self.joiner_nonce,
            inviter_nonce,
            mac: *self.terms(inviter_nonce).mac(&key, Direction::ToInviter).as_bytes(),
            contact: node.contact()?,
            root: node.store.roster().root(),
            has_events: self.has_events,
            statements,
        })))
    }

    /// Takes the inviter's answer: its mesh, and the link to it.
    pub(super) fn take(
        &self,
        store: &Store,
        request: &PairRequest,
        answer: PairAnswer,
        now: UnixMillis,
    ) -> Result<NodeId, JoinError> {
        let (PairRequest::Redeem(sent), PairAnswer::Redeemed { mac, contact, mut statements }) = (request, answer)
        else {
            return Err(bad_answer("it answers another question"));
        };
        let expected = self.terms(sent.inviter_nonce).mac(&InviteKey::new(&self.line.secret), Direction::ToJoiner);
        if expected != blake3::Hash::from_bytes(mac) {
            return Err(bad_answer("it doesn't prove that it knows the invite's secret"));
        }
        match self.joining {
            Joining::Link => {}
            Joining::Admit => self.take_root(store, &statements, now)?,
            Joining::Merge => statements.extend(sent.statements.iter().cloned()),
        }
        let roster = store.roster_with(&statements).map_err(|_| bad_answer("its roster is malformed"))?;
        if !roster.is_member(&self.line.node) {
            return Err(bad_answer("its roster doesn't include it"));
        }
        let inserted = match self.joining {
            Joining::Merge => store.hear_signed_for(&self.author, statements, now),
            Joining::Link | Joining::Admit => store.hear_statements(statements, now),
        };
        let stored = inserted.and_then(|_| put_peer(store, self.line.node, &contact, &self.author, now));
        stored.map_err(|error| store_failed(&error))?;
        Ok(self.line.node)
    }

    fn take_root(&self, store: &Store, statements: &[SignedStatement], now: UnixMillis) -> Result<(), JoinError> {
        let roster = fold(self.line.root, statements).map_err(|_| bad_answer("its roster is malformed"))?;
        // By an earlier invite it may be less than this one says.
        let role = roster.role(&self.joiner).ok_or_else(|| bad_answer("its roster doesn't admit this node"))?;
        if store.roster().root() == self.line.root {
            return Ok(());
        }
        let taken = match role {
            Role::Replica => store.take_root_as_replica(self.line.root, now),
            Role::Publisher | Role::Owner => store.take_root(self.line.root, now),
        };
        taken.map_err(|error| match error {
            StoreError::ReplicaHasEvents => JoinError::ReplicaHasEvents,
            // It let somebody in meanwhile.
            StoreError::NotAlone => JoinError::MergeNeedsOwner,
            error => store_failed(&error),
        })
    }

    fn terms(&self, inviter_nonce: [u8; 32]) -> Agreement<'_> {
        Agreement {
            joiner: self.joiner,
            inviter: self.line.node,
            joiner_nonce: self.joiner_nonce,
            inviter_nonce,
            root: self.line.root,
            role: self.line.role,
            prefixes: &self.line.prefixes,
            expires_at: self.line.expires_at,
        }
    }
}

fn owner(node: NodeId) -> Admit {
    Admit { node, role: Role::Owner, prefixes: Vec::new() }
}

fn fold(root: NodeId, statements: &[SignedStatement]) -> Result<Roster, StoreError> {
    let verified: Result<Vec<Statement>, _> = statements.iter().map(SignedStatement::verify).collect();
    Ok(Roster::fold(root, &verified?))
}

/// Keeps what is known only here (pause, observed url) when a link is made again.
fn put_peer(
    store: &Store,
    node: NodeId,
    contact: &Contact,
    author: &Author,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let known = store.peer(&node)?;
    let (observed_url, paused, added_at) =
        known.map_or((None, false, now), |row| (row.observed_url, row.paused, row.added_at));
    let Contact { name, urls, tls_pin } = contact.clone();
    store.put_peer(&PeerRow { node, name, urls, observed_url, tls_pin, paused, added_at }, author, now)
}

fn bad_answer(reason: &str) -> JoinError {
    JoinError::BadAnswer { reason: reason.to_owned() }
}

fn store_failed(error: &StoreError) -> JoinError {
    tracing::error!(error = error as &dyn std::error::Error, "joining a mesh failed in the store");
    JoinError::Store
}
