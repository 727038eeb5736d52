//! Weights as they are promised: shares exact to the last of 64 random bits, and clients that stay for as long as their policy says.

use std::time::Duration;

use proptest::prelude::*;
use seatrial_model::load_balancing::{Action, Forward, WeightedTargetGroup};
use seatrial_model::{TargetGroupArn, Timestamp};
use seatrial_routing::stickiness::{GroupStanding, PinPolicy, group_cookie, group_digest, pinned_group};
use seatrial_routing::weight::pick_weighted;
use seatrial_routing::{CompiledAction, RequestFacts, RuleSet};

/// How many of the 2⁶⁴ values of the random bits choose a position before `position`; the choice never falls while the bits grow.
fn values_below(weights: &[u64], position: usize) -> u128 {
    let (mut low, mut high) = (0, 1 << 64);
    while low < high {
        let middle: u128 = (low + high) / 2;
        let bits = u64::try_from(middle).expect("below 2⁶⁴");
        let picked = pick_weighted(weights.iter().copied(), bits).expect("a positive sum");
        if picked < position { low = middle + 1 } else { high = middle }
    }
    low
}

/// Every share is `weight / sum` of all random values, but for less than one value at each end.
fn assert_exact(weights: &[u64]) {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    for position in 0..=weights.len() {
        let before: u128 = weights[..position].iter().map(|weight| u128::from(*weight)).sum();
        let found = if position == weights.len() { 1 << 64 } else { values_below(weights, position) };
        assert_eq!(found, (before << 64).div_ceil(total), "{weights:?} before {position}");
    }
}

#[test]
fn every_split_of_a_shift_is_exact() {
    for whole in 0..=100 {
        assert_exact(&[whole, 100 - whole]);
    }
    for tenths in 1..1000 {
        assert_exact(&[tenths, 1000 - tenths]);
    }
    assert_exact(&[1, 0, 999, 0, 1]);
}

proptest! {
    #[test]
    fn any_weights_are_exact(weights in prop::collection::vec(0u64..=999, 1..=5)) {
        prop_assume!(weights.iter().sum::<u64>() > 0);
        assert_exact(&weights);
    }
}

#[test]
fn a_pin_holds_as_long_as_its_policy_says() {
    let table = [
        // weight, healthy target, kept by ELB, kept while serving
        (1, true, true, true),
        (999, true, true, true),
        (0, true, true, false),
        (1, false, true, false),
        (0, false, true, false),
    ];
    for (weight, has_healthy_target, until_expiry, while_serving) in table {
        let group = GroupStanding { weight, has_healthy_target };
        assert_eq!(PinPolicy::UntilExpiry.keeps(group), until_expiry, "{group:?}");
        assert_eq!(PinPolicy::WhileServing.keeps(group), while_serving, "{group:?}");
    }
    assert_eq!(PinPolicy::default(), PinPolicy::UntilExpiry, "as with ELB");
}

#[test]
fn a_client_is_kept_for_the_whole_of_its_time() {
    let group = TargetGroupArn::new("green");
    let known = || [(group_digest(&group), ())];
    for begin in [0, 1, 499, 999, 1000, 1_700_000_000_001] {
        let end = Timestamp::from_millis(begin) + Duration::from_secs(1);
        let value = group_cookie(&group, end);
        let just_before = Timestamp::from_millis(end.as_millis() - 1);
        assert_eq!(pinned_group(value.as_bytes(), just_before, known()), Some(()), "from {begin}");
        let a_second_late = end + Duration::from_secs(1);
        assert_eq!(pinned_group(value.as_bytes(), a_second_late, known()), None, "from {begin}");
    }
}

struct Anything;

impl RequestFacts for Anything {
    fn method(&self) -> &[u8] {
        b"GET"
    }

    fn host(&self) -> &[u8] {
        b"test"
    }

    fn path(&self) -> &[u8] {
        b"/"
    }

    fn query(&self) -> Option<&[u8]> {
        None
    }

    fn any_header(&self, _: &str, _: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        false
    }

    fn source(&self) -> std::net::IpAddr {
        std::net::Ipv4Addr::LOCALHOST.into()
    }
}

proptest! {
    #[test]
    fn a_group_of_weight_zero_is_never_picked(weights in prop::collection::vec(prop_oneof![Just(0u32), 0u32..=999], 1..=5), bits: u64) {
        let group = |(index, weight): (usize, &u32)| {
            WeightedTargetGroup { target_group: TargetGroupArn::new(index.to_string()), weight: *weight }
        };
        let target_groups = weights.iter().enumerate().map(group).collect();
        let action = Action::Forward(Forward { target_groups, stickiness: None });
        let rules = RuleSet::new([], &action, |arn| arn.as_str().parse::<usize>().expect("an index"));
        let CompiledAction::Forward(forward) = rules.decide(&Anything) else { panic!("a forward") };
        match forward.pick(bits) {
            Some(index) => prop_assert!(weights[*index] > 0),
            None => prop_assert!(weights.iter().all(|weight| *weight == 0)),
        }
    }
}
