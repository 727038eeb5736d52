//! One transaction: the state to change, the instant it happens at, and the actions to carry out once the changes are durable.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use seatrial_controller::Input;
use seatrial_model::{TaskId, TimeScale, Timestamp};
use seatrial_ports::journal::JournalEntry;
use seatrial_ports::runtime::{Runtime, TaskLaunch};
use seatrial_ports::{Balancer, HookInvocation, Vault};

use crate::cloudwatch::Monitoring;
use crate::engine::Volatile;
use crate::state::State;

/// What the engine orders from the machine after a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Start(Box<TaskLaunch>),
    Stop(TaskId),
    Invoke(Box<HookInvocation>),
    Forget(TaskId),
}

/// A running transaction.
pub struct Transaction<'a> {
    pub state: &'a mut State,
    pub now: Timestamp,
    pub scale: TimeScale,
    pub(crate) listen: IpAddr,
    /// The address of the engine's own image registry.
    pub(crate) registry: &'a str,
    pub(crate) runtime: &'a Arc<dyn Runtime>,
    pub(crate) balancer: &'a Arc<dyn Balancer>,
    pub(crate) vault: &'a Arc<dyn Vault>,
    pub(crate) volatile: &'a Volatile,
    pub(crate) monitoring: &'a mut Monitoring,
    /// The generation the balancer configuration will have if this transaction changes it.
    pub(crate) next_generation: u64,
    pub(crate) entropy: &'a dyn Fn() -> u128,
    pub(crate) orders: Vec<Order>,
    pub(crate) entries: Vec<JournalEntry>,
    /// Inputs that follow from effects of this transaction, by service key.
    pub(crate) follow_ups: VecDeque<(String, Input)>,
}

impl Transaction<'_> {
    /// Draws 128 random bits for an identity.
    pub fn draw_bits(&self) -> u128 {
        (self.entropy)()
    }

    /// Draws 16 hexadecimal digits, as ELB's ARNs end with.
    pub fn draw_hex16(&self) -> String {
        format!("{:016x}", self.draw_bits() as u64)
    }

    /// Draws an id in the form of a UUID.
    pub fn draw_uuid(&self) -> String {
        let digits = format!("{:032x}", self.draw_bits());
        format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
    }

    /// Tells why a new listener could not listen on a port, as far as can be known beforehand. A port that a listener of this engine
    /// has just left is not asked about: the data plane may still hold it for a moment.
    pub(crate) fn check_listen(&self, port: u16) -> Result<(), String> {
        if self.volatile.may_hold(port) {
            return Ok(());
        }
        self.balancer.check_listen(SocketAddr::new(self.listen, port))
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }
}
