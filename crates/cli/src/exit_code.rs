//! The exit codes of `seatrial`: part of its interface, so that a pipeline can tell a rollback from a broken file.

use seatrial_release::config::ConfigError;
use seatrial_release::{ReleaseError, Verdict};

/// Why the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// What was asked for is done.
    Done,
    /// It failed.
    Failed,
    /// Asked whether anything would change: yes.
    Changes,
    /// The command line or the configuration is wrong; nothing was changed.
    Usage,
    /// The deployment failed and the service is healthy on its previous version.
    RolledBack,
    /// The deployment failed and so did the rollback.
    RollbackFailed,
    /// It was not over in time.
    TimedOut,
    /// It waits for somebody's decision.
    Paused,
    /// It must not begin now: an alarm is firing already.
    Blocked,
    /// Somebody pressed Ctrl-C; what ECS was doing goes on.
    Interrupted,
}

impl ExitCode {
    /// The number given to the shell.
    pub fn number(self) -> u8 {
        match self {
            ExitCode::Done => 0,
            ExitCode::Failed => 1,
            ExitCode::Usage | ExitCode::Changes => 2,
            ExitCode::RolledBack => 3,
            ExitCode::RollbackFailed => 4,
            ExitCode::TimedOut => 5,
            ExitCode::Paused => 6,
            ExitCode::Blocked => 7,
            ExitCode::Interrupted => 130,
        }
    }

    /// The code of an error that ended a command.
    pub fn of_error(error: &anyhow::Error) -> Self {
        if error.is::<ConfigError>() || error.is::<UsageError>() {
            return ExitCode::Usage;
        }
        if error.is::<AwaitsDecision>() {
            return ExitCode::Paused;
        }
        match error.downcast_ref::<ReleaseError>() {
            Some(ReleaseError::Interrupted { .. }) => ExitCode::Interrupted,
            Some(ReleaseError::TookTooLong { .. }) => ExitCode::TimedOut,
            Some(
                ReleaseError::Blocked { .. }
                | ReleaseError::Locked { .. }
                | ReleaseError::Frozen { .. }
                | ReleaseError::Rejected { .. }
                | ReleaseError::WouldLose { .. }
                | ReleaseError::RefusedByPolicy { .. },
            ) => ExitCode::Blocked,
            Some(ReleaseError::AwaitsApproval { .. }) => ExitCode::Paused,
            // By then the infrastructure has been made: this is not the code of a command that changed nothing.
            Some(ReleaseError::Configuration(_))
            | Some(ReleaseError::Call(_) | ReleaseError::NotPossible { .. } | ReleaseError::Incomplete(_))
            | None => ExitCode::Failed,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::NothingToDo | Verdict::Deployed | Verdict::Started | Verdict::Reached => ExitCode::Done,
            Verdict::Failed => ExitCode::Failed,
            Verdict::RolledBack => ExitCode::RolledBack,
            Verdict::RollbackFailed => ExitCode::RollbackFailed,
            Verdict::TimedOut => ExitCode::TimedOut,
            Verdict::Interrupted => ExitCode::Interrupted,
            Verdict::Paused => ExitCode::Paused,
        }
    }
}

/// A command line that is well formed and makes no sense.
#[derive(Debug)]
pub struct UsageError {
    pub what: String,
    pub instead: String,
}

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for UsageError {}

/// The embedded engine is asked for something while it is not running.
#[derive(Debug)]
pub struct NotRunning;

impl std::fmt::Display for NotRunning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the embedded engine is not running, so nothing of this environment is")
    }
}

impl std::error::Error for NotRunning {}

/// A step that needs somebody's word, where nobody can be asked.
#[derive(Debug)]
pub struct AwaitsDecision {
    pub what: String,
}

impl std::fmt::Display for AwaitsDecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for AwaitsDecision {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_documentation() {
        let codes = [
            (Verdict::Deployed, 0),
            (Verdict::NothingToDo, 0),
            (Verdict::Started, 0),
            (Verdict::Reached, 0),
            (Verdict::Failed, 1),
            (Verdict::RolledBack, 3),
            (Verdict::RollbackFailed, 4),
            (Verdict::TimedOut, 5),
            (Verdict::Interrupted, 130),
        ];
        for (verdict, number) in codes {
            assert_eq!(ExitCode::from(verdict).number(), number, "{verdict:?}");
        }
        assert_eq!(ExitCode::Usage.number(), 2);
        assert_eq!(ExitCode::Paused.number(), 6);
        assert_eq!(ExitCode::Blocked.number(), 7);
    }

    #[test]
    fn errors_have_the_code_of_their_kind() {
        let usage = UsageError { what: "x".into(), instead: "y".into() };
        assert_eq!(ExitCode::of_error(&usage.into()), ExitCode::Usage);
        assert_eq!(ExitCode::of_error(&AwaitsDecision { what: "x".into() }.into()), ExitCode::Paused);
        assert_eq!(ExitCode::of_error(&ReleaseError::Blocked { alarms: vec![] }.into()), ExitCode::Blocked);
        assert_eq!(ExitCode::of_error(&ReleaseError::Interrupted { before: "x".into() }.into()), ExitCode::Interrupted);
        assert_eq!(ExitCode::of_error(&anyhow::anyhow!("x")), ExitCode::Failed);
    }
}
