//! The addresses at which services answer. Pure.

use serde::Serialize;

use crate::config::ServiceName;
use crate::plan::{ListenerPlan, Plan, RulePlan, RulePurpose};

/// Where a service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceUrl {
    pub service: ServiceName,
    pub url: String,
    /// Set when a deployment's new version answers there before production traffic reaches it: the header that a request needs, or
    /// nothing where the address is enough.
    pub test: Option<String>,
}

/// The addresses of the services of a plan behind a load balancer of this host name.
pub(crate) fn urls(plan: &Plan, host: &str) -> Vec<ServiceUrl> {
    let listeners = plan.load_balancer.iter().flat_map(|balancer| &balancer.listeners);
    let mut urls: Vec<ServiceUrl> = listeners
        .flat_map(|listener| {
            let default = listener.default_service.iter().map(|service| (service, address(listener, host, None), None));
            let rules =
                listener.rules.iter().map(|rule| (&rule.service, address(listener, host, Some(rule)), test(rule)));
            default.chain(rules).collect::<Vec<_>>()
        })
        .filter(|(service, _, _)| plan.service(service).is_some())
        .map(|(service, url, test)| ServiceUrl { service: service.clone(), url, test })
        .collect();
    urls.sort_by(|left, right| (&left.service, left.test.is_some()).cmp(&(&right.service, right.test.is_some())));
    urls
}

fn test(rule: &RulePlan) -> Option<String> {
    let header = rule.header.as_ref().map(|(name, value)| format!("{name}: {value}"));
    (rule.purpose == RulePurpose::Test).then(|| header.unwrap_or_default())
}

fn address(listener: &ListenerPlan, host: &str, rule: Option<&RulePlan>) -> String {
    let (scheme, usual_port) = if listener.certificate.is_some() { ("https", 443) } else { ("http", 80) };
    let is_plain = |text: &&String| !text.contains(['*', '?']);
    let host = rule.and_then(|rule| rule.hosts.iter().find(is_plain)).map_or(host, String::as_str);
    let path = rule.and_then(|rule| rule.paths.first()).map(|path| path.split(['*', '?']).next().unwrap_or("/"));
    let port = if listener.port == usual_port { String::new() } else { format!(":{}", listener.port) };
    format!("{scheme}://{host}{port}{}", path.filter(|path| !path.is_empty()).unwrap_or("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_show_what_a_client_must_write() {
        let listener = |port, certificate: Option<&str>| ListenerPlan {
            port,
            certificate: certificate.map(Into::into),
            default_service: None,
            rules: vec![],
        };
        let rule = |hosts: &[&str], paths: &[&str]| RulePlan {
            header: None,
            purpose: RulePurpose::Service,
            stickiness: None,
            service: "api".parse().expect("name"),
            priority: None,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        let cases = [
            (listener(8080, None), None, "http://lb:8080/"),
            (listener(80, None), None, "http://lb/"),
            (listener(443, Some("arn")), None, "https://lb/"),
            (listener(8080, None), Some(rule(&[], &["/api/*"])), "http://lb:8080/api/"),
            (listener(80, None), Some(rule(&["*.x.com", "api.x.com"], &[])), "http://api.x.com/"),
            (listener(80, None), Some(rule(&["*.x.com"], &["*"])), "http://lb/"),
        ];
        for (listener, rule, expected) in cases {
            assert_eq!(address(&listener, "lb", rule.as_ref()), expected);
        }
    }
}
