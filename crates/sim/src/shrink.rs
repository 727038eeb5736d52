//! Makes a failure smaller: from what its seed drew, everything is left out without which it still fails in the same way.

use std::time::Duration;

use seatrial_model::Strategy;

use crate::behaviour::Behaviour;
use crate::draw::Draw;
use crate::run::{Bug, Failure, Telling, live_through};
use crate::scenario::{Act, Scenario, Width};

/// The most scenarios that are tried.
const TRIES_MAX: u32 = 20_000;

/// The smallest scenario found that still fails.
#[derive(Clone, Debug)]
pub struct Shrunk {
    pub scenario: Scenario,
    pub failure: Failure,
    /// The acts that the seed drew.
    pub acts_before: usize,
    pub tries: u32,
}

/// Shrinks a seed that fails; none when it holds.
pub fn shrink(seed: u64, bug: &mut dyn Bug) -> Option<Shrunk> {
    let mut draw = Draw::new(seed);
    let scenario = Scenario::draw(&mut draw, Width::of(seed));
    let mut tries = 0;
    let mut fails = |scenario: &Scenario, tries: &mut u32| {
        *tries += 1;
        live_through(seed, scenario.clone(), draw.clone(), Telling::Told, bug).err()
    };
    let failure = fails(&scenario, &mut tries)?;
    let acts_before = scenario.acts.len();
    let mut least = (scenario, failure);
    loop {
        let smaller = candidates(&least.0).into_iter().find_map(|candidate| {
            let failure = fails(&candidate, &mut tries).filter(|failure| kind(&failure.what) == kind(&least.1.what))?;
            Some((candidate, failure))
        });
        match smaller.filter(|_| tries < TRIES_MAX) {
            Some(smaller) => least = smaller,
            None => {
                let (scenario, failure) = least;
                return Some(Shrunk { scenario, failure, acts_before, tries });
            }
        }
    }
}

/// What kind of failure it is: the invariant, or the words before the details.
fn kind(what: &str) -> &str {
    what.split([':', '{']).next().unwrap_or(what)
}

/// Scenarios with less in them, those with much less first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut smaller = Vec::new();
    let mut with = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = scenario.clone();
        change(&mut candidate);
        if candidate != *scenario {
            smaller.push(candidate);
        }
    };
    let count = scenario.acts.len();
    with(&|one| one.acts.truncate(count / 2));
    with(&|one| drop(one.acts.drain(..count / 2)));
    for index in 0..count {
        with(&|one| {
            one.acts.remove(index);
        });
    }
    with(&|one| (one.late_percent, one.twice_percent, one.crash_percent) = (0, 0, 0));
    with(&|one| one.hooks.clear());
    for index in 0..scenario.hooks.len() {
        with(&|one| {
            one.hooks.remove(index);
        });
    }
    with(&|one| one.checks_containers = false);
    with(&|one| one.load = None);
    with(&|one| one.disk = None);
    with(&|one| one.crashes_lose_orders = false);
    with(&|one| one.settings.shift_back = None);
    with(&|one| one.late_percent = 0);
    with(&|one| one.twice_percent = 0);
    with(&|one| one.crash_percent = 0);
    with(&|one| one.settings.deployment.strategy = Strategy::Rolling);
    with(&|one| one.settings.deployment.circuit_breaker.enable = false);
    with(&|one| one.settings.deployment.alarms.enable = false);
    with(&|one| one.settings.deployment.bake_time = Duration::ZERO);
    with(&|one| one.settings.health_check_grace_period = Duration::ZERO);
    with(&|one| one.settings.desired_count = 1);
    with(&|one| one.settings.desired_count /= 2);
    for index in 0..count {
        with(&|one| one.acts[index].0 = Duration::ZERO);
        with(&|one| one.acts[index].0 /= 2);
        with(&|one| {
            if let Act::Deploys(behaviour) = &mut one.acts[index].1 {
                *behaviour = Behaviour::GOOD;
            }
        });
    }
    smaller
}
