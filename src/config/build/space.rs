//! `[retention]`, `[gc]` and `[uploads]`: what is kept, and for how long.

use std::time::Duration;

use ods_store::{Keep, Retention, RetentionRule};

use super::{Values, count, invalid, take};
use crate::cli::duration_seconds;
use crate::config::ConfigError;
use crate::config::resolve::Resolved;
use crate::config::types::{RuleText, Space};

/// The longest time that can be meant: a hundred years.
const DURATION_S_MAX: u64 = 100 * 366 * 86_400;

pub(super) fn space(values: &mut Values<'_>) -> Result<Space, ConfigError> {
    let keep = Keep {
        revisions: count(values.get("retention.keep_revisions"))?,
        age_ms: milliseconds(length_of_time(values.get("retention.keep_age"))?),
        removed_ms: milliseconds(length_of_time(values.get("retention.keep_removed"))?),
    };
    let rules = rules(values.get("retention.rule"), keep)?;
    let grace = length_of_time(values.get("gc.grace"))?;
    let every = some_time(values.get("gc.every"))?;
    let uploads_kept = some_time(values.get("uploads.keep"))?;
    Ok(Space { keep, rules, grace, every, uploads_kept })
}

/// A setting such as "30d", of at least a second.
fn some_time(resolved: &mut Resolved) -> Result<Duration, ConfigError> {
    let text = take(resolved, |text: String| match duration(&text)? {
        Duration::ZERO => Err("a time of at least a second is needed".to_owned()),
        _ => Ok(text),
    })?;
    Ok(Duration::from_secs(duration_seconds(&text).unwrap_or(1)))
}

/// How long the journal's records are kept.
pub(super) fn journal_keep(values: &mut Values<'_>) -> Result<Duration, ConfigError> {
    length_of_time(values.get("journal.keep_age"))
}

fn rules(resolved: &mut Resolved, keep: Keep) -> Result<Vec<RetentionRule>, ConfigError> {
    let written = take(resolved, |rules: Vec<RuleText>| Ok(rules))?;
    let rules: Result<Vec<RetentionRule>, String> = written.into_iter().map(|rule| understood(rule, keep)).collect();
    let rules = rules.map_err(|reason| invalid(resolved, &reason))?;
    Retention::new(keep, &rules).map_err(|error| invalid(resolved, &error.to_string()))?;
    Ok(rules)
}

fn understood(rule: RuleText, keep: Keep) -> Result<RetentionRule, String> {
    let time = |text: Option<String>, general| text.map_or(Ok(general), |text| duration(&text).map(milliseconds));
    let (age_ms, removed_ms) = (time(rule.keep_age, keep.age_ms)?, time(rule.keep_removed, keep.removed_ms)?);
    let revisions = rule.keep_revisions.unwrap_or(keep.revisions);
    Ok(RetentionRule { paths: rule.paths, keep: Keep { revisions, age_ms, removed_ms } })
}

/// A setting such as "30d", or "0".
fn length_of_time(resolved: &mut Resolved) -> Result<Duration, ConfigError> {
    let text = take(resolved, |text: String| duration(&text).map(|_| text))?;
    duration(&text).map_err(|reason| invalid(resolved, &reason))
}

fn duration(text: &str) -> Result<Duration, String> {
    if matches!(text.trim(), "0" | "0s") {
        return Ok(Duration::ZERO);
    }
    let seconds = duration_seconds(text)?;
    if seconds > DURATION_S_MAX {
        return Err(format!("\"{text}\" is longer than a hundred years"));
    }
    Ok(Duration::from_secs(seconds))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
