//! Says how the task is: to `state.json`, then to the engines that listen.

use std::time::{Duration, Instant};

use seatrial_model::TimeScale;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{TaskPhase, Usage};

use super::server::ControlServer;
use crate::control;
use crate::directory::TaskDirectory;
use crate::files::{self, Durability};
use crate::saved_state::{GroupMark, SavedState};

/// How often processor time and memory are told, at the scale of time. They are the points of metrics, of which alarms look at whole
/// minutes: without a point in each of them nothing is scaled in.
const USAGE_INTERVAL: Duration = Duration::from_secs(5);
/// The shortest real time between two readings, whatever the scale: over a shorter one processor time says little.
const USAGE_INTERVAL_MIN: Duration = Duration::from_millis(500);

/// Disk space held back so that the end of the task can be saved when its own logs, or anything else, have filled the disk: several
/// times the size of a report.
const RESERVE: [u8; 16 * 1024] = [0; 16 * 1024];

/// Sends and saves reports that say something new.
#[derive(Debug)]
pub(super) struct Publisher {
    directory: TaskDirectory,
    boot: String,
    sequence: u64,
    last: Option<TaskReport>,
    last_groups: Vec<GroupMark>,
    usage: Option<Usage>,
    usage_interval: Duration,
    next_usage: Instant,
    cannot_save: bool,
}

/// How often usage is read at a scale of time.
pub(super) fn usage_interval(scale: TimeScale) -> Duration {
    scale.apply(USAGE_INTERVAL).max(USAGE_INTERVAL_MIN)
}

impl Publisher {
    pub fn new(directory: TaskDirectory, boot: String, scale: TimeScale, now: Instant) -> Self {
        // Where there is no space to hold back, the end is saved if there is some then.
        let _ = std::fs::write(directory.reserve_file(), RESERVE);
        let usage_interval = usage_interval(scale);
        Publisher {
            directory,
            boot,
            sequence: 0,
            last: None,
            last_groups: Vec::new(),
            usage: None,
            usage_interval,
            next_usage: now + usage_interval,
            cannot_save: false,
        }
    }

    /// Publishes a report if it differs from the last one. `describe` makes it, given its number and the last usage.
    pub fn publish(
        &mut self,
        server: &mut ControlServer,
        groups: Vec<GroupMark>,
        describe: impl Fn(u64, Option<Usage>) -> TaskReport,
    ) {
        let unchanged = describe(self.sequence, self.usage);
        if self.last.as_ref() == Some(&unchanged) && self.last_groups == groups {
            return;
        }
        self.sequence += 1;
        let report = describe(self.sequence, self.usage);
        if report.phase == TaskPhase::Stopped {
            let _ = std::fs::remove_file(self.directory.reserve_file());
        }
        self.save(SavedState { report: report.clone(), groups: groups.clone(), boot: self.boot.clone() });
        server.publish(control::line(&report));
        self.last = Some(report);
        self.last_groups = groups;
    }

    /// When usage is to be read next. It is told to engines only, so there is no hurry while none listens.
    pub fn usage_due_at(&self) -> Instant {
        self.next_usage
    }

    /// Takes a reading and tells it, also when it is the same as the last: that a task does nothing is news. It is not saved: it is worth
    /// nothing to a later engine.
    pub fn publish_usage(&mut self, now: Instant, server: &mut ControlServer, cpu_time: Duration, memory: u64) {
        self.next_usage = now + self.usage_interval;
        self.note_usage(cpu_time, memory);
        let usage = self.usage;
        if let Some(last) = &mut self.last {
            self.sequence += 1;
            last.sequence = self.sequence;
            last.usage = usage;
            server.publish(control::line(last));
        }
    }

    /// Lets a reading that is due be, as there is none.
    pub fn pass_usage(&mut self, now: Instant) {
        self.next_usage = now + self.usage_interval;
    }

    /// Takes the last reading, to be told with the last report.
    pub fn note_usage(&mut self, cpu_time: Duration, memory: u64) {
        let reading = self.usage.map_or(0, |usage| usage.reading) + 1;
        self.usage = Some(Usage { reading, cpu_time, memory });
    }

    /// Makes the last state survive the machine.
    pub fn make_durable(&self) {
        if let Err(error) = files::sync(&self.directory.state_file()) {
            eprintln!("could not make the last state of the task durable: {error}");
        }
    }

    /// A disk that takes no state stops no task: the engines that listen are told all the same. Said once, not at every change.
    fn save(&mut self, state: SavedState) {
        let saved = state.write(&self.directory, Durability::Process);
        if let Err(error) = &saved
            && !self.cannot_save
        {
            eprintln!("could not save the state of the task: {error}");
        }
        self.cannot_save = saved.is_err();
    }
}
