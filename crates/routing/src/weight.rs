//! Owns the choice among weighted things: the share of each is its weight over the sum of weights, per request.
//!
//! There is no failover (I3 is the controller's): a weight on a target group without healthy targets still sends requests there.

/// Picks the position whose share the random bits fall into; `None` when every weight is zero.
pub fn pick_weighted(weights: impl Iterator<Item = u64> + Clone, entropy: u64) -> Option<usize> {
    let total: u64 = weights.clone().sum();
    if total == 0 {
        return None;
    }
    let mut point = below(total, entropy);
    for (position, weight) in weights.enumerate() {
        if point < weight {
            return Some(position);
        }
        point -= weight;
    }
    unreachable!("the point lies below the sum of the weights")
}

/// Maps 64 random bits to `0..bound` (`bound` > 0); no value is likelier than another by more than one in 2⁶⁴ / bound.
pub fn below(bound: u64, entropy: u64) -> u64 {
    ((u128::from(entropy) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A stream of 64-bit numbers with equal distribution (SplitMix64).
    fn stream(seed: u64) -> impl Iterator<Item = u64> {
        (1u64..).map(move |step| {
            let mut bits = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ (bits >> 31)
        })
    }

    #[test]
    fn the_bounds_of_the_shares_are_exact() {
        let weights = [1u64, 0, 3];
        assert_eq!(pick_weighted(weights.into_iter(), 0), Some(0));
        assert_eq!(pick_weighted(weights.into_iter(), (1 << 62) - 1), Some(0));
        assert_eq!(pick_weighted(weights.into_iter(), 1 << 62), Some(2));
        assert_eq!(pick_weighted(weights.into_iter(), u64::MAX), Some(2));
        assert_eq!(pick_weighted([0, 0].into_iter(), 7), None);
        assert_eq!(pick_weighted([].into_iter(), 7), None);
    }

    proptest! {
        #[test]
        fn shares_follow_the_weights(weights in prop::collection::vec(0u64..=999, 1..=5), seed: u64) {
            const DRAWS: usize = 20_000;
            let total: u64 = weights.iter().sum();
            prop_assume!(total > 0);
            let mut counts = vec![0usize; weights.len()];
            for entropy in stream(seed).take(DRAWS) {
                counts[pick_weighted(weights.iter().copied(), entropy).expect("a positive sum")] += 1;
            }
            for (weight, count) in weights.iter().zip(counts) {
                let share = *weight as f64 / total as f64;
                // Five standard deviations: one false alarm in two million.
                let slack = 5.0 * (share * (1.0 - share) * DRAWS as f64).sqrt();
                prop_assert!((count as f64 - share * DRAWS as f64).abs() <= slack + 1e-9);
            }
        }
    }
}
