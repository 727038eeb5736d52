//! Invoking lifecycle hooks: the functions a deployment asks whether to go on, and what they answer.
//!
//! The engine decides when a hook is invoked, and how often; an invoker only carries one invocation out. Times here are the real
//! ones: a function takes as long as it takes, whatever the engine's time scale.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One invocation of a hook's function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookInvocation {
    pub hook_id: String,
    /// Distinguishes the invocations of one hook: one that answered `IN_PROGRESS` is invoked again.
    pub attempt: u32,
    /// The ARN of a Lambda function, or its name.
    pub function: String,
    /// The request, in Lambda's JSON.
    pub payload: Value,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReport {
    pub hook_id: String,
    pub attempt: u32,
    pub outcome: HookOutcome,
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookOutcome {
    /// The function's answer: any JSON value, not yet read as a hook's.
    Answered(Value),
    /// There is no answer: the function could not be invoked, ended badly, took too long, or answered with something that is not
    /// JSON. The text says which, and what to do.
    Failed(String),
}

/// Where reports go. Called from the invoker's own tasks; must not block.
pub type HookReports = Arc<dyn Fn(HookReport) + Send + Sync>;

/// Invokes functions.
pub trait HookInvoker: Send + Sync {
    /// Invokes a function and returns at once; exactly one report follows, unless the invoker is dropped first. An invocation with the
    /// same hook and attempt as one that is still running is the same one: it is not run a second time.
    fn invoke(&self, invocation: HookInvocation);
}
