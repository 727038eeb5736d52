//! Owns the running invocations: each once, so many at a time, none longer than the invoker itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seatrial_ports::hooks::{HookInvocation, HookInvoker, HookOutcome, HookReport, HookReports};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, spawn_blocking};

use crate::error::InvokeError;
use crate::function_map::{self, Means};
use crate::function_name::FunctionName;
use crate::process_group::ProcessGroups;
use crate::{address, command};

/// How many functions run at once; further invocations wait, in order. A service has at most ten hooks of this kind, which run in parallel.
const RUNNING_MAX: usize = 32;

/// How many invocations run or wait; those beyond fail. Each keeps its request in memory.
const ACCEPTED_MAX: usize = 512;

/// Carries out hooks with the commands and addresses of a file.
///
/// Dropped, it kills the commands that are running, and nothing is reported any more. An engine that is itself killed leaves them
/// running to their end; a hook it invokes again after its restart then runs a second time, as Lambda's may.
pub struct LocalFunctions {
    runtime: Handle,
    shared: Arc<Shared>,
}

struct Shared {
    /// The file of functions.
    file: PathBuf,
    reports: HookReports,
    accepted: Mutex<BTreeMap<Invocation, AbortHandle>>,
    slots: Semaphore,
    groups: ProcessGroups,
}

/// What makes an invocation the same as another: the hook and the attempt.
type Invocation = (String, u32);

impl LocalFunctions {
    /// Makes an invoker. `file` says what stands for which function; it is read at each invocation and need not be there before.
    /// Everything runs, and reports are made, on `runtime`, whose I/O and time have to be enabled.
    pub fn new(file: PathBuf, runtime: Handle, reports: HookReports) -> Self {
        let shared = Shared {
            file,
            reports,
            accepted: Mutex::default(),
            slots: Semaphore::new(RUNNING_MAX),
            groups: ProcessGroups::default(),
        };
        LocalFunctions { runtime, shared: Arc::new(shared) }
    }
}

impl HookInvoker for LocalFunctions {
    fn invoke(&self, invocation: HookInvocation) {
        let key = (invocation.hook_id.clone(), invocation.attempt);
        // Held until the task is entered: a task that ends at once finds itself in the table.
        let mut accepted = self.shared.accepted();
        if accepted.contains_key(&key) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        if accepted.len() >= ACCEPTED_MAX {
            let refusal = InvokeError::TooMany(ACCEPTED_MAX);
            self.runtime.spawn(async move { shared.report(key, Err(refusal)) });
            return;
        }
        let task = self.runtime.spawn({
            let key = key.clone();
            async move {
                let outcome = shared.carry_out(invocation).await;
                shared.accepted().remove(&key);
                shared.report(key, outcome);
            }
        });
        accepted.insert(key, task.abort_handle());
    }
}

impl Shared {
    async fn carry_out(&self, invocation: HookInvocation) -> Result<Value, InvokeError> {
        let _slot = self.slots.acquire().await;
        let name = FunctionName::of_target(&invocation.function)?;
        let function = spawn_blocking({
            let (file, name) = (self.file.clone(), name.clone());
            move || function_map::find(&file, &name)
        });
        let function = function.await.map_err(InvokeError::Internal)??;
        let request = invocation.payload.to_string().into_bytes();
        tracing::debug!(hook = invocation.hook_id, attempt = invocation.attempt, function = %name, "invoking a hook");
        match function.means {
            Means::Command(line) => command::run(&line, &name, &request, function.time_limit, &self.groups).await,
            Means::Address(address) => address::ask(&address, request, function.time_limit).await,
        }
    }

    fn report(&self, (hook_id, attempt): Invocation, outcome: Result<Value, InvokeError>) {
        let outcome = match outcome {
            Ok(answer) => HookOutcome::Answered(answer),
            Err(error) => HookOutcome::Failed(error.tell()),
        };
        (self.reports)(HookReport { hook_id, attempt, outcome });
    }

    fn accepted(&self) -> MutexGuard<'_, BTreeMap<Invocation, AbortHandle>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalFunctions {
    fn drop(&mut self) {
        // Kills here and now; the tasks end only when the runtime gets to them.
        self.shared.groups.close();
        for task in self.shared.accepted().values() {
            task.abort();
        }
    }
}

impl fmt::Debug for LocalFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalFunctions").field("file", &self.shared.file).finish_non_exhaustive()
    }
}
