//! Owns the drain of a target: counting requests in and out, refusing new ones once it drains, and noticing the last.
//!
//! Request threads and the configuration thread race here, and I4 rests on the outcome: a target must not be reported as drained while
//! a request that chose it is still to be sent. So both facts live in one word, `draining` in the top bit and the count below, and
//! every step is one atomic read-modify-write of it. Such steps on one word happen in one total order, whatever the threads:
//!
//! * A request enters (+1) and looks at the word as it was. If the target was not yet draining, its +1 stands *before* the drain in
//!   that order, so the drain, and every later step, sees a count above zero until the request has left. If it was draining, the
//!   request takes its +1 back, sends nothing, and chooses again.
//! * The drain sets the bit and looks at the word as it was. Count zero: nobody was in, and whoever enters later is refused: drained.
//! * A request leaves (−1). If the word was `draining` with count one, it was the last: drained.
//!
//! Hence drained is noticed by exactly the step that makes it true. A refused request may bring the count up and down again and so
//! notice it a second time: the report is idempotent.

/// The word of one target, interpreted. The atomic itself belongs to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy(u64);

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    /// The target is draining: leave again and choose another.
    Refused,
}

/// Whether a step left a draining target without requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptied {
    Drained,
    No,
}

impl Occupancy {
    /// Or-ed into the word when the drain begins; its complement is and-ed when a target returns.
    pub const DRAINING: u64 = 1 << 63;

    /// Interprets a word.
    pub const fn of(word: u64) -> Self {
        Occupancy(word)
    }

    pub const fn in_flight(self) -> u64 {
        self.0 & !Self::DRAINING
    }

    pub const fn is_draining(self) -> bool {
        self.0 & Self::DRAINING != 0
    }

    /// Judges an entry by the word before its +1.
    pub const fn entered(self) -> Admission {
        if self.is_draining() { Admission::Refused } else { Admission::Admitted }
    }

    /// Judges an exit by the word before its −1.
    pub const fn left(self) -> Emptied {
        if self.is_draining() && self.in_flight() == 1 { Emptied::Drained } else { Emptied::No }
    }

    /// Judges the begin of a drain by the word before the bit was set.
    pub const fn drain_began(self) -> Emptied {
        if self.in_flight() == 0 { Emptied::Drained } else { Emptied::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One request thread: what it does next.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Request {
        Enter,
        Send,
        Leave { sent: bool },
        Done,
    }

    #[derive(Clone, Debug)]
    struct World {
        word: u64,
        requests: Vec<Request>,
        drain_pending: bool,
        drained: bool,
    }

    impl World {
        fn step_request(&mut self, index: usize) {
            let before = Occupancy::of(self.word);
            self.requests[index] = match self.requests[index] {
                Request::Enter => {
                    self.word += 1;
                    match before.entered() {
                        Admission::Admitted => Request::Send,
                        Admission::Refused => Request::Leave { sent: false },
                    }
                }
                Request::Send => {
                    assert!(!self.drained, "a request was sent to a target reported as drained");
                    Request::Leave { sent: true }
                }
                Request::Leave { sent } => {
                    assert!(!(sent && self.drained), "reported as drained with a request in flight");
                    self.word -= 1;
                    self.drained |= before.left() == Emptied::Drained;
                    Request::Done
                }
                Request::Done => unreachable!("a finished request takes no step"),
            };
        }

        fn step_drain(&mut self) {
            let before = Occupancy::of(self.word);
            self.word |= Occupancy::DRAINING;
            self.drain_pending = false;
            self.drained |= before.drain_began() == Emptied::Drained;
        }

        /// Every order of the steps left; returns the number of complete orders.
        fn explore(&self) -> usize {
            let mut orders = 0;
            for index in 0..self.requests.len() {
                if self.requests[index] != Request::Done {
                    let mut next = self.clone();
                    next.step_request(index);
                    orders += next.explore();
                }
            }
            if self.drain_pending {
                let mut next = self.clone();
                next.step_drain();
                orders += next.explore();
            }
            if orders == 0 {
                assert!(self.drained, "everything ended, yet drained was never noticed");
                assert_eq!(self.word, Occupancy::DRAINING);
                orders = 1;
            }
            orders
        }
    }

    #[test]
    fn in_every_order_drained_is_noticed_and_never_too_early() {
        for requests in 0..=3 {
            let world =
                World { word: 0, requests: vec![Request::Enter; requests], drain_pending: true, drained: false };
            assert!(world.explore() >= 1);
        }
    }
}
