//! `ods peer`: links between nodes.

mod edit;
mod invites;

use std::net::IpAddr;

use clap::{Subcommand, ValueEnum};
use ods_api::{InviteLine, InviteRequest, InviteView, PeerView, RoleName, Url};
use serde_json::json;

use super::typed::Plain;
use super::{Context, status};
use crate::cli::{Connected, Connection, Exit, Failure, Input, duration_seconds, printable, short_id, time_text};

/// Link nodes: invite, join, list, remove
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Link nodes into a mesh: invite, join, list, remove.\n\nOne node prints an invite; the other joins with \
                  it. From then on a package put into either appears on both.",
    after_help = "Examples:\n  ods peer invite --role publisher     on one node\n  \
                  ods peer join ods-invite1.…          on the other\n  ods peer ls"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print an invite: one line, for one other node
    #[command(
        long_about = "Print an invite: one line, for one other node, to be given to `ods peer join` there.\n\nIt holds a \
                      secret. Send it in a way that others can't read.",
        after_help = "Examples:\n  ods peer invite\n  ods peer invite --role publisher --prefix mac --expires 7d"
    )]
    Invite(Invite),
    /// Join the mesh of the node that printed an invite
    #[command(after_help = "Examples:\n  ods peer join ods-invite1.…\n  \
        ods peer join - < invite.txt         keeps the line out of process lists")]
    Join(Join),
    /// List the nodes that this one is linked with
    #[command(
        after_help = "Examples:\n  ods peer ls\n  ods peer ls --json | jq -r '.items[] | .name + \" \" + .state'"
    )]
    Ls(Plain),
    /// Show one link
    #[command(after_help = "Examples:\n  ods peer show branch-1")]
    Show(edit::One),
    /// Change a link: its name, its addresses, whether it is paused (`ods limit` sets how fast it may be)
    #[command(
        after_help = "Examples:\n  ods peer set branch-1 --pause\n  ods peer set branch-1 --url https://branch.example.org"
    )]
    Set(edit::Set),
    /// Pull from a peer now
    #[command(after_help = "Examples:\n  ods peer sync branch-1")]
    Sync(edit::One),
    /// List the invites that were made
    #[command(after_help = "Examples:\n  ods peer invites")]
    Invites(Plain),
    /// Revoke an invite
    #[command(after_help = "Examples:\n  ods peer revoke 00112233445566778899aabbccddeeff")]
    Revoke(invites::Revoke),
    /// Remove a link; the other node stays in the mesh
    #[command(
        long_about = "Remove a link of this node.\n\nThat is all it does: the other node stays in the mesh, gets everything \
                      through others, and may publish as before. To shut a node out of the mesh, because its machine was \
                      lost or broken into, use `ods roster expel` on an owner.",
        after_help = "Examples:\n  ods peer rm branch-1"
    )]
    Rm(Rm),
}

#[derive(Debug, clap::Args)]
struct Invite {
    /// What the other node may do: hold and serve (replica), also publish (publisher), also admit others (owner)
    #[arg(long, value_enum, default_value_t = RoleArgument::Replica)]
    role: RoleArgument,
    /// It may publish only below this folder; repeat for several
    #[arg(long = "prefix", value_name = "FOLDER")]
    prefixes: Vec<String>,
    /// How long the invite is good for, such as 15m, 1h or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration_seconds)]
    expires: u64,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Join {
    /// The line that `ods peer invite` printed; `-` reads it from standard input
    invite: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Rm {
    /// The other node's name, or the first digits of its id
    peer: String,
    #[command(flatten)]
    connection: Connection,
}

/// [`RoleName`] as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleArgument {
    Replica,
    Publisher,
    Owner,
}

impl From<RoleArgument> for RoleName {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Replica => Self::Replica,
            RoleArgument::Publisher => Self::Publisher,
            RoleArgument::Owner => Self::Owner,
        }
    }
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Invite(arguments) => invite(arguments, context).await,
        Action::Join(arguments) => join(&arguments, context).await,
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Show(arguments) => edit::show(&arguments, context).await,
        Action::Set(arguments) => edit::set(arguments, context).await,
        Action::Sync(arguments) => edit::sync(&arguments, context).await,
        Action::Invites(arguments) => invites::list(&arguments, context).await,
        Action::Revoke(arguments) => invites::revoke(&arguments, context).await,
        Action::Rm(arguments) => remove(&arguments, context).await,
    }
}

async fn invite(arguments: Invite, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let request =
        InviteRequest { role: arguments.role.into(), prefixes: arguments.prefixes, expires_in_s: arguments.expires };
    let invite = node.client.create_invite(&request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&invite);
    }
    let line = invite.invite.as_deref().ok_or_else(|| {
        Failure::new(Exit::Conflict, "invite_used", "the invite was used by somebody in this very moment")
            .hint("make another one")
    })?;
    context.output.line(line)?;
    eprintln!("{}", what_to_do_with(&invite, line));
    if only_this_machine(line) {
        eprintln!(
            "Note: it names no address that other machines could call. Start the node with --url URL, or let it listen \
             on more than 127.0.0.1, and make another one."
        );
    }
    Ok(())
}

fn what_to_do_with(invite: &InviteView, line: &str) -> String {
    let where_to = match invite.prefixes.as_slice() {
        [] => String::new(),
        prefixes => format!(" for {}", prefixes.join(", ")),
    };
    format!(
        "\nOn the other node, type:  ods peer join {}…  (the whole line above)\nIts role there will be {}{where_to}. The invite \
         works once, until {}, and holds a secret.",
        line.chars().take(16).collect::<String>(),
        invite.role,
        time_text(invite.expires_at),
    )
}

/// Whether all addresses in an invite are loopback ones.
fn only_this_machine(line: &str) -> bool {
    let Ok(invite) = line.parse::<InviteLine>() else { return false };
    let loopback = |url: &String| {
        let url = Url::parse(url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    invite.urls.iter().all(loopback)
}

async fn join(arguments: &Join, context: &mut Context) -> Result<(), Failure> {
    let line = match arguments.invite.as_str() {
        "-" => read_line(&mut context.input)?,
        typed => typed.trim().to_owned(),
    };
    line.parse::<InviteLine>().map_err(|error| {
        Failure::usage("this is not an invite")
            .caused_by(&error)
            .hint("copy the whole line that `ods peer invite` printed")
    })?;
    let node = arguments.connection.connect(context)?;
    let peer = node.client.join(&line).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&peer);
    }
    context.output.line(&format!("linked with {} ({})", printable(&peer.name), short_id(&peer.id)))
}

fn read_line(input: &mut Input) -> Result<String, Failure> {
    /// An invite has some hundred bytes; so much can't be one.
    const BYTES_MAX: u64 = 64 << 10;
    let text = input.text(BYTES_MAX);
    let text = text.map_err(|error| Failure::file("cannot read the invite from standard input", &error))?;
    match text.trim() {
        "" => {
            Err(Failure::usage("standard input holds no invite")
                .hint("pipe in the line that `ods peer invite` printed"))
        }
        line => Ok(line.to_owned()),
    }
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let peers = node.client.peers().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&peers);
    }
    if peers.items.is_empty() {
        return context.output.line("no links to other nodes; `ods peer invite` makes one");
    }
    status::peer_table(&peers.items, context).write(&mut context.output)
}

async fn remove(arguments: &Rm, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let peer = find(&node, &arguments.peer).await?;
    node.client.remove_peer(&peer.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": peer.id, "name": peer.name, "removed": true}));
    }
    let name = printable(&peer.name);
    context.output.line(&format!(
        "removed the link with {name} ({}); it stays in the mesh; `ods roster expel` shuts a node out",
        short_id(&peer.id)
    ))
}

/// The peer with this name, or whose id starts so.
pub(super) async fn find(node: &Connected, typed: &str) -> Result<PeerView, Failure> {
    let peers = node.client.peers().await.map_err(|error| node.explain(error))?.items;
    let by_id = |peer: &PeerView| typed.len() >= 4 && peer.id.starts_with(&typed.to_ascii_lowercase());
    let mut fitting: Vec<PeerView> = peers.into_iter().filter(|peer| peer.name == typed || by_id(peer)).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(peer), true) => Ok(peer),
        (Some(_), false) => {
            Err(Failure::usage(format!("several peers are called {typed}")).hint("give the id; `ods peer ls` shows it"))
        }
        (None, _) => Err(Failure::new(Exit::NotFound, "no_such_peer", format!("there is no peer {typed}"))
            .hint("`ods peer ls` lists the peers")),
    }
}
