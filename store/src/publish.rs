//! Publishing, editing, removing: deciding what event to mint, inside the writer's transaction.
//!
//! Names and values are checked here, where an event is minted; receivers check framing and caps only. Every decision is
//! taken before the first write, so that a refusal costs its group nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::ReadableTable;

use crate::audit::{self, Deed, Facts};
use crate::catalog::{self, HeadsRow};
use crate::codec::from_row;
use crate::credential::{Accounts, Credential};
use crate::digest::{Digest, EventId, NodeId, Sha256};
use crate::error::{Result, StoreError};
use crate::event::{Body, Meta, Publish, Remove};
use crate::heads::{self, Head};
use crate::invisible;
use crate::journal::Moment;
use crate::limits::{
    BY_BYTES_MAX, META_BYTES_MAX, META_ENTRIES_MAX, META_KEY_BYTES_MAX, META_VALUE_BYTES_MAX, REPLACES_MAX,
    TAG_BYTES_MAX, TAGS_MAX,
};
use crate::log;
use crate::package::{self, Package};
use crate::path::PackagePath;
use crate::roster::Roster;
use crate::schema::{BLOBS, PACKAGES, TRUE_SHA256};
use crate::store::Who;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::wants::{self, BlobRow};

/// Changes to metadata: a value sets a key, `None` takes it away, a key not named stays.
pub type MetaPatch = BTreeMap<String, Option<String>>;

/// What must hold of the current revision (RFC 9110 §13.1), decided in the transaction of the change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It is one of these.
    Matches(Vec<EventId>),
    /// There is one.
    Exists,
    /// There is none.
    IsNew,
}

/// Who does it: the name of a token, user or watch; and from which address, if it came over the network.
#[derive(Debug, Clone)]
pub struct Author {
    name: String,
    from: Option<String>,
    witness: Option<Arc<AtomicBool>>,
    credential: Option<Credential>,
}

impl PartialEq for Author {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.from) == (&other.name, &other.from)
    }
}

impl Eq for Author {}

impl Author {
    /// The author with this name, cut to what an event holds.
    pub fn new(name: &str) -> Self {
        let mut end = name.len().min(BY_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        Self { name: name[..end].to_owned(), from: None, witness: None, credential: None }
    }

    /// The same, acting from this address.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        Self { from: Some(address.to_owned()), ..self }
    }

    /// The same, before a witness: it becomes true once the audit has what there is to tell of this author's deed.
    #[must_use]
    pub fn before(self, witness: Arc<AtomicBool>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The same, by the token or session with this secret, which shows `who` it is: once that is over by this clock, or may
    /// do less, nothing more is done.
    #[must_use]
    pub fn by(self, secret: &str, who: &Who, clock: fn() -> UnixMillis) -> Self {
        Self { credential: Some(Credential::new(secret, who, clock)), ..self }
    }

    /// The same, whatever becomes of its token or session: for what was done elsewhere already.
    #[must_use]
    pub fn regardless(self) -> Self {
        Self { credential: None, ..self }
    }

    pub(crate) fn must_stand(&self, accounts: &impl Accounts, now: UnixMillis) -> Result<()> {
        self.credential.as_ref().map_or(Ok(()), |credential| credential.must_stand(accounts, now))
    }

    /// Says that the audit has it, or that there is nothing to tell, since nothing changed.
    pub fn told(&self) {
        if let Some(witness) = &self.witness {
            witness.store(true, Ordering::Relaxed);
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The address.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }
}

/// A change to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishRequest {
    /// Which package.
    pub path: PackagePath,
    /// How its metadata changes.
    pub meta: MetaPatch,
    /// What must hold before.
    pub condition: Condition,
    /// Who does it.
    pub author: Author,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The package as it is now.
    pub package: Package,
    /// An event was minted; false if the package was that already.
    pub changed: bool,
    /// There was no current revision before.
    pub created: bool,
}

/// Bytes that are held, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) blob: Digest,
    pub(crate) size: u64,
    pub(crate) sha256: Sha256,
}

/// Where the bytes of the new revision come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Just sealed.
    Sealed(Content),
    /// Those of a revision of any path; or of this path, and its metadata as well.
    Revision { id: EventId, with_meta: bool },
    /// Those of the current revision.
    Current,
}

struct Before {
    heads: HeadsRow,
    current: Option<catalog::PackageRow>,
}

/// Publishes; see [`Published`].
pub(crate) fn publish(tx: &Tx<'_>, moment: Moment, request: &PublishRequest, bytes: Bytes) -> Result<Published> {
    request.author.must_stand(tx, moment.now)?;
    let before = read_before(tx, &request.path)?;
    request.path.check_new()?;
    check_may_publish(&tx.roster(), tx.context.key.node_id(), &request.path)?;
    check_condition(&request.path, &request.condition, before.current.as_ref())?;
    let mut meta = before.current.as_ref().map(|row| row.meta.clone()).unwrap_or_default();
    let content = match bytes {
        Bytes::Sealed(content) => content,
        Bytes::Current => {
            let row = before.current.as_ref();
            let row = row.ok_or_else(|| StoreError::NoSuchPackage { path: request.path.clone() })?;
            Content { blob: row.blob, size: row.size, sha256: row.sha256 }
        }
        Bytes::Revision { id, with_meta } => {
            let source = source_revision(tx, id)?;
            if with_meta {
                if source.path != request.path.as_str() {
                    return Err(StoreError::NoSuchRevision { id });
                }
                meta = source.meta;
            }
            Content { blob: source.blob, size: source.size, sha256: source.sha256 }
        }
    };
    // What a scrub found to be a lie is not repeated under this node's name.
    let sha256 = crate::store::true_sha256(&tx.read(TRUE_SHA256)?, &content.blob, content.sha256)?;
    let content = Content { sha256, ..content };
    check_new_tags(&meta, &request.meta)?;
    apply_patch(&mut meta, &request.meta);
    check_meta(&meta)?;
    let came = match bytes {
        Bytes::Sealed(content) => wants::hold_to_publish(tx, moment, &content.blob, content.size)?,
        Bytes::Current | Bytes::Revision { .. } => false,
    };
    let created = before.current.is_none();
    let same = before.current.as_ref().is_some_and(|row| {
        let bytes = Content { blob: row.blob, size: row.size, sha256: row.sha256 };
        !row.conflict && bytes == content && row.meta == meta
    });
    if !same {
        let body = Publish {
            path: request.path.as_str().to_owned(),
            blob: content.blob,
            size: content.size,
            sha256: content.sha256,
            modified: modified(&before.heads, &content.blob, before.current.as_ref(), moment),
            meta,
            replaces: all_heads(&before.heads),
        };
        let after = facts_of(&body.blob, body.size, &body.meta);
        let event = log::mint(tx, moment, request.author.as_str(), &Body::Publish(body))?;
        tell_published(tx, moment, request, before.current.as_ref(), (event, after))?;
    }
    if came {
        wants::renounce_unless_kept(tx, &content.blob)?;
    }
    request.author.told();
    let package = package::in_tx(tx, &request.path)?.ok_or(StoreError::Corrupt { what: "the catalog" })?;
    Ok(Published { package, changed: !same, created })
}

/// Removes a package; tells the Remove's id.
pub(crate) fn remove(
    tx: &Tx<'_>,
    moment: Moment,
    path: &PackagePath,
    condition: &Condition,
    author: &Author,
) -> Result<EventId> {
    let before = read_before(tx, path)?;
    check_may_publish(&tx.roster(), tx.context.key.node_id(), path)?;
    check_condition(path, condition, before.current.as_ref())?;
    if before.current.is_none() {
        return Err(StoreError::NoSuchPackage { path: path.clone() });
    }
    let facts = before.current.as_ref().map(facts_of_row).unwrap_or_default();
    audit::append(tx, moment, author, &Deed::ended("package.removed", path, facts))?;
    let body = Remove { path: path.as_str().to_owned(), replaces: all_heads(&before.heads) };
    log::mint(tx, moment, author.as_str(), &Body::Remove(body))
}

/// Tells the audit of a change to a package: as it was, as it is.
fn tell_published(
    tx: &Tx<'_>,
    moment: Moment,
    request: &PublishRequest,
    before: Option<&catalog::PackageRow>,
    (event, mut after): (EventId, Facts),
) -> Result<()> {
    after.insert("revision".to_owned(), event.to_string());
    let deed = match before {
        None => Deed::made("package.published", &request.path, after),
        Some(before) => Deed::changed("package.changed", &request.path, facts_of_row(before), after),
    };
    audit::append(tx, moment, &request.author, &deed).map(drop)
}

fn facts_of_row(row: &catalog::PackageRow) -> Facts {
    let mut facts = facts_of(&row.blob, row.size, &row.meta);
    facts.insert("revision".to_owned(), row.revision.to_string());
    facts
}

fn facts_of(blob: &Digest, size: u64, meta: &Meta) -> Facts {
    let mut facts = meta.clone();
    facts.insert("blob".to_owned(), blob.to_string());
    facts.insert("size".to_owned(), size.to_string());
    facts
}

/// Takes one revision back, leaving concurrent ones alone.
pub(crate) fn withdraw(tx: &Tx<'_>, moment: Moment, revision: EventId, author: &Author) -> Result<EventId> {
    let event = log::event(tx, &revision)?.ok_or(StoreError::NoSuchRevision { id: revision })?;
    let path = event.body.path().ok_or(StoreError::NoSuchRevision { id: revision })?;
    let path = PackagePath::parse(path).map_err(|_| StoreError::NoSuchRevision { id: revision })?;
    check_may_publish(&tx.roster(), tx.context.key.node_id(), &path)?;
    let facts = audit::facts([("revision", revision.to_string())]);
    audit::append(tx, moment, author, &Deed::ended("package.withdrawn", &path, facts))?;
    let body = Remove { path: path.as_str().to_owned(), replaces: vec![revision] };
    log::mint(tx, moment, author.as_str(), &Body::Remove(body))
}

/// What a publish would be refused for as things are now, before any byte is read.
pub(crate) fn check_early(
    packages: &impl ReadableTable<&'static str, &'static [u8]>,
    roster: &Roster,
    node: NodeId,
    request: &PublishRequest,
) -> Result<()> {
    let current = current_row(packages, &request.path)?;
    request.path.check_new()?;
    check_may_publish(roster, node, &request.path)?;
    check_condition(&request.path, &request.condition, current.as_ref())?;
    let mut meta = current.map(|row| row.meta).unwrap_or_default();
    check_new_tags(&meta, &request.meta)?;
    apply_patch(&mut meta, &request.meta);
    check_meta(&meta)
}

fn read_before(tx: &Tx<'_>, path: &PackagePath) -> Result<Before> {
    let heads = catalog::heads_row(tx, path.as_str())?;
    Ok(Before { heads, current: current_row(&tx.read(PACKAGES)?, path)? })
}

fn current_row(
    packages: &impl ReadableTable<&'static str, &'static [u8]>,
    path: &PackagePath,
) -> Result<Option<catalog::PackageRow>> {
    packages.get(path.as_str())?.map(|row| from_row("a package", row.value())).transpose()
}

/// Whether the roster lets a node publish there.
pub(crate) fn check_may_publish(roster: &Roster, node: NodeId, path: &PackagePath) -> Result<()> {
    if roster.may_publish(&node, path.as_str()) {
        Ok(())
    } else if roster.is_expelled(&node) {
        Err(StoreError::Expelled { node })
    } else {
        Err(StoreError::NotAPublisher { node, path: path.clone() })
    }
}

fn check_condition(path: &PackagePath, condition: &Condition, current: Option<&catalog::PackageRow>) -> Result<()> {
    let current = current.map(|row| row.revision);
    let holds = match condition {
        Condition::None => true,
        Condition::Matches(revisions) => current.is_some_and(|current| revisions.contains(&current)),
        Condition::Exists => current.is_some(),
        Condition::IsNew => current.is_none(),
    };
    if holds { Ok(()) } else { Err(StoreError::PreconditionFailed { path: path.clone(), current }) }
}

/// A revision whose bytes are held.
fn source_revision(tx: &Tx<'_>, id: EventId) -> Result<Publish> {
    let event = log::event(tx, &id)?.ok_or(StoreError::NoSuchRevision { id })?;
    let Body::Publish(publish) = event.body else { return Err(StoreError::NoSuchRevision { id }) };
    let table = tx.read(BLOBS)?;
    let held = table.get(publish.blob.as_bytes())?.map(|row| from_row::<BlobRow>("a blob", row.value())).transpose()?;
    match held {
        Some(row) if row.size == publish.size => Ok(publish),
        Some(_) | None => Err(StoreError::BytesNotHeld { blob: publish.blob }),
    }
}

fn all_heads(row: &HeadsRow) -> Vec<EventId> {
    let mut heads: Vec<&Head> = row.heads.iter().collect();
    // Past the cap the newest go first; the next change ends what is left.
    heads.sort_by_key(|head| std::cmp::Reverse((head.at_ms, head.id)));
    let ids: BTreeSet<EventId> = heads.iter().take(REPLACES_MAX).map(|head| head.id).collect();
    ids.into_iter().collect()
}

/// `modified` changes only with the bytes: then it is the author's clock, but later than any the path ever had.
fn modified(row: &HeadsRow, blob: &Digest, current: Option<&catalog::PackageRow>, moment: Moment) -> u64 {
    let conflict = heads::in_conflict(&row.heads);
    match current.filter(|current| current.blob == *blob && !conflict) {
        Some(current) => current.modified,
        None => moment.now.unix_seconds().max(row.modified_max.saturating_add(1)),
    }
}

fn apply_patch(meta: &mut Meta, patch: &MetaPatch) {
    for (key, value) in patch {
        match value {
            Some(value) => drop(meta.insert(key.clone(), value.clone())),
            None => drop(meta.remove(key)),
        }
    }
}

fn check_meta(meta: &Meta) -> Result<()> {
    let bad = |key: &str, reason: String| Err(StoreError::BadMeta { key: key.to_owned(), reason });
    if meta.len() > META_ENTRIES_MAX {
        return bad("*", format!("has {} entries; at most {META_ENTRIES_MAX} are allowed", meta.len()));
    }
    let bytes: usize = meta.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > META_BYTES_MAX {
        return bad("*", format!("has {bytes} bytes in all; at most {META_BYTES_MAX} are allowed"));
    }
    for (key, value) in meta {
        if key.is_empty() || key.len() > META_KEY_BYTES_MAX || key.chars().any(char::is_control) {
            return bad(key, format!("is not a key of 1 to {META_KEY_BYTES_MAX} bytes without control characters"));
        }
        if value.len() > META_VALUE_BYTES_MAX {
            return bad(key, format!("has {} bytes; at most {META_VALUE_BYTES_MAX} are allowed", value.len()));
        }
        if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
            return bad(key, "has a control character".to_owned());
        }
        match key.as_str() {
            "tags" => check_tags(value)?,
            "priority" if value.parse::<i32>().is_err() => {
                return bad(key, format!("is not a whole number from {} to {}", i32::MIN, i32::MAX));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Errs if a tag is added that looks like another one. Those that are there, from an earlier version or another node, may stay.
fn check_new_tags(before: &Meta, patch: &MetaPatch) -> Result<()> {
    let Some(Some(tags)) = patch.get("tags") else { return Ok(()) };
    let known: BTreeSet<&str> = before.get("tags").into_iter().flat_map(|tags| tags.split(',')).collect();
    tags.split(',').filter(|tag| !known.contains(tag)).try_for_each(check_visible)
}

/// Errs if a tag has a character that can't be seen or turns the text around.
pub(crate) fn check_visible(tag: &str) -> Result<()> {
    let Some(hidden) = invisible::find(tag) else { return Ok(()) };
    let code = u32::from(hidden);
    let reason = format!(
        "has a tag with a character that can't be seen or turns the text around (U+{code:04X}), so that it looks like another \
         tag; leave it out"
    );
    Err(StoreError::BadMeta { key: "tags".to_owned(), reason })
}

pub(crate) fn check_tags(value: &str) -> Result<()> {
    let bad = |reason: String| Err(StoreError::BadMeta { key: "tags".to_owned(), reason });
    let tags: Vec<&str> = value.split(',').collect();
    if tags.len() > TAGS_MAX {
        return bad(format!("has {} tags; at most {TAGS_MAX} are allowed", tags.len()));
    }
    tags.iter().try_for_each(|tag| check_tag(tag)).or_else(bad)
}

/// Errs, with the reason, if no package can have this tag.
pub(crate) fn check_tag(tag: &str) -> std::result::Result<(), String> {
    let is_one = !tag.is_empty() && !tag.contains(',') && tag.trim() == tag;
    if is_one && tag.len() <= TAG_BYTES_MAX && !tag.chars().any(char::is_control) {
        return Ok(());
    }
    // What is too long is told from its first letters: the answer is no longer than what was sent.
    let shown: String = tag.chars().take(TAG_BYTES_MAX).collect();
    let cut = if shown.len() < tag.len() { "…" } else { "" };
    Err(format!(
        "has \"{}{cut}\"; a tag has 1 to {TAG_BYTES_MAX} bytes, no comma, no control character and no space at its ends",
        shown.escape_debug()
    ))
}
