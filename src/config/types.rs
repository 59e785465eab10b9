//! The resolved configuration, as the rest of the program sees it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use ods_store::{Keep, Rates, RetentionRule, StatePolicy, WatchMode};
use serde::{Deserialize, Serialize};

use super::address;

/// Everything that can be configured, resolved and valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The folder that holds everything the node keeps; absolute.
    pub(crate) data: PathBuf,
    /// What people call this node: 1–128 bytes, no control characters, none that can't be seen.
    pub(crate) name: String,
    /// Where peers reach this node, without a trailing `/`; empty: its listen addresses.
    pub(crate) urls: Vec<String>,
    /// Where it listens; at least one, no address twice.
    pub(crate) listeners: Vec<Listener>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// How packages are handed to machines.
    pub(crate) downloads: Downloads,
    /// Whether this node opens links, so that peers can call it.
    pub(crate) link: LinkMode,
    /// The most that bytes of packages take between nodes, whatever is set while the node runs.
    pub(crate) bandwidth: Rates,
    /// Bounds and times.
    pub(crate) limits: Limits,
    /// Which bytes are kept, and how often others are removed.
    pub(crate) space: Space,
    /// Which packages' bytes are kept; none: as it was set while the node ran.
    pub(crate) policy: Option<StatePolicy>,
    /// How long the journal's records are kept; zero: for ever.
    pub(crate) journal_keep: Duration,
    /// When and how fast everything is verified.
    pub(crate) scrub: Scrub,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Folders below which watches may be added while the node runs; absolute.
    pub(crate) watch_roots: Vec<PathBuf>,
    /// Folders whose files are published.
    pub(crate) watches: Vec<Watch>,
}

/// One address the node listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Address and port; port 0 lets the system choose.
    #[serde(with = "address::text", default = "address::unspecified")]
    pub(crate) address: SocketAddr,
    /// Encryption.
    #[serde(default)]
    pub(crate) tls: Tls,
    /// What is offered here; not empty.
    #[serde(default = "Surface::all")]
    pub(crate) surfaces: Vec<Surface>,
}

/// How a listener encrypts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "TlsText", into = "TlsText")]
pub(crate) enum Tls {
    /// Plain HTTP.
    #[default]
    None,
    /// A certificate the node makes itself; invites carry its pin.
    SelfSigned,
    /// PEM files, read again when they change; absolute.
    Files {
        /// The certificate chain.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// [`Tls`] as it is written: a word, or a table of two files.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = r#"expected "none", "self-signed" or { certificate = "…", key = "…" }"#)]
enum TlsText {
    Word(String),
    Files { certificate: PathBuf, key: PathBuf },
}

impl TryFrom<TlsText> for Tls {
    type Error = String;

    fn try_from(text: TlsText) -> Result<Self, String> {
        match text {
            TlsText::Word(word) if word == "none" => Ok(Self::None),
            TlsText::Word(word) if word == "self-signed" => Ok(Self::SelfSigned),
            TlsText::Word(word) => Err(format!(
                r#""{word}" is no way to encrypt; use "none", "self-signed" or {{ certificate = "…", key = "…" }}"#
            )),
            TlsText::Files { certificate, key } => Ok(Self::Files { certificate, key }),
        }
    }
}

impl From<Tls> for TlsText {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::None => Self::Word("none".to_owned()),
            Tls::SelfSigned => Self::Word("self-signed".to_owned()),
            Tls::Files { certificate, key } => Self::Files { certificate, key },
        }
    }
}

/// A part of what the node offers over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Surface {
    /// Packages, for machines.
    Downloads,
    /// The admin API and the web page.
    Admin,
    /// The protocol between nodes.
    Peers,
}

impl Surface {
    /// Every surface.
    pub(crate) fn all() -> Vec<Self> {
        vec![Self::Downloads, Self::Admin, Self::Peers]
    }
}

/// How packages are handed to machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Downloads {
    /// First path segments under which packages are offered, such as `Packages`; at least one.
    pub(crate) roots: Vec<String>,
    /// Who may download.
    pub(crate) access: Access,
}

/// Who may download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    /// Everyone.
    #[default]
    Open,
    /// Whoever has a token with scope `read`, sent as the password of Basic authentication.
    Basic,
    /// Whoever sends a token with scope `read` as Bearer.
    Token,
}

/// Whether the node opens links to its peers, so that they can call it where nothing reaches it from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkMode {
    /// To peers that answer, but don't call.
    #[default]
    Auto,
    /// To all peers.
    Always,
    /// To none.
    Never,
}

/// Bounds and times. Where it matters, what they protect against is in `settings.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections served at once, all listeners together.
    pub(crate) connections_max: usize,
    /// Connections served at once from one address.
    pub(crate) connections_per_address_max: usize,
    /// From the connection (or the request before) to the last byte of a request's head.
    pub(crate) header_timeout: Duration,
    /// How long a connection may wait between two requests.
    pub(crate) idle_timeout: Duration,
    /// How long a body may make no progress, either way.
    pub(crate) body_stall_timeout: Duration,
    /// How long requests under way may take to end when the node stops.
    pub(crate) drain_timeout: Duration,
    /// Memory for the database's cache.
    pub(crate) cache_bytes: usize,
}

/// Which bytes are kept, and how often others are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    /// What is kept of paths that no rule names.
    pub(crate) keep: Keep,
    /// What is kept of others; the first that matches decides. Valid for [`ods_store::Retention::new`].
    pub(crate) rules: Vec<RetentionRule>,
    /// How long what has just arrived is kept in any case.
    pub(crate) grace: Duration,
    /// The time between two runs of gc.
    pub(crate) every: Duration,
    /// How long an upload may rest before it counts as abandoned.
    pub(crate) uploads_kept: Duration,
}

/// A policy's mode as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PolicyWord {
    /// Nothing is given.
    #[serde(rename = "")]
    Unset,
    /// Every package.
    All,
    /// By path or tag.
    Selected,
    /// What is asked for.
    OnDemand,
}

/// A rule of retention as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    /// Globs.
    pub(crate) paths: Vec<String>,
    /// If left out, as for all paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_revisions: Option<usize>,
    /// If left out, as for all paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_age: Option<String>,
    /// If left out, as for all paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_removed: Option<String>,
}

/// When and how fast everything that is held is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scrub {
    /// From the end of one pass to the next; none: only when somebody asks.
    pub(crate) every: Option<Duration>,
    /// Bytes to read in a second.
    pub(crate) rate_bytes_per_s: u64,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// The shape of a line.
    pub(crate) format: LogFormat,
    /// Levels by module, as `tracing-subscriber`'s `EnvFilter` reads them.
    pub(crate) filter: String,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// A folder whose files are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Watch {
    /// The folder; absolute.
    pub(crate) folder: PathBuf,
    /// What becomes of a file that was taken.
    #[serde(default)]
    pub(crate) mode: WatchMode,
    /// Package paths start with this folder; empty: with the file's own name. No `/` at the ends.
    #[serde(default)]
    pub(crate) prefix: String,
    /// Tags given to every package published from here.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// How long a file must rest before it is taken, in seconds.
    #[serde(default = "Watch::settle_s_default")]
    pub(crate) settle_s: u64,
    /// How often the folder is read anew, in seconds, in case its events get lost.
    #[serde(default = "Watch::rescan_s_default")]
    pub(crate) rescan_s: u64,
}

impl Watch {
    fn settle_s_default() -> u64 {
        10
    }

    fn rescan_s_default() -> u64 {
        60
    }
}
