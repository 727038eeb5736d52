//! What clients do and see: they send requests at their own pace, whatever becomes of them (open loop), and an alarm looks at the answers.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::{Input, Observation, StopCause, TargetGroupAttachment};
use seatrial_model::TaskId;

use super::{Happening, World};
use crate::alarm::{Answer, ErrorAlarm, PERIOD};
use crate::balancer::Balancer;
use crate::behaviour::Verdict;
use crate::checkers::requests::{InFlight, Promises, Requests};
use crate::routed::{self, Routing};
use crate::scenario::{ALARM, Load, Scenario};

/// A request; they are counted.
pub type RequestId = u64;

/// From the last answer of a target out of rotation until it is known.
pub(super) const NOTICE: Duration = Duration::from_millis(1);
/// What a task is given that has no memory left, as the engine words it.
const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

/// The clients of a service, and what they have seen.
#[derive(Debug)]
pub struct Traffic {
    pub balancer: Balancer,
    pub requests: Requests,
    pub(super) promises: Promises,
    load: Load,
    alarm: ErrorAlarm,
    in_flight: BTreeMap<RequestId, InFlight>,
    count: u64,
}

impl Traffic {
    pub(super) fn new(load: Load, scenario: &Scenario) -> Self {
        Traffic {
            balancer: Balancer::default(),
            requests: Requests::default(),
            promises: Promises::new(scenario),
            load,
            alarm: ErrorAlarm::default(),
            in_flight: BTreeMap::new(),
            count: 0,
        }
    }

    /// The alarms that are firing as a deployment begins.
    fn firing(&self) -> Vec<String> {
        if self.alarm.is_firing() { vec![ALARM.to_owned()] } else { Vec::new() }
    }
}

impl World<'_> {
    pub(super) fn clients_begin(&mut self) {
        let Some(traffic) = &self.traffic else { return };
        let interval = traffic.load.interval;
        self.schedule(interval, Happening::Asks);
        self.schedule(PERIOD, Happening::Evaluates);
    }

    /// Sets the alarm up for a deployment that begins, to judge what is on one target group where traffic is shifted; returns the alarms that
    /// are firing already.
    pub fn watch_version(&mut self, judged: Option<&TargetGroupAttachment>) -> Vec<String> {
        let Some(traffic) = &mut self.traffic else { return Vec::new() };
        match judged {
            Some(group) => traffic.alarm.judge(group.arn.clone()),
            None => traffic.alarm.judge_all(),
        }
        traffic.firing()
    }

    /// A client sends a request, and the next one will be sent.
    pub(super) fn ask(&mut self) -> Result<(), String> {
        let Some(traffic) = &mut self.traffic else { return Ok(()) };
        let mean = traffic.load.interval.as_millis() as u64;
        let next = self.draw.millis(1, 2 * mean);
        let rule = match self.scenario.routing {
            Routing::Headless | Routing::OneGroup => None,
            Routing::Production | Routing::ProductionAndTest => self.rules.get(&routed::production()),
        };
        let choice = traffic.balancer.choose(rule, self.now, &mut self.draw);
        self.agenda.plan(self.now + next, Happening::Asks);
        let kept = traffic.promises.turned(choice.as_ref());
        let Some(choice) = choice else {
            traffic.requests.turned_away += 1;
            traffic.alarm.count(None, Answer::Failed);
            return kept;
        };
        kept?;
        traffic.count += 1;
        let id = traffic.count;
        let request = InFlight { task: choice.task.clone(), group: choice.group, since: self.now };
        traffic.in_flight.insert(id, request);
        let actor = self.actors.get_mut(&choice.task).expect("the targets of the balancer live");
        actor.requests += 1;
        let longest = actor.behaviour.answers_within.as_millis() as u64;
        let is_out_of_memory = actor.behaviour.leaks_after.is_some_and(|most| actor.requests >= most);
        let time = self.draw.millis(1, longest.max(1));
        self.schedule(time, Happening::Answers(id));
        if is_out_of_memory { self.end(choice.task, StopCause::Exited, OUT_OF_MEMORY) } else { Ok(()) }
    }

    /// A request has been worked on; what it is answered is a matter of the version.
    pub(super) fn answer(&mut self, id: RequestId) -> Result<(), String> {
        let Some(traffic) = &mut self.traffic else { return Ok(()) };
        let Some(InFlight { task, group, .. }) = traffic.in_flight.remove(&id) else { return Ok(()) };
        let behaviour = self.actors[&task].behaviour;
        let fails = behaviour.verdict == Verdict::Fails || self.draw.chance(behaviour.errors_percent);
        if fails {
            traffic.requests.failed += 1;
            traffic.alarm.count(Some(&group), Answer::Failed);
        } else {
            traffic.requests.answered += 1;
            traffic.alarm.count(Some(&group), Answer::Good);
        }
        if traffic.balancer.answered(&task, &group) {
            self.drains(&task, &group, NOTICE);
        }
        Ok(())
    }

    /// A task is signalled: nobody may be left waiting for it who has not had the deregistration delay.
    pub(super) fn nobody_is_cut_off(&mut self, task: &TaskId) -> Result<(), String> {
        let Some(traffic) = &self.traffic else { return Ok(()) };
        let mut waiting = traffic.in_flight.values().filter(|request| request.task == *task);
        waiting.try_for_each(|request| {
            let left_at = traffic.balancer.left_at(task, &request.group);
            traffic.promises.signalled(request, left_at, self.now)
        })
    }

    /// A task has ended, and with it what it had not answered.
    pub(super) fn requests_end_with(&mut self, task: &TaskId) {
        let Some(traffic) = &mut self.traffic else { return };
        traffic.balancer.remove(task);
        let lost = traffic.in_flight.extract_if(.., |_, request| request.task == *task);
        let groups: Vec<_> = lost.map(|(_, request)| request.group).collect();
        traffic.requests.lost += groups.len() as u64;
        groups.iter().for_each(|group| traffic.alarm.count(Some(group), Answer::Failed));
    }

    pub(super) fn evaluate_alarm(&mut self) -> Result<(), String> {
        let Some(traffic) = &mut self.traffic else { return Ok(()) };
        let changed = traffic.alarm.evaluate(self.now);
        let is_firing = traffic.alarm.is_firing();
        self.schedule(PERIOD, Happening::Evaluates);
        let Some(state) = changed else { return Ok(()) };
        self.tell(|_| format!("alarm {ALARM} is {}: {}", state.value.as_str(), state.reason));
        if is_firing {
            self.feed(Input::Observation(Observation::AlarmFired { name: ALARM.to_owned() }))
        } else {
            Ok(())
        }
    }
}
