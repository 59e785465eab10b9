//! Packages that were asked for since the last commit, with their blobs open, so that asking again reads no database,
//! opens no file and waits for nothing.
//!
//! Invariants: every commit forgets all of it, before anyone is told of the commit; what was looked up before a commit is
//! not remembered after it; a file whose name is gone is not given out. So what is found here is what the database and
//! the disk would say, and no file that was removed is held open for longer than up to the next commit.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::RECENT_PACKAGES_MAX;
use crate::package::Package;
use crate::path::PackagePath;
use crate::reader::{BlobReader, OpenBlob};

/// A package, and its bytes if they are here.
#[derive(Debug, Clone)]
pub struct PackageWithBytes {
    /// The package.
    pub package: Arc<Package>,
    /// Its blob, open.
    pub bytes: Option<BlobReader>,
}

/// A package whose bytes are here.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) package: Arc<Package>,
    pub(crate) blob: Arc<OpenBlob>,
}

/// Which commit something was looked up after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Era(u64);

/// Packages asked for since the last commit.
#[derive(Default)]
pub(crate) struct Recent(Mutex<State>);

#[derive(Default)]
struct State {
    commits: u64,
    packages: HashMap<PackagePath, Held>,
}

impl Recent {
    /// A package, if it was asked for since the last commit.
    pub(crate) fn get(&self, path: &PackagePath) -> Option<Held> {
        self.state().packages.get(path).filter(|held| held.blob.has_name()).cloned()
    }

    /// To be asked before looking up what is then remembered.
    pub(crate) fn era(&self) -> Era {
        Era(self.state().commits)
    }

    /// Remembers what was looked up in this era, if it still lasts.
    pub(crate) fn remember(&self, era: Era, path: &PackagePath, held: Held) {
        let mut state = self.state();
        if Era(state.commits) != era {
            return;
        }
        if state.packages.len() >= RECENT_PACKAGES_MAX {
            state.packages.clear();
        }
        state.packages.insert(path.clone(), held);
    }

    /// Forgets everything: something was committed.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.commits += 1;
        state.packages.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recent({} packages)", self.state().packages.len())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::fs::LocalDisk;
    use crate::open::StoreOptions;
    use crate::publish::{Author, Condition, MetaPatch, PublishRequest};
    use crate::store::Store;
    use crate::time::UnixMillis;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    struct Scene {
        folder: tempfile::TempDir,
        store: Store,
        path: PackagePath,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "n".to_owned() };
            let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).unwrap();
            Self { folder, store, path: PackagePath::parse("a.pkg").unwrap() }
        }

        fn publish(&self, bytes: &[u8]) -> Arc<Package> {
            let mut upload = self.store.begin_upload(None).unwrap();
            upload.write(bytes).unwrap();
            let (meta, author) = (MetaPatch::new(), Author::new("test"));
            let request = PublishRequest { path: self.path.clone(), meta, condition: Condition::None, author };
            Arc::new(self.store.publish(upload.finish().unwrap(), &request, NOW).unwrap().package)
        }

        fn look_up(&self) -> Arc<Package> {
            self.store.package_with_bytes(&self.path, NOW).unwrap().unwrap().package
        }

        fn recent(&self) -> Option<Vec<u8>> {
            let PackageWithBytes { package, bytes } = self.store.recent_package(&self.path)?;
            let reader = bytes.unwrap();
            assert_eq!((package.blob, package.size), (reader.digest(), reader.size()));
            Some(reader.read(0, 100, NOW).unwrap())
        }

        fn file(&self, package: &Package) -> PathBuf {
            let name = package.blob.to_string();
            self.folder.path().join("blobs").join(&name[..2]).join(name)
        }
    }

    #[test]
    fn what_was_asked_for_is_remembered_up_to_the_next_commit() {
        let scene = Scene::new();
        scene.publish(b"one");
        assert_eq!(scene.recent(), None, "nobody asked yet");
        scene.look_up();
        assert_eq!(scene.recent().as_deref(), Some(&b"one"[..]));
        scene.publish(b"two");
        assert_eq!(scene.recent(), None, "a commit forgets");
        scene.look_up();
        assert_eq!(scene.recent().as_deref(), Some(&b"two"[..]));
        let (path, author) = (&scene.path, Author::new("test"));
        scene.store.remove(path, &Condition::None, &author, NOW).unwrap();
        assert_eq!(scene.recent(), None);
    }

    #[test]
    fn what_was_looked_up_before_a_commit_is_not_remembered_after_it() {
        let scene = Scene::new();
        scene.publish(b"one");
        let before = scene.store.recent().era();
        scene.look_up();
        let held = scene.store.recent().get(&scene.path).unwrap();
        scene.publish(b"two");
        scene.store.recent().remember(before, &scene.path, held);
        assert_eq!(scene.recent(), None);
    }

    #[test]
    fn a_file_that_lost_its_name_is_looked_for_again() {
        let scene = Scene::new();
        let package = scene.publish(b"one");
        scene.look_up();
        let away = scene.folder.path().join("away");
        std::fs::copy(scene.file(&package), &away).unwrap();
        assert!(
            std::process::Command::new("mv").arg("-f").arg(away).arg(scene.file(&package)).status().unwrap().success()
        );
        assert_eq!(scene.recent(), None);
        scene.look_up();
        assert_eq!(scene.recent().as_deref(), Some(&b"one"[..]));
    }
}
