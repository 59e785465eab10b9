//! `ods service`: the node as a service of this machine.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use super::serve::Settings;
use crate::cli::{Exit, Failure};
use crate::config::{self, Environment};
use crate::service::{self, Service};
use systemd::Systemd;

mod systemd;

/// Run the node as a service of this machine: install, uninstall, status
#[derive(Debug, clap::Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    long_about = "Run the node as a service of this machine.\n\nOn Linux that is a systemd unit, which runs as a user of its \
                  own, sees only what it needs, is watched by systemd and starts with the machine. For macOS and Windows the \
                  commands that register it are printed.",
    after_help = "Examples:\n  sudo ods service install\n  sudo ods service install --watch /srv/drop --listen [::]:80\n  \
                  ods service install --print             look before\n  ods service status\n  sudo ods service uninstall"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Install(Box<Install>),
    Uninstall(Uninstall),
    Status(Status),
}

/// Write the service down, start it now and with the machine
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the service down, start it now and with the machine.\n\nIt runs this very program, with these settings \
                  and the configuration file; ODS_… variables of this shell don't reach it. Its user is made if it is missing. \
                  Installing again replaces the settings and restarts the node.",
    after_help = "Examples:\n  sudo ods service install\n  sudo ods service install --config /etc/ods/ods.toml\n  \
                  sudo ods service install --data /srv/ods --listen [::]:8080 --name branch-1\n  \
                  ods service install --root /mnt/image       into an image; nothing is started\n  \
                  ods service install --print > ods.service"
)]
struct Install {
    /// Print the service's description, and change nothing
    #[arg(long)]
    print: bool,
    /// The user it runs as
    #[arg(long, value_name = "NAME", default_value = service::NAME)]
    user: String,
    #[command(flatten)]
    root: Root,
    #[command(flatten)]
    settings: Settings,
}

/// Stop the service and forget it; the data folder stays
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo ods service uninstall")]
struct Uninstall {
    #[command(flatten)]
    root: Root,
}

/// Whether the service is installed and runs
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Whether the service is installed and runs.\n\nThe exit code is 0 if it runs, 3 if it isn't installed, 5 if it \
                  is installed and doesn't run.",
    after_help = "Examples:\n  ods service status\n  ods service status --json"
)]
struct Status {
    #[command(flatten)]
    root: Root,
}

#[derive(Debug, clap::Args)]
struct Root {
    /// The root of the system that is meant, such as a mounted image; nothing is started there
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.command {
        Command::Install(arguments) => install(&arguments, context),
        Command::Uninstall(arguments) => match Platform::of_this_machine() {
            Platform::Systemd => systemd(&arguments.root)?.uninstall(&mut context.output),
            other => Err(by_hand(other)),
        },
        Command::Status(arguments) => match Platform::of_this_machine() {
            Platform::Systemd => systemd(&arguments.root)?.status(&mut context.output),
            other => Err(by_hand(other)),
        },
    }
}

/// What manages services here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Systemd,
    Launchd,
    Windows,
}

impl Platform {
    const fn of_this_machine() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Launchd
        } else {
            Self::Systemd
        }
    }
}

fn install(arguments: &Install, context: &mut Context) -> Result<(), Failure> {
    let service = described(arguments, context)?;
    match Platform::of_this_machine() {
        Platform::Systemd if !arguments.print => systemd(&arguments.root)?.install(&service, &mut context.output),
        Platform::Systemd => print(context, "unit", &service::unit(&service)),
        Platform::Launchd if arguments.print => print(context, "plist", &service::plist(&service)),
        Platform::Launchd => print_steps(context, "in a terminal", &service::launchd_steps(&service)),
        Platform::Windows if arguments.print => {
            print_steps(context, "as administrator, in cmd", &service::command_lines(&service))
        }
        // The task scheduler starts any program; the service control manager only those that answer it, which isn't done yet.
        Platform::Windows => print_steps(context, "as administrator, in cmd", &[service::task_line(&service)]),
    }
}

/// The service as it was typed; the environment of this shell counts for nothing, since a service doesn't have it.
fn described(arguments: &Install, context: &Context) -> Result<Service, Failure> {
    let flags = arguments.settings.flags();
    let program =
        std::env::current_exe().map_err(|error| Failure::file("cannot tell where this program is", &error))?;
    let mut machine = context.machine.clone();
    machine.data = machine.system_data.clone();
    let resolution = config::resolve(&flags, &Environment::default(), &machine)?;
    Service::new(&program, &flags, &resolution.config, &machine.working_folder, &arguments.user)
        .map_err(|error| Failure::usage(error.to_string()))
}

fn systemd(root: &Root) -> Result<Systemd, Failure> {
    let folder = root.root.as_deref().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(Failure::usage(format!("there is no folder {}", folder.display())));
    }
    Ok(Systemd::new(folder, root.root.is_none()))
}

fn print(context: &mut Context, what: &str, text: &str) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(&json!({ what: text }));
    }
    context.output.line(text.trim_end())
}

fn print_steps(context: &mut Context, place: &str, steps: &[String]) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(&json!({ "steps": steps }));
    }
    context.output.line(&format!("Register the node with these commands, {place}:"))?;
    steps.iter().try_for_each(|step| context.output.line(step))
}

/// What isn't done for that system.
fn by_hand(platform: Platform) -> Failure {
    let command = match platform {
        Platform::Systemd => "systemctl status ods",
        Platform::Launchd => "sudo launchctl print system/ods.server",
        Platform::Windows => "sc.exe query ods",
    };
    Failure::new(Exit::Failed, "not_here", "ods does this for systemd only")
        .hint(format!("ask this system's own manager: {command}"))
}
