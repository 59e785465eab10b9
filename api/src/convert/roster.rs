//! The roster, for people.

use ods_store::{Member, NodeId, Roster, Statement, StatementBody};

use super::{Names, timestamp};
use crate::types::{AdmitView, ExpelView, MemberView, Page, RosterView, RosterWarning};

/// A page of the roster.
pub(crate) fn roster(page: Page<MemberView>, members: &[Member], own: &NodeId, roster: &Roster) -> RosterView {
    RosterView {
        items: page.items,
        next: page.next,
        total: members.len() as u64,
        root: roster.root().to_string(),
        digest: roster.digest().to_string(),
        owners: roster.owners().map(ToString::to_string).collect(),
        statements: members.iter().map(|member| (member.admits.len() + member.expels.len()) as u64).sum(),
        warnings: warnings(own, roster),
    }
}

/// A node of the roster.
pub(crate) fn member(member: Member, own: &NodeId, root: &NodeId, names: &Names) -> MemberView {
    let standing = match (member.standing.is_expelled(), member.standing.role) {
        (true, _) => "expelled",
        (false, Some(_)) => "member",
        (false, None) => "not_admitted",
    };
    MemberView {
        node: member.node.to_string(),
        name: names.of(&member.node),
        role: member.standing.role.map(|role| role.as_str().to_owned()),
        prefixes: member.standing.prefixes.into_iter().flatten().collect(),
        standing: standing.to_owned(),
        is_root: member.node == *root,
        is_self: member.node == *own,
        admitted_by: member.admits.into_iter().filter_map(|(said, counts)| admit(said, counts, names)).collect(),
        expelled_by: member.expels.into_iter().map(|said| expel(said, names)).collect(),
    }
}

fn admit(said: Statement, counts: bool, names: &Names) -> Option<AdmitView> {
    let StatementBody::Admit(admit) = said.body else { return None };
    Some(AdmitView {
        statement: said.id.to_string(),
        node: said.header.signer.to_string(),
        name: names.of(&said.header.signer),
        by: said.header.by,
        at: timestamp(said.header.at_ms),
        role: admit.role.as_str().to_owned(),
        prefixes: admit.prefixes,
        counts,
    })
}

fn expel(said: Statement, names: &Names) -> ExpelView {
    ExpelView {
        statement: said.id.to_string(),
        node: said.header.signer.to_string(),
        name: names.of(&said.header.signer),
        by: said.header.by,
        at: timestamp(said.header.at_ms),
    }
}

fn warnings(own: &NodeId, roster: &Roster) -> Vec<RosterWarning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, detail: &str| {
        warnings.push(RosterWarning { code: code.to_owned(), detail: detail.to_owned() });
    };
    if roster.is_expelled(own) {
        warn(
            "expelled",
            "this node was expelled from the mesh: it can't publish, and no other node speaks with it. To take part again it \
             needs a new key: begin with an empty data folder and join by a new invite",
        );
    }
    match roster.owners().count() {
        0 => warn(
            "no_owner",
            "no node may admit or expel any more: replication goes on, but who may do what is fixed for good. To change \
             that, begin a new mesh and publish the packages there",
        ),
        1 => warn(
            "single_owner",
            "the mesh has a single owner. If its key is lost, nobody can ever admit or expel a node again; if it is \
             stolen, nobody can expel the thief. Admit a second owner (`ods roster admit NODE --role owner`), and keep a \
             copy of the owner's node.key offline (`ods backup` includes it)",
        ),
        _ => {}
    }
    warnings
}
