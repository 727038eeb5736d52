//! One attempt at a release, with the lock in hand: its infrastructure is made, its configuration is published, its services are deployed in
//! order, and everything is written down as it happens, so that another attempt knows what this one has done.

use super::in_order::{InOrder, InOrderReport, deploy_in_order};
use super::infrastructure::{Made, Resolve, infrastructure};
use super::recorder::{Recorder, now as answered_at};
use super::{Head, Release, ReleaseId, State, StepRecord, forget, forget_old};
use crate::aws::Connection;
use crate::config::RollbackOverride;
use crate::config_schema::refuse_stored;
use crate::configuration::{Published, pending, refuse_conflicts};
use crate::deploy::{DeployOptions, DeployReport, refuse_firing_alarms, step_began, step_began_with, step_ended};
use crate::error::ReleaseError;
use crate::images::{Provided, push};
use crate::inputs;
use crate::interrupt::Interrupt;
use crate::lock::HeldLock;
use crate::parameters::{Parameters, Realm};
use crate::plan::Plan;
use crate::provision::{InfraPlan, Sacrifice};
use crate::report::{Event, Reporter};
use crate::secrets;
use crate::watch::verdict::Verdict;

/// The step that publishes what the file says under `config`.
const CONFIG: &str = "config";
/// The step after the verdict: what was published for services that did not stay goes back.
const FINISH: &str = "finish";
/// The most characters of a reason that are kept.
pub(super) const WHY_MAX: usize = 400;

/// What an attempt works with.
pub(super) struct Attempt<'a> {
    pub connection: &'a Connection,
    pub plan: &'a Plan,
    /// Makes the plan with the outputs that the infrastructure has once it is made.
    pub resolve: Resolve<'a>,
    pub sacrifice: &'a Sacrifice,
    pub deploy: DeployOptions,
    pub realm: &'a Realm,
    pub id: &'a ReleaseId,
    pub held: &'a HeldLock,
    pub provided: &'a Provided,
    /// What was tested and built for it.
    pub prepared: &'a [StepRecord],
    pub commit: Option<&'a str>,
    pub interrupt: Interrupt,
}

impl Attempt<'_> {
    /// Carries the plan out and writes down what becomes of it.
    pub async fn recorded(
        self,
        fresh: Head,
        earlier: Option<Release>,
        report: &Reporter,
    ) -> Result<DeployReport, ReleaseError> {
        let steps_before = earlier.as_ref().map_or(0, |release| release.steps.len());
        let mut head = match earlier {
            Some(release) => Head { resumed: release.head.resumed + 1, state: State::Running, ..release.head },
            None => fresh,
        };
        let mut recorder = Recorder::new(self.connection, self.realm, self.id, steps_before);
        // A release that has a head can be gone on with: what it was begun with is there before.
        recorder.images(&self.provided.images).await?;
        recorder.head(&head).await?;
        recorder.steps(self.prepared).await?;
        let outcome = self.steps(&recorder, &recorder.reporter(report), &mut head).await;
        let at = answered_at(self.connection);
        let moved_nothing = matches!(&outcome, Ok(report) if report.verdict == Verdict::NothingToDo);
        head.state = match &outcome {
            // What an earlier attempt began has come to its end meanwhile; or only what is around the services has changed.
            Ok(_) if moved_nothing => State::Ended { verdict: Verdict::Deployed, at },
            Ok(report) => State::Ended { verdict: report.verdict, at },
            Err(error) => State::Stopped { why: error.to_string().chars().take(WHY_MAX).collect(), at },
        };
        let parameters = Parameters { connection: self.connection, realm: self.realm };
        // What changes nothing is no release.
        let written = if moved_nothing && head.resumed == 0 && !recorder.has_changes() && head.config_before.is_empty()
        {
            recorder.finish().await;
            forget(&parameters, self.id).await
        } else {
            let written = recorder.head(&head).await;
            recorder.finish().await;
            written.and(forget_old(self.connection, self.realm).await)
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the end of the release could not be written");
        }
        outcome
    }

    /// The steps: if the services do not stay, neither does the configuration.
    async fn steps(
        &self,
        recorder: &Recorder,
        report: &Reporter,
        head: &mut Head,
    ) -> Result<DeployReport, ReleaseError> {
        let connection = self.connection;
        if self.plan.infra != InfraPlan::None && self.plan.pending_outputs.is_empty() {
            refuse_firing_alarms(connection, self.plan, &self.deploy, report, &self.interrupt).await?;
        }
        refuse_stored(connection, self.plan).await?;
        refuse_conflicts(connection, self.plan).await?;
        let made = infrastructure(self, report).await?;
        if made.is_some() {
            // It may have taken longer than a lock lasts.
            self.held.ensure().await?;
        }
        let plan = made.as_ref().map_or(self.plan, |made| &made.plan);
        assert!(plan.pending_outputs.is_empty(), "places are held only in plans that nobody carries out");
        secrets::refuse_missing(connection, plan, report).await?;
        refuse_firing_alarms(connection, plan, &self.deploy, report, &self.interrupt).await?;
        self.pushed(report).await?;
        // Somebody may have taken it over in the same instant as this one.
        self.held.ensure().await?;
        let published = self.published(plan, recorder, report, head).await?;
        let order = InOrder { connection, plan, options: &self.deploy, held: self.held, began_at: head.began_at };
        let InOrderReport { outcome, has_gone_back } = deploy_in_order(&order, report, self.interrupt.clone()).await;
        let stays = match &outcome {
            Ok(report) => match report.verdict {
                Verdict::RolledBack | Verdict::RollbackFailed => false,
                Verdict::TimedOut => self.deploy.rollback == RollbackOverride::Never,
                Verdict::NothingToDo | Verdict::Deployed | Verdict::Started | Verdict::Reached => true,
                // Nobody knows yet, or it was to be left as it is.
                Verdict::Interrupted | Verdict::Paused | Verdict::Failed => true,
            },
            // It can be gone on with, unless it was taken back already.
            Err(_) => !has_gone_back,
        };
        if outcome.is_ok() || !stays {
            report.send(step_began(FINISH));
            let finished = if stays { Ok(Vec::new()) } else { self.taken_back(made.as_ref(), &published, head).await };
            report.send(step_ended(FINISH, &finished, |lines| ("done".to_owned(), lines.clone())));
            finished?.into_iter().for_each(|line| report.send(Event::Note(line)));
        }
        outcome
    }

    /// Puts back what was published for services that did not stay; returns what is to be told.
    async fn taken_back(
        &self,
        made: Option<&Made>,
        published: &Published,
        head: &mut Head,
    ) -> Result<Vec<String>, ReleaseError> {
        let mut lines = Vec::new();
        if made.is_some_and(|made| made.preview.changes_anything()) {
            lines.push("the infrastructure stays as this release has made it".to_owned());
        }
        if published.is_empty() {
            return Ok(lines);
        }
        self.held.ensure().await?;
        // The verdict on the services is what matters; what could not be put back can be by hand.
        lines.extend(published.take_back(self.connection, self.realm).await);
        head.config.clear();
        head.config_before.clear();
        Ok(lines)
    }

    /// Pushes the images that were built; those that are there already are found.
    async fn pushed(&self, report: &Reporter) -> Result<(), ReleaseError> {
        for built in &self.provided.built {
            push(self.connection, &self.plan.app, built, self.commit, report).await?;
            self.held.ensure().await?;
        }
        Ok(())
    }

    /// Publishes the configuration, and writes down at once what was there before.
    async fn published(
        &self,
        plan: &Plan,
        recorder: &Recorder,
        report: &Reporter,
        head: &mut Head,
    ) -> Result<Published, ReleaseError> {
        if plan.config.is_empty() {
            return Ok(Published::default());
        }
        report.send(step_began_with(CONFIG, &inputs::of(&plan.config)));
        let published = self.publish(plan, recorder, head).await;
        report.send(step_ended(CONFIG, &published, |published| ("done".to_owned(), published.details())));
        let published = published?;
        head.config.clone_from(&published.versions);
        head.config_before.clone_from(published.before());
        if !published.is_empty() {
            recorder.head(head).await?;
        }
        Ok(published)
    }

    async fn publish(&self, plan: &Plan, recorder: &Recorder, head: &mut Head) -> Result<Published, ReleaseError> {
        let pending = pending(self.connection, self.realm, &plan.config, &head.config_before).await?;
        if !pending.is_empty() {
            // Written down before it is done: whoever goes on after a crash can put back what was there.
            head.config_before.clone_from(pending.before());
            recorder.head(head).await?;
        }
        pending.publish(self.connection, self.realm, &plan.config).await
    }
}
