//! Owns the targets of the present configuration: what is wanted of each, how it is, and its checks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{TargetGroupArn, Timestamp};
use seatrial_ports::balancer::{
    BalancerConfig, BalancerReport, TargetConfig, TargetGroupConfig, TargetIntent, TargetMetrics,
};
use seatrial_routing::roster::Standing;
use seatrial_routing::stickiness::target_digest;
use seatrial_routing::{HealthMachine, health};
use tokio::sync::mpsc::UnboundedSender;

use crate::clock::Clock;
use crate::health::task::{CheckPlan, CheckTask};
use crate::plane::event::Event;
use crate::plane::target::{Target, TargetKey};

pub(crate) struct Registry {
    clock: Clock,
    workers: usize,
    events: UnboundedSender<Event>,
    /// That of the present configuration.
    generation: u64,
    targets: BTreeMap<TargetKey, Registered>,
    /// No longer configured; kept until their last requests have been counted and told.
    departed: Vec<Arc<Target>>,
}

/// A target of the present configuration.
struct Registered {
    target: Arc<Target>,
    intent: TargetIntent,
    health: TargetHealth,
    healthy_since: Timestamp,
    checks: Option<CheckTask>,
    drained: bool,
}

impl Registry {
    pub fn new(clock: Clock, workers: usize, events: UnboundedSender<Event>) -> Self {
        Registry { clock, workers, events, generation: 0, targets: BTreeMap::new(), departed: Vec::new() }
    }

    /// Takes the targets of a configuration; only groups in use are checked. Returns the targets no longer in it.
    pub fn configure(&mut self, config: &BalancerConfig, in_use: &BTreeSet<TargetGroupArn>) -> Vec<Arc<Target>> {
        self.generation = config.generation;
        let mut former = std::mem::take(&mut self.targets);
        for group in &config.target_groups {
            for config in &group.targets {
                let key = key(group, config);
                let registered = former.remove(&key).unwrap_or_else(|| self.new_target(&key, config));
                let registered = self.configure_target(registered, group, config, in_use.contains(&group.arn));
                self.targets.insert(key, registered);
            }
        }
        former.into_values().map(|registered| registered.target).collect()
    }

    /// Makes the draining targets, and those no longer configured, refuse requests. The routes in effect no longer lead to them.
    pub fn drain(&mut self, gone: Vec<Arc<Target>>) {
        let draining = self.targets.values().filter(|registered| registered.intent == TargetIntent::Draining);
        draining.map(|registered| &registered.target).chain(&gone).for_each(Target::drain);
        self.departed.extend(gone);
    }

    /// The targets of a group in their order, and how each stands.
    pub fn members(&self, group: &TargetGroupConfig) -> (Vec<Arc<Target>>, Vec<Standing>) {
        let members = group.targets.iter().filter_map(|config| self.targets.get(&key(group, config)));
        members.map(|registered| (Arc::clone(&registered.target), registered.standing())).unzip()
    }

    /// Takes note of what a check found; returns the report of it.
    pub fn health_changed(&mut self, target: &Arc<Target>, health: TargetHealth) -> Option<BalancerReport> {
        let now = self.clock.now();
        let registered = self.find(target).filter(|registered| registered.checks.is_some())?;
        if health.is_healthy() && !registered.health.is_healthy() {
            registered.healthy_since = now;
        }
        registered.health = health;
        Some(registered.report())
    }

    /// Takes note that a target has no request left; returns the report if that is news.
    pub fn emptied(&mut self, target: &Arc<Target>) -> Option<BalancerReport> {
        let generation = self.generation;
        let registered = self.find(target).filter(|registered| registered.intent == TargetIntent::Draining)?;
        let is_news = !std::mem::replace(&mut registered.drained, true);
        is_news.then(|| registered.drained_report(generation))
    }

    /// Passes on that a target refused a connection.
    pub fn hint(&mut self, target: &Arc<Target>) {
        match self.find(target).and_then(|registered| registered.checks.as_ref()) {
            Some(checks) => checks.hint(),
            None => target.hint_heard(),
        }
    }

    /// The state of every target.
    pub fn reports(&self) -> Vec<BalancerReport> {
        let reports = self.targets.values().flat_map(|registered| {
            let drained = registered.drained.then(|| registered.drained_report(self.generation));
            [registered.report()].into_iter().chain(drained)
        });
        reports.collect()
    }

    pub fn metrics(&self) -> Vec<TargetMetrics> {
        let targets = self.targets.values().map(|registered| &registered.target);
        targets.chain(&self.departed).map(|target| target.metrics()).collect()
    }

    /// Forgets what is no longer configured and has no request left, once its metrics have been told.
    pub fn forget_departed(&mut self) {
        self.departed.retain(|target| target.in_flight() > 0);
    }

    pub fn reap_idle(&self) {
        for registered in self.targets.values() {
            registered.target.reap_idle();
        }
    }

    fn find(&mut self, target: &Arc<Target>) -> Option<&mut Registered> {
        self.targets.get_mut(&target.key).filter(|registered| Arc::ptr_eq(&registered.target, target))
    }

    fn new_target(&self, key: &TargetKey, config: &TargetConfig) -> Registered {
        let digest = target_digest(&key.group, key.target);
        // What was healthy before this data plane started does not start slowly again.
        let healthy_since = if config.last_health.is_some() { Timestamp::EPOCH } else { self.clock.now() };
        Registered {
            target: Target::new(key.clone(), digest, self.workers, self.events.clone()),
            intent: config.intent,
            health: config.last_health.clone().unwrap_or_else(health::registering),
            healthy_since,
            checks: None,
            drained: false,
        }
    }

    fn configure_target(
        &self,
        mut registered: Registered,
        group: &TargetGroupConfig,
        config: &TargetConfig,
        in_use: bool,
    ) -> Registered {
        registered.intent = config.intent;
        let fixed = match config.intent {
            TargetIntent::Draining => Some(health::draining()),
            TargetIntent::Registered if !in_use => Some(health::not_in_use()),
            TargetIntent::Registered if !group.health_check.enabled => Some(health::checks_disabled()),
            TargetIntent::Registered => None,
        };
        if config.intent == TargetIntent::Registered {
            registered.drained = false;
            registered.target.undrain();
        }
        if let Some(fixed) = fixed {
            (registered.health, registered.checks) = (fixed, None);
            return registered;
        }
        let plan = CheckPlan {
            protocol: group.protocol_version,
            settings: group.health_check.clone(),
            settle_time: group.settle_time,
        };
        match &registered.checks {
            Some(checks) => checks.configure(plan),
            None => {
                let target = Arc::clone(&registered.target);
                let last = HealthMachine::new(Some(&registered.health)).health().clone();
                let checks = CheckTask::start(target, plan, Some(&last), self.clock, self.events.clone());
                (registered.health, registered.checks) = (last, Some(checks));
            }
        }
        registered
    }
}

impl Registered {
    fn standing(&self) -> Standing {
        Standing { state: self.health.state, reason: self.health.reason, healthy_since: self.healthy_since }
    }

    fn report(&self) -> BalancerReport {
        let TargetKey { group, target, registration } = self.target.key.clone();
        BalancerReport::Health { target_group: group, target, registration, health: self.health.clone() }
    }

    fn drained_report(&self, generation: u64) -> BalancerReport {
        let TargetKey { group, target, registration } = self.target.key.clone();
        BalancerReport::Drained { target_group: group, target, registration, generation }
    }
}

fn key(group: &TargetGroupConfig, config: &TargetConfig) -> TargetKey {
    TargetKey { group: group.arn.clone(), target: config.id, registration: config.registration }
}
