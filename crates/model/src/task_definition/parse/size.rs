//! Processor and memory: of the task, of its containers, and the one against the other.

use super::{InvalidTaskDefinition, rule};
use crate::task_definition::{ContainerDefinition, TaskDefinition};

/// The least and most CPU units of a task: an eighth of a vCPU and 192 of them.
const CPU_RANGE: std::ops::RangeInclusive<u32> = 128..=196_608;

/// Parses the `cpu` of a task.
pub(super) fn task_cpu(text: Option<&str>) -> Result<Option<u32>, InvalidTaskDefinition> {
    let Some(text) = text else { return Ok(None) };
    match parse_units(text, "vcpu") {
        Some(units) if CPU_RANGE.contains(&units) => Ok(Some(units)),
        Some(_) | None => rule(format!(
            "Invalid 'cpu' setting for task: '{text}'. Give {} to {} CPU units, such as 256, or vCPUs, such as .25 vCPU.",
            CPU_RANGE.start(),
            CPU_RANGE.end()
        )),
    }
}

/// Parses the `memory` of a task.
pub(super) fn task_memory(text: Option<&str>) -> Result<Option<u32>, InvalidTaskDefinition> {
    let Some(text) = text else { return Ok(None) };
    match parse_units(text, "gb") {
        Some(mebibytes) => Ok(Some(mebibytes)),
        None => {
            rule(format!("Invalid 'memory' setting for task: '{text}'. Give MiB, such as 512, or GB, such as 1 GB."))
        }
    }
}

/// Reads `"256"`, `".25 vCPU"` or `"1 GB"` as CPU units or MiB, 1024 of which are one of the unit.
fn parse_units(text: &str, unit: &str) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    let value = match lower.strip_suffix(unit).map(str::trim) {
        Some(number) => number.parse::<f64>().ok()? * 1024.0,
        None => lower.parse::<u32>().ok().map(f64::from)?,
    };
    (value >= 1.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0).then_some(value as u32)
}

/// Refuses containers that could never have what they are promised.
pub(super) fn check(definition: &TaskDefinition) -> Result<(), InvalidTaskDefinition> {
    let TaskDefinition { containers, cpu, memory, .. } = definition;
    for container in containers {
        check_memory(container, *memory)?;
    }
    let sum = |of: fn(&ContainerDefinition) -> u32| containers.iter().map(|container| u64::from(of(container))).sum();
    let sums: [u64; 2] = [
        sum(|container| container.cpu),
        sum(|container| container.memory_reservation.or(container.memory).unwrap_or(0)),
    ];
    for ((member, limit), sum) in [("cpu", cpu), ("memory", memory)].into_iter().zip(sums) {
        if limit.is_some_and(|limit| sum > u64::from(limit)) {
            return rule(format!(
                "The sum of all container '{member}' values cannot be greater than the value of the task '{member}'."
            ));
        }
    }
    Ok(())
}

fn check_memory(container: &ContainerDefinition, of_task: Option<u32>) -> Result<(), InvalidTaskDefinition> {
    let name = &container.name;
    match (container.memory, container.memory_reservation, of_task) {
        (None, None, None) => rule(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )),
        (Some(memory), Some(reservation), _) if reservation > memory => rule(format!(
            "Invalid setting for container '{name}'. The 'memoryReservation' of {reservation} MiB is greater than the \
             'memory' of {memory} MiB."
        )),
        (Some(memory), _, Some(of_task)) if memory > of_task => rule(format!(
            "Invalid setting for container '{name}'. The 'memory' of {memory} MiB is greater than the task's {of_task} MiB."
        )),
        (Some(_), _, _) | (None, Some(_), _) | (None, None, Some(_)) => Ok(()),
    }
}
