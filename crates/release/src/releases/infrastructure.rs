//! The `infra` step of a release: the infrastructure is made first, and the services are planned with what it tells then.

use super::attempt::Attempt;
use crate::config::ConfigError;
use crate::deploy::{step_began_with, step_ended};
use crate::error::ReleaseError;
use crate::inputs;
use crate::plan::Plan;
use crate::provision::{InfraPlan, Outputs, Preview, Workshop};
use crate::report::Reporter;

/// Makes the plan again with the outputs of an infrastructure.
pub type Resolve<'a> = &'a (dyn Fn(&Outputs) -> Result<Plan, ConfigError> + Send + Sync);

/// The step.
pub(super) const INFRA: &str = "infra";

/// An infrastructure that was made, and the plan with what it tells.
pub(super) struct Made {
    pub preview: Preview,
    pub plan: Plan,
}

/// Makes the infrastructure of a release, if it has any.
pub(super) async fn infrastructure(attempt: &Attempt<'_>, report: &Reporter) -> Result<Option<Made>, ReleaseError> {
    let Attempt { connection, plan, resolve, sacrifice, held, interrupt, .. } = attempt;
    if plan.infra == InfraPlan::None {
        return Ok(None);
    }
    report.send(step_began_with(INFRA, &inputs::of_infra(&plan.infra)));
    let workshop = Workshop::new(connection, &plan.infra, report, interrupt.clone()).under(held);
    let made = match workshop.apply(sacrifice).await {
        Ok(applied) => match resolve(&applied.outputs) {
            Ok(plan) => Ok(Made { preview: applied.preview, plan }),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error),
    };
    report.send(step_ended(INFRA, &made, |made| ("done".to_owned(), vec![made.preview.in_words()])));
    made.map(Some)
}
