//! `ods pull`: download a package, verified.
//!
//! The bytes go to `<file>.part`, and the digest they shall have to `<file>.part.etag`, so that a later call goes on where
//! this one was cut. Invariant: `<file>` appears whole and verified, or not at all.

mod part;

use std::path::{Path, PathBuf};

use ods_api::{Client, ClientError, Download, ResumeFrom};
use ods_store::PackagePath;
use serde_json::json;

use self::part::Part;
use super::{Context, parse_path, retry, revision};
use crate::cli::{Bar, Connected, Connection, Failure, Progress, bytes_text, printable};

/// Download a package, verified; resumes what was begun
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Download a package and verify it.\n\nThe file appears whole and verified, or not at all: what arrived \
                  before a cut stays in FILE.part, and the next call goes on from there. An older FILE is replaced.",
    after_help = "Examples:\n  ods pull mac/Firefox-142.pkg                      to ./Firefox-142.pkg\n  \
                  ods pull mac/Firefox-142.pkg -o /tmp/ff.pkg\n  \
                  ods pull tool.tar.gz -o - | tar xz                to standard output\n  \
                  ods pull tool.pkg --revision 5f0c61a2             an earlier revision"
)]
pub(crate) struct Arguments {
    /// The package's path
    path: String,
    /// Where to: a file, a folder, or `-` for standard output; the package's own name here unless given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// An earlier revision, or the first digits of its id
    #[arg(long, value_name = "ID")]
    revision: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// What is downloaded.
enum Source {
    /// Whatever is current at a path.
    Current(PackagePath),
    /// These bytes, in hex.
    Blob(String),
}

impl Source {
    async fn open(&self, client: &Client, resume: Option<&ResumeFrom>) -> Result<Download, ClientError> {
        match self {
            Self::Current(path) => client.download(path, resume).await,
            Self::Blob(digest) => client.download_blob(digest, resume).await,
        }
    }
}

pub(crate) async fn run(arguments: Arguments, context: &mut Context) -> Result<(), Failure> {
    let path = parse_path(&arguments.path)?;
    let node = arguments.connection.connect(context)?;
    let source = choose(&node, &path, arguments.revision.as_deref()).await?;
    let progress = Progress::on_standard_error(context.output.is_json());
    let mut bar = progress.bar(path.file_name(), 0);
    bar.doing("downloading");
    if arguments.output.as_deref() == Some(Path::new("-")) {
        let mut part = Part::standard_output();
        fetch(&node, &source, &mut part, &mut bar).await?;
        bar.finish();
        return Ok(());
    }
    let file = destination(arguments.output, &path);
    if let Source::Blob(digest) = &source
        && part::digest_of(&file).await? == Some(digest.clone())
    {
        bar.finish();
        return report(context, &path, &file, &Pulled { size: None, digest });
    }
    let mut part = Part::beside(&file).await?;
    let digest = fetch(&node, &source, &mut part, &mut bar).await?;
    bar.finish();
    let size = part.bytes();
    part.keep(&file).await?;
    report(context, &path, &file, &Pulled { size: Some(size), digest: &digest })
}

/// The bytes to fetch. With a token they are named by digest, so that a replacement in between does no harm.
async fn choose(node: &Connected, path: &PackagePath, typed: Option<&str>) -> Result<Source, Failure> {
    if let Some(typed) = typed {
        let revision = revision::find(node, path, typed).await?;
        let blob = revision.blob.ok_or_else(|| {
            Failure::usage(format!("revision {typed} of {path} is a removal and has no bytes"))
                .hint(format!("`ods show --history {path}` lists the revisions"))
        })?;
        return Ok(Source::Blob(blob));
    }
    if !node.has_token {
        return Ok(Source::Current(path.clone()));
    }
    let package = node.client.package(path).await.map_err(|error| node.explain(error))?;
    Ok(Source::Blob(package.blob))
}

fn destination(typed: Option<PathBuf>, path: &PackagePath) -> PathBuf {
    match typed {
        None => PathBuf::from(path.file_name()),
        Some(folder) if folder.is_dir() => folder.join(path.file_name()),
        Some(file) => file,
    }
}

/// Fetches the bytes into `part`, going on after cuts, and verifies them. The digest, in hex.
async fn fetch(node: &Connected, source: &Source, part: &mut Part, bar: &mut Bar) -> Result<String, Failure> {
    let mut pauses = retry::Pauses::default();
    loop {
        let before = part.bytes();
        let error = match attempt(&node.client, source, part, bar).await {
            Ok(()) if part.was_damaged() => {
                bar.remark("what an earlier pull left is damaged; starting again");
                part.restart().await?;
                continue;
            }
            Ok(()) => return part.verify().await,
            Err(Broken::Here(failure)) => return Err(failure),
            Err(Broken::There(error)) => error,
        };
        if part.bytes() > before {
            pauses = retry::Pauses::default();
        }
        // What was never reached isn't waited for.
        let started = part.bytes() > 0 || !matches!(error, ClientError::Connect { .. });
        let pause = pauses.next().filter(|_| started && retry::may_help(&error));
        let Some(pause) = pause else { return Err(node.explain(error)) };
        bar.remark(&format!("{error}; trying again in {} s", pause.as_secs()));
        tokio::time::sleep(pause).await;
    }
}

/// Why an attempt ended early.
enum Broken {
    Here(Failure),
    There(ClientError),
}

async fn attempt(client: &Client, source: &Source, part: &mut Part, bar: &mut Bar) -> Result<(), Broken> {
    if part.is_whole() {
        return Ok(());
    }
    let mut download = match source.open(client, part.resume().as_ref()).await {
        // The part is no part of what the node has: from the start, then.
        Err(error) if no_such_part(&error) => {
            part.restart().await.map_err(Broken::Here)?;
            source.open(client, None).await.map_err(Broken::There)?
        }
        other => other.map_err(Broken::There)?,
    };
    part.begin(&download).await.map_err(Broken::Here)?;
    bar.size(download.size);
    bar.done(part.bytes());
    let ended = loop {
        match download.chunk().await {
            Ok(Some(chunk)) => part.write(&chunk).await.map_err(Broken::Here)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(Broken::There(error)),
        }
        bar.done(part.bytes());
    };
    part.flush().await.map_err(Broken::Here)?;
    ended
}

/// Whether the node says that the bytes asked for are not there: other bytes now, or fewer.
fn no_such_part(error: &ClientError) -> bool {
    match error {
        ClientError::Replaced => true,
        ClientError::Problem(problem) => problem.status == 416,
        ClientError::Status { status, .. } => *status == 416,
        ClientError::Connect { .. }
        | ClientError::Broken { .. }
        | ClientError::Stalled { .. }
        | ClientError::NotUnderstood { .. }
        | ClientError::TooLong { .. }
        | ClientError::BadServer { .. }
        | ClientError::SetUp { .. } => false,
    }
}

/// What came of it.
struct Pulled<'p> {
    /// Bytes of the file; `None` if it was here already.
    size: Option<u64>,
    digest: &'p str,
}

fn report(context: &mut Context, path: &PackagePath, file: &Path, pulled: &Pulled<'_>) -> Result<(), Failure> {
    let changed = pulled.size.is_some();
    if context.output.is_json() {
        let file = file.to_string_lossy();
        return context.output.json(&json!({"path": path, "file": file, "blob": pulled.digest, "changed": changed}));
    }
    let file = printable(&file.to_string_lossy());
    context.output.line(&match pulled.size {
        Some(size) => format!("{file}: {}, verified", bytes_text(size)),
        None => format!("{file} is here already, verified"),
    })
}
