//! `/watches`: folders that this node publishes from.

use std::path::MAIN_SEPARATOR;
use std::time::Duration;

use axum::Json;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ods_store::{Digest, WatchId, WatchOrder, WatchOutcome, WatchPatch as Change, WatchSettings};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::conditions::{self, entity_tag};
use crate::convert::{self, header};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, creation_key, page_of, parse_id};
use crate::paths::AboutId;
use crate::types::{ConfirmRequest, LeftView, Page, PageQuery, WatchPatch, WatchRequest, WatchView};
use crate::watch_handle::{BadFolder, ConfiguredWatch, WatchState};

/// Files that are looked through for what stays at a watch's old place, and packages that are shown of it.
const LEFT_FILES_MAX: usize = 10_000;
const LEFT_PATHS_SHOWN_MAX: usize = 100;
/// How long an answer waits for what a watch has under way when it is removed.
const PASS_ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How long a file must rest unless the caller says.
const SETTLE_S: u64 = 10;
/// After how long a folder is read anew unless the caller says.
const RESCAN_S: u64 = 60;

/// List the watched folders, with what they took, refused and wait for.
///
/// Those that the configuration names come first.
#[utoipa::path(get, path = "/api/v1/watches", operation_id = "list_watches", tag = "watches", params(PageQuery),
    responses((status = 200, body = Page<WatchView>)))]
pub(crate) async fn list(admin: Admin, Params(query): Params<PageQuery>) -> Result<Json<Page<WatchView>>, ApiError> {
    blocking(move || {
        let handle = &admin.reader().state().watches;
        let configured =
            handle.configured().iter().map(|watch| convert::configured_watch(watch, handle.status(watch.id)));
        let mut views: Vec<(String, WatchView)> =
            configured.enumerate().map(|(place, view)| (format!("0:{place:06}"), view)).collect();
        for row in admin.store().watches()? {
            let (id, created_at) = (row.id, convert::timestamp(row.created_at));
            let key = format!("1:{}", creation_key(created_at, &id.to_string()));
            views.push((key, convert::watch(row, handle.status(id))));
        }
        let page = page_of("watches", views, &query, |(key, _)| key.clone())?;
        let items = page.items.into_iter().map(|(_, view)| view).collect();
        Ok::<_, ApiError>(Page { items, next: page.next, total: page.total })
    })
    .await
    .map(Json)
}

/// Watch a folder.
///
/// It must be there, and lie below one of the setting `watch.roots`, links resolved; the node must be able to read it.
#[utoipa::path(post, path = "/api/v1/watches", operation_id = "create_watch", tag = "watches", request_body = WatchRequest,
    responses((status = 201, body = WatchView, headers(("ETag" = String, description = "The version in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::FolderTaken, Code::TooMany, Code::OutsideWatchRoots]))))]
pub(crate) async fn create(admin: Admin, JsonBody(request): JsonBody<WatchRequest>) -> Result<Response, ApiError> {
    blocking(move || {
        let settings = WatchSettings {
            folder: real_folder(&admin, &request.folder)?,
            prefix: request.prefix,
            tags: request.tags,
            mode: request.mode.into(),
            settle_s: request.settle_s.unwrap_or(SETTLE_S),
            rescan_s: request.rescan_s.unwrap_or(RESCAN_S),
            enabled: request.enabled.unwrap_or(true),
        };
        let row = admin.store().create_watch(&settings, &admin.author(), admin.reader().now())?;
        answer(StatusCode::CREATED, convert::watch(row, None))
    })
    .await
}

/// Show a watch.
#[utoipa::path(get, path = "/api/v1/watches/{id}", operation_id = "show_watch", tag = "watches", params(("id" = String, Path, description = "The watch's id")),
    responses((status = 200, body = WatchView, headers(("ETag" = String, description = "The version in double quotes, if it may be changed here")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchWatch]))))]
pub(crate) async fn show(admin: Admin, AboutId(id): AboutId) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    blocking(move || answer(StatusCode::OK, view(&admin, id)?)).await
}

/// Change a watch, or switch it off or on.
///
/// One that the configuration names is changed there.
#[utoipa::path(patch, path = "/api/v1/watches/{id}", operation_id = "edit_watch", tag = "watches", params(
        ("id" = String, Path, description = "The watch's id"),
        ("If-Match" = Option<String>, Header, description = "A version in double quotes: change only that one")),
    request_body = WatchPatch,
    responses((status = 200, body = WatchView, headers(("ETag" = String, description = "The version in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchWatch, Code::SetElsewhere, Code::FolderTaken, Code::OutsideWatchRoots]))))]
pub(crate) async fn edit(
    admin: Admin,
    AboutId(id): AboutId,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<WatchPatch>,
) -> Result<Response, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::version(&headers)?);
    blocking(move || {
        must_be_changeable(&admin, id)?;
        let before = admin.store().watch(id)?.settings;
        let change = Change {
            folder: patch.folder.map(|folder| real_folder(&admin, &folder)).transpose()?,
            prefix: patch.prefix,
            tags: patch.tags,
            mode: patch.mode.map(Into::into),
            settle_s: patch.settle_s,
            rescan_s: patch.rescan_s,
            enabled: patch.enabled,
        };
        let row = admin.store().edit_watch(id, &change, expected, &admin.author(), admin.reader().now())?;
        let left = left(&admin, &before, &row.settings)?;
        let view = convert::watch(row, admin.reader().state().watches.status(id));
        answer(StatusCode::OK, WatchView { left, ..view })
    })
    .await
}

/// What stays where the watch published it before its prefix was changed.
fn left(admin: &Admin, before: &WatchSettings, now: &WatchSettings) -> Result<Option<LeftView>, ApiError> {
    if (&before.prefix, &before.folder) == (&now.prefix, &now.folder) {
        return Ok(None);
    }
    let (store, prefix) = (admin.store(), before.prefix.trim_matches('/'));
    let mut left = LeftView { count: 0, paths: Vec::new() };
    let below = format!("{}{}", before.folder.trim_end_matches(MAIN_SEPARATOR), MAIN_SEPARATOR);
    for (_, file) in store.watched_files(&below)?.into_iter().take(LEFT_FILES_MAX) {
        let WatchOutcome::Published(revision) = file.outcome else { continue };
        let Some((path, _)) = store.revision(&revision)?.filter(|(path, _)| path.is_under(prefix)) else { continue };
        if store.package(&path)?.is_some_and(|package| Some(package.blob) == file.digest) {
            left.count += 1;
            if left.paths.len() < LEFT_PATHS_SHOWN_MAX {
                left.paths.push(path.as_str().to_owned());
            }
        }
    }
    Ok((left.count > 0).then_some(left))
}

/// Watch a folder no longer.
///
/// What was published from there stays. A file that is being taken meanwhile is published yet or not at all; for that the
/// answer waits, 10 s at most. A watch that the configuration names is removed there.
#[utoipa::path(delete, path = "/api/v1/watches/{id}", operation_id = "remove_watch", tag = "watches", params(
        ("id" = String, Path, description = "The watch's id"),
        ("If-Match" = Option<String>, Header, description = "A version in double quotes: remove only that one")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-ods-errors" = json!([Code::NoSuchWatch, Code::SetElsewhere]))))]
pub(crate) async fn remove(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::version(&headers)?);
    let watches = admin.reader().state().watches.clone();
    blocking(move || {
        must_be_changeable(&admin, id)?;
        admin.store().remove_watch(id, expected, &admin.author(), admin.reader().now()).map_err(ApiError::from)
    })
    .await?;
    // It is gone, whether or not that ends in time.
    let _in_time = tokio::time::timeout(PASS_ENDS_WITHIN, watches.ended(id)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Read a watched folder at once.
///
/// `last_scan_at` tells when that was done. Files must still rest before they are taken.
#[utoipa::path(post, path = "/api/v1/watches/{id}/scan", operation_id = "scan_watch", tag = "watches", params(("id" = String, Path, description = "The watch's id")),
    responses((status = 202, body = WatchView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWatch]))))]
pub(crate) async fn scan(admin: Admin, AboutId(id): AboutId) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    blocking(move || {
        let view = view(&admin, id)?;
        admin.store().order_watch(id, WatchOrder::Scan, &admin.author(), admin.reader().now())?;
        answer(StatusCode::ACCEPTED, view)
    })
    .await
}

/// Have a paused mirror unpublish what is missing.
///
/// Just the set of files that `pause` shows: if others are missing by then, it asks again.
#[utoipa::path(post, path = "/api/v1/watches/{id}/confirm", operation_id = "confirm_watch", tag = "watches", params(("id" = String, Path, description = "The watch's id")),
    request_body = ConfirmRequest,
    responses((status = 202, body = WatchView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWatch, Code::NothingToConfirm, Code::PreconditionFailed]))))]
pub(crate) async fn confirm(
    admin: Admin,
    AboutId(id): AboutId,
    JsonBody(request): JsonBody<ConfirmRequest>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    blocking(move || {
        let view = view(&admin, id)?;
        let confirmed: Digest = parse_digest(&request.missing_digest)?;
        match admin.reader().state().watches.status(id).map(|status| status.state) {
            Some(WatchState::Paused(pause)) if pause.digest == Some(confirmed) => {
                let order = WatchOrder::Confirm(confirmed);
                admin.store().order_watch(id, order, &admin.author(), admin.reader().now())?;
                answer(StatusCode::ACCEPTED, view)
            }
            Some(WatchState::Paused(pause)) if pause.digest.is_some() => {
                let detail = "other files are missing by now; look at `pause` again";
                let current = pause.digest.map(|digest| digest.to_string());
                Err(ApiError::new(Code::PreconditionFailed, detail).fact("current", current))
            }
            _ => {
                let detail = "the watch asks nothing: only a mirror that is paused over missing files does, and not while \
                              its folder is away";
                Err(ApiError::new(Code::NothingToConfirm, detail).fact("state", view.state))
            }
        }
    })
    .await
}

fn parse(id: &str) -> Result<WatchId, ApiError> {
    parse_id(id, Code::NoSuchWatch, "watch")
}

fn parse_digest(text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|_| {
        let detail = "`missing_digest` is the one that the watch's `pause` shows";
        ApiError::new(Code::Invalid, detail).fact("field", "missing_digest")
    })
}

fn configured(admin: &Admin, id: WatchId) -> Option<&ConfiguredWatch> {
    admin.reader().state().watches.configured().iter().find(|watch| watch.id == id)
}

fn view(admin: &Admin, id: WatchId) -> Result<WatchView, ApiError> {
    let status = admin.reader().state().watches.status(id);
    match configured(admin, id) {
        Some(watch) => Ok(convert::configured_watch(watch, status)),
        None => Ok(convert::watch(admin.store().watch(id)?, status)),
    }
}

fn must_be_changeable(admin: &Admin, id: WatchId) -> Result<(), ApiError> {
    let Some(watch) = configured(admin, id) else { return Ok(()) };
    let detail = format!("the watch of {} was given by {}; change it there", watch.settings.folder, watch.place);
    Err(ApiError::new(Code::SetElsewhere, detail).fact("place", watch.place.as_str()))
}

fn real_folder(admin: &Admin, folder: &str) -> Result<String, ApiError> {
    admin.reader().state().watches.check(folder).map_err(|bad| {
        let (code, reason) = match bad {
            BadFolder::Outside { reason } => (Code::OutsideWatchRoots, reason),
            BadFolder::Taken { reason } => (Code::FolderTaken, reason),
            BadFolder::Unusable { reason } => (Code::Invalid, reason),
        };
        let shown: String = folder.chars().take(200).collect();
        ApiError::new(code, reason).fact("field", "folder").fact("folder", shown)
    })
}

fn answer(status: StatusCode, view: WatchView) -> Result<Response, ApiError> {
    Ok(match view.version {
        Some(version) => (status, [(ETAG, header(&entity_tag(version))?)], Json(view)).into_response(),
        None => (status, Json(view)).into_response(),
    })
}
