//! Chooses host ports: outside the range from which the kernel takes ports for outgoing connections, and never one just freed.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use seatrial_ports::runtime::RuntimeError;

/// Where ports are taken from unless the machine's ephemeral range reaches into it.
const RANGE_DEFAULT: RangeInclusive<u16> = 20_000..=29_999;

/// Ports below are for services with names, and need a privilege up to 1023.
const PORT_MIN: u16 = 5_000;

/// A range beside the ephemeral one must have this many ports to be used; else collisions with outgoing connections are the lesser
/// evil, since every port is tested before it is given out.
const RANGE_SIZE_MIN: u16 = 500;

/// Gives out ports in turn, beginning somewhere, so that one comes round again as late as possible.
pub(super) struct PortFinder {
    range: RangeInclusive<u16>,
    next: Mutex<u16>,
}

impl PortFinder {
    pub fn new() -> Self {
        let ephemeral = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
        let range = choose_range(ephemeral.as_deref().and_then(parse_range));
        let size = u64::from(range.end() - range.start()) + 1;
        let start = range.start() + (RandomState::new().hash_one(std::process::id()) % size) as u16;
        PortFinder { range, next: Mutex::new(start) }
    }

    /// Finds a port that nothing listens on at 127.0.0.1 and that is not among `taken`.
    pub fn find(&self, taken: &dyn Fn(u16) -> bool) -> Result<u16, RuntimeError> {
        for _ in self.range.clone() {
            let port = self.advance();
            if !taken(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        Err(RuntimeError::NoFreePort { first: *self.range.start(), last: *self.range.end() })
    }

    fn advance(&self) -> u16 {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let port = *next;
        *next = if port == *self.range.end() { *self.range.start() } else { port + 1 };
        port
    }
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

fn choose_range(ephemeral: Option<RangeInclusive<u16>>) -> RangeInclusive<u16> {
    let Some(ephemeral) = ephemeral else { return RANGE_DEFAULT };
    if ephemeral.start() > RANGE_DEFAULT.end() || ephemeral.end() < RANGE_DEFAULT.start() {
        return RANGE_DEFAULT;
    }
    let below = PORT_MIN..=ephemeral.start().saturating_sub(1);
    let above = ephemeral.end().saturating_add(1)..=u16::MAX;
    let larger = if below.len() >= above.len() { below } else { above };
    if larger.len() >= usize::from(RANGE_SIZE_MIN) { larger } else { RANGE_DEFAULT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_keeps_away_from_outgoing_connections() {
        assert_eq!(choose_range(parse_range("32768\t60999\n")), RANGE_DEFAULT);
        assert_eq!(choose_range(None), RANGE_DEFAULT);
        assert_eq!(choose_range(Some(15_000..=65_000)), 5_000..=14_999);
        assert_eq!(choose_range(Some(10_000..=40_000)), 40_001..=65_535);
        assert_eq!(choose_range(Some(1_024..=65_535)), RANGE_DEFAULT);
    }

    #[test]
    fn ports_come_in_turn_and_skip_those_taken_or_in_use() {
        let finder = PortFinder::new();
        let first = finder.find(&|_| false).expect("a free port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).expect("it is free");
        let second = finder.find(&|_| false).expect("another");
        assert_ne!(first, second);
        *finder.next.lock().expect("unpoisoned") = first;
        let third = finder.find(&|port| port == second).expect("a third");
        assert!(third != first && third != second);
        drop(listener);
    }

    #[test]
    fn a_range_that_is_used_up_is_named() {
        let finder = PortFinder { range: 20_000..=20_009, next: Mutex::new(20_005) };
        let refusal = finder.find(&|_| true).expect_err("everything is taken");
        assert_eq!(refusal.to_string(), "no free port between 20000 and 20009");
    }
}
