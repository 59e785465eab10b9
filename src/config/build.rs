//! From values to the typed [`Config`]: parsing, bounds, and what must hold between settings.

mod policy;
mod space;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use ods_store::{BANDWIDTH_BYTES_PER_S_MIN, PackagePath, Rates};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use super::resolve::Resolved;
use super::settings::Shape;
use super::types::{Config, Downloads, Limits, Listener, Log, Scrub, Tls, Watch};
use super::{ConfigError, Source};

/// First segments of URLs that a download root may not hide.
const RESERVED_ROOTS: &[&str] = &["api", "blobs", "healthz", "metrics", "peer", "readyz"];

/// Builds the configuration, and leaves in `values` what it understood: paths absolute, defaults of members written out.
pub(super) fn build(values: &mut [Resolved]) -> Result<Config, ConfigError> {
    let mut values = Values(values);
    Ok(Config {
        data: folder(values.get("data"))?,
        name: take(values.get("name"), |text: String| name(&text))?,
        urls: take(values.get("urls"), each(|text: String| url(&text)))?,
        trusted_proxies: take(values.get("trusted_proxies"), each(|text: String| network(&text)))?,
        downloads: Downloads {
            roots: take(values.get("downloads.roots"), roots)?,
            access: take(values.get("downloads.access"), Ok)?,
        },
        link: take(values.get("mesh.link"), Ok)?,
        bandwidth: Rates {
            up: rate(values.get("mesh.up_bytes_per_s"))?,
            down: rate(values.get("mesh.down_bytes_per_s"))?,
        },
        limits: Limits {
            connections_max: count(values.get("limits.connections_max"))?,
            connections_per_address_max: count(values.get("limits.connections_per_address_max"))?,
            header_timeout: seconds(values.get("limits.header_timeout_s"))?,
            idle_timeout: seconds(values.get("limits.idle_timeout_s"))?,
            body_stall_timeout: seconds(values.get("limits.body_stall_timeout_s"))?,
            drain_timeout: seconds(values.get("limits.drain_timeout_s"))?,
            cache_bytes: count(values.get("limits.cache_bytes"))?,
        },
        space: space::space(&mut values)?,
        policy: policy::policy(&mut values)?,
        journal_keep: space::journal_keep(&mut values)?,
        scrub: Scrub {
            every: Some(number(values.get("scrub.every_days"))?)
                .filter(|days| *days > 0)
                .map(|days| Duration::from_hours(24 * days)),
            rate_bytes_per_s: number(values.get("scrub.rate_bytes_per_s"))?,
        },
        log: Log { format: take(values.get("log.format"), Ok)?, filter: take(values.get("log.filter"), filter)? },
        watch_roots: folders(values.get("watch.roots"))?,
        listeners: listeners(values.get("listeners"))?,
        watches: watches(values.get("watches"))?,
    })
}

/// Bytes a second; 0 is no limit.
fn rate(resolved: &mut Resolved) -> Result<Option<u64>, ConfigError> {
    let bytes_per_s = take(resolved, |bytes_per_s: u64| match bytes_per_s {
        1..BANDWIDTH_BYTES_PER_S_MIN => Err(format!(
            "{bytes_per_s} is too slow; use at least {BANDWIDTH_BYTES_PER_S_MIN} bytes a second, or 0 for no limit"
        )),
        _ => Ok(bytes_per_s),
    })?;
    Ok((bytes_per_s > 0).then_some(bytes_per_s))
}

/// The folder that a setting names, absolute.
pub(super) fn folder(resolved: &mut Resolved) -> Result<PathBuf, ConfigError> {
    let base = resolved.base.clone();
    take(resolved, |folder: PathBuf| absolute(&base, &folder))
}

fn folders(resolved: &mut Resolved) -> Result<Vec<PathBuf>, ConfigError> {
    let base = resolved.base.clone();
    take(resolved, each(|folder: PathBuf| absolute(&base, &folder)))
}

fn listeners(resolved: &mut Resolved) -> Result<Vec<Listener>, ConfigError> {
    let base = resolved.base.clone();
    take(resolved, |listeners: Vec<Listener>| {
        let mut addresses = BTreeSet::new();
        for listener in &listeners {
            if listener.surfaces.is_empty() {
                return Err(format!("{} offers no surface; name some, such as \"downloads\"", listener.address));
            }
            if listener.address.port() != 0 && !addresses.insert(listener.address) {
                return Err(format!("{} is listed twice", listener.address));
            }
        }
        if listeners.is_empty() {
            return Err("there is none; leave the setting out for the default".to_owned());
        }
        listeners.into_iter().map(|listener| absolute_listener(&base, listener)).collect()
    })
}

fn absolute_listener(base: &Path, mut listener: Listener) -> Result<Listener, String> {
    listener.surfaces.sort_unstable();
    listener.surfaces.dedup();
    if let Tls::Files { certificate, key } = &mut listener.tls {
        *certificate = absolute(base, certificate)?;
        *key = absolute(base, key)?;
    }
    Ok(listener)
}

fn watches(resolved: &mut Resolved) -> Result<Vec<Watch>, ConfigError> {
    let base = resolved.base.clone();
    take(resolved, |watches: Vec<Watch>| {
        let watches = each(|watch| check_watch(&base, watch))(watches)?;
        for (index, watch) in watches.iter().enumerate() {
            let others = watches.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| other);
            if let Some(inside) = others.into_iter().find(|other| watch.folder.starts_with(&other.folder)) {
                let (folder, outer) = (watch.folder.display(), inside.folder.display());
                return Err(format!("{folder} is in {outer}, which is watched too; a file may be in one watch only"));
            }
        }
        Ok(watches)
    })
}

fn check_watch(base: &Path, mut watch: Watch) -> Result<Watch, String> {
    watch.folder = absolute(base, &watch.folder)?;
    watch.prefix = match watch.prefix.trim_matches('/') {
        "" => String::new(),
        // Nothing could be published below one that looks like another.
        prefix => PackagePath::parse(prefix)
            .and_then(|path| path.check_new().map(|()| path.to_string()))
            .map_err(|error| format!("prefix {prefix:?}: {error}"))?,
    };
    if let Some(tag) = watch.tags.iter().find(|tag| tag.trim().is_empty() || tag.contains(',')) {
        return Err(format!("\"{tag}\" is no tag; a tag has at least one character and no comma"));
    }
    for tag in &watch.tags {
        ods_store::check_name("a tag", tag).map_err(|error| error.to_string())?;
    }
    if watch.rescan_s == 0 || watch.rescan_s > 86_400 || watch.settle_s > 86_400 {
        return Err("rescan_s must be from 1 to 86400, and settle_s from 0 to 86400".to_owned());
    }
    Ok(watch)
}

fn absolute(base: &Path, path: &Path) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() {
        return Err("the path is empty".to_owned());
    }
    let whole = std::path::absolute(base.join(path)).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(whole.components().collect())
}

fn name(name: &str) -> Result<String, String> {
    let name = name.trim().to_owned();
    ods_store::check_name("a name", &name).map_err(|error| error.to_string())?;
    Ok(name)
}

/// A base URL in its normal form, without a trailing `/`.
fn url(text: &str) -> Result<String, String> {
    ods_api::node_url(text)
        .ok_or_else(|| format!("\"{text}\" is no base URL; write one such as \"https://packages.example.org\""))
}

/// A network, or a single address as the network of itself.
fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| single())
        .map(|network| network.trunc())
        .map_err(|_| format!("\"{text}\" is no address or network; write one such as \"10.0.0.0/8\""))
}

fn roots(roots: Vec<String>) -> Result<Vec<String>, String> {
    if roots.is_empty() {
        return Err("there is none; leave the setting out for \"Packages\"".to_owned());
    }
    let mut seen = BTreeSet::new();
    each(|root: String| {
        let trimmed = root.trim_matches('/');
        let path = PackagePath::parse(trimmed).map_err(|error| format!("\"{root}\": {error}"))?;
        if trimmed.contains('/') || RESERVED_ROOTS.contains(&trimmed) {
            return Err(format!("\"{root}\" can't be used; a root is one segment, and none of {RESERVED_ROOTS:?}"));
        }
        if !seen.insert(trimmed.to_owned()) {
            return Err(format!("\"{root}\" is listed twice"));
        }
        Ok(path.to_string())
    })(roots)
}

fn filter(filter: String) -> Result<String, String> {
    let example = "write a level (error, warn, info, debug, trace), or levels by module as in \"info,ods::mesh=debug\"";
    tracing_subscriber::EnvFilter::try_new(&filter)
        .map_err(|error| format!("\"{filter}\" is no filter ({error}); {example}"))?;
    Ok(filter)
}

fn each<A, B>(mut one: impl FnMut(A) -> Result<B, String>) -> impl FnMut(Vec<A>) -> Result<Vec<B>, String> {
    move |all| all.into_iter().map(&mut one).collect()
}

fn seconds(resolved: &mut Resolved) -> Result<Duration, ConfigError> {
    number(resolved).map(Duration::from_secs)
}

fn count(resolved: &mut Resolved) -> Result<usize, ConfigError> {
    let value = number(resolved)?;
    usize::try_from(value).map_err(|_| invalid(resolved, &format!("{value} is too large for this machine")))
}

fn number(resolved: &mut Resolved) -> Result<u64, ConfigError> {
    let value = take(resolved, |value: i64| Ok(value))?;
    let Shape::Number(bounds) = &resolved.setting.shape else {
        return Err(invalid(resolved, "expected a whole number"));
    };
    let within = Some(value).filter(|value| bounds.contains(value)).and_then(|value| u64::try_from(value).ok());
    let (least, most) = (bounds.start(), bounds.end());
    within.ok_or_else(|| invalid(resolved, &format!("{value} is out of bounds; use a number from {least} to {most}")))
}

/// Reads a value as a `Typed`, checks it, and puts what was understood back in its place.
fn take<Typed, Checked>(
    resolved: &mut Resolved,
    mut check: impl FnMut(Typed) -> Result<Checked, String>,
) -> Result<Checked, ConfigError>
where
    Typed: DeserializeOwned,
    Checked: Serialize,
{
    let typed = resolved.value.clone().try_into::<Typed>().map_err(|error| invalid(resolved, error.message()))?;
    let checked = check(typed).map_err(|reason| invalid(resolved, &reason))?;
    resolved.value = Value::try_from(&checked).map_err(|error| invalid(resolved, &error.to_string()))?;
    Ok(checked)
}

fn invalid(resolved: &Resolved, reason: &str) -> ConfigError {
    let origin: Source = resolved.source.clone();
    ConfigError::Invalid { origin, key: resolved.setting.key, reason: reason.trim().replace('\n', " ") }
}

/// The resolved values, by key.
struct Values<'v>(&'v mut [Resolved]);

impl Values<'_> {
    fn get(&mut self, key: &str) -> &mut Resolved {
        self.0.iter_mut().find(|resolved| resolved.setting.key == key).expect("every key asked for is in SETTINGS")
    }
}
