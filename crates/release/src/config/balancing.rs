//! The load-balancing side of a configuration: one target group per service, one listener per port, one rule per service
//! that shares a listener.

use std::collections::BTreeMap;

use super::deployment::{self, DeploymentEntry, TestTrafficEntry};
use super::document::{HealthCheckEntry, ListenerEntry, ServiceEntry};
use super::error::Fault;
use super::names::ServiceName;
use super::site::Site;
use super::stage::Preset;
use super::stickiness::stickiness;
use crate::plan::{Extensions, ListenerPlan, RulePlan, RulePurpose, TargetGroupPlan, TargetType};

/// Most values in the conditions of one rule, as Elastic Load Balancing has it.
const RULE_VALUES_MAX: usize = 5;

/// Longest host name or path of a condition.
const CONDITION_VALUE_MAX: usize = 128;

/// The target group of a service. A health-check timeout that is only preset gives way to a shorter explicit interval.
pub(crate) fn target_group(
    name: String,
    port: i32,
    (target_type, extensions): (TargetType, Extensions),
    entry: &ServiceEntry,
    preset: &Preset,
    site: &Site<'_>,
) -> Result<TargetGroupPlan, Fault> {
    let check = entry.health_check.as_ref();
    let explicit_timeout = check.and_then(|check| check.timeout).map(|seconds| seconds.get());
    let interval = check.and_then(|check| check.interval).map(|seconds| seconds.get()).or(preset.health_check_interval);
    let timeout = match (explicit_timeout, interval) {
        (None, Some(interval)) => preset.health_check_timeout.map(|timeout| timeout.min(interval - 1)),
        (explicit, _) => explicit.or(preset.health_check_timeout),
    };
    if let (Some(timeout), Some(interval)) = (timeout, interval)
        && timeout >= interval
    {
        let what = format!("is {timeout} s, but must be shorter than the interval of {interval} s");
        return Err(site
            .below("health_check")
            .below("timeout")
            .fault(what)
            .instead("shorten `timeout` or lengthen `interval`"));
    }
    let settle_time = entry.settle_time.map_or(0, |seconds| seconds.get());
    Ok(TargetGroupPlan {
        name,
        port,
        target_type,
        health_check_path: health_check_path(check, site)?,
        health_check_interval: interval,
        health_check_timeout: timeout,
        healthy_threshold: check
            .and_then(|check| check.healthy_threshold)
            .map(|count| count.get())
            .or(preset.healthy_threshold),
        unhealthy_threshold: check
            .and_then(|check| check.unhealthy_threshold)
            .map(|count| count.get())
            .or(preset.unhealthy_threshold),
        matcher: check.and_then(|check| check.matcher.clone()),
        deregistration_delay: entry.deregistration_delay.map(|seconds| seconds.get()).or(preset.deregistration_delay),
        slow_start: slow_start(entry, site)?,
        settle_time: match extensions {
            Extensions::Available => Some(settle_time),
            Extensions::Missing => None,
        },
    })
}

/// Elastic Load Balancing knows no slow start shorter than this, in seconds.
const SLOW_START_MIN: i32 = 30;

/// The slow start of new targets. Zero, for none, is sent as well, so that what is taken out of a file is undone.
fn slow_start(entry: &ServiceEntry, site: &Site<'_>) -> Result<i32, Fault> {
    match entry.slow_start.map_or(0, |seconds| seconds.get()) {
        seconds if seconds == 0 || seconds >= SLOW_START_MIN => Ok(seconds),
        seconds => Err(site
            .below("slow_start")
            .fault(format_args!("is {seconds} s, but a load balancer takes {SLOW_START_MIN} s to 15 min, or none"))
            .instead("write at least `30s`, or remove it")),
    }
}

fn health_check_path(check: Option<&HealthCheckEntry>, site: &Site<'_>) -> Result<String, Fault> {
    let path = check.and_then(|check| check.path.as_deref()).unwrap_or("/");
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    let at = site.below("health_check").below("path");
    Err(at.fault(format_args!("is `{path}`, but a path begins with `/`")).instead(format!("write `/{path}`")))
}

/// A service's wish for a listener.
pub(crate) struct Wish<'n> {
    pub service: ServiceName,
    pub port: u16,
    pub certificate: Option<String>,
    pub rule: RulePlan,
    pub site: Site<'n>,
}

/// Reads the listener of a service: one wish, or, where deployments move traffic, one for production and one for tests.
pub(crate) fn wishes<'n>(
    service: &ServiceName,
    entry: &ListenerEntry,
    deployment: Option<&DeploymentEntry>,
    site: &Site<'n>,
) -> Result<Vec<Wish<'n>>, Fault> {
    let mut production = wish(service, entry, &site.below("listener"))?;
    production.rule.stickiness = stickiness(entry, deployment, &site.below("listener"))?;
    if !deployment::strategy(deployment).shifts_traffic() {
        return Ok(vec![production]);
    }
    production.rule.purpose = RulePurpose::Production;
    if production.rule.hosts.is_empty() && production.rule.paths.is_empty() {
        // Traffic is moved by a rule's weights, and a listener's default is no rule that ECS would take for it.
        production.rule.paths = vec!["/*".to_owned()];
    }
    let wanted = deployment.and_then(|deployment| deployment.test.as_ref());
    let test =
        wanted.map(|wanted| test_wish(&production, wanted, &site.below("deployment").below("test"))).transpose()?;
    Ok(std::iter::once(production).chain(test).collect())
}

fn test_wish<'n>(production: &Wish<'n>, wanted: &TestTrafficEntry, site: &Site<'n>) -> Result<Wish<'n>, Fault> {
    let mut rule = RulePlan { purpose: RulePurpose::Test, stickiness: None, ..production.rule.clone() };
    let (port, certificate) = match (wanted.port, wanted.header.as_deref()) {
        (Some(port), None) => {
            let port = u16::try_from(port.get()).expect("a port's range is checked when it is read");
            if port == production.port {
                return Err(site
                    .below("port")
                    .fault("is the production port")
                    .instead("choose another one, or use `header`"));
            }
            (port, None)
        }
        (None, Some(header)) => {
            let Some((name, value)) = header.split_once(':') else {
                return Err(site.below("header").fault(format_args!("is `{header}`")).instead("write `Name: value`"));
            };
            rule.header = Some((name.trim().to_owned(), value.trim().to_owned()));
            // Before the production rule, which would take the request too.
            rule.priority = rule.priority.map(|priority| (priority - 1).max(1));
            (production.port, production.certificate.clone())
        }
        (_, _) => return Err(site.fault("takes either `port` or `header`").instead("write one of them")),
    };
    Ok(Wish { service: production.service.clone(), port, certificate, rule, site: site.clone() })
}

fn wish<'n>(service: &ServiceName, entry: &ListenerEntry, site: &Site<'n>) -> Result<Wish<'n>, Fault> {
    let site = site.clone();
    let port =
        entry.port.ok_or_else(|| site.fault("lacks `port`").instead("add `port:`, the port clients connect to"))?;
    let values =
        |list: &Option<super::words::OneOrMany>| list.as_ref().map(|list| list.values().to_vec()).unwrap_or_default();
    let rule = RulePlan {
        service: service.clone(),
        priority: entry.priority.map(|number| number.get()),
        hosts: values(&entry.host),
        paths: values(&entry.path),
        header: None,
        purpose: RulePurpose::Service,
        stickiness: None,
    };
    check_conditions(&rule, &site)?;
    let port = u16::try_from(port.get()).expect("a port's range is checked when it is read");
    Ok(Wish { service: service.clone(), port, certificate: entry.certificate.clone(), rule, site })
}

fn check_conditions(rule: &RulePlan, site: &Site<'_>) -> Result<(), Fault> {
    let count = rule.hosts.len() + rule.paths.len();
    if count > RULE_VALUES_MAX {
        return Err(site.fault(format_args!("has {count} hosts and paths; a rule takes {RULE_VALUES_MAX} at most")));
    }
    if let Some(long) =
        rule.hosts.iter().chain(&rule.paths).find(|value| value.is_empty() || value.len() > CONDITION_VALUE_MAX)
    {
        return Err(
            site.fault(format_args!("has the condition `{long}`; 1 to {CONDITION_VALUE_MAX} characters are allowed"))
        );
    }
    if let Some(path) = rule.paths.iter().find(|path| !path.starts_with(['/', '*'])) {
        return Err(site
            .below("path")
            .fault(format_args!("has `{path}`, but a path begins with `/`"))
            .instead(format!("write `/{path}`")));
    }
    if rule.priority.is_some() && count == 0 {
        return Err(site.below("priority").fault("has no effect without `host` or `path`").instead("remove it"));
    }
    Ok(())
}

/// Gathers the wishes into listeners, in the order of their ports.
pub(crate) fn listeners(wishes: Vec<Wish<'_>>) -> Result<Vec<ListenerPlan>, Fault> {
    let mut by_port: BTreeMap<u16, ListenerPlan> = BTreeMap::new();
    for wish in wishes {
        let listener = by_port.entry(wish.port).or_insert_with(|| ListenerPlan {
            port: wish.port,
            certificate: wish.certificate.clone(),
            default_service: None,
            rules: Vec::new(),
        });
        if listener.certificate != wish.certificate {
            return Err(wish
                .site
                .fault(format_args!("has another certificate than the other services on port {}", wish.port)));
        }
        if !wish.rule.hosts.is_empty() || !wish.rule.paths.is_empty() {
            add_rule(listener, wish)?;
        } else if let Some(other) = &listener.default_service {
            let what = format!("takes every request on port {}, and so does service `{other}`", wish.port);
            return Err(wish.site.fault(what).instead("give one of them another `port`, or a `host` or `path`"));
        } else {
            listener.default_service = Some(wish.service);
        }
    }
    for listener in by_port.values_mut() {
        listener.rules.sort_by_key(specificity);
    }
    Ok(by_port.into_values().collect())
}

fn add_rule(listener: &mut ListenerPlan, wish: Wish<'_>) -> Result<(), Fault> {
    for other in &listener.rules {
        let same_conditions = other.hosts == wish.rule.hosts && other.paths == wish.rule.paths;
        if same_conditions && other.header == wish.rule.header {
            return Err(wish.site.fault(format_args!("has the same host and path as service `{}`", other.service)));
        }
        if other.priority.is_some() && other.priority == wish.rule.priority {
            return Err(wish
                .site
                .below("priority")
                .fault(format_args!("is also the priority of service `{}`", other.service)));
        }
    }
    listener.rules.push(wish.rule);
    Ok(())
}

/// Sorts rules: written priorities, then headers before none, hosts before none, longer paths before shorter, names.
fn specificity(rule: &RulePlan) -> (i32, bool, bool, std::cmp::Reverse<usize>, ServiceName) {
    let longest_path = rule.paths.iter().map(String::len).max().unwrap_or(0);
    let (no_header, no_host) = (rule.header.is_none(), rule.hosts.is_empty());
    (rule.priority.unwrap_or(i32::MAX), no_header, no_host, std::cmp::Reverse(longest_path), rule.service.clone())
}
