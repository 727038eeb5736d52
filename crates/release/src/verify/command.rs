//! Runs the command of a check, in a process group of its own that ends with it.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::{CommandCheck, Place};
use crate::interrupt::Interrupt;
use crate::orphans::DeathWatch;

/// How many of the last lines are shown.
const LINES_MAX: usize = 10;

/// How often it is looked whether somebody interrupts.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// How long the last lines are waited for: a grandchild may keep the pipe open.
const OUTPUT_LIMIT: Duration = Duration::from_secs(1);

/// How a command ended that did not pass.
pub(super) enum Ended {
    Interrupted,
    Badly { why: String, output: Vec<String> },
}

/// Runs the command; it passes with exit code 0.
pub(super) async fn run(check: &CommandCheck, place: &Place, interrupt: &mut Interrupt) -> Result<(), Ended> {
    let badly = |why: String| Ended::Badly { why, output: Vec::new() };
    let (program, arguments) = check.words.split_first().ok_or_else(|| badly("names no program".into()))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&check.directory)
        .envs(environment(place))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| badly(format!("could not be started: {error}")))?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let _watch = DeathWatch::over(group);
    let output = tokio::spawn(last_lines(child.stdout.take(), child.stderr.take()));
    let waited = wait(&mut child, check.timeout, interrupt).await;
    if let Some(group) = group {
        // What it left running goes with it; a group that is gone is what was wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let why = match waited {
        Waited::Passed => return Ok(()),
        Waited::Interrupted => return Err(Ended::Interrupted),
        Waited::Badly(why) => why,
    };
    let output = tokio::time::timeout(OUTPUT_LIMIT, output).await.ok().and_then(Result::ok).unwrap_or_default();
    Err(Ended::Badly { why, output })
}

enum Waited {
    Passed,
    Interrupted,
    Badly(String),
}

async fn wait(child: &mut Child, limit: Duration, interrupt: &mut Interrupt) -> Waited {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        tokio::select! {
            ended = child.wait() => {
                return match ended {
                    Ok(status) if status.success() => Waited::Passed,
                    Ok(status) => Waited::Badly(format!("ended with {status}")),
                    Err(error) => Waited::Badly(format!("cannot be waited for: {error}")),
                };
            }
            () = tokio::time::sleep_until(deadline) => {
                return Waited::Badly(format!("was not over after {} s", limit.as_secs()));
            }
            interrupted = interrupt.sleep(LOOK_INTERVAL) => {
                if interrupted {
                    return Waited::Interrupted;
                }
            }
        }
    }
}

/// What a command learns of the new version.
fn environment(place: &Place) -> Vec<(&'static str, String)> {
    let header = place.header.as_ref().map(|(name, value)| format!("{name}: {value}"));
    [
        ("SEATRIAL_TEST_URL", place.url.clone()),
        ("SEATRIAL_TEST_HEADER", header),
        ("SEATRIAL_SERVICE", Some(place.service.clone())),
        ("SEATRIAL_TASK_DEFINITION", Some(place.task_definition.clone())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

async fn last_lines(output: Option<impl AsyncRead + Unpin>, errors: Option<impl AsyncRead + Unpin>) -> Vec<String> {
    let (mut lines, mut complaints) = tokio::join!(tail(output), tail(errors));
    lines.append(&mut complaints);
    lines.split_off(lines.len().saturating_sub(LINES_MAX))
}

async fn tail(stream: Option<impl AsyncRead + Unpin>) -> Vec<String> {
    let Some(stream) = stream else { return Vec::new() };
    let mut stream = BufReader::new(stream);
    let mut lines = std::collections::VecDeque::new();
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    lines.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(script: &str, timeout: Duration) -> Result<(), (String, Vec<String>)> {
        let words = ["sh", "-c", script].map(ToOwned::to_owned).to_vec();
        let check = CommandCheck { words, directory: std::env::temp_dir(), timeout };
        let place = Place { url: Some("http://127.0.0.1:1/".into()), service: "web".into(), ..Place::default() };
        match run(&check, &place, &mut Interrupt::never()).await {
            Ok(()) => Ok(()),
            Err(Ended::Badly { why, output }) => Err((why, output)),
            Err(Ended::Interrupted) => Err(("interrupted".into(), Vec::new())),
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_command_passes_with_exit_code_zero() {
        assert_eq!(
            ran(r#"[ "$SEATRIAL_TEST_URL $SEATRIAL_SERVICE" = "http://127.0.0.1:1/ web" ]"#, LONG).await,
            Ok(())
        );
        let (why, output) = ran("seq 20; echo broken >&2; exit 3", LONG).await.expect_err("it fails");
        assert_eq!((why.as_str(), output.len(), output[9].as_str()), ("ended with exit status: 3", 10, "broken"));
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_killed_with_all_it_started() {
        let (why, _) = ran("sleep 600 & sleep 600", Duration::from_millis(300)).await.expect_err("it is killed");
        assert_eq!(why, "was not over after 0 s");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_told() {
        let check =
            CommandCheck { words: vec!["/no/such/program".into()], directory: std::env::temp_dir(), timeout: LONG };
        let ended = run(&check, &Place::default(), &mut Interrupt::never()).await;
        assert!(matches!(ended, Err(Ended::Badly { why, .. }) if why.starts_with("could not be started: ")));
    }
}
