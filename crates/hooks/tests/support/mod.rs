//! An invoker over a file of functions in a directory of its own, and the reports it makes.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use seatrial_hooks::LocalFunctions;
use seatrial_ports::hooks::{HookInvocation, HookInvoker, HookOutcome, HookReport};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// No report and no condition takes longer in any test.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Hooks {
    pub invoker: LocalFunctions,
    reports: UnboundedReceiver<HookReport>,
    directory: TempDir,
}

impl Hooks {
    /// Starts with a file of functions; must be called in a runtime.
    pub fn new(functions: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let (sender, reports) = unbounded_channel();
        // A test that ends has dropped the reader.
        let report = Arc::new(move |report| drop(sender.send(report)));
        let invoker = LocalFunctions::new(directory.path().join("functions.yml"), Handle::current(), report);
        let hooks = Hooks { invoker, reports, directory };
        hooks.define(functions);
        hooks
    }

    /// One command that runs a script in `sh`.
    pub fn script(script: &str) -> Self {
        Hooks::script_with(script, "15m")
    }

    pub fn script_with(script: &str, timeout: &str) -> Self {
        let entry = json!({"command": ["sh", "-c", script], "timeout": timeout});
        Hooks::new(&json!({"functions": {"check": entry}}).to_string())
    }

    pub fn define(&self, functions: &str) {
        std::fs::write(self.path("functions.yml"), functions).expect("a file");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn invoke(&self, attempt: u32, function: &str, payload: Value) {
        let function = function.to_owned();
        self.invoker.invoke(HookInvocation { hook_id: "hook".to_owned(), attempt, function, payload });
    }

    pub async fn report(&mut self) -> HookReport {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await.expect("a report in time");
        report.expect("the invoker is there")
    }

    /// Drops the invoker and returns what it still reports.
    pub fn drop_invoker(self) -> UnboundedReceiver<HookReport> {
        drop(self.invoker);
        self.reports
    }

    /// Returns a report that is there already.
    pub fn further_report(&mut self) -> Option<HookReport> {
        self.reports.try_recv().ok()
    }

    /// Invokes `check` and waits for what comes of it.
    pub async fn outcome(&mut self, payload: Value) -> HookOutcome {
        self.invoke(1, "check", payload);
        self.report().await.outcome
    }

    pub async fn answer(&mut self, payload: Value) -> Value {
        match self.outcome(payload).await {
            HookOutcome::Answered(answer) => answer,
            HookOutcome::Failed(text) => panic!("{text}"),
        }
    }

    pub async fn failure(&mut self) -> String {
        match self.outcome(json!({})).await {
            HookOutcome::Answered(answer) => panic!("{answer}"),
            HookOutcome::Failed(text) => text,
        }
    }
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reads the process ids a script wrote, one a line.
pub fn process_ids(file: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// Tells whether a process is there and not just waiting to be reaped.
pub fn is_running(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next())
        .is_some_and(|state| state != 'Z' && state != 'X')
}
