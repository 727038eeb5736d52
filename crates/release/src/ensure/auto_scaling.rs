//! The scalable target and the scaling policies of one service: made when missing, adjusted when they differ, and taken away when the
//! configuration no longer has them. What somebody else made (no tags of ours are on the target) is left alone, and told when it differs.
//!
//! Nothing is suspended during a deployment: Application Auto Scaling itself takes nothing away while ECS deploys a service.

use std::time::{Duration, Instant};

use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalableTarget, ScalingPolicy,
    ServiceNamespace, TargetTrackingScalingPolicyConfiguration as Tracking,
};
use serde_json::{Value as Json, json};

use super::tags::{is_of_service_map, tags};
use super::{Age, Balanced, Ensuring};
use crate::aws::{CallError, Connection, DoingExt};
use crate::difference::{Difference, Members, differences, settings};
use crate::error::ReleaseError;
use crate::plan::{AlarmSubject, AutoScalingPlan, Plan, ScalingMetric, ScalingPolicyPlan, ServicePlan, resource_id};
use crate::report::{Change, Event, Resource};

/// Longest wait for a service that was just created to be known to Application Auto Scaling, which may take a few seconds on AWS.
const KNOWN_LIMIT: Duration = Duration::from_secs(30);

/// What stands in the place of a load balancer and its target group where none is needed.
const NO_LABEL: &str = "";

/// Makes the scaling of a service as the plan has it. The service is there, unless this is a rehearsal.
pub(super) async fn ensure(
    ensuring: &Ensuring<'_>,
    plan: &ServicePlan,
    balanced: &Balanced,
) -> Result<(), ReleaseError> {
    let step = Step { ensuring, plan };
    let found = match find(ensuring.connection, plan).await {
        Ok(found) => found,
        Err(error) if plan.auto_scaling.plan().is_some() || error.is_transient() => return Err(error.into()),
        // Credentials that may not look have made nothing.
        Err(_) => return Ok(()),
    };
    match (plan.auto_scaling.plan(), found) {
        (None, None) => Ok(()),
        (None, Some(target)) => step.take_away(&target).await,
        (Some(wanted), found) => step.put(wanted, found, &label(plan, balanced)).await,
    }
}

/// Finds the scalable target of a service.
pub(crate) async fn find(connection: &Connection, plan: &ServicePlan) -> Result<Option<ScalableTarget>, CallError> {
    let described = connection
        .scaling
        .describe_scalable_targets()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_ids(resource_id(&plan.cluster, &plan.service_name))
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .send()
        .await
        .doing(|| format!("looking for the scalable target of service {}", plan.name))?;
    Ok(described.scalable_targets.unwrap_or_default().into_iter().next())
}

/// Tells whether a scalable target was made for a service of a plan.
pub(crate) async fn is_own(
    connection: &Connection,
    plan: &Plan,
    service: &ServicePlan,
    target: &ScalableTarget,
) -> Result<bool, CallError> {
    let Some(arn) = target.scalable_target_arn() else { return Ok(false) };
    let listed = connection.scaling.list_tags_for_resource().resource_arn(arn).send().await;
    let listed = listed.doing(|| format!("reading the tags of the scalable target of service {}", service.name))?;
    Ok(listed.tags.is_some_and(|found| is_of_service_map(plan, &service.name, &found)))
}

/// Deregisters the scalable target of a service; its policies and their alarms go with it.
pub(crate) async fn deregister(connection: &Connection, plan: &ServicePlan) -> Result<(), CallError> {
    let deregistered = connection
        .scaling
        .deregister_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource_id(&plan.cluster, &plan.service_name))
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .send()
        .await;
    deregistered.doing(|| format!("deregistering the scalable target of service {}", plan.name)).map(|_| ())
}

/// `app/NAME/ID/targetgroup/NAME/ID`.
fn label(plan: &ServicePlan, balanced: &Balanced) -> String {
    let groups = balanced.groups.get(&plan.name);
    let (Some(balancer), Some(groups)) = (&balanced.balancer, groups) else { return NO_LABEL.to_owned() };
    let subject = AlarmSubject::of_arns(&balancer.arn, &groups.own);
    format!("{}/{}", subject.load_balancer, subject.target_group)
}

struct Step<'a> {
    ensuring: &'a Ensuring<'a>,
    plan: &'a ServicePlan,
}

impl Step<'_> {
    async fn take_away(&self, target: &ScalableTarget) -> Result<(), ReleaseError> {
        let Ensuring { connection, plan, .. } = self.ensuring;
        if !is_own(connection, plan, self.plan, target).await? {
            return Ok(());
        }
        if self.ensuring.carries_out() {
            deregister(connection, self.plan).await?;
        }
        self.tell(Resource::ScalableTarget, &self.plan.service_name, Change::Deleted);
        Ok(())
    }

    async fn put(
        &self,
        wanted: &AutoScalingPlan,
        found: Option<ScalableTarget>,
        label: &str,
    ) -> Result<(), ReleaseError> {
        let Ensuring { connection, plan, .. } = self.ensuring;
        let policies = if found.is_some() { self.policies().await? } else { Vec::new() };
        let changes = Changes::of(&self.plan.family, wanted, found.as_ref(), &policies, label);
        // Whose it is matters only when there is something to change.
        if let Some(target) = &found
            && changes.are_any()
            && !is_own(connection, plan, self.plan, target).await?
        {
            self.leave_alone(&changes);
            return Ok(());
        }
        let Changes { target, policies, surplus } = changes;
        if is_change(&target) {
            let age = if found.is_none() { Age::New } else { Age::Known };
            self.register(wanted, age).await?;
        }
        self.tell(Resource::ScalableTarget, &self.plan.service_name, target);
        for (policy, change) in policies {
            if is_change(&change) {
                self.put_policy(policy, label).await?;
            }
            self.tell(Resource::ScalingPolicy, &policy.name, change);
        }
        for name in surplus {
            self.delete_policy(&name).await?;
            self.tell(Resource::ScalingPolicy, &name, Change::Deleted);
        }
        Ok(())
    }

    /// A stack or a person made the target: whoever did goes on to decide.
    fn leave_alone(&self, changes: &Changes<'_>) {
        let told: Vec<String> = changes.target.differences().iter().map(Difference::to_string).collect();
        let told = if told.is_empty() { "its policies differ".to_owned() } else { told.join(", ") };
        self.ensuring.report.send(Event::Note(format!(
            "the scaling of service {} was not made by Seatrial and is left alone ({told}): change it where it was made, or deregister it (aws application-autoscaling deregister-scalable-target) and deploy again",
            self.plan.name
        )));
    }

    async fn policies(&self) -> Result<Vec<ScalingPolicy>, ReleaseError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .ensuring
                .connection
                .scaling
                .describe_scaling_policies()
                .service_namespace(ServiceNamespace::Ecs)
                .resource_id(resource_id(&self.plan.cluster, &self.plan.service_name))
                .set_next_token(token)
                .send()
                .await
                .doing(|| format!("reading the scaling policies of service {}", self.plan.name))?;
            token = page.next_token().map(ToOwned::to_owned);
            found.extend(page.scaling_policies.unwrap_or_default());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Registers the target, once the service is known.
    async fn register(&self, wanted: &AutoScalingPlan, age: Age) -> Result<(), ReleaseError> {
        let Ensuring { connection, plan, .. } = self.ensuring;
        if !self.ensuring.carries_out() {
            return Ok(());
        }
        let own = tags(plan, Some(&self.plan.name)).into_iter().map(|(key, value)| (key.to_owned(), value));
        // A request that changes a target cannot tag it.
        let own = match age {
            Age::New => Some(own.collect()),
            Age::Known => None,
        };
        let request = connection
            .scaling
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(resource_id(&self.plan.cluster, &self.plan.service_name))
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .min_capacity(wanted.min)
            .max_capacity(wanted.max)
            .set_tags(own);
        let deadline = Instant::now() + KNOWN_LIMIT;
        let mut interrupt = self.ensuring.interrupt.clone();
        loop {
            let registered = request.clone().send().await;
            match registered.doing(|| format!("registering service {} for scaling", self.plan.name)) {
                Ok(_) => return Ok(()),
                Err(error) if !is_unknown(&error) || Instant::now() >= deadline => return Err(error.into()),
                Err(_) => {}
            }
            if interrupt.sleep(connection.poll_interval()).await {
                let before = format!("service {} was registered for scaling", self.plan.name);
                return Err(ReleaseError::Interrupted { before });
            }
        }
    }

    async fn put_policy(&self, policy: &ScalingPolicyPlan, label: &str) -> Result<(), ReleaseError> {
        if !self.ensuring.carries_out() {
            return Ok(());
        }
        let put = self
            .ensuring
            .connection
            .scaling
            .put_scaling_policy()
            .policy_name(&policy.name)
            .policy_type(PolicyType::TargetTrackingScaling)
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(resource_id(&self.plan.cluster, &self.plan.service_name))
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .target_tracking_scaling_policy_configuration(tracking(policy, label)?)
            .send()
            .await;
        put.doing(|| format!("putting scaling policy {}", policy.name))?;
        Ok(())
    }

    async fn delete_policy(&self, name: &str) -> Result<(), ReleaseError> {
        if !self.ensuring.carries_out() {
            return Ok(());
        }
        let deleted = self
            .ensuring
            .connection
            .scaling
            .delete_scaling_policy()
            .policy_name(name)
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(resource_id(&self.plan.cluster, &self.plan.service_name))
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .send()
            .await;
        deleted.doing(|| format!("deleting scaling policy {name}"))?;
        Ok(())
    }

    fn tell(&self, resource: Resource, name: &str, change: Change) {
        self.ensuring.report.ensured(resource, name, Some(&self.plan.name), change);
    }
}

/// What has to change.
struct Changes<'p> {
    target: Change,
    policies: Vec<(&'p ScalingPolicyPlan, Change)>,
    /// Policies of ours that the plan no longer has.
    surplus: Vec<String>,
}

impl<'p> Changes<'p> {
    fn of(
        family: &str,
        wanted: &'p AutoScalingPlan,
        target: Option<&ScalableTarget>,
        policies: &[ScalingPolicy],
        label: &str,
    ) -> Self {
        let policy = |policy: &'p ScalingPolicyPlan| (policy, policy_change(policy, policies, label));
        Changes {
            target: target_change(wanted, target),
            policies: wanted.policies.iter().map(policy).collect(),
            surplus: surplus(family, wanted, policies),
        }
    }

    fn are_any(&self) -> bool {
        let policies = self.policies.iter().map(|(_, change)| change);
        !self.surplus.is_empty() || policies.chain([&self.target]).any(is_change)
    }
}

/// Whether Application Auto Scaling has not heard of the service yet.
fn is_unknown(error: &CallError) -> bool {
    error.has_code("ValidationException") && error.to_string().contains("service doesn't exist")
}

fn is_change(change: &Change) -> bool {
    match change {
        Change::Created(_) | Change::Updated(_) | Change::Deleted => true,
        Change::Unchanged => false,
    }
}

fn target_change(wanted: &AutoScalingPlan, found: Option<&ScalableTarget>) -> Change {
    let Some(found) = found else { return Change::Created(settings(&wanted.target_settings())) };
    let is = json!({ "MinCapacity": found.min_capacity(), "MaxCapacity": found.max_capacity() });
    compared(&is, &wanted.target_settings())
}

fn policy_change(wanted: &ScalingPolicyPlan, found: &[ScalingPolicy], label: &str) -> Change {
    let document = wanted.settings(label);
    let existing = found.iter().find(|policy| policy.policy_name() == wanted.name);
    let Some(existing) = existing else { return Change::Created(settings(&document)) };
    let configuration = existing.target_tracking_scaling_policy_configuration();
    compared(&configuration.map_or(Json::Null, document_of), &document)
}

fn compared(is: &Json, wanted: &Json) -> Change {
    let differing = differences(is, wanted, Members::Wanted);
    if differing.is_empty() { Change::Unchanged } else { Change::Updated(differing) }
}

fn surplus(family: &str, wanted: &AutoScalingPlan, found: &[ScalingPolicy]) -> Vec<String> {
    let gone = ScalingMetric::ALL.into_iter().map(|metric| metric.policy_name(family));
    let gone = gone.filter(|name| wanted.policies.iter().all(|policy| policy.name != *name));
    gone.filter(|name| found.iter().any(|policy| policy.policy_name() == name)).collect()
}

fn document_of(configuration: &Tracking) -> Json {
    let metric = configuration.predefined_metric_specification();
    let mut shown = json!({ "PredefinedMetricType": metric.map(|metric| metric.predefined_metric_type().as_str()) });
    if let Some(label) = metric.and_then(|metric| metric.resource_label()) {
        shown["ResourceLabel"] = json!(label);
    }
    json!({
        "TargetValue": configuration.target_value(),
        "PredefinedMetricSpecification": shown,
        "ScaleInCooldown": configuration.scale_in_cooldown(),
        "ScaleOutCooldown": configuration.scale_out_cooldown(),
        // AWS leaves out what is not so.
        "DisableScaleIn": configuration.disable_scale_in().unwrap_or(false),
    })
}

fn tracking(policy: &ScalingPolicyPlan, label: &str) -> Result<Tracking, ReleaseError> {
    let metric = PredefinedMetricSpecification::builder()
        .predefined_metric_type(MetricType::from(policy.metric.predefined()))
        .set_resource_label((policy.metric == ScalingMetric::RequestsPerTarget).then(|| label.to_owned()))
        .build()
        .map_err(|_| ReleaseError::Incomplete("the metric of a scaling policy"))?;
    Tracking::builder()
        .target_value(f64::from(policy.target))
        .predefined_metric_specification(metric)
        .scale_in_cooldown(policy.scale_in_cooldown)
        .scale_out_cooldown(policy.scale_out_cooldown)
        .disable_scale_in(false)
        .build()
        .map_err(|_| ReleaseError::Incomplete("a scaling policy"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Stage;

    fn plan() -> AutoScalingPlan {
        AutoScalingPlan::preset(Stage::Prod, "a-prod-web").expect("prod is scaled")
    }

    fn existing(policy: &ScalingPolicyPlan, label: &str) -> ScalingPolicy {
        ScalingPolicy::builder()
            .policy_arn("arn")
            .policy_name(&policy.name)
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id("service/a/web")
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .policy_type(PolicyType::TargetTrackingScaling)
            .creation_time(aws_smithy_types::DateTime::from_secs(0))
            .target_tracking_scaling_policy_configuration(tracking(policy, label).expect("complete"))
            .build()
            .expect("complete")
    }

    fn told(change: &Change) -> Vec<String> {
        change.differences().iter().map(|difference| difference.setting.clone()).collect()
    }

    #[test]
    fn what_was_put_is_right_and_every_difference_is_named() {
        let wanted = ScalingPolicyPlan { metric: ScalingMetric::RequestsPerTarget, ..plan().policies[0].clone() };
        let found = [existing(&wanted, "app/a/1/targetgroup/b/2")];
        assert_eq!(policy_change(&wanted, &found, "app/a/1/targetgroup/b/2"), Change::Unchanged);
        let moved = policy_change(&wanted, &found, "app/a/1/targetgroup/c/3");
        assert_eq!(told(&moved), ["PredefinedMetricSpecification.ResourceLabel"]);
        let changed = [
            (ScalingPolicyPlan { target: 60, ..wanted.clone() }, "TargetValue"),
            (ScalingPolicyPlan { scale_in_cooldown: 1, ..wanted.clone() }, "ScaleInCooldown"),
            (ScalingPolicyPlan { scale_out_cooldown: 1, ..wanted.clone() }, "ScaleOutCooldown"),
        ];
        for (policy, setting) in changed {
            assert_eq!(told(&policy_change(&policy, &found, "app/a/1/targetgroup/b/2")), [setting]);
        }
    }

    #[test]
    fn only_policies_of_ours_are_surplus() {
        let mut wanted = plan();
        let found: Vec<ScalingPolicy> = wanted.policies.iter().map(|policy| existing(policy, NO_LABEL)).collect();
        assert_eq!(surplus("a-prod-web", &wanted, &found), Vec::<String>::new());
        wanted.policies.remove(1);
        let by_hand = ScalingPolicyPlan { name: "by-hand".into(), ..wanted.policies[0].clone() };
        let found = [found, vec![existing(&by_hand, NO_LABEL)]].concat();
        assert_eq!(surplus("a-prod-web", &wanted, &found), ["a-prod-web-memory"]);
    }
}
