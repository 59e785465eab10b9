//! What went wrong, in the terms of the person at the terminal: a message, its causes, and what to do next.

use std::error::Error;
use std::io::{self, Write};

use ods_api::{ClientError, Problem};
use serde_json::{Map, Value, json};

use super::{Exit, printable};
use crate::config::ConfigError;

/// Why a command failed.
#[derive(Debug, Clone)]
pub struct Failure(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    exit: Exit,
    code: String,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    facts: Map<String, Value>,
}

impl Failure {
    /// A failure with a stable code, such as `no_local_node`, and a message in lower case.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self(Box::new(Parts { exit, code, message, causes: Vec::new(), hint: None, facts: Map::new() }))
    }

    /// The arguments can't be understood.
    pub fn arguments(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        Self::usage(printable(first.trim_start_matches("error: "))).hint("`--help` explains the arguments")
    }

    /// The user typed something that can't be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Reading or writing a file failed.
    pub(crate) fn file(what: impl Into<String>, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::NoSpace,
            _ => Exit::Failed,
        };
        Self::new(exit, "file", what).caused_by(error)
    }

    /// The program can't begin its work.
    pub fn start(what: &str, error: &io::Error) -> Self {
        Self::new(Exit::Failed, "start", what).caused_by(error)
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says it in other words.
    #[must_use]
    pub(crate) fn reworded(mut self, word: &str, other: &str) -> Self {
        self.0.message = self.0.message.replace(word, other);
        self
    }

    /// Adds an error and those beneath it as causes.
    #[must_use]
    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let cause = error.to_string();
            // Many errors repeat their source in their own message.
            let said = self.0.causes.last().unwrap_or(&self.0.message);
            if !said.contains(&cause) {
                self.0.causes.push(cause);
            }
            next = error.source();
        }
        self
    }

    /// How the program ends with it.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Its stable code: the API's where the node refused.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Writes it for people: `error: …`, causes, `hint: …`.
    pub fn write_text(&self, to: &mut dyn Write) -> io::Result<()> {
        write!(to, "error: {}", printable(&self.0.message))?;
        self.0.causes.iter().try_for_each(|cause| write!(to, ": {}", printable(cause)))?;
        writeln!(to)?;
        self.0.hint.iter().try_for_each(|hint| writeln!(to, "hint: {hint}"))
    }

    /// The failure as a problem of the API (RFC 9457), with `hint` and `exit_code` added.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".to_owned(), json!("about:blank"));
        object.insert("title".to_owned(), json!(self.0.exit.meaning()));
        object.extend(self.0.facts.clone());
        let detail = std::iter::once(&self.0.message).chain(&self.0.causes).cloned().collect::<Vec<_>>().join(": ");
        object.insert("code".to_owned(), json!(self.0.code));
        object.insert("detail".to_owned(), json!(detail));
        object.insert("hint".to_owned(), json!(self.0.hint));
        object.insert("exit_code".to_owned(), json!(self.0.exit.code()));
        Value::Object(object)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let mut failure = Self::new(Exit::Usage, "configuration", error.to_string());
        if let Some(source) = error.source() {
            failure = failure.caused_by(source);
        }
        failure
    }
}

/// Standard output can't be written to.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read our output has seen enough, as `head` does.
            return Self::new(Exit::Ok, "closed", "nobody reads the output any more");
        }
        Self::file("cannot write the output", &error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => Self::from(*problem),
            other => {
                let (exit, code, hint) = of_client_error(&other);
                let mut failure = Self::new(exit, code, other.to_string());
                failure.0.hint = hint.map(str::to_owned);
                // Between the call and the reason lie layers that tell nobody anything.
                failure.0.causes.extend(root_cause(&other).map(ToString::to_string));
                failure
            }
        }
    }
}

fn root_cause(error: &ClientError) -> Option<&(dyn Error + 'static)> {
    let mut root = error.source()?;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    Some(root)
}

fn is_about_tls(error: &(dyn Error + 'static)) -> bool {
    // An I/O error shows what it wraps as itself, not as its source.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => is_about_tls(wrapped),
        None => error.is::<rustls::Error>(),
    }
}

fn of_client_error(error: &ClientError) -> (Exit, &'static str, Option<&'static str>) {
    match error {
        ClientError::Problem(_) => (Exit::Failed, "problem", None),
        ClientError::Status { status, .. } => (
            Exit::of_status(*status),
            "not_a_node",
            Some("check that the address is that of an ods node's admin API, and whether it needs https://"),
        ),
        ClientError::Connect { .. } if root_cause(error).is_some_and(is_about_tls) => (
            Exit::Unreachable,
            "certificate",
            Some("if the node made its certificate itself, give its SHA-256 with --pin; it is in run.json there"),
        ),
        ClientError::Connect { .. } => {
            (Exit::Unreachable, "unreachable", Some("check the address, and that the node is running"))
        }
        ClientError::Broken { .. } | ClientError::Stalled { .. } => (
            Exit::Unreachable,
            "connection_lost",
            Some("try again; a pull resumes where it stopped, and so does a push of 8 MiB or more without a condition"),
        ),
        ClientError::NotUnderstood { .. } | ClientError::TooLong { .. } => (
            Exit::Failed,
            "not_understood",
            Some("check that the node runs a version that fits this one (`ods status`)"),
        ),
        ClientError::BadServer { .. } => {
            (Exit::Usage, "bad_server", Some("write it as http://HOST:PORT or https://HOST:PORT"))
        }
        ClientError::Replaced => (Exit::Conflict, "replaced", Some("run the command again to get the new bytes")),
        ClientError::SetUp { .. } => (Exit::Failed, "set_up", None),
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let mut failure = Self::new(Exit::of_status(problem.status), &problem.code, problem.detail.clone());
        failure.0.hint = hint_of_problem(&problem.code, problem.status).map(str::to_owned);
        failure.0.facts = match serde_json::to_value(problem) {
            Ok(Value::Object(object)) => object,
            Ok(_) | Err(_) => Map::new(),
        };
        failure
    }
}

/// What to do about a refusal of the node: by its code, else by its status.
fn hint_of_problem(code: &str, status: u16) -> Option<&'static str> {
    match (code, status) {
        ("not_a_publisher", _) => Some(
            "publish on a node whose role allows it (`ods status` shows the role), or have an owner invite this one as publisher",
        ),
        ("invite_expired" | "invite_used" | "invite_unknown", _) => {
            Some("run `ods peer invite` on the other node again, and join with the new line")
        }
        ("invite_malformed", _) => Some("copy the whole line that `ods peer invite` printed"),
        ("node_unreachable", _) => Some(
            "check that this machine can reach the other node; its address can be set there with `--url` or `urls` in ods.toml",
        ),
        ("outside_watch_roots", _) => Some(
            "`ods settings` shows watch.roots; it is set under [watch] in the node's ods.toml, and counts from the next start on",
        ),
        ("folder_taken", _) => Some("`ods watch ls` lists the watched folders"),
        ("no_such_package", _) => Some("`ods ls` lists the packages"),
        (_, 401) => {
            Some("set ODS_TOKEN to a token made with `ods token create`, or run the command on the node's own machine")
        }
        ("not_an_owner", _) => Some(
            "an owner of the mesh has to do it, or to make the invite; `ods roster ls` there shows which nodes are owners",
        ),
        ("expelled", _) => Some("to return, that machine begins with an empty data folder and joins by a new invite"),
        (_, 403) => Some("use a token whose scope and prefixes allow this (`ods token ls` lists them)"),
        (_, 412) => Some("look at what is there now with `ods show`, then decide"),
        (_, 429 | 503) => Some("try again in a moment"),
        (_, 507) => Some("free some space on the node's disk, or let its data folder live on a larger one"),
        (_, 500) => Some("the node's log tells more; look there for the request id"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, code: &str) -> Problem {
        serde_json::from_value(json!({"type": "about:blank", "title": "t", "status": status, "code": code,
            "detail": "no package at a.pkg", "request_id": "r1", "path": "a.pkg"}))
        .expect("a problem")
    }

    fn text(failure: &Failure) -> String {
        let mut text = Vec::new();
        failure.write_text(&mut text).expect("written");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn a_problem_keeps_its_code_and_facts_in_json() {
        let failure = Failure::from(problem(404, "package_unknown"));
        assert_eq!(failure.exit(), Exit::NotFound);
        assert_eq!(
            failure.to_json(),
            json!({"type": "about:blank", "title": "t", "status": 404, "code": "package_unknown",
                "detail": "no package at a.pkg", "request_id": "r1", "path": "a.pkg", "hint": null, "exit_code": 3})
        );
    }

    #[test]
    fn errors_are_printed_with_causes_and_a_hint() {
        let error = io::Error::new(io::ErrorKind::PermissionDenied, "denied");
        let failure = Failure::file("cannot read x", &error).hint("run it as root");
        assert_eq!(text(&failure), "error: cannot read x: denied\nhint: run it as root\n");
        assert!(text(&Failure::from(problem(401, "unauthorized"))).contains("hint: set ODS_TOKEN"));
    }

    #[test]
    fn no_token_is_asked_for_where_the_node_itself_may_not() {
        for code in ["expelled", "not_an_owner", "not_a_publisher"] {
            let told = text(&Failure::from(problem(403, code)));
            assert!(told.contains("hint: ") && !told.contains("token"), "{code}: {told}");
        }
        assert!(text(&Failure::from(problem(403, "forbidden"))).contains("token"));
    }

    #[test]
    fn control_characters_from_a_server_do_not_reach_the_terminal() {
        let failure = Failure::new(Exit::Failed, "x", "a\u{1b}[31mb\nc");
        assert_eq!(text(&failure), "error: a\\u{1b}[31mb c\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit(), Exit::Ok);
    }
}
