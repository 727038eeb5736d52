//! The world around one controller: it executes effects the way each version behaves, and tells the controller what happens.
//!
//! Virtual time jumps from one happening to the next. `control_plane` gives the controller its inputs and holds every step against
//! [`Watch`] (every [`AUDIT_EVERY`]th state is audited), `tasks` is what tasks do, `requests` what their clients see.

mod control_plane;
mod requests;
mod tasks;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use seatrial_controller::{Controller, HookAnswer, Input, Policy, Seed};
use seatrial_model::{HookId, RevisionId, ServiceName, TargetGroupArn, TaskId, Timestamp};

use crate::agenda::Agenda;
use crate::behaviour::Behaviour;
use crate::checkers::Watch;
use crate::draw::Draw;
use crate::routed::Rules;
use crate::run::{Bug, Telling};
use crate::scenario::Scenario;
use control_plane::{Down, Held};
use requests::{RequestId, Traffic};
use tasks::Actor;

/// When every world begins.
pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// The longest that an observation is late.
const LATE_MAX_MILLIS: u64 = 3_000;

#[derive(Clone, Debug)]
enum Happening {
    Boots(TaskId),
    Verdict(TaskId),
    Ails(TaskId),
    Exits(TaskId),
    Drained(TaskId, TargetGroupArn, u64),
    Ends(TaskId),
    /// The containers' own check has its first verdict.
    ContainerVerdict(TaskId),
    HookAnswers(HookId, u32, HookAnswer),
    /// The control plane is back.
    Restarts,
    /// A client sends its request.
    Asks,
    /// A request has been worked on for as long as it takes.
    Answers(RequestId),
    /// The alarm looks at the requests of the period that ends.
    Evaluates,
}

impl Happening {
    /// Whether it is something that a control plane learns of, which may be late.
    fn is_observed(&self) -> bool {
        !matches!(self, Happening::Restarts | Happening::Asks | Happening::Answers(_) | Happening::Evaluates)
    }
}

/// A service and the world around it.
pub struct World<'a> {
    pub controller: Controller,
    pub now: Timestamp,
    pub rules: Rules,
    pub draw: Draw,
    pub scenario: Scenario,
    pub story: String,
    pub steps: u64,
    /// Service deployments that have ended.
    pub ended: u64,
    /// Every input with its instant, where it is asked for.
    pub journal: Option<Vec<(Timestamp, Input)>>,
    /// Where the scenario has clients.
    pub traffic: Option<Traffic>,
    telling: Telling,
    has_faults: bool,
    watch: Watch,
    behaviours: BTreeMap<RevisionId, Behaviour>,
    agenda: Agenda<Happening>,
    actors: BTreeMap<TaskId, Actor>,
    bug: &'a mut dyn Bug,
    down: Option<Down>,
    /// A client is about to give a command.
    client_waits: bool,
    /// What waits behind it.
    held: Vec<Held>,
}

impl<'a> World<'a> {
    /// Makes the world of a scenario; `bug` stands between it and the controller.
    pub fn new(scenario: Scenario, mut draw: Draw, telling: Telling, bug: &'a mut dyn Bug) -> Self {
        let service = ServiceName::parse("web").expect("a service name");
        let settings = scenario.settings.clone();
        let controller = Controller::new(service, Seed::from_bits(draw.number().into()), Policy::engine(), settings);
        let watch = Watch::new(scenario.settings.clone(), Policy::engine());
        let mut world = World {
            controller,
            now: START,
            rules: scenario.routing.rules(),
            draw,
            traffic: scenario.load.map(|load| Traffic::new(load, &scenario)),
            scenario,
            story: String::new(),
            steps: 0,
            ended: 0,
            journal: None,
            telling,
            has_faults: true,
            watch,
            behaviours: BTreeMap::new(),
            agenda: Agenda::default(),
            actors: BTreeMap::new(),
            bug,
            down: None,
            client_waits: false,
            held: Vec::new(),
        };
        world.clients_begin();
        world
    }

    /// Says how the tasks of a version behave.
    pub fn behave(&mut self, revision: RevisionId, behaviour: Behaviour) {
        self.behaviours.insert(revision, behaviour);
    }

    /// Ends every fault: from here on all goes well but for what versions do themselves.
    pub fn end_faults(&mut self) {
        (self.scenario.late_percent, self.scenario.twice_percent, self.scenario.crash_percent) = (0, 0, 0);
        self.scenario.disk = None;
        self.has_faults = false;
    }

    /// Lets happen what happens next, if that is before `until`; tells whether something has.
    pub fn advance(&mut self, until: Timestamp) -> Result<bool, String> {
        let wake = self.controller.wake_at(self.now).map(|(at, _)| at).filter(|_| self.down.is_none());
        let Some(at) = wake.into_iter().chain(self.agenda.next_at()).min().filter(|at| *at <= until) else {
            self.now = until;
            return Ok(false);
        };
        self.now = self.now.max(at);
        // A happening of the same instant may turn out to concern nobody any more, and the controller asks for no instant twice.
        let is_woken = wake == Some(at);
        match if is_woken { None } else { self.agenda.take_next() } {
            Some(happening) => self.happen(happening)?,
            None => self.feed(Input::Tick)?,
        }
        Ok(true)
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.agenda.plan(self.now + after, happening);
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        if happening.is_observed() && self.draw.chance(self.scenario.late_percent) {
            let late = self.draw.millis(1, LATE_MAX_MILLIS);
            self.schedule(late, happening);
            return Ok(());
        }
        match happening {
            Happening::Boots(task) => self.boot(task),
            Happening::Verdict(task) => self.report(&task),
            Happening::Ails(task) => self.ail(&task),
            Happening::Exits(task) => self.exit(task),
            Happening::Drained(task, target_group, registration) => self.drained(task, target_group, registration),
            Happening::Ends(task) => self.end_ordered(task),
            Happening::ContainerVerdict(task) => self.report_containers(task),
            Happening::HookAnswers(hook, attempt, answer) => self.hook_answers(hook, attempt, answer),
            Happening::Restarts => self.restart(),
            Happening::Asks => self.ask(),
            Happening::Answers(request) => self.answer(request),
            Happening::Evaluates => self.evaluate_alarm(),
        }
    }

    /// Writes a line of the story, where it is told.
    fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.telling == Telling::Told {
            let at = self.now.since(START).as_millis();
            let line = line(self);
            let _ = writeln!(self.story, "{}.{:03} {}", at / 1000, at % 1000, line.trim_end());
        }
    }
}
