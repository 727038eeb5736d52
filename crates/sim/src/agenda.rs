//! What is to happen, in the order of time; what falls on the same instant happens in the order in which it was planned.

use std::collections::BTreeMap;

use seatrial_model::Timestamp;

/// Things planned for instants to come.
#[derive(Debug)]
pub struct Agenda<T> {
    planned: BTreeMap<(Timestamp, u64), T>,
    count: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Agenda { planned: BTreeMap::new(), count: 0 }
    }
}

impl<T> Agenda<T> {
    pub fn plan(&mut self, at: Timestamp, what: T) {
        self.count += 1;
        self.planned.insert((at, self.count), what);
    }

    /// When the next of them is due.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.planned.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn take_next(&mut self) -> Option<T> {
        self.planned.pop_first().map(|(_, what)| what)
    }
}
