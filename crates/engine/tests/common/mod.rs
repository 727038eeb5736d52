//! A machine that exists in memory: every port of the engine as a fake that records what it was asked and says what the test wants.
//!
//! Time stands still unless the test moves it; random bits come from a counter. A [`World`] can be restarted: the engine is made anew
//! from what its journal holds.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod balancer;
mod clock;
mod hooks;
mod journal;
mod runtime;
mod vault;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use seatrial_engine::reports::Inbox;
use seatrial_engine::{Engine, EngineSettings, Machine, Refusal, State, Transaction};
use seatrial_model::arn::Scope;
use seatrial_model::{AccountId, Region, TimeScale};

pub use balancer::FakeBalancer;
pub use clock::FakeClock;
pub use hooks::FakeHooks;
pub use journal::FakeJournal;
pub use runtime::{FakeRuntime, RuntimeOrder};
pub use vault::FakeVault;

/// The address of the image registry in these tests.
pub const REGISTRY: &str = "127.0.0.1:4880";
/// The longest a test waits for what another thread does.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Where the fakes report to; another one after a restart.
pub type CurrentInbox = Arc<Mutex<Arc<Inbox>>>;

/// An engine on a fake machine.
pub struct World {
    pub clock: Arc<FakeClock>,
    pub journal: Arc<FakeJournal>,
    pub balancer: Arc<FakeBalancer>,
    pub runtime: Arc<FakeRuntime>,
    pub hooks: Arc<FakeHooks>,
    pub vault: Arc<FakeVault>,
    pub engine: Engine,
    inbox: CurrentInbox,
    settings: EngineSettings,
    drawn: Arc<AtomicU64>,
}

impl World {
    pub fn new() -> Self {
        World::with_scale(1)
    }

    /// An engine whose waits are so many times shorter.
    pub fn with_scale(factor: u32) -> Self {
        World::with(factor, IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// An engine whose load balancers listen on an address.
    pub fn listening(address: IpAddr) -> Self {
        World::with(1, address)
    }

    fn with(factor: u32, listen: IpAddr) -> Self {
        let inbox: CurrentInbox = Arc::default();
        let clock = Arc::new(FakeClock::default());
        let journal = Arc::new(FakeJournal::default());
        let balancer = Arc::new(FakeBalancer::new(Arc::clone(&inbox)));
        let runtime = Arc::new(FakeRuntime::new(Arc::clone(&inbox)));
        let hooks = Arc::new(FakeHooks::new(Arc::clone(&inbox)));
        let vault = Arc::default();
        let settings = EngineSettings {
            scope: scope(),
            scale: TimeScale::try_from(factor).expect("a time scale"),
            listen,
            registry: REGISTRY.to_owned(),
            task_environment: BTreeMap::new(),
        };
        let drawn = Arc::default();
        let engine = start(&clock, &journal, &balancer, &runtime, &hooks, &vault, &inbox, &settings, &drawn);
        World { clock, journal, balancer, runtime, hooks, vault, engine, inbox, settings, drawn }
    }

    /// Ends the engine and starts another one on the same journal and machine, as after a crash.
    pub fn restart(&mut self) {
        self.engine.close();
        *lock(&self.inbox) = Arc::default();
        let World { clock, journal, balancer, runtime, hooks, vault, inbox, settings, drawn, .. } = self;
        self.engine = start(clock, journal, balancer, runtime, hooks, vault, inbox, settings, drawn);
    }

    /// Runs a command that is not refused.
    pub fn run<T>(&self, command: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal>) -> T {
        self.engine.transact(command).expect("the command is not refused")
    }

    /// Runs a command that is refused, and returns the code and message.
    pub fn refusal<T>(&self, command: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal>) -> (String, String) {
        match self.engine.transact(command) {
            Ok(_) => panic!("the command is refused"),
            Err(refusal) => (refusal.code.to_owned(), refusal.message),
        }
    }

    /// Works reports in, on a thread of its own, as long as the driver lives.
    pub fn drive(&self) -> Driver {
        let engine = self.engine.clone();
        let thread = std::thread::spawn(move || engine.drive());
        Driver { engine: self.engine.clone(), thread: Some(thread) }
    }

    /// Waits until the state is as wanted.
    pub fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        wait(what, || self.engine.read(&is_so));
    }

    /// Returns the records of some tables as texts, to compare an engine with the one before it.
    pub fn records(&self, tables: &[&str]) -> Vec<String> {
        self.journal.records(tables)
    }
}

/// The running driver of an engine; stops with it when dropped.
pub struct Driver {
    engine: Engine,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.engine.close();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the driver does not panic");
        }
    }
}

/// Waits until something is so; what it was waiting for shows when it never is.
pub fn wait(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + WAIT_MAX;
    while !is_so() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Where the fake engine's resources live.
pub fn scope() -> Scope {
    Scope {
        region: Region::parse("us-east-1").expect("a region"),
        account: AccountId::parse("123456789012").expect("an account"),
    }
}

#[allow(clippy::too_many_arguments, reason = "one for each part of the machine")]
fn start(
    clock: &Arc<FakeClock>,
    journal: &Arc<FakeJournal>,
    balancer: &Arc<FakeBalancer>,
    runtime: &Arc<FakeRuntime>,
    hooks: &Arc<FakeHooks>,
    vault: &Arc<FakeVault>,
    inbox: &CurrentInbox,
    settings: &EngineSettings,
    drawn: &Arc<AtomicU64>,
) -> Engine {
    let drawn = Arc::clone(drawn);
    let machine = Machine {
        runtime: Arc::clone(runtime) as _,
        balancer: Arc::clone(balancer) as _,
        hooks: Arc::clone(hooks) as _,
        journal: Arc::clone(journal) as _,
        clock: Arc::clone(clock) as _,
        vault: Arc::clone(vault) as _,
        entropy: Box::new(move || bits(drawn.fetch_add(1, Ordering::Relaxed))),
    };
    let inbox = Arc::clone(&lock(inbox));
    Engine::start(machine, settings.clone(), inbox).expect("the engine starts")
}

/// Spreads a number over 128 bits (the finalizer of SplitMix64, twice), so that ids look drawn and are the same in every run.
fn bits(number: u64) -> u128 {
    let mix = |mut z: u64| {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    u128::from(mix(2 * number)) << 64 | u128::from(mix(2 * number + 1))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What the fakes hold is changed by single assignments.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
