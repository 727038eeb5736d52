//! A runner of functions that keeps what it was asked and answers when the test says so.

use std::sync::Mutex;

use seatrial_ports::HookInvoker;
use seatrial_ports::hooks::{HookInvocation, HookOutcome, HookReport};
use serde_json::Value;

use super::{CurrentInbox, lock};

pub struct FakeHooks {
    invoked: Mutex<Vec<HookInvocation>>,
    inbox: CurrentInbox,
}

impl FakeHooks {
    pub fn new(inbox: CurrentInbox) -> Self {
        FakeHooks { invoked: Mutex::default(), inbox }
    }

    pub fn invoked(&self) -> Vec<HookInvocation> {
        lock(&self.invoked).clone()
    }

    /// Answers an invocation.
    pub fn answer(&self, invocation: &HookInvocation, answer: Value) {
        let HookInvocation { hook_id, attempt, .. } = invocation.clone();
        lock(&self.inbox).hook(HookReport { hook_id, attempt, outcome: HookOutcome::Answered(answer) });
    }
}

impl HookInvoker for FakeHooks {
    fn invoke(&self, invocation: HookInvocation) {
        lock(&self.invoked).push(invocation);
    }
}
