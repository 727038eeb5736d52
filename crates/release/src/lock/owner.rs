//! Who holds a lock: a person or a pipeline, and the process that works for them.

use std::fs;
use std::process;

use serde::{Deserialize, Serialize};

/// Variables in which build services say who started what, and where to read about it.
const ACTORS: [&str; 4] = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CODEBUILD_INITIATOR"];
const RUNS: [&str; 3] = ["CI_JOB_URL", "BUILDKITE_BUILD_URL", "CODEBUILD_BUILD_URL"];

/// Longest name kept; records have to stay small.
const NAME_MAX: usize = 120;

/// Somebody, such as `ada@harbour`, with the run of the pipeline if it is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Owner {
    /// Whoever runs this process.
    pub fn of_process() -> Self {
        let variable = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = ACTORS.iter().chain(&["USER", "LOGNAME"]).find_map(variable).unwrap_or_else(|| "somebody".into());
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let mut name = format!("{user}@{}", if host.trim().is_empty() { "unknown" } else { host.trim() });
        name.truncate(name.floor_char_boundary(NAME_MAX));
        let github = || {
            let part = |name: &str| variable(&name);
            let (server, repository, run) =
                (part("GITHUB_SERVER_URL")?, part("GITHUB_REPOSITORY")?, part("GITHUB_RUN_ID")?);
            Some(format!("{server}/{repository}/actions/runs/{run}"))
        };
        Owner { name, run: RUNS.iter().find_map(variable).or_else(github) }
    }
}

/// A process, told apart from every other one of any machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMark {
    /// The boot of the machine and its namespace of process numbers.
    machine: String,
    number: u32,
    /// When it was started, in ticks since boot; numbers are used again.
    started: String,
}

impl ProcessMark {
    /// This process. None where the system does not tell.
    pub fn own() -> Option<Self> {
        let number = process::id();
        Some(ProcessMark { machine: machine()?, number, started: started(number)? })
    }

    /// Whether the process is known to have ended; of another machine's nothing is known.
    pub fn has_ended(&self) -> bool {
        machine().is_some_and(|machine| machine == self.machine)
            && started(self.number).is_none_or(|started| started != self.started)
    }
}

fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// Reads the 22nd field of a process's status; the second one may have blanks and parentheses in it.
fn started(number: u32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let (_, after_name) = status.rsplit_once(')')?;
    let is_dead = after_name.trim_start().starts_with(['Z', 'X']);
    if is_dead { None } else { after_name.split_whitespace().nth(19).map(ToOwned::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_is_told_from_one_that_lives_and_from_those_of_other_machines() {
        let own = ProcessMark::own().expect("Linux tells");
        assert!(!own.has_ended());
        let mut child = process::Command::new("true").spawn().expect("a process");
        let number = child.id();
        let mark = ProcessMark { number, started: "0".into(), ..own.clone() };
        child.wait().expect("it ends");
        assert!(mark.has_ended());
        assert!(ProcessMark { started: "1".into(), ..own.clone() }.has_ended(), "its number is used again");
        assert!(!ProcessMark { machine: "another".into(), ..mark }.has_ended());
    }

    #[test]
    fn somebody_has_a_name_and_a_host() {
        let owner = Owner::of_process();
        assert!(owner.name.contains('@') && owner.name.len() <= NAME_MAX, "{owner:?}");
    }
}
