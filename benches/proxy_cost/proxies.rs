//! The proxies that are compared and the two targets behind all of them; all end when the field is dropped.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::machine::{pinned, program};

pub const SEATRIAL: &str = env!("CARGO_BIN_EXE_seatrial");

/// The core of the proxy that is measured.
const PROXY_CORE: usize = 0;
/// The core of everything else.
pub const OTHER_CORE: usize = 1;
/// Seatrial's configuration; its ports are replaced.
const CONFIGURATION: &str = include_str!("../proxy_cost.json");
/// Longest wait for a server to listen, and for one to end.
const LIMIT: Duration = Duration::from_secs(10);
/// Time between two looks at a server that is starting.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A running proxy.
pub struct Proxy {
    pub name: &'static str,
    pub port: u16,
    server: Server,
}

impl Proxy {
    pub fn process(&self) -> u32 {
        self.server.0.id()
    }
}

/// Everything that runs during the measurement but the load.
pub struct Field {
    proxies: Vec<Proxy>,
    _targets: [Server; 2],
    _directory: tempfile::TempDir,
}

impl Field {
    /// Starts the targets, and every proxy that is installed. Seatrial's is the first.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("proxies-").tempdir().expect("a temporary directory");
        let targets = [free_port(), free_port()];
        let servers = targets.map(|port| {
            let mut command = pinned(OTHER_CORE, Path::new(SEATRIAL));
            Server::start(command.args(["demo-app", "--port", &port.to_string()]), port)
        });
        let start = |(name, command): (&'static str, Option<Command>), port| match command {
            Some(mut command) => Some(Proxy { name, port, server: Server::start(&mut command, port) }),
            None => {
                println!("note: {name} is not installed");
                None
            }
        };
        let configured = [seatrial, nginx, haproxy, caddy].into_iter().filter_map(|configure| {
            let port = free_port();
            start(configure(directory.path(), port, targets), port)
        });
        let proxies = configured.collect();
        Field { proxies, _targets: servers, _directory: directory }
    }

    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }
}

type Configured = (&'static str, Option<Command>);

fn seatrial(directory: &Path, port: u16, targets: [u16; 2]) -> Configured {
    let mut config: serde_json::Value = serde_json::from_str(CONFIGURATION).expect("the committed file is JSON");
    config["listeners"][0]["address"] = format!("127.0.0.1:{port}").into();
    for (index, target) in targets.into_iter().enumerate() {
        config["target_groups"][0]["targets"][index]["id"]["port"] = target.into();
    }
    let file = write(directory, "seatrial.json", &config.to_string());
    let mut command = pinned(PROXY_CORE, Path::new(SEATRIAL));
    command.args(["proxy", "--config", &file, "--workers", "1"]);
    ("seatrial", Some(command))
}

fn nginx(directory: &Path, port: u16, [one, two]: [u16; 2]) -> Configured {
    let d = directory.display();
    let file = write(
        directory,
        "nginx.conf",
        &format!(
            "daemon off; worker_processes 1; pid {d}/nginx.pid; error_log {d}/nginx.log;
            events {{ worker_connections 4096; multi_accept on; }}
            http {{
              access_log off; keepalive_requests 1000000000; keepalive_timeout 300;
              client_body_temp_path {d}/nginx.body; proxy_temp_path {d}/nginx.proxy; fastcgi_temp_path {d}/nginx.fastcgi;
              uwsgi_temp_path {d}/nginx.uwsgi; scgi_temp_path {d}/nginx.scgi;
              upstream targets {{
                server 127.0.0.1:{one}; server 127.0.0.1:{two}; keepalive 256; keepalive_requests 100000000;
              }}
              server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass http://targets; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
              }}
            }}"
        ),
    );
    ("nginx", peer("nginx", &["-c", &file]))
}

fn haproxy(directory: &Path, port: u16, [one, two]: [u16; 2]) -> Configured {
    let file = write(
        directory,
        "haproxy.cfg",
        &format!(
            "global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  \
             timeout server 60s\nfrontend front\n  bind 127.0.0.1:{port}\n  default_backend targets\nbackend targets\n  \
             balance roundrobin\n  http-reuse always\n  server one 127.0.0.1:{one}\n  server two 127.0.0.1:{two}\n"
        ),
    );
    ("haproxy", peer("haproxy", &["-db", "-f", &file]))
}

fn caddy(directory: &Path, port: u16, [one, two]: [u16; 2]) -> Configured {
    let file = write(
        directory,
        "Caddyfile",
        &format!(
            "{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n bind 127.0.0.1\n \
             reverse_proxy 127.0.0.1:{one} 127.0.0.1:{two}\n}}\n"
        ),
    );
    let mut command = peer("caddy", &["run", "--adapter", "caddyfile", "--config", &file]);
    if let Some(command) = &mut command {
        command.env("GOMAXPROCS", "1").env("HOME", directory);
    }
    ("caddy", command)
}

fn peer(name: &str, arguments: &[&str]) -> Option<Command> {
    let mut command = pinned(PROXY_CORE, &program(name)?);
    command.args(arguments);
    Some(command)
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a temporary directory can be written to");
    path.display().to_string()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback address has a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A child process that is ended with SIGTERM, so that it ends its own children.
struct Server(Child);

impl Server {
    fn start(command: &mut Command, port: u16) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server(quiet.spawn().expect("an installed program can be started"));
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "{command:?} does not listen on port {port}");
            thread::sleep(LOOK_INTERVAL);
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let deadline = Instant::now() + LIMIT;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(LOOK_INTERVAL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
