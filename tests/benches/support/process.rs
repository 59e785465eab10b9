//! Other programs: servers that end with their owner, clients run to their end, and what either costs.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How long anything that is waited for may take.
const HAPPENS_WITHIN: Duration = Duration::from_mins(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What some work took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Seconds on the clock.
    pub(crate) wall_s: f64,
    /// Seconds of CPU, user and system.
    pub(crate) cpu_s: f64,
}

/// A server, with all processes that it starts. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts it, its output appended to `log`, and waits until it takes connections on `port`.
    pub(crate) fn start(command: &mut Command, port: u16, log: &Path) -> Self {
        Self::start_at(command, &format!("127.0.0.1:{port}"), log)
    }

    /// The same for one that listens at `address:port`.
    pub(crate) fn start_at(command: &mut Command, at: &str, log: &Path) -> Self {
        let open = || fs::OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(open()).stderr(open());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} can be run: {error}"));
        let mut server = Self { child };
        let began = Instant::now();
        while TcpStream::connect(at).is_err() {
            let ended = server.child.try_wait().expect("a child of ours can be waited for");
            let said = || fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none(), "{command:?} ended with {ended:?}:\n{}", said());
            assert!(began.elapsed() < STARTS_WITHIN, "{command:?} doesn't listen on {at}:\n{}", said());
            std::thread::sleep(LOOK_EVERY);
        }
        server
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would, without a word.
    pub(crate) fn kill(&self) {
        run_here("kill", &[&"-9", &self.pid().to_string()]);
    }

    /// Memory that it has in RAM now, files that it mapped included, in MiB.
    pub(crate) fn rss_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) / 1024.0
    }

    /// Seconds of CPU that it and all its descendants have used so far, those that ended and were waited for included.
    pub(crate) fn cpu_s(&self) -> f64 {
        tree_cpu_s(self.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.pid().to_string()).status();
        let began = Instant::now();
        while asked.is_ok() && began.elapsed() < ENDS_WITHIN {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs clients side by side to their ends, which must be good: what they printed, and what they cost.
pub(crate) fn run_clients(commands: &mut [Command]) -> (String, Cost) {
    let (began, before) = (Instant::now(), waited_for_cpu_s());
    let children: Vec<Child> = commands
        .iter_mut()
        .map(|command| {
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap_or_else(|error| panic!("{command:?} can be run: {error}"))
        })
        .collect();
    let mut printed = String::new();
    for (child, command) in children.into_iter().zip(commands) {
        let output = child.wait_with_output().expect("a child of ours can be waited for");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
        printed.push_str(&String::from_utf8_lossy(&output.stdout));
    }
    (printed, Cost { wall_s: began.elapsed().as_secs_f64(), cpu_s: waited_for_cpu_s() - before })
}

/// Runs one program to its end, which must be good.
pub(crate) fn run_here(program: &str, arguments: &[&dyn AsRef<OsStr>]) -> (String, Cost) {
    let mut command = Command::new(program);
    command.args(arguments.iter().map(AsRef::as_ref));
    run_clients(&mut [command])
}

/// Looks again and again, every few milliseconds, until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < HAPPENS_WITHIN, "it takes too long: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether a program is installed.
pub(crate) fn has_program(name: &str) -> bool {
    Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Whether this process may do everything, as in a container.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Says that a figure can't be had here.
pub(crate) fn leave_out(what: &str, why: &str) {
    eprintln!("left out: {what}: {why}");
}

/// Of one process, in clock ticks: its own time, and that of its children that it waited for.
struct Times {
    parent: u32,
    own: u64,
    waited_for: u64,
}

fn times(pid: &str) -> Option<Times> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may have any characters; from the state on, fields are plain (proc(5), from field 3).
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Times {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        waited_for: ticks(13)? + ticks(14)?,
    })
}

fn seconds(ticks: u64) -> f64 {
    // USER_HZ is 100 wherever Linux runs.
    ticks as f64 / 100.0
}

fn waited_for_cpu_s() -> f64 {
    times("self").map_or(0.0, |times| seconds(times.waited_for))
}

fn tree_cpu_s(root: u32) -> f64 {
    let names =
        fs::read_dir("/proc").expect("/proc is there").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let all: HashMap<u32, Times> = names.filter_map(|name| Some((name.parse().ok()?, times(&name)?))).collect();
    let is_below = |pid: u32| {
        let line = std::iter::successors(Some(pid), |pid| all.get(pid).map(|times| times.parent));
        line.take(all.len()).any(|pid| pid == root)
    };
    let ticks = all.iter().filter(|(pid, _)| is_below(**pid)).map(|(_, times)| times.own + times.waited_for);
    seconds(ticks.sum())
}
