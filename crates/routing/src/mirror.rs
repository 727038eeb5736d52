//! Owns which requests are copied to another target group. An engine extension: ELB has nothing like it.
//!
//! Only a request that is *safe* (RFC 9110, 9.2.1) is copied, since the copy reaches a program that may do what it is asked.

use seatrial_model::TrafficPercent;

use crate::weight::below;

/// Where a forward action sends copies of some of its requests. `G` is how the caller names a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror<G> {
    pub group: G,
    /// The share of the safe requests for other target groups that is copied.
    pub percent: TrafficPercent,
}

impl<G> Mirror<G> {
    /// Tells whether a request with these random bits is one of those to be copied.
    pub fn takes(&self, entropy: u64) -> bool {
        below(u64::from(TrafficPercent::ALL.tenths()), entropy) < u64::from(self.percent.tenths())
    }
}

/// Tells whether a method asks for nothing to be changed.
pub fn is_safe(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_the_share_are_exact() {
        let takes = |tenths, entropy| Mirror { group: (), percent: TrafficPercent::from_tenths(tenths) }.takes(entropy);
        assert!(takes(1, 0));
        assert!(takes(1, u64::MAX / 1000));
        assert!(!takes(1, u64::MAX / 1000 + 1));
        assert!(takes(500, (1 << 63) - 1));
        assert!(!takes(500, 1 << 63));
        assert!(takes(1000, u64::MAX));
        assert!(!takes(0, 0));
    }

    #[test]
    fn only_methods_that_change_nothing_are_safe() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(is_safe(method.as_bytes()), "{method}");
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", ""] {
            assert!(!is_safe(method.as_bytes()), "{method}");
        }
    }
}
