//! One load under way: what its parts share, and the path of one request.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;

use crate::connection::Dialer;
use crate::exchange;
use crate::failure::{Failure, FailureKind};
use crate::pending::PendingRequest;
use crate::plan::{LoadPlan, SlowRequests};
use crate::pool::Pool;
use crate::report::LoadReport;
use crate::request::Template;
use crate::tally::{Answer, Speed, Tally};
use crate::values::InvalidValue;

/// Most requests not settled at a time. It bounds the memory of a load whose
/// target stands still; requests beyond it fail at once, counted as such.
const MAX_IN_FLIGHT: u64 = 100_000;

/// What the parts of a load share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) plan: LoadPlan,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) tally: Arc<Tally>,
    pool: Pool,
    ordinary: Template,
    slow: Option<(SlowRequests, Template)>,
}

impl Run {
    pub(crate) fn new(plan: LoadPlan, dialer: Dialer) -> Result<Arc<Run>, InvalidValue> {
        let dialer = Arc::new(dialer);
        let slow = match &plan.slow {
            Some(slow) => Some((slow.clone(), Template::new(&plan, &slow.path)?.posting(&plan))),
            None => None,
        };
        Ok(Arc::new(Run {
            pool: Pool::new(Arc::clone(&dialer), plan.protocol, plan.max_connections),
            tally: Tally::new(plan.version_header.clone()),
            ordinary: Template::new(&plan, plan.target.path())?.posting(&plan),
            slow,
            dialer,
            plan,
        }))
    }

    /// Starts the request with this many before it, which is due now.
    pub(crate) fn start_request(self: &Arc<Self>, runtime: &Handle, earlier: u64, scheduled: Instant) {
        let pending = self.tally.send(scheduled.elapsed());
        let (speed, path) = self.choose(earlier);
        if self.tally.in_flight() > MAX_IN_FLIGHT {
            let detail = format!("more than {MAX_IN_FLIGHT} requests wait for their answers");
            return pending.failed(path, Failure::new(FailureKind::ConnectionLimit, detail));
        }
        let run = Arc::clone(self);
        runtime.spawn(async move { run.request(speed, scheduled, pending).await });
    }

    /// Reports what was counted until now.
    pub(crate) fn report(&self) -> LoadReport {
        self.tally.report(self.plan.target.to_string(), self.plan.rate.per_second(), self.pool.opened())
    }

    fn choose(&self, earlier: u64) -> (Speed, &str) {
        match &self.slow {
            Some((slow, _)) if slow.fraction.falls_on(earlier) => (Speed::Slow, slow.path.as_str()),
            Some(_) | None => (Speed::Ordinary, self.plan.target.path().as_str()),
        }
    }

    async fn request(&self, speed: Speed, scheduled: Instant, pending: PendingRequest) {
        let (template, path) = match (speed, &self.slow) {
            (Speed::Slow, Some((slow, template))) => (template, slow.path.as_str()),
            (Speed::Slow, None) | (Speed::Ordinary, _) => (&self.ordinary, self.plan.target.path().as_str()),
        };
        let deadline = scheduled + self.plan.timeout;
        let permit = match self.pool.permit(deadline).await {
            Ok(permit) => permit,
            Err(failure) => return pending.failed(path, failure),
        };
        let began = Instant::now();
        let mut lease = match self.pool.lend(permit, deadline).await {
            Ok(lease) => lease,
            Err(failure) => return pending.failed(path, failure.after_waiting(began.duration_since(scheduled))),
        };
        match exchange::whole(&mut lease.sender, template.request(), lease.reuse, deadline).await {
            Ok(head) => {
                let (service, corrected) = (began.elapsed(), scheduled.elapsed());
                let headers = &head.headers;
                pending.answered(&Answer { status: head.status, headers, speed, path, service, corrected });
                self.pool.take_back(lease).await;
            }
            Err(failure) => pending.failed(path, failure.after_waiting(began.duration_since(scheduled))),
        }
    }
}
