//! The addresses at which services answer. Pure.

use serde::Serialize;

use crate::config::ServiceName;
use crate::plan::{ListenerPlan, Plan, RulePlan};

/// Where a service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceUrl {
    pub service: ServiceName,
    pub url: String,
}

/// The addresses of the services of a plan behind a load balancer of this host name.
pub(crate) fn urls(plan: &Plan, host: &str) -> Vec<ServiceUrl> {
    let listeners = plan.load_balancer.iter().flat_map(|balancer| &balancer.listeners);
    let mut urls: Vec<ServiceUrl> = listeners
        .flat_map(|listener| {
            let default = listener.default_service.iter().map(|service| (service, address(listener, host, None)));
            let rules = listener.rules.iter().map(|rule| (&rule.service, address(listener, host, Some(rule))));
            default.chain(rules).collect::<Vec<_>>()
        })
        .filter(|(service, _)| plan.service(service).is_some())
        .map(|(service, url)| ServiceUrl { service: service.clone(), url })
        .collect();
    urls.sort_by(|left, right| left.service.cmp(&right.service));
    urls
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
