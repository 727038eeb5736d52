//! The control plane of a world: it gives the controller its inputs, stores its steps on a disk that may be slow or full, is killed at times,
//! and gives orders.

use std::time::Duration;

use seatrial_controller::{Effect, Event, HookAnswer, Input, LiveRule, Observation};
use seatrial_model::{HookId, TargetGroupArn, TaskId, Timestamp};

use super::{Happening, World};
use crate::checkers::audit;

/// An audit costs a copy of the controller; what one misses the next one finds, as what is left undone stays undone.
const AUDIT_EVERY: u64 = 16;
/// The longest that the control plane is away.
const AWAY_MAX_MILLIS: u64 = 20_000;
/// How long the engine waits before it tries again to store what the disk had no room for.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(1);

/// What waits to be taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Input(Input),
    /// A target has drained. That counts only as long as it has not been taken back, so it is looked at again.
    Drained(TaskId, TargetGroupArn, u64),
}

/// What waits for the control plane to be back.
#[derive(Debug, Default)]
pub(super) struct Down {
    /// Orders that were not given yet.
    orders: Vec<Effect>,
    /// What was seen meanwhile.
    seen: Vec<Held>,
    was_killed: bool,
}

impl World<'_> {
    /// Gives an input, checks the step and executes it.
    pub fn feed(&mut self, input: Input) -> Result<(), String> {
        if let Some(down) = &mut self.down {
            down.seen.push(Held::Input(input));
            return Ok(());
        }
        if self.finds_disk_full(&input) {
            return Ok(());
        }
        self.steps += 1;
        let told = if self.bug.hides(&input) { Input::Tick } else { input.clone() };
        let mut step = self.controller.handle(self.now, told.clone());
        self.bug.distort(&mut step);
        self.tell(|_| format!("{input:?}\n{step}"));
        if let Some(journal) = &mut self.journal {
            journal.push((self.now, told));
        }
        self.watch.follow(self.now, &input, &step)?;
        if let Some(traffic) = &mut self.traffic {
            step.events.iter().for_each(|event| traffic.promises.follow(event));
        }
        if self.steps.is_multiple_of(AUDIT_EVERY) {
            audit(&self.controller, &self.watch, self.now)?;
        }
        let ends = |event: &&Event| matches!(event, Event::ServiceDeployment(told) if told.status.is_terminal());
        self.ended += step.events.iter().filter(ends).count() as u64;
        if self.draw.chance(self.scenario.crash_percent) {
            self.crash()?;
            if self.scenario.crashes_lose_orders {
                let away = self.draw.millis(0, AWAY_MAX_MILLIS);
                self.go_away(away, Down { orders: step.effects, was_killed: true, ..Down::default() });
                return Ok(());
            }
            self.give(step.effects.clone())?;
        }
        match self.scenario.disk.filter(|_| !step.effects.is_empty()) {
            Some(disk) => {
                let time = self.draw.millis(0, disk.commit_max_millis);
                self.go_away(time, Down { orders: step.effects, ..Down::default() });
                Ok(())
            }
            None => self.give(step.effects),
        }
    }

    /// Whether there is no room for the step that the input would make; then it is as if it had not been made, and the input comes again.
    fn finds_disk_full(&mut self, input: &Input) -> bool {
        // A command is refused then, and its client tries again later.
        if matches!(input, Input::Command(_)) || !self.is_disk_full() {
            return false;
        }
        let before = self.controller.clone();
        self.controller.handle(self.now, input.clone());
        self.controller = before;
        self.tell(|_| format!("{input:?}\nthe disk is full, and nothing has happened"));
        // A control plane that cannot store that it is back has not come back.
        let was_killed = *input == Input::Restarted;
        let again = match input {
            Input::Observation(Observation::TargetDrained { task, target_group }) => {
                Held::Drained(task.clone(), target_group.clone(), self.registration(task))
            }
            Input::Command(_) | Input::Observation(_) | Input::Tick | Input::Restarted => Held::Input(input.clone()),
        };
        let seen = if was_killed { Vec::new() } else { vec![again] };
        self.go_away(FULL_DISK_PAUSE, Down { orders: Vec::new(), seen, was_killed });
        true
    }

    fn is_disk_full(&mut self) -> bool {
        self.scenario.disk.is_some_and(|disk| self.draw.chance(disk.full_percent))
    }

    /// Lets everything wait for a while.
    fn go_away(&mut self, time: Duration, down: Down) {
        self.down = Some(down);
        self.schedule(time, Happening::Restarts);
    }

    /// The control plane is back: it gives the orders it had stored, then looks at what has happened meanwhile.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        let Some(Down { orders, seen, was_killed }) = self.down.take() else { return Ok(()) };
        self.give(orders)?;
        if was_killed {
            self.feed(Input::Restarted)?;
        }
        // Time has passed; what was due is due now.
        let tick = Held::Input(Input::Tick);
        self.held.extend(seen.into_iter().filter(|held| *held != tick));
        self.held.push(tick);
        if self.client_waits { Ok(()) } else { self.take_up_held() }
    }

    /// Lets time pass until the control plane takes a command; what else waits for it comes after that.
    pub fn await_turn(&mut self) -> Result<(), String> {
        self.client_waits = true;
        loop {
            while self.down.is_some() && self.advance(Timestamp::from_millis(i64::MAX))? {}
            if !self.is_disk_full() {
                self.client_waits = false;
                return Ok(());
            }
            self.go_away(FULL_DISK_PAUSE, Down::default());
        }
    }

    /// Gives what has waited behind a client.
    pub fn take_up_held(&mut self) -> Result<(), String> {
        std::mem::take(&mut self.held).into_iter().try_for_each(|held| match held {
            Held::Input(input) => self.feed(input),
            Held::Drained(task, target_group, registration) => self.drained(task, target_group, registration),
        })
    }

    /// A target has nothing left to answer.
    pub(super) fn drained(
        &mut self,
        task: TaskId,
        target_group: TargetGroupArn,
        registration: u64,
    ) -> Result<(), String> {
        if let Some(down) = &mut self.down {
            down.seen.push(Held::Drained(task, target_group, registration));
            return Ok(());
        }
        if self.registration(&task) == registration {
            self.observe(&Observation::TargetDrained { task, target_group })?;
        }
        Ok(())
    }

    /// The control plane is killed once it has stored a step, and starts again with what it stored.
    fn crash(&mut self) -> Result<(), String> {
        let stored = serde_json::to_string(&self.controller).map_err(|cause| format!("cannot be stored: {cause}"))?;
        let loaded = serde_json::from_str(&stored).map_err(|cause| format!("cannot be loaded: {cause}"))?;
        let before = std::mem::replace(&mut self.controller, loaded);
        if before != self.controller {
            return Err("I10: what is loaded is not what was stored".to_owned());
        }
        self.tell(|_| "the control plane is killed and starts again".to_owned());
        Ok(())
    }

    fn give(&mut self, orders: Vec<Effect>) -> Result<(), String> {
        orders.into_iter().try_for_each(|effect| self.execute(effect))
    }

    fn execute(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::StartTask { task, revision, .. } => self.start(task, revision),
            Effect::RegisterTarget { task, target_group } => self.register(&task, target_group),
            Effect::DeregisterTarget { task, target_group } => self.deregister(&task, &target_group),
            Effect::SetRuleWeights { rule, weights } => {
                self.rules.insert(rule, LiveRule::Forwards(weights.into_iter().collect()));
            }
            Effect::StopTask { task } => return self.signal(task),
            Effect::InvokeHook(invocation) => self.invoke(invocation.hook, invocation.attempt),
            // Words in a table.
            Effect::DeactivateTask { .. } | Effect::ReactivateTask { .. } => {}
        }
        Ok(())
    }

    /// Asks a function, which answers what it likes, or never; without faults it succeeds.
    fn invoke(&mut self, hook: HookId, attempt: u32) {
        let answer = match self.draw.below(if self.has_faults { 12 } else { 1 }) {
            0..=6 => HookAnswer::Succeeded,
            7 => HookAnswer::Failed,
            8 => HookAnswer::InProgress { call_back: Some(self.draw.millis(100, 10_000)), details: None },
            9 => HookAnswer::InProgress { call_back: None, details: None },
            10 => HookAnswer::NotInvoked("no such function".to_owned()),
            _ => return,
        };
        let time = self.draw.millis(1, 3_000);
        self.schedule(time, Happening::HookAnswers(hook, attempt, answer));
    }

    pub(super) fn hook_answers(&mut self, hook: HookId, attempt: u32, answer: HookAnswer) -> Result<(), String> {
        self.observe(&Observation::HookAnswered { hook, attempt, answer })
    }

    pub(super) fn observe(&mut self, observation: &Observation) -> Result<(), String> {
        self.feed(Input::Observation(observation.clone()))?;
        // Only what is still so is said again: a target that has been taken back meanwhile is not drained.
        let is_lasting = !matches!(observation, Observation::TargetDrained { .. });
        if is_lasting && self.draw.chance(self.scenario.twice_percent) {
            self.feed(Input::Observation(observation.clone()))?;
        }
        Ok(())
    }
}
