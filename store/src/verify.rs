//! Verifying a whole store, while no node serves it: its database page by page, every signature, every derived row, every
//! byte; and mending what can be.
//!
//! Invariants: [`Store::verify_all`] changes nothing, so it may be killed at any moment; of a store opened by
//! [`Store::open_to_read`] not even the database's file or a folder's time, so the folder may be read-only.
//! [`Store::rebuild`] goes in steps that each leave a store which opens: derived tables in one transaction, then blobs
//! one by one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use redb::ReadableTable;

use crate::digest::Digest;
use crate::disk::Disk;
use crate::error::{Result, StoreError};
use crate::event::{Body, SignedEvent};
use crate::journal::Moment;
use crate::open;
use crate::rebuild;
use crate::schema::{LOG, STATEMENTS};
use crate::scrub::{Examination, ScrubPass, ScrubStep, Scrubber, Verdict};
use crate::statement::SignedStatement;
use crate::store::Store;
use crate::time::UnixMillis;
use crate::wants;

/// Faults listed of each kind; what lies behind is only counted.
const FAULTS_LISTED_MAX: usize = 1000;
/// Wants that are looked at.
const WANTS_VERIFIED_MAX: usize = 1_000_000;
/// Bytes that a step of mending reads.
const MEND_STEP_BYTES: u64 = 64 << 20;

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// A page of the database.
    Database,
    /// An event of the log.
    Log,
    /// A statement of the roster.
    Roster,
    /// A row that doesn't follow from the log.
    Derived,
    /// A blob.
    Blob,
    /// An outline.
    Outline,
    /// A revision's SHA-256.
    Sha256,
    /// A file in `blobs/` that no row lists.
    Stray,
}

impl FaultKind {
    /// Its name for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Log => "log",
            Self::Roster => "roster",
            Self::Derived => "derived",
            Self::Blob => "blob",
            Self::Outline => "outline",
            Self::Sha256 => "sha256",
            Self::Stray => "stray",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Database | Self::Log | Self::Roster => {
                "restore a backup (`ods backup restore`); without one, let a new node join the mesh in this one's place"
            }
            Self::Derived => "`ods verify --rebuild` makes it anew from the log",
            Self::Blob => {
                "start the node and run `ods scrub`: a peer that has it mends it; without one, push the package again"
            }
            Self::Outline => "`ods verify --rebuild`, or `ods scrub` on the running node, makes it anew",
            Self::Sha256 => "`ods scrub` on the running node finds the true one, which is given from then on",
            Self::Stray => "`ods verify --rebuild` lists it, if a revision has it; else it is only in the way",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Of what kind.
    pub kind: FaultKind,
    /// What, in words.
    pub what: String,
}

/// What to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The database, and that every blob's file is there with its length.
    Quick,
    /// Every byte of every blob as well.
    Full,
}

/// How far verifying is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// What is being verified.
    pub stage: &'static str,
    /// How much is done: bytes of blobs, else rows.
    pub done: u64,
    /// Of how much.
    pub total: u64,
}

/// Told how far verifying is.
pub type OnProgress<'a> = &'a mut dyn FnMut(VerifyProgress);

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// What is wrong, at most a thousand of each kind.
    pub faults: Vec<Fault>,
    /// Faults that are not listed.
    pub more: u64,
    /// Events verified.
    pub events: u64,
    /// Statements verified.
    pub statements: u64,
    /// Blobs verified.
    pub blobs: u64,
    /// Their bytes that were read.
    pub bytes: u64,
    /// Blobs of current packages that are not here, on a node whose peers may send them.
    pub wanted: u64,
}

impl VerifyReport {
    /// Adds a fault.
    pub fn fault(&mut self, kind: FaultKind, what: String) {
        if self.faults.iter().filter(|fault| fault.kind == kind).count() < FAULTS_LISTED_MAX {
            self.faults.push(Fault { kind, what });
        } else {
            self.more += 1;
        }
    }

    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// What mending did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// Blobs that are listed again, since their files were whole.
    pub adopted: u64,
    /// What a pass over all blobs found and did.
    pub pass: ScrubPass,
}

/// Verifies the checksum of every page of a data folder's database, which must not be open. It may have to read all of it.
/// `Ok` also if redb mends what a crash has left. Nothing is written: what redb mends is mended in memory.
pub fn check_database(disk: &Arc<dyn Disk>, folder: &Path, cache_bytes: usize) -> Result<()> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let held = open::database_to_read(disk, folder, cache_bytes, &Arc::default())?;
        held.into_database()?.check_integrity()?;
        Ok(())
    }));
    outcome.unwrap_or(Err(StoreError::Corrupt { what: "ods.redb" }))
}

impl Store {
    /// Verifies everything and changes nothing.
    pub fn verify_all(&self, depth: Depth, on_progress: OnProgress<'_>) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        self.verify_log(&mut report, on_progress)?;
        self.verify_roster(&mut report)?;
        on_progress(VerifyProgress { stage: "derived tables", done: 0, total: 1 });
        match self.check() {
            Ok(faults) => faults.into_iter().for_each(|what| report.fault(FaultKind::Derived, what)),
            Err(error) => report.fault(FaultKind::Derived, format!("they can't be read: {error}")),
        }
        self.verify_blobs(depth, &mut report, on_progress)?;
        self.verify_wants(&mut report)?;
        self.verify_strays(&mut report)?;
        Ok(report)
    }

    /// What is wanted comes from a peer; to a node without one it is lost until somebody pushes it again.
    fn verify_wants(&self, report: &mut VerifyReport) -> Result<()> {
        let is_alone = self.peers()?.is_empty();
        for want in self.wants(WANTS_VERIFIED_MAX)? {
            if is_alone {
                let packages = self.packages_with(&want.blob)?;
                report.fault(FaultKind::Blob, format!("blob {} of {packages}: its bytes are not here", want.blob));
            } else {
                report.wanted += 1;
            }
        }
        Ok(())
    }

    fn verify_log(&self, report: &mut VerifyReport, on_progress: OnProgress<'_>) -> Result<()> {
        let table = self.read()?.open_table(LOG)?;
        let total = wants::count(&table)?;
        for entry in table.iter()? {
            let (lsn, row) = entry?;
            let verdict = match SignedEvent::from_stored(row.value()) {
                Some(signed) => signed.verify().map(drop).map_err(|error| error.to_string()),
                None => Err("it is cut short".to_owned()),
            };
            if let Err(reason) = verdict {
                report.fault(FaultKind::Log, format!("the event at lsn {} is damaged: {reason}", lsn.value()));
            }
            report.events += 1;
            if report.events.is_multiple_of(1000) {
                on_progress(VerifyProgress { stage: "events", done: report.events, total });
            }
        }
        Ok(())
    }

    fn verify_roster(&self, report: &mut VerifyReport) -> Result<()> {
        for entry in self.read()?.open_table(STATEMENTS)?.iter()? {
            let (id, row) = entry?;
            let signed = SignedStatement::from_stored(row.value());
            let right = signed.is_some_and(|signed| signed.id().as_bytes() == id.value() && signed.verify().is_ok());
            if !right {
                let id = Digest::from_bytes(*id.value());
                report.fault(FaultKind::Roster, format!("the roster's statement {id} is damaged"));
            }
            report.statements += 1;
        }
        Ok(())
    }

    fn verify_blobs(&self, depth: Depth, report: &mut VerifyReport, on_progress: OnProgress<'_>) -> Result<()> {
        let total = self.overview()?.blob_bytes;
        let mut after = None;
        while let Some((blob, size)) = self.next_held(after)? {
            after = Some(blob);
            report.blobs += 1;
            on_progress(VerifyProgress { stage: "blobs", done: report.bytes, total });
            if let Some((kind, what)) = self.verify_blob(&blob, size, depth)? {
                let detail =
                    format!("blob {blob} of {}: {what} ({})", self.packages_with(&blob)?, self.blobs().place(&blob));
                report.fault(kind, detail);
            }
            report.bytes += if depth == Depth::Full { size } else { 0 };
        }
        Ok(())
    }

    /// What is wrong with a blob that is listed.
    fn verify_blob(&self, blob: &Digest, size: u64, depth: Depth) -> Result<Option<(FaultKind, String)>> {
        let file = match self.blobs().open_blob(blob) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Some((FaultKind::Blob, "its file is missing".to_owned()))),
            Err(error) => return Ok(Some((FaultKind::Blob, format!("its file can't be read: {}", cause(&error))))),
        };
        let bytes = file.stat().map_err(StoreError::io("read", Path::new(&self.blobs().place(blob))))?.bytes;
        let outline = self.blobs().outline(blob, size)?;
        let lost_outline = outline.is_none();
        let verdict = match depth {
            Depth::Quick if bytes == size => return Ok(None),
            Depth::Quick => Verdict::WrongLength(bytes),
            Depth::Full => Examination::of_held(*blob, size, file, outline).run().1,
        };
        Ok(match verdict {
            Verdict::Right(_) if lost_outline => {
                Some((FaultKind::Outline, "its outline is lost or damaged".to_owned()))
            }
            Verdict::Right(hashes) => {
                let lies = self.stated_otherwise(blob, &hashes.sha256)?;
                (!lies.is_empty()).then(|| (FaultKind::Sha256, format!("{} with a wrong SHA-256", lies.join(" and "))))
            }
            Verdict::WrongPiece(piece) => Some((FaultKind::Blob, format!("piece {piece} is damaged"))),
            Verdict::WrongLength(bytes) => {
                Some((FaultKind::Blob, format!("its file has {bytes} bytes instead of {size}")))
            }
            Verdict::OtherBytes(hashes) => Some((FaultKind::Blob, format!("its file holds {}", hashes.digest))),
        })
    }

    fn verify_strays(&self, report: &mut VerifyReport) -> Result<()> {
        for byte in 0..=u8::MAX {
            let what = match self.blobs().names_in(byte) {
                Ok(Some(_)) => continue,
                Ok(None) => format!("the folder blobs/{byte:02x} is missing, with every blob in it"),
                Err(error) => format!("the folder blobs/{byte:02x} can't be read: {}", cause(&error)),
            };
            report.fault(FaultKind::Blob, what);
        }
        let published = self.published_blobs()?;
        for name in self.stray_files()? {
            let known = name.parse::<Digest>().ok().and_then(|blob| published.get(&blob));
            let what = if known.is_some() { "a revision has it" } else { "no revision has it" };
            report
                .fault(FaultKind::Stray, format!("blobs/{}/{name} is not listed; {what}", name.get(..2).unwrap_or("")));
        }
        Ok(())
    }

    /// Rebuilds what is derived from the log, lists whole files that are not listed, and settles what is wrong with blobs
    /// as a scrub does.
    pub fn rebuild(&self, now: UnixMillis, on_progress: OnProgress<'_>) -> Result<Mended> {
        on_progress(VerifyProgress { stage: "rebuilding derived tables", done: 0, total: 1 });
        self.write(move |tx| rebuild::rebuild(tx, Moment::live(now)))?;
        let adopted = self.adopt_strays(now)?;
        self.start_scrub(&crate::publish::Author::new("verify"), now)?;
        let mut scrubber = Scrubber::new(self.clone());
        let total = self.overview()?.blob_bytes;
        let mut done = 0;
        while let ScrubStep::Read(bytes) = scrubber.step(MEND_STEP_BYTES, now)? {
            done += bytes;
            on_progress(VerifyProgress { stage: "blobs", done, total });
        }
        Ok(Mended { adopted, pass: self.scrub_status()?.pass.unwrap_or_default() })
    }

    /// Lists files in `blobs/` that no row lists, if a revision has them and they are whole.
    fn adopt_strays(&self, now: UnixMillis) -> Result<u64> {
        let published = self.published_blobs()?;
        let mut adopted = 0;
        for name in self.stray_files()? {
            let Ok(blob) = name.parse::<Digest>() else { continue };
            let Some(size) = published.get(&blob).copied() else { continue };
            let Ok(Some(file)) = self.blobs().open_blob(&blob) else { continue };
            let Verdict::Right(hashes) = Examination::of_held(blob, size, file, None).run().1 else { continue };
            let lock = self.blobs().lock(&blob);
            self.blobs().write_outline(&blob, &hashes.outline)?;
            self.write(move |tx| wants::hold(tx, Moment::live(now), &blob, size))?;
            drop(lock);
            adopted += 1;
        }
        Ok(adopted)
    }

    /// Names in `blobs/` that no row lists.
    fn stray_files(&self) -> Result<Vec<String>> {
        let mut strays = Vec::new();
        for byte in 0..=u8::MAX {
            // One that can't be read was told of already.
            for name in self.blobs().names_in(byte).ok().flatten().unwrap_or_default() {
                let blob = name.parse::<Digest>().ok();
                let listed = match blob {
                    Some(blob) => self.listed_size(&blob)?.is_some(),
                    None => false,
                };
                if !listed {
                    strays.push(name);
                }
            }
        }
        Ok(strays)
    }

    /// The blobs of all revisions that can be read, and their sizes.
    fn published_blobs(&self) -> Result<HashMap<Digest, u64>> {
        let mut found = HashMap::new();
        for entry in self.read()?.open_table(LOG)?.iter()? {
            let signed = SignedEvent::from_stored(entry?.1.value());
            let event = signed.and_then(|signed| crate::event::Event::decode(&signed.frame).ok());
            if let Some(Body::Publish(publish)) = event.map(|event| event.body) {
                found.insert(publish.blob, publish.size);
            }
        }
        Ok(found)
    }
}

/// What lies beneath an error, or itself.
fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
