//! Backups made while a node runs, as `ods backup` makes them, and their restores: an older state in a new log and a new epoch.

use std::path::Path;
use std::sync::Arc;

use ods_store::{BackupFolder, Copied, Disk, FileSum, SimDisk, Store, StoreError, Trust};

use super::machine::FOLDER;
use super::script::Step;
use super::world::World;

const BACKUPS: &str = "/backups";
const NAME: &str = "one";
const FILES: [&str; 1] = ["node.key"];

/// A backup, on a disk of its own.
#[derive(Debug)]
pub(super) struct Backup {
    disk: SimDisk,
    sum: FileSum,
}

impl Backup {
    /// Backs a node up. What is damaged or gone is left out.
    fn make(store: &Store, disk: &SimDisk) -> Result<Self, StoreError> {
        let folder = BackupFolder::at(Arc::new(disk.clone()), Path::new(BACKUPS));
        let _lock = folder.prepare()?;
        folder.prune(0)?;
        let (snapshot, mut database) = (store.snapshot()?, folder.begin_database()?);
        let mut offset = 0;
        while offset < snapshot.bytes() {
            let chunk = snapshot.read(offset, 1 << 20)?;
            database.write(&chunk)?;
            offset += chunk.len() as u64;
        }
        database.finish()?;
        drop(snapshot);
        let mut held = Vec::new();
        for blob in folder.held_blobs()? {
            if matches!(folder.copy_blob(Path::new(FOLDER), &blob, Trust::Length)?, Copied::New | Copied::There) {
                held.push(blob);
            }
        }
        let mut known = None;
        folder.commit(NAME, Path::new(FOLDER), &FILES, &held, |sum| {
            known = Some(sum);
            sum.blake3.to_string().into_bytes()
        })?;
        let disk = disk.copy();
        remove(&disk, Path::new(FOLDER));
        Ok(Self { disk, sum: known.expect("the manifest was made") })
    }

    /// A disk on which the node is restored.
    fn restored(&self, entropy: [u8; 32]) -> SimDisk {
        let disk = self.disk.copy();
        let folder = BackupFolder::at(Arc::new(disk.clone()), Path::new(BACKUPS));
        let lost = folder.restore(NAME, self.sum, Path::new(FOLDER), entropy, &mut |_| {});
        assert_eq!(lost.expect("a backup is restored"), [], "blobs of a whole backup");
        disk
    }
}

/// Removes a file, or a folder with all that is in it.
fn remove(disk: &SimDisk, path: &Path) {
    let Ok(names) = disk.list(path) else { return disk.remove(path).expect("the file is there") };
    for name in names {
        remove(disk, &path.join(name));
    }
    disk.remove_folder(path).expect("it is empty");
}

impl World {
    /// Makes a backup, or restores one.
    pub(super) async fn recover(&mut self, step: Step) {
        match step {
            Step::BackUp { machine } => {
                let Some(number) = self.running(machine) else { return };
                let machine = &self.machines[number];
                let made = Backup::make(machine.store(), machine.disk());
                self.trace.line(&format!("  m{number}: {:?}", made.as_ref().map(drop).map_err(ToString::to_string)));
                // One that a power cut ended is none.
                if let Ok(backup) = made {
                    self.backups.insert(number, backup);
                }
            }
            Step::Recover { machine, then_publish } => {
                let with: Vec<usize> =
                    self.backups.keys().copied().filter(|number| !self.ended.contains(number)).collect();
                let Some(number) = with.get(machine % with.len().max(1)).copied() else { return };
                let mut entropy = [0; 32];
                entropy[..8].copy_from_slice(&self.random.any().to_le_bytes());
                let disk = self.backups[&number].restored(entropy);
                self.put_back(number, disk, then_publish).await;
            }
            _ => {}
        }
    }
}
