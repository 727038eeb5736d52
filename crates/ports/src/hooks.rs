//! Invoking lifecycle hooks' functions: what the engine asks for and what it is told back.

use std::sync::Arc;

use serde_json::Value;

/// One invocation of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookInvocation {
    pub hook_id: String,
    /// Counts from 1 within the hook.
    pub attempt: u32,
    /// The function's ARN or name.
    pub function: String,
    pub payload: Value,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookReport {
    pub hook_id: String,
    pub attempt: u32,
    pub outcome: HookOutcome,
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOutcome {
    Answered(Value),
    /// It could not be invoked, ended badly, took too long or printed no JSON; the text says which and what to do.
    Failed(String),
}

/// Where reports go. Called from the invoker's own tasks; must not block.
pub type HookReports = Arc<dyn Fn(HookReport) + Send + Sync>;

/// Whatever runs functions, as the engine sees it.
pub trait HookInvoker: Send + Sync {
    /// Starts an invocation; returns at once. The same one asked for again while it runs is not run twice.
    fn invoke(&self, invocation: HookInvocation);
}
