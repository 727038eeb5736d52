//! The load balancer: its listeners, the rules of the services that share one, and the target groups.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::Draft;
use super::network::Place;
use super::template::{Resource, attribute, logical, reference};
use crate::config::{Scheme, ServiceName};
use crate::plan::{
    Balancing, ListenerPlan, LoadBalancerPlan, PairSide, RulePlan, RulePurpose, ServicePlan, TargetGroupPlan,
    TargetType,
};

/// TLS 1.2 and 1.3 with forward secrecy.
const TLS_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// Distance between the priorities given to rules, as a deployment has it.
const PRIORITY_STEP: i32 = 10;

/// What services need to know of the load balancer.
#[derive(Debug, Default)]
pub(super) struct Balanced {
    /// The logical ids of the rules.
    pub rules: BTreeMap<(ServiceName, RulePurpose), String>,
    /// The listeners and rules that have to be there before a service, which must not name a target group that no listener has.
    pub served_by: BTreeMap<ServiceName, Vec<String>>,
}

/// The logical id of a target group.
pub(super) fn target_group(service: &ServiceName, side: PairSide) -> String {
    let suffix = match side {
        PairSide::Own => "",
        PairSide::Alternate => "Alternate",
    };
    format!("{}TargetGroup{suffix}", logical(service.as_str()))
}

/// Adds load balancer, target groups, listeners and rules.
pub(super) fn add(draft: &mut Draft<'_>, place: &Place) -> Balanced {
    let plan = draft.plan;
    for service in &plan.services {
        let Some(balancing) = &service.balancing else { continue };
        add_target_group(draft, place, service, PairSide::Own, &balancing.target_group);
        if let Some(pair) = &balancing.pair {
            add_target_group(draft, place, service, PairSide::Alternate, &pair.alternate);
        }
    }
    let mut balanced = Balanced::default();
    if let Some(balancer) = &plan.load_balancer {
        add_balancer(draft, place, balancer);
        for listener in &balancer.listeners {
            add_listener(draft, listener, &mut balanced);
        }
    }
    balanced
}

fn add_target_group(
    draft: &mut Draft<'_>,
    place: &Place,
    service: &ServicePlan,
    side: PairSide,
    wanted: &TargetGroupPlan,
) {
    let kind = match wanted.target_type {
        TargetType::Ip => "ip",
        TargetType::Instance => "instance",
    };
    let delay = wanted.deregistration_delay.map(|seconds| ("deregistration_delay.timeout_seconds", seconds));
    let slow_start = (wanted.slow_start > 0).then_some(("slow_start.duration_seconds", wanted.slow_start));
    let attributes = delay.into_iter().chain(slow_start);
    let attributes: Json =
        attributes.map(|(key, seconds)| json!({ "Key": key, "Value": seconds.to_string() })).collect();
    let mut properties = json!({
        "Name": wanted.name,
        "Protocol": "HTTP",
        "Port": wanted.port,
        "TargetType": kind,
        "VpcId": place.vpc,
        "HealthCheckPath": wanted.health_check_path,
        "TargetGroupAttributes": attributes,
        "Tags": draft.tags(Some(&service.name)),
    });
    let stated = [
        ("HealthCheckIntervalSeconds", wanted.health_check_interval),
        ("HealthCheckTimeoutSeconds", wanted.health_check_timeout),
        ("HealthyThresholdCount", wanted.healthy_threshold),
        ("UnhealthyThresholdCount", wanted.unhealthy_threshold),
    ];
    for (key, value) in stated {
        if let Some(value) = value {
            properties[key] = json!(value);
        }
    }
    if let Some(codes) = &wanted.matcher {
        properties["Matcher"] = json!({ "HttpCode": codes });
    }
    let group = Resource::new("AWS::ElasticLoadBalancingV2::TargetGroup", properties);
    draft.template.resource(target_group(&service.name, side), group);
}

fn add_balancer(draft: &mut Draft<'_>, place: &Place, wanted: &LoadBalancerPlan) {
    let scheme = match place.scheme {
        Scheme::InternetFacing => "internet-facing",
        Scheme::Internal => "internal",
    };
    let properties = json!({
        "Name": wanted.name,
        "Type": "application",
        "Scheme": scheme,
        "Subnets": place.balancer_subnets,
        "SecurityGroups": place.balancer_groups,
        "LoadBalancerAttributes": [
            { "Key": "deletion_protection.enabled", "Value": draft.deletion_protection() },
            { "Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true" },
        ],
        "Tags": draft.tags(None),
    });
    // An address that faces the internet is given only where there is a way to it.
    let gateway = "InternetGatewayAttachment";
    let after = if draft.template.has(gateway) { vec![gateway.to_owned()] } else { Vec::new() };
    let balancer = Resource::new("AWS::ElasticLoadBalancingV2::LoadBalancer", properties).after(after);
    let id = draft.template.resource("LoadBalancer", balancer);
    draft.template.output("LoadBalancerDnsName", "Where the services answer", attribute(&id, "DNSName"));
    let zone = attribute(&id, "CanonicalHostedZoneID");
    draft.template.output("LoadBalancerHostedZoneId", "For an alias record of Route 53", zone);
}

fn add_listener(draft: &mut Draft<'_>, listener: &ListenerPlan, balanced: &mut Balanced) {
    let plan = draft.plan;
    let port = listener.port;
    let default = listener.default_service.as_ref().filter(|service| plan.service(service).is_some());
    let mut properties = json!({
        "LoadBalancerArn": reference("LoadBalancer"),
        "Port": port,
        "Protocol": "HTTP",
        "DefaultActions": [default.map_or_else(not_found, |service| forward(&target_group(service, PairSide::Own)))],
    });
    match &listener.certificate {
        Some(certificate) => {
            properties["Protocol"] = json!("HTTPS");
            properties["Certificates"] = json!([{ "CertificateArn": certificate }]);
            properties["SslPolicy"] = json!(TLS_POLICY);
        }
        None => draft
            .remarks
            .push(format!("port {port} is not encrypted; `listener: {{ certificate: arn:… }}` makes it HTTPS")),
    }
    let resource = Resource::new("AWS::ElasticLoadBalancingV2::Listener", properties);
    let id = draft.template.resource(format!("Listener{port}"), resource);
    if let Some(service) = default {
        balanced.served_by.entry(service.clone()).or_default().push(id.clone());
    }
    let rules = listener.rules.iter().zip(priorities(&listener.rules));
    for (rule, priority) in rules {
        let Some(service) = plan.service(&rule.service) else { continue };
        let resource = rule_resource(&id, rule, priority, service.balancing.as_ref());
        let purpose = match rule.purpose {
            RulePurpose::Service | RulePurpose::Production => "",
            RulePurpose::Test => "Test",
        };
        let rule_id = format!("{id}{purpose}Rule{}", logical(rule.service.as_str()));
        let rule_id = draft.template.resource(rule_id, resource);
        balanced.served_by.entry(rule.service.clone()).or_default().push(rule_id.clone());
        balanced.rules.insert((rule.service.clone(), rule.purpose), rule_id);
    }
}

fn rule_resource(listener: &str, rule: &RulePlan, priority: i32, balancing: Option<&Balancing>) -> Resource {
    let (own, alternate) =
        (target_group(&rule.service, PairSide::Own), target_group(&rule.service, PairSide::Alternate));
    let has_pair = balancing.is_some_and(|balancing| balancing.pair.is_some());
    let action = match (rule.purpose, has_pair) {
        (RulePurpose::Production, true) => forward_pair(&own, &alternate, rule.stickiness),
        (RulePurpose::Test, true) => forward_pair(&alternate, &own, None),
        (RulePurpose::Service | RulePurpose::Production | RulePurpose::Test, _) => forward(&own),
    };
    let properties = json!({
        "ListenerArn": reference(listener), "Priority": priority, "Conditions": conditions(rule), "Actions": [action],
    });
    Resource::new("AWS::ElasticLoadBalancingV2::ListenerRule", properties)
}

/// The written priorities, and for the other rules those that a deployment would give them on a new listener.
fn priorities(rules: &[RulePlan]) -> Vec<i32> {
    let mut taken: BTreeSet<i32> = rules.iter().filter_map(|rule| rule.priority).collect();
    let mut preferred = 0;
    let priority = |rule: &RulePlan| {
        preferred += PRIORITY_STEP;
        rule.priority.unwrap_or_else(|| {
            let free =
                (preferred..).find(|priority| !taken.contains(priority)).expect("there is always a higher number");
            taken.insert(free);
            free
        })
    };
    rules.iter().map(priority).collect()
}

fn conditions(rule: &RulePlan) -> Json {
    let mut conditions = Vec::new();
    if !rule.hosts.is_empty() {
        conditions.push(json!({ "Field": "host-header", "HostHeaderConfig": { "Values": rule.hosts } }));
    }
    if !rule.paths.is_empty() {
        conditions.push(json!({ "Field": "path-pattern", "PathPatternConfig": { "Values": rule.paths } }));
    }
    if let Some((name, value)) = &rule.header {
        let config = json!({ "HttpHeaderName": name, "Values": [value] });
        conditions.push(json!({ "Field": "http-header", "HttpHeaderConfig": config }));
    }
    conditions.into()
}

fn forward(group: &str) -> Json {
    json!({ "Type": "forward", "TargetGroupArn": reference(group) })
}

/// Everything to the first of two target groups; deployments move the weights.
fn forward_pair(group: &str, other: &str, stickiness: Option<i32>) -> Json {
    let tuple = |group: &str, weight: i32| json!({ "TargetGroupArn": reference(group), "Weight": weight });
    let mut config = json!({ "TargetGroups": [tuple(group, 100), tuple(other, 0)] });
    if let Some(seconds) = stickiness {
        config["TargetGroupStickinessConfig"] = json!({ "Enabled": true, "DurationSeconds": seconds });
    }
    json!({ "Type": "forward", "ForwardConfig": config })
}

fn not_found() -> Json {
    json!({ "Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "No service answers here.\n",
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(priority: Option<i32>) -> RulePlan {
        RulePlan {
            service: "web".parse().expect("a name"),
            priority,
            hosts: vec![],
            paths: vec!["/a".into()],
            header: None,
            purpose: RulePurpose::Service,
            stickiness: None,
        }
    }

    #[test]
    fn priorities_are_the_written_ones_and_free_ones_in_between() {
        let rules = [rule(Some(10)), rule(None), rule(Some(30)), rule(None), rule(None)];
        assert_eq!(priorities(&rules), [10, 20, 30, 40, 50]);
        assert_eq!(priorities(&[rule(None), rule(Some(10)), rule(None)]), [11, 10, 30]);
    }
}
