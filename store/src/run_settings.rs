//! Settings that were changed while the node ran: key → JSON text. What a key means, which values it takes and where else
//! it may be set is the program's affair; here it is kept, with one version over all.

use std::collections::BTreeMap;

use redb::ReadableTable;

use crate::audit::{self, Deed, Facts};
use crate::error::{Result, StoreError};
use crate::journal::{self, Happening, Moment};
use crate::limits::{SETTING_BYTES_MAX, SETTINGS_MAX};
use crate::meta;
use crate::node_edit::{self, NodeEdit};
use crate::publish::Author;
use crate::schema::{META, SETTINGS};
use crate::tx::Tx;

/// The settings kept, and their version, which is greater after each change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSettings {
    /// Greater after each change.
    pub version: u64,
    /// Key → JSON text.
    pub values: BTreeMap<String, String>,
}

/// Reads them.
pub(crate) fn load(
    values: &impl ReadableTable<&'static str, &'static [u8]>,
    settings: &impl ReadableTable<&'static str, &'static str>,
) -> Result<StoredSettings> {
    let version = meta::get(values, &meta::SETTINGS_VERSION)?.unwrap_or(0);
    let mut values = BTreeMap::new();
    for entry in settings.iter()? {
        let (key, value) = entry?;
        values.insert(key.value().to_owned(), value.value().to_owned());
    }
    Ok(StoredSettings { version, values })
}

/// What people read among the settings and the node keeps elsewhere (its name, its urls) is another: so is their version.
pub(crate) fn moved_on(tx: &Tx<'_>) -> Result<()> {
    let version = meta::get(&tx.read(META)?, &meta::SETTINGS_VERSION)?.unwrap_or(0);
    tx.set_meta(&meta::SETTINGS_VERSION, &(version + 1))
}

/// Changes some, if they are at version `expected`: a value sets a key, `None` takes it away; and what the node keeps
/// elsewhere of what people read among them.
pub(crate) fn change(
    tx: &Tx<'_>,
    moment: Moment,
    (changes, elsewhere): (&BTreeMap<String, Option<String>>, &NodeEdit),
    expected: Option<u64>,
    author: &Author,
) -> Result<()> {
    let before = load(&tx.read(META)?, &tx.read(SETTINGS)?)?;
    if expected.is_some_and(|version| version != before.version) {
        return Err(StoreError::Changed { what: "the settings", version: before.version });
    }
    keep(tx, moment, &before, changes, author)?;
    node_edit::apply(tx, elsewhere, author, moment.now)
}

fn keep(
    tx: &Tx<'_>,
    moment: Moment,
    before: &StoredSettings,
    changes: &BTreeMap<String, Option<String>>,
    author: &Author,
) -> Result<()> {
    let mut after = before.values.clone();
    for (key, value) in changes {
        match value {
            Some(value) => drop(after.insert(key.clone(), value.clone())),
            None => drop(after.remove(key)),
        }
    }
    if after == before.values {
        author.told();
        return Ok(());
    }
    let too_long = after.iter().any(|(key, value)| key.len() + value.len() > SETTING_BYTES_MAX);
    if after.len() > SETTINGS_MAX || too_long {
        return Err(StoreError::TooMany { what: "settings, or bytes in one", max: SETTINGS_MAX });
    }
    write(tx, &before.values, &after)?;
    tx.set_meta(&meta::SETTINGS_VERSION, &(before.version + 1))?;
    let facts = |values: &BTreeMap<String, String>| -> Facts { values.clone() };
    let deed = Deed::changed("settings.changed", "settings", facts(&before.values), facts(&after));
    audit::append(tx, moment, author, &deed)?;
    journal::append(tx, moment, Happening::SettingsChanged { by: author.as_str().to_owned() }).map(drop)
}

fn write(tx: &Tx<'_>, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Result<()> {
    let mut table = tx.write(SETTINGS)?;
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        table.remove(key.as_str())?;
    }
    for (key, value) in after {
        table.insert(key.as_str(), value.as_str())?;
    }
    Ok(())
}
