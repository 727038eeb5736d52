//! The proxy as a process, and an engine's handle to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatrial_ports::balancer::{Balancer, BalancerConfig, BalancerReport};
use seatrial_proxy::{ProxyBalancer, ProxyCommand, ProxySettings};

use super::fixture::config;
use super::until;

/// The program that is called like the proxy's hidden command.
pub fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_seatrial-proxy").into()
}

/// A port that nobody listens on.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An engine's view of a proxy process. The process is ended with it, unless it was left.
pub struct Engine {
    pub balancer: ProxyBalancer,
    pub reports: Arc<Mutex<Vec<BalancerReport>>>,
    pub config: BalancerConfig,
    leave: bool,
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !self.leave {
            self.balancer.stop(Duration::from_secs(5));
        }
    }
}

impl Engine {
    pub fn start(directory: &Path) -> Self {
        Self::start_with(program(), directory)
    }

    /// Uses another copy of the proxy's program.
    pub fn start_with(program: PathBuf, directory: &Path) -> Self {
        let settings = ProxySettings {
            directory: directory.to_owned(),
            command: ProxyCommand { program, arguments: vec!["--workers".into(), "2".into()] },
        };
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        let balancer =
            ProxyBalancer::start(settings, Arc::new(move |report| sink.lock().unwrap().push(report))).unwrap();
        Engine { balancer, reports, config: BalancerConfig::default(), leave: false }
    }

    /// Ends the engine and lets the proxy go on.
    pub fn leave(mut self) {
        self.leave = true;
    }

    pub async fn listen(&mut self, address: SocketAddr, targets: &[SocketAddr]) {
        let generation = self.config.generation;
        self.config = BalancerConfig { generation, ..config(address, targets) };
        self.apply(|_| {}).await;
    }

    pub async fn apply(&mut self, change: impl FnOnce(&mut BalancerConfig)) {
        change(&mut self.config);
        self.config.generation += 1;
        let generation = self.config.generation;
        self.balancer.apply(self.config.clone());
        self.until_reported("applied", |report| *report == BalancerReport::Applied { generation }).await;
    }

    pub async fn until_reported(&self, what: &str, mut wanted: impl FnMut(&BalancerReport) -> bool) {
        until(what, || self.reports.lock().unwrap().iter().any(&mut wanted)).await;
    }

    pub async fn process_id(&self) -> u32 {
        let mut id = None;
        until("a proxy is connected", || {
            id = self.balancer.process_id();
            id.is_some()
        })
        .await;
        id.unwrap()
    }

    /// Kills the proxy the hard way, and waits until it is gone.
    pub async fn kill_proxy(&self) -> u32 {
        let id = self.process_id().await;
        kill(id);
        until("the proxy is gone", || !is_running(id)).await;
        id
    }
}

pub fn kill(id: u32) {
    let id = rustix::process::Pid::from_raw(id as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
}

pub fn is_running(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}
