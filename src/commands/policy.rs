//! `ods policy`: which packages' bytes a node keeps.

use ods_api::{Guard, NodePatch, PolicyMode, PolicyView};

use super::Context;
use crate::cli::{Connection, Failure, bytes_text};

/// Show or set which packages' bytes a node keeps
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show or set which packages' bytes a node keeps.\n\nThe catalog is whole on every node, and what a client \
                  asks for is passed on while it arrives, whatever the policy. What is not kept any more goes once \
                  another owner or publisher is known to have it, and never before.\n\nall: every package.\n\
                  selected: those that match a --path or have a --tag.\non-demand: those that clients ask for, up to \
                  --bytes-max; those used longest ago go first.",
    after_help = "Examples:\n  ods policy\n  ods policy all\n  ods policy selected --path 'mac/*' --tag prod\n  \
                  ods policy on-demand --bytes-max 50GB"
)]
pub(crate) struct Arguments {
    /// all, selected or on-demand; without it the policy there is is shown
    #[arg(value_name = "MODE", value_parser = mode)]
    mode: Option<PolicyMode>,
    /// Keep packages whose path matches this glob (`*` matches `/` too); may be given more than once
    #[arg(long = "path", value_name = "GLOB", requires = "mode")]
    paths: Vec<String>,
    /// Keep packages that have this tag; may be given more than once
    #[arg(long = "tag", value_name = "TAG", requires = "mode")]
    tags: Vec<String>,
    /// How much to keep on demand: such as 500MB or 50GB
    #[arg(long, value_name = "BYTES", value_parser = bytes, requires = "mode")]
    bytes_max: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

impl Arguments {
    /// That what a mode needs is there, and that nothing is there which it doesn't heed.
    fn check(&self) -> Result<(), Failure> {
        let (selects, bounds) = (!self.paths.is_empty() || !self.tags.is_empty(), self.bytes_max.is_some());
        match self.mode {
            Some(PolicyMode::Selected) if !selects => Err(Failure::usage("which packages are to be selected?")
                .hint("give --path GLOB or --tag TAG, such as: ods policy selected --path 'mac/*'")),
            Some(PolicyMode::OnDemand) if !bounds => Err(Failure::usage("how much is to be kept on demand?")
                .hint("give --bytes-max, such as: ods policy on-demand --bytes-max 50GB")),
            Some(PolicyMode::All | PolicyMode::OnDemand) if selects => {
                Err(Failure::usage("--path and --tag go with `ods policy selected` only"))
            }
            Some(PolicyMode::All | PolicyMode::Selected) if bounds => {
                Err(Failure::usage("--bytes-max goes with `ods policy on-demand` only"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    arguments.check()?;
    let node = arguments.connection.connect(context)?;
    let view = match arguments.mode {
        None => node.client.node().await,
        Some(mode) => {
            let (paths, tags) = (arguments.paths.clone(), arguments.tags.clone());
            let policy = PolicyView { mode, paths, tags, bytes_max: arguments.bytes_max };
            let patch = NodePatch { policy: Some(policy), ..NodePatch::default() };
            node.client.edit_node(&patch, &Guard::Always).await
        }
    };
    let policy = view.map_err(|error| node.explain(error))?.policy;
    if context.output.is_json() { context.output.json(&policy) } else { context.output.line(&text(&policy)) }
}

/// A policy in a line.
pub(super) fn text(policy: &PolicyView) -> String {
    match policy.mode {
        PolicyMode::All => "all packages".to_owned(),
        PolicyMode::OnDemand => {
            format!("what clients ask for, up to {}", bytes_text(policy.bytes_max.unwrap_or_default()))
        }
        PolicyMode::Selected => {
            let paths = policy.paths.iter().map(String::clone);
            let tags = policy.tags.iter().map(|tag| format!("tag {tag}"));
            format!("packages that match {}", paths.chain(tags).collect::<Vec<_>>().join(" or "))
        }
    }
}

fn mode(text: &str) -> Result<PolicyMode, String> {
    let modes = [PolicyMode::All, PolicyMode::Selected, PolicyMode::OnDemand];
    let known = modes.into_iter().find(|mode| mode.as_str() == text);
    known.ok_or_else(|| format!("\"{text}\" is no policy; it is all, selected or on-demand"))
}

/// Reads `500MB`, `1.5 GB` or `1000000`; units are powers of 1000.
fn bytes(text: &str) -> Result<u64, String> {
    super::limit::bytes(text)
        .ok_or_else(|| format!("\"{text}\" is no number of bytes; write one such as 500MB or 50GB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_understood_or_refused() {
        assert_eq!((bytes("50GB"), bytes("1.5 kB"), bytes("7")), (Ok(50_000_000_000), Ok(1500), Ok(7)));
        assert!(bytes("none").is_err() && bytes("-1").is_err() && bytes("5 apples").is_err());
        assert_eq!(mode("on-demand"), Ok(PolicyMode::OnDemand));
        assert!(mode("some").is_err());
    }

    #[test]
    fn a_mode_without_what_it_needs_is_a_wrong_argument_and_says_which_option() {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Typed {
            #[command(flatten)]
            policy: Arguments,
        }
        for (typed, said) in [
            (&["selected"][..], "--path GLOB"),
            (&["on-demand"], "--bytes-max 50GB"),
            (&["all", "--tag", "prod"], "ods policy selected"),
            (&["selected", "--tag", "prod", "--bytes-max", "1GB"], "ods policy on-demand"),
        ] {
            let typed = Typed::parse_from(std::iter::once("policy").chain(typed.iter().copied()));
            let failure = typed.policy.check().expect_err("it is refused");
            let text = failure.to_json().to_string();
            assert!(text.contains(said), "{text}");
            assert_eq!(failure.exit(), crate::cli::Exit::Usage, "{text}");
        }
        for typed in [&[][..], &["all"], &["selected", "--tag", "x"], &["on-demand", "--bytes-max", "1GB"]] {
            let typed = Typed::parse_from(std::iter::once("policy").chain(typed.iter().copied()));
            assert!(typed.policy.check().is_ok());
        }
    }

    #[test]
    fn a_policy_reads_as_a_sentence_does() {
        let (paths, tags) = (vec!["mac/*".to_owned()], vec!["prod".to_owned()]);
        let view = PolicyView { mode: PolicyMode::Selected, paths, tags, bytes_max: None };
        assert_eq!(text(&view), "packages that match mac/* or tag prod");
    }
}
