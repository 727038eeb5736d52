//! One seed from its beginning to its verdict: a phase in which anything may go wrong and nothing may be broken, then one without faults
//! in which a good version must be deployed (I6).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use seatrial_controller::{
    Command, Controller, HookStatus, Input, NewDeployment, Observation, PauseAction, Revision, ServiceDeploymentStatus,
    Settings, Step, StopType, Update,
};
use seatrial_model::{HookId, Percent, RevisionId, ServiceDeploymentId, Strategy, Timestamp};

use crate::behaviour::Behaviour;
use crate::checkers::requests::Requests;
use crate::draw::Draw;
use crate::routed;
use crate::scenario::{ALARM, Act, Scenario, Width};
use crate::world::World;

/// Whether the story is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    Silent,
    Told,
}

/// What came of a seed that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Service deployments that came to their end.
    pub deployments: u64,
    /// Inputs the controller was given.
    pub steps: u64,
    /// What became of the requests, where clients send any.
    pub requests: Requests,
    /// Empty where nobody asked for it.
    pub story: String,
}

/// What a seed has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub seed: u64,
    pub what: String,
    pub story: String,
}

/// The most inputs of one run: more of them means that something goes on for ever.
const STEPS_MAX: u64 = 20_000;
/// How long a good version may take in a world without faults: far more than its bake, its steps and every throttle together.
const GOOD_VERSION_LIMIT: Duration = Duration::from_secs(7_200);
/// One seed in so many is replayed from its journal (I10).
const REPLAY_EVERY: u64 = 16;

/// A bug planted between the controller and its world.
pub trait Bug {
    /// Whether the controller does not learn of an input.
    fn hides(&mut self, _: &Input) -> bool {
        false
    }

    /// Changes what the controller answered.
    fn distort(&mut self, _: &mut Step) {}
}

/// No bug.
#[derive(Clone, Copy, Debug)]
pub struct NoBug;

impl Bug for NoBug {}

impl<F: FnMut(&mut Step)> Bug for F {
    fn distort(&mut self, step: &mut Step) {
        self(step);
    }
}

/// Lives through what a seed draws.
pub fn run(seed: u64, telling: Telling) -> Result<Outcome, Failure> {
    run_with(seed, telling, &mut NoBug)
}

/// Lives through what a seed draws, with a bug.
pub fn run_with(seed: u64, telling: Telling, bug: &mut dyn Bug) -> Result<Outcome, Failure> {
    let mut draw = Draw::new(seed);
    let scenario = Scenario::draw(&mut draw, Width::of(seed));
    live_through(seed, scenario, draw, telling, bug)
}

/// Lives through a scenario; everything else is drawn from `draw`.
pub(crate) fn live_through(
    seed: u64,
    scenario: Scenario,
    draw: Draw,
    telling: Telling,
    bug: &mut dyn Bug,
) -> Result<Outcome, Failure> {
    let mut world = World::new(scenario, draw, telling, bug);
    if seed.is_multiple_of(REPLAY_EVERY) {
        world.journal = Some(Vec::new());
    }
    let fresh = world.controller.clone();
    let strategy = world.scenario.settings.deployment.strategy;
    let mut life = Life { world, version: 0, strategy };
    // What the life has come to is only told of after a panic, never gone on with.
    let lived = catch_unwind(AssertUnwindSafe(|| life.live().and_then(|()| life.replays(fresh))));
    let outcome = lived.unwrap_or_else(|panic| Err(words_of(panic.as_ref())));
    let World { story, steps, ended, traffic, .. } = life.world;
    let requests = traffic.map(|traffic| traffic.requests).unwrap_or_default();
    match outcome {
        Ok(()) => Ok(Outcome { deployments: ended, steps, requests, story }),
        Err(what) => Err(Failure { seed, what, story }),
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", words.unwrap_or("without words"))
}

struct Life<'a> {
    world: World<'a>,
    version: u64,
    /// What the service has been told to follow from its next deployment on.
    strategy: Strategy,
}

impl Life<'_> {
    fn live(&mut self) -> Result<(), String> {
        self.deploy(self.world.scenario.settings.clone(), Behaviour::GOOD)?;
        for (after, act) in self.world.scenario.acts.clone() {
            self.pass(after)?;
            self.world.await_turn()?;
            self.act(act)?;
            self.world.take_up_held()?;
        }
        self.world.end_faults();
        self.world.await_turn()?;
        self.world.take_up_held()?;
        self.a_good_version_finishes()
    }

    /// I6.
    fn a_good_version_finishes(&mut self) -> Result<(), String> {
        let mut settings = self.world.controller.settings().clone();
        settings.deployment.minimum_healthy_percent = Percent::new(100);
        settings.deployment.maximum_percent = Percent::new(200);
        // Where clients count errors, those of the versions before would fail it, and rightly so.
        settings.deployment.alarms.enable &= self.world.traffic.is_none();
        self.deploy(settings, Behaviour::GOOD)?;
        let until = self.world.now + GOOD_VERSION_LIMIT;
        loop {
            // One answer may lead to the next question.
            while self.answer_pauses(PauseAction::Continue)? > 0 {
                self.refuse_endless()?;
            }
            let status = self.world.controller.service_deployment().map(|deployment| deployment.status);
            match status {
                Some(ServiceDeploymentStatus::Successful) => return Ok(()),
                Some(status) if status.is_terminal() => {
                    return Err(format!("I6: a good version ends {}", status.as_str()));
                }
                Some(_) | None => {}
            }
            if !self.advance(until)? {
                let waits = self.world.controller.waiting(self.world.now);
                return Err(format!("I6: a good version has not finished within {GOOD_VERSION_LIMIT:?}: {waits:?}"));
            }
        }
    }

    fn pass(&mut self, time: Duration) -> Result<(), String> {
        let until = self.world.now + time;
        while self.advance(until)? {}
        Ok(())
    }

    fn advance(&mut self, until: Timestamp) -> Result<bool, String> {
        self.refuse_endless()?;
        self.world.advance(until)
    }

    fn refuse_endless(&self) -> Result<(), String> {
        if self.world.steps > STEPS_MAX {
            return Err(format!("it does not come to rest within {STEPS_MAX} steps"));
        }
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), String> {
        let id = self.present();
        let mut settings = self.world.controller.settings().clone();
        match act {
            Act::Chooses(strategy) => {
                self.strategy = strategy;
                Ok(())
            }
            Act::Deploys(behaviour) => {
                settings.deployment.strategy = self.strategy;
                self.deploy(settings, behaviour)
            }
            Act::Scales(desired_count) => {
                let settings = Settings { desired_count, ..settings };
                self.command(Command::Update(Update { settings, deploy: None }))
            }
            Act::RollsBack => self.command(Command::StopServiceDeployment { id, stop_type: StopType::Rollback }),
            Act::Aborts => self.command(Command::StopServiceDeployment { id, stop_type: StopType::Abort }),
            Act::Answers(action) => self.answer_pauses(action).map(|_| ()),
            Act::SkipsBake => self.command(Command::SkipBake { id }),
            Act::AlarmFires => self.world.feed(Input::Observation(Observation::AlarmFired { name: ALARM.to_owned() })),
            Act::StopsTask => {
                let tasks: Vec<_> = self.world.controller.tasks().map(|task| task.id.clone()).collect();
                if tasks.is_empty() {
                    return Ok(());
                }
                let task = tasks[self.world.draw.below(tasks.len() as u64) as usize].clone();
                self.command(Command::StopTask { task, reason: "Task stopped by user".to_owned() })
            }
        }
    }

    /// Answers every pause that is open; returns how many there were.
    fn answer_pauses(&mut self, action: PauseAction) -> Result<usize, String> {
        let deployment = self.world.controller.service_deployment();
        let goes_on = deployment.filter(|deployment| deployment.status == ServiceDeploymentStatus::InProgress);
        let shift = goes_on.and_then(|deployment| deployment.shift.as_ref());
        let runs = shift.map(|shift| shift.runs.as_slice()).unwrap_or_default();
        let open: Vec<HookId> =
            runs.iter().filter(|run| run.status == HookStatus::AwaitingAction).map(|run| run.id.clone()).collect();
        let (id, count) = (self.present(), open.len());
        for hook in open {
            self.command(Command::ContinueServiceDeployment { id: id.clone(), hook, action })?;
        }
        Ok(count)
    }

    fn present(&self) -> ServiceDeploymentId {
        ServiceDeploymentId::from_bits(u128::from(self.version))
    }

    fn command(&mut self, command: Command) -> Result<(), String> {
        self.world.feed(Input::Command(command))
    }

    fn deploy(&mut self, mut settings: Settings, behaviour: Behaviour) -> Result<(), String> {
        self.version += 1;
        let world = &mut self.world;
        let shifts = settings.deployment.strategy.shifts_traffic();
        // A deployment that replaces tasks has no stages to hook into.
        settings.deployment.lifecycle_hooks = if shifts { world.scenario.hooks.clone() } else { Vec::new() };
        let attached = world.scenario.routing.attach(&world.controller, &world.rules, &settings, routed::DELAY);
        let firing_alarms = world.watch_version(attached.first().filter(|_| shifts));
        let has_health_check = world.scenario.checks_containers;
        let revision = Revision { has_health_check, ..routed::revision(self.version, attached) };
        world.behave(RevisionId::from_bits(self.version), behaviour);
        let rules = world.rules.clone().into_iter().collect();
        let new = NewDeployment { id: self.present(), revision, rules, firing_alarms };
        self.command(Command::Update(Update { settings, deploy: Some(Box::new(new)) }))
    }

    /// I10: the journal gives the same state again.
    fn replays(&mut self, mut fresh: Controller) -> Result<(), String> {
        let Some(journal) = self.world.journal.take() else { return Ok(()) };
        for (at, input) in journal {
            fresh.handle(at, input);
        }
        if fresh == self.world.controller { Ok(()) } else { Err("I10: the journal gives another state".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use seatrial_controller::FailFast;
    use seatrial_model::strategy::TrafficPercent;
    use seatrial_model::{CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, Threshold};

    use super::*;
    use crate::routed::Routing;
    use crate::scenario::{Disk, Load};

    /// Two tasks with five requests a second; a minute after their start another version is deployed.
    fn scenario(strategy: Strategy, behaviour: Behaviour) -> Scenario {
        let deployment = DeploymentConfiguration {
            strategy,
            minimum_healthy_percent: Percent::new(100),
            maximum_percent: Percent::new(200),
            bake_time: Duration::from_secs(60),
            alarms: DeploymentAlarms { names: vec![ALARM.to_owned()], enable: true, rollback: true },
            circuit_breaker: CircuitBreaker {
                enable: true,
                rollback: true,
                reset_on_healthy_task: false,
                threshold: Threshold::Count(3),
            },
            ..DeploymentConfiguration::default()
        };
        let settings = Settings {
            desired_count: 2,
            deployment,
            health_check_grace_period: Duration::ZERO,
            fail_fast: FailFast::On,
            shift_back: None,
        };
        let minute = Duration::from_secs(60);
        Scenario {
            settings,
            routing: Routing::Production,
            acts: vec![(2 * minute, Act::Deploys(behaviour)), (20 * minute, Act::Chooses(strategy))],
            late_percent: 0,
            twice_percent: 0,
            crash_percent: 0,
            crashes_lose_orders: false,
            hooks: Vec::new(),
            checks_containers: false,
            load: Some(Load { interval: Duration::from_millis(200) }),
            disk: None,
        }
    }

    fn lived(scenario: Scenario) -> Outcome {
        live_through(1, scenario, Draw::new(1), Telling::Told, &mut NoBug).expect("it holds")
    }

    #[test]
    fn the_errors_of_a_canary_make_its_alarm_fire_and_take_it_back() {
        let canary =
            Strategy::Canary { percent: TrafficPercent::from_tenths(200), bake_time: Duration::from_secs(120) };
        let outcome = lived(scenario(canary, Behaviour { errors_percent: 50, ..Behaviour::GOOD }));
        assert!(outcome.story.contains("alarm errors is ALARM: Threshold Crossed: "), "{}", outcome.story);
        assert!(outcome.story.contains("is ROLLBACK_SUCCESSFUL"), "{}", outcome.story);
        let Requests { answered, failed, lost, turned_away } = outcome.requests;
        assert!(failed > 5 && 20 * failed < answered, "{failed} of {answered} requests");
        assert_eq!((lost, turned_away), (0, 1), "one comes before the first task is healthy");
    }

    #[test]
    fn a_version_that_runs_out_of_memory_is_given_up_and_its_requests_are_lost() {
        let leaks = Behaviour { leaks_after: Some(2), answers_within: Duration::from_secs(5), ..Behaviour::GOOD };
        let outcome = lived(scenario(Strategy::Rolling, leaks));
        assert!(outcome.story.contains("OutOfMemoryError"), "{}", outcome.story);
        assert!(outcome.story.contains("ROLLBACK_SUCCESSFUL"), "{}", outcome.story);
        assert!(outcome.requests.lost > 0);
    }

    #[test]
    fn a_disk_that_is_slow_and_often_full_costs_time_and_no_request() {
        let good = scenario(Strategy::BlueGreen, Behaviour::GOOD);
        let disk = Some(Disk { commit_max_millis: 500, full_percent: 30 });
        let outcome = lived(Scenario { disk, ..good });
        assert!(outcome.story.contains("the disk is full, and nothing has happened"));
        let Requests { answered, failed, lost, turned_away } = outcome.requests;
        assert!(answered > 1_000);
        assert_eq!((failed, lost), (0, 0));
        assert!(turned_away < 50, "only before the first task is healthy: {turned_away}");
    }

    #[test]
    fn a_request_longer_than_the_deregistration_delay_is_not_waited_for() {
        let slow = Behaviour { answers_within: Duration::from_secs(30), ..Behaviour::GOOD };
        let outcome = lived(scenario(Strategy::Rolling, slow));
        assert!(outcome.requests.lost > 0 && outcome.requests.answered > 500, "{:?}", outcome.requests);
    }
}
