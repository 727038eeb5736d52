//! What is said to the machine and what it answers.

use std::time::Instant;

use seatrial_model::Timestamp;
use seatrial_ports::runtime::EndCause;
use serde::{Deserialize, Serialize};

use super::health::Verdict;

/// The present, for durations and for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub instant: Instant,
    pub wall: Timestamp,
}

/// A container by its place in the task definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContainerIndex(pub usize);

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The supervisor is ready to start containers.
    Launched,
    Started {
        container: ContainerIndex,
        process: u32,
    },
    /// The container could not be started.
    Refused {
        container: ContainerIndex,
        refusal: Refusal,
    },
    Exited {
        container: ContainerIndex,
        exit: Exit,
    },
    CheckEnded {
        container: ContainerIndex,
        verdict: Verdict,
    },
    StopOrdered,
    /// Time has passed; see [`TaskMachine::wake_at`].
    Tick,
    /// No process of the task is left.
    Swept,
}

/// Why a container could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub cause: EndCause,
    /// In ECS's words.
    pub reason: String,
}

impl Refusal {
    /// A refusal that no retry can change.
    pub fn permanent(detail: impl std::fmt::Display) -> Self {
        Refusal { cause: EndCause::CannotStart, reason: format!("CannotStartContainerError: {detail}") }
    }

    /// A refusal for want of an image, with the whole of the reason.
    pub fn image_missing(reason: &str) -> Self {
        Refusal { cause: EndCause::CannotStart, reason: reason.to_owned() }
    }

    /// A refusal because an image is not what it should be.
    pub fn image(detail: impl std::fmt::Display) -> Self {
        Refusal { cause: EndCause::CannotStart, reason: format!("CannotPullContainerError: {detail}") }
    }

    /// A refusal because an image could not be had this time.
    pub fn image_passing(detail: impl std::fmt::Display) -> Self {
        Refusal { cause: EndCause::FailedToStart, reason: format!("CannotPullContainerError: {detail}") }
    }

    /// A refusal for want of the secrets a container asks for.
    pub fn secrets(detail: impl std::fmt::Display) -> Self {
        let reason = format!("ResourceInitializationError: unable to pull secrets or registry auth: {detail}");
        Refusal { cause: EndCause::CannotStart, reason }
    }

    /// A refusal because what the task's containers share could not be made, with the whole of the reason.
    pub fn initialization(reason: &str) -> Self {
        Refusal { cause: EndCause::FailedToStart, reason: reason.to_owned() }
    }

    /// A refusal for want of the files a container takes variables from.
    pub fn environment_files(file: &str) -> Self {
        let reason = format!(
            "ResourceInitializationError: failed to download env files: {file}: this engine has no S3; write the variables into \
             environment instead of environmentFiles"
        );
        Refusal { cause: EndCause::CannotStart, reason }
    }

    /// A refusal for want of something that may be there later.
    pub fn passing(detail: impl std::fmt::Display) -> Self {
        Refusal { cause: EndCause::FailedToStart, reason: format!("CannotStartContainerError: {detail}") }
    }
}

/// How a container's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// The exit code, or 128 + signal.
    pub code: i32,
    /// The container's `reason`, when there is more to say than the code does.
    pub reason: Option<String>,
    /// Proof, from what the container wrote, that it never came to do its work and never will.
    pub refusal: Option<Refusal>,
}

/// Something to do. Each is done before the next input is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a container, and answer with `Started` or `Refused`.
    Start(ContainerIndex),
    /// Run its health check, and answer with `CheckEnded`.
    Check(ContainerIndex),
    /// Kill the check that runs; its end is no longer of interest.
    AbandonCheck(ContainerIndex),
    /// Send SIGTERM to the container's processes.
    Terminate(ContainerIndex),
    /// Send SIGKILL to the container's processes.
    Kill(ContainerIndex),
    /// Kill whatever is left of the task, and answer with `Swept` when nothing is.
    Sweep,
}
