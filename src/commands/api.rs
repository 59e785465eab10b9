//! `ods api`: any call of the admin API, as it stands in its document.

use std::path::PathBuf;

use http::{HeaderMap, HeaderName, HeaderValue};
use ods_api::{Answer, ClientError};
use serde_json::Value;

use super::Context;
use crate::cli::{Connection, Exit, Failure};

/// Call the admin API directly; whatever has no command of its own
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ods api GET /node\n  ods api PATCH /node '{\"name\":\"hq\"}'\n  \
                  ods api GET '/anchors?sort=-size'\n  ods api GET /openapi.json\n\n\
                  Every call is explained at /api/v1/docs of a node.")]
pub(crate) struct Arguments {
    /// GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS; of the last two the answer's headers are printed
    method: String,
    /// The address, with or without /api/v1 in front: /node, node, /api/v1/node
    path: String,
    /// The body, as JSON
    body: Option<String>,
    /// Take the body, as JSON, from a file
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// A header of the request, as `Name: value`; may be given several times
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    headers: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let text = match (&arguments.body, &arguments.body_file) {
        (Some(body), _) => Some(body.clone()),
        (None, Some(path)) => Some(
            std::fs::read_to_string(path)
                .map_err(|error| Failure::file(format!("cannot read {}", path.display()), &error))?,
        ),
        (None, None) => None,
    };
    let body: Option<Value> = text
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| Failure::usage("the body is not JSON").caused_by(&error))?;
    let path = below(&arguments.path);
    let method = arguments.method.to_uppercase();
    if !["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].contains(&method.as_str()) {
        return Err(Failure::usage(format!("{method} is no method of this API")));
    }
    let headers = arguments.headers.iter().map(|text| header(text)).collect::<Result<HeaderMap, Failure>>()?;
    let answer = node.client.call(&method, &format!("/api/v1/{path}"), headers, body.as_ref()).await;
    let Answer { headers, body: answer } = answer.map_err(|error| match error {
        // To HEAD even a refusal has no body, so there is nothing to know a node by.
        ClientError::Status { status, .. } if method == "HEAD" => {
            let said = format!("the answer to HEAD /{path} is {status}, without a reason");
            Failure::new(Exit::of_status(status), "no_reason", said).hint(format!("`ods api GET /{path}` tells it"))
        }
        error => node.explain(error),
    })?;
    if method == "HEAD" || method == "OPTIONS" {
        return context.output.json(&headers);
    }
    match serde_json::from_slice::<Value>(&answer) {
        Ok(value) => context.output.json(&value),
        Err(_) if answer.is_empty() => Ok(()),
        Err(_) => {
            let text = String::from_utf8(answer);
            let text = text.map_err(|_| Failure::new(Exit::Failed, "not_text", "the answer is no text"))?;
            context.output.line(text.trim_end())
        }
    }
}

/// What an address names below `/api/v1`, which may be in front of it, each with or without a slash.
fn below(typed: &str) -> &str {
    let path = typed.trim_start_matches('/');
    let is_whole = |rest: &&str| rest.is_empty() || rest.starts_with(['/', '?']);
    path.strip_prefix("api/v1").filter(is_whole).map_or(path, |rest| rest.trim_start_matches('/'))
}

/// `Name: value`.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let read = || {
        let (name, value) = text.split_once(':')?;
        Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    read().ok_or_else(|| Failure::usage(format!("{text:?} is no header: `Name: value`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_and_without_what_comes_before_it() {
        for typed in ["node", "/node", "api/v1/node", "/api/v1/node", "//api/v1//node"] {
            assert_eq!(below(typed), "node", "{typed}");
        }
        for (typed, expected) in
            [("/api/v1", ""), ("/api/v1?x", "?x"), ("api/v1s", "api/v1s"), ("/packages/api/v1", "packages/api/v1")]
        {
            assert_eq!(below(typed), expected, "{typed}");
        }
    }
}
