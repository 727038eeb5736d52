//! A Docker Engine of a test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::wait_until;

/// How long it may take to be there, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Docker {
    process: Child,
    directory: PathBuf,
}

impl Docker {
    /// Starts an engine; none, loudly, where Docker is not installed or this is not root.
    pub fn start() -> Option<Self> {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        let is_there = Command::new("dockerd").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !is_root || !is_there.is_ok_and(|status| status.success()) {
            eprintln!("left out: Docker's engine is not installed, or these tests do not run as root");
            return None;
        }
        let directory = tempfile::Builder::new().prefix("seatrial-docker-").tempdir().expect("a directory").keep();
        let log = std::fs::File::create(directory.join("log")).expect("writable");
        let place = |name: &str| directory.join(name);
        // Without a bridge of its own and without rules of a firewall: engines do not get into each other's way.
        let process = Command::new("dockerd")
            .arg("--data-root")
            .arg(place("data"))
            .arg("--exec-root")
            .arg(place("exec"))
            .arg("--pidfile")
            .arg(place("pid"))
            .arg(format!("--host=unix://{}", place("socket").display()))
            .args(["--bridge=none", "--iptables=false", "--ip-masq=false"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd can be started");
        let docker = Docker { process, directory };
        wait_until(PATIENCE, "Docker to answer", || docker.says(&["version"]).contains("Server"));
        Some(docker)
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// Runs Docker's own command line, and returns what it says.
    pub fn says(&self, arguments: &[&str]) -> String {
        let host = format!("--host=unix://{}", self.socket().display());
        let output = Command::new("docker").arg(host).args(arguments).output().expect("docker is there");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let networks = self.says(&["network", "ls", "--quiet", "--filter", "driver=bridge"]);
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
        // Bridges outlive the engine that made them, and take a subnet from those that come.
        for network in networks.lines() {
            let _ =
                Command::new("ip").args(["link", "delete", &format!("br-{network}")]).stderr(Stdio::null()).status();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
