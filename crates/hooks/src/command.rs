//! Runs a command as a function: the request on its standard input, its answer on its standard output.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::answer;
use crate::error::InvokeError;
use crate::function_map::CommandLine;
use crate::function_name::FunctionName;
use crate::output::{Tail, TooLong, read_answer};
use crate::process_group::{ProcessGroup, ProcessGroups};

/// By this variable a command knows as which function it runs, as in Lambda.
const FUNCTION_NAME_VARIABLE: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// How long output is still read after the command has ended and its group is killed. Only a process that left the group can keep
/// the pipes open.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs the command to its end and returns its answer. When the future is dropped, or the time is over, the command and all it started
/// are killed.
pub(crate) async fn run(
    line: &CommandLine,
    name: &FunctionName,
    request: &[u8],
    limit: Duration,
    groups: &ProcessGroups,
) -> Result<Value, InvokeError> {
    let start_error = |source| InvokeError::Start { program: line.program.clone(), source };
    let mut child = Command::new(&line.program)
        .args(&line.arguments)
        .current_dir(&line.directory)
        .env(FUNCTION_NAME_VARIABLE, name.as_str())
        .envs(&line.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(start_error)?;
    let leader = child.id().and_then(|id| Pid::from_raw(id as i32)).expect("a child nobody waited for has an id");
    // Declared after the child, so that it is dropped before it: the leader is reaped last.
    let group = groups.add(leader);
    let mut said = Said::default();
    let ended = timeout(limit, follow(&mut child, &group, request, &mut said)).await;
    drop(group);
    let Said { printed, standard_error } = said;
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(Interrupted::TooLong)) => return Err(InvokeError::TooLong),
        Ok(Err(Interrupted::Lost(error))) => return Err(InvokeError::Lost(error)),
        Err(_) => return Err(InvokeError::Killed { limit, standard_error }),
    }
    let status: ExitStatus = child.wait().await.map_err(InvokeError::Lost)?;
    if !status.success() {
        return Err(InvokeError::Ended { status, standard_error });
    }
    tracing::debug!(function = %name, %standard_error, "a hook's command ended");
    answer::parse(&printed).map_err(|source| InvokeError::NotJson {
        printed: Tail::from(printed.as_slice()),
        standard_error,
        source,
    })
}

/// What a command wrote.
#[derive(Default)]
struct Said {
    printed: Vec<u8>,
    standard_error: Tail,
}

/// Why a command is not followed to its end.
enum Interrupted {
    TooLong,
    Lost(io::Error),
}

impl From<TooLong> for Interrupted {
    fn from(TooLong: TooLong) -> Self {
        Interrupted::TooLong
    }
}

/// Serves the command's pipes until it has ended, and then reads what is left in them. Leaves it unreaped.
async fn follow(child: &mut Child, group: &ProcessGroup, request: &[u8], said: &mut Said) -> Result<(), Interrupted> {
    const PIPED: &str = "the command was started with pipes, and they are taken once";
    let (stdin, stdout, stderr) =
        (child.stdin.take().expect(PIPED), child.stdout.take().expect(PIPED), child.stderr.take().expect(PIPED));
    let mut pipes = pin!(async {
        let others = async {
            tokio::join!(write(stdin, request), said.standard_error.read(stderr));
            Ok(())
        };
        tokio::try_join!(read_answer(stdout, &mut said.printed), others).map(|_| ())
    });
    let mut ended = pin!(has_ended(group.leader()));
    tokio::select! {
        result = &mut pipes => {
            result?;
            // The pipes are closed; the command itself may go on for a while.
            ended.await.map_err(Interrupted::Lost)
        }
        result = &mut ended => {
            result.map_err(Interrupted::Lost)?;
            group.kill();
            match timeout(DRAIN_TIMEOUT, pipes).await {
                Ok(result) => Ok(result?),
                Err(_) => Ok(()),
            }
        }
    }
}

/// Writes the request. A command that does not read it does not need it.
async fn write(mut stdin: ChildStdin, request: &[u8]) {
    let _ = stdin.write_all(request).await;
}

/// Waits until a child has ended, without reaping it: until then its number, and so that of its group, is its own. Waits on a thread,
/// which ends with the child at the latest.
async fn has_ended(child: Pid) -> io::Result<()> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let waited = spawn_blocking(move || retry_on_intr(|| waitid(WaitId::Pid(child), options)));
    waited.await.map_err(io::Error::other)??;
    Ok(())
}
