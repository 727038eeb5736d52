//! The engine's process: finding, starting and stopping it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use seatrial_ports::JournalError;
use seatrial_release::aws::Endpoint;
use seatrial_store::DirectoryLock;
use serde::{Deserialize, Serialize};

use super::Home;
use super::credentials::Credentials;
use crate::exit_code::NotRunning;
use crate::target::Absent;

/// How long an engine may take to answer after it was started; it takes a fraction of a second.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long an engine may take to end after SIGTERM: it finishes the requests it is answering.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// The pause between two looks at a starting or stopping engine.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// How long to wait for the answer that shows an engine is there; it comes within a millisecond.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// A log that has grown beyond this makes way for a new one when the engine is started; one former log is kept.
const LOG_SIZE_MAX: u64 = 16 * 1024 * 1024;

/// What a running engine says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EngineProcess {
    pub process_id: u32,
    pub port: u16,
    pub version: String,
    /// Milliseconds since the Unix epoch.
    pub started_at: i64,
    pub time_scale: u32,
    /// Where load balancers listen; an engine that does not say listens on the loopback address.
    #[serde(default = "loopback")]
    pub listen: IpAddr,
}

fn loopback() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// What to start an engine with; absent settings are as at the last start, or the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    pub port: Option<u16>,
    pub region: Option<String>,
    pub time_scale: Option<u32>,
    pub listen: Option<IpAddr>,
    pub container_engine: Option<PathBuf>,
}

/// Whether an engine was running already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    Now,
    Before,
}

impl EngineProcess {
    /// Returns the engine that is running on this data directory, if one is.
    pub fn find(home: &Home) -> Option<Self> {
        let process: EngineProcess = serde_json::from_slice(&std::fs::read(home.process_file()).ok()?).ok()?;
        (process.is_alive() && process.answers()).then_some(process)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn endpoint(&self, home: &Home) -> Result<Endpoint> {
        let credentials = Credentials::load(home)?.context("the engine has no credentials; start it again")?;
        Ok(credentials.endpoint(self.url()))
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.process_id).ok().and_then(Pid::from_raw)
    }

    fn is_alive(&self) -> bool {
        self.pid().is_some_and(|pid| test_kill_process(pid).is_ok()) && !self.is_zombie()
    }

    /// A dead child of this very process stays visible until it is waited for.
    fn is_zombie(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process_id)).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    }

    /// Tells whether the engine answers anything at all. A connection alone proves nothing: the kernel accepts it for a process that
    /// is just dying.
    fn answers(&self) -> bool {
        let exchange = || -> std::io::Result<usize> {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT)?;
            stream.set_read_timeout(Some(ANSWER_LIMIT))?;
            stream.write_all(format!("HEAD / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
            stream.read(&mut [0; 1])
        };
        exchange().is_ok_and(|read| read > 0)
    }
}

/// Returns the running engine, starting one if there is none; tells whether it had to.
pub fn ensure(home: &Home, options: &StartOptions) -> Result<(EngineProcess, Started)> {
    if let Some(process) = EngineProcess::find(home) {
        return Ok((process, Started::Before));
    }
    home.create()?;
    let log_began = log_length(home);
    let mut child = spawn(home, options)?;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(process) = EngineProcess::find(home) {
            let started = if process.process_id == child.id() { Started::Now } else { Started::Before };
            return Ok((process, started));
        }
        // Another command may have started one at the same moment and won: that one is waited for.
        if let Some(status) = child.try_wait().context("could not watch the engine start")?
            && !is_held(home)
            && EngineProcess::find(home).is_none()
        {
            bail!("the engine ended while starting ({status}):\n{}", complaints_since(home, log_began));
        }
        if Instant::now() > deadline {
            bail!("the engine did not answer within {} s; see {}", START_LIMIT.as_secs(), home.log_file().display());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// The endpoint of the engine of a data directory, and whether it had to be started.
pub fn reach_endpoint(home: Option<PathBuf>, absent: Absent) -> Result<(Endpoint, Started)> {
    let home = Home::locate(home)?;
    let (process, started) = match absent {
        Absent::Start => ensure(&home, &StartOptions::default())?,
        Absent::Refuse => (EngineProcess::find(&home).ok_or(NotRunning)?, Started::Before),
    };
    Ok((process.endpoint(&home)?, started))
}

/// Tells whether some engine has the data directory, answering or not.
fn is_held(home: &Home) -> bool {
    matches!(DirectoryLock::acquire(&home.store()), Err(JournalError::Locked { .. }))
}

fn spawn(home: &Home, options: &StartOptions) -> Result<Child> {
    let path = home.log_file();
    if log_length(home) > LOG_SIZE_MAX {
        let former = path.with_extension("log.1");
        std::fs::rename(&path, &former).with_context(|| format!("could not rename {}", path.display()))?;
    }
    let log = File::options().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("could not open {}", path.display()))?;
    let mut command = Command::new(std::env::current_exe().context("could not find this program's own file")?);
    command.args(["engine", "run", "--detached", "--home"]).arg(home.path());
    if let Some(port) = options.port {
        command.args(["--port", &port.to_string()]);
    }
    if let Some(region) = &options.region {
        command.args(["--region", region]);
    }
    if let Some(scale) = options.time_scale {
        command.args(["--time-scale", &scale.to_string()]);
    }
    if let Some(socket) = &options.container_engine {
        command.arg("--container-engine").arg(socket);
    }
    if let Some(address) = options.listen {
        command.args(["--listen", &address.to_string()]);
    }
    let errors = log.try_clone().context("could not open the engine's log twice")?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors).current_dir("/");
    command.spawn().context("could not start the engine")
}

fn log_length(home: &Home) -> u64 {
    std::fs::metadata(home.log_file()).map_or(0, |metadata| metadata.len())
}

/// What the engine's log says from an earlier length on, without the lines about what went well.
fn complaints_since(home: &Home, length: u64) -> String {
    let log = std::fs::read(home.log_file()).unwrap_or_default();
    let from = usize::try_from(length).ok().filter(|from| *from <= log.len()).unwrap_or(0);
    let text = String::from_utf8_lossy(&log[from..]).into_owned();
    text.lines().filter(|line| !line.contains(" INFO ")).collect::<Vec<_>>().join("\n")
}

/// Ends the control plane and waits until it is gone. Tasks and the data plane go on.
pub fn stop_control_plane(process: &EngineProcess) -> Result<()> {
    let Some(pid) = process.pid() else { return Ok(()) };
    kill_process(pid, Signal::TERM).context("could not signal the engine")?;
    let deadline = Instant::now() + STOP_LIMIT;
    while process.is_alive() {
        if Instant::now() > deadline {
            bail!("the engine (process {}) did not end within {} s", process.process_id, STOP_LIMIT.as_secs());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}
