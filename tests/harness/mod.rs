//! What the end-to-end stories share: an engine of their own in a temporary directory, driven by the real `seatrial` binary.
//!
//! Everything a [`Trial`] starts is stopped when it is dropped, by the ids the engine itself wrote down.

#![allow(dead_code, reason = "each story uses a part of the harness")]

pub mod aws;
pub mod built;
pub mod docker;
pub mod http;
pub mod moto;
pub mod node;
pub mod postgres;
pub mod provisioned;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use seatrial_load::{Length, LoadHandle, LoadPlan, SlowRequests, Streams, WebSockets};

const FOUR: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not zero");

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The binary under trial.
pub const SEATRIAL: &str = env!("CARGO_BIN_EXE_seatrial");

/// An application with an engine of its own.
pub struct Trial {
    directory: tempfile::TempDir,
    home: PathBuf,
    /// The port of the application's listener.
    pub port: u16,
}

/// An answer of the application.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: String,
    pub body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
        Answer { status, body: body.trim_end().to_owned() }
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    /// Asserts the exit code, showing everything the command said if it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "after {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.took,
            self.stdout,
            self.stderr
        );
        self
    }

    pub fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

impl Trial {
    /// Makes an application out of a template of `seatrial.yml`, in which `@PORT@` is the listener's port.
    pub fn new(template: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("seatrial-").tempdir().expect("a temporary directory");
        let port = free_port();
        std::fs::write(directory.path().join("seatrial.yml"), template.replace("@PORT@", &port.to_string()))
            .expect("the configuration can be written");
        let home = directory.path().join("home");
        Trial { directory, home, port }
    }

    /// Gives the engine another data directory; to be called before anything is started.
    pub fn move_home(&mut self, home: &Path) {
        self.home = home.to_owned();
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Prepares a `seatrial` command for this application.
    pub fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(SEATRIAL);
        command
            .args(arguments)
            .current_dir(self.directory())
            .env("SEATRIAL_HOME", self.home())
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// Runs a `seatrial` command to its end.
    pub fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let began = Instant::now();
        let Output { status, stdout, stderr } =
            self.command(arguments, environment).output().expect("the binary under trial can be started");
        Ran {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            took: began.elapsed(),
        }
    }

    /// Deploys with variables for the template's `env(...)`.
    pub fn deploy(&self, environment: &[(&str, &str)]) -> Ran {
        self.run(&["deploy"], environment)
    }

    /// Returns the variables `seatrial engine env` prints for AWS clients.
    pub fn aws_environment(&self) -> BTreeMap<String, String> {
        let printed = self.run(&["engine", "env"], &[]).exits(0).stdout;
        printed
            .lines()
            .filter_map(|line| line.trim().strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
            .collect()
    }

    /// The process id of the running control plane.
    pub fn engine_process(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.home().join("engine.json")).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        u32::try_from(value["process_id"].as_u64()?).ok()
    }

    /// The process id of the load balancer.
    pub fn proxy(&self) -> u32 {
        let processes = self.processes();
        let proxies: Vec<u32> =
            processes.iter().filter(|(_, line)| line.contains(" proxy ")).map(|(process, _)| *process).collect();
        let [proxy] = proxies[..] else { panic!("not one proxy: {processes:?}") };
        proxy
    }

    /// Every process whose command line names this trial's home: engine, proxy and supervisors.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let home = self.home().to_string_lossy().into_owned();
        processes().into_iter().filter(|(_, line)| line.contains(&home)).collect()
    }

    /// The processes of the tasks' containers: children of this trial's supervisors.
    pub fn containers(&self) -> Vec<u32> {
        let supervisors: Vec<u32> = self
            .processes()
            .into_iter()
            .filter(|(_, line)| line.contains("supervise"))
            .map(|(process, _)| process)
            .collect();
        processes()
            .into_iter()
            .map(|(process, _)| process)
            .filter(|process| parent(*process).is_some_and(|parent| supervisors.contains(&parent)))
            .collect()
    }

    /// What the application answers on a fresh connection.
    pub fn answer(&self) -> Answer {
        Answer::parse(&self.converse(b"GET / HTTP/1.1\r\nHost: trial\r\nConnection: close\r\n\r\n"))
    }

    /// Tells whether the application is reached at all and answers well.
    pub fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok() && self.answer().status == "200"
    }

    /// Sends bytes to the application's listener and returns all that comes back before the connection ends.
    pub fn converse(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the listener is open");
        stream.set_read_timeout(Some(ANSWER_LIMIT)).expect("a time limit can be set");
        stream.write_all(bytes).expect("written");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the connection ends in time");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Puts the load of the zero-drop promise on the application until it is stopped: requests on kept-alive connections, 1 % of them
    /// taking two seconds, open WebSockets and streamed answers.
    pub async fn load(&self, requests_per_second: &str) -> LoadHandle {
        let target = self.url("/").parse().expect("a loopback URL is a target");
        let rate = requests_per_second.parse().expect("the story names a rate");
        let mut plan = LoadPlan::new(target, rate, Length::UntilStopped);
        plan.slow = Some(SlowRequests {
            fraction: "0.01".parse().expect("a fraction"),
            path: "/slow?ms=2000".parse().expect("a path"),
        });
        plan.websockets = Some(WebSockets {
            count: FOUR,
            path: "/ws".parse().expect("a path"),
            interval: Duration::from_millis(200),
        });
        plan.streams =
            Some(Streams { count: FOUR, path: "/stream?chunks=15&interval_ms=100".parse().expect("a path") });
        LoadHandle::start(plan).await.expect("the load can start")
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let stopped = self.run(&["engine", "stop"], &[]);
        let left = self.processes();
        for (process, _) in &left {
            let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
        }
        if std::thread::panicking() {
            let kept = std::env::temp_dir().join(format!("seatrial-failed-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&kept);
            let _ = Command::new("cp").arg("-r").arg(self.home()).arg(&kept).status();
            eprintln!("the engine's data directory is kept in {}", kept.display());
            return;
        }
        assert_eq!(stopped.code, Some(0), "engine stop: {stopped:?}");
        assert!(left.is_empty(), "processes outlived `engine stop`: {left:?}");
    }
}

/// Tells whether a program is installed; loudly where it is not.
pub fn is_there(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("left out: {program} is not installed");
    }
    is_there
}

/// Lists the files below a directory that hold a text.
pub fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let entries = directory.read_dir().expect("a readable directory").map(|entry| entry.expect("an entry").path());
    let holds = |path: &PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_with(&path, text),
            false => Some(path).filter(holds).into_iter().collect(),
        })
        .collect()
}

/// Where tests take ports from: below those that engines give to tasks, and below those that the kernel gives to outgoing connections, so that
/// nobody else takes one between this and its use.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// Returns a port that nothing listens on, each time another one.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Each process begins elsewhere.
    let start = RandomState::new().hash_one(std::process::id()) as u16;
    let _ = GIVEN.compare_exchange(0, start.max(1), Ordering::SeqCst, Ordering::SeqCst);
    loop {
        let port = PORTS.start + GIVEN.fetch_add(1, Ordering::SeqCst) % (PORTS.end - PORTS.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Returns every process with its command line.
fn processes() -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").expect("/proc is readable");
    entries
        .filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
            Some((process, String::from_utf8_lossy(&line).replace('\0', " ")))
        })
        .collect()
}

fn parent(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Waits until a condition holds; panics with the description after the limit.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Joins lines for a message.
pub fn lines<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| format!("  {item}\n")).collect()
}
