//! Starts and stops a load.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::Dialer;
use crate::pacer::{Brake, Schedule, pace};
use crate::plan::LoadPlan;
use crate::report::LoadReport;
use crate::request::Template;
use crate::run::Run;
use crate::stop::Stop;
use crate::stream::read_streams;
use crate::values::InvalidValue;
use crate::websocket::Worker;

/// How much longer than a request may take the end of a load waits: for closing
/// handshakes and for a machine that is slow.
const FINAL_WAIT_MARGIN: Duration = Duration::from_secs(10);

/// Why a load could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The target's host could not be resolved.
    #[error("cannot resolve the host '{host}'")]
    Resolve {
        /// The host of the target's URL.
        host: String,
        /// What the resolver says.
        #[source]
        source: io::Error,
    },
    /// The plan cannot be carried out.
    #[error("cannot make the requests of the plan")]
    Plan(#[source] InvalidValue),
    /// The operating system gave no thread.
    #[error("cannot start the thread that keeps time")]
    Thread(#[source] io::Error),
}

/// Makes the load and reports on it when it is over. A plan without an end
/// ([`UntilStopped`](crate::Length::UntilStopped)) never is: use a [`LoadHandle`] for it.
///
/// # Errors
/// When the load could not be started; failures of the load itself are in the report.
pub async fn run(plan: LoadPlan) -> Result<LoadReport, LoadError> {
    let mut load = LoadHandle::start(plan).await?;
    load.finished().await;
    Ok(load.stop().await)
}

/// A load under way. Dropping the handle stops it without a report.
#[derive(Debug)]
pub struct LoadHandle {
    run: Arc<Run>,
    brake: Brake,
    pacer: thread::JoinHandle<()>,
    over: watch::Receiver<bool>,
    stop_workers: watch::Sender<bool>,
    workers: JoinSet<()>,
}

impl LoadHandle {
    /// Starts the load, on the current tokio runtime. The host is resolved once, here.
    ///
    /// # Errors
    /// When the host cannot be resolved or the plan cannot be carried out. A
    /// target that does not answer is no error but failures in the report.
    pub async fn start(plan: LoadPlan) -> Result<LoadHandle, LoadError> {
        let addresses = resolve(&plan).await?;
        let run = Run::new(plan.clone(), Dialer::new(&plan, addresses)).map_err(LoadError::Plan)?;
        let (stop_workers, stop) = Stop::new();
        let workers = start_workers(&run, &stop).map_err(LoadError::Plan)?;
        let brake = Brake::default();
        let (over_sender, over) = watch::channel(false);
        let pacer = thread::Builder::new().name("load-pacer".to_owned()).spawn({
            let (run, brake, runtime) = (Arc::clone(&run), brake.clone(), Handle::current());
            let schedule = Schedule { rate: plan.rate, length: plan.length };
            move || {
                let began = run.tally.began();
                pace(schedule, began, &brake, |number, due| run.start_request(&runtime, number, due));
                over_sender.send_replace(true);
            }
        });
        let pacer = pacer.map_err(LoadError::Thread)?;
        Ok(LoadHandle { run, brake, pacer, over, stop_workers, workers })
    }

    /// Returns the counts so far, with what is still in flight.
    pub fn snapshot(&self) -> LoadReport {
        self.run.report()
    }

    /// Waits until the plan's last request was started; for ever when the plan
    /// has no end. May be cancelled and called again.
    pub async fn finished(&mut self) {
        // An error means that the pacer is gone: finished, too.
        let _ = self.over.wait_for(|over| *over).await;
    }

    /// Starts no more requests, waits for the end of those in flight and
    /// reports. The wait is limited by the plan's timeouts.
    pub async fn stop(mut self) -> LoadReport {
        self.brake.pull(self.pacer.thread());
        self.finished().await;
        self.stop_workers.send_replace(true);
        let patience = self.run.plan.timeout + self.run.plan.connect_timeout + FINAL_WAIT_MARGIN;
        let everything = async {
            self.run.tally.all_settled().await;
            while self.workers.join_next().await.is_some() {}
        };
        // What has not ended by then is counted as such.
        let _ = tokio::time::timeout(patience, everything).await;
        self.workers.shutdown().await;
        self.run.tally.close();
        self.run.report()
    }
}

impl Drop for LoadHandle {
    fn drop(&mut self) {
        self.brake.pull(self.pacer.thread());
    }
}

async fn resolve(plan: &LoadPlan) -> Result<Vec<SocketAddr>, LoadError> {
    let host = plan.target.host();
    let failed = |source| LoadError::Resolve { host: host.to_owned(), source };
    let addresses = tokio::net::lookup_host((host, plan.target.port())).await.map_err(failed)?;
    Ok(addresses.collect())
}

fn start_workers(run: &Arc<Run>, stop: &Stop) -> Result<JoinSet<()>, InvalidValue> {
    let mut workers = JoinSet::new();
    if let Some(streams) = &run.plan.streams {
        let template = Template::new(&run.plan, &streams.path)?;
        for _ in 0..streams.count.get() {
            workers.spawn(read_streams(Arc::clone(run), streams.clone(), template.clone(), stop.clone()));
        }
    }
    if let Some(websockets) = &run.plan.websockets {
        for index in 0..websockets.count.get() {
            workers.spawn(Worker::new(Arc::clone(run), websockets.clone(), index, stop.clone()).run());
        }
    }
    Ok(workers)
}
