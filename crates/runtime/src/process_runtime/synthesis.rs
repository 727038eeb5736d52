//! Reports about tasks whose supervisor cannot say anything itself.

use seatrial_model::task_definition::{HealthStatus, TaskDefinition};
use seatrial_model::{TaskId, Timestamp};
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{ContainerReport, ContainerStatus, EndCause, TaskEnd, TaskPhase};

use crate::saved_state::SavedState;

/// How far the last report of a lost task is ahead of the last one saved: past every usage report its supervisor may have sent since,
/// which are numbered but not saved.
const LOST_SEQUENCE_STEP: u64 = 1 << 32;

/// Describes a task that never ran: because it was ordered to stop before, or because `end` came in the way.
pub(super) fn never_ran(
    task: &TaskId,
    definition: Option<&TaskDefinition>,
    now: Timestamp,
    end: Option<TaskEnd>,
) -> TaskReport {
    let reason = end.as_ref().map(|end| end.reason.clone());
    let container = |name| ContainerReport {
        name,
        status: ContainerStatus::Stopped,
        health: HealthStatus::Unknown,
        exit_code: None,
        reason: reason.clone(),
        process_id: None,
        health_output: None,
        restart_count: 0,
    };
    let definitions = definition.map_or(&[][..], |definition| &definition.containers);
    TaskReport {
        task: task.clone(),
        sequence: LOST_SEQUENCE_STEP,
        phase: TaskPhase::Stopped,
        health: HealthStatus::Unknown,
        containers: definitions.iter().map(|definition| container(definition.name.clone())).collect(),
        started_at: None,
        stopping_at: Some(now),
        execution_stopped_at: Some(now),
        end,
        usage: None,
    }
}

/// Describes a task nothing is known of.
pub(super) fn unknown(task: &TaskId, now: Timestamp) -> TaskReport {
    never_ran(task, None, now, None)
}

/// Describes a task whose supervisor is gone, from the last state it saved. What had been said of the task's end stays said.
pub(super) fn lost(saved: SavedState, last_sequence: u64, now: Timestamp, reason: String) -> TaskReport {
    let SavedState { mut report, .. } = saved;
    let was_ordered = report.phase == TaskPhase::Stopping && report.end.is_none();
    if !was_ordered && report.end.is_none() {
        report.end = Some(TaskEnd { cause: EndCause::Lost, reason });
    }
    report.sequence = report.sequence.max(last_sequence) + LOST_SEQUENCE_STEP;
    report.phase = TaskPhase::Stopped;
    report.stopping_at = report.stopping_at.or(Some(now));
    report.execution_stopped_at = Some(now);
    for container in &mut report.containers {
        container.status = ContainerStatus::Stopped;
        container.process_id = None;
    }
    report
}
