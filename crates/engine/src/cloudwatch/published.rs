//! What AWS's own services would publish: `AWS/ApplicationELB` from the data plane's reports and the tables, `AWS/ECS` from the tasks'
//! readings.
//!
//! The data plane reports once a second (real), so that is the finest there is, whatever the time scale. A count is of the instant at which
//! it was reported. What was not counted is not published, as ELB does; hosts are told as long as targets are registered.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_cloudwatch::{MetricStore, Unit};
use seatrial_model::load_balancing::TargetState;
use seatrial_model::task_definition::ContainerDefinition;
use seatrial_model::{TaskId, Timestamp};
use seatrial_ports::balancer::{BalancerMetrics, ListenerMetrics, TargetIntent, TargetMetrics};
use seatrial_ports::runtime::Usage;

use super::increments::Increments;
use super::mirrored;
use super::sheet::{Dimensions, Sheet};
use crate::load_balancing::forwarding::load_balancers_of;
use crate::state::{State, TaskRecord};

/// The shortest time between two readings of a task from which its CPU utilization is computed: over a shorter one it is noise.
const CPU_INTERVAL_MIN: Duration = Duration::from_millis(400);
/// CPU units of one processor.
const CPU_UNITS: f64 = 1024.0;
const BYTES_PER_MEBIBYTE: f64 = 1_048_576.0;
const MICROSECONDS: f64 = 1e6;

/// Remembers what was published last.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    balancing: Increments,
    /// The last reading of each task, and when it was heard.
    readings: BTreeMap<TaskId, (Timestamp, Usage)>,
}

impl Publisher {
    /// Publishes a report of the data plane.
    pub fn balancing(&mut self, metrics: &mut MetricStore, state: &State, report: &BalancerMetrics, now: Timestamp) {
        let Some(increments) = self.balancing.of(report) else { return };
        let mut sheet = Sheet::new("AWS/ApplicationELB", report.at);
        targets(&mut sheet, state, &increments.targets);
        listeners(&mut sheet, state, &increments.listeners);
        hosts(&mut sheet, state);
        sheet.put(metrics, now);
        let mut sheet = Sheet::new(mirrored::NAMESPACE, report.at);
        mirrored::mirrors(&mut sheet, state, &increments.mirrors);
        sheet.put(metrics, now);
    }

    /// Publishes a reading of a task, when it is a service's. One that is known is no news: whatever a task's supervisor tells has its last
    /// reading with it.
    pub fn usage(&mut self, metrics: &mut MetricStore, task: &TaskRecord, usage: Usage, now: Timestamp) {
        let Some(service) = &task.service else { return };
        if self.readings.get(&task.id).is_some_and(|(_, last)| *last == usage) {
            return;
        }
        let dimensions = [("ClusterName", task.cluster.as_str()), ("ServiceName", service.as_str())];
        let mut sheet = Sheet::new("AWS/ECS", now);
        let processors = self.processors(&task.id, usage, now);
        if let (Some(units), Some(processors)) = (reserved_cpu(task), processors) {
            let percent = 100.0 * processors * CPU_UNITS / f64::from(units);
            sheet.value("CPUUtilization", &dimensions, Unit::Percent, percent);
        }
        if let Some(mebibytes) = reserved_memory(task) {
            let percent = 100.0 * usage.memory as f64 / (f64::from(mebibytes) * BYTES_PER_MEBIBYTE);
            sheet.value("MemoryUtilization", &dimensions, Unit::Percent, percent);
        }
        sheet.put(metrics, now);
    }

    /// Forgets tasks that are no longer known.
    pub fn forget_tasks(&mut self, state: &State) {
        self.readings.retain(|task, _| state.tasks.contains(task.as_str()));
    }

    /// Returns how many processors a task kept busy since it was last looked at, if that was long enough ago.
    fn processors(&mut self, task: &TaskId, usage: Usage, now: Timestamp) -> Option<f64> {
        let last = self.readings.get(task).copied();
        let elapsed = last.map(|(at, _)| now.since(at));
        if elapsed.is_some_and(|elapsed| elapsed < CPU_INTERVAL_MIN) {
            return None;
        }
        self.readings.insert(task.clone(), (now, usage));
        let busy = usage.cpu_time.checked_sub(last?.1.cpu_time)?;
        Some(busy.as_secs_f64() / elapsed?.as_secs_f64())
    }
}

/// Returns the CPU units a task has reserved: its own, or those of its containers together.
fn reserved_cpu(task: &TaskRecord) -> Option<u32> {
    let of_containers = || task.definition.containers.iter().map(|container| container.cpu).sum();
    Some(task.definition.cpu.unwrap_or_else(of_containers)).filter(|units| *units > 0)
}

/// Returns the memory a task has reserved in MiB: its own, or that of all its containers together when each has some.
fn reserved_memory(task: &TaskRecord) -> Option<u32> {
    let of_container = |container: &ContainerDefinition| container.memory_reservation.or(container.memory);
    let of_containers = || task.definition.containers.iter().map(of_container).sum::<Option<u32>>();
    task.definition.memory.or_else(of_containers).filter(|mebibytes| *mebibytes > 0)
}

/// What the targets of a target group, or of a load balancer, counted.
#[derive(Debug, Default)]
struct Counted {
    requests: u64,
    answers: [u64; 6],
    connection_errors: u64,
    latency: BTreeMap<u64, u64>,
}

impl Counted {
    fn add(&mut self, target: &TargetMetrics) {
        self.requests += target.requests;
        self.connection_errors += target.connection_errors;
        self.answers.iter_mut().zip(target.answers).for_each(|(sum, count)| *sum += count);
        for (bound, count) in &target.latency {
            *self.latency.entry(*bound).or_default() += count;
        }
    }

    fn publish(&self, sheet: &mut Sheet, dimensions: Dimensions<'_>) {
        sheet.count("RequestCount", dimensions, self.requests);
        sheet.count("HTTPCode_Target_2XX_Count", dimensions, self.answers[2]);
        sheet.count("HTTPCode_Target_3XX_Count", dimensions, self.answers[3]);
        sheet.count("HTTPCode_Target_4XX_Count", dimensions, self.answers[4]);
        sheet.count("HTTPCode_Target_5XX_Count", dimensions, self.answers[5]);
        sheet.count("TargetConnectionErrorCount", dimensions, self.connection_errors);
        let latency: Vec<_> = self.latency.iter().map(|(bound, count)| (*bound, *count)).collect();
        sheet.values("TargetResponseTime", dimensions, Unit::Seconds, seconds(&latency));
    }
}

fn targets(sheet: &mut Sheet, state: &State, targets: &[TargetMetrics]) {
    let mut groups: BTreeMap<&str, Counted> = BTreeMap::new();
    let mut balancers: BTreeMap<&str, Counted> = BTreeMap::new();
    for target in targets {
        let group = target.target_group.as_str();
        groups.entry(group).or_default().add(target);
        for balancer in load_balancers_of(state, group) {
            balancers.entry(balancer).or_default().add(target);
        }
    }
    for (arn, counted) in &balancers {
        counted.publish(sheet, &[("LoadBalancer", balancer_dimension(arn))]);
    }
    for (arn, counted) in &groups {
        let group = ("TargetGroup", group_dimension(arn));
        let registered = registered(state, arn).count();
        for balancer in load_balancers_of(state, arn) {
            let both = [("LoadBalancer", balancer_dimension(balancer)), group];
            counted.publish(sheet, &both);
            if registered > 0 && counted.requests > 0 {
                let each = counted.requests as f64 / registered as f64;
                sheet.value("RequestCountPerTarget", &both, Unit::None, each);
                sheet.value("RequestCountPerTarget", &[group], Unit::None, each);
            }
        }
    }
}

fn listeners(sheet: &mut Sheet, state: &State, listeners: &BTreeMap<String, ListenerMetrics>) {
    let mut balancers: BTreeMap<&str, ListenerMetrics> = BTreeMap::new();
    for (arn, counted) in listeners {
        let Some(listener) = state.listeners.get(arn) else { continue };
        let sum = balancers.entry(&listener.load_balancer).or_default();
        sum.connections += counted.connections;
        sum.open_connections += counted.open_connections;
        sum.balancer_answers.iter_mut().zip(counted.balancer_answers).for_each(|(sum, count)| *sum += count);
        sum.balancer_502 += counted.balancer_502;
        sum.balancer_503 += counted.balancer_503;
        sum.balancer_504 += counted.balancer_504;
        sum.clients_gone += counted.clients_gone;
    }
    for (arn, sum) in balancers {
        let dimensions = [("LoadBalancer", balancer_dimension(arn))];
        sheet.count("NewConnectionCount", &dimensions, sum.connections);
        sheet.count("ActiveConnectionCount", &dimensions, sum.open_connections);
        sheet.count("HTTPCode_ELB_3XX_Count", &dimensions, sum.balancer_answers[3]);
        // ELB counts the 460 of a client that left among its own 4xx.
        sheet.count("HTTPCode_ELB_4XX_Count", &dimensions, sum.balancer_answers[4] + sum.clients_gone);
        sheet.count("HTTPCode_ELB_5XX_Count", &dimensions, sum.balancer_answers[5]);
        sheet.count("HTTPCode_ELB_502_Count", &dimensions, sum.balancer_502);
        sheet.count("HTTPCode_ELB_503_Count", &dimensions, sum.balancer_503);
        sheet.count("HTTPCode_ELB_504_Count", &dimensions, sum.balancer_504);
    }
}

fn hosts(sheet: &mut Sheet, state: &State) {
    for arn in state.target_groups.keys() {
        let states: Vec<TargetState> = registered(state, arn).collect();
        if states.is_empty() {
            continue;
        }
        let count = |wanted: TargetState| states.iter().filter(|state| **state == wanted).count() as f64;
        for balancer in load_balancers_of(state, arn) {
            let dimensions = [("LoadBalancer", balancer_dimension(balancer)), ("TargetGroup", group_dimension(arn))];
            sheet.value("HealthyHostCount", &dimensions, Unit::Count, count(TargetState::Healthy));
            sheet.value("UnHealthyHostCount", &dimensions, Unit::Count, count(TargetState::Unhealthy));
        }
    }
}

/// Returns the states of a target group's registered targets.
fn registered<'a>(state: &'a State, group: &str) -> impl Iterator<Item = TargetState> + 'a {
    let targets = state.target_groups.get(group).into_iter().flat_map(|group| &group.targets);
    targets.filter(|target| target.intent == TargetIntent::Registered).map(|target| target.health.state)
}

/// Returns the buckets of a histogram of microseconds as values with how often they occurred.
pub(super) fn seconds(buckets: &[(u64, u64)]) -> Vec<(f64, f64)> {
    let filled = buckets.iter().filter(|(_, count)| *count > 0);
    filled.map(|(bound, count)| (*bound as f64 / MICROSECONDS, *count as f64)).collect()
}

/// Returns `app/NAME/ID`.
pub(super) fn balancer_dimension(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name)
}

/// Returns `targetgroup/NAME/ID`.
pub(super) fn group_dimension(arn: &str) -> &str {
    arn.rsplit_once(':').map_or(arn, |(_, name)| name)
}
