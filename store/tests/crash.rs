//! Power lost: at a random operation of the disk, also again during recovery. What was acknowledged must be there.

use std::collections::BTreeMap;

use ods_store::{Author, Condition, SimDisk, Store, StoreError};

use crate::support::{assert_sound, at, bytes, open, path, put, read_all};

const SEEDS: u64 = 60;

/// What the workload was told: for each path the contents it may have now (the last acknowledged one, and what was being
/// written when the power went).
type Told = BTreeMap<String, Vec<Option<Vec<u8>>>>;

fn pick(seed: u64, step: u64, below: u64) -> u64 {
    let hash = blake3::hash(&[seed.to_le_bytes(), step.to_le_bytes()].concat());
    u64::from(hash.as_bytes()[0]) % below
}

fn work(store: &Store, seed: u64, told: &mut Told) -> Result<(), StoreError> {
    for step in 0..30 {
        let name = format!("p{}.pkg", pick(seed, step, 4));
        let removes = pick(seed, step + 1000, 5) == 0;
        let content = (!removes).then(|| {
            bytes(seed ^ step, [0, 100, 40_000, 1_300_000][usize::try_from(pick(seed, step + 2000, 4)).expect("small")])
        });
        told.entry(name.clone()).or_insert_with(|| vec![None]).push(content.clone());
        match &content {
            Some(content) => drop(put(store, &name, content, at(step))?),
            None => match store.remove(&path(&name), &Condition::None, &Author::new("test"), at(step)) {
                Ok(_) | Err(StoreError::NoSuchPackage { .. }) => {}
                Err(error) => return Err(error),
            },
        }
        told.insert(name, vec![content]);
    }
    Ok(())
}

fn reopen(disk: &mut SimDisk, seed: u64) -> Store {
    // The first recovery is cut short as well, at a random place.
    disk.fail_after(pick(seed, 1, 40));
    let first = open(disk, seed + 1);
    drop(first);
    *disk = disk.crash(seed + 1);
    open(disk, seed + 2).unwrap_or_else(|error| panic!("seed {seed}: it must open after a crash: {error:?}"))
}

#[test]
fn acknowledged_packages_survive_power_cuts() {
    for seed in 0..SEEDS {
        let mut disk = SimDisk::new();
        let mut told = Told::new();
        let store = open(&disk, seed).expect("a fresh disk opens");
        let total = 30 * 25;
        disk.fail_after(
            blake3::hash(&seed.to_le_bytes()).as_bytes()[..2].iter().fold(0, |sum, byte| sum * 256 + u64::from(*byte))
                % total,
        );
        let outcome = work(&store, seed, &mut told);
        drop(store);
        disk = disk.crash(seed);
        let store = reopen(&mut disk, seed);
        for (name, allowed) in &told {
            let found =
                read_all(&store, name, at(100)).unwrap_or_else(|error| panic!("seed {seed}: {name}: {error:?}"));
            let listed = store.package(&path(name)).expect("readable").is_some();
            assert_eq!(listed, found.is_some(), "seed {seed}: {name} is listed and its bytes are not here");
            assert!(allowed.contains(&found), "seed {seed}: {name} is not what was acknowledged (work: {outcome:?})");
        }
        assert_sound(&store);
        put(&store, "after.pkg", b"it goes on", at(200)).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        let left: Vec<_> = disk.file_names().into_iter().filter(|name| name.starts_with("/data/incoming")).collect();
        assert!(left.is_empty(), "seed {seed}: left behind: {left:?}");
    }
}
