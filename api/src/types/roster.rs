//! `/roster`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::RoleName;

/// A page of the roster: who may do what in the mesh, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Roster)]
pub struct RosterView {
    /// The nodes, by id; expelled ones too.
    pub items: Vec<MemberView>,
    /// Give it as `after` to get the nodes behind these; null when there are none.
    #[schema(required = true)]
    pub next: Option<String>,
    /// How many nodes there are on all pages.
    pub total: u64,
    /// The mesh's first node, as far as this node is concerned: where its trust begins.
    pub root: String,
    /// Equal on nodes that hold the same statements.
    pub digest: String,
    /// The nodes that may admit and expel now.
    pub owners: Vec<String>,
    /// How many statements are held.
    pub statements: u64,
    /// What an admin should see to.
    pub warnings: Vec<RosterWarning>,
}

/// A node in the roster, and what was said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberView {
    /// Its public key.
    pub node: String,
    /// What people call it, if this node knows.
    #[schema(required = true)]
    pub name: Option<String>,
    /// `owner`, `publisher` or `replica`: of an expelled node, what it was. Null if no statement that counts admits it.
    #[schema(required = true, example = "publisher")]
    pub role: Option<String>,
    /// Where it may publish, if it may; empty: everywhere.
    pub prefixes: Vec<String>,
    /// `member`, `expelled`, or `not_admitted`: only statements that don't count any more admit it.
    #[schema(example = "member")]
    pub standing: String,
    /// Whether it is the mesh's first node.
    pub is_root: bool,
    /// Whether it is the node that answers.
    pub is_self: bool,
    /// Who admitted it, oldest first. The root needs nobody.
    pub admitted_by: Vec<AdmitView>,
    /// Who expelled it, oldest first.
    pub expelled_by: Vec<ExpelView>,
}

/// An owner's word that a node may take part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Admit)]
pub struct AdmitView {
    /// The statement's id.
    pub statement: String,
    /// The owner.
    pub node: String,
    /// Its name, if this node knows.
    #[schema(required = true)]
    pub name: Option<String>,
    /// Who did it there: a token, or a user.
    #[schema(example = "token ci")]
    pub by: String,
    /// When, by that owner's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// As what.
    #[schema(example = "publisher")]
    pub role: String,
    /// Where it may publish; empty: everywhere.
    pub prefixes: Vec<String>,
    /// False if that owner was expelled, and who did so didn't know of this.
    pub counts: bool,
}

/// An owner's word that a node may not take part any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Expel)]
pub struct ExpelView {
    /// The statement's id.
    pub statement: String,
    /// The owner.
    pub node: String,
    /// Its name, if this node knows.
    #[schema(required = true)]
    pub name: Option<String>,
    /// Who did it there: a token, or a user.
    pub by: String,
    /// When, by that owner's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// How a node is expelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpelQuery {
    /// Only tell what would be out of reach; expel nobody.
    #[serde(default)]
    #[param(default = false)]
    pub dry_run: bool,
    /// Also if no other node is known to have the bytes of some packages, which is 409 `last_holder` otherwise.
    #[serde(default)]
    #[param(default = false)]
    pub even_if_last_holder: bool,
}

/// A node that is expelled, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Expulsion)]
pub struct ExpulsionView {
    /// The node.
    #[serde(flatten)]
    pub member: MemberView,
    /// What no other node is known to have.
    pub only_there: OnlyThereView,
}

/// Packages that no other node is known to have the bytes of, as far as this one may have them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OnlyThere)]
pub struct OnlyThereView {
    /// How many.
    pub packages: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// The first of them by path, 20 at most.
    pub paths: Vec<String>,
}

/// Something about the roster that an admin should see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RosterWarning {
    /// `single_owner`, `no_owner` or `expelled`.
    #[schema(example = "single_owner")]
    pub code: String,
    /// In words: what it means, and what to do.
    pub detail: String,
}

/// Admit a node, or raise what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"node": "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29", "role": "publisher", "prefixes": ["mac"]}))]
pub struct AdmitRequest {
    /// The node's id: its public key, 64 hex digits.
    pub node: String,
    /// As what.
    pub role: RoleName,
    /// Where a publisher may publish; empty: everywhere.
    #[serde(default)]
    pub prefixes: Vec<String>,
}
