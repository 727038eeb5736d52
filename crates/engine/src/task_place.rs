//! Where a task is run and how it is reached: as processes, which have ports of their own on the loopback address, or in containers with
//! an address of their own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use seatrial_model::task_definition::{RequestedRuntime, TaskDefinition};
use seatrial_ports::TaskRuntime;
use seatrial_ports::runtime::{ContainerAddress, PortAssignment, RuntimeError};
use serde::{Deserialize, Serialize};

use crate::state::TaskRecord;
use crate::task_images;
use crate::transaction::Transaction;

/// Where tasks without an address of their own are reached (see `docs/decisions`).
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a task is run with, and the address its ports are reached at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPlace {
    pub runtime: TaskRuntime,
    pub address: IpAddr,
}

impl Default for TaskPlace {
    fn default() -> Self {
        TaskPlace { runtime: TaskRuntime::Process, address: LOOPBACK }
    }
}

impl TaskPlace {
    /// Tells whether no other task has its address.
    pub fn is_own(&self) -> bool {
        self.address != LOOPBACK
    }
}

/// Finds a place for a task of a definition, and a port for each of its port mappings.
pub(crate) fn find(
    tx: &Transaction<'_>,
    definition: &TaskDefinition,
) -> Result<(TaskPlace, Vec<PortAssignment>), RuntimeError> {
    let place = match definition.requested_runtime() {
        RequestedRuntime::Process => TaskPlace::default(),
        RequestedRuntime::Container => in_containers(tx)?,
        // Without a container engine the task is started as what it cannot be, and its reason says so.
        RequestedRuntime::Auto if task_images::need_container_engine(tx, definition) => {
            in_containers(tx).unwrap_or_default()
        }
        RequestedRuntime::Auto => TaskPlace::default(),
    };
    let ports = if place.is_own() { own_ports(definition) } else { free_ports(tx, definition)? };
    Ok((place, ports))
}

fn in_containers(tx: &Transaction<'_>) -> Result<TaskPlace, RuntimeError> {
    let taken: BTreeSet<IpAddr> = live(tx).map(|task| task.place.address).collect();
    let address = match tx.runtime.container_address(&|address| taken.contains(&address))? {
        ContainerAddress::Own(address) => address,
        ContainerAddress::Published => LOOPBACK,
    };
    Ok(TaskPlace { runtime: TaskRuntime::Container, address })
}

fn live<'a>(tx: &'a Transaction<'_>) -> impl Iterator<Item = &'a TaskRecord> {
    tx.state.tasks.values().filter(|task| task.stopped_at.is_none())
}

/// The ports that containers listen on, whatever other tasks listen on.
fn own_ports(definition: &TaskDefinition) -> Vec<PortAssignment> {
    let containers = definition.containers.iter();
    let ports =
        containers.flat_map(|container| container.port_mappings.iter().map(move |mapping| (container, mapping)));
    ports
        .map(|(container, mapping)| PortAssignment {
            container: container.name.clone(),
            container_port: mapping.container_port,
            host_port: mapping.container_port,
        })
        .collect()
}

/// Gives every port mapping a host port of its own.
fn free_ports(tx: &Transaction<'_>, definition: &TaskDefinition) -> Result<Vec<PortAssignment>, RuntimeError> {
    let shared = live(tx).filter(|task| !task.place.is_own());
    let mut taken: BTreeSet<u16> = shared.flat_map(|task| task.ports.iter().map(|port| port.host_port)).collect();
    let mut assigned = Vec::new();
    for container in &definition.containers {
        for mapping in &container.port_mappings {
            let host_port = tx.runtime.free_port(&|port| taken.contains(&port))?;
            taken.insert(host_port);
            let container_port = mapping.container_port;
            assigned.push(PortAssignment { container: container.name.clone(), container_port, host_port });
        }
    }
    Ok(assigned)
}
