//! The engine: one lock around the state, transactions on it, reads of it.
//!
//! A transaction that cannot be made durable is taken back whole; what it wanted to order is never ordered (I5).

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use seatrial_model::arn::Scope;
use seatrial_model::{TaskId, TimeScale, Timestamp};
use seatrial_ports::balancer::{BalancerConfig, BalancerMetrics};
use seatrial_ports::journal::JournalEntry;
use seatrial_ports::runtime::Usage;
use seatrial_ports::{Balancer, Clock, HookInvoker, Journal, JournalError, Runtime, Vault};

use crate::balancer_config;
use crate::cloudwatch::Monitoring;
use crate::effects;
use crate::mirroring::{Mirrors, mirrors};
use crate::refusal::Refusal;
use crate::reports::Inbox;
use crate::state::State;
use crate::table::UnreadableRecord;
use crate::task_secrets;
use crate::transaction::{Order, Transaction};

/// The machine, as the engine reaches it.
pub struct Machine {
    pub runtime: Arc<dyn Runtime>,
    pub balancer: Arc<dyn Balancer>,
    pub hooks: Arc<dyn HookInvoker>,
    pub journal: Arc<dyn Journal>,
    pub clock: Arc<dyn Clock>,
    pub vault: Arc<dyn Vault>,
    /// Draws 128 random bits.
    pub entropy: Box<dyn Fn() -> u128 + Send + Sync>,
}

/// What an engine is told when it starts.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    pub scope: Scope,
    pub scale: TimeScale,
    /// Where the listeners of load balancers listen. Tasks and the AWS API stay on the loopback address whatever it is.
    pub listen: IpAddr,
    /// The address of the engine's own image registry, as image names have it: `127.0.0.1:4880`.
    pub registry: String,
    /// Given to every container below its own variables.
    pub task_environment: BTreeMap<String, String>,
}

impl EngineSettings {
    /// Returns what this machine's clients reach the load balancers by, as the host of a URL.
    pub fn balancer_host(&self) -> String {
        match self.listen {
            address if address.is_unspecified() && address.is_ipv4() => Ipv4Addr::LOCALHOST.to_string(),
            address if address.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }
    }
}

/// Why the engine could not start or carry on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    #[error("could not take over the running tasks")]
    Adopt(#[source] seatrial_ports::runtime::RuntimeError),
}

/// The engine. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) guarded: Mutex<Guarded>,
    pub(crate) machine: Machine,
    pub(crate) settings: EngineSettings,
    pub(crate) inbox: Arc<Inbox>,
    /// Signalled after every commit: readers that wait for a change, and the driver, look again.
    pub(crate) changed: Condvar,
}

pub(crate) struct Guarded {
    pub(crate) state: State,
    pub(crate) volatile: Volatile,
    pub(crate) monitoring: Monitoring,
    /// Counts commits.
    pub(crate) commits: u64,
}

/// Readings that are not worth keeping over a restart.
#[derive(Debug, Default)]
pub struct Volatile {
    pub generation: u64,
    pub applied_generation: u64,
    pub usage: BTreeMap<TaskId, Usage>,
    pub metrics: BalancerMetrics,
    /// Listeners that could not be opened, and why, by ARN.
    pub closed_listeners: BTreeMap<String, String>,
    /// The newest configuration in which a listener has a port.
    listening: BTreeMap<u16, u64>,
    /// What the newest configuration mirrors.
    mirrored: Mirrors,
}

impl Volatile {
    /// Tells whether the data plane may be listening on a port.
    pub(crate) fn may_hold(&self, port: u16) -> bool {
        self.listening.get(&port).is_some_and(|generation| *generation >= self.applied_generation)
    }

    /// Remembers which ports a configuration that is about to be applied listens on, and what it mirrors.
    pub(crate) fn note_config(&mut self, config: &BalancerConfig, mirrored: Mirrors) {
        self.mirrored = mirrored;
        let applied = self.applied_generation;
        self.listening.retain(|_, generation| *generation >= applied);
        self.listening.extend(config.listeners.iter().map(|listener| (listener.address.port(), config.generation)));
        self.closed_listeners.retain(|arn, _| config.listeners.iter().any(|listener| listener.arn == *arn));
    }
}

impl Engine {
    pub(crate) fn new(machine: Machine, settings: EngineSettings, state: State, inbox: Arc<Inbox>) -> Self {
        let monitoring = Monitoring::restore(&state, settings.scale, machine.clock.now());
        let guarded = Mutex::new(Guarded { state, volatile: Volatile::default(), monitoring, commits: 0 });
        Engine { inner: Arc::new(Inner { guarded, machine, settings, inbox, changed: Condvar::new() }) }
    }

    pub fn settings(&self) -> &EngineSettings {
        &self.inner.settings
    }

    pub fn now(&self) -> Timestamp {
        self.inner.machine.clock.now()
    }

    /// Reads the state as it is between two transactions.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock().state)
    }

    /// Reads the state together with its volatile readings.
    pub fn read_all<T>(&self, read: impl FnOnce(&State, &Volatile) -> T) -> T {
        let guarded = self.lock();
        read(&guarded.state, &guarded.volatile)
    }

    /// Reads alarms and metrics.
    pub fn read_monitoring<T>(&self, read: impl FnOnce(&Monitoring) -> T) -> T {
        read(&self.lock().monitoring)
    }

    /// Runs a command. When it returns `Ok`, its changes are durable and its orders have been given; when it is refused or its changes
    /// cannot be made durable, nothing has changed.
    pub fn transact<T>(&self, command: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let outcome = self.transact_at(self.now(), command).unwrap_or_else(|error| Err(unavailable(&error)))?;
        // The command may have brought forward what the driver sleeps towards.
        self.inner.inbox.poke();
        Ok(outcome)
    }

    /// Runs a command at a given instant; the outer error is the journal's.
    pub(crate) fn transact_at<T, E>(
        &self,
        now: Timestamp,
        command: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, JournalError> {
        let mut guarded = self.lock();
        let Guarded { state, volatile, monitoring, commits } = &mut *guarded;
        let mut tx = Transaction {
            state,
            now,
            scale: self.inner.settings.scale,
            listen: self.inner.settings.listen,
            registry: &self.inner.settings.registry,
            runtime: &self.inner.machine.runtime,
            balancer: &self.inner.machine.balancer,
            vault: &self.inner.machine.vault,
            volatile,
            monitoring,
            next_generation: volatile.generation + 1,
            entropy: &self.inner.machine.entropy,
            orders: Vec::new(),
            entries: Vec::new(),
            follow_ups: VecDeque::new(),
        };
        let outcome = command(&mut tx);
        if outcome.is_ok() {
            effects::follow_up(&mut tx);
        }
        let Transaction { orders, entries, .. } = tx;
        if outcome.is_err() {
            state.take_back();
            monitoring.take_back(state, now);
            return Ok(outcome);
        }
        let balancing_changed = balancer_config::is_changed(state, &volatile.mirrored);
        if let Err(error) = self.commit(state, entries) {
            state.take_back();
            monitoring.take_back(state, now);
            return Err(error);
        }
        state.keep();
        monitoring.keep();
        *commits += 1;
        if balancing_changed {
            volatile.generation += 1;
            let config = balancer_config::build(state, volatile.generation, &self.inner.settings);
            volatile.note_config(&config, mirrors(state));
            self.inner.machine.balancer.apply(config);
        }
        self.carry_out(orders, state);
        drop(guarded);
        self.inner.changed.notify_all();
        Ok(outcome)
    }

    fn commit(&self, state: &State, entries: Vec<JournalEntry>) -> Result<(), JournalError> {
        let mut batch = state.collect();
        batch.entries = entries;
        if batch.is_empty() { Ok(()) } else { self.inner.machine.journal.commit(&batch) }
    }

    /// Gives orders. The values of secrets are pulled here: after the commit, so that no part of them is in it.
    pub(crate) fn carry_out(&self, orders: Vec<Order>, state: &State) {
        for order in orders {
            match order {
                Order::Start(mut launch) => {
                    let inherited = self.inner.settings.task_environment.clone();
                    let own = std::mem::replace(&mut launch.environment, inherited);
                    launch.environment.extend(own);
                    launch.secrets = task_secrets::pull(state, self.inner.machine.vault.as_ref(), &launch.definition);
                    self.inner.machine.runtime.start(*launch);
                }
                Order::Invoke(invocation) => self.inner.machine.hooks.invoke(*invocation),
                Order::Stop(task) => self.inner.machine.runtime.stop(&task),
                Order::Forget(task) => self.inner.machine.runtime.forget(&task),
            }
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Guarded> {
        // A panic inside a transaction leaves changes behind that were never committed: take them back and carry on.
        self.inner.guarded.lock().unwrap_or_else(|poisoned| {
            let mut guarded = poisoned.into_inner();
            let Guarded { state, monitoring, .. } = &mut *guarded;
            state.take_back();
            monitoring.take_back(state, self.now());
            self.inner.guarded.clear_poison();
            guarded
        })
    }
}

fn unavailable(error: &JournalError) -> Refusal {
    let advice = match error {
        JournalError::Full { .. } => "Free some space and try again; nothing was changed.",
        JournalError::Locked { .. }
        | JournalError::Corrupt { .. }
        | JournalError::Newer { .. }
        | JournalError::Other { .. } => "Nothing was changed; see `seatrial engine logs`.",
    };
    Refusal::new("ServerException", format!("The engine could not store the change: {error}. {advice}"))
}
