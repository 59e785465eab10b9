//! Fills a new data folder with a large catalog, to try a node with it: `fill FOLDER EVENTS PACKAGES`.
//!
//! `cargo run --release -p ods-store --features testing --example fill -- big 1000000 100000`, then `ods serve --data big`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use ods_store::{LocalDisk, Store, StoreOptions, fill};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, events, packages] = arguments.as_slice() else {
        return Err("usage: fill FOLDER EVENTS PACKAGES".into());
    };
    let options = StoreOptions { cache_bytes: 1 << 30, entropy: [5; 32], name: "filled".to_owned() };
    let store = Store::open(Arc::new(LocalDisk::new()), Path::new(folder), &options)?;
    fill(&store, events.parse()?, packages.parse()?)?;
    Ok(())
}
