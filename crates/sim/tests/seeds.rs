//! A budget of seeds holds, a seed gives the same story every time, and planted bugs are found.

use seatrial_controller::{Effect, Step};
use seatrial_sim::run::run_distorted;
use seatrial_sim::{Telling, run};

/// Takes a few seconds in a debug build.
const SEEDS: u64 = 1_000;
/// Every planted bug is found within so many seeds.
const SEEDS_TO_FIND: u64 = 200;

#[test]
fn a_budget_of_seeds_holds() {
    for seed in 0..SEEDS {
        if let Err(failure) = run(seed, Telling::Silent) {
            panic!(
                "seed {seed}: {}\nreplay with: cargo run -p seatrial-sim --example seeds replay {seed}",
                failure.what
            );
        }
    }
}

#[test]
fn a_seed_gives_the_same_story_every_time() {
    for seed in 0..20 {
        assert_eq!(run(seed, Telling::Told), run(seed, Telling::Told));
    }
}

#[test]
fn a_target_left_in_rotation_is_found() {
    found("I4", |step| step.effects.retain(|effect| !matches!(effect, Effect::DeregisterTarget { .. })));
}

#[test]
fn a_task_signalled_before_its_requests_have_ended_is_found() {
    found("I4", |step| {
        let leaves = |effect: &Effect| match effect {
            Effect::DeregisterTarget { task, .. } => Some(Effect::StopTask { task: task.clone() }),
            _ => None,
        };
        let early: Vec<_> = step.effects.iter().filter_map(leaves).collect();
        step.effects.extend(early);
    });
}

#[test]
fn weights_that_do_not_add_up_are_found() {
    found("I3", |step| {
        for effect in &mut step.effects {
            if let Effect::SetRuleWeights { weights, .. } = effect {
                weights.iter_mut().for_each(|(_, weight)| *weight /= 2);
            }
        }
    });
}

#[test]
fn a_task_started_twice_is_found() {
    found("", |step| {
        let start = step.effects.iter().find(|effect| matches!(effect, Effect::StartTask { .. })).cloned();
        step.effects.extend(start);
    });
}

#[test]
fn a_task_that_is_never_started_is_found() {
    found("", |step| step.effects.retain(|effect| !matches!(effect, Effect::StartTask { .. })));
}

fn found(invariant: &str, distort: impl Fn(&mut Step)) {
    let finds = |seed| run_distorted(seed, Telling::Silent, &mut |step| distort(step)).err();
    let failure = (0..SEEDS_TO_FIND).find_map(finds).expect("a seed finds it");
    assert!(failure.what.contains(invariant), "{}", failure.what);
}
