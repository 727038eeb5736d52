//! A budget of seeds holds, a seed gives the same story every time, and planted bugs are found.

use seatrial_controller::{Effect, Input, Observation, Step};
use seatrial_model::TaskId;
use seatrial_sim::checkers::requests::Requests;
use seatrial_sim::draw::Draw;
use seatrial_sim::run::{Bug, NoBug, run_with};
use seatrial_sim::scenario::{Act, Scenario, Width};
use seatrial_sim::{Shrunk, Telling, run, shrink};

/// Takes a few seconds in a debug build.
const SEEDS: u64 = 1_000;
/// It takes a crash at the wrong instant, a long outage and a long request.
const LOADED_SEEDS_TO_FIND: u64 = 5_000;
/// Every planted bug is found within so many seeds.
const SEEDS_TO_FIND: u64 = 200;

#[test]
fn a_budget_of_seeds_holds() {
    for seed in 0..SEEDS {
        if let Err(failure) = run(seed, Telling::Silent) {
            panic!("seed {seed}: {}\nreplay with: seatrial sim replay {seed}", failure.what);
        }
    }
}

/// Hooks and pauses, container health checks, traffic that goes back in steps, crashes that lose orders.
#[test]
fn a_budget_of_wide_seeds_holds() {
    for seed in Width::WIDE_FROM..Width::WIDE_FROM + SEEDS / 2 {
        if let Err(failure) = run(seed, Telling::Silent) {
            panic!("seed {seed}: {}\nreplay with: seatrial sim replay {seed}", failure.what);
        }
    }
}

/// Requests one by one, whose errors make an alarm fire; memory that runs out; disks that are slow or full.
#[test]
fn a_budget_of_loaded_seeds_holds() {
    let mut seen = Requests::default();
    for seed in Width::LOADED_FROM..Width::LOADED_FROM + SEEDS / 2 {
        match run(seed, Telling::Silent) {
            Ok(outcome) => seen += outcome.requests,
            Err(failure) => panic!("seed {seed}: {}\nreplay with: seatrial sim replay {seed}", failure.what),
        }
    }
    assert!(seen.answered > 50_000 && seen.failed > 0 && seen.lost > 0 && seen.turned_away > 0, "{seen:?}");
}

/// Seeds beyond the budget that find what they once found when the mechanism named is taken out of the controller. A change of what is
/// drawn gives every seed another meaning: then they are to be searched for again.
const CORPUS: [(u64, &str); 10] = [
    (1_179, "a version without a load balancer leaves as the one that comes back is healthy"),
    (1_892, "the source is who serves, even when it has lost its tasks"),
    (4_062, "production follows a ROLLING rollback to the other target group"),
    (14_372, "beside a shift, an older version that loses tasks gets no others"),
    (27_276, "the target group of a version that is no longer wanted is vacant"),
    (31_546, "tasks that production goes past do not count for the floor"),
    (197_354, "a service scaled to nothing in the middle of a rollback"),
    (260_981, "versions that production goes past leave at once"),
    (427_264, "a rollback without a source keeps what it goes back to"),
    (619_708, "tasks that stand in for the source's are not waited for"),
];

#[test]
fn the_seeds_that_found_something_hold() {
    for (seed, what) in CORPUS {
        if let Err(failure) = run(seed, Telling::Silent) {
            panic!("seed {seed} ({what}): {}", failure.what);
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
    found("I4", |step: &mut Step| step.effects.retain(|effect| !matches!(effect, Effect::DeregisterTarget { .. })));
}

#[test]
fn a_task_signalled_before_its_requests_have_ended_is_found() {
    found("I4", |step: &mut Step| {
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
    found("I3", |step: &mut Step| {
        for effect in &mut step.effects {
            if let Effect::SetRuleWeights { weights, .. } = effect {
                weights.iter_mut().for_each(|(_, weight)| *weight /= 2);
            }
        }
    });
}

#[test]
fn a_task_started_twice_is_found() {
    found("a task is started once", |step: &mut Step| {
        let start = step.effects.iter().find(|effect| matches!(effect, Effect::StartTask { .. })).cloned();
        step.effects.extend(start);
    });
}

#[test]
fn a_task_that_is_never_started_is_found() {
    found("the task is unknown", |step: &mut Step| {
        step.effects.retain(|effect| !matches!(effect, Effect::StartTask { .. }))
    });
}

#[test]
fn one_task_too_many_is_found() {
    let mut count = 0;
    found("the controller and the checker know different tasks", move |step: &mut Step| {
        count += 1;
        let another = |effect: &Effect| match effect {
            Effect::StartTask { deployment, revision, .. } => Some(Effect::StartTask {
                task: TaskId::from_bits(u128::MAX - count),
                deployment: *deployment,
                revision: *revision,
            }),
            _ => None,
        };
        let another = step.effects.iter().find_map(another);
        step.effects.extend(another);
    });
}

/// The control plane does not tell the controller that it was killed, and so the delay of whoever leaves is counted from an order that was
/// never given.
struct Amnesia;

impl Bug for Amnesia {
    fn hides(&mut self, input: &Input) -> bool {
        matches!(input, Input::Restarted)
    }
}

#[test]
fn a_deregistration_that_comes_too_late_is_found() {
    let seeds = Width::LOADED_FROM..Width::LOADED_FROM + LOADED_SEEDS_TO_FIND;
    let failure = seeds.into_iter().find_map(|seed| run_with(seed, Telling::Silent, &mut Amnesia).err());
    let what = failure.expect("a seed finds it").what;
    assert!(what.starts_with("I4: ") || what.starts_with("a request is cut off"), "{what}");
}

/// The controller never learns that an alarm fired.
struct Deaf;

impl Bug for Deaf {
    fn hides(&mut self, input: &Input) -> bool {
        matches!(input, Input::Observation(Observation::AlarmFired { .. }))
    }
}

#[test]
fn an_alarm_that_is_ignored_is_found() {
    found("a watched alarm fires, and the deployment goes on", Deaf);
}

#[test]
fn what_is_left_of_a_failure_still_fails_and_nothing_of_it_can_be_left_out() {
    let is_long = |seed: &u64| Scenario::draw(&mut Draw::new(*seed), Width::of(*seed)).acts.len() > 4;
    let finds = |seed: &u64| run_with(*seed, Telling::Silent, &mut Deaf).is_err();
    let seed = (0..SEEDS_TO_FIND).filter(is_long).find(finds);
    let shrunk = shrink(seed.expect("a seed finds it"), &mut Deaf).expect("it fails");
    let Shrunk { scenario, failure, acts_before, tries } = shrunk;
    assert!(failure.what.contains("a watched alarm fires"), "{}", failure.what);
    assert!(acts_before > 4 && scenario.acts.len() <= 2, "{acts_before} acts became {:?}", scenario.acts);
    assert!(scenario.acts.iter().any(|(_, act)| *act == Act::AlarmFires), "without the alarm nothing fails");
    assert_eq!((scenario.late_percent, scenario.twice_percent, scenario.crash_percent), (0, 0, 0));
    assert!(tries > 5);
}

#[test]
fn a_seed_that_holds_has_nothing_to_shrink() {
    assert!(shrink(0, &mut NoBug).is_none());
}

fn found(what: &str, mut bug: impl Bug) {
    let finds = |seed| run_with(seed, Telling::Silent, &mut bug).err();
    let failure = (0..SEEDS_TO_FIND).find_map(finds).expect("a seed finds it");
    assert!(failure.what.contains(what), "{}", failure.what);
}
