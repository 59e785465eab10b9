//! The journal: what happened on this node, one record at a time, in the order of its Lsns. Local, never relayed.
//!
//! A record is written in the transaction of what it tells, so nothing is told that did not happen, and nothing that
//! happened goes untold. New happenings go at the end of the enum: rows hold its variants by number.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::audit::{Deed, Facts};
use crate::codec::{from_row, to_row};
use crate::digest::{EventId, NodeId};
use crate::error::Result;
use crate::limits::JOURNAL_PRUNE_ROWS;
use crate::lsn::Lsn;
use crate::schema::JOURNAL;
use crate::statement::Role;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// How far ahead of the clock a record may be that is still from now: a day.
const CLOCK_SLACK_MS: u64 = 24 * 60 * 60 * 1000;

/// Something that happened here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// A path has a current revision that had none.
    PackagePublished {
        /// The package.
        path: String,
        /// Its current revision.
        event: EventId,
    },
    /// A path has another current revision.
    PackageReplaced {
        /// The package.
        path: String,
        /// Its current revision.
        event: EventId,
        /// The one before.
        previous: EventId,
    },
    /// A path has no current revision any more.
    PackageRemoved {
        /// The package.
        path: String,
        /// The Remove, or what made the Publish ineffective if there is none.
        event: Option<EventId>,
        /// The revision that was current.
        previous: EventId,
    },
    /// Concurrent revisions of a path differ.
    PackageConflict {
        /// The package.
        path: String,
        /// All its heads that are a Publish.
        heads: Vec<EventId>,
    },
    /// The bytes of a current revision are here, verified.
    PackageStored {
        /// The package.
        path: String,
        /// Its current revision.
        event: EventId,
    },
    /// A peer answers again.
    PeerUp {
        /// The peer.
        node: NodeId,
    },
    /// A peer stopped answering.
    PeerDown {
        /// The peer.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// A peer was added here.
    PeerAdded {
        /// The peer.
        node: NodeId,
        /// Who did it.
        by: String,
    },
    /// A peer was removed here.
    PeerRemoved {
        /// The peer.
        node: NodeId,
        /// Who did it.
        by: String,
    },
    /// An owner admitted a node.
    NodeAdmitted {
        /// The node.
        node: NodeId,
        /// As what.
        role: Role,
        /// Which owner.
        by_node: NodeId,
    },
    /// An owner expelled a node.
    NodeExpelled {
        /// The node.
        node: NodeId,
        /// Which owner.
        by_node: NodeId,
    },
    /// Something an admin should look at.
    Alarm {
        /// What kind: `rot`, `twin`, `rolled_back`, `bad_piece`, `wrong_size`, `disk`, …
        code: String,
        /// In words, with names.
        detail: String,
    },
    /// A file in a watched folder was not taken.
    WatchRefused {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// A request with a wrong or expired credential.
    SignInRefused {
        /// The caller's address.
        from: String,
        /// Why.
        reason: String,
    },
    /// A token was made.
    TokenCreated {
        /// Its id.
        token: String,
        /// Its name.
        name: String,
        /// Who did it.
        by: String,
    },
    /// A token was revoked.
    TokenRevoked {
        /// Its id.
        token: String,
        /// Its name.
        name: String,
        /// Who did it.
        by: String,
    },
    /// An invite was made.
    InviteCreated {
        /// Its id.
        invite: String,
        /// The role it gives.
        role: Role,
        /// Who did it.
        by: String,
    },
    /// An invite was taken back.
    InviteRevoked {
        /// Its id.
        invite: String,
        /// Who did it.
        by: String,
    },
    /// Something of the node changed. Versions that told no more wrote it; now it is [`Self::NodeEdited`].
    NodeChanged {
        /// Who did it.
        by: String,
    },
    /// A run of gc removed what nothing needed any more.
    StorageCollected {
        /// Blobs it removed.
        blobs: u64,
        /// Their bytes.
        bytes: u64,
        /// Files without a row, and left-overs of uploads and fetches.
        orphans: u64,
        /// Their bytes.
        orphan_bytes: u64,
    },
    /// Somebody signed in.
    SignedIn {
        /// As whom.
        who: String,
        /// From which address.
        from: String,
    },
    /// A user was made.
    UserCreated {
        /// Its id.
        user: String,
        /// Its name.
        name: String,
        /// Who did it.
        by: String,
    },
    /// A user was changed.
    UserChanged {
        /// Its id.
        user: String,
        /// Its name.
        name: String,
        /// Who did it.
        by: String,
    },
    /// A user was removed.
    UserRemoved {
        /// Its id.
        user: String,
        /// Its name.
        name: String,
        /// Who did it.
        by: String,
    },
    /// Settings were changed while the node ran.
    SettingsChanged {
        /// Who did it.
        by: String,
    },
    /// A webhook was made, changed or removed.
    WebhookChanged {
        /// Its id.
        webhook: String,
        /// Where it sends to.
        url: String,
        /// What was done: `created`, `changed`, `rotated`, `skipped`, `removed`.
        change: String,
        /// Who did it.
        by: String,
    },
    /// Somebody tests a webhook.
    WebhookTest {
        /// Its id.
        webhook: String,
        /// Who did it.
        by: String,
    },
    /// Every node that wants the bytes of a current revision has them.
    PackageReplicated {
        /// The package.
        path: String,
        /// Its current revision.
        event: EventId,
    },
    /// A watch was made, changed or removed while the node ran.
    WatchChanged {
        /// Its id.
        watch: String,
        /// Its folder.
        folder: String,
        /// What was done: `created`, `changed`, `removed`.
        change: String,
        /// Who did it.
        by: String,
    },
    /// Bytes went that the policy doesn't keep, and others have.
    StorageEvicted {
        /// How many blobs.
        blobs: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// What people set of the node, or of its link with a peer, changed.
    NodeEdited {
        /// Who did it.
        by: String,
        /// What: `name`, `urls`, `policy` or `limits`.
        what: String,
        /// With which peer the link is that it is about; `None`: it is the node itself.
        peer: Option<NodeId>,
        /// How that was before, as far as it changed.
        before: Facts,
        /// And how it is now.
        after: Facts,
    },
}

/// Whether webhooks may be told of a type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// They are, and readers of the journal too.
    ToWebhooks,
    /// Only readers of the journal are.
    Here,
}

/// Declares what each happening's type is called, `Variant = "type", Told;`: the one list of types. Variants that tell
/// the same, one of them more of it, share theirs: `Less | More = "type", Told;`.
macro_rules! kinds {
    ($($($variant:ident)|+ = $kind:literal, $told:ident;)*) => {
        /// All types, and who is told of them.
        const TYPES: &[(&str, Told)] = &[$(($kind, Told::$told)),*];

        impl Happening {
            /// All types there are.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Its type as the API and webhooks call it: one of [`Self::KINDS`].
            pub const fn kind(&self) -> &'static str {
                match self {
                    $($(Self::$variant { .. })|+ => $kind,)*
                }
            }
        }
    };
}

kinds! {
    PackagePublished = "package.published", ToWebhooks;
    PackageReplaced = "package.replaced", ToWebhooks;
    PackageRemoved = "package.removed", ToWebhooks;
    PackageConflict = "package.conflict", ToWebhooks;
    PackageStored = "package.stored", ToWebhooks;
    PackageReplicated = "package.replicated", ToWebhooks;
    PeerUp = "peer.up", ToWebhooks;
    PeerDown = "peer.down", ToWebhooks;
    PeerAdded = "peer.added", Here;
    PeerRemoved = "peer.removed", Here;
    NodeAdmitted = "node.admitted", ToWebhooks;
    NodeExpelled = "node.expelled", ToWebhooks;
    Alarm = "node.alarm", ToWebhooks;
    NodeChanged | NodeEdited = "node.changed", Here;
    WatchRefused = "watch.refused", ToWebhooks;
    WatchChanged = "watch.changed", Here;
    WebhookChanged = "webhook.changed", Here;
    WebhookTest = "webhook.test", ToWebhooks;
    SignInRefused = "sign_in.refused", Here;
    SignedIn = "sign_in.done", Here;
    TokenCreated = "token.created", Here;
    TokenRevoked = "token.revoked", Here;
    UserCreated = "user.created", Here;
    UserChanged = "user.changed", Here;
    UserRemoved = "user.removed", Here;
    InviteCreated = "invite.created", Here;
    InviteRevoked = "invite.revoked", Here;
    SettingsChanged = "settings.changed", Here;
    StorageCollected = "storage.collected", Here;
    StorageEvicted = "storage.evicted", Here;
}

/// The types that webhooks may be told of.
pub(crate) fn webhook_kinds() -> impl Iterator<Item = &'static str> {
    TYPES.iter().filter(|(_, told)| *told == Told::ToWebhooks).map(|(kind, _)| *kind)
}

impl Happening {
    /// The package it is about, if it is about one.
    pub fn package_path(&self) -> Option<&str> {
        match self {
            Self::PackagePublished { path, .. }
            | Self::PackageReplaced { path, .. }
            | Self::PackageRemoved { path, .. }
            | Self::PackageConflict { path, .. }
            | Self::PackageStored { path, .. }
            | Self::PackageReplicated { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// One journal record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place.
    pub lsn: Lsn,
    /// When, by this node's clock.
    pub at: UnixMillis,
    /// It tells of what was there before this node joined; no webhook fires for it.
    pub backfill: bool,
    /// What happened.
    pub what: Happening,
}

/// From where the journal is read, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Forwards, from the record after this place.
    After(Lsn),
    /// Backwards, from the record before this place.
    Before(Lsn),
}

impl ReadFrom {
    /// The same way from another place.
    #[must_use]
    pub fn at(self, lsn: Lsn) -> Self {
        match self {
            Self::After(_) => Self::After(lsn),
            Self::Before(_) => Self::Before(lsn),
        }
    }

    /// The place.
    pub fn lsn(self) -> Lsn {
        match self {
            Self::After(lsn) | Self::Before(lsn) => lsn,
        }
    }
}

impl From<Lsn> for ReadFrom {
    fn from(lsn: Lsn) -> Self {
        Self::After(lsn)
    }
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPage {
    /// In the order in which they are read.
    pub items: Vec<Record>,
    /// Where the next page goes on from; `None` at the end.
    pub next: Option<Lsn>,
    /// The oldest record that may still be there; earlier ones were pruned.
    pub first: Lsn,
    /// Where log, journal and audit end in what was read.
    pub head: Lsn,
}

/// When something happened, and whether it is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) now: UnixMillis,
    pub(crate) backfill: bool,
}

impl Moment {
    pub(crate) const fn live(now: UnixMillis) -> Self {
        Self { now, backfill: false }
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    at: UnixMillis,
    backfill: bool,
    what: Happening,
}

/// Appends a record.
pub(crate) fn append(tx: &Tx<'_>, moment: Moment, what: Happening) -> Result<Lsn> {
    let mut table = tx.write(JOURNAL)?;
    let lsn = tx.next_lsn();
    let row = Row { at: moment.now, backfill: moment.backfill, what };
    table.insert(lsn.get(), to_row(&row).as_slice())?;
    Ok(lsn)
}

/// The name of a record among all that this node and any earlier state of it ever had: the `webhook-id` of its deliveries.
pub(crate) fn message_id(log_id: [u8; 16], lsn: Lsn) -> String {
    format!("msg_{}_{lsn}", data_encoding::HEXLOWER.encode(&log_id[..6]))
}

/// Appends an alarm.
pub(crate) fn alarm(tx: &Tx<'_>, moment: Moment, code: &str, detail: String) -> Result<Lsn> {
    append(tx, moment, Happening::Alarm { code: code.to_owned(), detail })
}

/// Appends that somebody changed `what` of the node, or of its link with `peer`, as the audit tells it.
pub(crate) fn node_edited(
    tx: &Tx<'_>,
    moment: Moment,
    author: &str,
    (what, peer): (&str, Option<NodeId>),
    deed: &Deed,
) -> Result<Lsn> {
    let (before, after) = deed.told();
    append(tx, moment, Happening::NodeEdited { by: author.to_owned(), what: what.to_owned(), peer, before, after })
}

/// Removes records that are older than `keep_ms`, a bounded number from the oldest on; whether there may be more.
///
/// Records are in the order in which they happened, whatever the clock said: one that seems to be from the future goes
/// with those around it. None is removed that an enabled webhook has yet to look at.
pub(crate) fn prune(tx: &Tx<'_>, keep_ms: u64, now: UnixMillis) -> Result<bool> {
    let bound = crate::webhooks::least_cursor(tx)?;
    let (mut examined, mut last_old) = (0, None);
    for entry in tx.read(JOURNAL)?.iter()?.take(JOURNAL_PRUNE_ROWS) {
        let (lsn, row) = entry?;
        let Row { at, .. } = from_row("a journal record", row.value())?;
        let is_young = at <= now.plus_ms(CLOCK_SLACK_MS) && now.ms_since(at) <= keep_ms;
        if is_young || bound.is_some_and(|cursor| lsn.value() > cursor.get()) {
            break;
        }
        examined += 1;
        if at <= now {
            last_old = Some(lsn.value());
        }
    }
    let full = examined == JOURNAL_PRUNE_ROWS;
    let Some(last) = last_old else { return Ok(false) };
    tx.write(JOURNAL)?.retain_in(..=last, |_, _| false)?;
    tx.set_meta(&crate::meta::JOURNAL_PRUNED, &last)?;
    Ok(full)
}

/// Up to `limit` records after `after`.
pub(crate) fn page(
    table: &impl ReadableTable<u64, &'static [u8]>,
    (pruned, head): (u64, u64),
    from: ReadFrom,
    limit: usize,
) -> Result<RecordPage> {
    let mut items = Vec::new();
    let mut more = false;
    let mut rows = match from {
        ReadFrom::After(lsn) => table.range(lsn.next().get()..)?,
        ReadFrom::Before(lsn) => table.range(..lsn.get())?,
    };
    let mut read = || match from {
        ReadFrom::After(_) => rows.next(),
        ReadFrom::Before(_) => rows.next_back(),
    };
    while let Some(entry) = read() {
        let (lsn, row) = entry?;
        if items.len() == limit {
            more = true;
            break;
        }
        let Row { at, backfill, what } = from_row("a journal record", row.value())?;
        items.push(Record { lsn: Lsn::new(lsn.value()), at, backfill, what });
    }
    let next = items.last().filter(|_| more).map(|record| record.lsn);
    Ok(RecordPage { items, next, first: Lsn::new(pruned).next(), head: Lsn::new(head) })
}

#[cfg(test)]
mod tests {
    use super::Happening;
    use crate::codec::from_row;

    #[test]
    fn rows_that_earlier_versions_wrote_are_read() {
        let row = [18, 3, b'a', b'd', b'a'];
        let read: Happening = from_row("a happening", &row).expect("a row of before");
        assert_eq!((read.kind(), read), ("node.changed", Happening::NodeChanged { by: "ada".to_owned() }));
        let row = *b"\x1e\x03ada\x04name\x00\x01\x04name\x01x\x01\x04name\x01y";
        let read: Happening = from_row("a happening", &row).expect("a row of before");
        let name = |name: &str| [("name".to_owned(), name.to_owned())].into();
        let (by, what, before, after) = ("ada".to_owned(), "name".to_owned(), name("x"), name("y"));
        assert_eq!(read, Happening::NodeEdited { by, what, peer: None, before, after });
    }

    #[test]
    fn a_number_in_a_row_means_what_it_always_did() {
        let kinds: Vec<_> = (0..u8::MAX)
            .map_while(|number| {
                let mut row = [0; 400];
                row[0] = number;
                from_row::<Happening>("a happening", &row).ok().map(|happening| happening.kind())
            })
            .collect();
        let always = "package.published package.replaced package.removed package.conflict package.stored peer.up peer.down \
             peer.added peer.removed node.admitted node.expelled node.alarm watch.refused sign_in.refused token.created \
             token.revoked invite.created invite.revoked node.changed storage.collected sign_in.done user.created \
             user.changed user.removed settings.changed webhook.changed webhook.test package.replicated watch.changed \
             storage.evicted node.changed";
        assert_eq!(kinds.join(" "), always, "new ones go at the end");
    }
}
