//! One node: the built program as a child process, on a data folder and port that outlive it.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Request, Response, encode_path};
use super::{tools, wait};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ods");

/// How a node is started; a test changes what matters to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    pub(crate) name: String,
    /// Added to `ods serve`.
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Written as the configuration file; it then names the listeners too, one of them plain on the node's port.
    pub(crate) config: Option<String>,
    /// The user to run as, where this test runs as root: root is never refused a file.
    pub(crate) unprivileged: bool,
    /// Another place for the data folder than the node's own temporary one.
    pub(crate) data: Option<PathBuf>,
    /// Another network than the test's.
    pub(crate) place: Option<Place>,
}

/// A place in a network of the test's making.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The network namespace.
    pub(crate) namespace: String,
    /// Where the test reaches it.
    pub(crate) address: String,
    /// Where it listens.
    pub(crate) listen: String,
}

/// A running, or for a while stopped, node.
#[derive(Debug)]
pub(crate) struct Node {
    setup: Setup,
    folder: TempDir,
    data: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Node {
    /// Starts a new node with an empty data folder.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(Setup { name: name.to_owned(), ..Setup::default() })
    }

    pub(crate) fn start_with(setup: Setup) -> Self {
        let mut node = Self::new(setup);
        node.launch();
        node
    }

    /// A node that isn't running yet.
    pub(crate) fn new(setup: Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("ods-test-").tempdir().expect("a temporary folder");
        let data = setup.data.clone().unwrap_or_else(|| folder.path().join("data"));
        Self { setup, folder, data, port: free_port(), child: None }
    }

    /// Starts the program again on the same data and port, and waits until it serves.
    pub(crate) fn launch(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.setup.name);
        self.child = Some(self.spawn());
        let what = format!("{} answers /healthz", self.setup.name);
        wait::until(&what, wait::SOON, || {
            if let Some(status) = self.exited() {
                panic!("{} ended with {status}; its log:\n{}", self.setup.name, self.log());
            }
            self.request("GET", "/healthz").try_send().is_ok_and(|answer| answer.status == 200)
        });
    }

    /// Runs `ods serve` where it is expected to refuse: its exit status and what it printed.
    pub(crate) fn launch_in_vain(&mut self) -> Output {
        let child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ods can be run");
        let mut child = KillOnDrop(Some(child));
        wait::until("ods serve refuses to start", wait::SOON, || child.has_ended());
        child.output()
    }

    /// SIGKILL, as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the node runs");
        child.kill().and_then(|()| child.wait()).expect("a child of ours can be killed");
    }

    /// SIGTERM, and the exit status of an orderly end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the node runs");
        tools::signal(child.id(), "TERM");
        wait::until_some("the node stops", wait::SOON, || child.try_wait().expect("a child of ours can be waited for"))
    }

    fn spawn(&self) -> Child {
        let log = || {
            let file = OpenOptions::new().create(true).append(true).open(self.log_path());
            Stdio::from(file.expect("the log can be written"))
        };
        self.command().stdout(log()).stderr(log()).spawn().expect("ods can be run")
    }

    fn command(&self) -> Command {
        let mut command = match &self.setup.place {
            _ if self.setup.unprivileged => self.as_nobody(),
            Some(place) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &place.namespace, PROGRAM]);
                command
            }
            None => Command::new(PROGRAM),
        };
        command.arg("serve").arg("--data").arg(&self.data);
        match &self.setup.config {
            Some(text) => {
                let path = self.folder.path().join("ods.toml");
                tools::write(&path, text.as_bytes());
                command.arg("--config").arg(path);
            }
            None => {
                let listen = self.setup.place.as_ref().map_or("127.0.0.1", |place| &place.listen);
                command.arg("--listen").arg(format!("{listen}:{}", self.port));
            }
        }
        if !self.setup.name.is_empty() {
            command.arg("--name").arg(&self.setup.name);
        }
        command.args(&self.setup.arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        clear_ods_environment(&mut command);
        command.envs(self.setup.environment.iter().map(|(key, value)| (key, value)));
        command
    }

    /// The program, run as nobody, with the node's folder made theirs.
    fn as_nobody(&self) -> Command {
        let program = self.folder.path().join("ods");
        if !program.exists() {
            fs::copy(PROGRAM, &program).expect("the program can be copied to where nobody may run it");
        }
        tools::run_well("chown", &["-R", "nobody", "."], self.folder.path());
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]).arg(program);
        command
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().expect("a child of ours can be waited for")
    }

    // --- where it is

    pub(crate) fn name(&self) -> &str {
        &self.setup.name
    }

    pub(crate) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A folder of the test's own beside the data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> String {
        let address = self.setup.place.as_ref().map_or("127.0.0.1", |place| &place.address);
        format!("{address}:{}", self.port)
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("ods.log")
    }

    /// The process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Everything it printed, over all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The admin token of its first start.
    pub(crate) fn token(&self) -> String {
        let text = fs::read_to_string(self.data.join("admin.token")).expect("the first start writes admin.token");
        text.trim().to_owned()
    }

    // --- speaking to it

    /// A request without credentials.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(&self.address(), method, target)
    }

    /// A request as administrator; `target` is below `/api/v1`.
    pub(crate) fn api(&self, method: &str, target: &str) -> Request {
        self.request(method, &format!("/api/v1{target}")).bearer(&self.token())
    }

    #[track_caller]
    pub(crate) fn get_json(&self, target: &str) -> Value {
        self.api("GET", target).send().expect(200).json()
    }

    #[track_caller]
    pub(crate) fn post_json(&self, target: &str, body: &Value) -> Response {
        self.api("POST", target).json(body).send()
    }

    /// Publishes bytes; `path` as people write it.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Response {
        self.api("PUT", &format!("/packages/{}", encode_path(path))).body(bytes).send()
    }

    #[track_caller]
    pub(crate) fn remove(&self, path: &str) -> Response {
        self.api("DELETE", &format!("/packages/{}", encode_path(path))).send()
    }

    /// What the node says about a package; `None` if it has none there.
    #[track_caller]
    pub(crate) fn package(&self, path: &str) -> Option<Value> {
        let answer = self.api("GET", &format!("/packages/{}", encode_path(path))).send();
        match answer.status {
            404 => None,
            _ => Some(answer.expect(200).json()),
        }
    }

    /// A whole download, as a client without credentials.
    #[track_caller]
    pub(crate) fn download(&self, path: &str) -> Response {
        self.request("GET", &format!("/Packages/{}", encode_path(path))).send()
    }

    pub(crate) fn id(&self) -> String {
        self.get_json("/node")["id"].as_str().expect("a node has an id").to_owned()
    }

    pub(crate) fn catalog_digest(&self) -> String {
        self.get_json("/node")["catalog_digest"].as_str().expect("a node has a catalog digest").to_owned()
    }

    /// A new token of this scope.
    pub(crate) fn new_token(&self, scope: &str, prefixes: &[&str]) -> String {
        let body = json!({"name": format!("test {scope}"), "scope": scope, "prefixes": prefixes});
        let answer = self.post_json("/tokens", &body).expect(201).json();
        answer["token"].as_str().expect("a new token is shown once").to_owned()
    }

    /// Runs another subcommand of `ods` as the administrator of this machine does: it finds the node by its data folder.
    pub(crate) fn ods(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        clear_ods_environment(&mut command);
        command.env("ODS_DATA", &self.data).output().expect("ods can be run")
    }

    /// The same where it must succeed: what it printed.
    #[track_caller]
    pub(crate) fn ods_well(&self, arguments: &[&str]) -> String {
        let output = self.ods(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ods {arguments:?}: {}\n{said}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.kill());
        drop(child.wait());
        let log = self.log();
        if std::thread::panicking() {
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            println!("--- the end of {}'s log:\n{}", self.setup.name, tail.join("\n"));
        } else {
            assert!(!log.contains("panicked at"), "{} panicked:\n{log}", self.setup.name);
        }
    }
}

/// A child that never outlives its test.
struct KillOnDrop(Option<Child>);

impl KillOnDrop {
    fn has_ended(&mut self) -> bool {
        self.0.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some()))
    }

    fn output(mut self) -> Output {
        let child = self.0.take().expect("taken once");
        child.wait_with_output().expect("a child of ours can be waited for")
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// What the developer has set for a node of theirs must not reach the tests' nodes.
fn clear_ods_environment(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("ODS_") {
            command.env_remove(key);
        }
    }
}

/// A port nobody listens on, below the range the system gives to outgoing connections, so that it is still free when a
/// node comes back to it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 8000).expect("below 8000");
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Flips one byte of a file in place.
pub(crate) fn flip_byte(path: &Path, offset: u64) {
    use std::os::unix::fs::FileExt as _;
    let file: File = OpenOptions::new().read(true).write(true).open(path).expect("the file can be opened");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("the byte is there");
    file.write_all_at(&[byte[0] ^ 0xFF], offset).expect("the byte can be written");
}
