//! One file's way to the node.

use std::fs::File;
use std::io::Read;

use ods_api::{ClientError, Guard, PackageView, PublishQuery, PublishedView, Upload};

use tokio::io::AsyncReadExt;

use super::super::retry;
use super::ours::is_ours;
use super::{Target, resumable};
use crate::cli::{Bar, Connected, Exit, Failure};

const CHUNK_BYTES: usize = 1 << 20;

/// What goes for every file of a push.
pub(super) struct Order {
    pub(super) metadata: PublishQuery,
    pub(super) guard: Guard,
}

/// What came of a file.
pub(super) struct Pushed {
    pub(super) view: PublishedView,
    /// Whether there was a package at the path.
    pub(super) replaced: bool,
    /// Whether the bytes had to be sent.
    pub(super) sent: bool,
}

/// Publishes a file, trying again where that may help: also for hours, as long as it gets further.
pub(super) async fn push(node: &Connected, target: &Target, order: &Order, mut bar: Bar) -> Result<Pushed, Failure> {
    // Asked first, so that a node that isn't there is told at once, not after hashing 25 GB.
    let before = look(node, target).await.map_err(|error| node.explain(error))?;
    bar.doing("hashing");
    let blake3 = hash(target, bar.clone()).await?;
    let mut pauses = retry::Pauses::default();
    let mut sought = Sought::new(before, &blake3, order);
    loop {
        let error = match attempt(node, target, order, &mut sought, &mut bar).await {
            Ok(pushed) => return Ok(pushed),
            Err(Stopped::Here(failure)) => return Err(failure),
            Err(Stopped::There(error)) => error,
        };
        // Bytes that end early look like a cut; it is the file that did it.
        if tokio::fs::metadata(&target.file).await.is_ok_and(|about| about.len() < target.size) {
            return Err(changed(target));
        }
        if error.code() == Some("precondition_failed")
            && let Ok(Some(package)) = look(node, target).await
            && sought.is_done(&package)
        {
            return Ok(sought.done(package));
        }
        let is_taken = sought.begun.leave(&error);
        if sought.begun.got_further() {
            pauses = retry::Pauses::default();
        }
        let pause = pauses.next().filter(|_| is_taken || retry::may_help(&error));
        let Some(pause) = pause else { return Err(explain(node, target, &order.guard, error)) };
        // After a cut, the node may have got it all the same.
        sought.perhaps_done |= !matches!(error, ClientError::Connect { .. });
        sought.is_stale = true;
        bar.remark(&format!("{}: {error}; trying again in {} s", target.path, pause.as_secs()));
        tokio::time::sleep(pause).await;
    }
}

/// What a push is after, and what is known of it so far.
struct Sought<'a> {
    blake3: &'a str,
    metadata: &'a PublishQuery,
    /// The package as it was looked at last.
    before: Option<PackageView>,
    /// Whether it must be looked at again.
    is_stale: bool,
    /// What was there at first.
    at_first: AtFirst,
    /// Whether an attempt ended without its answer: then it may have been done.
    perhaps_done: bool,
    /// The resumable upload that was begun.
    begun: resumable::Begun,
}

/// What was at the path before the push.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AtFirst {
    Nothing,
    /// A package that was to be replaced or changed.
    Another,
    /// What the push is after: nothing can be told from its being there later.
    TheSame,
}

impl<'a> Sought<'a> {
    fn new(before: Option<PackageView>, blake3: &'a str, order: &'a Order) -> Self {
        let metadata = &order.metadata;
        let at_first = match &before {
            None => AtFirst::Nothing,
            Some(package) if is_ours(package, blake3, metadata) => AtFirst::TheSame,
            Some(_) => AtFirst::Another,
        };
        Self {
            blake3,
            metadata,
            before,
            is_stale: false,
            at_first,
            perhaps_done: false,
            begun: resumable::Begun::default(),
        }
    }

    /// Whether a package is the work of an earlier attempt.
    fn is_done(&self, package: &PackageView) -> bool {
        self.perhaps_done && self.at_first != AtFirst::TheSame && is_ours(package, self.blake3, self.metadata)
    }

    fn done(&self, package: PackageView) -> Pushed {
        Pushed {
            view: PublishedView { changed: true, package },
            replaced: self.at_first != AtFirst::Nothing,
            sent: true,
        }
    }
}

/// Why an attempt ended early.
pub(super) enum Stopped {
    Here(Failure),
    There(ClientError),
}

async fn attempt(
    node: &Connected,
    target: &Target,
    order: &Order,
    sought: &mut Sought<'_>,
    bar: &mut Bar,
) -> Result<Pushed, Stopped> {
    if sought.is_stale {
        sought.before = look(node, target).await.map_err(Stopped::There)?;
    }
    let (replaced, blake3) = (sought.before.is_some(), sought.blake3);
    match sought.before.take() {
        Some(package) if sought.is_done(&package) => return Ok(sought.done(package)),
        Some(held) if held.blob == blake3 && held.state == "stored" => {
            let query = PublishQuery { from: Some(held.revision), ..order.metadata.clone() };
            let view = node.client.publish_held(&target.path, &query, &order.guard).await.map_err(Stopped::There)?;
            return Ok(Pushed { view, replaced, sent: false });
        }
        Some(_) | None => {}
    }
    bar.doing("uploading");
    if target.size >= resumable::RESUMABLE_BYTES {
        let view = resumable::send(node, target, order, blake3, &mut sought.begun, bar).await?;
        return Ok(Pushed { view, replaced, sent: true });
    }
    let unreadable = |error| Stopped::Here(cannot_read(target, &error));
    // What was hashed is sent, also if the file has grown since.
    let reader = tokio::fs::File::open(&target.file).await.map_err(unreadable)?.take(target.size);
    let mut bar = bar.clone();
    let upload = Upload { reader, size: target.size, progress: move |bytes| bar.done(bytes) };
    let query = PublishQuery { blake3: Some(blake3.to_owned()), ..order.metadata.clone() };
    let view = node.client.publish(&target.path, &query, &order.guard, upload).await.map_err(Stopped::There)?;
    Ok(Pushed { view, replaced, sent: true })
}

/// The package as it is.
async fn look(node: &Connected, target: &Target) -> Result<Option<PackageView>, ClientError> {
    match node.client.package(&target.path).await {
        Ok(package) => Ok(Some(package)),
        Err(error) if error.code() == Some("no_such_package") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file's BLAKE3, in hex.
async fn hash(target: &Target, mut bar: Bar) -> Result<String, Failure> {
    let (file, size) = (target.file.clone(), target.size);
    let hashed = tokio::task::spawn_blocking(move || -> std::io::Result<(String, u64)> {
        let mut reader = File::open(file)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut bytes = 0;
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                return Ok((hasher.finalize().to_hex().to_string(), bytes));
            }
            hasher.update(&buffer[..read]);
            bytes += read as u64;
            bar.done(bytes);
        }
    });
    let hashed =
        hashed.await.map_err(|error| Failure::new(Exit::Failed, "internal", "hashing failed").caused_by(&error))?;
    match hashed.map_err(|error| cannot_read(target, &error))? {
        (digest, bytes) if bytes == size => Ok(digest),
        (_, _) => Err(changed(target)),
    }
}

/// A refusal in the user's terms.
fn explain(node: &Connected, target: &Target, guard: &Guard, error: ClientError) -> Failure {
    match (error.code(), guard) {
        // Bytes that don't fit their digest mean that the file changed under way.
        (Some("digest_mismatch"), _) => changed(target).caused_by(&error),
        (Some("precondition_failed"), Guard::OnlyIfNew) => {
            let message = format!("there is a package at {} already", target.path);
            Failure::new(Exit::Conflict, "precondition_failed", message)
                .hint("look at it with `ods show`, or push without --only-if-new to replace it")
        }
        _ => node.explain(error),
    }
}

fn changed(target: &Target) -> Failure {
    Failure::new(Exit::Conflict, "file_changed", format!("{} changed while it was read", target.file.display()))
        .hint("nothing was published; push it again once whoever writes it is done")
}

pub(super) fn cannot_read(target: &Target, error: &std::io::Error) -> Failure {
    Failure::file(format!("cannot read {}", target.file.display()), error)
}
