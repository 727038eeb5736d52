//! Elastic Load Balancing v2: load balancers, listeners, rules, target groups, targets, attributes, tags.
//!
//! `read` parses what requests hold into the engine's types, `show` writes its records in the model's shapes; the other modules are
//! the operations.

mod answer;
mod attributes;
mod limits;
mod listeners;
mod load_balancers;
mod read;
mod rules;
mod show;
mod tags;
mod target_groups;
mod targets;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of ELBv2.
#[derive(Clone)]
pub struct Elbv2 {
    engine: Engine,
}

impl Elbv2 {
    pub fn new(engine: Engine) -> Self {
        Elbv2 { engine }
    }
}

impl Operations for Elbv2 {
    fn call<'a>(
        &'a self,
        _context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        crate::blocking::run(&self.engine, operation, input, handle)
    }
}

fn handle(engine: &Engine, operation: &str, input: &Input) -> Result<Value, OperationError> {
    match operation {
        "CreateLoadBalancer" => load_balancers::create(engine, input),
        "DescribeLoadBalancers" => load_balancers::describe(engine, input),
        "DeleteLoadBalancer" => load_balancers::delete(engine, input),
        "SetSubnets" => load_balancers::set_subnets(engine, input),
        "SetSecurityGroups" => load_balancers::set_security_groups(engine, input),
        "SetIpAddressType" => load_balancers::set_ip_address_type(engine, input),
        "DescribeLoadBalancerAttributes" => attributes::describe_load_balancer(engine, input),
        "ModifyLoadBalancerAttributes" => attributes::modify_load_balancer(engine, input),
        "CreateListener" => listeners::create(engine, input),
        "DescribeListeners" => listeners::describe(engine, input),
        "ModifyListener" => listeners::modify(engine, input),
        "DeleteListener" => listeners::delete(engine, input),
        "DescribeListenerCertificates" => listeners::describe_certificates(engine, input),
        "DescribeListenerAttributes" => attributes::describe_listener(engine, input),
        "ModifyListenerAttributes" => attributes::modify_listener(engine, input),
        "CreateRule" => rules::create(engine, input),
        "DescribeRules" => rules::describe(engine, input),
        "ModifyRule" => rules::modify(engine, input),
        "DeleteRule" => rules::delete(engine, input),
        "SetRulePriorities" => rules::set_priorities(engine, input),
        "CreateTargetGroup" => target_groups::create(engine, input),
        "DescribeTargetGroups" => target_groups::describe(engine, input),
        "ModifyTargetGroup" => target_groups::modify(engine, input),
        "DeleteTargetGroup" => target_groups::delete(engine, input),
        "DescribeTargetGroupAttributes" => attributes::describe_target_group(engine, input),
        "ModifyTargetGroupAttributes" => attributes::modify_target_group(engine, input),
        "RegisterTargets" => targets::register(engine, input),
        "DeregisterTargets" => targets::deregister(engine, input),
        "DescribeTargetHealth" => targets::describe_health(engine, input),
        "AddTags" => tags::add(engine, input),
        "RemoveTags" => tags::remove(engine, input),
        "DescribeTags" => tags::describe(engine, input),
        "DescribeAccountLimits" => limits::describe(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
