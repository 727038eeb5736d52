//! Decides what happens to a task: when each container starts, when its check is run, what the end of one means for the others, in
//! which order they stop.
//!
//! Pure: it is told the time and what happened, and answers with [`Action`]s. It starts, signals and reads nothing itself, so that every
//! rule of the task's life can be tested without a process.

mod container;
mod dependency;
mod health;
mod report;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::time::Instant;

use seatrial_model::{TaskId, TimeScale, Timestamp};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::{EndCause, TaskEnd, TaskPhase};

use container::{Container, Stage};
use dependency::Readiness;
use health::Due;
pub(crate) use health::Verdict;
pub(crate) use vocabulary::{Action, ContainerIndex, Exit, Input, Now, Refusal};

/// What ECS says when an essential container has ended.
const REASON_ESSENTIAL_EXITED: &str = "Essential container in task exited";

/// What ECS says when a container's `dependsOn` was not met.
const REASON_FAILED_TO_START: &str = "Task failed to start";

/// The life of one task.
#[derive(Debug)]
pub(crate) struct TaskMachine {
    task: TaskId,
    containers: Vec<Container>,
    phase: TaskPhase,
    started_at: Option<Timestamp>,
    stopping_at: Option<Timestamp>,
    execution_stopped_at: Option<Timestamp>,
    end: Option<TaskEnd>,
    /// `Sweep` has been asked for.
    sweeping: bool,
}

impl TaskMachine {
    pub fn new(launch: &TaskLaunch) -> Self {
        let scale: TimeScale = launch.time_scale;
        let containers =
            launch.definition.containers.iter().map(|definition| Container::new(definition.clone(), scale));
        TaskMachine {
            task: launch.task.clone(),
            containers: containers.collect(),
            phase: TaskPhase::Activating,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            end: None,
            sweeping: false,
        }
    }

    /// Feeds one input; returns everything the caller must do, in order.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Launched | Input::Tick => {}
            Input::Started { container, process } => self.at(container).begin(now.instant, process),
            Input::Refused { container, refusal } => self.refused(now, container, refusal, &mut actions),
            Input::Exited { container, exit } => self.exited(now, container, exit, &mut actions),
            Input::CheckEnded { container, verdict } => {
                if let Some(health) = &mut self.at(container).health {
                    health.conclude(now.instant, verdict);
                }
            }
            Input::StopOrdered => self.begin_stop(now, None, &mut actions),
            Input::Swept => {
                self.phase = TaskPhase::Stopped;
                self.execution_stopped_at = Some(now.wall);
            }
        }
        self.advance(now, &mut actions);
        actions
    }

    /// Tells whether the task is on its way to its end, for whatever reason.
    pub fn is_stopping(&self) -> bool {
        self.stopping_at.is_some()
    }

    pub fn is_stopped(&self) -> bool {
        self.phase == TaskPhase::Stopped
    }

    /// The next instant at which `Input::Tick` can change something.
    pub fn wake_at(&self) -> Option<Instant> {
        let stages = self.containers.iter().filter_map(|container| container.stage.wake_at());
        if self.stopping_at.is_some() {
            return stages.min();
        }
        let checks = self.containers.iter().filter_map(|container| container.health.as_ref()?.wake_at());
        stages.chain(checks).chain(self.dependency_deadlines()).min()
    }

    fn at(&mut self, container: ContainerIndex) -> &mut Container {
        &mut self.containers[container.0]
    }

    fn refused(&mut self, now: Now, container: ContainerIndex, refusal: Refusal, actions: &mut Vec<Action>) {
        let refused = self.at(container);
        refused.stage = Stage::Ended;
        refused.reason = Some(refusal.reason.clone());
        if refused.definition.essential {
            self.begin_stop(now, Some(TaskEnd { cause: refusal.cause, reason: refusal.reason }), actions);
        }
    }

    fn exited(&mut self, now: Now, container: ContainerIndex, exit: Exit, actions: &mut Vec<Action>) {
        let is_stopping = self.stopping_at.is_some();
        let ended = self.at(container);
        let restarts = !is_stopping && ended.is_restarted(now.instant, &exit);
        if ended.end(exit.code, exit.reason) == health::WasChecking::Yes {
            actions.push(Action::AbandonCheck(container));
        }
        if restarts {
            ended.restart_count += 1;
            ended.stage = Stage::Starting;
            actions.push(Action::Start(container));
        } else if ended.definition.essential {
            let end = match exit.refusal {
                Some(refusal) => TaskEnd { cause: refusal.cause, reason: refusal.reason },
                None => {
                    TaskEnd { cause: EndCause::EssentialContainerExited, reason: REASON_ESSENTIAL_EXITED.to_owned() }
                }
            };
            self.begin_stop(now, Some(end), actions);
        }
    }

    /// Turns the task towards its end, unless it is on its way: the first reason stays.
    fn begin_stop(&mut self, now: Now, end: Option<TaskEnd>, actions: &mut Vec<Action>) {
        if self.stopping_at.is_some() {
            return;
        }
        self.phase = TaskPhase::Stopping;
        self.stopping_at = Some(now.wall);
        self.end = end;
        for (index, container) in self.containers.iter_mut().enumerate() {
            if container.stage == Stage::Pending {
                container.stage = Stage::Ended;
            }
            if let Some(health) = &mut container.health
                && health.cease() == health::WasChecking::Yes
            {
                actions.push(Action::AbandonCheck(ContainerIndex(index)));
            }
        }
    }

    /// Does whatever has become possible or due.
    fn advance(&mut self, now: Now, actions: &mut Vec<Action>) {
        if self.stopping_at.is_none() {
            self.start_next(now, actions);
        }
        if self.stopping_at.is_none() {
            self.settle_running(now);
            self.run_checks(now, actions);
        } else {
            self.stop_next(now, actions);
        }
        let all_ended = self.containers.iter().all(|container| container.stage == Stage::Ended);
        if all_ended && !self.sweeping {
            self.sweeping = true;
            actions.push(Action::Sweep);
        }
    }

    /// Starts one container whose dependencies are met; the next one when the outcome is known.
    fn start_next(&mut self, now: Now, actions: &mut Vec<Action>) {
        if self.containers.iter().any(|container| container.stage == Stage::Starting) {
            return;
        }
        for index in 0..self.containers.len() {
            if self.containers[index].stage != Stage::Pending {
                continue;
            }
            match self.readiness(&self.containers[index], now.instant) {
                Readiness::Ready => {
                    self.containers[index].stage = Stage::Starting;
                    actions.push(Action::Start(ContainerIndex(index)));
                    return;
                }
                Readiness::Waiting => {}
                Readiness::Never(why) => {
                    self.containers[index].reason = Some(why);
                    let reason = REASON_FAILED_TO_START.to_owned();
                    self.begin_stop(now, Some(TaskEnd { cause: EndCause::FailedToStart, reason }), actions);
                    return;
                }
            }
        }
    }

    fn settle_running(&mut self, now: Now) {
        let waiting = |container: &Container| matches!(container.stage, Stage::Pending | Stage::Starting);
        if self.phase == TaskPhase::Activating && !self.containers.iter().any(waiting) {
            self.phase = TaskPhase::Running;
            self.started_at = Some(now.wall);
        }
    }

    fn run_checks(&mut self, now: Now, actions: &mut Vec<Action>) {
        for (index, container) in self.containers.iter_mut().enumerate() {
            let Some(health) = &mut container.health else { continue };
            match health.due(now.instant) {
                Some(Due::Begin) => actions.push(Action::Check(ContainerIndex(index))),
                Some(Due::GiveUp) => actions.push(Action::AbandonCheck(ContainerIndex(index))),
                None => {}
            }
        }
    }

    /// Terminates the containers on which no running one depends, and kills those whose time is over.
    fn stop_next(&mut self, now: Now, actions: &mut Vec<Action>) {
        for index in 0..self.containers.len() {
            let needed = self.is_needed(&self.containers[index]);
            let container = &mut self.containers[index];
            if container.stage == Stage::Running && !needed {
                container.stage = Stage::Terminating { kill_at: now.instant + container.definition.stop_timeout };
                actions.push(Action::Terminate(ContainerIndex(index)));
            }
            if let Stage::Terminating { kill_at } = container.stage
                && now.instant >= kill_at
            {
                container.stage = Stage::Killing;
                actions.push(Action::Kill(ContainerIndex(index)));
            }
        }
    }
}
