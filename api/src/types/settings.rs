//! `/settings`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// All settings, and the version of those that are stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Settings)]
pub struct SettingsView {
    /// Greater after each change; in double quotes it is the `ETag`.
    pub version: u64,
    /// Whether something that was changed counts only from the next start on.
    pub restart_needed: bool,
    /// The settings.
    pub items: Vec<SettingView>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Setting, example = json!({"key": "downloads.access", "meaning": "Who may download: …", "type": "text", "minimum": null,
    "maximum": null, "value": "open", "default": "open", "source": "default", "place": "default", "change": "now",
    "stored": null, "restart_needed": false}))]
pub struct SettingView {
    /// Its key in the configuration file, with its table.
    pub key: String,
    /// What it means.
    pub meaning: String,
    /// `text`, `number`, `texts` or `tables`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The least that a number may be.
    #[schema(required = true)]
    pub minimum: Option<i64>,
    /// The most that a number may be.
    #[schema(required = true)]
    pub maximum: Option<i64>,
    /// What the node runs with.
    pub value: Value,
    /// What it is when nobody says otherwise; null where the machine tells.
    pub default: Value,
    /// `flag`, `environment`, `file`, `stored` or `default`.
    pub source: String,
    /// That, with its name: `flag --name`, `/etc/ods.toml:3`.
    pub place: String,
    /// Whether it may be changed here: `now`, `restart` (it counts from the next start on) or `never` (only by flag,
    /// environment or file).
    pub change: String,
    /// What was stored by a change here; null if nothing.
    pub stored: Value,
    /// Whether what is stored counts only from the next start on.
    pub restart_needed: bool,
}

/// Keys and their new values; null takes back what was stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"downloads.access": "token", "gc.grace": null}))]
pub struct SettingsPatch {
    /// The settings' keys and values.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub values: BTreeMap<String, Value>,
}
