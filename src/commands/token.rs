//! `ods token`: who may use the node's API.

use clap::Subcommand;
use jiff::Timestamp;
use ods_api::{Page, TokenRequest, TokenView};
use serde_json::json;

use super::Context;
use super::typed::{Plain, ScopeArgument, whole};
use crate::cli::{Connected, Connection, Exit, Failure, Table, duration_seconds, printable, time_text};

/// Make, list and revoke access tokens
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make, list and revoke access tokens.\n\nA token lets a script or a person use this node's API, as far as \
                  its scope and its prefixes go. It is sent as `Authorization: Bearer …`, or as the password of Basic \
                  authentication.",
    after_help = "Examples:\n  ods token create ci --scope publish --prefix mac --expires 90d\n  ods token ls\n  \
                  ods token revoke ci"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it, this once
    #[command(after_help = "Examples:\n  ods token create ci --scope publish --prefix mac\n  \
        ODS_TOKEN=$(ods token create ci --scope read)")]
    Create(Create),
    /// List the tokens, without their secrets
    #[command(after_help = "Examples:\n  ods token ls")]
    Ls(Plain),
    /// Revoke a token: it stops working at once
    #[command(after_help = "Examples:\n  ods token revoke ci\n  ods token revoke 9f86d081884c7d65")]
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What it is for; shown wherever it does something
    name: String,
    /// What it may do: list and download (read), also publish (publish), everything (admin)
    #[arg(long, value_enum)]
    scope: ScopeArgument,
    /// Only for packages below this folder; repeat for several
    #[arg(long = "prefix", value_name = "FOLDER")]
    prefixes: Vec<String>,
    /// How long it works, such as 12h or 90d; without this, until it is revoked
    #[arg(long, value_name = "TIME", value_parser = duration_seconds)]
    expires: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The token's id, or its name if only one has it
    token: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Create(arguments) => create(arguments, context).await,
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Revoke(arguments) => revoke(&arguments, context).await,
    }
}

async fn create(arguments: Create, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let now_s = (context.now)().unix_seconds();
    let expires_at = arguments.expires.map(|expires_s| expiry(now_s, expires_s)).transpose()?;
    let request =
        TokenRequest { name: arguments.name, scope: arguments.scope.into(), prefixes: arguments.prefixes, expires_at };
    let made = node.client.create_token(&request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&made);
    }
    context.output.line(&made.token)?;
    eprintln!("\nKeep it safe: it is shown this once. `ods token revoke {}` ends it.", made.row.id);
    Ok(())
}

fn expiry(now_s: u64, expires_s: u64) -> Result<Timestamp, Failure> {
    let at = i64::try_from(now_s.saturating_add(expires_s)).ok().and_then(|at| Timestamp::from_second(at).ok());
    at.ok_or_else(|| Failure::usage("the token would expire too late; leave --expires out for one that never does"))
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let tokens = all(&node).await?;
    if context.output.is_json() {
        return context.output.json(&tokens);
    }
    let never = || "never".to_owned();
    let mut table = Table::new(&["NAME", "ID", "SCOPE", "PREFIXES", "CREATED", "EXPIRES", "LAST USED"]);
    for token in tokens.items {
        table.row([
            token.name,
            token.id,
            token.scope,
            token.prefixes.join(", "),
            time_text(token.created_at),
            token.expires_at.map_or_else(never, time_text),
            token.last_used_at.map_or_else(never, time_text),
        ]);
    }
    table.write(&mut context.output)
}

async fn all(node: &Connected) -> Result<Page<TokenView>, Failure> {
    whole(node, async |query| node.client.tokens(query).await).await
}

async fn revoke(arguments: &Revoke, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let token = find(&node, &arguments.token).await?;
    node.client.revoke_token(&token.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": token.id, "name": token.name, "revoked": true}));
    }
    context.output.line(&format!("revoked {} ({})", printable(&token.name), token.id))
}

async fn find(node: &Connected, typed: &str) -> Result<TokenView, Failure> {
    let mut fitting: Vec<TokenView> =
        all(node).await?.items.into_iter().filter(|token| token.id == typed || token.name == typed).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_), false) => {
            Err(Failure::usage(format!("several tokens are called {typed}"))
                .hint("give the id; `ods token ls` shows it"))
        }
        (None, _) => Err(Failure::new(Exit::NotFound, "no_such_token", format!("there is no token {typed}"))
            .hint("`ods token ls` lists the tokens")),
    }
}
