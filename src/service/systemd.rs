//! For systemd: the unit, locked in as far as a network server can be, and the user it runs as.
//!
//! What stays open on purpose: the network (it serves), `AF_NETLINK` (it lists the machine's addresses) and `AF_UNIX`
//! (`sd_notify`). Everything else is closed; a test holds the unit to an exposure of at most 1.5 by
//! `systemd-analyze security`.

use super::{DESCRIPTION, NAME, OPEN_FILES, Service};

/// Where the unit lives.
pub(crate) const UNIT_FILE: &str = "etc/systemd/system/ods.service";
/// Where the user is declared.
pub(crate) const SYSUSERS_FILE: &str = "etc/sysusers.d/ods.conf";

/// Where systemd keeps the state of services, each below a name.
const STATE: &str = "/var/lib/";
/// Folders that a unit like this doesn't see as they are.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// What needs no deciding.
const CLOSED: &str = "\
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
PrivateIPC=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
";

/// The unit `ods.service`.
pub(crate) fn unit(service: &Service) -> String {
    let command = std::iter::once(&service.program).chain(&service.arguments);
    let command = command.map(|word| command_word(word)).collect::<Vec<_>>().join(" ");
    let Service { user, .. } = service;
    let stop_s = service.stop_timeout.as_secs();
    format!(
        "# Written by `ods service install`; `ods service uninstall` removes it. Changes of your own belong into\n\
         # `systemctl edit {NAME}`.\n\
         [Unit]\n\
         Description={DESCRIPTION}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\n\
         [Service]\n\
         Type=notify\n\
         ExecStart={command}\n\
         User={user}\n\
         Group={user}\n\
         WatchdogSec=60\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         # Arguments or configuration that can't be: trying again doesn't help.\n\
         RestartPreventExitStatus=2\n\
         TimeoutStartSec=300\n\
         TimeoutStopSec={stop_s}\n\
         LimitNOFILE={OPEN_FILES}\n\
         {places}\n\
         {CLOSED}{rights}\n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        places = places(service),
        rights = rights(service.has_low_port),
    )
}

/// The user, for `systemd-sysusers`, which makes it now and on every system that this file is copied to.
pub(crate) fn sysusers(service: &Service) -> String {
    format!("u {} - \"{DESCRIPTION}\" {}\n", service.user, quoted(&service.data))
}

/// Which folders it sees and changes.
fn places(service: &Service) -> String {
    let mut lines = String::new();
    let mut line = |key: &str, value: &str| lines.extend([key, "=", value, "\n"]);
    let mut writes: Vec<&str> = service.writes.iter().map(String::as_str).collect();
    match state_name(&service.data) {
        Some(name) => {
            line("StateDirectory", name);
            line("StateDirectoryMode", "0700");
        }
        None => writes.insert(0, &service.data),
    }
    let hides = |path: &str, folders: &[&str]| folders.iter().any(|folder| is_below(path, folder));
    let is_hidden = |path: &str| hides(path, &HOMES) || hides(path, &TEMPORARY);
    let all = || writes.iter().copied().chain(service.reads.iter().map(String::as_str));
    // Homes are empty for it, but for what it was told to use there.
    line("ProtectHome", if all().any(|path| hides(path, &HOMES)) { "tmpfs" } else { "yes" });
    // `-`: what isn't there doesn't keep the unit from starting; the node itself says what it misses.
    for path in &writes {
        line(if is_hidden(path) { "BindPaths" } else { "ReadWritePaths" }, &quoted(&format!("-{path}")));
    }
    for path in service.reads.iter().filter(|path| is_hidden(path)) {
        line("BindReadOnlyPaths", &quoted(&format!("-{path}")));
    }
    lines
}

/// What it may do that others may not.
fn rights(has_low_port: bool) -> &'static str {
    if has_low_port {
        // Rights count for nothing in a user namespace of one's own, so there is no PrivateUsers here.
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
    } else {
        "CapabilityBoundingSet=\nAmbientCapabilities=\nPrivateUsers=yes\n"
    }
}

/// The name below `/var/lib`, if the data folder is there and systemd may own it.
fn state_name(data: &str) -> Option<&str> {
    let name = data.strip_prefix(STATE)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let is_name = |part: &str| !matches!(part, "" | "." | ".." | "private");
    (name.chars().all(is_plain) && name.split('/').all(is_name)).then_some(name)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// One word of a command line: `$` would name a variable.
fn command_word(word: &str) -> String {
    quoted(&word.replace('$', "$$"))
}

/// A word in systemd's syntax (systemd.syntax(7)): `%` would begin a specifier.
fn quoted(word: &str) -> String {
    let word = word.replace('%', "%%");
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:=,@%$[]".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::service;

    fn lines_of<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
        unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
    }

    #[test]
    fn the_usual_unit() {
        let unit = unit(&service());
        let (head, _) = unit.split_once("UMask").expect("what is closed follows");
        assert_eq!(
            head,
            "# Written by `ods service install`; `ods service uninstall` removes it. Changes of your own belong into\n\
             # `systemctl edit ods`.\n\
             [Unit]\n\
             Description=ODS, the Open Distribution Server\n\
             Wants=network-online.target\n\
             After=network-online.target\n\n\
             [Service]\n\
             Type=notify\n\
             ExecStart=/usr/local/bin/ods serve --data /var/lib/ods\n\
             User=ods\n\
             Group=ods\n\
             WatchdogSec=60\n\
             Restart=on-failure\n\
             RestartSec=5\n\
             # Arguments or configuration that can't be: trying again doesn't help.\n\
             RestartPreventExitStatus=2\n\
             TimeoutStartSec=300\n\
             TimeoutStopSec=30\n\
             LimitNOFILE=65536\n\
             StateDirectory=ods\n\
             StateDirectoryMode=0700\n\
             ProtectHome=yes\n\n"
        );
        assert_eq!(sysusers(&service()), "u ods - \"ODS, the Open Distribution Server\" /var/lib/ods\n");
    }

    #[test]
    fn a_low_port_brings_the_one_right_it_needs() {
        let unit = unit(&Service { has_low_port: true, ..service() });
        assert_eq!(lines_of(&unit, "AmbientCapabilities"), ["CAP_NET_BIND_SERVICE"]);
        assert_eq!(lines_of(&unit, "CapabilityBoundingSet"), ["CAP_NET_BIND_SERVICE"]);
        assert!(lines_of(&unit, "PrivateUsers").is_empty());
    }

    #[test]
    fn data_elsewhere_and_other_folders_may_be_written_and_hidden_ones_are_shown() {
        let unit = unit(&Service {
            data: "/srv/ods data".to_owned(),
            writes: vec!["/srv/drop".to_owned(), "/home/ann/50% off".to_owned()],
            reads: vec!["/usr/bin/ods".to_owned(), "/etc/ods/key.pem".to_owned(), "/tmp/in".to_owned()],
            ..service()
        });
        assert!(lines_of(&unit, "StateDirectory").is_empty());
        assert_eq!(lines_of(&unit, "ProtectHome"), ["tmpfs"]);
        assert_eq!(lines_of(&unit, "ReadWritePaths"), ["\"-/srv/ods data\"", "-/srv/drop"]);
        assert_eq!(lines_of(&unit, "BindPaths"), ["\"-/home/ann/50%% off\""]);
        assert_eq!(lines_of(&unit, "BindReadOnlyPaths"), ["-/tmp/in"]);
    }

    #[test]
    fn words_mean_themselves() {
        for (word, expected) in [
            ("[::]:8637", "[::]:8637"),
            ("info,ods::mesh=debug", "info,ods::mesh=debug"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("50%", "50%%"),
            ("$HOME", "$$HOME"),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            ("C:\\x", "\"C:\\\\x\""),
            ("it's; # x", "\"it's; # x\""),
        ] {
            assert_eq!(command_word(word), expected);
        }
    }

    #[test]
    fn only_plain_names_below_the_state_folder_are_left_to_systemd() {
        for (data, expected) in [
            ("/var/lib/ods", Some("ods")),
            ("/var/lib/ods/branch-1", Some("ods/branch-1")),
            ("/var/lib/", None),
            ("/var/lib/a b", None),
            ("/var/lib/../x", None),
            ("/var/lib/private/x", None),
            ("/srv/ods", None),
        ] {
            assert_eq!(state_name(data), expected, "{data}");
        }
    }
}
