//! Owns what the data plane is doing at present: listeners and their routes, and in which order a change of them takes effect. The
//! targets are the [`Registry`]'s.
//!
//! Order within one change: routes first, then drains. Once a target refuses requests, every worker that looks again finds routes
//! without it; and what had entered before is waited for (I4).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use seatrial_model::TargetGroupArn;
use seatrial_model::load_balancing::{Action, Algorithm, ProtocolVersion};
use seatrial_ports::balancer::{
    BalancerConfig, BalancerMetrics, BalancerReport, ListenerConfig, MirrorConfig, TargetGroupConfig,
};
use seatrial_routing::stickiness::group_digest;
use seatrial_routing::{Mirror, PinPolicy, Roster, RosterSettings, RuleSet};
use tokio::sync::mpsc::{Receiver, UnboundedSender, channel};

use crate::clock::{Clock, wall_clock};
use crate::limits::RETIRE_IDLE_TIME;
use crate::mirror::counters::CopyCounters;
use crate::plane::control::TaggedReports;
use crate::plane::event::Event;
use crate::plane::listener::Listener;
use crate::plane::registry::Registry;
use crate::plane::routes::{ClientTimes, Group, Routes};
use crate::worker::thread::WorkerCommand;

pub(crate) struct State {
    workers: Arc<[UnboundedSender<WorkerCommand>]>,
    reports: TaggedReports,
    pin_policy: PinPolicy,
    config: BalancerConfig,
    registry: Registry,
    turns: BTreeMap<TargetGroupArn, Arc<AtomicU64>>,
    /// Counters of the target groups that copies are or were sent to.
    copies: BTreeMap<TargetGroupArn, Arc<CopyCounters>>,
    groups: Arc<[Arc<Group>]>,
    listeners: BTreeMap<String, Open>,
    sockets: BTreeMap<SocketAddr, TcpListener>,
}

/// A listener that is accepting connections.
struct Open {
    listener: Arc<Listener>,
    rules: Arc<RuleSet<usize>>,
    /// Ends when no worker accepts any more.
    accepting: Receiver<()>,
}

impl State {
    pub fn new(
        clock: Clock,
        workers: Arc<[UnboundedSender<WorkerCommand>]>,
        events: UnboundedSender<Event>,
        reports: TaggedReports,
        pin_policy: PinPolicy,
    ) -> Self {
        let registry = Registry::new(clock, workers.len(), events);
        State {
            workers,
            reports,
            pin_policy,
            config: BalancerConfig::default(),
            registry,
            turns: BTreeMap::new(),
            copies: BTreeMap::new(),
            groups: Arc::new([]),
            listeners: BTreeMap::new(),
            sockets: BTreeMap::new(),
        }
    }

    /// Puts a configuration into effect and reports everything.
    pub async fn apply(&mut self, config: BalancerConfig, sockets: BTreeMap<SocketAddr, TcpListener>) {
        self.sockets.extend(sockets);
        self.config = config;
        let in_use = groups_in_use(&self.config.listeners);
        let gone = self.registry.configure(&self.config, &in_use);
        self.build_groups();
        let closing = self.take_closing_listeners();
        let outcomes = self.open_listeners();
        self.registry.drain(gone);
        close(closing).await;
        let addresses: BTreeSet<_> = self.config.listeners.iter().map(|listener| listener.address).collect();
        self.sockets.retain(|address, _| addresses.contains(address));
        for (arn, outcome) in outcomes {
            self.report(BalancerReport::Listener { arn, outcome });
        }
        self.registry.reports().into_iter().for_each(|report| self.report(report));
        self.report(BalancerReport::Applied { generation: self.config.generation });
    }

    pub fn handle(&mut self, event: Event) {
        let report = match event {
            Event::Health(target, health) => {
                let report = self.registry.health_changed(&target, health);
                if report.is_some() {
                    self.rebuild_group(&target.key.group);
                }
                report
            }
            Event::Emptied(target) => self.registry.emptied(&target),
            Event::Refused(target) => {
                self.registry.hint(&target);
                None
            }
        };
        report.into_iter().for_each(|report| self.report(report));
    }

    pub fn report_metrics(&mut self) {
        let metrics = self.metrics();
        self.report(BalancerReport::Metrics(metrics));
        self.registry.forget_departed();
    }

    pub fn metrics(&self) -> BalancerMetrics {
        let listeners = self.listeners.values();
        BalancerMetrics {
            at: wall_clock(),
            listeners: listeners.map(|open| (open.listener.arn.clone(), open.listener.counters.metrics())).collect(),
            targets: self.registry.metrics(),
            mirrors: self.copies.iter().map(|(group, copies)| copies.metrics(group)).collect(),
        }
    }

    /// Stops listening; everything else goes on for the connections there are, each for one more request soon.
    pub async fn end_listeners(&mut self) {
        let ending: Vec<_> = std::mem::take(&mut self.listeners).into_values().collect();
        ending.iter().for_each(|open| open.listener.end());
        self.sockets.clear();
        tokio::spawn(async move {
            tokio::time::sleep(RETIRE_IDLE_TIME).await;
            close(ending).await;
        });
    }

    pub fn sockets(&self) -> io::Result<BTreeMap<SocketAddr, TcpListener>> {
        self.sockets.iter().map(|(address, socket)| Ok((*address, socket.try_clone()?))).collect()
    }

    pub fn reap_idle(&self) {
        self.registry.reap_idle();
    }

    fn build_groups(&mut self) {
        let turns = std::mem::take(&mut self.turns);
        let turn_of = |arn: &TargetGroupArn| (arn.clone(), turns.get(arn).cloned().unwrap_or_default());
        self.turns = self.config.target_groups.iter().map(|group| turn_of(&group.arn)).collect();
        self.copies.retain(|arn, _| self.turns.contains_key(arn));
        for mirror in self.config.listeners.iter().flat_map(mirrors) {
            self.copies.entry(mirror.target_group.clone()).or_default();
        }
        self.groups = self.config.target_groups.iter().map(|group| self.build_group(group)).collect();
    }

    fn build_group(&self, config: &TargetGroupConfig) -> Arc<Group> {
        let settings = RosterSettings { algorithm: config.algorithm, slow_start: config.slow_start };
        let (targets, standings) = self.registry.members(config);
        Arc::new(Group {
            arn: config.arn.clone(),
            digest: group_digest(&config.arn),
            protocol: config.protocol_version,
            stickiness: config.stickiness,
            roster: Roster::new(settings, standings),
            targets,
            turn: self.turns.get(&config.arn).cloned().unwrap_or_default(),
            copies: self.copies.get(&config.arn).cloned(),
        })
    }

    /// Takes out the listeners that are no longer configured, or at another address.
    fn take_closing_listeners(&mut self) -> Vec<Open> {
        let wanted: BTreeMap<_, _> =
            self.config.listeners.iter().map(|listener| (listener.arn.as_str(), listener.address)).collect();
        let is_wanted = |open: &Open| wanted.get(open.listener.arn.as_str()) == Some(&open.listener.address);
        self.listeners.extract_if(.., |_, open| !is_wanted(open)).map(|(_, open)| open).collect()
    }

    /// Gives every configured listener its rules, and opens the new ones.
    fn open_listeners(&mut self) -> Vec<(String, Result<(), String>)> {
        let configs = std::mem::take(&mut self.config.listeners);
        let outcomes = configs.iter().map(|config| (config.arn.clone(), self.open_listener(config))).collect();
        self.config.listeners = configs;
        outcomes
    }

    fn open_listener(&mut self, config: &ListenerConfig) -> Result<(), String> {
        let rules = Arc::new(self.compile(config));
        let times = ClientTimes { idle_timeout: config.idle_timeout, keep_alive: config.client_keep_alive };
        let routes = self.routes(&rules, times);
        if let Some(open) = self.listeners.get_mut(&config.arn) {
            open.listener.routes.store(Arc::new(routes));
            open.rules = rules;
            return Ok(());
        }
        let socket = self.sockets.get(&config.address).ok_or_else(|| format!("{} is not open", config.address))?;
        let listener = Arc::new(Listener::new(config.arn.clone(), config.address, routes));
        let (token, accepting) = channel(1);
        for worker in self.workers.iter() {
            let socket = socket.try_clone().map_err(|error| format!("{} cannot be used: {error}", config.address))?;
            let (listener, token) = (Arc::clone(&listener), token.clone());
            // Workers live as long as this thread.
            let _ = worker.send(WorkerCommand::Listen { listener, socket, token });
        }
        self.listeners.insert(config.arn.clone(), Open { listener, rules, accepting });
        Ok(())
    }

    /// Compiles rules; a target group that is not configured is one without targets.
    fn compile(&mut self, config: &ListenerConfig) -> RuleSet<usize> {
        let mut groups = self.groups.to_vec();
        for arn in group_arns(config) {
            if !groups.iter().any(|group| group.arn == *arn) {
                tracing::warn!(listener = config.arn, target_group = %arn, "a rule names an unknown target group");
                groups.push(Arc::new(empty_group(arn)));
            }
        }
        self.groups = groups.into();
        let index = |arn: &TargetGroupArn| {
            let position = self.groups.iter().position(|group| group.arn == *arn);
            position.expect("unknown groups were added above")
        };
        let rules = config.rules.iter().map(|rule| (&rule.conditions[..], &rule.action));
        let mut set = RuleSet::new(rules, &config.default_action, index);
        let mirror = |mirror: &MirrorConfig| Mirror { group: index(&mirror.target_group), percent: mirror.percent };
        for (position, rule) in config.rules.iter().enumerate() {
            rule.mirror.iter().for_each(|config| set.mirror_rule(position, mirror(config)));
        }
        config.default_mirror.iter().for_each(|config| set.mirror_default(mirror(config)));
        set
    }

    fn rebuild_group(&mut self, arn: &TargetGroupArn) {
        let Some(config) = self.config.target_groups.iter().find(|group| group.arn == *arn) else { return };
        let rebuilt = self.build_group(config);
        let replace = |group: &Arc<Group>| Arc::clone(if group.arn == *arn { &rebuilt } else { group });
        self.groups = self.groups.iter().map(replace).collect();
        for open in self.listeners.values() {
            let times = open.listener.routes.load().times;
            let routes = self.routes(&open.rules, times);
            open.listener.routes.store(Arc::new(routes));
        }
    }

    fn routes(&self, rules: &Arc<RuleSet<usize>>, times: ClientTimes) -> Routes {
        let (rules, groups) = (Arc::clone(rules), Arc::clone(&self.groups));
        Routes { rules, groups, times, pin_policy: self.pin_policy }
    }

    fn report(&self, report: BalancerReport) {
        (self.reports)(self.config.generation, report);
    }
}

impl Drop for State {
    fn drop(&mut self) {
        for worker in self.workers.iter() {
            // One that is gone needs no telling.
            let _ = worker.send(WorkerCommand::Stop);
        }
    }
}

/// Closes listeners and waits until no worker accepts on them.
async fn close(listeners: Vec<Open>) {
    for open in &listeners {
        open.listener.close();
    }
    for mut open in listeners {
        while open.accepting.recv().await.is_some() {}
    }
}

fn empty_group(arn: &TargetGroupArn) -> Group {
    let settings = RosterSettings { algorithm: Algorithm::RoundRobin, slow_start: Duration::ZERO };
    Group {
        arn: arn.clone(),
        digest: group_digest(arn),
        protocol: ProtocolVersion::Http1,
        stickiness: None,
        roster: Roster::new(settings, []),
        targets: Vec::new(),
        turn: Arc::default(),
        copies: None,
    }
}

fn groups_in_use(listeners: &[ListenerConfig]) -> BTreeSet<TargetGroupArn> {
    listeners.iter().flat_map(group_arns).cloned().collect()
}

/// The target groups that a listener's actions name, whatever their weight, and those that get copies.
fn group_arns(listener: &ListenerConfig) -> impl Iterator<Item = &TargetGroupArn> {
    let actions = listener.rules.iter().map(|rule| &rule.action).chain([&listener.default_action]);
    let forwards = actions.filter_map(|action| match action {
        Action::Forward(forward) => Some(forward),
        Action::FixedResponse(_) | Action::Redirect(_) => None,
    });
    let served = forwards.flat_map(|forward| forward.target_groups.iter().map(|group| &group.target_group));
    served.chain(mirrors(listener).map(|mirror| &mirror.target_group))
}

fn mirrors(listener: &ListenerConfig) -> impl Iterator<Item = &MirrorConfig> {
    listener.rules.iter().filter_map(|rule| rule.mirror.as_ref()).chain(&listener.default_mirror)
}
