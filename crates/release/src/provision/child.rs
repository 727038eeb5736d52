//! A program that makes infrastructure, run so that its end is never cut short.
//!
//! Such a program writes down what it has made when it ends, so nothing here kills it: it is in a process group of its own, where a Ctrl-C
//! at the terminal does not reach it twice, and its output goes to files, so that it goes on to its end even if this process dies. Whoever
//! wants it to stop asks it to (SIGINT), and waits.
//!
//! It is also in a session of its own, without a terminal: whatever it starts that asks for a passphrase there (ssh, git) fails at once,
//! where it would otherwise be stopped until somebody notices. That takes `setsid`, which comes with every Linux.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::Workshop;
use super::scratch::Scratch;
use crate::aws::Surrounding;
use crate::error::ReleaseError;

/// How often its output is looked at: fast enough for a person to follow.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// How long a program that was asked to stop is waited for: it first ends what it has begun, and a database takes its time.
const STOP_MAX: Duration = Duration::from_secs(30 * 60);

/// How much of a document is read; a plan of thousands of resources has some megabytes.
const DOCUMENT_MAX: u64 = 256 * 1024 * 1024;

/// The longest line that is looked at; a longer one is passed over.
const LINE_MAX: usize = 4 * 1024 * 1024;

/// How much is told of what a program complains of.
const COMPLAINT_MAX: usize = 2_000;

/// How long a program may take, and what it is then said to have done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub what: &'static str,
    pub limit: Duration,
}

/// A program with its surroundings.
#[derive(Clone)]
pub(super) struct Program<'a> {
    pub workshop: &'a Workshop<'a>,
    pub program: OsString,
    pub directory: PathBuf,
    pub environment: Vec<Surrounding>,
    /// For its output and whatever it is given.
    pub scratch: Arc<Scratch>,
}

/// How a program ended.
pub(super) struct Ended {
    /// None if a signal ended it.
    pub code: Option<i32>,
    output: PathBuf,
    complaint: PathBuf,
}

impl Ended {
    /// All that it wrote to its standard output.
    pub fn document(&self) -> Result<Vec<u8>, ReleaseError> {
        read(&self.output, DOCUMENT_MAX)
    }

    /// What it complained of.
    pub fn complaint(&self) -> String {
        let text = read(&self.complaint, DOCUMENT_MAX).unwrap_or_default();
        shortened(&String::from_utf8_lossy(&text))
    }
}

/// A text on one line, of a length that can be read.
pub(super) fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().filter(|word| word.chars().any(|c| !"╷│╵".contains(c))).collect();
    words.join(" ").chars().take(COMPLAINT_MAX).collect()
}

impl Program<'_> {
    /// Runs it; `hear` gets every line of its standard output as it comes.
    pub async fn run<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        input: Option<&Path>,
        limit: Limit,
        hear: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Ended, ReleaseError> {
        let (output, complaint) = (self.scratch.file("output"), self.scratch.file("complaint"));
        let create = |path: &Path| File::create(path).map_err(|error| failed("write a file", &error));
        let stdin = match input {
            Some(path) => File::open(path).map_err(|error| failed("read a file", &error))?.into(),
            None => Stdio::null(),
        };
        let mut command = self.command();
        command
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(stdin)
            .stdout(create(&output)?)
            .stderr(create(&complaint)?);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(&**name, value),
                None => command.env_remove(&**name),
            };
        }
        let mut child = command.spawn().map_err(|error| {
            let name = Path::new(&self.program).display();
            ReleaseError::not_possible(format!("{name} could not be started: {error}"), "check that it is installed")
        })?;
        let mut lines =
            Lines { file: File::open(&output).map_err(|error| failed("read a file", &error))?, rest: Vec::new() };
        let status = self.wait(&mut child, limit, &mut |last| lines.hear(last, hear)).await?;
        Ok(Ended { code: status.code(), output, complaint })
    }

    /// The program without its arguments, away from the terminal.
    fn command(&self) -> Command {
        let path = Path::new(&self.program);
        let is_there = match path.components().count() {
            1 => self.program.to_str().is_some_and(|name| find(name).is_some()),
            _ => path.is_file(),
        };
        match find("setsid").filter(|_| is_there) {
            // It becomes the program, since nothing here has made it the leader of a group.
            Some(setsid) => {
                let mut command = Command::new(setsid);
                command.arg(&self.program);
                command
            }
            None => {
                let mut command = Command::new(&self.program);
                command.process_group(0);
                command
            }
        }
    }

    async fn wait(
        &self,
        child: &mut Child,
        limit: Limit,
        look: &mut (dyn FnMut(Last) + Send),
    ) -> Result<std::process::ExitStatus, ReleaseError> {
        let mut interrupt = self.workshop.interrupt.clone();
        let mut deadline = Instant::now() + limit.limit;
        let mut stopping: Option<ReleaseError> = None;
        loop {
            tokio::select! {
                ended = child.wait() => {
                    look(Last::Yes);
                    let status = ended.map_err(|error| failed("wait for a program", &error))?;
                    return match stopping {
                        // What was asked to stop may have come to its end all the same.
                        Some(_) if status.success() => Ok(status),
                        Some(error) => Err(error),
                        None => Ok(status),
                    };
                }
                () = interrupt.raised(), if stopping.is_none() => {
                    stop(child);
                    deadline = Instant::now() + STOP_MAX;
                    let before = format!("{} was over; what had been done until then is written down", limit.what);
                    stopping = Some(ReleaseError::Interrupted { before });
                }
                () = sleep(LOOK_INTERVAL) => look(Last::No),
            }
            if Instant::now() < deadline {
                continue;
            }
            match stopping {
                None => {
                    stop(child);
                    deadline = Instant::now() + STOP_MAX;
                    stopping = Some(ReleaseError::TookTooLong { what: limit.what.to_owned(), limit: limit.limit });
                }
                Some(_) => {
                    let process = child.id().map(|id| format!(" (process {id})")).unwrap_or_default();
                    let what = format!("{}{process} was asked to stop and has not ended", limit.what);
                    return Err(ReleaseError::not_possible(
                        what,
                        "look at that process; it is left alone, since killing it loses what it has made",
                    ));
                }
            }
        }
    }
}

/// Asks a program to end what it has begun and then itself.
fn stop(child: &Child) {
    let process = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(process) = process {
        // One that has ended meanwhile is what was wanted.
        let _ = kill_process(process, Signal::INT);
    }
}

/// Whether nothing comes after this look.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Yes,
    No,
}

/// The lines of a file that grows.
struct Lines {
    file: File,
    rest: Vec<u8>,
}

impl Lines {
    fn hear(&mut self, last: Last, hear: &mut (dyn FnMut(&str) + Send)) {
        // What cannot be read is not heard; how the program ended is known otherwise.
        let _ = self.file.read_to_end(&mut self.rest);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            hear(String::from_utf8_lossy(&line).trim_end());
        }
        if last == Last::Yes && !self.rest.is_empty() {
            hear(&String::from_utf8_lossy(&std::mem::take(&mut self.rest)));
        }
        if self.rest.len() > LINE_MAX {
            self.rest.clear();
        }
    }
}

/// Finds a program by its name.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Reads a file up to a length.
pub(super) fn read(path: &Path, length_max: u64) -> Result<Vec<u8>, ReleaseError> {
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error.to_string()))?;
    file.take(length_max + 1).read_to_end(&mut content).map_err(|error| unreadable(path, &error.to_string()))?;
    if content.len() as u64 > length_max {
        return Err(unreadable(path, &format!("it has more than {length_max} bytes")));
    }
    Ok(content)
}

fn unreadable(path: &Path, why: &str) -> ReleaseError {
    ReleaseError::not_possible(
        format!("{} cannot be read: {why}", path.display()),
        "check that the file is there and readable",
    )
}

fn failed(doing: &str, error: &std::io::Error) -> ReleaseError {
    let advice = "check that the directory for temporary files (TMPDIR) can be written to";
    ReleaseError::not_possible(format!("cannot {doing}: {error}"), advice)
}

#[cfg(test)]
mod tests {
    use super::super::InfraPlan;
    use super::*;
    use crate::aws::{Connection, Endpoint};
    use crate::interrupt::interrupt;
    use crate::report::Reporter;

    const LIMIT: Limit = Limit { what: "a script", limit: Duration::from_secs(20) };

    /// Runs a script of the shell; asks it to stop at its first line.
    async fn told(program: &str, script: &str) -> Result<(Option<i32>, String), String> {
        let connection = Connection::to_endpoint(&Endpoint {
            url: "http://127.0.0.1:1".into(),
            region: "eu-central-1".into(),
            access_key_id: "AKIA".into(),
            secret_access_key: "hush".into(),
        });
        let (interrupter, interrupt) = interrupt();
        let report = Reporter::silent();
        let workshop = Workshop::new(&connection, &InfraPlan::None, &report, interrupt);
        let scratch = Arc::new(Scratch::new().expect("a directory"));
        let directory = std::env::temp_dir();
        let program =
            Program { workshop: &workshop, program: program.into(), directory, environment: Vec::new(), scratch };
        let mut hear = |line: &str| {
            if line == "ready" {
                interrupter.interrupt();
            }
        };
        let ended = program.run(&["-c", script], None, LIMIT, &mut hear).await.map_err(|error| error.to_string())?;
        Ok((ended.code, String::from_utf8_lossy(&ended.document().expect("readable")).trim().to_owned()))
    }

    #[tokio::test]
    async fn a_program_has_no_terminal_to_ask_at() {
        let session =
            "read -r id name state parent group session rest </proc/$$/stat; echo $((id - session)) $((id - group))";
        assert_eq!(told("sh", session).await, Ok((Some(0), "0 0".into())));
        let (code, _) = told("sh", "cat </dev/tty").await.expect("it ends");
        assert_ne!(code, Some(0));
    }

    #[tokio::test]
    async fn a_program_that_is_asked_to_stop_ends_what_it_has_begun() {
        let script = "trap 'echo stopped; exit 0' INT; echo ready; while :; do sleep 0.1; done";
        assert_eq!(told("sh", script).await, Ok((Some(0), "ready\nstopped".into())));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_told() {
        for name in ["no-such-program", "/no/such/program"] {
            let told = told(name, "").await.expect_err("it is not there");
            assert!(told.contains("could not be started"), "{told}");
        }
    }
}
