//! The same update on Docker Swarm: a Docker Engine of its own in a network namespace of its own, gone when it is dropped.
//!
//! The tasks get no network: kernels without IPVS cannot run Swarm's load balancer, and without one the update has less to do, in
//! Swarm's favour. Their health check is the image's: a request from inside the container.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::harness::SEATRIAL;
use crate::support::machine::program;
use crate::{BOOT, TASKS};

/// Longest wait for the daemon to come up, for an update to be done, and for the daemon to go.
const LIMIT: Duration = Duration::from_secs(60);
/// Time between two looks at something that is being waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The service's name.
const NAME: &str = "limit";

/// A running Docker Engine that is a swarm of one.
pub struct Swarm {
    directory: tempfile::TempDir,
    docker: PathBuf,
    daemon: Child,
}

impl Swarm {
    /// Starts it, or says why it cannot run here.
    pub fn start() -> Result<Self, String> {
        let need = |name: &str| program(name).ok_or_else(|| format!("{name} is not installed"));
        let (docker, daemon) = (need("docker")?, need("dockerd")?);
        let (unshare, _) = (need("unshare")?, need("ip")?);
        let directory = tempfile::Builder::new().prefix("swarm-").tempdir().map_err(text("making a directory"))?;
        let at = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(at("daemon.json"), "{}").map_err(text("writing the daemon's configuration"))?;
        let log = std::fs::File::create(at("log")).map_err(text("making the daemon's log"))?;
        // The namespaces end with the daemon, and with them its bridges and mounts.
        let daemon = Command::new(unshare)
            .args(["--net", "--mount", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh"])
            .arg(daemon)
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("socket")), "--config-file", &at("daemon.json")])
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(text("starting the daemon"))?;
        let mut swarm = Swarm { directory, docker, daemon };
        swarm.wait_for_the_daemon()?;
        swarm.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377"])?;
        Ok(swarm)
    }

    /// Measures updates of a service whose tasks are checked at an interval; each in seconds.
    pub fn measure(&self, interval: &str, rounds: usize) -> Result<Vec<f64>, String> {
        let image = format!("{NAME}:{interval}");
        self.import(&image, interval)?;
        let replicas = TASKS.to_string();
        let boot = format!("{}s", BOOT.as_secs());
        let create = ["service", "create", "--detach", "--quiet", "--name", NAME, "--replicas", &replicas];
        let update = ["--update-parallelism", "0", "--update-order", "start-first", "--update-monitor", "1ms"];
        let run = ["--stop-grace-period", "10s", "--entrypoint", "/seatrial", "--no-resolve-image", &image];
        let options = ["demo-app", "--version", "v0", "--boot-delay", &boot];
        self.docker(&[&create[..], &update[..], &run[..], &options[..]].concat())?;
        self.wait_for("the service to run", || Ok(self.running()?.len() == TASKS as usize))?;
        let took = (1..=rounds).map(|round| self.update(round)).collect();
        self.docker(&["service", "rm", NAME])?;
        self.wait_for("the service to be gone", || {
            Ok(self.get("/containers/json")?.as_array().is_none_or(Vec::is_empty))
        })?;
        took
    }

    /// Runs one update. It lasts from Swarm's own begin of it until the last task of both versions is where it belongs.
    fn update(&self, round: usize) -> Result<f64, String> {
        let old = self.running()?;
        let options = format!("demo-app --version v{round} --boot-delay {}s", BOOT.as_secs());
        self.docker(&["service", "update", "--detach", "--quiet", "--args", &options, NAME])?;
        let mut ended = None;
        self.wait_for("the update to be done", || {
            ended = self.end_of_update(&old)?;
            Ok(ended.is_some())
        })?;
        let began = moment(&self.status()?["StartedAt"])?;
        Ok((ended.expect("it was waited for") - began).as_seconds_f64())
    }

    fn end_of_update(&self, old: &[String]) -> Result<Option<OffsetDateTime>, String> {
        let status = self.status()?;
        if status["State"] != "completed" || self.running()?.len() != TASKS as usize {
            return Ok(None);
        }
        let mut end = moment(&status["CompletedAt"])?;
        for task in self.tasks()? {
            let is_old = old.iter().any(|id| task["ID"] == id.as_str());
            let has_stopped = matches!(task["Status"]["State"].as_str(), Some("shutdown" | "complete" | "failed"));
            match (is_old, has_stopped, task["DesiredState"] == "running") {
                (true, false, _) => return Ok(None),
                (true, true, _) | (false, _, true) => end = end.max(moment(&task["Status"]["Timestamp"])?),
                (false, _, false) => {}
            }
        }
        Ok(Some(end))
    }

    fn status(&self) -> Result<Value, String> {
        Ok(self.get(&format!("/services/{NAME}"))?["UpdateStatus"].clone())
    }

    /// The ids of tasks that run and shall run.
    fn running(&self) -> Result<Vec<String>, String> {
        let tasks = self.tasks()?;
        let running =
            tasks.iter().filter(|task| task["DesiredState"] == "running" && task["Status"]["State"] == "running");
        Ok(running.filter_map(|task| task["ID"].as_str().map(ToOwned::to_owned)).collect())
    }

    fn tasks(&self) -> Result<Vec<Value>, String> {
        Ok(self.get("/tasks")?.as_array().cloned().unwrap_or_default())
    }

    /// Makes an image of the seatrial binary and the libraries it needs: there may be no registry to take one from.
    fn import(&self, image: &str, interval: &str) -> Result<(), String> {
        let root = self.directory.path().join("image");
        let libraries = Command::new("ldd").arg(SEATRIAL).output().map_err(text("running ldd"))?;
        let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
        let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
        for (from, to) in libraries.map(|path| (path, path)).chain([(Path::new(SEATRIAL), Path::new("/seatrial"))]) {
            let to = root.join(to.strip_prefix("/").unwrap_or(to));
            std::fs::create_dir_all(to.parent().unwrap_or(&root)).map_err(text("making the image's directories"))?;
            std::fs::copy(from, &to).map_err(text("copying into the image"))?;
        }
        let archive = self.directory.path().join("image.tar");
        let (root, archive) = (root.display().to_string(), archive.display().to_string());
        run(Command::new("tar").args(["-C", &root, "-cf", &archive, "."]))?;
        let probe = r#"CMD ["/seatrial", "load", "-n", "1", "http://127.0.0.1:8080/health/ready"]"#;
        let health = format!("HEALTHCHECK --interval={interval} --timeout=2s --retries=3 {probe}");
        self.docker(&["import", "--change", &health, &archive, image])
    }

    fn wait_for_the_daemon(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        while self.get("/_ping").is_err() {
            let status = self.daemon.try_wait().map_err(text("watching the daemon"))?;
            if status.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                return Err(format!("dockerd does not run here: {}", log.lines().last().unwrap_or("it says nothing")));
            }
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    fn wait_for(&self, what: &str, mut condition: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        while !condition()? {
            if Instant::now() > deadline {
                return Err(format!("waited {LIMIT:?} for {what}"));
            }
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    fn docker(&self, arguments: &[&str]) -> Result<(), String> {
        run(Command::new(&self.docker).arg("--host").arg(format!("unix://{}", self.socket().display())).args(arguments))
    }

    /// Asks the daemon itself: the `docker` program would cost more than the answer.
    fn get(&self, path: &str) -> Result<Value, String> {
        let mut stream = UnixStream::connect(self.socket()).map_err(text("connecting to the daemon"))?;
        // HTTP/1.0: the answer ends with the connection, not in chunks.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").map_err(text("asking the daemon"))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(text("reading the daemon's answer"))?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok(serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        let _ = self.docker(&["swarm", "leave", "--force"]);
        // SIGTERM has the daemon stop its containers and its containerd.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let deadline = Instant::now() + LIMIT;
        while matches!(self.daemon.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                eprintln!("dockerd (process {}) did not end by itself", self.daemon.id());
                let _ = self.daemon.kill();
                let _ = self.daemon.wait();
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(text("starting a command"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
}

fn moment(value: &Value) -> Result<OffsetDateTime, String> {
    let written = value.as_str().unwrap_or_default();
    OffsetDateTime::parse(written, &Rfc3339).map_err(|error| format!("{written:?} is no time: {error}"))
}

fn text<E: std::fmt::Display>(doing: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{doing}: {error}")
}
