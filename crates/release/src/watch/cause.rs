//! Causes of failure and what to try next for each. Pure: `diagnosis` finds the cause of one task, `log_tail` fetches its
//! last lines.

use serde::Serialize;

use super::words::readable;
use crate::verify::Failure;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    CommandNotFound,
    CommandNotExecutable,
    ImageNotPulled,
    SecretMissing,
    NotInitialised,
    NotStarted,
    PortInUse,
    OutOfMemory,
    ExitedAtStart,
    Exited,
    TargetUnhealthy,
    ContainerUnhealthy,
    AlarmFired,
    Infrastructure,
    NotPlaced,
    NoContainerEngine,
    Deadlock,
    StoppedByHand,
    Superseded,
    NothingToRollBackTo,
    NotVerified,
    Unknown,
}

/// One reason for a failure, with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    pub kind: CauseKind,
    /// A sentence for people.
    pub what: String,
    /// How many tasks failed this way.
    pub tasks: usize,
    /// The latest of them.
    pub task: Option<String>,
    pub container: Option<String>,
    pub exit_code: Option<i32>,
    pub stopped_reason: Option<String>,
    pub container_reason: Option<String>,
    /// What the load balancer got from the task, such as "Health checks failed with these codes: [503]".
    pub health_answer: Option<String>,
    /// The last lines the container wrote.
    pub log: Vec<String>,
    /// What to try next.
    pub next: String,
}

impl Cause {
    /// A cause that lies in no task.
    pub(crate) fn of_deployment(kind: CauseKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            tasks: 0,
            task: None,
            container: None,
            exit_code: None,
            stopped_reason: None,
            container_reason: None,
            health_answer: None,
            log: Vec::new(),
            next: advice(kind).to_owned(),
        }
    }

    /// A check that the new version has not passed.
    pub(crate) fn of_check(failure: &Failure) -> Self {
        let what = format!("{} {}", failure.check, failure.why);
        Self { log: failure.output.clone(), ..Self::of_deployment(CauseKind::NotVerified, what) }
    }

    /// Adds the last lines of the log, which may tell more than the task's own reason.
    pub(crate) fn with_log(mut self, log: Vec<String>) -> Self {
        let in_use = |line: &String| {
            let line = line.to_ascii_lowercase();
            line.contains("address already in use") || line.contains("address in use") || line.contains("eaddrinuse")
        };
        let exited = matches!(self.kind, CauseKind::Exited | CauseKind::ExitedAtStart);
        if exited && log.iter().any(in_use) {
            self.kind = CauseKind::PortInUse;
            self.what = format!("{}: its port is in use already", self.what);
            self.next = advice(self.kind).to_owned();
        }
        self.log = log;
        self
    }
}

/// Puts equal failures together, the most frequent first; among equal ones the latest speaks for all.
pub(crate) fn gather(causes: Vec<Cause>) -> Vec<Cause> {
    let mut gathered: Vec<Cause> = Vec::new();
    for cause in causes {
        let same = |other: &&mut Cause| {
            (other.kind, other.exit_code, &other.container) == (cause.kind, cause.exit_code, &cause.container)
        };
        match gathered.iter_mut().find(same) {
            Some(other) => {
                let tasks = other.tasks + cause.tasks;
                *other = Cause { tasks, ..cause };
            }
            None => gathered.push(cause),
        }
    }
    gathered.sort_by_key(|cause| std::cmp::Reverse(cause.tasks));
    gathered
}

/// Causes that show in the service's events and not in any task.
pub(crate) fn of_events(messages: &[String]) -> Option<Cause> {
    let about = |token: &str| messages.iter().find(|message| message.contains(token)).map(|message| readable(message));
    if let Some(message) = about("was unable to stop or start tasks during a deployment") {
        return Some(Cause::of_deployment(CauseKind::Deadlock, message));
    }
    about("unable to place a task").map(|message| {
        let kind = if message.contains("CannotPull") {
            CauseKind::ImageNotPulled
        } else if message.contains("no container engine:") {
            CauseKind::NoContainerEngine
        } else {
            CauseKind::NotPlaced
        };
        Cause::of_deployment(kind, message)
    })
}

fn advice(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::CommandNotFound => {
            "check `command:`; a program is looked for in PATH, a relative path from `working_directory`"
        }
        CauseKind::CommandNotExecutable => {
            "make the file executable (chmod +x) and check that it is built for this machine"
        }
        CauseKind::ImageNotPulled => {
            "check the image's name and tag, and that the execution role may pull it; `seatrial fix` finds one that is there"
        }
        CauseKind::SecretMissing => {
            "check that the parameter or secret exists under this name in this Region, and that the execution role may read it"
        }
        CauseKind::NotInitialised => {
            "check secrets, log group and network of the task definition, and the execution role"
        }
        CauseKind::NotStarted => "check user, working directory and command of the container",
        CauseKind::PortInUse => "let the program listen on the port it is given in PORT, or choose another `port`",
        CauseKind::OutOfMemory => "raise `memory:`, or find out what the program needs it for",
        CauseKind::ExitedAtStart => {
            "read the log lines above; `seatrial render` shows the exact command and environment"
        }
        CauseKind::Exited => "read the log lines above, or more of them with `seatrial logs`",
        CauseKind::TargetUnhealthy => {
            "check that the program listens on its port and answers the health check's path; if it starts slowly, raise health_check.grace_period"
        }
        CauseKind::ContainerUnhealthy => {
            "run the container's healthCheck command by hand; if it starts slowly, raise its startPeriod"
        }
        CauseKind::AlarmFired => {
            "see what the version did in that time with `seatrial logs`; deploy the repair as usual"
        }
        CauseKind::Infrastructure => "deploy again: the machine below the task failed, not the task",
        CauseKind::NotPlaced => "give the cluster room for another task, or make the task smaller",
        CauseKind::NoContainerEngine => {
            "start Docker or Podman and deploy again; for another socket: seatrial engine stop --keep-tasks, then seatrial engine start --container-engine SOCKET; or take `runtime: container` away"
        }
        CauseKind::Deadlock => "raise maximum_percent or lower minimum_healthy_percent",
        CauseKind::StoppedByHand => "deploy again, once whoever stopped the task is done",
        CauseKind::Superseded => "watch the newer deployment: seatrial status --watch",
        CauseKind::NothingToRollBackTo => {
            "repair the version and deploy again; the first deployment has nothing to return to"
        }
        CauseKind::NotVerified => {
            "try the check by hand where the deployment's `test` leads; if it is too strict, change `verify`"
        }
        CauseKind::Unknown => "look at `seatrial events` and `seatrial logs`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_failures_are_told_once() {
        let cause = |kind, task: &str| Cause { tasks: 1, task: Some(task.into()), ..Cause::of_deployment(kind, "x") };
        let gathered = gather(vec![
            cause(CauseKind::OutOfMemory, "a"),
            cause(CauseKind::Exited, "b"),
            cause(CauseKind::Exited, "c"),
        ]);
        let told: Vec<_> = gathered.iter().map(|cause| (cause.kind, cause.tasks, cause.task.as_deref())).collect();
        assert_eq!(told, [(CauseKind::Exited, 2, Some("c")), (CauseKind::OutOfMemory, 1, Some("a"))]);
    }

    #[test]
    fn a_port_in_use_shows_in_the_log() {
        let exited = Cause::of_deployment(CauseKind::ExitedAtStart, "container web exited");
        let cause = exited.with_log(vec!["Error: Address already in use (os error 98)".into()]);
        assert_eq!(cause.kind, CauseKind::PortInUse);
    }
}
