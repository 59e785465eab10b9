//! `ods user`: people who may sign in.

use clap::Subcommand;
use ods_api::{Page, ScopeName, UserPatchRequest, UserRequest, UserView};
use serde_json::json;

use super::Context;
use super::password::{Purpose, read_password};
use super::typed::{Plain, ScopeArgument, whole};
use crate::cli::{Connected, Connection, Exit, Failure, Table, printable, time_text};

/// Make, list, change and remove the people who may sign in
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods user add ada --scope publish --prefix mac\n  ods user ls\n  \
                  ods user edit ada --scope admin\n  ods user link           how the first one is made, in a browser")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a user; asks for the password
    #[command(after_help = "Examples:\n  ods user add ada --scope admin\n  \
                      ods user add ci --scope publish --prefix mac --password-stdin < password.txt")]
    Add(Add),
    /// List the users
    #[command(after_help = "Examples:\n  ods user ls\n  ods user ls --json")]
    Ls(Plain),
    /// Show a user
    #[command(after_help = "Examples:\n  ods user show ada")]
    Show(One),
    /// Change a user: name, password, what it may do, whether it may sign in
    #[command(after_help = "Examples:\n  ods user edit ada --scope admin\n  ods user edit ada --password\n  \
                      ods user edit ada --disabled true")]
    Edit(Edit),
    /// Remove a user: its sessions end at once
    #[command(after_help = "Examples:\n  ods user rm ada")]
    Rm(One),
    /// Make a set-up link: whoever opens it in a browser becomes the first admin user
    #[command(after_help = "Examples:\n  ods user link")]
    Link(Plain),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// By what they sign in
    name: String,
    /// What they may do: list and download (read), also publish (publish), everything (admin)
    #[arg(long, value_enum)]
    scope: ScopeArgument,
    /// Only for packages below this folder; repeat for several
    #[arg(long = "prefix", value_name = "FOLDER")]
    prefixes: Vec<String>,
    /// Take the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct One {
    /// The user's name or id
    user: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, clap::Args)]
struct Edit {
    /// The user's name or id
    user: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Ask for a new password
    #[arg(long)]
    password: bool,
    /// Take a new password from standard input
    #[arg(long, conflicts_with = "password")]
    password_stdin: bool,
    /// What they may do
    #[arg(long, value_enum)]
    scope: Option<ScopeArgument>,
    /// Only for packages below this folder; repeat for several
    #[arg(long = "prefix", value_name = "FOLDER")]
    prefixes: Vec<String>,
    /// For all packages
    #[arg(long, conflicts_with = "prefixes")]
    everywhere: bool,
    /// Whether they can't sign in: true also ends their sessions
    #[arg(long, value_name = "TRUE|FALSE")]
    disabled: Option<bool>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    match arguments.action {
        Action::Add(arguments) => add(arguments, context).await,
        Action::Ls(arguments) => list(&arguments, context).await,
        Action::Show(arguments) => show(&arguments, context).await,
        Action::Edit(arguments) => edit(arguments, context).await,
        Action::Rm(arguments) => remove(&arguments, context).await,
        Action::Link(arguments) => link(&arguments, context).await,
    }
}

async fn add(arguments: Add, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let password = read_password(Purpose::New, arguments.password_stdin.then_some(&mut context.input))?;
    let request =
        UserRequest { name: arguments.name, password, scope: arguments.scope.into(), prefixes: arguments.prefixes };
    let made = node.client.create_user(&request).await.map_err(|error| node.explain(error))?;
    tell(&made, "made", context)
}

async fn list(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let users = all(&node).await?;
    if context.output.is_json() {
        return context.output.json(&users);
    }
    let mut table = Table::new(&["NAME", "ID", "SCOPE", "PREFIXES", "CREATED", "LAST SIGN-IN"]);
    for user in users.items {
        let name = if user.disabled { format!("{} (disabled)", user.name) } else { user.name };
        table.row([
            name,
            user.id,
            user.scope,
            user.prefixes.join(", "),
            time_text(user.created_at),
            user.last_sign_in_at.map_or_else(|| "never".to_owned(), time_text),
        ]);
    }
    table.write(&mut context.output)
}

async fn show(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let id = find(&node, &arguments.user).await?.id;
    let user = node.client.user(&id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&user);
    }
    let output = &mut context.output;
    output.field("name", Some(&user.name))?;
    output.field("id", Some(&user.id))?;
    output.field("scope", Some(&user.scope))?;
    output.field("prefixes", Some(&user.prefixes.join(", ")).filter(|text| !text.is_empty()).map(String::as_str))?;
    output.field("state", Some(if user.disabled { "disabled" } else { "may sign in" }))?;
    output.field("created", Some(&time_text(user.created_at)))?;
    output.field("last sign-in", user.last_sign_in_at.map(time_text).as_deref())
}

async fn edit(arguments: Edit, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let known = find(&node, &arguments.user).await?;
    let password = if arguments.password || arguments.password_stdin {
        Some(read_password(Purpose::New, arguments.password_stdin.then_some(&mut context.input))?)
    } else {
        None
    };
    let prefixes = (arguments.everywhere || !arguments.prefixes.is_empty()).then_some(arguments.prefixes);
    let scope = arguments.scope.map(ScopeName::from);
    let patch = UserPatchRequest { name: arguments.rename, password, scope, prefixes, disabled: arguments.disabled };
    if patch == UserPatchRequest::default() {
        return Err(Failure::usage("say what is to change").hint("`ods help user edit` lists what can be"));
    }
    let user = node.client.edit_user(&known.id, known.version, &patch).await.map_err(|error| node.explain(error))?;
    tell(&user, "changed", context)
}

async fn remove(arguments: &One, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let user = find(&node, &arguments.user).await?;
    node.client.remove_user(&user.id).await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&json!({"id": user.id, "name": user.name, "removed": true}));
    }
    context.output.line(&format!("removed {} ({})", printable(&user.name), user.id))
}

async fn link(arguments: &Plain, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let made = node.client.create_set_up_link().await.map_err(|error| node.explain(error))?;
    if context.output.is_json() {
        return context.output.json(&made);
    }
    let server = node.client.server().as_str().trim_end_matches('/');
    context.output.line(&format!("{server}{}", made.link))?;
    eprintln!("\nGood once, until {}. Whoever opens it becomes the first admin.", time_text(made.expires_at));
    Ok(())
}

fn tell(user: &UserView, what: &str, context: &mut Context) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.json(user);
    }
    context.output.line(&format!("{what} {} ({}), scope {}", printable(&user.name), user.id, user.scope))
}

async fn all(node: &Connected) -> Result<Page<UserView>, Failure> {
    whole(node, async |query| node.client.users(query).await).await
}

async fn find(node: &Connected, typed: &str) -> Result<UserView, Failure> {
    let users = all(node).await?.items;
    let exact = users.iter().position(|user| user.id == typed || user.name == typed);
    let found = exact.or_else(|| ods_store::find_name(users.iter().map(|user| user.name.as_str()), typed));
    found.and_then(|found| users.into_iter().nth(found)).ok_or_else(|| {
        Failure::new(Exit::NotFound, "no_such_user", format!("there is no user {typed}"))
            .hint("`ods user ls` lists the users")
    })
}
