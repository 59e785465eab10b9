//! What people can set of the node itself: its name, its urls, its policy, its limits; changed together or not at all.

use crate::audit::{self, Deed};
use crate::bandwidth::{self, Bandwidth};
use crate::edit_tag::{EditTag, Expected};
use crate::error::{Result, StoreError};
use crate::journal::{self, Moment};
use crate::limits::STATE_TEXT_BYTES_MAX;
use crate::meta;
use crate::names::check_name;
use crate::node_state::StatePolicy;
use crate::policy;
use crate::publish::Author;
use crate::run_settings;
use crate::schema::META;
use crate::store::Store;
use crate::tables::Tables;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// A change to the node; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeEdit {
    /// Its name.
    pub name: Option<String>,
    /// The urls at which it says that it answers.
    pub urls: Option<Vec<String>>,
    /// Which packages' bytes it keeps.
    pub policy: Option<StatePolicy>,
    /// How fast packages may go between it and all others together.
    pub limits: Option<Bandwidth>,
}

impl Store {
    /// How the node stands, as far as people set it.
    pub fn node_tag(&self) -> Result<EditTag> {
        let node = self.node_id();
        tag(&self.read()?, &node)
    }

    /// Changes the node, all of it or nothing, if it stands as expected.
    pub fn edit_node(&self, edit: &NodeEdit, expected: &Expected, author: &Author, now: UnixMillis) -> Result<()> {
        let (edit, expected, author) = (edit.clone(), expected.clone(), author.clone());
        self.write(move |tx| {
            let node = tx.context.key.node_id();
            expected.check("the node", tag(tx, &node)?)?;
            apply(tx, &edit, &author, now)
        })
    }

    /// Changes the node's name.
    pub fn set_name(&self, name: &str, author: &Author, now: UnixMillis) -> Result<()> {
        let edit = NodeEdit { name: Some(name.to_owned()), ..NodeEdit::default() };
        self.edit_node(&edit, &Expected::Any, author, now)
    }

    /// Takes the name that the configuration gives at a start, if that is another than it gave at the last one: what was given
    /// before already doesn't undo a new name that somebody chose since.
    pub fn configure_name(&self, name: &str, author: &Author, now: UnixMillis) -> Result<()> {
        let given: Option<String> = meta::get(&self.read()?.open_table(META)?, &meta::CONFIGURED_NAME)?;
        if given.as_deref() == Some(name) {
            return Ok(());
        }
        let (name, author) = (name.to_owned(), author.clone());
        self.write(move |tx| {
            tx.set_meta(&meta::CONFIGURED_NAME, &name)?;
            if tx.meta(&meta::NAME)? == name { Ok(()) } else { set_name(tx, &name, &author, now) }
        })
    }

    /// Changes the urls at which the node says that it answers.
    pub fn set_urls(&self, urls: &[String], author: &Author, now: UnixMillis) -> Result<()> {
        let edit = NodeEdit { urls: Some(urls.to_vec()), ..NodeEdit::default() };
        self.edit_node(&edit, &Expected::Any, author, now)
    }
}

/// Changes the node.
pub(crate) fn apply(tx: &Tx<'_>, edit: &NodeEdit, author: &Author, now: UnixMillis) -> Result<()> {
    if let Some(name) = &edit.name {
        set_name(tx, name, author, now)?;
    }
    if let Some(urls) = &edit.urls {
        set_urls(tx, urls, author, now)?;
    }
    if let Some(policy) = &edit.policy {
        policy::check(policy)?;
        policy::set(tx, policy, author, now)?;
    }
    if let Some(limits) = &edit.limits {
        bandwidth::set(tx, &tx.context.key.node_id(), limits, author, now)?;
    }
    // Each of these told what it changed.
    author.told();
    Ok(())
}

fn tag(tables: &impl Tables, node: &crate::digest::NodeId) -> Result<EditTag> {
    // In a transaction a table is opened once at a time, and the policy lies in the same.
    let (name, urls) = {
        let values = tables.table(META)?;
        (meta::need(&values, &meta::NAME)?, meta::need(&values, &meta::URLS)?)
    };
    Ok(EditTag::of(&(name, urls, policy::of(tables)?, bandwidth::of(tables, node)?)))
}

/// Blanks around a name don't count, as in the configuration.
fn set_name(tx: &Tx<'_>, name: &str, author: &Author, now: UnixMillis) -> Result<()> {
    let name = name.trim();
    check_name("name", name)?;
    let before = tx.meta(&meta::NAME)?;
    tx.set_meta(&meta::NAME, &name.to_owned())?;
    changed(tx, now, author, ("name", before, name.to_owned()))
}

fn set_urls(tx: &Tx<'_>, urls: &Vec<String>, author: &Author, now: UnixMillis) -> Result<()> {
    if urls.iter().any(|url| url.len() > STATE_TEXT_BYTES_MAX) {
        let reason = format!("must have at most {STATE_TEXT_BYTES_MAX} bytes each");
        return Err(StoreError::BadName { field: "urls", reason });
    }
    let before = tx.meta(&meta::URLS)?;
    tx.set_meta(&meta::URLS, urls)?;
    changed(tx, now, author, ("urls", audit::list(&before), audit::list(urls)))
}

fn changed(tx: &Tx<'_>, now: UnixMillis, author: &Author, (what, before, after): (&str, String, String)) -> Result<()> {
    if before == after {
        author.told();
        return Ok(());
    }
    let deed = Deed::changed("node.changed", what, audit::facts([(what, before)]), audit::facts([(what, after)]));
    audit::append(tx, Moment::live(now), author, &deed)?;
    run_settings::moved_on(tx)?;
    tx.changed(|effects| effects.node_changed = true);
    journal::node_edited(tx, Moment::live(now), author.as_str(), (what, None), &deed).map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::bandwidth::Rates;
    use crate::journal::Happening;
    use crate::testing::SimDisk;
    use crate::{Lsn, NodeId, StoreOptions};

    const NOW: UnixMillis = UnixMillis::new(1);

    #[test]
    fn the_journal_tells_what_was_changed_and_nothing_of_what_stays_as_it_was() {
        let options = StoreOptions { cache_bytes: 16 << 20, entropy: [1; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).expect("it opens");
        let (author, peer) = (Author::new("ada"), NodeId::from_bytes([7; 32]));
        let limits = Bandwidth { rates: Rates { up: Some(20_000), ..Rates::default() }, ..Bandwidth::default() };
        let all = NodeEdit {
            name: Some("lab".to_owned()),
            urls: Some(vec!["http://lab".to_owned()]),
            policy: Some(StatePolicy::OnDemand { bytes_max: 5 }),
            limits: Some(limits.clone()),
        };
        for _ in 0..2 {
            store.edit_node(&all, &Expected::Any, &author, NOW).expect("a change");
            store.set_bandwidth(&peer, &limits, &author, NOW).expect("a change");
        }
        let told = store.records(Lsn::new(0), 100).expect("readable").items.into_iter().filter_map(|record| {
            let Happening::NodeEdited { by, what, peer, before, after } = record.what else { return None };
            assert_eq!(by, "ada");
            Some((what, peer, format!("{before:?} {after:?}")))
        });
        let expected = [
            ("name", None, r#"{"name": "hq"} {"name": "lab"}"#),
            ("urls", None, r#"{} {"urls": "[\"http://lab\"]"}"#),
            ("policy", None, r#"{"mode": "all"} {"bytes_max": "5", "mode": "on-demand"}"#),
            ("limits", None, LIMITED),
            ("limits", Some(peer), LIMITED),
        ];
        let expected = expected.map(|(what, peer, facts)| (what.to_owned(), peer, facts.to_owned()));
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    const LIMITED: &str = concat!(
        r#"{"limits": "down as fast as it goes, up as fast as it goes"} "#,
        r#"{"limits": "down as fast as it goes, up 20000 B/s"}"#
    );

    #[test]
    fn a_change_that_is_refused_in_part_changes_nothing_and_one_seen_too_late_neither() {
        let options = StoreOptions { cache_bytes: 16 << 20, entropy: [1; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).expect("it opens");
        let (author, seen) = (Author::new("ada"), store.node_tag().expect("readable"));
        let named = |name: &str| NodeEdit { name: Some(name.to_owned()), ..NodeEdit::default() };

        let bad = NodeEdit { urls: Some(vec!["x".repeat(2000)]), ..named("lab") };
        store.edit_node(&bad, &Expected::Any, &author, NOW).expect_err("a url that is too long");
        assert_eq!((store.name().expect("readable"), store.node_tag().expect("readable")), ("hq".to_owned(), seen));

        let expected = Expected::OneOf(vec![seen]);
        store.edit_node(&named("  lab "), &expected, &author, NOW).expect("as it was seen");
        let refused = store.edit_node(&named("attic"), &expected, &author, NOW);
        let current = store.node_tag().expect("readable");
        assert!(matches!(refused, Err(StoreError::Edited { current: told, .. }) if told == current), "{refused:?}");
        assert_eq!(store.name().expect("readable"), "lab");
    }
}
