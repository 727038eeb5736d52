//! A PostgreSQL server of a test's own, on the loopback address.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_port, wait_until};

/// How long it may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Postgres {
    process: Child,
    pub port: u16,
    _directory: tempfile::TempDir,
}

impl Postgres {
    /// Starts a server whose superuser `shop` has this password; none where PostgreSQL is not installed.
    pub fn start(password: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("left out: PostgreSQL is not installed (apt-get install -y postgresql)");
            return None;
        };
        let directory = tempfile::tempdir().expect("a directory");
        let (data, word) = (directory.path().join("data"), directory.path().join("password"));
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        fs::write(&word, password).expect("writable");
        fs::set_permissions(&word, fs::Permissions::from_mode(0o644)).expect("ours");
        let made =
            as_postgres(&programs.join("initdb"), &["--auth", "scram-sha-256", "--username", "shop", "--no-sync"])
                .arg("--pgdata")
                .arg(&data)
                .arg("--pwfile")
                .arg(&word)
                .output()
                .expect("initdb can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let process = as_postgres(&programs.join("postgres"), &["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .args([
                "-c",
                &format!("port={port}"),
                "-c",
                &format!("unix_socket_directories={}", directory.path().display()),
            ])
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres can be started");
        wait_until(PATIENCE, "PostgreSQL to listen", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Postgres { process, port, _directory: directory })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast shutdown: sessions are ended, and nothing is left running.
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

/// Where its programs are, the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|version| version.path().join("bin"));
    versions.filter(|programs| programs.join("initdb").is_file()).max()
}

/// It refuses to run as root.
fn as_postgres(program: &Path, arguments: &[&str]) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}
