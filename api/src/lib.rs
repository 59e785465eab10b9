//! The HTTP contract of an ODS node: wire types, errors, authorization, routes, OpenAPI, client.

mod auth;
mod blocking;
mod client;
mod conditions;
mod convert;
mod counted_body;
mod declared;
mod downloads;
mod error;
mod extract;
mod file_slices;
mod invite_line;
mod listeners_handle;
mod mesh_handle;
mod once;
mod openapi;
mod paths;
mod request;
mod router;
mod routes;
mod settings_handle;
mod survey;
mod transfer_board;
mod transfer_history;
mod types;
mod watch_handle;
mod webhook_address;
mod webhook_message;
mod whole_body;

pub use auth::{ApiOptions, AppState, DownloadMode};
pub use client::{
    Answer, Client, ClientError, Download, EventStream, Followed, Guard, ResumeFrom, SnapshotDownload, TlsTrust,
    Upload, encode_path, upload_metadata,
};
pub use counted_body::counted;
pub use downloads::blob_body;
pub use error::{ApiError, Code};
pub use file_slices::{FileSlices, Misplaced};
pub use invite_line::{InviteLine, NotAnInvite};
pub use listeners_handle::ListenersHandle;
pub use mesh_handle::{
    JoinError, MeshCommand, MeshHandle, PeerState, PeerStatus, PeerStatuses, SyncError, TransferStatus,
    TransferStatuses,
};
pub use openapi::document as openapi_document;
pub use request::{ClientAddress, Encrypted, RequestId};
pub use reqwest::Url;
pub use router::{Surfaces, router};
pub use routes::node_url;
pub use settings_handle::{BadSetting, Setting, SettingChange, SettingSource, SettingsHandle};
pub use transfer_board::{Asking, Receiver, Sending, TransferBoard};
pub use types::{
    AdmitRequest, AdmitView, AnchorQuery, AnchorsView, AttemptView, AuditQuery, AuditView, Author, Behind, BulkAction,
    BulkItem, BulkRequest, BulkResult, BulkView, CertificateView, Change, ConfirmRequest, DayName, DeliveryQuery,
    DeliveryView, EventQuery, ExpelQuery, ExpelView, ExpulsionView, FailingView, FilesView, GcFailedView, GcItemView,
    GcRequest, GcView, HolderView, IdentityView, InviteRequest, InviteView, JoinRequest, KeptView, LastGcView,
    LeftView, LimitsView, LinkView, ListenerView, LogView, MemberView, MeshNodeView, MissingPackage, MissingView,
    NewTokenView, NewWebhookView, NodePatch, NodeView, OnlyThereView, PackagePatch, PackageQuery, PackageView, Page,
    PageQuery, PasswordRequest, PastTransferView, PauseView, PeerPatch, PeerView, PolicyMode, PolicyView, Problem,
    Progress, PublishQuery, PublishedView, RecordView, RecordsView, RedeliverRequest, RedeliveryView, RefusedView,
    Replicas, ReplicationView, RestoreRequest, RevisionView, RoleName, RosterView, RosterWarning, RotateRequest,
    ScopeName, ScrubFindings, ScrubView, SessionView, SetUpLinkView, SettingView, SettingsPatch, SettingsView,
    SettlingView, SignInRequest, SkipRequest, StorageUsageView, StorageView, StreamQuery, SyncView, TakenView,
    TallyView, TokenRequest, TokenView, TransferBytes, TransferView, UnkeptView, UploadRefusalView, UploadView,
    UsageNoteView, UserPatchRequest, UserRequest, UserView, WantsView, WatchModeName, WatchPatch, WatchRequest,
    WatchView, WebhookPatch, WebhookRequest, WebhookView, WindowView,
};
pub use watch_handle::{
    BadFolder, ConfiguredWatch, RefusedFile, SettlingFile, TakenFile, WatchHandle, WatchPause, WatchState, WatchStatus,
};
pub use webhook_address::{AddressRefused, AddressRules, BadWebhookUrl, OwnAddresses, check_url, is_public};
pub use webhook_message::{WebhookMessage, WebhookMessages};
pub use whole_body::{BodyError, whole_body};
