//! Nodes for tests: a store in a folder of its own, and what people do with it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use ods_api::InviteLine;
use ods_store::{
    Author, Condition, Digest, Disk, EventId, InviteRow, LocalDisk, MetaPatch, NewInvite, Package, PackagePath,
    PublishRequest, Role, SimDisk, Store, StoreOptions, UnixMillis,
};
use tempfile::TempDir;

use super::super::limits::STRANGER_BODY_BYTES_MAX;
use super::super::pair::Join;
use super::super::protocol::{Answer, PairAnswer, PairRequest, Request};
use super::super::serve::{Node, Refusal, Reply, serve};

pub(super) const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
pub(super) const HOUR_MS: u64 = 3_600_000;

/// A node without network.
pub(super) struct TestNode {
    pub(super) node: Node,
    /// Removed when the node goes.
    folder: TempDir,
    /// This node's clock.
    pub(super) now: UnixMillis,
}

/// Where test nodes call from.
pub(super) const CALLED_FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

pub(super) fn author() -> Author {
    Author::new("test")
}

pub(super) fn path(text: &str) -> PackagePath {
    PackagePath::parse(text).unwrap()
}

impl TestNode {
    pub(super) fn new(name: &str) -> Self {
        Self::open(name, tempfile::tempdir().unwrap(), name)
    }

    /// The node as it was, in a copy of its folder; it must have been copied while nobody wrote.
    pub(super) fn copied(&self, name: &str, run: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), folder.path());
        Self::open(name, folder, run)
    }

    /// A node on a disk in memory, for tests of many commits.
    pub(super) fn simulated(name: &str) -> Self {
        Self::on_disk(&SimDisk::new(), name)
    }

    /// The same on a disk that the test plays with.
    pub(super) fn on_disk(disk: &SimDisk, name: &str) -> Self {
        Self::open_on(Arc::new(disk.clone()), name, tempfile::tempdir().unwrap(), name)
    }

    fn open(name: &str, folder: TempDir, run: &str) -> Self {
        Self::open_on(Arc::new(LocalDisk::new()), name, folder, run)
    }

    fn open_on(disk: Arc<dyn Disk>, name: &str, folder: TempDir, run: &str) -> Self {
        let seed = blake3::hash(run.as_bytes());
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: *seed.as_bytes(), name: name.to_owned() };
        let store = Store::open(disk, folder.path(), &options).unwrap();
        let node = Node { store, fallback_urls: vec![format!("http://{name}:8637")], tls_pin: None };
        Self { node, folder, now: NOW }
    }

    pub(super) fn store(&self) -> &Store {
        &self.node.store
    }

    pub(super) fn publish(&self, at: &str, bytes: &[u8]) -> Package {
        self.publish_with(at, bytes, MetaPatch::new())
    }

    pub(super) fn publish_with(&self, at: &str, bytes: &[u8], meta: MetaPatch) -> Package {
        let mut upload = self.store().begin_upload(None).unwrap();
        upload.write(bytes).unwrap();
        let request = PublishRequest { path: path(at), meta, condition: Condition::None, author: author() };
        self.store().publish(upload.finish().unwrap(), &request, self.now).unwrap().package
    }

    pub(super) fn remove(&self, at: &str) -> EventId {
        self.store().remove(&path(at), &Condition::None, &author(), self.now).unwrap()
    }

    pub(super) fn invite(&self, role: Role) -> (InviteRow, InviteLine) {
        let expires_at = self.now.plus_ms(HOUR_MS);
        let row =
            self.store().create_invite(&NewInvite { role, prefixes: vec![], expires_at }, &author(), self.now).unwrap();
        let line = InviteLine {
            id: row.id,
            secret: row.secret,
            node: self.store().node_id(),
            root: self.store().roster().root(),
            role,
            prefixes: row.prefixes.clone(),
            expires_at,
            urls: self.node.contact().unwrap().urls,
            tls_pin: None,
        };
        (row, line)
    }

    /// What a caller gets for a question, which is not longer than what a carrier reads of it.
    pub(super) fn asked(&self, caller: &Self, request: Request) -> Result<Reply, Refusal> {
        let is_member = self.store().roster().is_member(&caller.store().node_id());
        let max = request.call().body_bytes_max().min(if is_member { usize::MAX } else { STRANGER_BODY_BYTES_MAX });
        let bytes = request.encode().len();
        assert!(bytes <= max, "{:?} of {bytes} bytes", request.call());
        serve(&self.node, (&caller.store().node_id(), Some(CALLED_FROM)), request, self.now)
    }

    pub(super) fn answer(&self, caller: &Self, request: Request) -> Answer {
        let max = request.call().answer_bytes_max();
        match self.asked(caller, request).unwrap() {
            Reply::Answer(answer) | Reply::Despite(answer, _) => {
                assert!(answer.encode().len() <= max, "{} bytes", answer.encode().len());
                answer
            }
            other => panic!("not an answer: {other:?}"),
        }
    }

    /// Redeems an invite of `inviter`.
    pub(super) fn join(&self, inviter: &Self, line: InviteLine) -> Result<(), String> {
        self.join_meanwhile(inviter, line, || {})
    }

    /// The same, while something happens before the inviter's answer is there.
    pub(super) fn join_meanwhile(
        &self,
        inviter: &Self,
        line: InviteLine,
        happens: impl FnOnce(),
    ) -> Result<(), String> {
        let join = Join::new(self.store(), line, author().at("192.0.2.1")).map_err(|error| error.code().to_owned())?;
        let PairAnswer::Opened { inviter_nonce } = pair(inviter, self, join.open())? else { panic!("not opened") };
        let request: PairRequest = join.redeem(&self.node, inviter_nonce, self.now).unwrap();
        let invite = join.line().to_string();
        self.store().note_joining(&invite, &author(), self.now).unwrap();
        let answer = pair(inviter, self, request.clone());
        happens();
        let taken = answer.and_then(|answer| {
            join.take(self.store(), &request, answer, self.now).map_err(|error| error.code().to_owned())
        });
        self.store().end_joining(&invite, None).unwrap();
        taken.map(drop)
    }

    /// Is admitted, but never gets to know it.
    pub(super) fn join_to_no_avail(&self, inviter: &Self, line: InviteLine) {
        let join = Join::new(self.store(), line, author()).unwrap();
        let PairAnswer::Opened { inviter_nonce } = pair(inviter, self, join.open()).unwrap() else {
            panic!("not opened")
        };
        pair(inviter, self, join.redeem(&self.node, inviter_nonce, self.now).unwrap()).unwrap();
    }

    pub(super) fn joins(&self, inviter: &Self, role: Role) {
        let (_, line) = inviter.invite(role);
        self.join(inviter, line).unwrap();
    }

    pub(super) fn wanted(&self) -> BTreeSet<Digest> {
        self.store().wants(1000).unwrap().into_iter().map(|want| want.blob).collect()
    }
}

/// A step of pairing, or the refusal's code.
fn pair(inviter: &TestNode, joiner: &TestNode, request: PairRequest) -> Result<PairAnswer, String> {
    match inviter.asked(joiner, Request::Pair(request)) {
        Ok(Reply::Answer(Answer::Pair(answer))) => Ok(answer),
        Ok(other) => panic!("not a pairing answer: {other:?}"),
        Err(refusal) => Err(refusal.code().to_owned()),
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// All nodes hold the same events and list the same packages.
pub(super) fn assert_converged(nodes: &[&TestNode]) {
    let seen = |node: &&TestNode| {
        let overview = node.store().overview().unwrap();
        (overview.vector, overview.catalog_digest, node.store().roster_digest())
    };
    let first = seen(&nodes[0]);
    for node in &nodes[1..] {
        assert_eq!(seen(node), first, "{} and {}", nodes[0].store().node_id().short(), node.store().node_id().short());
    }
}
