//! The alarms in short-hand of one service: made when missing, adjusted when they differ, and pointed at the new revision before a
//! deployment begins.
//!
//! An alarm on a target group remembers what the tasks before did there. Before a deployment that shifts traffic, its alarms are told from
//! when on data count, so that the new revision is judged by what it does itself.

use std::time::{Duration, Instant};

use aws_sdk_cloudwatch::types::MetricAlarm;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;

use super::alarm_request::{document_of, fill, keep_actions};
use super::pair::Pairing;
use super::tags::{for_cloudwatch, tags};
use super::{Balanced, Ensuring};
use crate::aws::DoingExt;
use crate::difference::{self, Difference, Members};
use crate::error::ReleaseError;
use crate::firing::{self, FiringAlarm, FiringAlarms, in_words};
use crate::plan::{AlarmPlan, AlarmSubject, PairSide, ServicePlan, since};
use crate::report::{Change, Event, Resource};

/// Longest wait for an alarm to leave ALARM once it was told to begin anew: CloudWatch evaluates each once a minute.
const BEGIN_ANEW_LIMIT: Duration = Duration::from_secs(180);

/// The alarms of a service, and the target group that its next revision gets.
pub(super) struct ServiceAlarms<'a> {
    ensuring: &'a Ensuring<'a>,
    plan: &'a ServicePlan,
    side: PairSide,
    /// The target groups whose requests are judged.
    subjects: Vec<(PairSide, AlarmSubject)>,
}

impl<'a> ServiceAlarms<'a> {
    /// Makes what is missing and adjusts what differs; `existing` is the service as ECS describes it.
    pub async fn ensure(
        ensuring: &'a Ensuring<'a>,
        plan: &'a ServicePlan,
        balanced: &Balanced,
        existing: &Json,
    ) -> Result<Self, ReleaseError> {
        let mut alarms = Self { ensuring, plan, side: PairSide::Own, subjects: Vec::new() };
        let groups = balanced.groups.get(&plan.name);
        let (false, Some(balancer), Some(groups)) = (plan.alarms.is_empty(), &balanced.balancer, groups) else {
            return Ok(alarms);
        };
        let pairing = Pairing::of_deployment(plan, groups, &balanced.rules, existing);
        alarms.side = pairing.side_of_new_revision(ensuring.connection, plan, existing).await?;
        let judged = [PairSide::Own, PairSide::Alternate].map(|side| (side, pairing.target_group(side)));
        // Replaced tasks are in one target group with the new ones; nobody asks about the other.
        let is_judged = |side: PairSide| plan.pair().is_some() || side == alarms.side;
        alarms.subjects = judged
            .into_iter()
            .filter_map(|(side, group)| Some((side, AlarmSubject::of_arns(&balancer.arn, group?))))
            .filter(|(side, _)| is_judged(*side))
            .collect();
        alarms.put_all(None).await?;
        Ok(alarms)
    }

    /// Adds the names of the alarms on the new revision to what is wanted of the service.
    pub fn name(&self, wanted: &mut Json) {
        self.plan.name_alarms(wanted, self.side);
    }

    /// A service as it would be described if its alarms were on this target group: which one a deployment has watched is no difference.
    pub fn on_this_side(&self, existing: &Json) -> Json {
        let mut existing = existing.clone();
        let names = existing.pointer_mut("/deploymentConfiguration/alarms/alarmNames").and_then(Json::as_array_mut);
        for name in names.into_iter().flatten() {
            let other = self.plan.alarms.iter().find(|alarm| *name == *alarm.name_on(self.side.other()));
            if let Some(alarm) = other {
                *name = json!(alarm.name_on(self.side));
            }
        }
        existing
    }

    /// The alarms that keep a deployment from beginning as things are. Those that will begin anew cannot.
    pub async fn firing(&self) -> Result<Vec<FiringAlarm>, ReleaseError> {
        let named = self.plan.named_alarms();
        let lasting = self.plan.alarms.iter().filter(|_| self.plan.pair().is_none());
        let names: Vec<String> =
            named.iter().cloned().chain(lasting.map(|alarm| alarm.name_on(self.side).to_owned())).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let standings = firing::look(self.ensuring.connection, &names).await?;
        refuse_missing(self.plan, &standings.missing(&named))?;
        Ok(standings.firing(&self.plan.name))
    }

    /// Prepares the alarms for a deployment that is about to begin, and refuses it while one is firing.
    pub async fn ready(&self) -> Result<(), ReleaseError> {
        let named = self.plan.named_alarms();
        let own = self.plan.alarms.iter().map(|alarm| alarm.name_on(self.side).to_owned());
        let names: Vec<String> = named.iter().cloned().chain(own).collect();
        if names.is_empty() {
            return Ok(());
        }
        let mut standings = firing::look(self.ensuring.connection, &names).await?;
        refuse_missing(self.plan, &standings.missing(&named))?;
        if self.plan.pair().is_some() {
            self.put_all(Some(standings.at)).await?;
            standings = self.begun_anew(&names, &named).await?;
        }
        let firing = standings.firing(&self.plan.name);
        match (firing.is_empty(), self.ensuring.firing_alarms) {
            (true, _) => Ok(()),
            (false, FiringAlarms::Refuse) => Err(ReleaseError::Blocked { alarms: firing }),
            (false, FiringAlarms::Ignore) => {
                let note = format!("{}; ECS watches no alarm during this deployment", in_words(&firing));
                self.ensuring.report.send(Event::Note(note));
                Ok(())
            }
        }
    }

    /// Waits until no alarm of ours remembers the version before.
    async fn begun_anew(&self, names: &[String], named: &[String]) -> Result<firing::Standings, ReleaseError> {
        let deadline = Instant::now() + BEGIN_ANEW_LIMIT;
        let mut interrupt = self.ensuring.interrupt.clone();
        let mut sightings = 0;
        loop {
            let standings = firing::look(self.ensuring.connection, names).await?;
            let remembering = standings.alarms.iter().find(|alarm| alarm.is_firing && !named.contains(&alarm.name));
            let Some(alarm) = remembering else { return Ok(standings) };
            if self.ensuring.firing_alarms == FiringAlarms::Ignore || Instant::now() >= deadline {
                return Ok(standings);
            }
            sightings += 1;
            // The first may come between the change and its evaluation.
            if sightings == 2 {
                let note = format!("waiting until alarm {} has forgotten the version before", alarm.name);
                self.ensuring.report.send(Event::Note(note));
            }
            let before = "the alarms had forgotten the version before".to_owned();
            if interrupt.sleep(self.ensuring.connection.poll_interval()).await {
                return Err(ReleaseError::Interrupted { before });
            }
        }
    }

    /// Puts alarms that differ from the plan. `begin` makes those on the new revision's target group count from that instant on.
    async fn put_all(&self, begin: Option<OffsetDateTime>) -> Result<(), ReleaseError> {
        for (side, subject) in &self.subjects {
            let begin = begin.map(OffsetDateTime::unix_timestamp).filter(|_| *side == self.side);
            for alarm in &self.plan.alarms {
                self.put(alarm, *side, subject, begin).await?;
            }
        }
        Ok(())
    }

    async fn put(
        &self,
        alarm: &AlarmPlan,
        side: PairSide,
        subject: &AlarmSubject,
        begin: Option<i64>,
    ) -> Result<(), ReleaseError> {
        let name = alarm.name_on(side);
        let cloudwatch = &self.ensuring.connection.cloudwatch;
        let described = cloudwatch.describe_alarms().alarm_names(name).send().await;
        let described = described.doing(|| format!("looking for alarm {name}"))?;
        let existing = described.metric_alarms().first();
        let (request, change) = match existing {
            None => {
                let tags = for_cloudwatch(tags(self.ensuring.plan, Some(&self.plan.name)));
                (cloudwatch.put_metric_alarm().set_tags(Some(tags)), Change::Created(told(alarm, side, subject)))
            }
            Some(existing) => {
                let differing = differences(alarm, side, subject, existing);
                let change = if differing.is_empty() { Change::Unchanged } else { Change::Updated(differing) };
                (keep_actions(cloudwatch.put_metric_alarm(), existing), change)
            }
        };
        if self.ensuring.carries_out() && (change != Change::Unchanged || begin.is_some()) {
            let kept = existing.map_or(0, |existing| since(&document_of(existing)));
            let document = alarm.document(side, subject, begin.unwrap_or(kept));
            fill(request, &document).send().await.doing(|| format!("putting alarm {name}"))?;
        }
        // That an alarm begins anew is part of the deployment, and nothing to report beside it.
        if begin.is_none() || change != Change::Unchanged {
            self.ensuring.report.ensured(Resource::Alarm, name, Some(&self.plan.name), change);
        }
        Ok(())
    }
}

/// Refuses names of no alarm: ECS would watch nothing under them.
fn refuse_missing(plan: &ServicePlan, missing: &[String]) -> Result<(), ReleaseError> {
    match missing {
        [] => Ok(()),
        names => {
            let verb = if names.len() == 1 { "does" } else { "do" };
            Err(ReleaseError::not_possible(
                format!("alarm {}, which service {} names, {verb} not exist", names.join(", "), plan.name),
                "correct `deployment.alarms`, create it (aws cloudwatch put-metric-alarm), or write one in short-hand: { errors: 5%, for: 2m }",
            ))
        }
    }
}

/// In which settings an alarm differs from the plan. From when on its data count is the deployments' to say.
fn differences(alarm: &AlarmPlan, side: PairSide, subject: &AlarmSubject, existing: &MetricAlarm) -> Vec<Difference> {
    let existing = document_of(existing);
    difference::differences(&existing, &alarm.document(side, subject, since(&existing)), Members::Wanted)
}

/// What is told of a new alarm: what it watches is in its description.
fn told(alarm: &AlarmPlan, side: PairSide, subject: &AlarmSubject) -> Vec<Difference> {
    let mut document = alarm.document(side, subject, 0);
    for member in ["AlarmName", "Metrics"] {
        document.as_object_mut().and_then(|members| members.remove(member));
    }
    difference::settings(&document)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::ComparisonOperator;

    use super::*;
    use crate::plan::Measure;

    fn plan() -> AlarmPlan {
        AlarmPlan {
            name: "a-dev-web-errors".into(),
            alternate_name: "a-dev-web-errors-alt".into(),
            description: "x".into(),
            measure: Measure::Errors,
            threshold: 5.0,
            period: 60,
            periods: 2,
            missing_data: "notBreaching",
        }
    }

    fn subject() -> AlarmSubject {
        AlarmSubject { load_balancer: "app/a-dev/1".into(), target_group: "targetgroup/a-dev-web/2".into() }
    }

    /// The alarm as CloudWatch would describe it after this document was put.
    fn described(document: &Json) -> MetricAlarm {
        let config = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(aws_sdk_cloudwatch::config::BehaviorVersion::latest())
            .build();
        let request = fill(aws_sdk_cloudwatch::Client::from_conf(config).put_metric_alarm(), document);
        let input = request.as_input().clone();
        MetricAlarm::builder()
            .set_alarm_name(input.get_alarm_name().clone())
            .set_alarm_description(input.get_alarm_description().clone())
            .set_metrics(input.get_metrics().clone())
            .set_evaluation_periods(*input.get_evaluation_periods())
            .set_threshold(*input.get_threshold())
            .set_comparison_operator(input.get_comparison_operator().clone())
            .set_treat_missing_data(input.get_treat_missing_data().clone())
            .build()
    }

    #[test]
    fn an_alarm_that_was_put_is_right_from_whenever_its_data_count() {
        for measure in [Measure::Errors, Measure::ResponseTime("p95".into())] {
            let plan = AlarmPlan { measure, ..plan() };
            let document = plan.document(PairSide::Own, &subject(), 1_764_226_800);
            let existing = described(&document);
            assert_eq!(document_of(&existing), document, "nothing is lost on the way");
            assert_eq!(differences(&plan, PairSide::Own, &subject(), &existing), []);
        }
    }

    #[test]
    fn every_difference_is_named() {
        let existing = described(&plan().document(PairSide::Own, &subject(), 7));
        let told = |plan: &AlarmPlan, subject: &AlarmSubject, existing: &MetricAlarm| -> Vec<String> {
            let differences = differences(plan, PairSide::Own, subject, existing);
            let member = |difference: &Difference| difference.setting.split(['.', '[']).next().map(ToOwned::to_owned);
            let mut members: Vec<String> = differences.iter().filter_map(member).collect();
            members.dedup();
            members
        };
        let changed = [
            (AlarmPlan { threshold: 6.0, ..plan() }, vec!["Threshold"]),
            (AlarmPlan { periods: 3, ..plan() }, vec!["EvaluationPeriods"]),
            (AlarmPlan { period: 120, ..plan() }, vec!["Metrics"]),
            (AlarmPlan { missing_data: "missing", ..plan() }, vec!["TreatMissingData"]),
            (AlarmPlan { measure: Measure::ResponseTime("p95".into()), ..plan() }, vec!["Metrics"]),
            (AlarmPlan { description: "y".into(), ..plan() }, vec!["AlarmDescription"]),
        ];
        for (plan, expected) in changed {
            assert_eq!(told(&plan, &subject(), &existing), expected);
        }
        let mut other = existing.clone();
        other.comparison_operator = Some(ComparisonOperator::LessThanThreshold);
        assert_eq!(told(&plan(), &subject(), &other), ["ComparisonOperator"]);
        let moved = AlarmSubject { target_group: "targetgroup/a-dev-web/3".into(), ..subject() };
        assert_eq!(told(&plan(), &moved, &existing), ["Metrics"]);
    }
}
