//! Runs a program that takes its time, line by line: tests, compilers, builders of images.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::{Sender, channel};

use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::orphans::DeathWatch;
use crate::report::{Event, Reporter};

/// How often it is looked whether somebody interrupts.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long a program that was told to end may take to do so.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long the last lines are waited for.
const OUTPUT_LIMIT: Duration = Duration::from_secs(1);
/// How many of the last lines an error shows.
const LINES_MAX: usize = 20;
/// The longest line; a longer one, as a progress bar may be, is shown in pieces.
const LINE_MAX: u64 = 2000;
/// Lines that wait to be shown.
const LINES_WAITING: usize = 256;

/// A program and how it is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program<'a> {
    /// The step it belongs to.
    pub step: &'a str,
    pub words: &'a [String],
    pub directory: &'a Path,
    /// The longest it may take.
    pub limit: Duration,
}

/// Runs a program in the environment of this process, with these variables beside its own. It passes with exit code 0; otherwise the error
/// has its last lines.
pub(super) async fn run(
    program: Program<'_>,
    variables: &BTreeMap<String, String>,
    report: &Reporter,
    interrupt: &mut Interrupt,
) -> Result<(), ReleaseError> {
    let Program { step: source, words, directory, limit } = program;
    let shown = words.join(" ");
    let (program, arguments) = words.split_first().ok_or_else(|| failed(source, "names no program", &[]))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{program}` is not installed, or not on the PATH"),
            _ => format!("`{shown}` could not be started: {error}"),
        };
        failed(source, &why, &[])
    })?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let _watch = DeathWatch::over(group);
    let (sender, mut lines) = channel(LINES_WAITING);
    read_lines(child.stdout.take(), sender.clone());
    read_lines(child.stderr.take(), sender);
    let deadline = tokio::time::Instant::now() + limit;
    let mut last: Vec<String> = Vec::new();
    let mut note = |line: String| {
        report.send(Event::Output { source: source.to_owned(), line: line.clone() });
        last.push(line);
        if last.len() > LINES_MAX {
            last.remove(0);
        }
    };
    let ended = loop {
        tokio::select! {
            Some(line) = lines.recv() => note(line),
            ended = child.wait() => break ended,
            () = tokio::time::sleep_until(deadline) => {
                end(group, &mut child).await;
                let why = format!("`{shown}` was not over after {} s (`timeout` of the build)", limit.as_secs());
                return Err(failed(source, &why, &last));
            }
            interrupted = interrupt.sleep(LOOK_INTERVAL) => if interrupted {
                end(group, &mut child).await;
                return Err(ReleaseError::Interrupted { before: format!("{source} was done") });
            }
        }
    };
    if let Some(group) = group {
        // What it left running goes with it; a group that is gone is what was wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    // All it wrote, unless something that got away keeps the pipe open.
    let rest = async {
        while let Some(line) = lines.recv().await {
            note(line);
        }
    };
    let _ = tokio::time::timeout(OUTPUT_LIMIT, rest).await;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(source, &format!("`{shown}` ended with {status}"), &last)),
        Err(error) => Err(failed(source, &format!("`{shown}` cannot be waited for: {error}"), &last)),
    }
}

/// Asks a group of processes to end, and ends it.
async fn end(group: Option<Pid>, child: &mut tokio::process::Child) {
    let Some(group) = group else { return };
    let _ = kill_process_group(group, Signal::TERM);
    let _ = tokio::time::timeout(FAREWELL, child.wait()).await;
    let _ = kill_process_group(group, Signal::KILL);
}

fn read_lines(stream: Option<impl AsyncRead + Send + Unpin + 'static>, lines: Sender<String>) {
    let Some(stream) = stream else { return };
    tokio::spawn(async move {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(length) = (&mut stream).take(LINE_MAX).read_until(b'\n', &mut line).await {
            if length == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if lines.send(text).await.is_err() {
                break;
            }
        }
    });
}

fn failed(source: &str, why: &str, last: &[String]) -> ReleaseError {
    let mut what = format!("{source} failed: {why}");
    for line in last {
        what.push_str("\n  ");
        what.push_str(line);
    }
    ReleaseError::not_possible(what, "mend what it complains of and run the command again; nothing has been deployed")
}
