//! The handle on a store. Cheap to clone; synchronous; safe from any thread. Owns the database, the writer and the blobs.
//!
//! Every change goes through [`Store::write`]: one closure, one transaction. Reads see the last commit. What each part may
//! do is beside it: packages, bytes, mesh, accounts.

mod accounts;
mod audited;
mod bytes;
mod care;
mod mending;
mod mesh;
mod once;
mod packages;
mod records;
mod roster;
mod space;
mod states;
mod uploads;
mod watches;
mod webhooks;

pub(crate) use accounts::signed_in;
pub use accounts::{SignedIn, Who};
pub(crate) use care::{Damage, true_sha256};
pub use mesh::{EventBatch, Inserted, PulledFrom, Refusal, RefusalReason, VerifiedBatch};
pub(crate) use space::CollectorSeat;
pub use space::StorageView;
pub use states::{Description, Outside};
pub use uploads::UploadTurn;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use redb::ReadTransaction;

use self::care::Care;
use crate::arrivals::Arrivals;
use crate::blobs::{Blobs, fetched_blob};
use crate::digest::{Digest, NodeId, SetDigest};
use crate::disk::Disk;
use crate::error::Result;
use crate::fetch::Fetch;
use crate::journal::{self, Happening, Moment, ReadFrom, RecordPage};
use crate::keys::NodeKey;
use crate::limits::PAGE_ROWS_MAX;
use crate::log;
use crate::lsn::Lsn;
use crate::meta;
use crate::node_state::StatePolicy;
use crate::open::{self, Opened, StoreOptions};
use crate::order::{Place, Sort};
use crate::policy;
use crate::reader::{Readers, Verified};
use crate::recent::Recent;
use crate::reserve::Purpose;
use crate::resumable::files::upload_of;
use crate::resumable::{LiveUpload, UploadId};
use crate::roster::Roster;
use crate::schema::{BLOBS, JOURNAL, META, PACKAGES, STATEMENTS, STREAMS, UPLOADS, WANTS};
use crate::statement::Role;
use crate::states_pace::StatesPace;
use crate::time::UnixMillis;
use crate::trouble::{NotingDisk, Troubles};
use crate::trust;
use crate::tx::{Committed, Context, Tx};
use crate::vector::Vector;
use crate::wants::{self, WantTotals};
use crate::writer::{Shared, Writer};

/// A store that is open. Clones are the same store; the last one to go closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// The anchors of an order, and when they were counted.
type Anchors = (UnixMillis, Arc<Vec<Place>>);

struct Inner {
    // Declared first: the writer's thread ends, with what is queued committed, before anything else goes.
    writer: Writer,
    shared: Arc<Shared>,
    blobs: Arc<Blobs>,
    verified: Verified,
    fetches: Mutex<HashMap<Digest, Fetch>>,
    states_pace: Mutex<StatesPace>,
    uploads: Mutex<HashMap<UploadId, Arc<LiveUpload>>>,
    readers: Arc<Readers>,
    arrivals: Arc<Arrivals>,
    space: space::SpaceState,
    care: Care,
    troubles: Arc<Troubles>,
    /// Blobs whose publish failed in a way that left open whether a row lists them.
    doubtful: Mutex<BTreeSet<Digest>>,
    /// The anchors of each order, and when they were counted.
    anchors: Mutex<HashMap<Sort, Anchors>>,
}

/// A store that is not kept open by this handle; for listeners, which would otherwise keep it open for ever.
#[derive(Clone)]
pub struct WeakStore(Weak<Inner>);

impl WeakStore {
    /// The store, if it is still open.
    pub fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(Store)
    }
}

/// What a node is and has, at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// Its configured urls.
    pub urls: Vec<String>,
    /// Which packages' bytes it keeps.
    pub policy: StatePolicy,
    /// What it may do; none if it was expelled or not admitted yet.
    pub role: Option<Role>,
    /// The mesh's root.
    pub root: NodeId,
    /// Its log's id.
    pub log_id: [u8; 16],
    /// The last Lsn given out.
    pub head: Lsn,
    /// Events held.
    pub log_events: u64,
    /// Which ones.
    pub vector: Vector,
    /// Equal on nodes whose catalogs are equal.
    pub catalog_digest: SetDigest,
    /// Packages listed.
    pub packages: u64,
    /// Blobs wanted.
    pub wants: WantTotals,
    /// Blobs held.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
}

impl Store {
    /// Opens the store in `folder`, or makes it.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, options: &StoreOptions) -> Result<Self> {
        let troubles = Arc::new(Troubles::default());
        let opened = open::open(&disk, folder, options, &troubles)?;
        let disk = Arc::new(NotingDisk::new(disk, Arc::clone(&troubles)));
        let blobs = Blobs::open(disk, folder)?;
        let read = opened.database.read(&|_| Ok(()))?;
        let (wanted, uploads) = (read.open_table(WANTS)?, read.open_table(UPLOADS)?);
        blobs.sweep_incoming(|name| match (fetched_blob(name), upload_of(name)) {
            (Some(blob), _) => matches!(wanted.get(blob.as_bytes()), Ok(Some(_)) | Err(_)),
            (None, Some(id)) => matches!(uploads.get(id.as_bytes()), Ok(Some(_)) | Err(_)),
            (None, None) => false,
        })?;
        drop((wanted, uploads, read));
        // Without it the node works all the same; it is tried again.
        let _ = blobs.keep_reserve();
        Self::of(opened, blobs, troubles)
    }

    /// Opens the store that is in `folder` to look at it: nothing there is changed, which need not be writable, and every
    /// write is refused.
    pub fn open_to_read(disk: Arc<dyn Disk>, folder: &Path, options: &StoreOptions) -> Result<Self> {
        let troubles = Arc::new(Troubles::default());
        let opened = open::open_to_read(&disk, folder, options, &troubles)?;
        Self::of(opened, Blobs::at(disk, folder), troubles)
    }

    fn of(opened: Opened, blobs: Blobs, troubles: Arc<Troubles>) -> Result<Self> {
        let blobs = Arc::new(blobs);
        let read = opened.database.read(&|_| Ok(()))?;
        let roster = trust::load(&read.open_table(STATEMENTS)?, meta::need(&read.open_table(META)?, &meta::ROOT)?)?;
        let head = Lsn::new(meta::need(&read.open_table(META)?, &meta::HEAD)?);
        drop(read);
        let shared = Arc::new(Shared {
            database: opened.database,
            blobs: Arc::clone(&blobs),
            context: Context { key: opened.key, entropy: opened.entropy },
            roster: RwLock::new(Arc::new(roster)),
            expels_ahead: RwLock::default(),
            last: Mutex::new(Committed { head, ..Committed::default() }),
            listeners: RwLock::new(Vec::new()),
            recent: Recent::default(),
        });
        let writer = Writer::start(Arc::clone(&shared))?;
        Ok(Self(Arc::new(Inner {
            writer,
            shared,
            blobs,
            verified: Verified::default(),
            fetches: Mutex::default(),
            states_pace: Mutex::default(),
            arrivals: Arc::default(),
            uploads: Mutex::default(),
            readers: Arc::default(),
            space: space::SpaceState::default(),
            care: Care::default(),
            troubles,
            doubtful: Mutex::default(),
            anchors: Mutex::default(),
        })))
    }

    /// A handle that does not keep the store open.
    pub fn downgrade(&self) -> WeakStore {
        WeakStore(Arc::downgrade(&self.0))
    }

    /// This node.
    pub fn node_id(&self) -> NodeId {
        self.key().node_id()
    }

    /// This node's key.
    pub fn key(&self) -> &NodeKey {
        &self.0.shared.context.key
    }

    /// Random bytes, from the seed given at open.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        self.0.shared.context.entropy.bytes()
    }

    /// Calls `listener` after each commit, on the writer's thread: it must be quick, and must neither write nor hold a
    /// [`Store`] (use [`Store::downgrade`]).
    pub fn on_commit(&self, listener: impl Fn(&Committed) + Send + Sync + 'static) {
        let mut listeners = self.0.shared.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    /// The last Lsn given out, as of the last commit.
    pub fn head(&self) -> Lsn {
        self.0.shared.last.lock().unwrap_or_else(PoisonError::into_inner).head
    }

    /// The roster as of the last commit.
    pub fn roster(&self) -> Arc<Roster> {
        self.0.shared.roster()
    }

    /// Bytes free on the disk of the data folder.
    pub fn free_bytes(&self) -> Result<u64> {
        self.0.blobs.free_bytes()
    }

    /// What this node is and has.
    pub fn overview(&self) -> Result<Overview> {
        let read = self.read()?;
        let roster = self.roster();
        let values = read.open_table(META)?;
        Ok(Overview {
            name: meta::need(&values, &meta::NAME)?,
            urls: meta::need(&values, &meta::URLS)?,
            policy: policy::of(&read)?,
            role: roster.role(&self.node_id()),
            root: roster.root(),
            log_id: meta::need(&values, &meta::LOG_ID)?,
            head: Lsn::new(meta::need(&values, &meta::HEAD)?),
            log_events: log::len(&read)?,
            vector: log::vector(&read.open_table(STREAMS)?)?,
            catalog_digest: SetDigest::from_bytes(*meta::need(&values, &meta::CATALOG_SUM)?.as_bytes()),
            packages: wants::count(&read.open_table(PACKAGES)?)?,
            wants: WantTotals {
                count: wants::count(&read.open_table(WANTS)?)?,
                bytes: meta::need(&values, &meta::WANT_BYTES)?,
            },
            blobs: wants::count(&read.open_table(BLOBS)?)?,
            blob_bytes: meta::need(&values, &meta::BLOB_BYTES)?,
            free_bytes: self.free_bytes()?,
        })
    }

    /// The node's name.
    pub fn name(&self) -> Result<String> {
        meta::need(&self.read()?.open_table(META)?, &meta::NAME)
    }

    /// The urls at which the node says that it answers.
    pub fn urls(&self) -> Result<Vec<String>> {
        meta::need(&self.read()?.open_table(META)?, &meta::URLS)
    }

    /// Up to `limit` (at most [`PAGE_ROWS_MAX`]) journal records from a place.
    pub fn records(&self, from: impl Into<ReadFrom>, limit: usize) -> Result<RecordPage> {
        let read = self.read()?;
        let values = read.open_table(META)?;
        let bounds = (meta::need(&values, &meta::JOURNAL_PRUNED)?, meta::need(&values, &meta::HEAD)?);
        journal::page(&read.open_table(JOURNAL)?, bounds, from.into(), limit.min(PAGE_ROWS_MAX))
    }

    /// Appends a record of something that happened outside the store.
    pub fn note(&self, what: Happening, now: UnixMillis) -> Result<Lsn> {
        self.write(move |tx| journal::append(tx, Moment::live(now), what.clone()))
    }

    pub(crate) fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.0.writer.write(Purpose::Any, work)
    }

    /// As [`Self::write`], for what frees room or is a step to that: a full disk doesn't keep it from being done.
    pub(crate) fn write_to_free_room<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.0.writer.write(Purpose::FreeRoom, work)
    }

    /// Runs `work` in a transaction over what is shown, that nobody commits: where nothing can be written.
    pub(crate) fn try_out<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let live = self.0.shared.database.for_showing();
        let txn = live.database.begin_write()?;
        let shared = &self.0.shared;
        let tx = Tx::new(&txn, &shared.context, shared.roster(), shared.expels_ahead());
        let outcome = tx.and_then(|tx| work(&tx));
        txn.abort()?;
        outcome
    }

    pub(crate) fn read(&self) -> Result<ReadTransaction> {
        self.0.shared.read()
    }

    pub(crate) fn blobs(&self) -> &Arc<Blobs> {
        &self.0.blobs
    }

    pub(crate) fn live_uploads(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<LiveUpload>>> {
        self.0.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arrivals(&self) -> &Arc<Arrivals> {
        &self.0.arrivals
    }

    pub(crate) fn recent(&self) -> &Recent {
        &self.0.shared.recent
    }

    pub(crate) fn readers(&self) -> &Arc<Readers> {
        &self.0.readers
    }

    pub(crate) fn verified(&self) -> &Verified {
        &self.0.verified
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store(of {})", self.node_id().short())
    }
}
