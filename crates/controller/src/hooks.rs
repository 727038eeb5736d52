//! Lifecycle hooks: functions that are asked and pauses that wait to be continued, each within its time.
//!
//! All hooks of a stage run side by side; the stage is passed when every one of them has succeeded, or was too late and may be.

use seatrial_model::{
    HookId, HookKind, HookTarget, LifecycleHook, LifecycleStage, ServiceDeploymentId, TimeoutAction, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controller::Controller;
use crate::deployment::{ServiceDeployment, ServiceDeploymentStatus};
use crate::input::{HookAnswer, PauseAction};
use crate::shift::Shift;
use crate::step::{Effect, HookInvocation, Shares, Step};

/// One hook in one stage: an entry of `lifecycleHookDetails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRun {
    pub id: HookId,
    /// Its place in the configuration.
    pub hook: usize,
    pub stage: LifecycleStage,
    pub status: HookStatus,
    /// How often its function has been invoked.
    pub attempt: u32,
    /// When the function is to be asked again.
    pub call_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    /// The configured details with what the function has returned merged over them.
    pub details: Option<Value>,
    /// Completes "Service deployment rolled back because", when it has failed.
    pub failure: Option<String>,
}

/// `status` of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookStatus {
    AwaitingAction,
    InProgress,
    Succeeded,
    Failed,
    TimedOut,
}

impl HookStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            HookStatus::AwaitingAction => "AWAITING_ACTION",
            HookStatus::InProgress => "IN_PROGRESS",
            HookStatus::Succeeded => "SUCCEEDED",
            HookStatus::Failed => "FAILED",
            HookStatus::TimedOut => "TIMED_OUT",
        }
    }

    pub const fn is_open(self) -> bool {
        matches!(self, HookStatus::AwaitingAction | HookStatus::InProgress)
    }
}

impl HookRun {
    /// Returns when something about it changes by itself.
    pub(crate) fn wakes_at(&self) -> Option<Timestamp> {
        let next = self.call_at.map_or(self.expires_at, |at| at.min(self.expires_at));
        self.status.is_open().then_some(next)
    }
}

impl Shift {
    /// Tells whether a hook holds the stage up.
    pub(crate) fn is_held_up(&self) -> bool {
        self.runs.iter().any(|run| run.status.is_open())
    }

    /// Returns why the stage has failed, if a hook says so.
    pub(crate) fn hook_failure(&self) -> Option<&str> {
        self.runs.iter().find_map(|run| run.failure.as_deref())
    }

    fn run_of(&mut self, id: &HookId) -> Option<(&LifecycleHook, &mut HookRun)> {
        let run = self.runs.iter_mut().find(|run| run.id == *id && run.status.is_open())?;
        Some((self.hooks.get(run.hook)?, run))
    }
}

impl Controller {
    /// Starts the hooks of the stage that has just been entered.
    pub(crate) fn begin_hooks(&mut self, now: Timestamp, step: &mut Step) {
        let Some(shift) = self.shift() else { return };
        let stage = shift.stage;
        let wanted = (0..shift.hooks.len()).filter(|index| shift.hooks[*index].stages.contains(&stage)).collect();
        self.replace_runs(now, wanted, stage, step);
    }

    /// Lets functions know that traffic has gone back: those of the shifts that were made are told so. Nobody waits for them.
    pub(crate) fn tell_hooks_of_return(&mut self, now: Timestamp, shifted: Shares, step: &mut Step) {
        let Some(shift) = self.shift() else { return };
        let told: Vec<(usize, LifecycleStage)> = [
            (LifecycleStage::ProductionTrafficShift, shifted.production),
            (LifecycleStage::TestTrafficShift, shifted.test),
        ]
        .into_iter()
        .filter(|(_, share)| share.tenths() > 0)
        .flat_map(|(stage, _)| {
            let concerned = move |(_, hook): &(usize, &LifecycleHook)| hook.stages.contains(&stage);
            shift.hooks.iter().enumerate().filter(concerned).map(move |(index, _)| (index, stage))
        })
        .collect();
        self.replace_runs(now, Vec::new(), LifecycleStage::CleanUp, step);
        for (index, stage) in told {
            self.start_run(now, index, stage, step);
        }
    }

    fn replace_runs(&mut self, now: Timestamp, hooks: Vec<usize>, stage: LifecycleStage, step: &mut Step) {
        if let Some(shift) = self.shift_mut() {
            shift.runs.clear();
        }
        for index in hooks {
            self.start_run(now, index, stage, step);
        }
    }

    fn start_run(&mut self, now: Timestamp, index: usize, stage: LifecycleStage, step: &mut Step) {
        let ordinal = self.draw_ordinal();
        let seed = self.seed;
        let Some(shift) = self.shift_mut() else { return };
        let hook = &shift.hooks[index];
        let (kind, status, call_at) = match hook.target {
            HookTarget::Function(_) => (HookKind::Function, HookStatus::InProgress, Some(now)),
            HookTarget::Pause => (HookKind::Pause, HookStatus::AwaitingAction, None),
        };
        let run = HookRun {
            id: seed.hook(kind, ordinal),
            hook: index,
            stage,
            status,
            attempt: 0,
            call_at,
            expires_at: now + hook.timeout,
            details: hook.details.clone(),
            failure: None,
        };
        if kind == HookKind::Pause {
            let (id, on_timeout) = (run.id.clone(), hook.on_timeout);
            self.says(now, step, |words| words.paused(stage, &id, on_timeout));
        }
        if let Some(shift) = self.shift_mut() {
            shift.runs.push(run);
        }
        self.attend_hooks(now, step);
    }

    /// Invokes functions whose time has come and gives up on hooks whose time is over.
    pub(crate) fn attend_hooks(&mut self, now: Timestamp, step: &mut Step) {
        let Some(deployment) = self.service_deployment.as_mut() else { return };
        let (target, is_over) = (deployment.target, deployment.status.is_terminal());
        let Some(shift) = deployment.shift.as_mut() else { return };
        let (source, shares) = (shift.source, shift.shares);
        for run in &mut shift.runs {
            let hook = &shift.hooks[run.hook];
            if is_over {
                run.call_at = None;
            } else if run.status.is_open() && run.expires_at <= now {
                run.status = HookStatus::TimedOut;
                run.call_at = None;
                run.failure = (hook.on_timeout == TimeoutAction::Rollback).then(|| timed_out(run.stage, hook));
            } else if run.call_at.is_some_and(|at| at <= now) {
                run.call_at = None;
                run.attempt += 1;
                step.effects.extend(invocation(run, hook, target, source, shares));
            }
        }
    }

    /// Returns the invocations that have not been answered, to be made again after a crash.
    pub fn open_invocations(&self) -> Vec<Effect> {
        let Some(deployment) = self.service_deployment.as_ref().filter(|deployment| !deployment.status.is_terminal())
        else {
            return Vec::new();
        };
        let Some(shift) = &deployment.shift else { return Vec::new() };
        let unanswered = |run: &&HookRun| run.status == HookStatus::InProgress && run.call_at.is_none();
        let invoke =
            |run: &HookRun| invocation(run, &shift.hooks[run.hook], deployment.target, shift.source, shift.shares);
        shift.runs.iter().filter(unanswered).filter_map(invoke).collect()
    }

    pub(crate) fn hook_answered(&mut self, now: Timestamp, id: &HookId, attempt: u32, answer: HookAnswer) {
        let call_back_default = self.policy.hook_call_back;
        let Some((hook, run)) = self.shift_mut().and_then(|shift| shift.run_of(id)) else { return };
        if run.attempt != attempt || run.call_at.is_some() {
            return;
        }
        let HookTarget::Function(function) = &hook.target else { return };
        let says = |what: String| Some(format!("{} lifecycle hook(s) failed. {what}", run.stage.as_str()));
        match answer {
            HookAnswer::Succeeded => run.status = HookStatus::Succeeded,
            HookAnswer::InProgress { call_back, details } => {
                run.call_at = Some(now + call_back.unwrap_or(call_back_default));
                merge(&mut run.details, details);
            }
            HookAnswer::Failed => {
                run.failure = says(format!("Lifecycle hook target {function} returned FAILED status."));
                run.status = HookStatus::Failed;
            }
            HookAnswer::Unreadable(why) => {
                run.failure = says(format!("ECS was unable to parse the response from {function} due to {why}"));
                run.status = HookStatus::Failed;
            }
            HookAnswer::NotInvoked(why) => {
                run.failure = says(format!("ECS was unable to invoke hook target {function} due to {why}"));
                run.status = HookStatus::Failed;
            }
        }
    }

    pub(crate) fn continue_deployment(&mut self, id: &ServiceDeploymentId, hook: &HookId, action: PauseAction) {
        let concerned = |deployment: &&ServiceDeployment| {
            deployment.id == *id && deployment.status == ServiceDeploymentStatus::InProgress
        };
        if self.service_deployment.as_ref().filter(concerned).is_none() {
            return;
        }
        let Some((_, run)) = self.shift_mut().and_then(|shift| shift.run_of(hook)) else { return };
        if run.status != HookStatus::AwaitingAction {
            return;
        }
        match action {
            PauseAction::Continue => run.status = HookStatus::Succeeded,
            PauseAction::Rollback => {
                run.status = HookStatus::Failed;
                run.failure = Some(format!("{} pause hook was answered with ROLLBACK.", run.stage.as_str()));
            }
        }
    }
}

fn timed_out(stage: LifecycleStage, hook: &LifecycleHook) -> String {
    let stage = stage.as_str();
    match &hook.target {
        HookTarget::Pause => format!("{stage} pause hook timed out."),
        HookTarget::Function(function) => {
            format!("{stage} lifecycle hook(s) failed. Lifecycle hook target {function} timed out.")
        }
    }
}

fn invocation(
    run: &HookRun,
    hook: &LifecycleHook,
    target: seatrial_model::RevisionId,
    source: Option<seatrial_model::RevisionId>,
    shares: Shares,
) -> Option<Effect> {
    let HookTarget::Function(function) = &hook.target else { return None };
    let moves_traffic = matches!(
        run.stage,
        LifecycleStage::TestTrafficShift
            | LifecycleStage::PreProductionTrafficShift
            | LifecycleStage::ProductionTrafficShift
    );
    Some(Effect::InvokeHook(Box::new(HookInvocation {
        hook: run.id.clone(),
        attempt: run.attempt,
        function: function.clone(),
        stage: run.stage,
        target,
        source,
        shares: moves_traffic.then_some(shares),
        details: run.details.clone(),
    })))
}

/// Lays the members of an object over another; anything else replaces what was there.
fn merge(details: &mut Option<Value>, returned: Option<Value>) {
    match (details.as_mut(), returned) {
        (Some(Value::Object(members)), Some(Value::Object(more))) => members.extend(more),
        (_, Some(returned)) => *details = Some(returned),
        (_, None) => {}
    }
}
