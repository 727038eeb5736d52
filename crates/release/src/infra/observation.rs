//! The alarms of the plan, and a dashboard of what its services do.

use serde_json::{Value as Json, json};

use super::balancing::target_group;
use super::template::{Resource, attribute, list_text, logical, reference, substituted};
use super::{Draft, SIDES};
use crate::plan::{AlarmPlan, AlarmSubject, PairSide, ServicePlan};

/// Stand for what only CloudFormation knows.
const BALANCER: &str = "<load balancer>";
const GROUP: &str = "<target group>";

/// The dashboard is a grid of 24 columns.
const WIDGET_WIDTH: usize = 8;
const WIDGET_HEIGHT: usize = 6;

/// The logical id of an alarm.
pub(super) fn alarm_id(service: &ServicePlan, alarm: &AlarmPlan, side: PairSide) -> String {
    let what = alarm.name.strip_prefix(&format!("{}-", service.family)).unwrap_or(&alarm.name);
    let suffix = match side {
        PairSide::Own => "",
        PairSide::Alternate => "Alternate",
    };
    format!("{}Alarm{}{suffix}", logical(service.name.as_str()), logical(what))
}

/// Adds the alarms, each on every target group of its service.
pub(super) fn add_alarms(draft: &mut Draft<'_>) {
    for service in &draft.plan.services {
        let Some(balancing) = &service.balancing else { continue };
        let sides = SIDES.into_iter().take(if balancing.pair.is_some() { 2 } else { 1 });
        for side in sides {
            for alarm in &service.alarms {
                let subject = AlarmSubject { load_balancer: BALANCER.into(), target_group: GROUP.into() };
                let mut properties = alarm.document(side, &subject, 0);
                fill_in(&mut properties, &target_group(&service.name, side));
                properties["Tags"] = draft.tags(Some(&service.name));
                let resource = Resource::new("AWS::CloudWatch::Alarm", properties);
                draft.template.resource(alarm_id(service, alarm, side), resource);
            }
        }
    }
}

fn fill_in(value: &mut Json, group: &str) {
    match value {
        Json::String(text) if text == BALANCER => *value = attribute("LoadBalancer", "LoadBalancerFullName"),
        Json::String(text) if text == GROUP => *value = attribute(group, "TargetGroupFullName"),
        Json::Array(items) => items.iter_mut().for_each(|item| fill_in(item, group)),
        Json::Object(members) => members.iter_mut().for_each(|(_, member)| fill_in(member, group)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Adds the dashboard: a row for each service. CloudWatch takes it as text only.
pub(super) fn add_dashboard(draft: &mut Draft<'_>) {
    let services = draft.plan.services.iter().enumerate();
    let widgets: Vec<Json> = services.flat_map(|(row, service)| row_of(draft, service, row)).collect();
    let name = format!("{}-{}", draft.plan.app, draft.plan.environment.name);
    let properties = json!({ "DashboardName": name, "DashboardBody": substituted(list_text("widgets", widgets)) });
    let id = draft.template.resource("Dashboard", Resource::new("AWS::CloudWatch::Dashboard", properties));
    draft.template.output("DashboardName", "The dashboard in CloudWatch", reference(&id));
}

fn row_of(draft: &Draft<'_>, service: &ServicePlan, row: usize) -> Vec<Json> {
    let name = &service.name;
    let of_service =
        |metric: &str| json!(["AWS/ECS", metric, "ClusterName", service.cluster, "ServiceName", service.service_name]);
    let usage = vec![of_service("CPUUtilization"), of_service("MemoryUtilization")];
    let mut widgets = vec![(format!("{name}: CPU and memory (%)"), "Average", usage)];
    if let Some(balancing) = &service.balancing {
        let sides: Vec<PairSide> = SIDES.into_iter().take(if balancing.pair.is_some() { 2 } else { 1 }).collect();
        let of_groups = |metric: &str| -> Vec<Json> {
            let metric = |side: &PairSide| {
                let group = format!("${{{}.TargetGroupFullName}}", target_group(name, *side));
                let balancer = "${LoadBalancer.LoadBalancerFullName}";
                json!(["AWS/ApplicationELB", metric, "LoadBalancer", balancer, "TargetGroup", group])
            };
            sides.iter().map(metric).collect()
        };
        let mut counts = of_groups("RequestCount");
        counts.extend(of_groups("HTTPCode_Target_5XX_Count"));
        widgets.push((format!("{name}: requests and errors"), "Sum", counts));
        widgets.push((format!("{name}: response time (s)"), "p95", of_groups("TargetResponseTime")));
    }
    let widget = |(column, (title, statistic, metrics)): (usize, (String, &str, Vec<Json>))| {
        json!({
            "type": "metric",
            "x": column * WIDGET_WIDTH,
            "y": row * WIDGET_HEIGHT,
            "width": WIDGET_WIDTH,
            "height": WIDGET_HEIGHT,
            "properties": {
                "title": title, "region": draft.region, "stat": statistic, "period": 60, "view": "timeSeries", "metrics": metrics,
            },
        })
    };
    widgets.into_iter().enumerate().map(widget).collect()
}
