//! Owns what the engine wants and the listening sockets that go with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};

use seatrial_ports::balancer::BalancerConfig;

use crate::listening::bind;

/// The newest configuration and every listening socket held for it.
#[derive(Debug, Default)]
pub(super) struct Desired {
    config: Option<BalancerConfig>,
    sockets: BTreeMap<SocketAddr, TcpListener>,
    /// Why a wanted socket is not there.
    problems: BTreeMap<SocketAddr, String>,
}

impl Desired {
    /// Takes a configuration, unless it is older than the present one, and opens the sockets it needs.
    pub fn take(&mut self, config: BalancerConfig) -> bool {
        if self.config.as_ref().is_some_and(|present| config.generation < present.generation) {
            return false;
        }
        self.config = Some(config);
        self.problems.clear();
        self.open_missing();
        true
    }

    /// Takes sockets that a living proxy had.
    pub fn adopt(&mut self, sockets: BTreeMap<SocketAddr, TcpListener>) {
        for (address, socket) in sockets {
            self.sockets.entry(address).or_insert(socket);
            self.problems.remove(&address);
        }
    }

    /// Tries to open the sockets that are missing; tells whether one of them could be opened or has another problem than before.
    pub fn open_missing(&mut self) -> bool {
        let mut changed = false;
        for address in self.addresses() {
            if self.sockets.contains_key(&address) {
                continue;
            }
            match bind(address) {
                Ok(socket) => {
                    self.sockets.insert(address, socket);
                    self.problems.remove(&address);
                    changed = true;
                }
                Err(problem) => changed |= self.problems.insert(address, problem.clone()) != Some(problem),
            }
        }
        changed
    }

    /// Whether a wanted socket is missing.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    pub fn generation(&self) -> Option<u64> {
        self.config.as_ref().map(|config| config.generation)
    }

    pub fn config(&self) -> Option<&BalancerConfig> {
        self.config.as_ref()
    }

    pub fn sockets(&self) -> &BTreeMap<SocketAddr, TcpListener> {
        &self.sockets
    }

    /// The configuration with the listeners that can be opened.
    pub fn possible(&self) -> Option<BalancerConfig> {
        let mut config = self.config.clone()?;
        config.listeners.retain(|listener| self.sockets.contains_key(&listener.address));
        Some(config)
    }

    /// The listeners that cannot be opened, with the reason.
    pub fn impossible(&self) -> Vec<(String, String)> {
        let listeners = self.config.iter().flat_map(|config| &config.listeners);
        listeners
            .filter_map(|listener| Some((listener.arn.clone(), self.problems.get(&listener.address)?.clone())))
            .collect()
    }

    /// Closes the sockets nobody wants any more. Only once the proxy has closed its own are the ports free, so only then.
    pub fn close_unwanted(&mut self) {
        let addresses = self.addresses();
        self.sockets.retain(|address, _| addresses.contains(address));
    }

    fn addresses(&self) -> BTreeSet<SocketAddr> {
        self.config.iter().flat_map(|config| &config.listeners).map(|listener| listener.address).collect()
    }
}
