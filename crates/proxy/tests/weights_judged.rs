//! The judge of splits, judged: it lets chance pass and finds what is not chance.

mod split;

use split::statistics::{chi_squared, is_plausible, judge};
use split::{SPLITS, Split};

/// As many choices as the benchmark makes.
const COUNT: usize = 100_000;

/// Equally distributed bits (SplitMix64), the same in every run.
fn bits(seed: u64) -> impl Iterator<Item = u64> {
    (1u64..).map(move |step| {
        let mut bits = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    })
}

fn by_chance(seed: u64, share: f64) -> impl Iterator<Item = bool> {
    bits(seed).map(move |bits| (bits as f64) < share * 2f64.powi(64))
}

fn faults(choices: &[bool], split: Split) -> Vec<String> {
    judge(choices, split.share()).faults
}

#[test]
fn ecs_encodes_whole_percents_and_tenths() {
    let weights = [1, 10, 333, 500, 990, 999].map(|tenths| Split(tenths).weights());
    assert_eq!(weights, [[999, 1], [99, 1], [667, 333], [50, 50], [1, 99], [1, 999]]);
}

#[test]
fn chance_passes_at_every_split() {
    for seed in 0..3 {
        for split in SPLITS {
            for count in [100, 1_000, COUNT] {
                let choices: Vec<_> = by_chance(seed, split.share()).take(count).collect();
                assert_eq!(faults(&choices, split), [""; 0], "{} % of {count}", split.name());
            }
        }
    }
}

#[test]
fn a_wrong_share_is_found() {
    // The smallest bias that a hundred thousand choices show with near certainty, as the judge's documentation has it.
    for (split, bias) in [(1, 0.0008), (10, 0.0026), (100, 0.008), (500, 0.0133), (999, -0.0008)] {
        let split = Split(split);
        let choices: Vec<_> = by_chance(1, split.share() + bias).take(COUNT).collect();
        assert!(!faults(&choices, split).is_empty(), "{} % + {bias}", split.name());
    }
    // One part in a thousand in the middle takes 18 million choices.
    let count = by_chance(1, 0.501).take(18_000_000).filter(|choice| *choice).count();
    assert!(!is_plausible(18_000_000, count, 0.5), "{:.1}", chi_squared(18_000_000, count, 0.5));
}

#[test]
fn small_counts_are_judged_by_the_binomial_distribution() {
    assert!(is_plausible(1_000, 0, 0.001));
    assert!(is_plausible(1_000, 9, 0.001));
    assert!(!is_plausible(1_000, 12, 0.001), "less than once in a hundred million");
    assert!(is_plausible(1_000, 991, 0.999));
    assert!(!is_plausible(1_000, 988, 0.999));
    assert!(!is_plausible(1_000, 0, 0.018) && is_plausible(1_000, 1, 0.018));
}

#[test]
fn turns_bursts_and_memory_are_found_although_the_shares_are_right() {
    for split in SPLITS {
        let [first, second] = split.weights().map(|weight| weight as usize);
        let cycle = first + second;
        let in_turn: Vec<_> = (0..COUNT).map(|turn| turn * second / cycle != (turn + 1) * second / cycle).collect();
        assert!(!faults(&in_turn, split).is_empty(), "{} % in turn", split.name());
        let in_blocks: Vec<_> = (0..COUNT).map(|turn| turn % cycle >= first).collect();
        assert!(!faults(&in_blocks, split).is_empty(), "{} % in blocks", split.name());
        let doubled: Vec<_> = by_chance(2, split.share()).take(COUNT / 2).flat_map(|choice| [choice; 2]).collect();
        assert!(!faults(&doubled, split).is_empty(), "{} %, each choice made twice", split.name());
    }
}
