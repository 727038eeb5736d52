//! The listeners of the environment's load balancer and their rules.
//!
//! A service without `host` and `path` is a listener's default; the others have a rule each. What forwards to a service's
//! target group already, also as one of several weighted ones, is right and stays.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, ForwardActionConfig, Listener, ProtocolEnum, Rule,
    TargetGroupTuple,
};
use serde_json::Value as Json;

use super::load_balancer::Balancer;
use super::rule::rules;
use super::tags::{for_elb, tags};
use super::{Age, Ensuring, to_come};
use crate::aws::{Connection, DoingExt};
use crate::config::ServiceName;
use crate::difference::Difference;
use crate::error::ReleaseError;
use crate::plan::{ListenerPlan, RulePurpose};
use crate::report::{Change, Event, Resource};

/// Most listeners a load balancer can have by AWS's default quota; one page holds them all.
const LISTENER_PAGE: i32 = 400;

/// The target groups of this deployment's services.
pub(super) type Groups = BTreeMap<ServiceName, ServiceGroups>;

/// The target groups of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceGroups {
    pub own: String,
    /// The other one of a pair between which deployments move traffic.
    pub alternate: Option<String>,
}

impl ServiceGroups {
    /// Whether some actions forward to a group of the service.
    pub fn are_served_by(&self, actions: &[Action]) -> bool {
        let targets = forward_targets(actions);
        targets.iter().any(|target| *target == self.own || Some(*target) == self.alternate.as_deref())
    }
}

/// The ARNs of the rules of this deployment's services.
pub(super) type Rules = BTreeMap<(ServiceName, RulePurpose), String>;

/// The listeners of a load balancer.
pub(crate) async fn listeners_of(connection: &Connection, balancer_arn: &str) -> Result<Vec<Listener>, ReleaseError> {
    let described = connection
        .elb
        .describe_listeners()
        .load_balancer_arn(balancer_arn)
        .page_size(LISTENER_PAGE)
        .send()
        .await
        .doing(|| "reading the listeners".into())?;
    Ok(described.listeners().to_vec())
}

/// The rules of a listener, the default one included.
pub(crate) async fn rules_of(connection: &Connection, listener_arn: &str) -> Result<Vec<Rule>, ReleaseError> {
    let described = connection
        .elb
        .describe_rules()
        .listener_arn(listener_arn)
        .page_size(LISTENER_PAGE)
        .send()
        .await
        .doing(|| "reading the rules of a listener".into())?;
    Ok(described.rules().to_vec())
}

/// The target groups some actions forward to.
pub(crate) fn forward_targets(actions: &[Action]) -> Vec<&str> {
    actions
        .iter()
        .flat_map(|action| {
            let weighted = action.forward_config().map(|forward| forward.target_groups()).unwrap_or_default();
            action.target_group_arn().into_iter().chain(weighted.iter().filter_map(|group| group.target_group_arn()))
        })
        .collect()
}

/// Makes or adjusts the listeners that serve the services of `groups`.
pub(super) async fn listeners(
    ensuring: &Ensuring<'_>,
    balancer: &Balancer,
    wanted: &[ListenerPlan],
    groups: &Groups,
) -> Result<Rules, ReleaseError> {
    let existing = match balancer.age {
        Age::New => Vec::new(),
        Age::Known => listeners_of(ensuring.connection, &balancer.arn).await?,
    };
    let mut made = Rules::new();
    note_strays(ensuring, wanted, &existing);
    for plan in wanted {
        let serves = |service: &ServiceName| groups.contains_key(service);
        if plan.default_service.as_ref().is_some_and(serves) || plan.rules.iter().any(|rule| serves(&rule.service)) {
            let found = existing.iter().find(|listener| listener.port() == Some(i32::from(plan.port)));
            let arn = listener(ensuring, balancer, plan, found, groups).await?;
            let existing = match found {
                None => Vec::new(),
                Some(_) if plan.rules.is_empty() => Vec::new(),
                Some(_) => rules_of(ensuring.connection, &arn).await?,
            };
            made.extend(rules(ensuring, &arn, plan, &existing, groups).await?);
        }
    }
    Ok(made)
}

fn note_strays(ensuring: &Ensuring<'_>, wanted: &[ListenerPlan], existing: &[Listener]) {
    let planned: BTreeSet<i32> = wanted.iter().map(|plan| i32::from(plan.port)).collect();
    for port in existing.iter().filter_map(Listener::port).filter(|port| !planned.contains(port)) {
        let note = format!("the listener on port {port} is no longer in the configuration; it stays as it is");
        ensuring.report.send(Event::Note(note));
    }
}

/// What a listener does with a request that no rule takes.
enum Default<'a> {
    Forward(&'a str),
    NotFound,
    /// The default belongs to a service that is not part of this deployment.
    AsItIs,
}

impl<'a> Default<'a> {
    fn of(plan: &ListenerPlan, groups: &'a Groups) -> Self {
        match &plan.default_service {
            None => Default::NotFound,
            Some(service) => groups.get(service).map_or(Default::AsItIs, |groups| Default::Forward(&groups.own)),
        }
    }

    fn is_met_by(&self, actions: &[Action]) -> bool {
        match self {
            Default::Forward(arn) => forward_targets(actions).contains(arn),
            Default::NotFound => actions.iter().any(|action| action.r#type() == Some(&ActionTypeEnum::FixedResponse)),
            Default::AsItIs => true,
        }
    }

    fn action(&self) -> Action {
        match self {
            Default::Forward(arn) => forward(arn),
            Default::NotFound | Default::AsItIs => not_found(),
        }
    }
}

async fn listener(
    ensuring: &Ensuring<'_>,
    balancer: &Balancer,
    plan: &ListenerPlan,
    found: Option<&Listener>,
    groups: &Groups,
) -> Result<String, ReleaseError> {
    let default = Default::of(plan, groups);
    let elb = &ensuring.connection.elb;
    let port = plan.port;
    let (arn, change) = match found {
        None => {
            let protocol = if plan.certificate.is_some() { ProtocolEnum::Https } else { ProtocolEnum::Http };
            let certificate = plan.certificate.as_ref().map(|arn| Certificate::builder().certificate_arn(arn).build());
            let mut settings = vec![
                Difference::new("protocol", Json::Null, protocol.as_str()),
                Difference::new("defaultActions", Json::Null, in_words(&[default.action()])),
            ];
            settings
                .extend(plan.certificate.as_ref().map(|arn| Difference::new("certificates", Json::Null, arn.as_str())));
            let change = Change::Created(settings);
            if !ensuring.carries_out() {
                ensuring.report.ensured(Resource::Listener, &format!("port {port}"), None, change);
                return Ok(to_come(Resource::Listener, &port.to_string()));
            }
            let created = elb
                .create_listener()
                .load_balancer_arn(&balancer.arn)
                .port(i32::from(port))
                .protocol(protocol)
                .set_certificates(certificate.map(|certificate| vec![certificate]))
                .default_actions(default.action())
                .set_tags(Some(for_elb(tags(ensuring.plan, None))))
                .send()
                .await
                .doing(|| format!("creating the listener on port {port}"))?;
            let arn = created.listeners().first().and_then(Listener::listener_arn).map(ToOwned::to_owned);
            (arn, change)
        }
        Some(existing) => {
            let arn = existing.listener_arn().map(ToOwned::to_owned);
            // The default that served a service until it got a rule of its own goes on serving until then, and does no harm afterwards.
            let has_served = groups.values().any(|groups| groups.are_served_by(existing.default_actions()));
            let stays = matches!(default, Default::NotFound) && has_served;
            let change = if stays || default.is_met_by(existing.default_actions()) {
                Change::Unchanged
            } else {
                if ensuring.carries_out() {
                    let modify = elb.modify_listener().set_listener_arn(arn.clone()).default_actions(default.action());
                    modify.send().await.doing(|| format!("adjusting the listener on port {port}"))?;
                }
                let (before, after) = (in_words(existing.default_actions()), in_words(&[default.action()]));
                Change::Updated(vec![Difference::new("defaultActions", before, after)])
            };
            (arn, change)
        }
    };
    ensuring.report.ensured(Resource::Listener, &format!("port {port}"), None, change);
    arn.ok_or(ReleaseError::Incomplete("the listener's ARN"))
}

/// Actions as people read them: the names of the target groups, or the answer.
pub(crate) fn in_words(actions: &[Action]) -> String {
    let name =
        |arn: &str| arn.split(":targetgroup/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(arn).to_owned();
    let groups: Vec<String> = forward_targets(actions).into_iter().map(name).collect();
    if !groups.is_empty() {
        return format!("forward to {}", groups.join(" and "));
    }
    let one = |action: &Action| match action.fixed_response_config().and_then(|response| response.status_code()) {
        Some(code) => format!("answer {code}"),
        None => action.r#type().map_or("nothing", ActionTypeEnum::as_str).to_owned(),
    };
    actions.iter().map(one).collect::<Vec<_>>().join(", then ")
}

/// The action that sends everything to one target group.
pub(super) fn forward(group: &str) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build()
}

/// The action that shares everything between two target groups, the first one getting all of it.
pub(super) fn forward_pair(group: &str, other: &str) -> Action {
    let tuple = |group: &str, weight| TargetGroupTuple::builder().target_group_arn(group).weight(weight).build();
    let config = ForwardActionConfig::builder().target_groups(tuple(group, 100)).target_groups(tuple(other, 0)).build();
    Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build()
}

/// The answer of a listener that has no service for a request.
pub(crate) fn not_found() -> Action {
    let response = FixedResponseActionConfig::builder()
        .status_code("404")
        .content_type("text/plain")
        .message_body("No service answers here.\n")
        .build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(response).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(groups: &[(&str, i32)]) -> Action {
        let tuple =
            |(arn, weight): &(&str, i32)| TargetGroupTuple::builder().target_group_arn(*arn).weight(*weight).build();
        let config = ForwardActionConfig::builder().set_target_groups(Some(groups.iter().map(tuple).collect())).build();
        Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build()
    }

    #[test]
    fn a_default_that_forwards_to_the_service_among_others_is_right() {
        assert!(Default::Forward("blue").is_met_by(&[weighted(&[("blue", 0), ("green", 100)])]));
        assert!(Default::Forward("blue").is_met_by(&[forward("blue")]));
        assert!(!Default::Forward("blue").is_met_by(&[forward("green")]));
        assert!(!Default::Forward("blue").is_met_by(&[not_found()]));
        assert!(Default::NotFound.is_met_by(&[not_found()]));
        assert!(!Default::NotFound.is_met_by(&[forward("blue")]));
        assert!(Default::AsItIs.is_met_by(&[forward("blue")]));
    }
}
