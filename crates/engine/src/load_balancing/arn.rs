//! The ARNs of ELBv2's resources: how they are built from each other and told apart.
//!
//! A listener's ARN holds its load balancer's, a rule's its listener's; the rule that is a listener's default has no row of its own,
//! so its ARN follows from the listener's.

use seatrial_model::Arn;
use seatrial_model::arn::Scope;
use sha2::{Digest, Sha256};

use super::name::ResourceName;
use super::refusals::validation;
use crate::refusal::Refusal;

/// What an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    LoadBalancer,
    Listener,
    Rule,
    TargetGroup,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::LoadBalancer, Kind::Listener, Kind::Rule, Kind::TargetGroup];

    /// Reads the kind off an ARN; `None` when it is none of ELBv2's.
    pub fn of(arn: &str) -> Option<Kind> {
        let service = arn.split(':').nth(2)?;
        let parsed = Arn::new(arn);
        let (first, rest) = parsed.resource()?.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.resource() == first)?;
        (service == "elasticloadbalancing" && !rest.is_empty()).then_some(kind)
    }

    /// Refuses a text that is no ARN of this kind.
    pub fn check(self, arn: &str) -> Result<(), Refusal> {
        if Kind::of(arn) == Some(self) {
            return Ok(());
        }
        let shown: String = arn.chars().take(128).collect();
        Err(validation(format!("'{shown}' is not a valid {} ARN", self.noun())))
    }

    const fn resource(self) -> &'static str {
        match self {
            Kind::LoadBalancer => "loadbalancer",
            Kind::Listener => "listener",
            Kind::Rule => "listener-rule",
            Kind::TargetGroup => "targetgroup",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Kind::LoadBalancer => "load balancer",
            Kind::Listener => "listener",
            Kind::Rule => "listener rule",
            Kind::TargetGroup => "target group",
        }
    }
}

/// Builds `loadbalancer/app/NAME/ID`.
pub(super) fn load_balancer(scope: &Scope, name: &ResourceName, id: &str) -> String {
    scope.arn("elasticloadbalancing", format_args!("loadbalancer/app/{name}/{id}")).as_str().to_owned()
}

/// Builds `targetgroup/NAME/ID`.
pub(super) fn target_group(scope: &Scope, name: &ResourceName, id: &str) -> String {
    scope.arn("elasticloadbalancing", format_args!("targetgroup/{name}/{id}")).as_str().to_owned()
}

/// Builds `listener/app/NAME/LB/ID`.
pub(super) fn listener(load_balancer: &str, id: &str) -> String {
    format!("{}/{id}", load_balancer.replacen(":loadbalancer/", ":listener/", 1))
}

/// Builds `listener-rule/app/NAME/LB/LISTENER/ID`.
pub(super) fn rule(listener: &str, id: &str) -> String {
    format!("{}/{id}", listener.replacen(":listener/", ":listener-rule/", 1))
}

/// Returns the ARN of the rule that is a listener's default action, the same one every time.
pub fn default_rule(listener: &str) -> String {
    let digest = Sha256::digest(listener.as_bytes());
    rule(listener, &hex::encode(&digest[..8]))
}

/// Returns the ARN of the listener a rule's ARN belongs to.
pub(super) fn listener_of_rule(rule: &str) -> Option<String> {
    let (path, _) = rule.rsplit_once('/')?;
    Some(path.replacen(":listener-rule/", ":listener/", 1))
}

#[cfg(test)]
mod tests {
    use seatrial_model::{AccountId, Region};

    use super::*;

    fn scope() -> Scope {
        Scope {
            region: Region::parse("us-east-1").expect("a region"),
            account: AccountId::parse("123456789012").expect("an account"),
        }
    }

    #[test]
    fn arns_are_built_from_each_other() {
        let name = ResourceName::parse("Load balancer", "web").expect("a name");
        let balancer = load_balancer(&scope(), &name, "00000000000000aa");
        let listener = listener(&balancer, "00000000000000bb");
        let rule = rule(&listener, "00000000000000cc");
        let prefix = "arn:aws:elasticloadbalancing:us-east-1:123456789012:";
        assert_eq!(balancer, format!("{prefix}loadbalancer/app/web/00000000000000aa"));
        assert_eq!(listener, format!("{prefix}listener/app/web/00000000000000aa/00000000000000bb"));
        assert_eq!(rule, format!("{prefix}listener-rule/app/web/00000000000000aa/00000000000000bb/00000000000000cc"));
        assert_eq!(listener_of_rule(&rule).as_deref(), Some(listener.as_str()));
        assert_eq!(default_rule(&listener), default_rule(&listener));
        assert_eq!(listener_of_rule(&default_rule(&listener)).as_deref(), Some(listener.as_str()));
        let kinds = [&balancer, &listener, &rule, &target_group(&scope(), &name, "0")].map(|arn| Kind::of(arn));
        assert_eq!(kinds, Kind::ALL.map(Some));
    }

    #[test]
    fn other_texts_are_no_arns_of_elb() {
        for other in [
            "",
            "web",
            "arn:aws:ecs:r:1:cluster/a",
            "arn:aws:elasticloadbalancing:r:1:truststore/a/b",
            "arn:aws:s3:r:1:listener/x",
        ] {
            assert_eq!(Kind::of(other), None, "{other}");
        }
        let refusal = Kind::Listener.check("web").expect_err("no ARN");
        assert_eq!((refusal.code, refusal.message.as_str()), ("ValidationError", "'web' is not a valid listener ARN"));
    }
}
