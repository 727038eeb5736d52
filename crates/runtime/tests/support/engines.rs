//! Container engines for tests: one of each brand for a test program, in a directory of its own, gone when the program is.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use seatrial_runtime::ContainerEngineOptions;

use super::wait_until;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    Docker,
    Podman,
}

/// An engine that runs.
#[derive(Clone, Debug)]
pub struct Engine {
    pub brand: Brand,
    pub socket: PathBuf,
    pub process: u32,
}

impl Engine {
    /// Returns the engine of a brand; none, loudly, where it is not installed or this is not root.
    pub fn of(brand: Brand) -> Option<Engine> {
        static DOCKER: OnceLock<Option<Engine>> = OnceLock::new();
        static PODMAN: OnceLock<Option<Engine>> = OnceLock::new();
        let cell = match brand {
            Brand::Docker => &DOCKER,
            Brand::Podman => &PODMAN,
        };
        let engine = cell.get_or_init(|| start(brand)).clone();
        if engine.is_none() {
            eprintln!("SKIPPED: {brand:?} is not installed, or these tests do not run as root");
        }
        engine
    }

    /// Starts another one, which may be killed.
    pub fn another(brand: Brand) -> Option<Engine> {
        start(brand)
    }

    pub fn options(&self) -> ContainerEngineOptions {
        ContainerEngineOptions { socket: Some(self.socket.clone()), publish: false }
    }

    /// Runs the engine's own command line, and returns what it says.
    pub fn command(&self, arguments: &[&str]) -> String {
        let (program, flag) = match self.brand {
            Brand::Docker => ("docker", "--host"),
            Brand::Podman => ("podman", "--url"),
        };
        let remote: &[&str] = if self.brand == Brand::Podman { &["--remote"] } else { &[] };
        let url = format!("unix://{}", self.socket.display());
        let output = Command::new(program).args(remote).args([flag, &url]).args(arguments).output();
        let output = output.expect("it is installed");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
    }

    /// Lists the names of containers with a label, running or not.
    pub fn containers(&self, label: &str) -> Vec<String> {
        let said = self.command(&[
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            &format!("label={label}"),
            "--format",
            "{{.Names}}",
        ]);
        said.lines().map(str::to_owned).collect()
    }
}

fn start(brand: Brand) -> Option<Engine> {
    let program = match brand {
        Brand::Docker => "dockerd",
        Brand::Podman => "podman",
    };
    let is_there = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    if !rustix::process::geteuid().is_root() || !is_there.is_ok_and(|status| status.success()) {
        return None;
    }
    let directory = tempfile::Builder::new().prefix("seatrial-engine-").tempdir().expect("a directory").keep();
    let socket = directory.join("engine.sock");
    let command = match brand {
        Brand::Docker => docker(&directory, &socket),
        Brand::Podman => podman(&directory, &socket),
    };
    // What the engine is started from waits for the end of this program, however it comes, and then ends the engine. Bridges of networks
    // outlive an engine, and each would take a subnet from those that come.
    let bridges = match brand {
        Brand::Docker => "grep -aoE 'br-[0-9a-f]{12}' data/network/files/local-kv.db",
        Brand::Podman => "grep -hoE 'podman[0-9]+' networks/*.json",
    };
    let script = format!(
        "cd {0}; {command} >{0}/log 2>&1 & echo $! >{0}/started; cat >/dev/null; kill -TERM $!; wait $!; cd /; \
         for left in $(pgrep -f '[/]{1}/' | grep -vx $$); do pkill -KILL -P $left; kill -KILL $left; done 2>/dev/null; \
         awk '$2 ~ \"^{0}/\" {{ print $2 }}' /proc/mounts | sort -r | xargs -r -n 1 umount -l; \
         (cd {0} && {bridges} | sort -u | xargs -r -n 1 ip link delete) 2>/dev/null; rm -rf {0}",
        directory.display(),
        directory.file_name().unwrap_or_default().display(),
    );
    let mut keeper = Command::new("sh");
    keeper.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let keeper: Child = keeper.spawn().expect("a shell");
    std::mem::forget(keeper);
    wait_until("the container engine listens", || std::os::unix::net::UnixStream::connect(&socket).ok());
    let process = std::fs::read_to_string(directory.join("started")).expect("it was started").trim().parse();
    Some(Engine { brand, socket, process: process.expect("a process id") })
}

fn docker(directory: &Path, socket: &Path) -> String {
    let directory = directory.display();
    format!(
        "exec dockerd --data-root {directory}/data --exec-root {directory}/exec --pidfile {directory}/pid --host unix://{}",
        socket.display()
    )
}

fn podman(directory: &Path, socket: &Path) -> String {
    let engine = "[engine]\ncgroup_manager = \"cgroupfs\"\nruntime = \"runc\"\nevents_logger = \"none\"\n";
    let containers = "[containers]\ndefault_ulimits = []\n";
    let network = format!(
        "[network]\nnetwork_backend = \"netavark\"\nnetwork_config_dir = \"{}/networks\"\n",
        directory.display()
    );
    let storage = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/data\"\nrunroot = \"{0}/run\"\n",
        directory.display()
    );
    std::fs::create_dir(directory.join("networks")).expect("writable");
    std::fs::write(directory.join("containers.conf"), format!("{engine}{containers}{network}")).expect("writable");
    std::fs::write(directory.join("storage.conf"), storage).expect("writable");
    format!(
        "CONTAINERS_CONF={0}/containers.conf CONTAINERS_STORAGE_CONF={0}/storage.conf exec podman system service --time=0 unix://{1}",
        directory.display(),
        socket.display()
    )
}
