//! One run of a health check in a container.

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::CheckOrder;
use super::container::copy_output;
use super::line::Requests;
use crate::container_engine::{Client, EngineError, FrameReader, Method};
use crate::process_table;

/// The code of a check that could not be run.
const CODE_NOT_RUN: u8 = 126;

/// How long the end of a killed check is waited for.
const KILL_LIMIT: Duration = Duration::from_secs(2);

const KILL_INTERVAL: Duration = Duration::from_millis(20);

/// How long an engine may take to start a check after it was told to.
const START_LIMIT: Duration = Duration::from_secs(1);

const CODE_INTERVAL: Duration = Duration::from_millis(100);

/// How long an engine may take to know the exit code of a check that has ended.
const CODE_LIMIT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Inspected {
    #[serde(default, rename = "Running")]
    running: bool,
    #[serde(default, rename = "ExitCode")]
    exit_code: Option<i64>,
    #[serde(default, rename = "Pid")]
    process: u32,
    #[serde(default, rename = "ContainerID")]
    container: String,
}

/// Runs the check to its end. When the supervisor gives it up, it is killed.
pub(super) async fn run(order: CheckOrder, mut requests: Requests) -> ExitCode {
    let client = order.place.client();
    let execution = RefCell::new(None);
    let life = async {
        let created = create(&client, &order).await?;
        execution.replace(Some(created.clone()));
        execute(&client, &created).await
    };
    tokio::select! {
        outcome = life => match outcome {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
            Err(error) => not_run(&error),
        },
        _ = requests.next() => {
            let execution = execution.borrow().clone();
            if let Some(execution) = execution {
                kill(&client, &execution).await;
            }
            ExitCode::FAILURE
        }
    }
}

fn not_run(error: &EngineError) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(CODE_NOT_RUN)
}

async fn create(client: &Client, order: &CheckOrder) -> Result<String, EngineError> {
    let request = json!({ "Cmd": order.command, "AttachStdout": true, "AttachStderr": true });
    let path = format!("/containers/{}/exec", order.name);
    let created: Created = client.ask(Method::POST, &path, Some(&request)).await?.json()?;
    Ok(created.id)
}

async fn execute(client: &Client, execution: &str) -> Result<i64, EngineError> {
    let request = json!({ "Detach": false, "Tty": false });
    let output = client.follow(&format!("/exec/{execution}/start"), Some(&request)).await?;
    copy_output(&mut FrameReader::new(output)).await;
    // Its output may end long before it does, and a moment before the engine has heard of its end; how long it may take, the supervisor knows.
    let mut ended_by = None;
    loop {
        let inspected = inspect(client, execution).await?;
        match inspected.exit_code.filter(|_| !inspected.running) {
            Some(code) => return Ok(code),
            None if inspected.running => {}
            None if Instant::now() < *ended_by.get_or_insert_with(|| Instant::now() + CODE_LIMIT) => {}
            None => return Err(EngineError::Garbled("a check without exit code".to_owned())),
        }
        tokio::time::sleep(CODE_INTERVAL).await;
    }
}

async fn inspect(client: &Client, execution: &str) -> Result<Inspected, EngineError> {
    client.get(&format!("/exec/{execution}/json")).await?.json()
}

/// Kills a check's processes. The API has no way to: it is done where they are processes of this machine, and this user may.
async fn kill(client: &Client, execution: &str) {
    let began = Instant::now();
    let mut has_run = false;
    while let Ok(inspected) = inspect(client, execution).await
        && began.elapsed() < KILL_LIMIT
    {
        has_run |= inspected.running;
        // The engine may be about to start it.
        if !inspected.running && (has_run || inspected.exit_code.is_some() || began.elapsed() > START_LIMIT) {
            return;
        }
        let first = process_table::read(inspected.process).filter(|_| is_in(inspected.process, &inspected.container));
        for process in process_table::descendants(inspected.process).iter().chain(&first) {
            if is_in(process.id, &inspected.container) {
                process_table::kill(process);
            }
        }
        tokio::time::sleep(KILL_INTERVAL).await;
    }
}

/// Tells whether a number is that of a process in the container, and not of some other in this machine.
fn is_in(process: u32, container: &str) -> bool {
    let groups = std::fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
    !container.is_empty() && groups.contains(container)
}
