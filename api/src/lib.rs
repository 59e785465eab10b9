//! The HTTP contract of an ODS node.

mod downloads;
mod request;

pub use request::{ClientAddress, RequestId};
//! The HTTP contract of an ODS node: wire types, errors, authorization, routes, OpenAPI, client.

mod client;
mod invite_line;
mod mesh_handle;
mod request;
mod types;
mod watch_handle;

pub use client::{
    Client, ClientError, Download, EventStream, Followed, Guard, ResumeFrom, TlsTrust, Upload, encode_path,
};
pub use invite_line::{InviteLine, NotAnInvite};
pub use mesh_handle::{JoinError, MeshCommand, MeshHandle, PeerState, PeerStatus, PeerStatuses, SyncError};
pub use request::{ClientAddress, RequestId};
pub use reqwest::Url;
pub use types::{
    Author, Behind, Change, EventQuery, InviteRequest, InviteView, JoinRequest, LogView, NewTokenView, NodePatch,
    NodeView, PackagePatch, PackageQuery, PackageView, Page, PageQuery, PeerPatch, PeerView, Problem, PublishQuery,
    PublishedView, RecordView, RestoreRequest, RevisionView, RoleName, ScopeName, StorageView, SyncView, TokenRequest,
    TokenView, WantsView,
};
pub use watch_handle::{RefusedFile, WatchHandle, WatchState, WatchStatus};
