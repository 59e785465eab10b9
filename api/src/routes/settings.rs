//! `/settings`: what the node runs with, where that comes from, and changing some of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use ods_store::{NodeEdit, StoredSettings};
use serde_json::Value;

use crate::auth::{Admin, DownloadMode};
use crate::blocking::blocking;
use crate::conditions::{self, entity_tag};
use crate::convert::header;
use crate::error::{ApiError, Code};
use crate::extract::JsonBody;
use crate::routes::urls;
use crate::settings_handle::{Setting, SettingChange, SettingSource};
use crate::types::{SettingView, SettingsPatch, SettingsView};

/// Show every setting: its value, where that comes from, and whether it can be changed here.
#[utoipa::path(get, path = "/api/v1/settings", operation_id = "show_settings", tag = "node",
    responses((status = 200, body = SettingsView, headers(("ETag" = String, description = "The version in double quotes")))))]
pub(crate) async fn show(admin: Admin) -> Result<Response, ApiError> {
    blocking(move || answer(&admin)).await
}

/// Change settings.
///
/// A merge patch (RFC 7396): keys that aren't there stay, null takes back what was stored here. All or none are changed.
/// What was given by flag, environment or file can only be changed there, but for the name, which they give anew only once.
#[utoipa::path(patch, path = "/api/v1/settings", operation_id = "edit_settings", tag = "node", params(
        ("If-Match" = Option<String>, Header, description = "A version in double quotes: change only that one")),
    request_body(content = SettingsPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, body = SettingsView, headers(("ETag" = String, description = "The version in double quotes")))),
    extensions(("x-ods-errors" = json!([Code::SetElsewhere, Code::NotChangeable, Code::TooMany]))))]
pub(crate) async fn edit(
    admin: Admin,
    headers: HeaderMap,
    JsonBody(SettingsPatch { values: changes }): JsonBody<SettingsPatch>,
) -> Result<Response, ApiError> {
    let expected = conditions::version(&headers)?;
    blocking(move || {
        let _alone = admin.reader().state().settings_change();
        let settings = &admin.reader().state().options.settings;
        for key in changes.keys() {
            must_be_changeable(settings.all().iter().find(|setting| setting.key == key), key)?;
        }
        let stored = admin.store().stored_settings()?;
        let mut values = parsed(&stored);
        for (key, value) in &changes {
            match value {
                Value::Null => drop(values.remove(key)),
                value => drop(values.insert(key.clone(), value.clone())),
            }
        }
        settings.check(&values).map_err(|(key, reason)| {
            ApiError::new(Code::Invalid, format!("{key} can't have this value: {reason}")).fact("field", key)
        })?;
        // The node keeps these two itself.
        let kept = changes.iter().filter(|(key, _)| !["name", "urls"].contains(&key.as_str()));
        let texts = kept.map(|(key, value)| (key.clone(), (!value.is_null()).then(|| value.to_string())));
        let now = admin.reader().now();
        let elsewhere = kept_elsewhere(&admin, &changes)?;
        admin.store().change_settings(texts.collect(), elsewhere, expected, &admin.author(), now)?;
        apply(&admin, &changes);
        answer(&admin)
    })
    .await
}

fn must_be_changeable(setting: Option<&Setting>, key: &str) -> Result<(), ApiError> {
    let Some(setting) = setting else {
        let detail = format!("there is no setting {key:?}; `GET /api/v1/settings` lists them");
        return Err(ApiError::new(Code::Invalid, detail).fact("field", key));
    };
    if setting.change == SettingChange::Never {
        let detail = format!("{key} can only be set by flag, environment or file, before the node starts");
        return Err(ApiError::new(Code::NotChangeable, detail).fact("field", key));
    }
    match setting.source {
        SettingSource::Stored | SettingSource::Default => Ok(()),
        SettingSource::Flag | SettingSource::Environment | SettingSource::File if key == FIRST_NAME => Ok(()),
        SettingSource::Flag | SettingSource::Environment | SettingSource::File => {
            let detail = format!("{key} was given by {}; change it there", setting.place);
            Err(ApiError::new(Code::SetElsewhere, detail).fact("field", key).fact("place", setting.place.as_str()))
        }
    }
}

/// The setting that a start takes from flag, environment or file only where it is given anew: a name that was chosen since stays.
const FIRST_NAME: &str = "name";

fn is_given(setting: &Setting) -> bool {
    !matches!(setting.source, SettingSource::Stored | SettingSource::Default)
}

/// The value that a setting has after the changes, if it is among them.
fn value_after(admin: &Admin, changes: &BTreeMap<String, Value>, key: &str) -> Option<Value> {
    let value = changes.get(key)?;
    if !value.is_null() {
        return Some(value.clone());
    }
    let settings = admin.reader().state().options.settings.all();
    let setting = settings.iter().find(|setting| setting.key == key)?;
    if key == FIRST_NAME && is_given(setting) { Some(setting.value.clone()) } else { setting.default.clone() }
}

/// What the node keeps itself.
fn kept_elsewhere(admin: &Admin, changes: &BTreeMap<String, Value>) -> Result<NodeEdit, ApiError> {
    let name = match value_after(admin, changes, FIRST_NAME) {
        None => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err(ApiError::new(Code::Invalid, "name is a text").fact("field", FIRST_NAME)),
    };
    let list = value_after(admin, changes, "urls").and_then(|urls| serde_json::from_value(urls).ok());
    Ok(NodeEdit { name, urls: list.map(urls::parse).transpose()?, ..NodeEdit::default() })
}

/// Puts into force what counts at once.
fn apply(admin: &Admin, changes: &BTreeMap<String, Value>) {
    let mode = value_after(admin, changes, "downloads.access");
    if let Some(mode) = mode.as_ref().and_then(Value::as_str).and_then(DownloadMode::parse) {
        admin.reader().state().set_download_mode(mode);
    }
}

fn parsed(stored: &StoredSettings) -> BTreeMap<String, Value> {
    let values = stored.values.iter().filter_map(|(key, text)| Some((key.clone(), serde_json::from_str(text).ok()?)));
    values.collect()
}

fn answer(admin: &Admin) -> Result<Response, ApiError> {
    let stored = admin.store().stored_settings()?;
    let values = parsed(&stored);
    let state = admin.reader().state();
    let (name, own_urls) = (admin.store().name()?, admin.store().urls()?);
    let items: Vec<SettingView> = state
        .options
        .settings
        .all()
        .iter()
        .map(|setting| {
            let now = match setting.key {
                "name" => Some(Value::from(name.clone())),
                "urls" => Some(Value::from(own_urls.clone())),
                "downloads.access" => Some(Value::from(state.download_mode().as_str())),
                _ => None,
            };
            view(setting, now, values.get(setting.key))
        })
        .collect();
    let restart_needed = items.iter().any(|item| item.restart_needed);
    let tag = header(&entity_tag(stored.version))?;
    Ok(([(ETAG, tag)], Json(SettingsView { version: stored.version, restart_needed, items })).into_response())
}

fn view(setting: &Setting, now: Option<Value>, stored: Option<&Value>) -> SettingView {
    let value = now.unwrap_or_else(|| setting.value.clone());
    let expected = stored.cloned().or_else(|| setting.default.clone());
    let free = matches!(setting.source, SettingSource::Stored | SettingSource::Default);
    let renamed = setting.key == FIRST_NAME && is_given(setting) && value != setting.value;
    let changed = renamed || (setting.change == SettingChange::Now && free && setting.default.as_ref() != Some(&value));
    let (source, place) = match setting.source {
        _ if renamed => (SettingSource::Stored, "stored"),
        SettingSource::Default if changed => (SettingSource::Stored, "stored"),
        SettingSource::Stored if setting.change == SettingChange::Now && !changed => {
            (SettingSource::Default, "default")
        }
        source => (source, setting.place.as_str()),
    };
    SettingView {
        key: setting.key.to_owned(),
        meaning: setting.meaning.to_owned(),
        kind: setting.kind.to_owned(),
        minimum: setting.bounds.map(|(least, _)| least),
        maximum: setting.bounds.map(|(_, most)| most),
        restart_needed: setting.change == SettingChange::Restart && free && expected.is_some_and(|it| it != value),
        value: value.clone(),
        default: setting.default.clone().unwrap_or_default(),
        source: source_name(source).to_owned(),
        place: place.to_owned(),
        change: match setting.change {
            SettingChange::Now => "now",
            SettingChange::Restart => "restart",
            SettingChange::Never => "never",
        }
        .to_owned(),
        stored: if changed { value.clone() } else { stored.cloned().unwrap_or_default() },
    }
}

const fn source_name(source: SettingSource) -> &'static str {
    match source {
        SettingSource::Flag => "flag",
        SettingSource::Environment => "environment",
        SettingSource::File => "file",
        SettingSource::Stored => "stored",
        SettingSource::Default => "default",
    }
}
