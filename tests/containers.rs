//! A service in containers of Docker: deployed, reached at addresses of its own, replaced under load without a failed request, rolled back,
//! and gone without a trace.

mod harness;

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use harness::aws::Aws;
use harness::docker::Docker;
use harness::{Trial, free_port, wait_until};
use seatrial_load::{Length, LoadHandle, LoadPlan};
use serde_json::{Value as Json, json};

/// How long anything may take that is waited for here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in one file that needs no library and heeds SIGTERM, as the first process of a container has to.
const SERVER: &str = r#"
use std::io::{Read, Write};
use std::os::raw::c_int;
unsafe extern "C" { fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize; }
extern "C" fn end(_: c_int) { std::process::exit(0) }
fn main() {
    let version = include_str!("version").trim();
    if version == "broken" { eprintln!("cannot start"); std::process::exit(3); }
    unsafe { signal(15, end) };
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    for client in std::net::TcpListener::bind(("0.0.0.0", port)).unwrap().incoming() {
        let Ok(mut client) = client else { continue };
        let (version, host) = (version.to_owned(), host.clone());
        std::thread::spawn(move || {
            let _ = client.read(&mut [0; 4096]);
            let body = format!("version {version} in {}", host.trim());
            let _ = write!(client, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        });
    }
}
"#;

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    runtime: container
    build:
      before: rustc --edition 2024 -C target-feature=+crt-static -o server main.rs
      files: { /server: server }
    command: [/server]
    port: 3000
    desired_count: 2
    minimum_healthy_percent: 100
    maximum_percent: 200
    deregistration_delay: 1s
    health_check: { path: /health, interval: 5s }
    listener: { port: @PORT@ }
environments:
  dev: { target: embedded, stage: dev }
"#;

fn tasks(trial: &Trial) -> Vec<Json> {
    let aws = Aws::of(trial);
    let arns = aws.ecs("ListTasks", json!({ "cluster": "trial-dev" }))["taskArns"].clone();
    aws.ecs("DescribeTasks", json!({ "cluster": "trial-dev", "tasks": arns }))["tasks"]
        .as_array()
        .expect("a list")
        .clone()
}

#[test]
fn a_service_runs_in_containers_and_leaves_none() {
    let Some(docker) = Docker::start() else { return };
    let trial = Trial::new(CONFIGURATION);
    let version = |version: &str| fs::write(trial.directory().join("version"), version).expect("writable");
    fs::write(trial.directory().join("main.rs"), SERVER).expect("writable");
    version("1");
    let socket = format!("unix://{}", docker.socket().display());
    trial.run(&["engine", "start", "--port", "0", "--container-engine", &socket], &[]).exits(0);
    trial.run(&["deploy"], &[]).exits(0);
    assert!(trial.answer().body.starts_with("version 1 in "), "{}", trial.answer().body);

    // Two tasks listen at the same port, each at an address of its own, as with `awsvpc`.
    let found = tasks(&trial);
    let addresses: Vec<&str> = found
        .iter()
        .map(|task| {
            let interface = &task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"];
            assert_eq!(*interface, task["attachments"][0]["details"][0]["value"], "{task}");
            interface.as_str().expect("an address")
        })
        .collect();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1], "{addresses:?}");
    assert!(!addresses.iter().any(|address| address.starts_with("127.")), "{addresses:?}");
    let running = docker.says(&["ps", "--format", "{{.Command}}"]);
    assert_eq!(running.matches("/server").count(), 2, "{running}");

    // An engine that starts again finds them, and they have served meanwhile.
    let target = trial.url("/").parse().expect("a loopback URL is a target");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let plan = LoadPlan::new(target, "50".parse().expect("a rate"), Length::UntilStopped);
    let load = runtime.block_on(LoadHandle::start(plan)).expect("the load can start");
    let engine = trial.engine_process().expect("it runs");
    assert!(Command::new("kill").args(["-9", &engine.to_string()]).status().is_ok_and(|status| status.success()));
    trial.run(&["engine", "start"], &[]).exits(0);
    assert_eq!(tasks(&trial).len(), 2);

    // The next version takes over without a failed request, and one that does not start goes back.
    version("2");
    trial.run(&["deploy"], &[]).exits(0);
    assert!(trial.answer().body.starts_with("version 2 in "));
    version("broken");
    let back = trial.run(&["deploy"], &[]).exits(3);
    assert!(back.says("rolled back"), "{back:?}");
    assert!(trial.answer().body.starts_with("version 2 in "));
    let report = runtime.block_on(load.stop());
    assert_eq!(report.failed(), 0, "{}", report.render());
    let logs = trial.run(&["logs", "--since", "10m"], &[]).exits(0);
    assert!(logs.says("cannot start"), "{logs:?}");

    // Nothing is left of them.
    trial.run(&["engine", "stop"], &[]).exits(0);
    let networks = docker.says(&["network", "ls", "--format", "{{.Name}}"]);
    assert!(!networks.contains("seatrial-"), "{networks}");
    wait_until(PATIENCE, "no container to be left", || docker.says(&["ps", "--all", "--quiet"]).trim().is_empty());
    let images = docker.says(&["images", "--format", "{{.Repository}}"]);
    assert_eq!(images.trim(), "", "those that were sent to it are gone, too");
}

/// A registry that lets in whoever shows these.
struct PrivateRegistry {
    process: Child,
    address: String,
}

const USER: &str = "user";
const PASSWORD: &str = "hunter2";
const HTPASSWD: &str = "user:$2y$05$5NkJkzsGtCINbeBoizsZeuk1ty/rSk0WK3jU/Q9.tvF0pjYaflyVK\n";

impl PrivateRegistry {
    fn start(directory: &Path) -> Self {
        let (address, place) = (format!("127.0.0.1:{}", free_port()), directory.display());
        let configuration = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {place}/data }} }}\n\
             http: {{ addr: {address} }}\nauth: {{ htpasswd: {{ realm: test, path: {place}/htpasswd }} }}\n"
        );
        fs::write(directory.join("registry.yml"), configuration).expect("writable");
        fs::write(directory.join("htpasswd"), HTPASSWD).expect("writable");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(directory.join("registry.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("docker-registry is installed");
        wait_until(PATIENCE, "the registry to listen", || TcpStream::connect(&address).is_ok());
        PrivateRegistry { process, address }
    }

    /// What Docker's command line keeps of a login.
    fn login(&self) -> String {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        json!({ "auths": { &self.address: { "auth": auth } } }).to_string()
    }
}

impl Drop for PrivateRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_image_of_a_private_registry_is_pulled_with_what_docker_login_has_left() {
    let Some(docker) = Docker::start() else { return };
    let elsewhere = tempfile::tempdir().expect("a directory");
    let registry = PrivateRegistry::start(elsewhere.path());
    let image = format!("{}/shop/web:1", registry.address);
    // Somebody has built it and pushed it.
    fs::write(elsewhere.path().join("main.rs"), SERVER).expect("writable");
    fs::write(elsewhere.path().join("version"), "1").expect("writable");
    fs::write(elsewhere.path().join("Dockerfile"), "FROM scratch\nCOPY server /server\nCMD [\"/server\"]\n")
        .expect("writable");
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(elsewhere.path()).output().expect("it is there");
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("rustc", &["--edition", "2024", "-C", "target-feature=+crt-static", "-o", "server", "main.rs"]);
    run("buildah", &["build", "--quiet", "--tag", &image, "."]);
    let login = format!("{USER}:{PASSWORD}");
    run("buildah", &["push", "--quiet", "--tls-verify=false", "--creds", &login, &image]);
    run("buildah", &["rmi", &image]);

    let configuration = CONFIGURATION.replace(
        "build:\n      before: rustc --edition 2024 -C target-feature=+crt-static -o server main.rs\n      files: { /server: server }\n    command: [/server]",
        &format!("image: {image}"),
    );
    let trial = Trial::new(&configuration);
    let credentials = elsewhere.path().join("docker");
    fs::create_dir(&credentials).expect("writable");
    let environment = [("DOCKER_CONFIG", credentials.to_str().expect("a path of ours"))];
    let socket = format!("unix://{}", docker.socket().display());
    trial.run(&["engine", "start", "--port", "0", "--container-engine", &socket], &environment).exits(0);
    let refused = trial.run(&["deploy"], &[]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    let advice = format!("docker login {}", registry.address);
    assert!(refused.says("CannotPullContainerError") && refused.says(&advice), "{refused:?}");

    fs::write(credentials.join("config.json"), registry.login()).expect("writable");
    trial.run(&["deploy", "--force-new-deployment"], &[]).exits(0);
    assert!(trial.answer().body.starts_with("version 1 in "), "{}", trial.answer().body);
    let kept = harness::files_with(trial.home(), PASSWORD);
    assert!(kept.is_empty(), "what is shown to the registry is kept nowhere: {kept:?}");
}

#[test]
fn without_a_container_engine_it_is_said_what_is_missing() {
    let trial = Trial::new(CONFIGURATION);
    fs::write(trial.directory().join("main.rs"), SERVER).expect("writable");
    fs::write(trial.directory().join("version"), "1").expect("writable");
    trial.run(&["engine", "start", "--port", "0", "--container-engine", "/nowhere/docker.sock"], &[]).exits(0);
    let failed = trial.run(&["deploy"], &[]).exits(4);
    assert!(failed.says("no container engine") && failed.says("/nowhere/docker.sock"), "{failed:?}");
    assert!(failed.says("next: start Docker or Podman") && failed.says("--container-engine SOCKET"), "{failed:?}");
    let wrong = trial.run(&["engine", "start", "--container-engine", "docker"], &[]).exits(2);
    assert!(wrong.says("the absolute path of a socket"), "{wrong:?}");
}
