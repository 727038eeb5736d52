//! Stands for one container: starts it, passes on what it writes, waits for its end, and removes it.

use std::cell::Cell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use seatrial_ports::runtime::EndCause;
use serde::Deserialize;
use tokio::sync::Notify;

use super::line::{Requests, Voice};
use super::{ContainerNews, ContainerOrder, Request};
use crate::container_engine::{Client, EngineError, FrameReader, Method, escaped, remove_container};
use crate::supervisor::{REASON_OUT_OF_MEMORY, Refusal};

mod output;

pub(super) use output::copy as copy_output;

/// How long the rest of what a container wrote may take to come after its end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// How long an engine that went away may take to come back, as it does when it is updated.
const ABSENCE_LIMIT: Duration = Duration::from_secs(15);

const ABSENCE_INTERVAL: Duration = Duration::from_millis(250);

/// How long an engine may take to learn why a container was killed.
const CAUSE_LIMIT: Duration = Duration::from_secs(1);

const CAUSE_INTERVAL: Duration = Duration::from_millis(50);

/// How long the removal of a container is tried again.
const REMOVAL_LIMIT: Duration = Duration::from_secs(8);

/// How long a signal may take to be sent.
const SIGNAL_LIMIT: Duration = Duration::from_secs(10);

/// The pause between two tries to end a container.
const KILL_INTERVAL: Duration = Duration::from_secs(1);

/// How often a container is killed before it is removed by force.
const KILLS_MAX: u32 = 10;

/// The longest answer about the end of a container.
const VERDICT_BYTES_MAX: usize = 64 * 1024;

/// The code of what was killed.
const CODE_KILLED: i32 = 137;

/// What an engine says at the end of a container.
#[derive(Deserialize)]
struct Verdict {
    #[serde(default, rename = "Error")]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    state: State,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    exit_code: i32,
    #[serde(default, rename = "OOMKilled")]
    out_of_memory: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    stop_signal: Option<String>,
}

/// Runs the container to its end, or to that of its supervisor.
pub(super) async fn run(order: ContainerOrder, mut requests: Requests, mut voice: Voice) -> ExitCode {
    let client = order.place.client();
    let shim =
        ContainerShim { client, order, ending: Cell::new(None), is_started: Cell::new(false), asked: Notify::new() };
    let news = {
        let (life, obedience) = (shim.live(&mut voice), shim.obey());
        tokio::pin!(life, obedience);
        loop {
            tokio::select! {
                news = &mut life => break Some(news),
                () = &mut obedience => {}
                request = requests.next() => match request {
                    Some(Request::Stop) => shim.end(Ending::Stop),
                    Some(Request::Kill) => shim.end(Ending::Kill),
                    Some(Request::Remove { .. }) => {}
                    None => break None,
                },
            }
        }
    };
    let is_lost =
        matches!(&news, Some(ContainerNews::Ended { refusal: Some(refusal), .. }) if refusal.cause == EndCause::Lost);
    // An engine that has been waited for is not waited for once more.
    shim.remove(if is_lost { Duration::ZERO } else { REMOVAL_LIMIT }).await;
    let Some(news) = news else { return ExitCode::FAILURE };
    let code = match &news {
        ContainerNews::Ended { code, .. } => u8::try_from(*code).unwrap_or(u8::MAX),
        ContainerNews::Started | ContainerNews::Refused(_) => 1,
    };
    voice.say(&news).await;
    ExitCode::from(code)
}

struct ContainerShim {
    client: Client,
    order: ContainerOrder,
    /// It has been asked to end, perhaps before it ran.
    ending: Cell<Option<Ending>>,
    is_started: Cell<bool>,
    /// There is something new to do about its end.
    asked: Notify,
}

/// How a container is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Stop,
    Kill,
}

impl ContainerShim {
    async fn live(&self, voice: &mut Voice) -> ContainerNews {
        let output = match self.start().await {
            Ok(output) => output,
            Err(refusal) => return ContainerNews::Refused(refusal),
        };
        voice.say(&ContainerNews::Started).await;
        self.is_started.set(true);
        if self.ending.get().is_some() {
            self.end(Ending::Kill);
        }
        self.wait(output).await
    }

    /// Asks the container to end; what is asked for is never taken back.
    fn end(&self, ending: Ending) {
        self.ending.set(self.ending.get().max(Some(ending)));
        self.asked.notify_one();
    }

    /// Sends what is asked for, again and again where it does not arrive, and to be killed until the container has ended: an engine may be
    /// away, or refuse for a while.
    async fn obey(&self) {
        let mut obeyed = None;
        let mut kills = 0;
        loop {
            let wanted = self.ending.get().filter(|_| self.is_started.get());
            match wanted {
                Some(Ending::Stop) if obeyed.is_none() => {
                    if self.stop().await {
                        obeyed = Some(Ending::Stop);
                    }
                }
                Some(Ending::Kill) => {
                    kills += 1;
                    if kills <= KILLS_MAX {
                        self.kill("SIGKILL").await;
                    } else {
                        // What an engine cannot kill, it may yet remove.
                        let _ = remove_container(&self.client, &self.order.name).await;
                    }
                    obeyed = Some(Ending::Kill);
                }
                Some(Ending::Stop) | None => {}
            }
            let is_done = wanted == obeyed && wanted != Some(Ending::Kill);
            let again = if is_done { Duration::MAX } else { KILL_INTERVAL };
            let _ = tokio::time::timeout(again, self.asked.notified()).await;
        }
    }

    async fn start(&self) -> Result<FrameReader, Refusal> {
        let name = &self.order.name;
        let create = format!("/containers/create?name={name}");
        let deadline = Instant::now() + REMOVAL_LIMIT;
        loop {
            // That of a former run of a container that is started again, if its shim did not come to it.
            remove_container(&self.client, name).await.map_err(Refusal::passing)?;
            match self.client.ask(Method::POST, &create, Some(&self.order.creation)).await {
                Ok(_) => break,
                // It is being removed still.
                Err(error) if error.status() == Some(409) && Instant::now() < deadline => {
                    tokio::time::sleep(ABSENCE_INTERVAL).await;
                }
                Err(error) => return Err(cannot_create(&error)),
            }
        }
        // Podman prepares the container when its output is asked for.
        let output = self.attach().await.map_err(|error| cannot_start(&error))?;
        if self.ending.get().is_some() {
            return Err(Refusal::passing("the task stopped before the container was started"));
        }
        let started = self.client.ask(Method::POST, &format!("/containers/{name}/start"), None).await;
        started.map_err(|error| cannot_start(&error))?;
        Ok(output)
    }

    async fn attach(&self) -> Result<FrameReader, EngineError> {
        let path = format!("/containers/{}/attach?stream=1&stdout=1&stderr=1", self.order.name);
        self.client.follow(&path, None).await.map(FrameReader::new)
    }

    async fn wait(&self, mut output: FrameReader) -> ContainerNews {
        loop {
            let waited = {
                let end = self.until_end();
                let copy = output::copy(&mut output);
                tokio::pin!(end, copy);
                tokio::select! {
                    ended = &mut end => {
                        // What it wrote last may still be on its way.
                        let _ = tokio::time::timeout(DRAIN_LIMIT, &mut copy).await;
                        ended
                    }
                    () = &mut copy => end.await,
                }
            };
            if waited.is_ok()
                && let Ok(inspected) = self.inspect().await
                && !inspected.state.running
            {
                return ended(&self.with_cause(inspected.state).await);
            }
            // Whatever is wrong is not over at once.
            tokio::time::sleep(ABSENCE_INTERVAL).await;
            match self.outlast_absence().await {
                // It is as it was; what it wrote meanwhile is lost.
                Some(state) if state.running => match self.attach().await {
                    Ok(again) => output = again,
                    Err(error) => return lost(&error.to_string()),
                },
                Some(state) => return ended(&state),
                None => return lost(&format!("it did not answer for {} s", ABSENCE_LIMIT.as_secs())),
            }
        }
    }

    /// Waits until the engine has heard why a container was killed: the kernel tells it of the end and of the memory in two ways.
    async fn with_cause(&self, mut state: State) -> State {
        let deadline = Instant::now() + CAUSE_LIMIT;
        while state.exit_code == CODE_KILLED
            && !state.out_of_memory
            && self.ending.get().is_none()
            && Instant::now() < deadline
        {
            tokio::time::sleep(CAUSE_INTERVAL).await;
            match self.inspect().await {
                Ok(inspected) => state = inspected.state,
                Err(_) => break,
            }
        }
        state
    }

    async fn until_end(&self) -> Result<(), EngineError> {
        let path = format!("/containers/{}/wait", self.order.name);
        let mut body = self.client.follow(&path, None).await?;
        let mut said = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                said.extend_from_slice(&data);
            }
            if said.len() > VERDICT_BYTES_MAX {
                break;
            }
        }
        // What could not be waited for is told with the status of success.
        let verdict: Option<Verdict> = serde_json::from_slice(&said).ok();
        match verdict {
            Some(Verdict { error: None }) => Ok(()),
            Some(Verdict { error: Some(_) }) | None => {
                Err(EngineError::Garbled("nothing about the end of a container".to_owned()))
            }
        }
    }

    /// Waits for an engine that went away; none when it stays away, or has the container no more.
    async fn outlast_absence(&self) -> Option<State> {
        let deadline = Instant::now() + ABSENCE_LIMIT;
        loop {
            match self.inspect().await {
                Ok(inspected) => return Some(inspected.state),
                Err(error) if error.status() == Some(404) || Instant::now() >= deadline => return None,
                Err(_) => tokio::time::sleep(ABSENCE_INTERVAL).await,
            }
        }
    }

    async fn inspect(&self) -> Result<Inspected, EngineError> {
        self.client.get(&format!("/containers/{}/json", self.order.name)).await?.json()
    }

    /// Sends the signal that asks the container to end; tells whether it has arrived.
    async fn stop(&self) -> bool {
        let Ok(inspected) = self.inspect().await else { return false };
        // Such as SIGRTMIN+3.
        let is_signal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
        let signal = inspected.config.stop_signal.filter(|signal| !signal.is_empty() && signal.bytes().all(is_signal));
        self.kill(signal.as_deref().unwrap_or("SIGTERM")).await
    }

    /// Sends a signal; tells whether it has arrived. A container that does not run needs none.
    async fn kill(&self, signal: &str) -> bool {
        let path = format!("/containers/{}/kill?signal={}", self.order.name, escaped(signal));
        match self.client.within(SIGNAL_LIMIT).ask(Method::POST, &path, None).await {
            Ok(_) => true,
            Err(error) if matches!(error.status(), Some(404 | 409)) => true,
            Err(error) => {
                eprintln!("could not signal {}: {error}", self.order.name);
                false
            }
        }
    }

    async fn remove(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while let Err(error) = remove_container(&self.client, &self.order.name).await {
            if Instant::now() >= deadline {
                eprintln!("{} was left behind: {error}", self.order.name);
                return;
            }
            tokio::time::sleep(ABSENCE_INTERVAL).await;
        }
    }
}

fn ended(state: &State) -> ContainerNews {
    let reason = state.out_of_memory.then(|| REASON_OUT_OF_MEMORY.to_owned());
    ContainerNews::Ended { code: state.exit_code, reason, refusal: None }
}

fn lost(why: &str) -> ContainerNews {
    let reason = format!("Task lost: the container engine is gone: {why}");
    let refusal = Refusal { cause: EndCause::Lost, reason: reason.clone() };
    ContainerNews::Ended { code: CODE_KILLED, reason: Some(reason), refusal: Some(refusal) }
}

fn cannot_create(error: &EngineError) -> Refusal {
    let cause = match error.status() {
        // What is missing (an image that somebody has just removed) or in the way (a name) may not be a moment later.
        Some(400) => EndCause::CannotStart,
        Some(_) | None => EndCause::FailedToStart,
    };
    Refusal { cause, reason: format!("CannotCreateContainerError: {error}") }
}

/// What an engine says of a program that cannot be run, whatever status it says it with.
const NO_PROGRAM: [&str; 4] =
    ["executable file not found", "no such file or directory", "permission denied", "exec format error"];

fn cannot_start(error: &EngineError) -> Refusal {
    let words = error.to_string();
    let said = words.to_lowercase();
    // Control groups and mounts are missing or forbidden in the same words, and only for a while.
    let is_about_program = said.contains("exec") && NO_PROGRAM.iter().any(|words| said.contains(words));
    let is_final = error.status() == Some(400) || is_about_program;
    if error.is_refusal() && is_final { Refusal::permanent(words) } else { Refusal::passing(words) }
}
