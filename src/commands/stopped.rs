//! The store of a node that isn't running, for commands that work on the data folder itself.

use std::path::Path;
use std::sync::Arc;

use ods_store::{Disk, LocalDisk, Store, StoreError, StoreOptions};

use crate::cli::{Exit, Failure};

/// Memory for the database's cache.
pub(super) const CACHE_BYTES: usize = 256 << 20;

/// Opens the store in `folder`, which must be there.
pub(super) fn open(folder: &Path) -> Result<Store, Failure> {
    must_be_there(folder)?;
    Store::open(disk(), folder, &options()?).map_err(|error| explain(&error))
}

/// The same to look at it: nothing in the folder is changed.
pub(super) fn open_to_read(folder: &Path) -> Result<Store, Failure> {
    must_be_there(folder)?;
    Store::open_to_read(disk(), folder, &options()?).map_err(|error| explain(&error))
}

fn options() -> Result<StoreOptions, Failure> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy)
        .map_err(|error| Failure::new(Exit::Failed, "entropy", format!("the system gives no random bytes: {error}")))?;
    Ok(StoreOptions { cache_bytes: CACHE_BYTES, entropy, name: String::new() })
}

/// Errs unless `folder` is a data folder. Opening makes a new store where there is none; here that would be a slip.
pub(super) fn must_be_there(folder: &Path) -> Result<(), Failure> {
    let database = folder.join("ods.redb");
    if database.is_file() || folder.join("incoming").is_dir() {
        return Ok(());
    }
    let message = format!("{} is not a node's data folder ({} not found)", folder.display(), database.display());
    Err(Failure::new(Exit::NotFound, "no_data_folder", message).hint("name the folder with --data DIR or ODS_DATA"))
}

/// The machine's disk.
pub(super) fn disk() -> Arc<dyn Disk> {
    Arc::new(LocalDisk::new())
}

/// What the store says, in the terms of whoever is at the terminal.
pub(super) fn explain(error: &StoreError) -> Failure {
    explain_at("the data folder can't be used", error)
}

/// The same, where it was something else that couldn't be done.
pub(super) fn explain_at(what: &str, error: &StoreError) -> Failure {
    match error {
        StoreError::AlreadyOpen { folder } => {
            let message = format!("the node in {} is running", folder.display());
            Failure::new(Exit::Conflict, "node_running", message)
                .hint("stop it first; `ods scrub` verifies the bytes of a running node")
        }
        StoreError::BadPlace { .. } => Failure::new(Exit::Conflict, "bad_place", what).caused_by(error),
        StoreError::NoSpace { .. } => Failure::new(Exit::NoSpace, "no_space", "no space is left").caused_by(error),
        other => Failure::new(Exit::Failed, "store", what).caused_by(other),
    }
}
