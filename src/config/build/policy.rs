//! `[policy]`: which packages' bytes the node keeps.

use ods_store::{StatePolicy, check_policy};

use super::{Values, invalid, number, take};
use crate::config::ConfigError;
use crate::config::types::PolicyWord;

/// The policy that is given; none if that is left to `ods policy`.
pub(super) fn policy(values: &mut Values<'_>) -> Result<Option<StatePolicy>, ConfigError> {
    let mode = take(values.get("policy.mode"), Ok::<PolicyWord, String>)?;
    let paths = take(values.get("policy.paths"), Ok::<Vec<String>, String>)?;
    let tags = take(values.get("policy.tags"), Ok::<Vec<String>, String>)?;
    let bytes_max = number(values.get("policy.bytes_max"))?;
    let selects = !paths.is_empty() || !tags.is_empty();
    let policy = match (mode, selects, bytes_max > 0) {
        (PolicyWord::Unset, false, false) => return Ok(None),
        (PolicyWord::All, false, false) => StatePolicy::All,
        (PolicyWord::Selected, _, false) => StatePolicy::Selected { paths, tags },
        (PolicyWord::OnDemand, false, true) => StatePolicy::OnDemand { bytes_max },
        (PolicyWord::OnDemand, false, false) => {
            return Err(invalid(values.get("policy.bytes_max"), "\"on-demand\" needs it"));
        }
        (PolicyWord::Unset | PolicyWord::All | PolicyWord::Selected | PolicyWord::OnDemand, ..) => {
            let reason = "paths and tags go with \"selected\", bytes_max with \"on-demand\"";
            return Err(invalid(values.get("policy.mode"), reason));
        }
    };
    check_policy(&policy).map_err(|error| invalid(values.get("policy.mode"), &error.to_string()))?;
    Ok(Some(policy))
}
