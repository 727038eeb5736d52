//! `auto_scaling`: between how many tasks a service is kept, and by what.

use schemars::JsonSchema;
use serde::Deserialize;

use super::deployment;
use super::document::ServiceEntry;
use super::either::AutoScalingEntry;
use super::error::Fault;
use super::numbers::{Bounded, Seconds};
use super::site::Site;
use super::stage::Stage;
use crate::plan::{AutoScaling, AutoScalingPlan, DesiredCount, ScalingMetric, ScalingPolicyPlan};

/// How long nothing more is taken away, and added, after the last time, in seconds, when the file does not say: that of the prod preset.
const SCALE_IN_COOLDOWN: i32 = 300;
const SCALE_OUT_COOLDOWN: i32 = 60;

/// The settings of automatic scaling.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutoScalingSettings {
    /// The fewest tasks.
    pub min: Bounded<1, 5000>,
    /// The most tasks.
    pub max: Bounded<1, 5000>,
    /// The average CPU utilization that is kept to, in percent of what the tasks reserve.
    pub cpu: Option<Bounded<1, 100>>,
    /// The average memory utilization that is kept to, in percent of what the tasks reserve.
    pub memory: Option<Bounded<1, 100>>,
    /// How many requests a task gets in a minute.
    pub requests_per_target: Option<Bounded<1, 1_000_000_000>>,
    /// How long nothing more is taken away after tasks were; 5m when left out.
    pub scale_in_cooldown: Option<Seconds<0, 604_800>>,
    /// How long what was added is waited for before the same is added again; 1m when left out.
    pub scale_out_cooldown: Option<Seconds<0, 604_800>>,
}

/// What the file asks for.
pub(crate) fn auto_scaling(
    entry: &ServiceEntry,
    stage: Stage,
    family: &str,
    site: &Site<'_>,
) -> Result<AutoScaling, Fault> {
    match &entry.auto_scaling {
        None => Ok(AutoScaling::Unsaid),
        Some(AutoScalingEntry::None) => Ok(AutoScaling::None),
        Some(AutoScalingEntry::Preset) => {
            Ok(AutoScalingPlan::preset(stage, family).map_or(AutoScaling::None, AutoScaling::Within))
        }
        Some(AutoScalingEntry::Settings(settings)) => {
            plan(settings, entry, family, &site.below("auto_scaling")).map(AutoScaling::Within)
        }
    }
}

/// The count of a service that is scaled: the file's is where it begins, and no deployment sets it again.
pub(crate) fn desired_count(
    written: DesiredCount,
    scaling: &AutoScaling,
    site: &Site<'_>,
) -> Result<DesiredCount, Fault> {
    let Some(AutoScalingPlan { min, max, .. }) = scaling.plan() else { return Ok(written) };
    match written {
        DesiredCount::AtCreation(count) => Ok(DesiredCount::AtCreation(count.clamp(*min, *max))),
        DesiredCount::Configured(count) if (*min..=*max).contains(&count) => Ok(DesiredCount::AtCreation(count)),
        DesiredCount::Configured(count) => {
            let what = format!("is scaled between {min} and {max} tasks, but is to begin with {count}");
            Err(site.fault(what).instead("remove `desired_count`, or bring it between `min` and `max`"))
        }
    }
}

fn plan(
    settings: &AutoScalingSettings,
    entry: &ServiceEntry,
    family: &str,
    site: &Site<'_>,
) -> Result<AutoScalingPlan, Fault> {
    let (min, max) = (settings.min.get(), settings.max.get());
    if min > max {
        let what = format!("has a `min` of {min} above its `max` of {max}");
        return Err(site.fault(what).instead("exchange them"));
    }
    let cooldown = |given: Option<Seconds<0, 604_800>>, otherwise| given.map_or(otherwise, |seconds| seconds.get());
    let metrics = [
        (ScalingMetric::Cpu, settings.cpu.map(|percent| percent.get())),
        (ScalingMetric::Memory, settings.memory.map(|percent| percent.get())),
        (ScalingMetric::RequestsPerTarget, settings.requests_per_target.map(|requests| requests.get())),
    ];
    let policy = |(metric, target): (ScalingMetric, Option<i32>)| {
        Some(ScalingPolicyPlan {
            name: metric.policy_name(family),
            metric,
            target: target?,
            scale_in_cooldown: cooldown(settings.scale_in_cooldown, SCALE_IN_COOLDOWN),
            scale_out_cooldown: cooldown(settings.scale_out_cooldown, SCALE_OUT_COOLDOWN),
        })
    };
    let policies: Vec<ScalingPolicyPlan> = metrics.into_iter().filter_map(policy).collect();
    if policies.is_empty() {
        return Err(site
            .fault("does not say by what the service is scaled")
            .instead("add `cpu: 70`, `memory: 80` or `requests_per_target: 1000`"));
    }
    if settings.requests_per_target.is_some() {
        refuse_uncounted(entry, site)?;
    }
    Ok(AutoScalingPlan { min, max, policies })
}

/// Requests are counted by a target group, and for each target by one that does not change.
fn refuse_uncounted(entry: &ServiceEntry, site: &Site<'_>) -> Result<(), Fault> {
    let site = site.below("requests_per_target");
    if entry.listener.is_none() {
        let advice = "add `listener: { port: … }`, or scale by `cpu` or `memory`";
        return Err(site
            .fault("counts the load balancer's requests, but the service has no `listener`")
            .instead(advice));
    }
    if deployment::strategy(entry.deployment.as_ref()).shifts_traffic() {
        let what = "counts the requests of one target group, but deployments move the service between two";
        return Err(site.fault(what).instead("scale by `cpu` or `memory`, or use `strategy: rolling`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{ConfigFile, Overrides, Variables};
    use crate::plan::{AutoScaling, DesiredCount, Plan, ScalingMetric, TargetDefaults};

    fn read(service: &str, stage: &str) -> Result<Plan, String> {
        let text = format!(
            "app: a\nservices:\n  web:\n    command: x\n    port: 80\n{service}\nenvironments:\n  dev: {{ stage: {stage} }}\n"
        );
        let file = ConfigFile::parse(Path::new("seatrial.yml"), &text, &Variables::fixed::<String, String>([]));
        let file = file.map_err(|error| error.to_string())?;
        let environment = file.environment(None).map_err(|error| error.to_string())?;
        file.plan(&environment, &TargetDefaults::embedded(), &Overrides::default()).map_err(|error| error.to_string())
    }

    fn service(service: &str, stage: &str) -> (AutoScaling, DesiredCount) {
        let plan = read(service, stage).expect(service);
        (plan.services[0].auto_scaling.clone(), plan.services[0].desired_count)
    }

    #[test]
    fn nothing_is_scaled_unless_the_file_says_so() {
        assert_eq!(service("", "prod"), (AutoScaling::Unsaid, DesiredCount::AtCreation(2)));
        assert_eq!(service("    auto_scaling: none", "prod"), (AutoScaling::None, DesiredCount::AtCreation(2)));
        assert_eq!(service("    auto_scaling: preset", "dev"), (AutoScaling::None, DesiredCount::AtCreation(1)));
        let (preset, count) = service("    auto_scaling: preset", "prod");
        let preset = preset.plan().cloned().expect("it is scaled");
        assert_eq!((preset.min, preset.max, count), (2, 10, DesiredCount::AtCreation(2)));
        let policies: Vec<_> = preset.policies.iter().map(|policy| (policy.metric, policy.target)).collect();
        assert_eq!(policies, [(ScalingMetric::Cpu, 70), (ScalingMetric::Memory, 80)]);
        assert_eq!(preset.policies[0].name, "a-dev-web-cpu");
    }

    #[test]
    fn a_written_count_is_where_a_scaled_service_begins() {
        let settings = "    auto_scaling: { min: 3, max: 6, cpu: 50, scale_out_cooldown: 30s }";
        let (scaling, count) = service(settings, "dev");
        assert_eq!(count, DesiredCount::AtCreation(3), "the preset's 1 is too few");
        let policy = scaling.plan().expect("it is scaled").policies[0].clone();
        assert_eq!((policy.scale_in_cooldown, policy.scale_out_cooldown), (300, 30));
        let (_, count) = service(&format!("{settings}\n    desired_count: 5"), "dev");
        assert_eq!(count, DesiredCount::AtCreation(5));
    }

    #[test]
    fn what_cannot_be_scaled_is_told_with_what_to_write() {
        let wrong = [
            "    auto_scaling: always",
            "    auto_scaling: { max: 3, cpu: 70 }",
            "    auto_scaling: { min: 4, max: 3, cpu: 70 }",
            "    auto_scaling: { min: 1, max: 3 }",
            "    auto_scaling: { min: 0, max: 3, cpu: 70 }",
            "    auto_scaling: { min: 1, max: 3, cpu: 170 }",
            "    auto_scaling: { min: 1, max: 3, cpus: 70 }",
            "    auto_scaling: { min: 1, max: 3, requests_per_target: 100 }",
            "    auto_scaling: { min: 1, max: 3, requests_per_target: 100 }\n    listener: { port: 80 }\n    deployment: { strategy: blue_green }",
            "    auto_scaling: { min: 1, max: 3, cpu: 70 }\n    desired_count: 4",
        ];
        let told = wrong.map(|text| format!("{}\n=> {}", text.trim_start(), read(text, "prod").expect_err(text)));
        insta::assert_snapshot!(told.join("\n"));
    }
}
