//! How many of each there may be: ELBv2's default quotas, which bound the engine's tables too.

/// One entry of DescribeAccountLimits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub name: &'static str,
    pub max: usize,
}

pub const LOAD_BALANCERS_MAX: usize = 50;
pub const LISTENERS_PER_LOAD_BALANCER_MAX: usize = 50;
/// Default rules not counted.
pub const RULES_PER_LOAD_BALANCER_MAX: usize = 100;
pub const TARGET_GROUPS_MAX: usize = 3000;
pub const TARGET_GROUPS_PER_LOAD_BALANCER_MAX: usize = 100;
pub const TARGETS_PER_TARGET_GROUP_MAX: usize = 1000;
/// Values of all conditions of one rule.
pub const CONDITION_VALUES_PER_RULE_MAX: usize = 5;
/// `*` and `?` in all conditions of one rule.
pub const CONDITION_WILDCARDS_PER_RULE_MAX: usize = 6;

/// The quotas in the order and with the names of DescribeAccountLimits.
pub const ALL: [Quota; 8] = [
    Quota { name: "application-load-balancers", max: LOAD_BALANCERS_MAX },
    Quota { name: "listeners-per-application-load-balancer", max: LISTENERS_PER_LOAD_BALANCER_MAX },
    Quota { name: "rules-per-application-load-balancer", max: RULES_PER_LOAD_BALANCER_MAX },
    Quota { name: "target-groups", max: TARGET_GROUPS_MAX },
    Quota { name: "target-groups-per-application-load-balancer", max: TARGET_GROUPS_PER_LOAD_BALANCER_MAX },
    Quota {
        name: "target-groups-per-action-on-application-load-balancer",
        max: seatrial_model::load_balancing::FORWARD_TARGET_GROUPS_MAX,
    },
    Quota { name: "targets-per-application-load-balancer", max: TARGETS_PER_TARGET_GROUP_MAX },
    Quota { name: "condition-values-per-alb-rule", max: CONDITION_VALUES_PER_RULE_MAX },
];
