//! Ends the programs of tests, builds and checks when this process dies before them, however it dies: nobody would wait for them any more, and a
//! release that is gone on with runs them anew.

use std::process::Stdio;

use rustix::process::Pid;
use tokio::process::{Child, Command};

/// Waits for the end of its input, which this process holds open; then asks the group to end, and ends it.
const WATCH: &str = "read -r never; kill -s TERM -- \"-$1\"; \
     for second in 1 2 3 4 5 6 7 8 9 10; do kill -s 0 -- \"-$1\" || exit 0; sleep 1; done; kill -s KILL -- \"-$1\"";

/// Something that outlives this process by the moment that it needs to end a process group. It goes when it is dropped.
pub(crate) struct DeathWatch {
    /// None where there is no shell: then the group goes on after a crash of this process, which is no reason not to run it.
    _watcher: Option<Child>,
}

impl DeathWatch {
    pub fn over(group: Option<Pid>) -> Self {
        let watcher = group.and_then(|group| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", WATCH, "sh", &group.as_raw_nonzero().to_string()]);
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            // Not of the group that a terminal's Ctrl-C goes to.
            command.process_group(0).kill_on_drop(true);
            command.spawn().ok()
        });
        DeathWatch { _watcher: watcher }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::process::{Signal, kill_process, test_kill_process_group};

    use super::*;

    /// A process of a group of its own.
    fn sleeper() -> (Child, Pid) {
        let child = Command::new("sleep").arg("60").process_group(0).kill_on_drop(true).spawn().expect("it is there");
        let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).expect("it runs");
        (child, id)
    }

    #[tokio::test]
    async fn a_group_ends_when_nobody_holds_the_watchers_input_and_not_before() {
        let (mut child, group) = sleeper();
        let mut watch = DeathWatch::over(Some(group));
        assert!(tokio::time::timeout(Duration::from_millis(200), child.wait()).await.is_err(), "it is let run");
        // As the kernel does when this process is gone.
        drop(watch._watcher.as_mut().and_then(|watcher| watcher.stdin.take()));
        let began = Instant::now();
        let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
        assert!(ended.is_ok_and(|ended| ended.is_ok_and(|status| !status.success())), "after {:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_watch_that_is_over_does_nothing() {
        let (_child, group) = sleeper();
        drop(DeathWatch::over(Some(group)));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(test_kill_process_group(group).is_ok(), "it runs still");
        kill_process(group, Signal::KILL).expect("ours");
    }
}
