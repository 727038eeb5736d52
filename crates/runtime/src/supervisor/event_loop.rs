//! Waits for what concerns the task: signals, sockets, pipes and time. What is done about it is in the modules beneath.

mod doing;
mod ends;
mod shims;
mod watching;

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Pid;
use seatrial_ports::{TaskLaunch, TaskRuntime};

use super::check::{CheckPipe, RunningCheck};
use super::containers::Containers;
use super::machine::{ContainerIndex, Input, Now, TaskMachine};
use super::memory::MemoryWatch;
use super::publisher::{Publisher, usage_interval};
use super::running::Running;
use super::server::ControlServer;
use super::signals::Signals;
use super::unpacking::Images;
use super::{SuperviseError, failed};
use crate::clock::wall_now;
use crate::container_engine::ContainerPlace;
use crate::control::Order;
use crate::directory::TaskDirectory;
use crate::files;
use crate::process_table;
use ends::SWEEP_INTERVAL;
use watching::FILES_LOOK_INTERVAL;

/// How long the last report may take to reach the engines that listen; they find it in `state.json` as well.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// The supervisor at work.
pub(super) struct EventLoop {
    launch: TaskLaunch,
    directory: TaskDirectory,
    own: Pid,
    machine: TaskMachine,
    running: BTreeMap<ContainerIndex, Running>,
    checks: BTreeMap<ContainerIndex, RunningCheck>,
    images: Images,
    /// Present when the task is run in containers.
    containers: Option<Containers>,
    signals: Signals,
    server: ControlServer,
    publisher: Publisher,
    memory: MemoryWatch,
    next_files_look: Instant,
    /// Set while the last processes are being killed.
    sweep_deadline: Option<Instant>,
    buffer: Vec<u8>,
}

/// Something that woke the loop.
#[derive(Clone, Copy, Debug)]
enum Source {
    Children,
    Termination,
    Listener,
    Connection(usize),
    Output(ContainerIndex, usize),
    Check(ContainerIndex, CheckPipe),
    Images,
    Keeper,
    Shim(ContainerIndex),
}

impl EventLoop {
    pub fn new(launch: TaskLaunch, directory: TaskDirectory) -> Result<Self, SuperviseError> {
        let now = Instant::now();
        let mut server = ControlServer::open().map_err(failed("listen on the control socket"))?;
        server.adopt_standard_input().map_err(failed("use the connection to the engine"))?;
        let null = std::fs::File::open("/dev/null").map_err(failed("open /dev/null"))?;
        rustix::stdio::dup2_stdin(null).map_err(|error| failed("replace standard input")(error.into()))?;
        let containers = match launch.runtime {
            TaskRuntime::Process => None,
            TaskRuntime::Container => Some(begin_containers(&launch, &directory)?),
        };
        let (memory, images) = match containers {
            None => (MemoryWatch::new(&launch.definition, now), Images::begin(&launch, directory.images())),
            // The container engine has both.
            Some(_) => (MemoryWatch::without_limits(now), Images::none()),
        };
        Ok(EventLoop {
            machine: TaskMachine::new(&launch),
            memory,
            next_files_look: now + FILES_LOOK_INTERVAL,
            signals: Signals::install().map_err(failed("listen for signals"))?,
            publisher: Publisher::new(directory.clone(), process_table::boot(), launch.time_scale, now),
            own: rustix::process::getpid(),
            running: BTreeMap::new(),
            checks: BTreeMap::new(),
            images: images.map_err(failed("unpack images"))?,
            containers,
            sweep_deadline: None,
            buffer: Vec::new(),
            launch,
            directory,
            server,
        })
    }

    pub fn run(mut self) -> Result<(), SuperviseError> {
        self.feed(Input::Launched);
        loop {
            self.reap();
            self.keep_watch();
            if self.machine.wake_at().is_some_and(|at| at <= Instant::now()) {
                self.feed(Input::Tick);
            }
            if self.machine.is_stopped() {
                break;
            }
            for source in self.wait()? {
                self.serve(source);
            }
            self.server.forget_broken();
        }
        self.say_farewell();
        // What its containers wrote is nobody's any more; what resists goes with the task's directory.
        let _ = seatrial_image::remove_path(&self.directory.roots());
        Ok(())
    }

    /// Sleeps until something happens or is due.
    fn wait(&self) -> Result<Vec<Source>, SuperviseError> {
        let sources = self.sources();
        let mut descriptors: Vec<PollFd<'_>> =
            sources.iter().map(|(_, descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags)).collect();
        let timeout = self.wake_at().map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(failed("wait for events")(error.into())),
        }
        let ready = sources.iter().zip(&descriptors).filter(|(_, descriptor)| !descriptor.revents().is_empty());
        Ok(ready.map(|((source, _, _), _)| *source).collect())
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut sources = vec![
            (Source::Children, self.signals.children(), PollFlags::IN),
            (Source::Termination, self.signals.termination(), PollFlags::IN),
            (Source::Listener, self.server.listener(), PollFlags::IN),
        ];
        let connections = self.server.connections();
        sources.extend(connections.map(|(index, descriptor, flags)| (Source::Connection(index), descriptor, flags)));
        for (container, running) in &self.running {
            let outputs = running.descriptors();
            sources.extend(outputs.map(|(index, pipe)| (Source::Output(*container, index), pipe, PollFlags::IN)));
        }
        let shims = self.running.iter().filter_map(|(container, running)| Some((*container, running.line()?)));
        sources.extend(shims.map(|(container, line)| (Source::Shim(container), line, PollFlags::IN)));
        let keeper = self.containers.as_ref().and_then(Containers::descriptor);
        sources.extend(keeper.map(|line| (Source::Keeper, line, PollFlags::IN)));
        sources.extend(self.images.bell().map(|bell| (Source::Images, bell, PollFlags::IN)));
        for (container, check) in &self.checks {
            let pipes = check.descriptors();
            sources.extend(pipes.map(|(which, pipe)| (Source::Check(*container, which), pipe, PollFlags::IN)));
        }
        sources
    }

    fn wake_at(&self) -> Option<Instant> {
        let outputs = self.running.values().filter_map(Running::wake_at);
        let usage = self.server.has_connections().then(|| self.publisher.usage_due_at());
        let sweep = self.sweep_deadline.map(|deadline| deadline.min(Instant::now() + SWEEP_INTERVAL));
        let others = [self.machine.wake_at(), self.memory.wake_at(), usage, sweep, Some(self.next_files_look)];
        outputs.chain(others.into_iter().flatten()).min()
    }

    fn serve(&mut self, source: Source) {
        match source {
            Source::Children => self.signals.clear(),
            Source::Termination => {
                self.signals.clear();
                self.feed(Input::StopOrdered);
            }
            Source::Listener => self.server.accept(),
            Source::Connection(index) => {
                for order in self.server.serve(index) {
                    match order {
                        Order::Stop => self.feed(Input::StopOrdered),
                    }
                }
            }
            Source::Output(container, index) => {
                if let Some(running) = self.running.get_mut(&container) {
                    running.read(index, now(), &mut self.buffer);
                }
            }
            Source::Images => {
                for container in self.images.settled() {
                    if let Some(started) = self.start(container) {
                        self.feed(started);
                    }
                }
            }
            Source::Keeper => self.hear_keeper(),
            Source::Shim(container) => self.hear_shim(container),
            Source::Check(container, pipe) => {
                if let Some(check) = self.checks.get_mut(&container) {
                    check.read(pipe);
                }
            }
        }
    }

    /// Lets the last report reach the engines that listen.
    fn say_farewell(&mut self) {
        let deadline = Instant::now() + FAREWELL_LIMIT;
        while !self.server.is_idle() && Instant::now() < deadline {
            let timeout = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
            let connections: Vec<_> = self.server.connections().collect();
            let mut descriptors: Vec<PollFd<'_>> = connections
                .iter()
                .map(|(_, descriptor, _)| PollFd::from_borrowed_fd(*descriptor, PollFlags::OUT))
                .collect();
            if poll(&mut descriptors, timeout.as_ref()).is_err() {
                break;
            }
            for index in 0..descriptors.len() {
                self.server.serve(index);
            }
            self.server.forget_broken();
        }
        self.publisher.make_durable();
        // A socket left behind does no harm: nobody answers.
        let _ = std::fs::remove_file(TaskDirectory::SOCKET_NAME);
    }
}

fn begin_containers(launch: &TaskLaunch, directory: &TaskDirectory) -> Result<Containers, SuperviseError> {
    let place: Option<ContainerPlace> =
        files::read_json(&directory.containers_file()).map_err(failed("read containers.json"))?;
    let place = place.ok_or_else(|| SuperviseError::NoContainerEngine(directory.path().display().to_string()))?;
    let interval = usage_interval(launch.time_scale);
    Containers::begin(launch, place, directory, interval).map_err(failed("start the keeper of the containers"))
}

fn now() -> Now {
    Now { instant: Instant::now(), wall: wall_now() }
}
