//! A step as text, the same for tests, the command line and the dashboard.

use std::fmt;

use crate::step::{Effect, Event, HookInvocation, Step};

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for effect in &self.effects {
            writeln!(f, "do    {effect}")?;
        }
        for event in &self.events {
            writeln!(f, "event {event}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::StartTask { task, deployment, .. } => write!(f, "start task {task} of {deployment}"),
            Effect::DeactivateTask { task, code, reason } => write!(f, "deactivate task {task}: {code}: {reason}"),
            Effect::ReactivateTask { task } => write!(f, "reactivate task {task}"),
            Effect::RegisterTarget { task, target_group } => write!(f, "register task {task} in {target_group}"),
            Effect::DeregisterTarget { task, target_group } => write!(f, "deregister task {task} from {target_group}"),
            Effect::StopTask { task } => write!(f, "stop task {task}"),
            Effect::SetRuleWeights { rule, weights } => {
                write!(f, "forward rule {rule} to")?;
                weights.iter().try_for_each(|(group, weight)| write!(f, " {group}={weight}"))
            }
            Effect::InvokeHook(invocation) => {
                let HookInvocation { hook, attempt, function, stage, .. } = &**invocation;
                write!(f, "invoke {function} for {hook} at {}, attempt {attempt}", stage.as_str())
            }
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Service { message, .. } => f.write_str(message),
            Event::ServiceDeployment(deployment) => {
                write!(f, "service deployment of {} is {}", deployment.deployment, deployment.status.as_str())?;
                match &deployment.status_reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            Event::ServiceInactive { .. } => f.write_str("service is INACTIVE"),
        }
    }
}
