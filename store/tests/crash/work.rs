//! The workload: what a node's store is asked to do, chosen by seed, and what it told of it.

use std::path::PathBuf;

use ods_store::{
    Author, Condition, Digest, EventBatch, EventId, GcMode, Keep, Published, Received, Retention, SimDisk, SpacePolicy,
    Store, StoreError, UnixMillis,
};

use super::remote::remote;
use super::told::Told;
use crate::support::{at, bytes, path, request};

const PIECE: usize = 1 << 20;

/// Choices by seed.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    seed: u64,
    taken: u64,
}

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, taken: 0 }
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.taken += 1;
        let mut mixed = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(self.taken << 17);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(usize::try_from(self.below(items.len() as u64)).ok()?) }
    }
}

/// A store at work, and what it told.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) store: &'a Store,
    pub(crate) disk: &'a SimDisk,
    pub(crate) told: &'a mut Told,
    pub(crate) choices: Choices,
    pub(crate) now: UnixMillis,
}

type Outcome = Result<(), StoreError>;

impl Work<'_> {
    /// One step; an error is the disk's doing.
    pub(crate) fn step(&mut self) -> Outcome {
        match self.choices.below(35) {
            0..=5 => self.upload_new(),
            6..=8 => self.upload_again(),
            9 => self.upload_cut(),
            10 | 11 => self.upload_two(),
            12 => self.upload_refused(),
            13 | 14 => self.remove(),
            15 | 16 => self.restore(),
            17 => self.withdraw(),
            18 => self.edit(),
            19..=21 => self.insert_events(),
            22..=25 => self.fetch_some(),
            26..=28 => self.fetch_whole(),
            29 => self.rot(),
            30 | 31 => self.collect(),
            _ => self.read(),
        }
    }

    fn name(&mut self) -> String {
        format!("p{}.pkg", self.choices.below(3))
    }

    fn content(&mut self) -> Vec<u8> {
        let length =
            [0, 1, 100, 600, 5000, 40_000, 1_100_000][usize::try_from(self.choices.below(31) / 5).expect("small")];
        bytes(self.choices.below(1000), length)
    }

    fn receive(&mut self, content: &[u8]) -> Result<Received, StoreError> {
        let known = self.choices.below(2) == 0;
        let mut upload = self.store.begin_upload(known.then_some(content.len() as u64))?;
        for chunk in content.chunks(700_000) {
            upload.write(chunk)?;
        }
        upload.finish()
    }

    fn publish(&mut self, name: &str, content: &[u8], received: Received) -> Outcome {
        let blob = received.digest();
        self.told.contents.insert(blob, content.to_vec());
        self.told.begins(name, Some(blob));
        let published = self.store.publish(received, &request(name), self.now)?;
        self.published(name, blob, &published);
        Ok(())
    }

    fn published(&mut self, name: &str, blob: Digest, published: &Published) {
        assert_eq!(published.package.blob, blob, "what was published is current");
        self.told.happened(name, Some(blob));
        self.told.holds(blob);
        self.told.revisions.push((name.to_owned(), published.package.revision, blob));
    }

    fn upload_new(&mut self) -> Outcome {
        let (name, content) = (self.name(), self.content());
        let received = self.receive(&content)?;
        self.publish(&name, &content, received)
    }

    /// Bytes that were published before, here or on the other node, on any path.
    fn upload_again(&mut self) -> Outcome {
        let name = self.name();
        let offers = remote().offers.iter().map(|offer| offer.content.clone());
        let known: Vec<Vec<u8>> = self.told.contents.values().cloned().chain(offers).collect();
        let Some(content) = self.choices.one_of(&known).cloned() else { return Ok(()) };
        let received = self.receive(&content)?;
        self.publish(&name, &content, received)
    }

    fn upload_cut(&mut self) -> Outcome {
        let mut upload = self.store.begin_upload(Some(9000))?;
        upload.write(&bytes(1, 4000))?;
        drop(upload);
        Ok(())
    }

    /// Two uploads at once, perhaps of the same bytes.
    fn upload_two(&mut self) -> Outcome {
        let (first_name, second_name, first) = (self.name(), self.name(), self.content());
        let second = if self.choices.below(2) == 0 { first.clone() } else { self.content() };
        let (one, two) = (self.receive(&first)?, self.receive(&second)?);
        self.publish(&second_name, &second, two)?;
        self.publish(&first_name, &first, one)
    }

    /// An upload whose condition does not hold: its bytes are taken away again, unless others need them.
    fn upload_refused(&mut self) -> Outcome {
        let (name, content) = (self.name(), self.content());
        let mut request = request(&name);
        request.condition = Condition::Matches(vec![EventId::from_bytes([7; 32])]);
        let received = self.receive(&content)?;
        match self.store.publish(received, &request, self.now) {
            Ok(_) => panic!("the condition does not hold"),
            Err(StoreError::PreconditionFailed { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove(&mut self) -> Outcome {
        let name = if self.choices.below(4) == 0 { "r1.pkg".to_owned() } else { self.name() };
        let before = self.told.paths.get(&name).cloned();
        self.told.begins(&name, None);
        match self.store.remove(&path(&name), &Condition::None, &Author::new("test"), self.now) {
            Ok(_) => self.told.happened(&name, None),
            Err(StoreError::NoSuchPackage { .. }) => self.told.refused(&name, before),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn restore(&mut self) -> Outcome {
        let Some((name, id, blob)) = self.choices.one_of(&self.told.revisions).cloned() else { return Ok(()) };
        let before = self.told.paths.get(&name).cloned();
        self.told.begins(&name, Some(blob));
        match self.store.restore(id, &request(&name), self.now) {
            Ok(published) => self.published(&name, blob, &published),
            // Revisions whose bytes rotted or were never acknowledged.
            Err(StoreError::NoSuchRevision { .. } | StoreError::BytesNotHeld { .. }) => {
                self.told.refused(&name, before);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn withdraw(&mut self) -> Outcome {
        let Some((name, id, _)) = self.choices.one_of(&self.told.revisions).cloned() else { return Ok(()) };
        // It shows nothing afterwards if that was its only head, else what it showed.
        self.told.begins(&name, None);
        let outcome = self.store.withdraw(id, &Author::new("test"), self.now);
        if outcome.is_ok() {
            let shown = self.store.package(&path(&name))?.map(|package| package.blob);
            self.told.happened(&name, shown);
        }
        outcome.map(drop)
    }

    fn edit(&mut self) -> Outcome {
        let name = self.name();
        let mut request = request(&name);
        request.meta.insert("tags".to_owned(), Some(format!("t{}", self.choices.below(9))));
        match self.store.edit(&request, self.now) {
            Ok(_) | Err(StoreError::NoSuchPackage { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn insert_events(&mut self) -> Outcome {
        let count = usize::try_from(1 + self.choices.below(6)).expect("small");
        let batch: Vec<_> = remote().events.iter().take(count).collect();
        for event in &batch {
            self.told.begins(&event.path, event.shown);
        }
        let signed = batch.iter().map(|event| event.signed.clone()).collect();
        let inserted =
            self.store.insert_events(EventBatch { events: signed, pull: None, backfill: false }, self.now)?;
        assert_eq!(inserted.refused, None, "a member's events are taken");
        for event in batch {
            // What came before or changed here is a matter of heads, which `Store::check` proves; here it is just asked.
            let shown = self.store.package(&path(&event.path))?.map(|package| package.blob);
            self.told.happened(&event.path, shown);
        }
        Ok(())
    }

    /// Some pieces of a blob that is wanted, and perhaps a checkpoint.
    fn fetch_some(&mut self) -> Outcome {
        let Some((offer, fetch)) = self.fetch()? else { return Ok(()) };
        let pieces = offer.content.chunks(PIECE).count() as u64;
        for _ in 0..=self.choices.below(2) {
            let index = self.choices.below(pieces);
            if let Some(piece) = offer.content.chunks(PIECE).nth(usize::try_from(index).expect("small")) {
                fetch.write_piece(index, piece)?;
            }
        }
        if self.choices.below(2) == 0 {
            fetch.checkpoint()?;
            self.told.pieces.insert(offer.blob, fetch.have().iter().collect());
        }
        Ok(())
    }

    /// Gc, as sharp as it can be set: nothing is too young, and little is retained.
    fn collect(&mut self) -> Outcome {
        let revisions = usize::try_from(self.choices.below(2)).expect("small");
        let keep = Keep { revisions, age_ms: 0, removed_ms: self.choices.below(2) * 1_000_000 };
        let retention = Retention::new(keep, &[]).expect("valid");
        self.told.collects();
        self.store.gc(&SpacePolicy { grace_ms: 0, retention }, GcMode::Collect, self.now).map(drop)
    }

    fn fetch_whole(&mut self) -> Outcome {
        let Some((offer, fetch)) = self.fetch()? else { return Ok(()) };
        finish(&offer, &fetch, self.now)?;
        self.told.holds(offer.blob);
        Ok(())
    }

    fn fetch(&mut self) -> Result<Option<(super::remote::Offer, ods_store::Fetch)>, StoreError> {
        let wants = self.store.wants(100)?;
        let wanted: Vec<_> =
            remote().offers.iter().filter(|offer| wants.iter().any(|want| want.blob == offer.blob)).collect();
        let Some(offer) = self.choices.one_of(&wanted).map(|offer| (*offer).clone()) else { return Ok(None) };
        self.told.contents.insert(offer.blob, offer.content.clone());
        let fetch = self.store.begin_fetch(&offer.blob, offer.content.len() as u64)?;
        if !fetch.outline_known() {
            fetch.set_outline(offer.outline.clone())?;
        }
        Ok(Some((offer, fetch)))
    }

    /// A bit of a blob flips; reading finds it.
    fn rot(&mut self) -> Outcome {
        let held: Vec<Digest> = self.told.held.iter().copied().collect();
        let Some(blob) = self.choices.one_of(&held).copied() else { return Ok(()) };
        if self.told.contents[&blob].is_empty() {
            return Ok(());
        }
        self.told.rotten.insert(blob);
        self.told.held.remove(&blob);
        self.disk.flip_bit(&blob_file(&blob), 0);
        // A day later nothing counts as verified any more.
        self.now = UnixMillis::new(self.now.get() + 25 * 60 * 60 * 1000);
        let outcome = self.store.open_blob(&blob, self.now).and_then(|reader| {
            let reader = reader.ok_or(StoreError::BytesNotHeld { blob })?;
            reader.read(0, 1, self.now)
        });
        match outcome {
            Ok(_) => panic!("damaged bytes of {blob} were read"),
            Err(StoreError::Rot { .. } | StoreError::BytesNotHeld { .. }) => Ok(()),
            Err(error) => {
                // A node that goes on without having found it would trust the damaged file for the next upload.
                if self.disk.crashed_at().is_none() {
                    self.disk.flip_bit(&blob_file(&blob), 0);
                    self.disk.flip_bit(&PathBuf::from(format!("/data/incoming/{blob}.part")), 0);
                    self.told.rotten.remove(&blob);
                }
                Err(error)
            }
        }
    }

    fn read(&mut self) -> Outcome {
        let held: Vec<Digest> = self.told.held.iter().copied().collect();
        let Some(blob) = self.choices.one_of(&held).copied() else { return Ok(()) };
        let Some(reader) = self.store.open_blob(&blob, self.now)? else { return Ok(()) };
        let some = reader.read(self.choices.below(3000), 1000, self.now)?;
        assert!(some.len() <= 1000);
        Ok(())
    }
}

/// Writes all pieces that are missing, and seals.
pub(crate) fn finish(offer: &super::remote::Offer, fetch: &ods_store::Fetch, now: UnixMillis) -> Outcome {
    // Once more where a failed sync took pieces back.
    for _ in 0..2 {
        for (index, piece) in (0..).zip(offer.content.chunks(PIECE)) {
            fetch.write_piece(index, piece)?;
        }
        match fetch.finish(now) {
            Err(StoreError::BytesNotHeld { .. }) => {}
            other => return other,
        }
    }
    fetch.finish(now)
}

/// Where a sealed blob is.
pub(crate) fn blob_file(blob: &Digest) -> PathBuf {
    let name = blob.to_string();
    PathBuf::from(format!("/data/blobs/{}/{name}", &name[..2]))
}

/// The moment of a step.
pub(crate) fn moment(step: u64) -> UnixMillis {
    at(10 + step)
}
