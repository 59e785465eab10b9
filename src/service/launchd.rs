//! For launchd, macOS' service manager: the property list of a daemon. Prepared: the text is tested, and nobody has run it.

use std::fmt::Write;

use super::{OPEN_FILES, Service};
use crate::shell;

/// Launchd's name of the service, and of its file.
const LABEL: &str = "ods.server";

/// The property list for `/Library/LaunchDaemons`.
pub(crate) fn plist(service: &Service) -> String {
    let mut arguments = String::new();
    for argument in std::iter::once(&service.program).chain(&service.arguments) {
        writeln!(arguments, "    <string>{}</string>", escaped(argument)).expect("writing to a string does not fail");
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>
{arguments}  </array>
  <key>UserName</key>
  <string>{user}</string>
  <key>Umask</key>
  <integer>63</integer>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>5</integer>
  <key>ExitTimeOut</key>
  <integer>{stop_s}</integer>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>{OPEN_FILES}</integer>
  </dict>
  <key>StandardErrorPath</key>
  <string>/var/log/ods.log</string>
  <key>StandardOutPath</key>
  <string>/var/log/ods.log</string>
</dict>
</plist>
"#,
        user = escaped(&service.user),
        stop_s = service.stop_timeout.as_secs(),
    )
}

/// What to do with it.
pub(crate) fn steps(service: &Service) -> Vec<String> {
    let Service { user, data, .. } = service;
    let data = shell::quoted(data);
    vec![
        format!("sudo sysadminctl -addUser {user} -roleAccount -UID 399 -home {data} -shell /usr/bin/false"),
        format!("sudo mkdir -p -m 700 {data} && sudo chown {user} {data}"),
        format!("ods service install --print | sudo tee /Library/LaunchDaemons/{LABEL}.plist"),
        format!("sudo launchctl bootstrap system /Library/LaunchDaemons/{LABEL}.plist"),
    ]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::tests::service;

    #[test]
    fn the_property_list() {
        let mut service = service();
        service.arguments.extend(["--name", "R&D <1>"].map(str::to_owned));
        let expected = include_str!("ods.plist");
        assert_eq!(plist(&service), expected);
    }

    #[test]
    fn the_steps_name_user_and_folder() {
        let mut service = service();
        service.data = "/Library/Application Support/O'DS".to_owned();
        assert_eq!(
            steps(&service)[1],
            r"sudo mkdir -p -m 700 '/Library/Application Support/O'\''DS' && sudo chown ods '/Library/Application Support/O'\''DS'"
        );
    }
}
