//! Stands for one container: starts it, passes on what it writes, waits for its end, and removes it.

use std::cell::Cell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use seatrial_ports::runtime::EndCause;
use serde::Deserialize;

use super::line::{Requests, Voice};
use super::{ContainerNews, ContainerOrder, Request};
use crate::container_engine::{Client, EngineError, FrameReader, Method, remove_container};
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

/// The code of what was killed.
const CODE_KILLED: i32 = 137;

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
    let shim = ContainerShim { client: order.place.client(), order, is_stopping: Cell::new(false) };
    let news = {
        let life = shim.live(&mut voice);
        tokio::pin!(life);
        loop {
            tokio::select! {
                news = &mut life => break Some(news),
                request = requests.next() => match request {
                    Some(Request::Stop) => shim.stop().await,
                    Some(Request::Kill) => shim.kill("SIGKILL").await,
                    Some(Request::Remove(_)) => {}
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
    is_stopping: Cell<bool>,
}

impl ContainerShim {
    async fn live(&self, voice: &mut Voice) -> ContainerNews {
        let output = match self.start().await {
            Ok(output) => output,
            Err(refusal) => return ContainerNews::Refused(refusal),
        };
        voice.say(&ContainerNews::Started).await;
        if self.is_stopping.get() {
            self.kill("SIGKILL").await;
        }
        self.wait(output).await
    }

    async fn start(&self) -> Result<FrameReader, Refusal> {
        let name = &self.order.name;
        // That of a former run of a container that is started again, if its shim did not come to it.
        remove_container(&self.client, name).await.map_err(Refusal::passing)?;
        let create = format!("/containers/create?name={name}");
        let created = self.client.ask(Method::POST, &create, Some(&self.order.creation)).await;
        created.map_err(|error| cannot_create(&error))?;
        // Podman prepares the container when its output is asked for.
        let output = self.attach().await.map_err(|error| cannot_start(&error))?;
        if self.is_stopping.get() {
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
            {
                return ended(&self.with_cause(inspected.state).await);
            }
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
            && !self.is_stopping.get()
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
        let mut said = false;
        while let Some(frame) = body.frame().await {
            said |= frame?.is_data();
        }
        if said { Ok(()) } else { Err(EngineError::Garbled("nothing about the end of a container".to_owned())) }
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

    async fn stop(&self) {
        let inspected = self.inspect().await;
        let signal = inspected.ok().and_then(|inspected| inspected.config.stop_signal);
        let signal =
            signal.filter(|signal| !signal.is_empty() && signal.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        self.kill(signal.as_deref().unwrap_or("SIGTERM")).await;
    }

    /// Sends a signal. A container that does not run needs none.
    async fn kill(&self, signal: &str) {
        self.is_stopping.set(true);
        let path = format!("/containers/{}/kill?signal={signal}", self.order.name);
        if let Err(error) = self.client.ask(Method::POST, &path, None).await
            && !error.is_refusal()
        {
            eprintln!("could not signal {}: {error}", self.order.name);
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
        Some(400..=499) => EndCause::CannotStart,
        Some(_) | None => EndCause::FailedToStart,
    };
    Refusal { cause, reason: format!("CannotCreateContainerError: {error}") }
}

/// What an engine says of a program that cannot be run, whatever status it says it with.
const NO_PROGRAM: [&str; 4] =
    ["executable file not found", "no such file or directory", "permission denied", "exec format error"];

fn cannot_start(error: &EngineError) -> Refusal {
    let words = error.to_string();
    let is_final = error.status() == Some(400) || NO_PROGRAM.iter().any(|said| words.to_lowercase().contains(said));
    if error.is_refusal() && is_final { Refusal::permanent(words) } else { Refusal::passing(words) }
}
