//! The life of one service under random inputs: every step is held against the checkers, and nothing may count twice.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use seatrial_controller::{Controller, Effect, HookInvocation, Input, LiveRule, Observation, Policy};
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{ListenerRuleArn, TaskId, Timestamp};
use seatrial_sim::checkers::{Watch, audit};

use super::happenings::happenings;
use super::routed::Rules;
use super::world::World;
use super::{Checks, START, controller};

/// A controller, what watches it, and the world that its effects change.
pub struct Life {
    pub controller: Controller,
    pub watch: Watch,
    pub now: Timestamp,
    pub checks: Checks,
    pub journal: Vec<(Timestamp, Input)>,
    /// The listener rules as they are.
    pub rules: Rules,
    /// Every invocation of a hook's function so far.
    pub invocations: Vec<HookInvocation>,
}

/// How often a controller may react to its rules not being as it believes before it must have accepted how they are.
const REACTIONS_MAX: usize = 4;

impl Life {
    pub fn new(checks: Checks, rules: Rules) -> Self {
        let controller = controller();
        let watch = Watch::new(controller.settings().clone(), Policy::engine());
        Life { controller, watch, now: START, checks, journal: Vec::new(), rules, invocations: Vec::new() }
    }

    /// Gives an input and checks the step; the controller learns of rules that are not as it believes.
    pub fn feed(&mut self, input: Input) -> Result<(), TestCaseError> {
        self.give(input)?;
        for _ in 0..REACTIONS_MAX {
            let Some(changed) = self.unseen_rule() else { return Ok(()) };
            self.give(Input::Observation(changed))?;
        }
        prop_assert!(self.unseen_rule().is_none(), "it does not believe what it sees of its rules");
        Ok(())
    }

    fn unseen_rule(&self) -> Option<Observation> {
        self.controller.watched_rules().find_map(|(rule, known)| {
            let live = self.rules.get(rule).unwrap_or(&LiveRule::Missing);
            (live != known).then(|| Observation::ListenerRule { rule: rule.clone(), live: live.clone() })
        })
    }

    fn give(&mut self, input: Input) -> Result<(), TestCaseError> {
        let before = self.controller.clone();
        let step = self.controller.handle(self.now, input.clone());
        self.journal.push((self.now, input.clone()));
        self.watch
            .follow(self.now, &input, &step)
            .and_then(|()| audit(&self.controller, &self.watch, self.now))
            .map_err(|what| {
                let reason = format!("{what}\nafter {input:?}, which answered\n{step}\nand found {before:#?}");
                TestCaseError::fail(reason)
            })?;
        for effect in step.effects {
            self.execute(effect);
        }
        match input {
            // A rule may have been changed back by the step; what was seen of it is no longer true.
            Input::Observation(Observation::ListenerRule { .. })
            | Input::Command(_)
            | Input::Tick
            | Input::Restarted => Ok(()),
            Input::Observation(observation) => self.unmoved_by(&Input::Observation(observation)),
        }
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::SetRuleWeights { rule, weights } => self.set_weights(&rule, weights.into_iter().collect()),
            Effect::InvokeHook(invocation) => self.invocations.push(*invocation),
            Effect::StartTask { .. }
            | Effect::DeactivateTask { .. }
            | Effect::ReactivateTask { .. }
            | Effect::RegisterTarget { .. }
            | Effect::DeregisterTarget { .. }
            | Effect::StopTask { .. } => {}
        }
    }

    /// A rule that does not exist cannot be given weights.
    fn set_weights(&mut self, rule: &ListenerRuleArn, weights: seatrial_controller::Weights) {
        if let Some(live) = self.rules.get_mut(rule).filter(|live| **live != LiveRule::Missing) {
            *live = LiveRule::Forwards(weights);
        }
    }

    /// Gives an input that must not count: a repeated one, or one that comes too late or to the wrong place.
    pub fn unmoved_by(&self, input: &Input) -> Result<(), TestCaseError> {
        let mut again = self.controller.clone();
        let step = again.handle(self.now, input.clone());
        prop_assert_eq!(step.to_string(), "", "{:?} was acted upon", input);
        prop_assert!(
            again == self.controller,
            "{:?} changed the state from {:#?} to {:#?}",
            input,
            self.controller,
            again
        );
        Ok(())
    }

    /// One of the things that could happen to a task.
    pub fn happens(&mut self, index: prop::sample::Index) -> Result<(), TestCaseError> {
        let possible: Vec<_> = self.controller.tasks().flat_map(|task| happenings(task, self.checks)).collect();
        self.one_of(&possible, index)
    }

    /// One of the good things that could happen to a task.
    pub fn prospers(&mut self, index: prop::sample::Index) -> Result<(), TestCaseError> {
        let good = self.good_happenings();
        self.one_of(&good, index)
    }

    fn one_of(&mut self, possible: &[Observation], index: prop::sample::Index) -> Result<(), TestCaseError> {
        if possible.is_empty() {
            return Ok(());
        }
        self.feed(Input::Observation(index.get(possible).clone()))
    }

    /// Every task gets one step further towards serving.
    pub fn all_prosper(&mut self) -> Result<(), TestCaseError> {
        self.good_happenings().into_iter().try_for_each(|observation| self.feed(Input::Observation(observation)))
    }

    fn good_happenings(&self) -> Vec<Observation> {
        self.controller.tasks().flat_map(|task| happenings(task, self.checks)).filter(is_good).collect()
    }

    /// What was seen of a task before is reported once more.
    pub fn repeat(&mut self, index: prop::sample::Index) -> Result<(), TestCaseError> {
        let seen: Vec<&Observation> = self
            .journal
            .iter()
            .filter_map(|(_, input)| match input {
                Input::Observation(observation) => Some(observation),
                Input::Command(_) | Input::Tick | Input::Restarted => None,
            })
            .filter(|observation| task_of(observation).is_some())
            .collect();
        if seen.is_empty() {
            return Ok(());
        }
        let observation = (*index.get(&seen)).clone();
        if task_of(&observation).and_then(|task| self.controller.task(task)).is_none() {
            return self.unmoved_by(&Input::Observation(observation));
        }
        self.feed(Input::Observation(observation))
    }

    /// Lets time pass, waking the controller whenever it asked to be.
    pub fn pass(&mut self, duration: Duration) -> Result<(), TestCaseError> {
        let until = self.now + duration;
        while let Some((at, _)) = self.controller.wake_at(self.now).filter(|(at, _)| *at <= until) {
            self.now = at;
            self.feed(Input::Tick)?;
        }
        self.now = until;
        Ok(())
    }

    /// The engine is killed and starts again from what it had stored.
    pub fn restart(&mut self) -> Result<(), TestCaseError> {
        let text = serde_json::to_string(&self.controller).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let restored: Controller =
            serde_json::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error} in {text}")))?;
        prop_assert!(restored == self.controller, "what was stored is read back otherwise");
        self.controller = restored;
        Ok(())
    }

    /// I10.
    pub fn replays(&self) -> Result<(), TestCaseError> {
        let mut replayed = controller();
        for (now, input) in &self.journal {
            replayed.handle(*now, input.clone());
        }
        prop_assert!(replayed == self.controller, "replaying the journal gives another state");
        Ok(())
    }

    pub fn into_world(self) -> World {
        World::adopt(self.controller, self.watch, self.now, self.rules)
    }
}

/// Tells whether an observation brings a task nearer to serving.
pub fn is_good(observation: &Observation) -> bool {
    match observation {
        Observation::TaskRunning { .. } => true,
        Observation::TargetHealth { health, .. } => health.is_healthy(),
        Observation::TaskHealth { health, .. } => *health == HealthStatus::Healthy,
        Observation::TaskStopped { .. }
        | Observation::TargetDrained { .. }
        | Observation::ListenerRule { .. }
        | Observation::HookAnswered { .. }
        | Observation::AlarmFired { .. } => false,
    }
}

fn task_of(observation: &Observation) -> Option<&TaskId> {
    match observation {
        Observation::TaskRunning { task }
        | Observation::TaskHealth { task, .. }
        | Observation::TaskStopped { task, .. }
        | Observation::TargetHealth { task, .. }
        | Observation::TargetDrained { task, .. } => Some(task),
        Observation::ListenerRule { .. } | Observation::HookAnswered { .. } | Observation::AlarmFired { .. } => None,
    }
}
