//! `/webhooks`: who is told of what happens here.

mod behind;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ods_store::{
    Made, OLD_SECRET_FOR_MS_MAX, StoreError, Webhook, WebhookChange, WebhookEdit, WebhookError, WebhookId,
    WebhookSettings,
};

use self::behind::{Behind, behind};
use crate::auth::Admin;
use crate::blocking::blocking;
use crate::conditions;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, OptionalJsonBody, Params, creation_key, page_of};
use crate::once;
use crate::paths::AboutId;
use crate::types::{
    NewWebhookView, Page, PageQuery, RotateRequest, SkipRequest, WebhookPatch, WebhookRequest, WebhookView,
};
use crate::webhook_address::{AddressRules, BadWebhookUrl, check_new_url};

/// How long the old secret signs too, unless the caller says: a day.
const KEEP_OLD_FOR_S: u64 = 24 * 60 * 60;

/// List webhooks, oldest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "list_webhooks", tag = "webhooks", params(PageQuery),
    responses((status = 200, body = Page<WebhookView>)))]
pub(crate) async fn list(admin: Admin, Params(query): Params<PageQuery>) -> Result<Json<Page<WebhookView>>, ApiError> {
    blocking(move || {
        page_of("webhooks", views(&admin, admin.store().webhooks()?)?, &query, |webhook: &WebhookView| {
            creation_key(webhook.created_at, &webhook.id)
        })
    })
    .await
    .map(Json)
}

/// Make a webhook.
///
/// It is told of what happens from here on. Its secret is in the answer, and again only in that to the same request with the same
/// `Idempotency-Key`, for a day and until the webhook is changed. Each delivery is signed as Standard Webhooks 1.0 says: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "create_webhook", tag = "webhooks", params(once::IdempotencyKey),
    request_body = WebhookRequest, responses((status = 201, body = NewWebhookView)),
    extensions(("x-ods-errors" = json!([Code::TooMany, Code::AddressRefused]))))]
pub(crate) async fn create(
    admin: Admin,
    headers: HeaderMap,
    JsonBody(request): JsonBody<WebhookRequest>,
) -> Result<(StatusCode, Json<NewWebhookView>), ApiError> {
    let once = once::of(&headers, &admin, "webhook", &request)?;
    let settings = WebhookSettings {
        name: request.name,
        url: request.url,
        types: request.types,
        paths: request.paths,
        tags: request.tags,
        allow_private: request.allow_private,
    };
    let made = blocking(move || {
        check_address(&admin, &settings)?;
        let (store, author, now) = (admin.store(), admin.author(), admin.reader().now());
        match store.create_webhook_once(&settings, once, &author, now)? {
            Made::Now(webhook) => with_secret(&admin, webhook),
            Made::Before(id) => made_before(&admin, &id),
        }
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Show a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", operation_id = "show_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 200, body = WebhookView, headers(("ETag" = String, description = "Its `etag` in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook]))))]
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
    responses((status = 200, body = WebhookView, headers(("ETag" = String, description = "Its `etag` in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook, Code::AddressRefused]))))]
pub(crate) async fn edit(
    admin: Admin,
    AboutId(id): AboutId,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<WebhookPatch>,
) -> Result<Response, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::expected(&headers)?);
    let edit = WebhookEdit {
        name: patch.name,
        url: patch.url,
        types: patch.types,
        paths: patch.paths,
        tags: patch.tags,
        allow_private: patch.allow_private,
        on: patch.enabled,
    };
    let view = blocking(move || {
        // An early word for people. What counts is the address that is connected to, whatever two who change it at once make of it.
        if edit.url.is_some() || edit.allow_private.is_some() {
            check_address(&admin, &edit.applied_to(&admin.store().webhook(id)?.row.settings))?;
        }
        let change = WebhookChange::Edit(edit);
        view(&admin, admin.store().change_webhook(id, &change, &expected, &admin.author(), admin.reader().now())?)
    });
    answer(view.await?)
}

/// Remove a webhook with its log.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", operation_id = "remove_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: remove only what stands so")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook]))))]
pub(crate) async fn remove(admin: Admin, AboutId(id): AboutId, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let (id, expected) = (parse(&id)?, conditions::expected(&headers)?);
    if blocking(move || admin.store().remove_webhook(id, &expected, &admin.author(), admin.reader().now())).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(WebhookError::NoSuchWebhook.into())
}

/// Give a webhook a new secret.
///
/// The one before signs too for a while, so that receivers can change theirs without a gap; and those before that, which did
/// still, go on doing so, but no longer than it. A body is not needed.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", operation_id = "rotate_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id"),
        ("If-Match" = Option<String>, Header, description = "An `etag` in double quotes: change only what stands so")),
    request_body = Option<RotateRequest>,
    responses((status = 200, body = NewWebhookView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook, Code::TooMany]))))]
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
    request_body = SkipRequest, responses((status = 200, body = WebhookView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook, Code::NoSuchDelivery, Code::NothingToSkip]))))]
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

/// The id of a webhook in an address, or the error that there is none.
pub(super) fn parse(id: &str) -> Result<WebhookId, ApiError> {
    Ok(id.parse::<WebhookId>()?)
}

fn answer(view: WebhookView) -> Result<Response, ApiError> {
    conditions::tagged(&view.etag.clone(), view)
}

fn check_address(admin: &Admin, settings: &WebhookSettings) -> Result<(), ApiError> {
    let own = admin.reader().state().options.own.clone().and_urls(admin.store().urls()?);
    let rules = AddressRules { allow_private: settings.allow_private, own };
    let refused = |error: BadWebhookUrl| {
        let code = match &error {
            BadWebhookUrl::Malformed(_) => Code::Invalid,
            BadWebhookUrl::Refused(_) => Code::AddressRefused,
        };
        ApiError::new(code, error.to_string()).fact("field", "url")
    };
    check_new_url(&settings.url, &rules).map(drop).map_err(refused)
}

fn view(admin: &Admin, webhook: Webhook) -> Result<WebhookView, ApiError> {
    Ok(views(admin, vec![webhook])?.remove(0))
}

fn views(admin: &Admin, webhooks: Vec<Webhook>) -> Result<Vec<WebhookView>, ApiError> {
    let behind = behind(admin.store(), &webhooks)?;
    let view = |(webhook, behind): (Webhook, Behind)| {
        let failing = webhook.progress.failing.as_ref();
        let message = failing.map(|failing| admin.store().message_id(failing.lsn)).transpose()?.unwrap_or_default();
        Ok(convert::webhook(webhook, (behind.deliveries, behind.more), |_| message.clone()))
    };
    webhooks.into_iter().zip(behind).map(view).collect()
}

/// What the same request made: shown as it was then, unless somebody changed or rotated it since, or removed it.
fn made_before(admin: &Admin, id: &str) -> Result<NewWebhookView, ApiError> {
    match admin.store().webhook(parse(id)?) {
        Ok(webhook) if webhook.row.edits == 0 => with_secret(admin, webhook),
        Ok(_) | Err(StoreError::Webhook(WebhookError::NoSuchWebhook)) => Err(once::made_already("webhook", id)),
        Err(error) => Err(error.into()),
    }
}

fn with_secret(admin: &Admin, webhook: Webhook) -> Result<NewWebhookView, ApiError> {
    let secret = webhook.row.secret.text();
    Ok(NewWebhookView { secret, row: view(admin, webhook)? })
}
