//! Fills a new data folder with many packages of the same bytes: what takes a node's API minutes takes seconds here, as
//! many authors publish at once through the store itself. The browser tests start a node on the folder afterwards.
//!
//! Usage: `catalog DATA COUNT`. Package n is `apps/{n % 500}/package-{n}.pkg`, so a folder's rows aren't neighbours in
//! the order of publishing.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ods_store::{
    Author, Condition, LocalDisk, MetaPatch, PackagePath, PublishRequest, Store, StoreError, StoreOptions, UnixMillis,
};

/// So many wait for one commit.
const AUTHORS: usize = 256;
const FOLDERS: usize = 500;
/// A minute between two, the last about now as tests see it: dates of years.
const APART_MS: u64 = 60_000;
const FIRST_AT_MS: u64 = 1_700_000_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count] = words.as_slice() else { return usage() };
    let Ok(count) = count.parse() else { return usage() };
    match fill(Path::new(folder), count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: catalog DATA COUNT");
    ExitCode::from(2)
}

fn fill(folder: &Path, count: usize) -> Result<(), StoreError> {
    let options = StoreOptions { cache_bytes: 256 << 20, entropy: [5; 32], name: "many".to_owned() };
    let store = Store::open(Arc::new(LocalDisk::new()), folder, &options)?;
    let mut upload = store.begin_upload(Some(5))?;
    upload.write(b"bytes")?;
    let first = store.publish(upload.finish()?, &request(0), at(0))?.package.revision;
    std::thread::scope(|scope| {
        let author = |author: usize| {
            let mut packages = (author..count).step_by(AUTHORS);
            packages.try_for_each(|package| store.publish_held(first, &request(package), at(package)).map(drop))
        };
        let authors: Vec<_> = (0..AUTHORS).map(|number| scope.spawn(move || author(number))).collect();
        authors.into_iter().try_for_each(|author| author.join().expect("no author panics"))
    })
}

fn request(package: usize) -> PublishRequest {
    let path = format!("apps/{:03}/package-{package:06}.pkg", package % FOLDERS);
    PublishRequest {
        path: PackagePath::parse(&path).expect("a good path"),
        meta: MetaPatch::from([("version".to_owned(), Some(format!("{}.{}", package / 1000, package % 1000)))]),
        condition: Condition::None,
        author: Author::new("catalog"),
    }
}

fn at(package: usize) -> UnixMillis {
    UnixMillis::new(FIRST_AT_MS + u64::try_from(package).expect("a number of packages") * APART_MS)
}
