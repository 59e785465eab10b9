//! `ods session`: who one is, who is signed in, signing in and out.

use clap::Subcommand;
use ods_api::{IdentityView, Page, PasswordRequest, SessionView, SignInRequest};
use serde_json::json;

use super::Context;
use super::password::{Purpose, read_lines, read_password};
use super::typed::{Plain, whole};
use crate::cli::{Connected, Connection, Failure, Table, printable, time_text};

/// Show who you are to a node, sign in and out, see and end sessions
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods session show\n  ods session ls\n  ods session end 9f86d081884c7d65\n  \
                  export ODS_TOKEN=$(ods session start ada --server https://ods.example)     work as ada from here")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show as whom this command is let in
    #[command(after_help = "Examples:\n  ods session show\n  ods session show --json")]
    Show(Plain),
    /// List who is signed in
    #[command(after_help = "Examples:\n  ods session ls")]
    Ls(Plain),
    /// Sign in as a user; prints the session's secret, to be used as a token
    #[command(after_help = "Examples:\n  export ODS_TOKEN=$(ods session start ada)")]
    Start(Start),
    /// End a session; without an id, the one that this command is let in with
    #[command(after_help = "Examples:\n  ods session end\n  ods session end 9f86d081884c7d65")]
    End(End),
    /// Change the password of the user who is signed in
    #[command(after_help = "Examples:\n  ods session password")]
    Password(Passwords),
}

#[derive(Debug, clap::Args)]
struct Start {
    /// The user's name; not with --with-token
    #[arg(required_unless_present = "with_token")]
    name: Option<String>,
    /// Sign in with the token that this command has, instead of a password
    #[arg(long, conflicts_with_all = ["name", "set_up"])]
    with_token: bool,
    /// Make the first admin user with the secret of the set-up link
    #[arg(long, value_name = "SECRET")]
    set_up: Option<String>,
    /// Take the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct End {
    /// The session's id
    id: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Passwords {
    /// Take the two passwords, present and new, from the lines of standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Start(arguments) => start(arguments, context).await,
        Action::End(arguments) => end(arguments, context).await,
        Action::Password(arguments) => password(&arguments, context).await,
    }
}

async fn show(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let identity = node.client.identity().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&identity);
    }
    let IdentityView { kind, id, name, scope, prefixes, session } = identity;
    let output = &mut context.output;
    output.field(&kind, Some(&name))?;
    output.field("id", Some(&id))?;
    output.field("scope", Some(&scope))?;
    output.field("prefixes", Some(prefixes.join(", ")).filter(|text| !text.is_empty()).as_deref())?;
    output.field("session", session.as_ref().map(|session| session.id.as_str()))?;
    output.field("until", session.map(|session| time_text(session.expires_at)).as_deref())
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let sessions = all(&node).await?;
    if context.output.is_json() {
        return context.output.json(&sessions);
    }
    let mut table = Table::new(&["ID", "WHO", "SCOPE", "FROM", "SINCE", "LAST USED", "WITH"]);
    for session in sessions.items {
        table.row([
            session.id,
            format!("{} {}", session.kind, session.name),
            session.scope,
            session.from,
            time_text(session.started_at),
            time_text(session.last_used_at),
            session.agent.chars().take(40).collect(),
        ]);
    }
    table.write(&mut context.output)
}

async fn all(node: &Connected) -> Result<Page<SessionView>, Failure> {
    whole(node, async |query| node.client.sessions(query).await).await
}

async fn start(arguments: Start, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let request = if arguments.with_token {
        let token = node.client.token().map(str::to_owned);
        SignInRequest { token, ..SignInRequest::default() }
    } else {
        let purpose = if arguments.set_up.is_some() { Purpose::New } else { Purpose::Present };
        let password = Some(read_password(purpose, arguments.password_stdin.then_some(&mut context.input))?);
        SignInRequest { name: arguments.name, password, set_up: arguments.set_up, token: None }
    };
    let (identity, secret) = node.client.sign_in(&request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"identity": identity, "secret": secret}));
    }
    eprintln!("signed in as {} {}, scope {}", identity.kind, printable(&identity.name), identity.scope);
    context.output.line(&secret)
}

async fn end(arguments: End, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let ended = match &arguments.id {
        Some(id) => node.client.end_session(id).await,
        None => node.client.sign_out().await,
    };
    ended.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": arguments.id, "ended": true}));
    }
    context.output.line("the session is over")
}

async fn password(arguments: &Passwords, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let request = if arguments.password_stdin {
        let [present, new] = read_lines(&mut context.input)?;
        PasswordRequest { present, new }
    } else {
        PasswordRequest { present: read_password(Purpose::Present, None)?, new: read_password(Purpose::New, None)? }
    };
    node.client.change_password(&request).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"changed": true}));
    }
    context.output.line("the password is changed; other sessions of this user are over")
}
