//! Other people's programs: signals, curl, Debian's tools. Absent ones are said to be absent, never passed over silently.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Sends a signal to a process of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {pid}");
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.unwrap_or_else(|error| panic!("{program} can be run: {error}"))
}

/// Runs a program which must succeed, and gives what it printed.
#[track_caller]
pub(crate) fn run_well(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = run(program, arguments, folder);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a program is installed.
pub(crate) fn installed(program: &str) -> bool {
    let paths = std::env::split_paths(env!("PATH")).map(|folder| folder.join(program));
    paths.chain([PathBuf::from("/usr/bin").join(program)]).any(|path| path.is_file())
}

/// Says that a test, or a part of one, can't run here.
pub(crate) fn leave_out(what: &str, why: &str) {
    println!("left out: {what}: {why}");
}
