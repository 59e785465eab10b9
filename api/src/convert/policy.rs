//! A node's policy, on the wire and in the store.

use ods_store::StatePolicy;

use crate::error::{ApiError, Code};
use crate::types::{PolicyMode, PolicyView};

/// As it is shown.
pub(crate) fn view(policy: &StatePolicy) -> PolicyView {
    let mode = |mode| PolicyView { mode, paths: Vec::new(), tags: Vec::new(), bytes_max: None };
    match policy {
        StatePolicy::All => mode(PolicyMode::All),
        StatePolicy::Selected { paths, tags } => {
            PolicyView { paths: paths.clone(), tags: tags.clone(), ..mode(PolicyMode::Selected) }
        }
        StatePolicy::OnDemand { bytes_max } => PolicyView { bytes_max: Some(*bytes_max), ..mode(PolicyMode::OnDemand) },
    }
}

/// As it is given; what only another mode would heed is refused, so that it doesn't pass for an effect.
pub(crate) fn parse(view: PolicyView) -> Result<StatePolicy, ApiError> {
    let PolicyView { mode, paths, tags, bytes_max } = view;
    let selects = !paths.is_empty() || !tags.is_empty();
    match (mode, selects, bytes_max) {
        (PolicyMode::All, false, None) => Ok(StatePolicy::All),
        (PolicyMode::Selected, true, None) => Ok(StatePolicy::Selected { paths, tags }),
        (PolicyMode::Selected, false, None) => Err(invalid("\"selected\" needs at least one of paths and tags")),
        (PolicyMode::OnDemand, false, Some(bytes_max)) => Ok(StatePolicy::OnDemand { bytes_max }),
        (PolicyMode::OnDemand, false, None) => Err(invalid("\"on-demand\" needs bytes_max")),
        (PolicyMode::All | PolicyMode::Selected | PolicyMode::OnDemand, ..) => {
            Err(invalid("paths and tags go with \"selected\", bytes_max with \"on-demand\""))
        }
    }
}

fn invalid(detail: &str) -> ApiError {
    ApiError::new(Code::Invalid, detail).fact("field", "policy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_survive_the_wire_and_mixed_ones_are_refused() {
        for policy in [
            StatePolicy::All,
            StatePolicy::Selected { paths: vec!["mac/*".to_owned()], tags: vec!["prod".to_owned()] },
            StatePolicy::OnDemand { bytes_max: 7 },
        ] {
            assert_eq!(parse(view(&policy)).expect("it is good"), policy);
        }
        let of = |json: &str| serde_json::from_str::<PolicyView>(json).expect("its shape is right");
        assert_eq!(
            parse(of(r#"{"mode":"on-demand","bytes_max":5}"#)).expect("good"),
            StatePolicy::OnDemand { bytes_max: 5 }
        );
        for bad in [
            r#"{"mode":"selected"}"#,
            r#"{"mode":"on-demand"}"#,
            r#"{"mode":"all","bytes_max":1}"#,
            r#"{"mode":"all","paths":["x"]}"#,
            r#"{"mode":"on-demand","tags":["x"],"bytes_max":1}"#,
            r#"{"mode":"selected","tags":["x"],"bytes_max":1}"#,
        ] {
            assert!(parse(of(bad)).is_err(), "{bad}");
        }
    }
}
