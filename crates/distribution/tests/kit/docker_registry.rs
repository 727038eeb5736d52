//! The registry of the CNCF's distribution project, as Debian packages it, on a free port and a directory of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "docker-registry";

/// The password of `user`, and its hash.
pub const PASSWORD: &str = "hunter2";
const HTPASSWD: &str = "user:$2y$05$5NkJkzsGtCINbeBoizsZeuk1ty/rSk0WK3jU/Q9.tvF0pjYaflyVK\n";

/// How long it may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// How often another port is tried: one that was free can be taken before the registry gets it.
const PORTS_MAX: usize = 5;

/// A running registry; ends when dropped.
pub struct DockerRegistry {
    pub address: SocketAddr,
    process: Child,
    _directory: tempfile::TempDir,
}

impl DockerRegistry {
    /// A registry that lets everybody in.
    pub fn open() -> Self {
        DockerRegistry::start("")
    }

    /// A registry that wants user and password.
    pub fn locked() -> Self {
        DockerRegistry::start("auth:\n  htpasswd:\n    realm: test\n    path: @DIRECTORY@/htpasswd\n")
    }

    fn start(auth: &str) -> Self {
        for _ in 0..PORTS_MAX {
            if let Some(registry) = DockerRegistry::try_start(auth) {
                return registry;
            }
        }
        panic!("{PROGRAM} did not start on any of {PORTS_MAX} free ports");
    }

    fn try_start(auth: &str) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().display().to_string();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let configuration = format!(
            "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\nstorage:\n  filesystem: {{ rootdirectory: {root}/data }}\n\
             http: {{ addr: '{address}', secret: test }}\n{}",
            auth.replace("@DIRECTORY@", &root)
        );
        let file = directory.path().join("config.yml");
        std::fs::write(&file, configuration).expect("written");
        std::fs::write(directory.path().join("htpasswd"), HTPASSWD).expect("written");
        let process = Command::new(PROGRAM).arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.unwrap_or_else(|error| {
            panic!("{PROGRAM} cannot be started: {error}; these tests need it: apt-get install -y docker-registry")
        });
        let mut registry = DockerRegistry { address, process, _directory: directory };
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(address).is_err() {
            let ended = registry.process.try_wait().expect("a child");
            if ended.is_some() {
                return None;
            }
            assert!(Instant::now() < deadline, "{PROGRAM} does not listen on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
