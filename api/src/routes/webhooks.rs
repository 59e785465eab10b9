//! `/webhooks`: who is told of what happens here.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ods_store::{
    Expected, OLD_SECRET_FOR_MS_MAX, PAGE_ROWS_MAX, StoreError, Webhook, WebhookChange, WebhookError, WebhookFilter,
    WebhookId, WebhookSettings,
};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::conditions;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, OptionalJsonBody, Params, creation_key, page_of};
use crate::openapi::{BadRequest, Conflict, Invalid, NotFound, PreconditionFailed};
use crate::paths::AboutId;
use crate::types::{
    NewWebhookView, Page, PageQuery, RotateRequest, SkipRequest, WebhookPatch, WebhookRequest, WebhookView,
};
use crate::webhook_address::{AddressRules, BadWebhookUrl, check_url};
use crate::webhook_message::WebhookMessages;

/// How long the old secret signs too, unless the caller says: a day.
const KEEP_OLD_FOR_S: u64 = 24 * 60 * 60;

/// Pages of the journal that are looked through for what a webhook has yet to be told.
const BEHIND_PAGES_MAX: usize = 5;
/// How often a change that minds nothing is tried, when others change the same webhook in between.
const EDITS_MAX: usize = 8;

/// List webhooks, oldest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "list_webhooks", tag = "webhooks", params(PageQuery),
    responses((status = 200, body = Page<WebhookView>), BadRequest))]
pub(crate) async fn list(admin: Admin, Params(query): Params<PageQuery>) -> Result<Json<Page<WebhookView>>, ApiError> {
    blocking(move || {
        let webhooks = admin.store().webhooks()?;
        let views: Result<Vec<WebhookView>, ApiError> =
            webhooks.into_iter().map(|webhook| view(&admin, webhook)).collect();
        page_of(views?, &query, |webhook: &WebhookView| creation_key(webhook.created_at, &webhook.id))
    })
    .await
    .map(Json)
}

/// Make a webhook.
///
/// It is told of what happens from here on. Its secret is in the answer, and nowhere else ever again. Each delivery is
/// signed as Standard Webhooks 1.0 says: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "create_webhook", tag = "webhooks", request_body = WebhookRequest,
    responses((status = 201, body = NewWebhookView), BadRequest, Conflict, Invalid))]
pub(crate) async fn create(
    admin: Admin,
    JsonBody(request): JsonBody<WebhookRequest>,
) -> Result<(StatusCode, Json<NewWebhookView>), ApiError> {
    let settings = WebhookSettings {
        name: request.name,
        url: request.url,
        types: request.types,
        paths: request.paths,
        tags: request.tags,
        allow_private: request.allow_private,
    };
    check_address(&admin, &settings)?;
    let made = blocking(move || {
        let made = admin.store().create_webhook(&settings, &admin.author(), admin.reader().now())?;
        with_secret(&admin, made)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Show a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", operation_id = "show_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, body = WebhookView, headers(("ETag" = String, description = "Its `etag` in double quotes"))), NotFound))]
pub(crate) async fn show(admin: Admin, AboutId(id): AboutId) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    answer(blocking(move || view(&admin, admin.store().webhook(id)?)).await?)
}

/// Change a webhook, or switch it off or on.
///
/// Switched on, it goes on where it stopped; what the journal has pruned meanwhile is lost to it.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", operation_id = "edit_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: change only what stands so")),
    request_body = WebhookPatch,
    responses((status = 200, body = WebhookView, headers(("ETag" = String, description = "Its `etag` in double quotes"))), BadRequest, NotFound, PreconditionFailed, Invalid))]
pub(crate) async fn edit(
    admin: Admin,
    AboutId(id): AboutId,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<WebhookPatch>,
) -> Result<Response, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::expected(&headers)?);
    let view = blocking(move || {
        for _ in 1..EDITS_MAX {
            match edit_once(&admin, id, &patch, &expected)? {
                // Somebody else was first, and the caller doesn't mind: on top of what they did, then.
                Err(StoreError::Edited { .. }) if expected == Expected::Any => {}
                outcome => return view(&admin, outcome?),
            }
        }
        view(&admin, edit_once(&admin, id, &patch, &expected)??)
    });
    answer(view.await?)
}

/// Remove a webhook with its log.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", operation_id = "remove_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: remove only what stands so")),
    responses((status = 204, description = "It is gone"), BadRequest, NotFound, PreconditionFailed))]
pub(crate) async fn remove(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::expected(&headers)?);
    if blocking(move || admin.store().remove_webhook(id, &expected, &admin.author(), admin.reader().now())).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(WebhookError::NoSuchWebhook.into())
}

/// Give a webhook a new secret.
///
/// The one before signs too for a while, so that receivers can change theirs without a gap. A body is not needed.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", operation_id = "rotate_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: change only what stands so")),
    request_body = Option<RotateRequest>,
    responses((status = 200, body = NewWebhookView), BadRequest, NotFound, PreconditionFailed, Invalid))]
pub(crate) async fn rotate(
    admin: Admin,
    AboutId(id): AboutId,
    headers: HeaderMap,
    OptionalJsonBody(request): OptionalJsonBody<RotateRequest>,
) -> Result<Json<NewWebhookView>, ApiError> {
    let expected = conditions::expected(&headers)?;
    let (id, keep_s) = (parse(&id)?, request.keep_old_for_s.unwrap_or(KEEP_OLD_FOR_S));
    let keep_old_for_ms = keep_s.saturating_mul(1000);
    if keep_old_for_ms > OLD_SECRET_FOR_MS_MAX {
        let detail = format!("`keep_old_for_s` is at most {}", OLD_SECRET_FOR_MS_MAX / 1000);
        return Err(ApiError::new(Code::Invalid, detail).fact("field", "keep_old_for_s"));
    }
    blocking(move || {
        let change = WebhookChange::Rotate { keep_old_for_ms };
        let rotated = admin.store().change_webhook(id, &change, &expected, &admin.author(), admin.reader().now())?;
        with_secret(&admin, rotated)
    })
    .await
    .map(Json)
}

/// Pass over the delivery that holds a webhook up, or over everything that it wasn't told yet.
///
/// A body is not needed.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/skip", operation_id = "skip_delivery", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    request_body = SkipRequest, responses((status = 200, body = WebhookView), BadRequest, NotFound, Conflict, Invalid))]
pub(crate) async fn skip(
    admin: Admin,
    AboutId(id): AboutId,
    OptionalJsonBody(request): OptionalJsonBody<SkipRequest>,
) -> Result<Json<WebhookView>, ApiError> {
    let id = parse(&id)?;
    if request.all && request.delivery.is_some() {
        let detail = "give `delivery` or `all`, not both";
        return Err(ApiError::new(Code::Invalid, detail).fact("field", "all"));
    }
    blocking(move || {
        let (author, now) = (admin.author(), admin.reader().now());
        let skipped = match request.delivery {
            _ if request.all => admin.store().skip_all_deliveries(id, &author, now)?,
            Some(delivery) => {
                let lsn = super::deliveries::find(&admin, id, &delivery)?.0;
                admin.store().skip_delivery(id, Some(lsn), &author, now)?
            }
            None => admin.store().skip_delivery(id, None, &author, now)?,
        };
        view(&admin, skipped)
    })
    .await
    .map(Json)
}

/// Changes a webhook as it stands at this moment, which must be as expected.
fn edit_once(
    admin: &Admin,
    id: WebhookId,
    patch: &WebhookPatch,
    expected: &Expected,
) -> Result<Result<Webhook, StoreError>, ApiError> {
    let row = admin.store().webhook(id)?.row;
    let seen = match expected {
        Expected::Any => &Expected::OneOf(vec![row.tag()]),
        Expected::OneOf(_) => expected,
    };
    let (patch, before) = (patch.clone(), row.settings);
    let settings = WebhookSettings {
        name: patch.name.unwrap_or(before.name),
        url: patch.url.unwrap_or(before.url),
        types: patch.types.unwrap_or(before.types),
        paths: patch.paths.unwrap_or(before.paths),
        tags: patch.tags.unwrap_or(before.tags),
        allow_private: patch.allow_private.unwrap_or(before.allow_private),
    };
    check_address(admin, &settings)?;
    let change = WebhookChange::Edit { settings, on: patch.enabled };
    Ok(admin.store().change_webhook(id, &change, seen, &admin.author(), admin.reader().now()))
}

/// The id of a webhook in an address, or the error that there is none.
pub(super) fn parse(id: &str) -> Result<WebhookId, ApiError> {
    Ok(id.parse::<WebhookId>()?)
}

fn answer(view: WebhookView) -> Result<Response, ApiError> {
    conditions::tagged(&view.etag.clone(), view)
}

fn check_address(admin: &Admin, settings: &WebhookSettings) -> Result<(), ApiError> {
    let own = admin.reader().state().options.own.clone();
    let rules = AddressRules { allow_private: settings.allow_private, own };
    let refused = |error: BadWebhookUrl| {
        let code = match &error {
            BadWebhookUrl::Malformed(_) => Code::Invalid,
            BadWebhookUrl::Refused(_) => Code::AddressRefused,
        };
        ApiError::new(code, error.to_string()).fact("field", "url")
    };
    check_url(&settings.url, &rules).map(drop).map_err(refused)
}

fn view(admin: &Admin, webhook: Webhook) -> Result<WebhookView, ApiError> {
    let failing = webhook.progress.failing.as_ref();
    let message = failing.map(|failing| admin.store().message_id(failing.lsn)).transpose()?.unwrap_or_default();
    let behind = behind(admin, &webhook)?;
    Ok(convert::webhook(webhook, behind, |_| message.clone()))
}

/// How many deliveries a webhook has yet to get, and whether there may be more than were counted.
fn behind(admin: &Admin, webhook: &Webhook) -> Result<(u64, bool), ApiError> {
    let (store, filter) = (admin.store(), WebhookFilter::new(&webhook.row.settings)?);
    let messages = WebhookMessages::new(store.clone(), "");
    let (mut at, mut count) = (webhook.progress.cursor, 0);
    for _ in 0..BEHIND_PAGES_MAX {
        let page = store.records(at, PAGE_ROWS_MAX)?;
        for record in &page.items {
            count += u64::from(messages.concerns(record, &filter)?);
            at = record.lsn;
        }
        if page.next.is_none() {
            return Ok((count, false));
        }
    }
    Ok((count, true))
}

fn with_secret(admin: &Admin, webhook: Webhook) -> Result<NewWebhookView, ApiError> {
    let secret = webhook.row.secret.text();
    Ok(NewWebhookView { secret, row: view(admin, webhook)? })
}
