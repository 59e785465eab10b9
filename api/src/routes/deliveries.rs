//! `/webhooks/{id}/deliveries`: what was sent to a webhook, and sending it again.

use axum::Json;
use axum::http::StatusCode;
use ods_store::{Delivery, DeliveryState, Lsn, UnixMillis, WebhookError, WebhookId};

use crate::auth::Admin;
use crate::blocking::blocking;
use crate::convert;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, Params, number_in, page_rows};
use crate::paths::{AboutId, AboutIdAndDelivery};
use crate::routes::webhooks::parse;
use crate::types::{DeliveryQuery, DeliveryView, Page, RedeliverRequest, RedeliveryView};

/// How the cursors of a webhook's list begin, so that those of other lists are known as such.
fn list_of(id: WebhookId) -> String {
    format!("deliveries:{id}")
}

const STATES: [DeliveryState; 5] = [
    DeliveryState::Waiting,
    DeliveryState::Delivered,
    DeliveryState::Failing,
    DeliveryState::Failed,
    DeliveryState::Skipped,
];

/// List what was sent to a webhook, newest first, with bodies and attempts.
///
/// Old deliveries go, by age and number.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", operation_id = "list_deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id"), DeliveryQuery),
    responses((status = 200, body = Page<DeliveryView>)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook]))))]
pub(crate) async fn list(
    admin: Admin,
    AboutId(id): AboutId,
    Params(query): Params<DeliveryQuery>,
) -> Result<Json<Page<DeliveryView>>, ApiError> {
    let (id, limit) = (parse(&id)?, page_rows(query.limit)?);
    let list = list_of(id);
    let after = number_in(&list, query.after.as_deref())?.map(Lsn::new);
    let state = query.state.as_deref().map(parse_state).transpose()?;
    blocking(move || {
        admin.store().webhook(id)?;
        let mut keep = |delivery: &Delivery| state.is_none_or(|state| state == delivery.state);
        let page = admin.store().deliveries(id, after, limit, &mut keep)?;
        let items = page.items.into_iter().map(|(lsn, delivery)| convert::delivery(lsn, delivery)).collect();
        Ok::<_, ApiError>(Page { items, next: page.next.map(|lsn| format!("{list}:{lsn}")), total: None })
    })
    .await
    .map(Json)
}

/// Show a delivery.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries/{delivery}", operation_id = "show_delivery", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id"), ("delivery" = String, Path, description = "The delivery's `id`, or its `lsn`")),
    responses((status = 200, body = DeliveryView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook, Code::NoSuchDelivery]))))]
pub(crate) async fn show(
    admin: Admin,
    AboutIdAndDelivery(id, delivery): AboutIdAndDelivery,
) -> Result<Json<DeliveryView>, ApiError> {
    let id = parse(&id)?;
    blocking(move || find(&admin, id, &delivery).map(|(lsn, delivery)| convert::delivery(lsn, delivery)))
        .await
        .map(Json)
}

/// Send a delivery again, once, whatever became of it.
///
/// It goes out soon, also while the webhook is switched off; the delivery's attempts tell how it went.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", operation_id = "redeliver", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id"), ("delivery" = String, Path, description = "The delivery's `id`, or its `lsn`")),
    responses((status = 202, body = DeliveryView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook, Code::NoSuchDelivery]))))]
pub(crate) async fn redeliver(
    admin: Admin,
    AboutIdAndDelivery(id, delivery): AboutIdAndDelivery,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let id = parse(&id)?;
    let queued = blocking(move || {
        let (lsn, delivery) = find(&admin, id, &delivery)?;
        admin.store().redeliver(id, lsn, &admin.author(), admin.reader().now())?;
        Ok::<_, ApiError>(convert::delivery(lsn, delivery))
    });
    Ok((StatusCode::ACCEPTED, Json(queued.await?)))
}

/// Send all deliveries since a time again, each once: those that were given up or skipped, or with `delivered` those too.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/redeliver", operation_id = "redeliver_since", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    request_body = RedeliverRequest, responses((status = 202, body = RedeliveryView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook]))))]
pub(crate) async fn redeliver_since(
    admin: Admin,
    AboutId(id): AboutId,
    JsonBody(request): JsonBody<RedeliverRequest>,
) -> Result<(StatusCode, Json<RedeliveryView>), ApiError> {
    let delivered = request.delivered;
    let (id, since) = (parse(&id)?, UnixMillis::new(u64::try_from(request.since.as_millisecond()).unwrap_or(0)));
    let queued =
        blocking(move || admin.store().redeliver_since(id, (since, delivered), &admin.author(), admin.reader().now()))
            .await?;
    Ok((StatusCode::ACCEPTED, Json(RedeliveryView { queued })))
}

/// Send a test to a webhook: `webhook.test`, once, whatever it filters, also while it is switched off.
///
/// It goes out soon; the delivery tells how it went.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", operation_id = "test_webhook", tag = "webhooks", params(("id" = String, Path, description = "The webhook's id")),
    responses((status = 202, body = DeliveryView)),
    extensions(("x-ods-errors" = json!([Code::NoSuchWebhook]))))]
pub(crate) async fn test(admin: Admin, AboutId(id): AboutId) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    let id = parse(&id)?;
    let queued = blocking(move || {
        let lsn = admin.store().test_webhook(id, &admin.author(), admin.reader().now())?;
        Ok::<_, ApiError>(convert::delivery(lsn, admin.store().delivery(id, lsn)?))
    });
    Ok((StatusCode::ACCEPTED, Json(queued.await?)))
}

/// A delivery by its id or its record's place.
pub(super) fn find(admin: &Admin, id: WebhookId, text: &str) -> Result<(Lsn, Delivery), ApiError> {
    admin.store().webhook(id)?;
    let lsn = text.rsplit('_').next().and_then(|digits| digits.parse().ok()).map(Lsn::new);
    let lsn = lsn.ok_or(WebhookError::NoSuchDelivery)?;
    let delivery = admin.store().delivery(id, lsn)?;
    let is_meant = text == lsn.to_string() || text == delivery.message;
    if is_meant { Ok((lsn, delivery)) } else { Err(WebhookError::NoSuchDelivery.into()) }
}

fn parse_state(text: &str) -> Result<DeliveryState, ApiError> {
    let state = STATES.into_iter().find(|state| convert::delivery_state(*state) == text);
    state.ok_or_else(|| {
        let names = STATES.map(convert::delivery_state).join(", ");
        ApiError::new(Code::BadQuery, format!("`state` is one of {names}")).fact("field", "state")
    })
}
