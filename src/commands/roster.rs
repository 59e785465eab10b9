//! `ods roster`: who may do what in the mesh.

mod expel;

use clap::Subcommand;
use ods_api::{AdmitRequest, MemberView, PageQuery, RosterView};

use super::Context;
use super::peer::RoleArgument;
use super::typed::Plain;
use crate::cli::{Connected, Connection, Exit, Failure, Table, printable, short_id, time_text};

/// Show and change who may do what in the mesh
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show and change who may do what in the mesh: the roster.\n\nOwners admit and expel nodes, and publish. \
                  Publishers publish, everywhere or below certain folders. Replicas hold and serve; what they publish \
                  counts nowhere.\n\nRemoving a peer and expelling a node are different things. `ods peer rm` ends a \
                  link of one node: the other stays in the mesh, gets everything through others, and may publish. `ods \
                  roster expel` ends a node's part in the mesh, for good and on all nodes.",
    after_help = "Examples:\n  ods roster ls\n  ods roster admit branch-1 --role publisher --prefix mac\n  \
                  ods roster expel lost-laptop"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the nodes of the mesh with their roles, and who admitted or expelled them
    #[command(
        after_help = "Examples:\n  ods roster ls\n  ods roster ls --json | jq -r '.items[] | .node + \" \" + .standing'"
    )]
    Ls(Plain),
    /// Admit a node, or raise its role; only on an owner
    #[command(
        long_about = "Admit a node, or raise its role; only on an owner.\n\nA node that is in the mesh already may be named \
                      by its name or the first digits of its id; a new one by its whole id, which `ods status` shows there. \
                      It then joins with an invite of any member. (`ods peer invite --role` on an owner does both in one \
                      step.)\n\nRoles only rise, and prefixes add up. To take rights away, expel the node; it comes back \
                      with a new key.",
        after_help = "Examples:\n  ods roster admit branch-1 --role owner          a second owner, in case the first is lost\n  \
                      ods roster admit 5f0c…e1 --role publisher --prefix mac"
    )]
    Admit(Admit),
    /// Expel a node from the mesh, for good; only on an owner
    #[command(
        long_about = "Expel a node from the mesh, for good; only on an owner.\n\nFor a machine that was lost, sold or broken \
                      into. No node serves it or takes anything from it any more. What it published so far stays, as far \
                      as this node has it by now: remove what shouldn't (`ods rm`). What its key publishes or admits from now on, or \
                      dates back, counts nowhere. (The key of an owner can still expel others, if a member that hasn't heard of \
                      this takes that from it: see that all sites are reached, with `ods mesh`.)\n\nThere is no way back for that key: to return, the machine begins with an \
                      empty data folder and joins by a new invite. Until somebody stops it, it goes on serving what it \
                      holds to whoever downloads there.\n\nIt shows which node it is, when that was last heard of, and how many \
                      packages no other node is known to have, and asks. Where it can't ask it wants --yes, and refuses \
                      while there are such packages unless --even-if-last-holder is given too.\n\nTo end only a link between two nodes, use `ods peer rm`.",
        after_help = "Examples:\n  ods roster expel lost-laptop\n  ods roster expel 5f0c61e2 --dry-run     what it would mean\n  \
                      ods roster expel 5f0c61e2 --yes         in a script"
    )]
    Expel(Expel),
}

#[derive(Debug, clap::Args)]
struct Admit {
    /// The node's id; or, if it is in the mesh already, its name or the first digits of its id
    node: String,
    /// What it may do: hold and serve (replica), also publish (publisher), also admit and expel others (owner)
    #[arg(long, value_enum)]
    role: RoleArgument,
    /// It may publish only below this folder; repeat for several
    #[arg(long = "prefix", value_name = "FOLDER")]
    prefixes: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Expel {
    /// The node's name, or the first digits of its id
    node: String,
    /// Don't ask: needed where nobody can be asked, as in scripts
    #[arg(long)]
    yes: bool,
    /// Also if no other node is known to have some packages
    #[arg(long)]
    even_if_last_holder: bool,
    /// Only tell what it would mean
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Admit(arguments) => admit(arguments, context).await,
        Action::Expel(arguments) => expel::run(&arguments, context).await,
    }
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let roster = load(&node).await?;
    if context.output.is_json() {
        return context.output.json(&roster);
    }
    let mut table = Table::new(&["NODE", "ID", "ROLE", "BELOW", "STANDING", "ADMITTED BY", "EXPELLED BY"]);
    for member in &roster.items {
        table.row([
            named(member),
            short_id(&member.node).to_owned(),
            member.role.clone().unwrap_or_else(|| "none".to_owned()),
            member.prefixes.join(", "),
            member.standing.replace('_', " "),
            admitted_by(member),
            expelled_by(member),
        ]);
    }
    table.write(&mut context.output)?;
    warn(&roster);
    Ok(())
}

fn named(member: &MemberView) -> String {
    let name = member.name.as_deref().unwrap_or("?");
    if member.is_self { format!("{name} (this node)") } else { name.to_owned() }
}

fn admitted_by(member: &MemberView) -> String {
    let said = member.admitted_by.iter().rfind(|said| said.counts).or(member.admitted_by.last());
    match said {
        Some(said) => who(said.name.as_deref(), &said.node, said.at),
        None if member.is_root => "root of the mesh".to_owned(),
        None => String::new(),
    }
}

fn expelled_by(member: &MemberView) -> String {
    member.expelled_by.first().map_or_else(String::new, |said| who(said.name.as_deref(), &said.node, said.at))
}

fn who(name: Option<&str>, id: &str, at: jiff::Timestamp) -> String {
    format!("{}, {}", name.unwrap_or_else(|| short_id(id)), time_text(at))
}

fn warn(roster: &RosterView) {
    for warning in &roster.warnings {
        eprintln!("Warning: {}", printable(&warning.detail));
    }
}

async fn admit(arguments: Admit, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let whole = arguments.node.len() == 64 && arguments.node.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = if whole { arguments.node.to_ascii_lowercase() } else { find(&node, &arguments.node).await?.node };
    let request = AdmitRequest { node: id, role: arguments.role.into(), prefixes: arguments.prefixes };
    let member = node.client.admit(&request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&member);
    }
    let below =
        if member.prefixes.is_empty() { String::new() } else { format!(" below {}", member.prefixes.join(", ")) };
    let role = member.role.as_deref().unwrap_or("none");
    context.output.line(&format!("{} is {role}{below}", title(&member)))?;
    warn(&load(&node).await?);
    Ok(())
}

fn title(member: &MemberView) -> String {
    let id = short_id(&member.node);
    member.name.as_deref().map_or_else(|| id.to_owned(), |name| format!("{} ({id})", printable(name)))
}

/// The whole roster.
async fn load(node: &Connected) -> Result<RosterView, Failure> {
    let mut query = PageQuery::default();
    let mut whole: Option<RosterView> = None;
    loop {
        let page = node.client.roster(&query).await.map_err(|error| node.explain(error))?;
        query.after.clone_from(&page.next);
        let roster = match whole.take() {
            Some(mut roster) => {
                roster.items.extend(page.items);
                RosterView { items: roster.items, ..page }
            }
            None => page,
        };
        if query.after.is_none() {
            return Ok(roster);
        }
        whole = Some(roster);
    }
}

/// The node of the roster with this name, or whose id starts so.
async fn find(node: &Connected, typed: &str) -> Result<MemberView, Failure> {
    let by_id = |member: &MemberView| typed.len() >= 4 && member.node.starts_with(&typed.to_ascii_lowercase());
    let fits = |member: &MemberView| member.name.as_deref() == Some(typed) || by_id(member);
    let mut fitting: Vec<MemberView> = load(node).await?.items.into_iter().filter(fits).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(member), true) => Ok(member),
        (Some(_), false) => {
            Err(Failure::usage(format!("several nodes are called {typed}"))
                .hint("give the id; `ods roster ls` shows it"))
        }
        (None, _) => Err(Failure::new(Exit::NotFound, "no_such_node", format!("the roster has no node {typed}"))
            .hint("`ods roster ls` lists the nodes; a new one is admitted by its whole id")),
    }
}
