//! A machine to run tasks on: a home, a runtime, a record of what it reported, and a look at what is left afterwards.
#![allow(dead_code)] // Each test binary uses its part.

pub mod engines;
pub mod image;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use seatrial_model::task_definition::{HealthStatus, TaskDefinition};
use seatrial_model::{ContainerName, TaskId, TimeScale, Timestamp};
use seatrial_ports::runtime::{ContainerAddress, ContainerReport, LaunchImage, LaunchSecrets, Runtime, TaskPhase};
use seatrial_ports::{TaskLaunch, TaskReport, TaskRuntime};
use seatrial_runtime::{ContainerEngineOptions, ProcessRuntime, SupervisorCommand};
use serde_json::{Value, json};

use engines::Engine;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Shortens the 5 s that ECS allows at least for a health-check interval to 50 ms.
pub const FAST: u32 = 100;

/// Collects reports and lets tests wait for them.
#[derive(Clone, Default)]
pub struct Recorder {
    shared: Arc<(Mutex<Vec<TaskReport>>, Condvar)>,
}

impl Recorder {
    pub fn record(&self, report: TaskReport) {
        self.shared.0.lock().expect("unpoisoned").push(report);
        self.shared.1.notify_all();
    }

    pub fn all(&self, task: &TaskId) -> Vec<TaskReport> {
        self.shared.0.lock().expect("unpoisoned").iter().filter(|report| report.task == *task).cloned().collect()
    }

    pub fn clear(&self) {
        self.shared.0.lock().expect("unpoisoned").clear();
    }

    /// Waits for a report of the task that fits.
    pub fn wait(&self, task: &TaskId, what: &str, fits: impl Fn(&TaskReport) -> bool) -> TaskReport {
        let deadline = Instant::now() + PATIENCE;
        let mut reports = self.shared.0.lock().expect("unpoisoned");
        loop {
            if let Some(report) = reports.iter().find(|report| report.task == *task && fits(report)) {
                return report.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no report said: {what}; there were {reports:#?}");
            reports = self.shared.1.wait_timeout(reports, left).expect("unpoisoned").0;
        }
    }
}

/// One machine.
pub struct World {
    pub home: PathBuf,
    pub recorder: Recorder,
    runtime: Option<Box<dyn Runtime>>,
    engine: Option<Engine>,
    options: ContainerEngineOptions,
    tasks: Mutex<Vec<TaskId>>,
    _directory: tempfile::TempDir,
}

impl World {
    /// Makes a machine that runs its tasks as this test program wants it: as processes, where the container engine it names is missing.
    pub fn new() -> Self {
        match crate::RUNS_IN.and_then(Engine::of) {
            Some(engine) => World::of_containers(&engine),
            None => World::within("home"),
        }
    }

    /// Makes a machine that runs its tasks in a container engine.
    pub fn of_containers(engine: &Engine) -> Self {
        World::with_options(engine, engine.options())
    }

    pub fn with_options(engine: &Engine, options: ContainerEngineOptions) -> Self {
        World::made("home", Some(engine.clone()), options)
    }

    /// Makes a machine whose home has this name.
    pub fn within(name: &str) -> Self {
        World::made(name, None, ContainerEngineOptions::default())
    }

    fn made(name: &str, engine: Option<Engine>, options: ContainerEngineOptions) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path().join(name);
        let recorder = Recorder::default();
        let runtime = open_runtime(&home, supervisor_command(), &options, &recorder);
        World {
            home,
            recorder,
            runtime: Some(runtime),
            engine,
            options,
            tasks: Mutex::default(),
            _directory: directory,
        }
    }

    /// The runtime under test. The contract knows it by its trait alone.
    pub fn runtime(&self) -> &dyn Runtime {
        self.runtime.as_deref().expect("it is closed in between only")
    }

    /// Ends the runtime the way the end of its engine does.
    pub fn close(&mut self) {
        self.runtime = None;
        self.recorder = Recorder::default();
    }

    /// Opens another runtime on the same home, as a restarted engine does.
    pub fn reopen(&mut self) {
        self.reopen_with(supervisor_command());
    }

    pub fn reopen_with(&mut self, supervisor: SupervisorCommand) {
        self.close();
        self.runtime = Some(open_runtime(&self.home, supervisor, &self.options, &self.recorder));
    }

    /// Restarts the engine; returns the tasks it found.
    pub fn restart(&mut self) -> Vec<TaskId> {
        self.reopen();
        self.runtime().adopt().expect("the home is readable")
    }

    pub fn task_directory(&self, task: &TaskId) -> PathBuf {
        self.home.join("tasks").join(task.as_str())
    }

    pub fn launch(&self, containers: Value) -> TaskLaunch {
        self.launch_document(json!({ "family": "test", "memory": "512", "containerDefinitions": containers }))
    }

    pub fn launch_document(&self, document: Value) -> TaskLaunch {
        let mut launch = launch(&self.home, document);
        if self.engine.is_some() {
            self.put_into_containers(&mut launch);
        }
        self.tasks.lock().expect("unpoisoned").push(launch.task.clone());
        launch
    }

    /// Has a task run in containers, of the image that has the programs of the machine.
    fn put_into_containers(&self, launch: &mut TaskLaunch) {
        let tasks = self.tasks.lock().expect("unpoisoned").len();
        let digest = image::put(&self.home, json!({}));
        launch.runtime = TaskRuntime::Container;
        // The finder gives addresses in turn, so that none of a task that runs comes again.
        assert!(tasks < 200, "more tasks than addresses");
        match self.runtime().container_address(&|_| false).expect("a container engine") {
            ContainerAddress::Own(address) => launch.address = address,
            ContainerAddress::Published => {}
        }
        let names = launch.definition.containers.iter().map(|container| container.name.clone());
        launch.images = names.map(|name| (name, LaunchImage::Stored(digest.clone()))).collect();
    }

    /// Names the containers that the engine has of this home.
    pub fn containers(&self) -> Vec<String> {
        let engine = self.engine.as_ref().expect("a world of containers");
        match self.identity() {
            Some(identity) => engine.containers(&format!("seatrial.home={identity}")),
            None => Vec::new(),
        }
    }

    pub fn identity(&self) -> Option<String> {
        std::fs::read_to_string(self.home.join("container-identity")).ok()
    }

    /// Starts a task of these containers.
    pub fn start(&self, containers: Value) -> TaskId {
        let launch = self.launch(containers);
        let task = launch.task.clone();
        self.runtime().start(launch);
        task
    }

    pub fn wait_for_phase(&self, task: &TaskId, phase: TaskPhase) -> TaskReport {
        self.recorder.wait(task, &format!("{phase:?}"), |report| report.phase == phase)
    }

    pub fn wait_until_stopped(&self, task: &TaskId) -> TaskReport {
        self.wait_for_phase(task, TaskPhase::Stopped)
    }

    pub fn wait_for_health(&self, task: &TaskId, health: HealthStatus) -> TaskReport {
        self.recorder.wait(task, health.as_str(), |report| report.health == health)
    }

    /// Runs a task to its end.
    pub fn run(&self, containers: Value) -> TaskReport {
        let task = self.start(containers);
        self.wait_until_stopped(&task)
    }

    pub fn stop(&self, task: &TaskId) -> TaskReport {
        self.runtime().stop(task);
        self.wait_until_stopped(task)
    }

    /// Returns the messages a container has logged so far.
    pub fn messages(&self, task: &TaskId, container: &str) -> Vec<String> {
        let name = ContainerName::parse(container).expect("a name");
        let lines = self.runtime().logs(task, &name, Timestamp::EPOCH, usize::MAX).expect("readable logs");
        lines.into_iter().map(|line| line.message).collect()
    }

    /// Waits until a container has logged a line that fits, and returns it.
    pub fn wait_for_message(&self, task: &TaskId, container: &str, fits: impl Fn(&str) -> bool) -> String {
        wait_until("a log line", || self.messages(task, container).into_iter().find(|line| fits(line)))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }
}

impl Drop for World {
    /// Stops every task and makes sure that no process is left of any.
    fn drop(&mut self) {
        let tasks = self.tasks.lock().expect("unpoisoned").clone();
        if std::thread::panicking() {
            self.remove_network();
            for id in supervisors_of(&self.home).into_iter().chain(tasks.iter().flat_map(processes_of)) {
                kill(id);
            }
            return;
        }
        if self.runtime.is_none() {
            self.restart();
        }
        self.recorder.clear();
        for task in &tasks {
            self.runtime().stop(task);
        }
        for task in &tasks {
            self.wait_until_stopped(task);
        }
        wait_until("no process is left", || {
            let left: Vec<u32> = tasks.iter().flat_map(processes_of).chain(supervisors_of(&self.home)).collect();
            left.is_empty().then_some(())
        });
        if let Some(engine) = &self.engine
            && is_alive(engine.process)
        {
            wait_until("no container is left", || self.containers().is_empty().then_some(()));
        }
        self.remove_network();
    }
}

impl World {
    fn remove_network(&self) {
        if let (Some(engine), Some(identity)) = (&self.engine, self.identity()) {
            engine.command(&["network", "rm", &format!("seatrial-{identity}")]);
        }
    }
}

fn open_runtime(
    home: &Path,
    supervisor: SupervisorCommand,
    options: &ContainerEngineOptions,
    recorder: &Recorder,
) -> Box<dyn Runtime> {
    let recorder = recorder.clone();
    let reports = Arc::new(move |report| recorder.record(report));
    Box::new(ProcessRuntime::open_with(home, supervisor, options.clone(), reports).expect("the runtime opens"))
}

/// Makes the launch of a task that has not been launched before.
pub fn launch(home: &Path, document: Value) -> TaskLaunch {
    TaskLaunch {
        task: new_task_id(),
        definition: TaskDefinition::parse(&document).expect("a valid definition"),
        runtime: TaskRuntime::Process,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ports: Vec::new(),
        environment: [("TEST_HOME".to_owned(), home.display().to_string())].into(),
        time_scale: TimeScale::try_from(FAST).expect("a valid scale"),
        images: Default::default(),
        secrets: LaunchSecrets::default(),
    }
}

pub fn supervisor_command() -> SupervisorCommand {
    SupervisorCommand { program: supervisor_program(), arguments: Vec::<OsString>::new() }
}

pub fn supervisor_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_seatrial-supervise"))
}

pub fn new_task_id() -> TaskId {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    TaskId::from_bits((now << 32) | (u128::from(std::process::id()) << 8) | u128::from(count))
}

/// Asks again and again until there is an answer.
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Finds the living processes of a task by the mark in their environment.
pub fn processes_of(task: &TaskId) -> Vec<u32> {
    let mark = format!("SEATRIAL_TASK={task}");
    all_processes().filter(|id| file_has(*id, "environ", mark.as_bytes())).collect()
}

/// Finds the supervisors of a home by their command line.
pub fn supervisors_of(home: &Path) -> Vec<u32> {
    let tasks = home.join("tasks");
    all_processes()
        .filter(|id| {
            let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let mut words = command.split(|byte| *byte == 0);
            let program = words.next().unwrap_or_default();
            program == supervisor_program().as_os_str().as_encoded_bytes()
                && words.any(|word| word.starts_with(tasks.as_os_str().as_encoded_bytes()))
        })
        .collect()
}

pub fn supervisor_of(home: &Path, task: &TaskId) -> u32 {
    let directory = home.join("tasks").join(task.as_str());
    let found =
        supervisors_of(home).into_iter().find(|id| file_has(*id, "cmdline", directory.as_os_str().as_encoded_bytes()));
    found.expect("the task has a supervisor")
}

pub fn all_processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("a process table");
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|id| is_alive(*id))
}

/// Tells whether a process exists and is no zombie.
pub fn is_alive(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with(['Z', 'X']))
}

fn file_has(id: u32, file: &str, word: &[u8]) -> bool {
    let content = std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
    content.split(|byte| *byte == 0).any(|part| part == word)
}

/// Tells whether a process has a word on its command line.
pub fn has_word(id: u32, word: &str) -> bool {
    file_has(id, "cmdline", word.as_bytes())
}

/// Leaves a case of the contract out where tasks run in containers, and says why it is about processes of the machine.
#[allow(unused_macros)] // Each test binary uses its part.
macro_rules! of_processes {
    ($why:literal) => {
        if crate::RUNS_IN.is_some() {
            eprintln!("left out in containers: {}", $why);
            return;
        }
    };
}
#[allow(unused_imports)]
pub(crate) use of_processes;

/// Makes a test of each brand of container engine.
#[allow(unused_macros)] // Each test binary uses its part.
macro_rules! engine_test {
    ($name:ident, $test:expr) => {
        mod $name {
            use super::*;
            use crate::support::engines::Brand;

            fn try_with(brand: Brand) {
                let test: fn(&Engine) = $test;
                if let Some(engine) = Engine::of(brand) {
                    test(&engine);
                }
            }

            #[test]
            fn docker() {
                try_with(Brand::Docker);
            }

            #[test]
            fn podman() {
                try_with(Brand::Podman);
            }
        }
    };
}
#[allow(unused_imports)]
pub(crate) use engine_test;

/// Kills a process that belongs to a test.
pub fn kill(id: u32) {
    signal(id, rustix::process::Signal::KILL);
}

pub fn signal(id: u32, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).expect("a process id")).expect("a process id");
    // It may have ended meanwhile.
    let _ = rustix::process::kill_process(id, signal);
}

/// A container that runs a shell script.
pub fn shell(name: &str, script: &str) -> Value {
    json!({ "name": name, "image": "unused", "command": ["/bin/sh", "-c", script], "stopTimeout": 5 })
}

/// Adds members to a container.
pub fn with(mut container: Value, members: Value) -> Value {
    let members = members.as_object().expect("an object").clone();
    container.as_object_mut().expect("an object").extend(members);
    container
}

/// Lists the files below a directory that hold a text.
pub fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let entries = directory.read_dir().expect("a readable directory").map(|entry| entry.expect("an entry").path());
    let holds = |path: &PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_with(&path, text),
            false => Some(path).filter(holds).into_iter().collect(),
        })
        .collect()
}

pub fn container<'a>(report: &'a TaskReport, name: &str) -> &'a ContainerReport {
    report.containers.iter().find(|container| container.name.as_str() == name).expect("the container is reported")
}

pub fn end_reason(report: &TaskReport) -> &str {
    report.end.as_ref().map_or("", |end| &end.reason)
}
