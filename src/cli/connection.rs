//! Which node to talk to, and with which token: `--server` or `ODS_SERVER`, else the node on this machine, whose data
//! folder says where it listens and holds an admin token.
//!
//! Invariant: the data folder's token goes to that folder's node, and to another address only if the user named both the
//! address and the folder on this command line.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ods_api::{Client, ClientError, TlsTrust, Url};

use super::{Exit, Failure, run_file};
use crate::commands::Context;
use crate::config::{self, Flags};

/// The arguments of every command that talks to a node.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which node")]
pub(crate) struct Connection {
    #[arg(
        long,
        value_name = "URL",
        display_order = 800,
        help = "The node's address; without it, the node on this machine [env: ODS_SERVER, with ODS_TOKEN]"
    )]
    pub(crate) server: Option<String>,

    #[arg(
        long,
        value_name = "HEX",
        display_order = 801,
        help = "SHA-256 of the node's self-signed certificate [env: ODS_PIN]"
    )]
    pub(crate) pin: Option<String>,

    #[arg(
        long,
        value_name = "DIR",
        display_order = 802,
        help = "The data folder of the node on this machine [env: ODS_DATA]"
    )]
    pub(crate) data: Option<PathBuf>,
}

/// A client of a node, and what is worth knowing about the way there.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// Whether requests carry a token.
    pub(crate) has_token: bool,
    local: Option<LocalNode>,
}

/// What the data folder says about the node on this machine.
struct LocalNode {
    folder: PathBuf,
    pid: u32,
    /// Whether the token was found there, too.
    has_token: bool,
}

impl Connection {
    /// Finds the node. Nothing is sent yet.
    pub(crate) fn connect(&self, context: &Context) -> Result<Connected, Failure> {
        let named = match (&self.server, &self.data) {
            (Some(server), _) => Some(server.as_str()),
            // A folder typed here wins over an address that happens to be in the environment.
            (None, Some(_)) => None,
            (None, None) => context.environment.get("ODS_SERVER"),
        };
        match named {
            Some(server) => self.connect_named(server, context),
            None => self.connect_local(context),
        }
    }

    fn connect_named(&self, server: &str, context: &Context) -> Result<Connected, Failure> {
        let token = match (context.environment.get("ODS_TOKEN"), &self.data) {
            (Some(token), _) => Some(token.to_owned()),
            (None, Some(data)) => Some(read_token(data)?),
            (None, None) => None,
        };
        let pin = self.pin.as_deref().or_else(|| context.environment.get("ODS_PIN"));
        connected(parse_server(server)?, token, pin, None)
    }

    fn connect_local(&self, context: &Context) -> Result<Connected, Failure> {
        let flags = Flags { data: self.data.clone(), ..Flags::default() };
        let folder = config::data_folder(&flags, &context.environment, &context.machine)?;
        let run = run_file::read(&folder).map_err(|error| no_run_file(&folder, context, &error))?;
        let place = run_file::admin(&run).ok_or_else(|| {
            Failure::new(
                Exit::Unreachable,
                "no_admin_listener",
                "the node on this machine offers its admin API nowhere",
            )
            .hint("add the surface \"admin\" to one of its listeners in ods.toml")
        })?;
        let given = context.environment.get("ODS_TOKEN");
        let token = given.map_or_else(|| read_token(&folder), |token| Ok(token.to_owned()))?;
        let pin = self.pin.as_deref().or(place.pin.as_deref());
        let local = LocalNode { folder, pid: run.pid, has_token: given.is_none() };
        connected(place.url, Some(token), pin, Some(local))
    }
}

impl Connected {
    /// Whether the node runs on this machine, as its data folder says.
    pub(crate) fn is_here(&self) -> bool {
        self.local.is_some()
    }

    /// A client error in the user's terms: that nobody answers, or knows the token, means something else on the node's own
    /// machine.
    pub(crate) fn explain(&self, error: ClientError) -> Failure {
        let hint = self.local.as_ref().and_then(|local| local.hint(&error));
        let failure = Failure::from(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl LocalNode {
    fn hint(&self, error: &ClientError) -> Option<String> {
        let folder = self.folder.display();
        match error {
            ClientError::Connect { .. } => Some(format!(
                "the node that ran here (process {}) seems to have ended; start it again with `ods serve --data {folder}`",
                self.pid
            )),
            ClientError::Problem(problem) if problem.code == "token_unknown" => Some(if self.has_token {
                format!(
                    "the token in {folder}/admin.token was revoked: set ODS_TOKEN to another admin's, or empty that file and start \
                     the node again, which makes a new one"
                )
            } else {
                format!("ODS_TOKEN is none of this node's: unset it, and the token in {folder}/admin.token is taken")
            }),
            _ => None,
        }
    }
}

fn connected(
    server: Url,
    token: Option<String>,
    pin: Option<&str>,
    local: Option<LocalNode>,
) -> Result<Connected, Failure> {
    let trust = pin.map_or(Ok(TlsTrust::System), parse_pin)?;
    let token = token.map(|token| token.trim().to_owned());
    if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Failure::usage("the token has characters that no token has").hint("check ODS_TOKEN"));
    }
    let has_token = token.is_some();
    let client = Client::new(server, token, trust)?;
    Ok(Connected { client, has_token, local })
}

/// An address as people type it: `http://` may be left out.
fn parse_server(server: &str) -> Result<Url, Failure> {
    let whole = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    Url::parse(&whole).map_err(|error| {
        Failure::usage(format!("\"{server}\" is not the address of a node"))
            .caused_by(&error)
            .hint("write it as http://HOST:PORT or https://HOST:PORT")
    })
}

fn parse_pin(pin: &str) -> Result<TlsTrust, Failure> {
    let plain: String = pin.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_lowercase();
    let bytes = data_encoding::HEXLOWER.decode(plain.as_bytes()).ok();
    let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map(TlsTrust::Pin).ok_or_else(|| {
        Failure::usage(format!("\"{pin}\" is not the SHA-256 of a certificate: expected 64 hexadecimal digits"))
    })
}

fn no_run_file(folder: &Path, context: &Context, error: &std::io::Error) -> Failure {
    let path = folder.join("run.json");
    if error.kind() != ErrorKind::NotFound {
        return unreadable(&path, error);
    }
    let message = format!("no node is running on this machine ({} not found)", path.display());
    let failure = Failure::new(Exit::Unreachable, "no_local_node", message);
    // A node that runs for the whole machine has its folder elsewhere than one that this user would start.
    match context.machine.system_data.as_deref().filter(|system| *system != folder && system.is_dir()) {
        Some(system) => failure.hint(format!(
            "the machine's own node has its folder at {}; run this as its user, such as with sudo",
            system.display()
        )),
        None => failure.hint("start one with `ods serve`, or name one with --server URL or --data DIR"),
    }
}

fn read_token(folder: &Path) -> Result<String, Failure> {
    let path = folder.join("admin.token");
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    Ok(text.trim().to_owned())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot read {}", path.display());
    let exit = if error.kind() == ErrorKind::PermissionDenied { Exit::Refused } else { Exit::Failed };
    Failure::new(exit, "data_folder", message)
        .caused_by(error)
        .hint("run this as the user that the node runs as, or set ODS_TOKEN and ODS_SERVER")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Input, Output};
    use crate::config::{Environment, Surroundings};

    fn context(data: &Path, environment: &[(&str, &str)]) -> Context {
        Context {
            environment: environment.iter().copied().collect::<Environment>(),
            machine: Surroundings {
                data: Some(data.to_owned()),
                system_data: Some(data.join("of the system")),
                hostname: "machine".to_owned(),
                working_folder: data.to_owned(),
            },
            input: Input::of(""),
            output: Output::standard(false),
            now: || ods_store::UnixMillis::new(0),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test writes its own input")]
    fn node_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let run = r#"{"pid":7,"version":"1","node":"ab","listeners":[
            {"address":"127.0.0.1:9","tls":"none","surfaces":["admin"],"pin":null}]}"#;
        std::fs::write(folder.path().join("run.json"), run).expect("written");
        std::fs::write(folder.path().join("admin.token"), "ods_a123\n").expect("written");
        folder
    }

    fn connect(connection: &Connection, context: &Context) -> String {
        match connection.connect(context) {
            Ok(connected) => format!("{} token {}", connected.client.server(), connected.has_token),
            Err(failure) => format!("{}: {}", failure.exit().code(), failure.code()),
        }
    }

    #[test]
    fn the_local_node_is_found_without_any_setup() {
        let folder = node_folder();
        assert_eq!(connect(&Connection::default(), &context(folder.path(), &[])), "http://127.0.0.1:9/ token true");
    }

    #[test]
    fn a_named_server_wins_and_does_not_get_the_local_token() {
        let folder = node_folder();
        let named = Connection { server: Some("far:1".to_owned()), ..Connection::default() };
        assert_eq!(connect(&named, &context(folder.path(), &[])), "http://far:1/ token false");
        let by_variable = context(folder.path(), &[("ODS_SERVER", "https://far"), ("ODS_TOKEN", "ods_x")]);
        assert_eq!(connect(&Connection::default(), &by_variable), "https://far/ token true");
        let both = Connection { data: Some(folder.path().to_owned()), ..named };
        assert_eq!(connect(&both, &context(folder.path(), &[])), "http://far:1/ token true");
    }

    #[test]
    fn a_folder_typed_here_wins_over_a_server_in_the_environment() {
        let folder = node_folder();
        let typed = Connection { data: Some(folder.path().to_owned()), ..Connection::default() };
        let elsewhere = context(Path::new("/nowhere"), &[("ODS_SERVER", "https://far")]);
        assert_eq!(connect(&typed, &elsewhere), "http://127.0.0.1:9/ token true");
    }

    #[test]
    fn without_a_node_the_error_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let failure = Connection::default().connect(&context(folder.path(), &[])).err().expect("no node");
        let mut text = Vec::new();
        failure.write_text(&mut text).expect("written");
        let text = String::from_utf8(text).expect("UTF-8").replace(&folder.path().display().to_string(), "DATA");
        assert_eq!(
            text,
            "error: no node is running on this machine (DATA/run.json not found)\n\
             hint: start one with `ods serve`, or name one with --server URL or --data DIR\n"
        );
        assert_eq!(failure.exit(), Exit::Unreachable);
        std::fs::create_dir(folder.path().join("of the system")).expect("made");
        let failure = Connection::default().connect(&context(folder.path(), &[])).err().expect("no node");
        assert!(failure.to_json()["hint"].to_string().contains("such as with sudo"));
    }

    #[test]
    fn a_token_that_is_not_known_is_told_from_where_it_was_taken() {
        let unknown = || {
            let problem = r#"{"type":"about:blank","title":"t","status":401,"code":"token_unknown","detail":"d"}"#;
            ClientError::Problem(Box::new(serde_json::from_str(problem).expect("a problem")))
        };
        let folder = node_folder();
        for (environment, part) in [(&[][..], "or empty that file"), (&[("ODS_TOKEN", "ods_x")], "unset it")] {
            let connected = Connection::default().connect(&context(folder.path(), environment)).expect("a node");
            let hint = connected.explain(unknown()).to_json()["hint"].to_string();
            assert!(hint.contains(part), "{hint}");
        }
    }

    #[test]
    fn bad_addresses_and_pins_are_usage_errors() {
        let folder = node_folder();
        let context = context(folder.path(), &[]);
        for server in ["http://", "ftp://x", "a b"] {
            let named = Connection { server: Some(server.to_owned()), ..Connection::default() };
            assert!(connect(&named, &context).starts_with("2: "), "{server}");
        }
        let variables = [("ODS_TOKEN", "ods_x y")];
        assert_eq!(connect(&Connection::default(), &self::context(folder.path(), &variables)), "2: usage");
        let pinned = Connection { pin: Some("zz".to_owned()), ..Connection::default() };
        assert_eq!(connect(&pinned, &context), "2: usage");
    }
}
