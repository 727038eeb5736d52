//! What a seed draws before anything happens: the service, how its versions behave, what clients do, and how much goes wrong.

use std::time::Duration;

use seatrial_controller::{FailFast, PauseAction, Settings};
use seatrial_model::strategy::TrafficPercent;
use seatrial_model::{
    CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, HookTarget, LifecycleHook, LifecycleStage, Percent,
    ReturnSteps, Strategy, Threshold, TimeoutAction,
};

use crate::behaviour::{Behaviour, Boot, Verdict};
use crate::draw::Draw;
use crate::routed::Routing;

/// The alarm that may fail a deployment.
pub const ALARM: &str = "errors";

/// The soonest that a check tells something. No balancer checks more often than every few seconds; a version that failed its checks every
/// millisecond would fill a run with its replacements.
const CHECK_MIN_MILLIS: u64 = 200;

/// A service and the world around it, as its seed drew them.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    pub settings: Settings,
    pub routing: Routing,
    pub acts: Vec<(Duration, Act)>,
    /// Out of a hundred happenings, how many are seen later than others that came after them.
    pub late_percent: u64,
    /// Out of a hundred observations, how many are made twice.
    pub twice_percent: u64,
    /// Out of a hundred steps, how many end in a crash of the control plane.
    pub crash_percent: u64,
    /// Whether a crash loses the orders of its step, which are given when the control plane is back a while later.
    pub crashes_lose_orders: bool,
    /// Hooks of deployments that shift traffic.
    pub hooks: Vec<LifecycleHook>,
    /// Whether containers have a health check, too.
    pub checks_containers: bool,
    /// Clients, if there are any.
    pub load: Option<Load>,
    /// The disk, if it is a bad one.
    pub disk: Option<Disk>,
}

/// Clients that send requests at their own pace, whatever becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The time between two requests, on average.
    pub interval: Duration,
}

/// A disk that makes the control plane wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The longest time until a step is stored.
    pub commit_max_millis: u64,
    /// Out of a hundred steps, how many find no room.
    pub full_percent: u64,
}

/// How much a seed draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Narrow,
    /// Also hooks and pauses, container health checks, traffic that goes back in steps, and crashes that lose orders.
    Wide,
    /// Also requests one by one, whose errors make an alarm fire, memory that runs out, and disks that are slow or full.
    Loaded,
}

impl Width {
    /// Seeds from here on are wide. What is found below keeps its seed.
    pub const WIDE_FROM: u64 = 1 << 20;

    /// Seeds from here on are loaded.
    pub const LOADED_FROM: u64 = 1 << 21;

    /// The width of a seed.
    pub const fn of(seed: u64) -> Self {
        if seed < Self::WIDE_FROM {
            Width::Narrow
        } else if seed < Self::LOADED_FROM {
            Width::Wide
        } else {
            Width::Loaded
        }
    }
}

/// What a client or the surroundings do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Deploys(Behaviour),
    /// The next deployments follow another strategy.
    Chooses(Strategy),
    Scales(u32),
    RollsBack,
    Aborts,
    SkipsBake,
    AlarmFires,
    StopsTask,
    /// Answers every pause that is open.
    Answers(PauseAction),
}

/// The most acts of the first phase.
const ACTS_MAX: u64 = 8;

impl Scenario {
    /// Draws a scenario.
    pub fn draw(draw: &mut Draw, width: Width) -> Self {
        let narrow = Self::narrow(draw);
        match width {
            Width::Narrow => narrow,
            Width::Wide => narrow.widened(draw),
            Width::Loaded => narrow.widened(draw).loaded(draw),
        }
    }

    /// Whether nothing happens that could leave clients without an answer: tasks stay well once they are, nobody kills one, and the floor is
    /// at least one task.
    pub fn is_gentle(&self) -> bool {
        let is_gentle = |act: &Act| match act {
            Act::Deploys(behaviour) => behaviour.stays_well(),
            Act::Scales(count) => *count > 0,
            Act::StopsTask => false,
            Act::Chooses(_) | Act::RollsBack | Act::Aborts | Act::SkipsBake | Act::AlarmFires | Act::Answers(_) => true,
        };
        let deployment = &self.settings.deployment;
        self.settings.desired_count > 0
            && deployment.minimum_healthy_percent.value() > 0
            && self.acts.iter().all(|(_, act)| is_gentle(act))
    }

    fn widened(mut self, draw: &mut Draw) -> Self {
        self.hooks = (0..draw.below(3)).map(|_| hook(draw)).collect();
        self.checks_containers = draw.chance(30);
        self.crashes_lose_orders = draw.chance(50);
        if draw.chance(40) {
            let every = Duration::from_secs(1 + draw.below(20));
            self.settings.shift_back = ReturnSteps::new(TrafficPercent::from_tenths(250), every).ok();
        }
        if !self.hooks.is_empty() {
            for _ in 0..1 + draw.below(4) {
                let action = if draw.chance(80) { PauseAction::Continue } else { PauseAction::Rollback };
                let place = draw.below(self.acts.len() as u64 + 1) as usize;
                self.acts.insert(place, (pause(draw), Act::Answers(action)));
            }
        }
        self
    }

    fn loaded(mut self, draw: &mut Draw) -> Self {
        let interval = draw.millis(50, 3_000);
        self.load = Some(Load { interval });
        if self.routing == Routing::Headless {
            self.routing = Routing::OneGroup;
            self.settings.deployment.strategy = Strategy::Rolling;
            self.acts.retain(|(_, act)| !matches!(act, Act::Chooses(_)));
        }
        let is_gentle = draw.chance(50);
        if is_gentle {
            self.acts.retain(|(_, act)| !matches!(act, Act::StopsTask | Act::Scales(0)));
            self.settings.desired_count = self.settings.desired_count.max(1);
            if self.settings.deployment.minimum_healthy_percent.value() == 0 {
                self.settings.deployment.minimum_healthy_percent = Percent::new(50);
            }
        }
        for (_, act) in &mut self.acts {
            if let Act::Deploys(behaviour) = act {
                *behaviour = clientele(draw, *behaviour);
                if is_gentle {
                    *behaviour = Behaviour { exits_after: None, ails_after: None, leaks_after: None, ..*behaviour };
                }
            }
        }
        if draw.chance(30) {
            let commit_max_millis = draw.one_of(&[50, 500, 5_000]);
            let full_percent = draw.one_of(&[0, 0, 5, 30]);
            self.disk = Some(Disk { commit_max_millis, full_percent });
        }
        self
    }

    fn narrow(draw: &mut Draw) -> Self {
        let routing = match draw.below(6) {
            0 => Routing::Headless,
            1 | 2 => Routing::ProductionAndTest,
            _ => Routing::Production,
        };
        let settings = settings(draw, routing);
        let count = 2 + draw.below(ACTS_MAX - 1);
        let acts = (0..count).map(|_| (pause(draw), act(draw, routing))).collect();
        let faulty = draw.chance(50);
        let rate = |percent| if faulty { percent } else { 0 };
        Scenario {
            settings,
            routing,
            acts,
            late_percent: rate(10),
            twice_percent: rate(10),
            crash_percent: rate(5),
            crashes_lose_orders: false,
            hooks: Vec::new(),
            checks_containers: false,
            load: None,
            disk: None,
        }
    }
}

/// Draws a pause, or a function that is asked, in one or two stages.
fn hook(draw: &mut Draw) -> LifecycleHook {
    let is_pause = draw.chance(40);
    let fits = |stage: &LifecycleStage| if is_pause { stage.takes_pauses() } else { stage.takes_functions() };
    let stages: Vec<LifecycleStage> = LifecycleStage::ALL.into_iter().filter(fits).collect();
    let mut chosen: Vec<LifecycleStage> = (0..1 + draw.below(2)).map(|_| draw.one_of(&stages)).collect();
    chosen.sort_unstable();
    chosen.dedup();
    LifecycleHook {
        target: if is_pause { HookTarget::Pause } else { HookTarget::Function("arn:function".to_owned()) },
        stages: chosen,
        details: None,
        timeout: draw.millis(5_000, 120_000),
        on_timeout: draw.one_of(&[TimeoutAction::Rollback, TimeoutAction::Continue]),
    }
}

/// Draws a strategy that the engine takes: in steps goes only what a load balancer shares.
fn strategy(draw: &mut Draw, routing: Routing) -> Strategy {
    match draw.below(5) {
        0 => Strategy::BlueGreen,
        1 | 2 if routing == Routing::Headless => Strategy::BlueGreen,
        1 => Strategy::Canary { percent: TrafficPercent::from_tenths(50), bake_time: draw.millis(0, 20_000) },
        2 => Strategy::Linear { step: TrafficPercent::from_tenths(300), bake_time: draw.millis(0, 10_000) },
        _ => Strategy::Rolling,
    }
}

fn settings(draw: &mut Draw, routing: Routing) -> Settings {
    let strategy = strategy(draw, routing);
    let shifts = strategy.shifts_traffic();
    let percents = [(100, 200), (50, 100), (0, 100), (100, 150), (50, 200), (75, 125)];
    let (minimum, maximum) = if shifts { (100, 200) } else { draw.one_of(&percents) };
    let threshold = draw.one_of(&[
        Threshold::Count(1),
        Threshold::Count(3),
        Threshold::BoundedPercent(50),
        Threshold::UnboundedPercent(50),
    ]);
    let circuit_breaker = CircuitBreaker {
        enable: draw.chance(75),
        rollback: draw.chance(75),
        reset_on_healthy_task: draw.chance(50),
        threshold,
    };
    let alarms = DeploymentAlarms { names: vec![ALARM.to_owned()], enable: draw.chance(50), rollback: draw.chance(70) };
    let deployment = DeploymentConfiguration {
        minimum_healthy_percent: Percent::new(minimum),
        maximum_percent: Percent::new(maximum),
        circuit_breaker,
        strategy,
        bake_time: draw.millis(0, 30_000),
        alarms,
        ..DeploymentConfiguration::default()
    };
    Settings {
        desired_count: desired_count(draw),
        deployment,
        health_check_grace_period: draw.one_of(&[Duration::ZERO, Duration::from_secs(3)]),
        fail_fast: draw.one_of(&[FailFast::On, FailFast::Off]),
        shift_back: None,
    }
}

fn desired_count(draw: &mut Draw) -> u32 {
    draw.below(7) as u32
}

/// Draws the time to the next act: often in the middle of something, sometimes when all has come to rest.
fn pause(draw: &mut Draw) -> Duration {
    if draw.chance(60) { draw.millis(0, 3_000) } else { draw.millis(3_000, 120_000) }
}

fn act(draw: &mut Draw, routing: Routing) -> Act {
    match draw.below(13) {
        0..=4 => Act::Deploys(behaviour(draw)),
        5 => Act::Scales(desired_count(draw)),
        6 => Act::RollsBack,
        7 => Act::Aborts,
        8 => Act::SkipsBake,
        9 => Act::AlarmFires,
        10 => Act::Chooses(strategy(draw, routing)),
        _ => Act::StopsTask,
    }
}

/// Draws what clients see of a version: some of its answers take longer than the deregistration delay, some are errors, and its memory may
/// run out.
fn clientele(draw: &mut Draw, behaviour: Behaviour) -> Behaviour {
    let answers_within = match draw.below(10) {
        0..=6 => draw.millis(1, 2_000),
        7 | 8 => draw.millis(2_000, 9_000),
        _ => draw.millis(9_000, 20_000),
    };
    let errors_percent = if draw.chance(20) { draw.one_of(&[1, 10, 50, 100]) } else { 0 };
    let leaks_after = if draw.chance(8) { Some(1 + draw.below(40) as u32) } else { None };
    Behaviour { answers_within, errors_percent, leaks_after, ..behaviour }
}

/// Draws how a version's tasks behave: half of the versions are good.
fn behaviour(draw: &mut Draw) -> Behaviour {
    let good = Behaviour {
        boot_time: draw.millis(1, 3_000),
        check_time: draw.millis(CHECK_MIN_MILLIS, 5_000),
        drains_in: if draw.chance(80) { Some(draw.millis(0, 12_000)) } else { None },
        stops_in: if draw.chance(90) { draw.millis(1, 500) } else { Duration::from_secs(30) },
        ..Behaviour::GOOD
    };
    let after = Some(draw.millis(CHECK_MIN_MILLIS, 30_000));
    match draw.below(12) {
        0 => Behaviour { boot: Boot::Fails, ..good },
        1 => Behaviour { boot: Boot::CannotStart, ..good },
        2 => Behaviour { boot: Boot::Hangs, ..good },
        3 => Behaviour { verdict: Verdict::Fails, ..good },
        4 => Behaviour { exits_after: after, ..good },
        5 => Behaviour { ails_after: after, ..good },
        _ => good,
    }
}
