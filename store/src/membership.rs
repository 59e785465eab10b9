//! Admitting and expelling: deciding which statement to sign, inside the writer's transaction; and reading the roster as
//! people see it. What a set of statements means is `roster.rs`.
//!
//! Invariants: when somebody asks it to, an owner signs nothing that would change nothing, and nothing that can't have
//! the effect it is meant to have. An Expel lists what this node holds of the expelled one, in the transaction that
//! signs it, never what somebody typed: so what was published before stays, whatever came in a moment ago, and a stolen
//! key can't backdate. What it leaves out, since it has no room for it or something before it isn't held, is told by an alarm.

use std::collections::{BTreeMap, BTreeSet};

use redb::ReadableTable;

use crate::audit::{self, Deed, Facts};
use crate::catalog::News;
use crate::digest::{EventId, NodeId, StatementId};
use crate::error::{Result, StoreError};
use crate::event::Header;
use crate::expel_ahead;
use crate::joining;
use crate::journal::{self, Moment};
use crate::keys;
use crate::limits::{EXPEL_IDS_MAX, EXPEL_TIPS_MIN, PREFIXES_BYTES_MAX, STATEMENTS_MAX};
use crate::log;
use crate::meta;
use crate::names::check_prefixes;
use crate::publish::Author;
use crate::roster::{self, Expelled, Roster, Standing};
use crate::schema::STATEMENTS;
use crate::statement::{Admit, Expel, Role, SignedStatement, Statement, StatementBody, StatementHeader};
use crate::tables::Tables;
use crate::trust;
use crate::tx::Tx;

/// A node that the roster knows, and what was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// What it may do.
    pub standing: Standing,
    /// Every Admit of it, oldest first by its signer's clock, and whether it counts.
    pub admits: Vec<(Statement, bool)>,
    /// Every Expel of it, likewise; all of them count.
    pub expels: Vec<Statement>,
}

/// Where a role may be bound to prefixes: only a publisher's.
pub(crate) fn check_role(role: Role, prefixes: &[String]) -> Result<Vec<String>> {
    if role != Role::Publisher && !prefixes.is_empty() {
        let reason = format!("are for publishers; {} has none", role.as_str());
        return Err(StoreError::BadName { field: "prefixes", reason });
    }
    let prefixes = check_prefixes(prefixes)?;
    let bytes: usize = prefixes.iter().map(String::len).sum();
    if bytes > PREFIXES_BYTES_MAX {
        let reason = format!(
            "have {bytes} bytes together; at most {PREFIXES_BYTES_MAX} are allowed at once, and further ones add up"
        );
        return Err(StoreError::BadName { field: "prefixes", reason });
    }
    Ok(prefixes)
}

/// Signs an Admit and takes it; `None` if the node may do all that already.
pub(crate) fn admit(tx: &Tx<'_>, moment: Moment, admit: &Admit, author: &Author) -> Result<Option<StatementId>> {
    must_own(&tx.roster(), tx.context.key.node_id())?;
    let admit = Admit { prefixes: check_role(admit.role, &admit.prefixes)?, ..admit.clone() };
    if !keys::is_public_key(&admit.node) {
        return Err(StoreError::BadName { field: "node", reason: "is not the id of any node".to_owned() });
    }
    if !is_rise(&tx.roster(), &admit)? {
        author.told();
        return Ok(None);
    }
    if redb::ReadableTableMetadata::len(&tx.read(STATEMENTS)?)? >= STATEMENTS_MAX as u64 {
        return Err(StoreError::TooMany { what: "roster statements", max: STATEMENTS_MAX });
    }
    joining::settle(tx, moment.now)?;
    let (node, before) = (admit.node, facts_of(tx, &admit.node));
    let mut news = News::default();
    let id = sign(tx, moment, author, &StatementBody::Admit(admit), &mut news)?;
    news.settle(tx)?;
    audit::append(tx, moment, author, &Deed::changed("node.admitted", node, before, facts_of(tx, &node)))?;
    Ok(Some(id))
}

/// What the audit tells of a node's place in the roster.
fn facts_of(tx: &Tx<'_>, node: &NodeId) -> Facts {
    let roster = tx.roster();
    let Some(Standing { role: Some(role), prefixes, .. }) = roster.standing(node) else { return Facts::new() };
    let prefixes: Vec<&String> = prefixes.iter().flatten().collect();
    audit::facts([("role", role.as_str().to_owned()), ("prefixes", audit::list(&prefixes))])
}

/// Whether an Admit gives a node more than it has; an error if it would have to take something away.
fn is_rise(roster: &Roster, admit: &Admit) -> Result<bool> {
    let node = admit.node;
    if roster.is_expelled(&node) {
        return Err(StoreError::Expelled { node });
    }
    let before = roster.standing(&node).cloned().unwrap_or_default();
    let mut after = before.clone();
    roster::raise(&mut after, admit);
    if after != before {
        return Ok(true);
    }
    let asked = (!admit.prefixes.is_empty()).then(|| admit.prefixes.iter().cloned().collect::<BTreeSet<_>>());
    match before.role {
        Some(role) if role != admit.role || before.prefixes != asked => Err(StoreError::RolesOnlyRise { node, role }),
        Some(_) | None => Ok(false),
    }
}

/// Takes verified statements of peers; tells how many were new. Whom this node's own key admits is in the audit, also
/// if the word comes from others: two meshes merge by words that both sides sign before either takes them. `author` is
/// for whom this node just signed one, which knows from where that was asked. What follows from them waits in `news`.
///
/// One of this node's own that it didn't know means that it was rolled back or copied: those whom it admitted then may
/// take it for their root. If it took another root since, it admits that one, as owners do who merge two meshes; else
/// they would never agree.
pub(crate) fn take(
    tx: &Tx<'_>,
    moment: Moment,
    arrived: &[(SignedStatement, Statement)],
    author: Option<&Author>,
    news: &mut News,
) -> Result<usize> {
    expel_ahead::end(tx, arrived);
    let own = tx.context.key.node_id();
    let (mut forgot, mut admits) = (false, Vec::new());
    for (_, statement) in arrived.iter().filter(|(_, statement)| statement.header.signer == own) {
        if tx.read(STATEMENTS)?.get(statement.id.as_bytes())?.is_some() {
            continue;
        }
        forgot = true;
        if let StatementBody::Admit(admit) = &statement.body {
            let by = &statement.header.by;
            let author = author.filter(|author| author.as_str() == by).cloned();
            admits.push((admit.node, author.unwrap_or_else(|| Author::new(by)), facts_of(tx, &admit.node)));
        }
    }
    if author.is_some() {
        joining::settle(tx, moment.now)?;
    }
    let fresh = trust::insert(tx, moment, arrived, news)?;
    for (node, author, before) in admits {
        audit::append(tx, moment, &author, &Deed::changed("node.admitted", node, before, facts_of(tx, &node)))?;
    }
    if forgot {
        admit_root(tx, moment, news)?;
    }
    Ok(fresh)
}

/// Admits the mesh's root as owner, unless this node did so already or is no owner.
fn admit_root(tx: &Tx<'_>, moment: Moment, news: &mut News) -> Result<()> {
    let (own, root) = (tx.context.key.node_id(), tx.meta(&meta::ROOT)?);
    let admits_it = |said: &Statement| match &said.body {
        StatementBody::Admit(admit) => said.header.signer == own && admit.node == root && admit.role == Role::Owner,
        StatementBody::Expel(_) | StatementBody::Unknown { .. } => false,
    };
    let said = trust::decode_all(&tx.read(STATEMENTS)?)?.iter().any(admits_it);
    if said || root == own || must_own(&tx.roster(), own).is_err() {
        return Ok(());
    }
    let admit = Admit { node: root, role: Role::Owner, prefixes: vec![] };
    sign(tx, moment, &Author::new("mesh"), &StatementBody::Admit(admit), news).map(drop)
}

/// Whether there is something to expel; errs if the node `own` may not do it. A node is expelled already if one that may still expel said
/// so, or a word that is in force leaves nothing open. Any other may be a thief's, who has signed what it names, and keeps that for later.
pub(crate) fn may_expel(tables: &impl Tables, roster: &Roster, own: NodeId, node: &NodeId) -> Result<bool> {
    must_own(roster, own)?;
    if *node == own {
        return Err(StoreError::OwnNode);
    }
    let standing = roster.standing(node).ok_or(StoreError::NoSuchNode { node: *node })?;
    for Expelled { by, tips } in &standing.expels {
        if roster.role(by) == Some(Role::Owner) || trust::leaves_nothing_open(tables, node, tips)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Signs an Expel and takes it; `None` if the node is expelled already. One of another owner that waits for the events it names is taken
/// instead: by a second one, which names what this node holds, the rest of what the first one's owner held would count no more.
pub(crate) fn expel(tx: &Tx<'_>, moment: Moment, node: &NodeId, author: &Author) -> Result<Option<StatementId>> {
    let own = tx.context.key.node_id();
    if !may_expel(tx, &tx.roster(), own, node)? {
        author.told();
        return Ok(None);
    }
    let waiting = expel_ahead::by_owners(tx, node);
    let (mut news, deed) = (News::default(), Deed::ended("node.expelled", node, facts_of(tx, node)));
    take(tx, moment, &waiting, None, &mut news)?;
    let is_open = may_expel(tx, &tx.roster(), own, node)?;
    let id = is_open.then(|| sign_expel(tx, moment, node, author, &mut news)).transpose()?;
    audit::append(tx, moment, author, &deed)?;
    news.settle(tx)?;
    Ok(id)
}

fn sign_expel(tx: &Tx<'_>, moment: Moment, node: &NodeId, author: &Author, news: &mut News) -> Result<StatementId> {
    let (statements, dropped_statements) = cut(admits_by(tx, node)?, EXPEL_IDS_MAX - EXPEL_TIPS_MIN);
    let Ends { whole, open } = ends(tx, node)?;
    let (tips, dropped_tips) = cut(whole, EXPEL_IDS_MAX - statements.len());
    let dropped_tips = dropped_tips + open;
    if dropped_statements + dropped_tips > 0 {
        let detail = format!(
            "not all that node {node} left behind is listed by the word that expels it, since there is no room or events before it are \
             lacking here: {dropped_statements} of the nodes that it admitted must be admitted again, and the ends of {dropped_tips} of its \
             streams don't count: publish anew what isn't listed any more"
        );
        journal::alarm(tx, moment, "expel_cut", detail)?;
    }
    sign(tx, moment, author, &StatementBody::Expel(Expel { node: *node, tips, statements }), news)
}

fn cut<T>(mut items: Vec<T>, max: usize) -> (Vec<T>, usize) {
    let dropped = items.len().saturating_sub(max);
    items.truncate(max);
    (items, dropped)
}

fn must_own(roster: &Roster, node: NodeId) -> Result<()> {
    match roster.standing(&node) {
        Some(standing) if standing.is_expelled() => Err(StoreError::Expelled { node }),
        Some(Standing { role: Some(Role::Owner), .. }) => Ok(()),
        Some(_) | None => Err(StoreError::NotAnOwner),
    }
}

fn sign(tx: &Tx<'_>, moment: Moment, author: &Author, body: &StatementBody, news: &mut News) -> Result<StatementId> {
    let key = &tx.context.key;
    let header = StatementHeader { signer: key.node_id(), at_ms: moment.now, by: author.as_str().to_owned() };
    let signed = SignedStatement::mint(key, &header, body);
    let statement = signed.decode()?;
    let id = statement.id;
    trust::insert(tx, moment, &[(signed, statement)], news)?;
    Ok(id)
}

/// The statements of a node that an Expel of it must list to keep them: not its Expels, which count in any case.
fn admits_by(tx: &Tx<'_>, node: &NodeId) -> Result<Vec<StatementId>> {
    let mut by = trust::decode_all(&tx.read(STATEMENTS)?)?;
    by.retain(|said| said.header.signer == *node && !matches!(said.body, StatementBody::Expel(_)));
    by.sort_by_key(|said| (said.header.at_ms, said.id));
    Ok(by.into_iter().map(|said| said.id).collect())
}

/// Where the streams of a node end.
struct Ends {
    /// The events that an Expel of it must list to keep them and all that came before.
    whole: Vec<EventId>,
    /// How many ends it leaves out of what takes effect now, since something before them isn't held.
    open: usize,
}

/// The events of a node that none of its others follows, those first that can least be a forger's: of the streams that
/// were known longest, and there the longest chains. As `prev` counts only what is the event before it in its stream: else
/// an honest end would be left out for a forged event of another stream. And an event of whose stream something before it isn't held
/// is left out: it would cover what nobody has seen, which whoever has the key may have signed and keep for later.
fn ends(tx: &Tx<'_>, node: &NodeId) -> Result<Ends> {
    let (mut events, mut followed, mut known_since) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    let (mut whole, mut open) = (BTreeMap::new(), BTreeMap::new());
    for (id, lsn) in log::events_of(tx, node)? {
        let event = log::event(tx, &id)?.ok_or(StoreError::Corrupt { what: "the index of streams" })?;
        let Header { stream, seq, prev, .. } = event.header;
        // They come in the order of streams and numbers.
        if seq > 1 {
            if whole.get(&prev) != Some(&(stream, seq - 1)) {
                let below = open.remove(&(stream, seq - 1, prev)).unwrap_or(false);
                open.insert((stream, seq, id), below || trust::is_effective(tx, &event)?);
                continue;
            }
            followed.insert(prev);
        }
        whole.insert(id, (stream, seq));
        let first = known_since.entry(stream).or_insert(lsn);
        *first = lsn.min(*first);
        events.push((event, lsn));
    }
    let mut tips: Vec<_> = events.into_iter().filter(|(event, _)| !followed.contains(&event.id)).collect();
    tips.sort_by_key(|(event, lsn)| {
        (known_since.get(&event.header.stream).copied(), std::cmp::Reverse(event.header.seq), *lsn)
    });
    let whole = tips.into_iter().map(|(event, _)| event.id).collect();
    Ok(Ends { whole, open: open.into_values().filter(|takes_effect| *takes_effect).count() })
}

/// All nodes that the roster knows, by id.
pub(crate) fn members(roster: &Roster, statements: Vec<Statement>) -> Vec<Member> {
    let owners = roster::ever_owners(roster.root(), &statements);
    let counting = roster::counting_admits(&owners, &statements);
    let member = |(node, standing): (&NodeId, &Standing)| {
        (*node, Member { node: *node, standing: standing.clone(), admits: Vec::new(), expels: Vec::new() })
    };
    let mut members: BTreeMap<NodeId, Member> = roster.nodes().map(member).collect();
    let mut statements = statements;
    statements.sort_by_key(|said| (said.header.at_ms, said.id));
    for said in statements {
        let node = match &said.body {
            StatementBody::Admit(admit) => admit.node,
            StatementBody::Expel(expel) => expel.node,
            StatementBody::Unknown { .. } => continue,
        };
        let Some(member) = members.get_mut(&node) else { continue };
        match said.body {
            StatementBody::Expel(_) => member.expels.push(said),
            _ => {
                let counts = counting.contains(&said.id);
                member.admits.push((said, counts));
            }
        }
    }
    members.into_values().collect()
}
