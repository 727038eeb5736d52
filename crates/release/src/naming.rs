//! The names of everything a deployment makes. The same configuration always gives the same names; nothing is remembered.

use sha2::{Digest, Sha256};

use crate::config::{AppName, EnvironmentName, ServiceName};

/// Longest name of a load balancer or target group.
const ELB_NAME_MAX: usize = 32;

/// Hexadecimal digits of the hash that keeps shortened names apart: 28 bits, ample for the services of one account.
const HASH_DIGITS: usize = 7;

/// Where the configuration of an environment is, below `/<app>/<environment>/`.
pub(crate) const CONFIG_PATH: &str = "config";

/// The parameter that a name of configuration stands for: `/<app>/<environment>/config/<name>`.
pub fn config_parameter(app: &AppName, environment: &EnvironmentName, name: &str) -> String {
    format!("/{app}/{environment}/{CONFIG_PATH}/{name}")
}

/// The ECS cluster of an environment: `<app>-<environment>`.
pub fn cluster(app: &AppName, environment: &EnvironmentName) -> String {
    format!("{app}-{environment}")
}

/// The task definition family of a service: `<app>-<environment>-<service>`.
pub fn family(app: &AppName, environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("{app}-{environment}-{service}")
}

/// The log group of a service: `/ecs/<app>-<environment>/<service>`.
pub fn log_group(app: &AppName, environment: &EnvironmentName, service: &ServiceName) -> String {
    format!("/ecs/{app}-{environment}/{service}")
}

/// The load balancer of an environment: `<app>-<environment>`, shortened to 32 characters.
pub fn load_balancer(app: &AppName, environment: &EnvironmentName) -> String {
    // A load balancer's name may not begin with `internal-`, which Elastic Load Balancing keeps for its host names.
    let name = cluster(app, environment);
    elb_name(&if name.starts_with("internal-") { format!("app-{name}") } else { name })
}

/// The target group of a service: `<app>-<environment>-<service>`, shortened to 32 characters.
pub fn target_group(app: &AppName, environment: &EnvironmentName, service: &ServiceName) -> String {
    elb_name(&family(app, environment, service))
}

/// The other target group of a service whose deployments move traffic between two.
pub fn alternate_target_group(app: &AppName, environment: &EnvironmentName, service: &ServiceName) -> String {
    elb_name(&format!("{}-alt", family(app, environment, service)))
}

/// An alarm on the requests of a service, `<app>-<environment>-<service>-<what>`: its name on the service's own target group, and on the
/// alternate one.
pub fn alarm(app: &AppName, environment: &EnvironmentName, service: &ServiceName, what: &str) -> (String, String) {
    let name = format!("{}{what}", alarm_prefix(&family(app, environment, service)));
    let alternate = format!("{name}-alt");
    (name, alternate)
}

/// What the names of a service's alarms begin with; `family` is that of its task definitions.
pub fn alarm_prefix(family: &str) -> String {
    format!("{family}-")
}

/// Keeps a name within Elastic Load Balancing's limit: a long one ends in a hash of the whole.
fn elb_name(name: &str) -> String {
    if name.len() <= ELB_NAME_MAX {
        return name.to_owned();
    }
    let hash = hex::encode(Sha256::digest(name.as_bytes()));
    let kept = name[..ELB_NAME_MAX - HASH_DIGITS - 1].trim_end_matches('-');
    format!("{kept}-{}", &hash[..HASH_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(text: &str) -> AppName {
        text.parse().expect("a valid name")
    }

    #[test]
    fn names_are_the_parts_joined_by_hyphens() {
        let (app, environment, service) = (app("hello"), "dev".parse().expect("name"), "web".parse().expect("name"));
        assert_eq!(cluster(&app, &environment), "hello-dev");
        assert_eq!(family(&app, &environment, &service), "hello-dev-web");
        assert_eq!(log_group(&app, &environment, &service), "/ecs/hello-dev/web");
        assert_eq!(load_balancer(&app, &environment), "hello-dev");
        assert_eq!(target_group(&app, &environment, &service), "hello-dev-web");
        let (own, alternate) = alarm(&app, &environment, &service, "errors");
        assert_eq!((own.as_str(), alternate.as_str()), ("hello-dev-web-errors", "hello-dev-web-errors-alt"));
    }

    #[test]
    fn long_names_are_shortened_and_stay_different() {
        let environment = "production".parse().expect("name");
        let one = target_group(&app("a-rather-long-application"), &environment, &"frontend".parse().expect("name"));
        let two = target_group(&app("a-rather-long-application"), &environment, &"frontier".parse().expect("name"));
        assert_ne!(one, two);
        for name in [one, two] {
            assert!(name.len() <= ELB_NAME_MAX, "{name}");
            assert!(name.starts_with("a-rather-long"), "{name}");
        }
    }

    #[test]
    fn a_load_balancer_is_never_called_internal() {
        assert_eq!(load_balancer(&app("internal"), &"dev".parse().expect("name")), "app-internal-dev");
    }
}
