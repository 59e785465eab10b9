//! What travels: the JSON of `/api/v1`, shared by routes, client and the OpenAPI document.
//!
//! Invariants: `snake_case`; times are RFC 3339 UTC; sizes are bytes; digests and ids are 64 lower-case hex digits. Fields
//! may be added, none is renamed. Closed sets of names travel as text in answers, so that an older client reads a newer
//! node's; what a client sends is parsed into enums. Conversions from the store's types are in `convert.rs`.

mod accounts;
mod audit;
mod bulk;
mod events;
mod limits;
mod mesh;
mod node;
mod objects;
mod packages;
mod problem;
mod roster;
mod scrub;
mod settings;
mod storage;
mod survey;
mod times;
mod tokens;
mod transfers;
mod uploads;
mod watches;
mod webhooks;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use accounts::{
    IdentityView, PasswordRequest, SessionView, SetUpLinkView, SignInRequest, UserPatchRequest, UserRequest, UserView,
};
pub use audit::{AuditQuery, AuditView};
pub use bulk::{AnchorQuery, AnchorsView, BulkAction, BulkItem, BulkRequest, BulkResult, BulkView};
pub use events::{EventQuery, RecordView, RecordsView, StreamQuery};
pub use limits::{DayName, LimitsView, WindowView};
pub use mesh::{Behind, InviteRequest, InviteView, JoinRequest, PeerPatch, PeerView, RoleName, SyncView};
pub use node::{
    CertificateView, ListenerView, LogView, NodePatch, NodeView, PolicyMode, PolicyView, StorageView, WantsView,
};
pub use packages::{
    Author, Change, PackagePatch, PackageQuery, PackageView, PublishQuery, PublishedView, Replicas, RestoreRequest,
    RevisionView,
};
pub use problem::Problem;
pub use roster::{
    AdmitRequest, AdmitView, ExpelQuery, ExpelView, ExpulsionView, MemberView, OnlyThereView, RosterView, RosterWarning,
};
pub use scrub::{Progress, ScrubFindings, ScrubView};
pub use settings::{SettingView, SettingsPatch, SettingsView};
pub use storage::{
    FilesView, GcFailedView, GcItemView, GcRequest, GcView, KeptView, LastGcView, StorageUsageView, TallyView,
    UnkeptView, UsageNoteView,
};
pub use survey::{HolderView, LinkView, MeshNodeView, MissingPackage, MissingView, ReplicationView};
pub use tokens::{NewTokenView, ScopeName, TokenRequest, TokenView};
pub use transfers::{PastTransferView, TransferBytes, TransferView};
pub use uploads::{UploadRefusalView, UploadView};
pub use watches::{
    ConfirmRequest, LeftView, PauseView, RefusedView, SettlingView, TakenView, WatchModeName, WatchPatch, WatchRequest,
    WatchView,
};
pub use webhooks::{
    AttemptView, DeliveryQuery, DeliveryView, FailingView, NewWebhookView, RedeliverRequest, RedeliveryView,
    RotateRequest, SkipRequest, WebhookPatch, WebhookRequest, WebhookView,
};

/// A list, or a page of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give it as `after` to get the rows behind these; null when there are none. Opaque, and good for this list in this order
    /// only; that of `/events` is an LSN. A page may be short, even empty, and still have a next one.
    #[schema(required = true)]
    pub next: Option<String>,
    /// How many rows there are on all pages; null where telling would need a scan.
    #[schema(required = true)]
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// A list that always fits one page.
    pub fn whole(items: Vec<T>) -> Self {
        let total = Some(items.len() as u64);
        Self { items, next: None, total }
    }
}

/// What the short lists take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// At most this many rows, 1–1000; 1000 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
    /// The `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
