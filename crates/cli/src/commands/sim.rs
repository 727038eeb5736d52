//! `seatrial sim`

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Subcommand};
use seatrial_sim::checkers::requests::Requests;
use seatrial_sim::run::NoBug;
use seatrial_sim::{Failure, Telling, run as live, shrink};
use serde::Serialize;

use crate::arguments::Common;
use crate::exit_code::ExitCode;
use crate::printer::{Paint, Printer};
use crate::show::time::length;

/// Seeds that a thread takes at a time.
const BATCH: u64 = 256;
/// Time between two looks at how far the threads have come.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Time between two remarks about it.
const REMARK_INTERVAL: Duration = Duration::from_secs(5);

/// Try the deployment controller against worlds drawn from seeds, and against everything that may go wrong in them
#[derive(Args, Debug)]
pub struct SimArguments {
    #[command(subcommand)]
    pub command: SimCommand,
}

/// What to do with seeds.
#[derive(Subcommand, Debug)]
pub enum SimCommand {
    /// Live through many seeds and hold every step against the invariants; exit code 1 at the first that is broken
    Run(RunArguments),
    /// Tell one seed step by step
    Replay(SeedArguments),
    /// Leave everything out of a seed that fails without which it still fails
    Shrink(SeedArguments),
}

impl SimCommand {
    pub fn common(&self) -> Common {
        match self {
            SimCommand::Run(arguments) => arguments.common.clone(),
            SimCommand::Replay(arguments) | SimCommand::Shrink(arguments) => arguments.common.clone(),
        }
    }
}

/// Which seeds, and on how many threads.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// How many seeds
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, env = "SEATRIAL_SEEDS")]
    pub seeds: u64,

    /// The first one
    #[arg(long, value_name = "SEED", default_value_t = 0, env = "SEATRIAL_FROM")]
    pub from: u64,

    /// How many threads [default: one for each processor]
    #[arg(long, value_name = "COUNT", env = "SEATRIAL_JOBS")]
    pub jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    pub common: Common,
}

/// One seed.
#[derive(Args, Debug)]
pub struct SeedArguments {
    /// The seed
    #[arg(value_name = "SEED")]
    pub seed: u64,

    #[command(flatten)]
    pub common: Common,
}

/// What came of many seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Survey {
    pub from: u64,
    pub seeds: u64,
    /// Service deployments that came to their end.
    pub deployments: u64,
    pub steps: u64,
    /// What became of the requests that clients sent, from the first seed with clients on.
    pub requests: Requests,
    pub jobs: usize,
    pub deployments_per_second: f64,
    pub broken: Option<Broken>,
}

/// An invariant that was broken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Broken {
    pub seed: u64,
    pub what: String,
}

/// Runs the command.
pub fn run(command: &SimCommand, printer: &Printer) -> Result<ExitCode> {
    match command {
        SimCommand::Run(arguments) => {
            let survey = survey(arguments, printer);
            printer.result(&survey, |paint| text(&survey, paint))?;
            Ok(if survey.broken.is_some() { ExitCode::Failed } else { ExitCode::Done })
        }
        SimCommand::Replay(arguments) => {
            let (story, end, code) = match live(arguments.seed, Telling::Told) {
                Ok(outcome) => (outcome.story, "holds".to_owned(), ExitCode::Done),
                Err(failure) => (failure.story, failure.what, ExitCode::Failed),
            };
            printer.text(&format!("{story}seed {}: {end}\n", arguments.seed))?;
            Ok(code)
        }
        SimCommand::Shrink(arguments) => {
            let Some(shrunk) = shrink(arguments.seed, &mut NoBug) else {
                printer.remark(&format!("seed {} holds; there is nothing to shrink", arguments.seed));
                return Ok(ExitCode::Done);
            };
            let Failure { what, story, .. } = &shrunk.failure;
            let acts = shrunk.scenario.acts.len();
            printer.text(&format!(
                "{:#?}\n{story}seed {}, {acts} of its {} acts: {what}\n",
                shrunk.scenario, arguments.seed, shrunk.acts_before
            ))?;
            Ok(ExitCode::Failed)
        }
    }
}

/// How far the threads have come.
#[derive(Debug, Default)]
struct Count {
    next: AtomicU64,
    seeds: AtomicU64,
    deployments: AtomicU64,
    steps: AtomicU64,
    requests: Mutex<Requests>,
    is_over: AtomicBool,
}

fn survey(arguments: &RunArguments, printer: &Printer) -> Survey {
    let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let jobs = arguments.jobs.unwrap_or_else(available).get();
    let (from, until) = (arguments.from, arguments.from.saturating_add(arguments.seeds));
    let count = Count { next: AtomicU64::new(from), ..Count::default() };
    let begun = Instant::now();
    let broken = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| work(&count, until))).collect();
        let mut remarked = begun;
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(LOOK_INTERVAL);
            if remarked.elapsed() >= REMARK_INTERVAL {
                remarked = Instant::now();
                let seeds = count.seeds.load(Ordering::Relaxed);
                printer.remark(&format!("{seeds} of {} seeds hold after {}", arguments.seeds, length(begun.elapsed())));
            }
        }
        let found = workers.into_iter().filter_map(|worker| worker.join().ok().flatten());
        found.min_by_key(|broken| broken.seed)
    });
    let deployments = count.deployments.load(Ordering::Relaxed);
    Survey {
        from,
        seeds: count.seeds.load(Ordering::Relaxed),
        deployments,
        steps: count.steps.load(Ordering::Relaxed),
        requests: *count.requests.lock().unwrap_or_else(PoisonError::into_inner),
        jobs,
        deployments_per_second: (deployments as f64 / begun.elapsed().as_secs_f64()).round(),
        broken,
    }
}

/// Lives through seeds until there are none, or one is broken anywhere.
fn work(count: &Count, until: u64) -> Option<Broken> {
    loop {
        let first = count.next.fetch_add(BATCH, Ordering::Relaxed);
        if first >= until || count.is_over.load(Ordering::Relaxed) {
            return None;
        }
        for seed in first..until.min(first.saturating_add(BATCH)) {
            match live(seed, Telling::Silent) {
                Ok(outcome) => {
                    count.seeds.fetch_add(1, Ordering::Relaxed);
                    count.deployments.fetch_add(outcome.deployments, Ordering::Relaxed);
                    count.steps.fetch_add(outcome.steps, Ordering::Relaxed);
                    *count.requests.lock().unwrap_or_else(PoisonError::into_inner) += outcome.requests;
                }
                Err(failure) => {
                    count.is_over.store(true, Ordering::Relaxed);
                    return Some(Broken { seed, what: failure.what });
                }
            }
        }
    }
}

fn text(survey: &Survey, paint: Paint) -> String {
    let Survey { from, seeds, deployments, steps, requests, jobs, deployments_per_second, broken } = survey;
    let threads = if *jobs == 1 { "1 thread".to_owned() } else { format!("{jobs} threads") };
    let mut held = format!(
        "{seeds} seeds from {from} on hold: {deployments} deployments, {steps} steps, {deployments_per_second} deployments a second on {threads}"
    );
    let Requests { answered, failed, lost, turned_away } = requests;
    if *requests != Requests::default() {
        held += &format!(
            "\n{answered} requests were answered, {failed} with an error, {lost} were lost with their task, {turned_away} found no task"
        );
    }
    match broken {
        None => held,
        Some(Broken { seed, what }) => format!(
            "{held}\n{} {what}\n  step by step:  seatrial sim replay {seed}\n  made smaller:  seatrial sim shrink {seed}",
            paint.bad(&format!("seed {seed}:"))
        ),
    }
}
