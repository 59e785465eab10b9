//! Looking at one link, changing it, and pulling now.

use ods_api::{Guard, PeerPatch, PeerView};

use super::find;
use crate::cli::{Connection, Failure, Output, printable, time_text};
use crate::commands::Context;

#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// The other node's name, or the first digits of its id
    pub(super) peer: String,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// The other node's name, or the first digits of its id
    peer: String,
    /// What to call it here
    #[arg(long)]
    name: Option<String>,
    /// Where it is reached, in place of what there was; repeat for several
    #[arg(long = "url", value_name = "URL")]
    urls: Option<Vec<String>>,
    /// Stop replication with it for now
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// Go on with it
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn show(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let peer = find(&node, &arguments.peer).await?;
    let peer = node.client.peer(&peer.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() { context.output.json(&peer) } else { write(&peer, &mut context.output) }
}

fn write(peer: &PeerView, output: &mut Output) -> Result<(), Failure> {
    output.field("name", Some(&peer.name))?;
    output.field("id", Some(&peer.id))?;
    output.field("role", peer.role.as_deref())?;
    output.field("state", Some(&peer.state))?;
    output.field("why", peer.error.as_deref())?;
    peer.urls.iter().try_for_each(|url| output.field("url", Some(url)))?;
    output.field("called from", peer.observed_url.as_deref())?;
    output.field("tls pin", peer.tls_pin.as_deref())?;
    output.field("last seen", peer.last_seen.map(time_text).as_deref())?;
    output.field("linked", Some(&time_text(peer.added_at)))
}

pub(super) async fn set(arguments: Set, context: &mut Context) -> Result<(), Failure> {
    let paused = (arguments.pause || arguments.resume).then_some(arguments.pause);
    if arguments.name.is_none() && arguments.urls.is_none() && paused.is_none() {
        return Err(Failure::usage("nothing is to be changed").hint("give --name, --url, --pause or --resume"));
    }
    let node = arguments.connection.connect(context)?;
    let peer = find(&node, &arguments.peer).await?;
    let patch = PeerPatch { name: arguments.name, urls: arguments.urls, paused, ..PeerPatch::default() };
    let peer = node.client.edit_peer(&peer.id, &patch, &Guard::Always).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&peer);
    }
    context.output.line(&format!("changed the link with {}", printable(&peer.name)))
}

pub(super) async fn sync(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let peer = find(&node, &arguments.peer).await?;
    let pulled = node.client.sync_peer(&peer.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&pulled);
    }
    context.output.line(&format!("pulled from {}: {} new events", printable(&peer.name), pulled.events))
}
