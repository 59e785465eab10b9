//! Every setting, on one page.

use std::ops::RangeInclusive;

use toml::Value;

use super::{Surroundings, address};

/// One setting.
pub(super) struct Setting {
    /// Its key in `ods.toml`, with the table it is in.
    pub(super) key: &'static str,
    /// What it means, for the administrator. Lines of at most 100 characters.
    pub(super) meaning: &'static str,
    /// The shape of its value.
    pub(super) shape: Shape,
    /// Its value when nobody gives one; `None` only where the machine can't tell.
    pub(super) default: fn(&Surroundings) -> Option<Value>,
}

/// The shape of a setting's value, and how a variable's text is read as one.
pub(super) enum Shape {
    /// A text, taken as it is.
    Text,
    /// A whole number within bounds.
    Number(RangeInclusive<i64>),
    /// Texts; in a variable separated by commas.
    Texts,
    /// Tables; a variable gives the member `short` of each, separated by commas, or the whole array as TOML.
    Tables {
        /// The member that a variable's plain text gives.
        short: &'static str,
        /// Every known member, with dots for tables inside.
        members: &'static [&'static str],
        /// How one is written, for a list that is empty.
        example: &'static str,
    },
}

impl Setting {
    /// The variable that sets it: `ODS_LOG_FORMAT` for `log.format`.
    pub(super) fn variable(&self) -> String {
        format!("ODS_{}", self.key.to_uppercase().replace('.', "_"))
    }
}

const fn setting(
    key: &'static str,
    shape: Shape,
    default: fn(&Surroundings) -> Option<Value>,
    meaning: &'static str,
) -> Setting {
    Setting { key, meaning, shape, default }
}

/// Every setting, in the order in which `ods config` prints them: keys of no table, tables, lists of tables.
pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "data",
        Shape::Text,
        |machine| machine.data.as_ref().map(|folder| Value::from(folder.to_string_lossy().into_owned())),
        "The folder that holds everything this node keeps.",
    ),
    setting(
        "name",
        Shape::Text,
        |machine| Some(Value::from(machine.hostname.as_str())),
        "What people call this node.\nA name that is chosen while it runs stays until another one is given here.",
    ),
    setting(
        "urls",
        Shape::Texts,
        |_| Some(Value::Array(Vec::new())),
        "Where other nodes reach this one, such as \"https://packages.example.org\".\nEmpty: the addresses it listens on.",
    ),
    setting(
        "trusted_proxies",
        Shape::Texts,
        |_| Some(Value::Array(Vec::new())),
        "Reverse proxies (addresses or networks such as \"10.0.0.0/8\") whose X-Forwarded-For is believed.",
    ),
    setting(
        "downloads.roots",
        Shape::Texts,
        |_| Some(Value::Array(vec![Value::from("Packages")])),
        "Folders of the URL under which packages are offered: \"Packages\" means /Packages/….",
    ),
    setting(
        "downloads.access",
        Shape::Text,
        |_| Some(Value::from("open")),
        "Who may download: \"open\" (everyone), \"basic\" (a read token as the password of Basic authentication)\n\
         or \"token\" (a read token as Bearer).",
    ),
    setting(
        "mesh.link",
        Shape::Text,
        |_| Some(Value::from("auto")),
        "Whether this node opens links outward, through which peers call it that can't reach it (firewall, NAT): \"auto\"\n\
         (to peers that answer, but don't call), \"always\" or \"never\".",
    ),
    setting(
        "mesh.up_bytes_per_s",
        Shape::Number(0..=1_000_000_000_000),
        |_| Some(Value::from(0)),
        "The most bytes a second that packages take from this node to others; 0: no limit here. The lower of this and of\n\
         what `ods limit` sets, which has windows and limits of single peers too, holds.",
    ),
    setting(
        "mesh.down_bytes_per_s",
        Shape::Number(0..=1_000_000_000_000),
        |_| Some(Value::from(0)),
        "The same from others to this node.",
    ),
    setting(
        "limits.connections_max",
        Shape::Number(1..=1_000_000),
        |_| Some(Value::from(4096)),
        "Connections served at once; more of them wait.",
    ),
    setting(
        "limits.connections_per_address_max",
        Shape::Number(1..=1_000_000),
        |_| Some(Value::from(512)),
        "Connections served at once from one address. A site behind one NAT address is one address.",
    ),
    setting(
        "limits.header_timeout_s",
        Shape::Number(1..=3600),
        |_| Some(Value::from(15)),
        "Seconds a client may take to send the head of a request.",
    ),
    setting(
        "limits.idle_timeout_s",
        Shape::Number(1..=86_400),
        |_| Some(Value::from(75)),
        "Seconds a connection may rest between two requests.",
    ),
    setting(
        "limits.body_stall_timeout_s",
        Shape::Number(1..=3600),
        |_| Some(Value::from(60)),
        "Seconds an upload or a download may make no progress (16 KiB up, 1 KiB down).",
    ),
    setting(
        "limits.drain_timeout_s",
        Shape::Number(0..=3600),
        |_| Some(Value::from(15)),
        "Seconds that requests under way may take to end when the node stops.",
    ),
    setting(
        "limits.cache_bytes",
        Shape::Number(1_048_576..=1_099_511_627_776),
        |_| Some(Value::from(16 * 1_048_576)),
        "Memory for the database's cache, in bytes.",
    ),
    setting(
        "scrub.every_days",
        Shape::Number(0..=3650),
        |_| Some(Value::from(30)),
        "Days after which everything that is held is read and verified again; 0: only when somebody asks.",
    ),
    setting(
        "scrub.rate_bytes_per_s",
        Shape::Number(65_536..=1_099_511_627_776),
        |_| Some(Value::from(50_000_000)),
        "Bytes a second that this reads, so that it disturbs nobody.",
    ),
    setting(
        "log.format",
        Shape::Text,
        |_| Some(Value::from("human")),
        "The shape of a log line: \"human\" or \"json\".",
    ),
    setting(
        "log.filter",
        Shape::Text,
        |_| Some(Value::from("info")),
        "What is logged: a level (error, warn, info, debug, trace), or levels by module as in \"info,ods::mesh=debug\".",
    ),
    setting(
        "watch.roots",
        Shape::Texts,
        |_| Some(Value::Array(Vec::new())),
        "Folders below which the admin API may add watches while the node runs. Empty: nowhere.",
    ),
    setting(
        "policy.mode",
        Shape::Text,
        |_| Some(Value::from("")),
        "Whose bytes this node keeps: \"all\" (of every package), \"selected\" (those that match one of `paths` or have one\n\
         of `tags`) or \"on-demand\" (those that clients ask for, up to `bytes_max`). Given here it is set at every start.\n\
         Empty: what `ods policy` set; at first, all.",
    ),
    setting(
        "policy.paths",
        Shape::Texts,
        |_| Some(Value::Array(Vec::new())),
        "Globs of paths, with \"selected\", such as \"mac/*\"; `*` matches `/` too.",
    ),
    setting("policy.tags", Shape::Texts, |_| Some(Value::Array(Vec::new())), "Tags, with \"selected\"."),
    setting(
        "policy.bytes_max",
        Shape::Number(0..=i64::MAX),
        |_| Some(Value::from(0)),
        "With \"on-demand\": beyond so many bytes those go that were used longest ago.",
    ),
    setting(
        "retention.keep_revisions",
        Shape::Number(0..=10_000),
        |_| Some(Value::from(5)),
        "Revisions of each package whose bytes are kept, the current one included. What is current is always kept.",
    ),
    setting(
        "retention.keep_age",
        Shape::Text,
        |_| Some(Value::from("30d")),
        "Bytes of revisions that were published less than this ago are kept in any case; \"0\": of none.",
    ),
    setting(
        "retention.keep_removed",
        Shape::Text,
        |_| Some(Value::from("7d")),
        "For how long all this holds of a package that was removed, so that it can be restored. Then all its bytes go;\n\
         `ods gc --removed` lets them go at once.",
    ),
    setting(
        "journal.keep_age",
        Shape::Text,
        |_| Some(Value::from("90d")),
        "How long the journal's records (`ods events`) are kept; \"0\": for ever. What an enabled webhook has yet to be\n\
         told is kept in any case.",
    ),
    setting(
        "gc.grace",
        Shape::Text,
        |_| Some(Value::from("1d")),
        "Bytes that came to this node less than this ago are kept, whatever else is said; \"0\": none.",
    ),
    setting(
        "gc.every",
        Shape::Text,
        |_| Some(Value::from("6h")),
        "How often the node removes what is not kept. `ods gc --dry-run` tells what would go now.",
    ),
    setting(
        "uploads.keep",
        Shape::Text,
        |_| Some(Value::from("1d")),
        "How long an upload that was begun and broke off may be gone on with. Then it is abandoned, and its bytes go.",
    ),
    setting(
        "listeners",
        Shape::Tables {
            short: "address",
            members: &["address", "tls", "tls.certificate", "tls.key", "surfaces"],
            example: "",
        },
        |_| Some(Value::Array(vec![super::flags::single("address", Value::from(address::unspecified().to_string()))])),
        "Where the node listens. `tls` is \"none\", \"self-signed\" or { certificate = \"…\", key = \"…\" } (PEM files, read\n\
         again when they change). `surfaces` are what is offered there: \"downloads\", \"admin\" (API and web page), \"peers\".",
    ),
    setting(
        "retention.rule",
        Shape::Tables {
            short: "paths",
            members: &["paths", "keep_revisions", "keep_age", "keep_removed"],
            example: "paths = [\"*.pkg\"]     # `*` matches `/` too\nkeep_revisions = 2\nkeep_age = \"7d\"",
        },
        |_| Some(Value::Array(Vec::new())),
        "What is kept of some packages in place of the settings under [retention]. The first rule that matches\n\
         decides; what it leaves out is as set there.",
    ),
    setting(
        "watches",
        Shape::Tables {
            short: "folder",
            members: &["folder", "mode", "prefix", "tags", "settle_s", "rescan_s"],
            example: "folder = \"/srv/drop\"\nmode = \"keep\"      # or \"consume\": the file is moved into the store; \"mirror\": deleting it unpublishes\n\
                      prefix = \"apps\"    # published as apps/…\ntags = [\"new\"]\n\
                      settle_s = 10      # how long a file must rest before it is taken\n\
                      rescan_s = 60      # how often the folder is read anew",
        },
        |_| Some(Value::Array(Vec::new())),
        "Folders whose files are published.",
    ),
];

/// Whether `key` (dotted, without list positions) is a setting, a member of one, or a table that has some.
pub(super) fn is_known(key: &str) -> bool {
    known_keys().any(|known| known == key || known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The known key most like `key`, if one is alike enough to be meant.
pub(super) fn nearest(key: &str) -> Option<String> {
    let last = |dotted: &str| dotted.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |known: &str| {
        let whole = strsim::jaro_winkler(known, key);
        // The right name in the wrong table is a likely slip too.
        if last(known) == last(key) { whole.max(0.95) } else { whole }
    };
    known_keys()
        .flat_map(|known| [known.split('.').next().unwrap_or_default().to_owned(), known])
        .map(|known| (likeness(&known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn known_keys() -> impl Iterator<Item = String> {
    SETTINGS.iter().flat_map(|setting| {
        let members: &[&str] = match &setting.shape {
            Shape::Tables { members, .. } => members,
            Shape::Text | Shape::Number(_) | Shape::Texts => &[],
        };
        let members = members.iter().map(|member| format!("{}.{member}", setting.key));
        std::iter::once(setting.key.to_owned()).chain(members)
    })
}
