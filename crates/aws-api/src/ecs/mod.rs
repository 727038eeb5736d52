//! Amazon ECS: clusters, task definitions, services, tasks, service deployments and revisions, tags, account settings.

mod account_settings;
mod answer;
mod capacity_providers;
mod clusters;
mod documents;
mod overrides;
mod request;
mod run_task;
mod service_deployments;
mod service_request;
mod services;
mod show;
mod tags;
mod task_definitions;
mod tasks;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of ECS.
#[derive(Clone)]
pub struct Ecs {
    engine: Engine,
}

impl Ecs {
    pub fn new(engine: Engine) -> Self {
        Ecs { engine }
    }
}

impl Operations for Ecs {
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
        "CreateCluster" => clusters::create(engine, input),
        "DeleteCluster" => clusters::delete(engine, input),
        "DescribeClusters" => clusters::describe(engine, input),
        "ListClusters" => clusters::list(engine, input),
        "UpdateCluster" | "UpdateClusterSettings" => clusters::update(engine, input),
        "PutClusterCapacityProviders" => clusters::put_capacity_providers(engine, input),
        "RegisterTaskDefinition" => task_definitions::register(engine, input),
        "DescribeTaskDefinition" => task_definitions::describe(engine, input),
        "DeregisterTaskDefinition" => task_definitions::deregister(engine, input),
        "DeleteTaskDefinitions" => task_definitions::delete(engine, input),
        "ListTaskDefinitions" => task_definitions::list(engine, input),
        "ListTaskDefinitionFamilies" => task_definitions::list_families(engine, input),
        "CreateService" => services::create(engine, input),
        "UpdateService" => services::update(engine, input),
        "DeleteService" => services::delete(engine, input),
        "DescribeServices" => services::describe(engine, input),
        "ListServices" => services::list(engine, input),
        "RunTask" => run_task::run(engine, input),
        "StopTask" => tasks::stop(engine, input),
        "DescribeTasks" => tasks::describe(engine, input),
        "ListTasks" => tasks::list(engine, input),
        "ListServiceDeployments" => service_deployments::list(engine, input),
        "DescribeServiceDeployments" => service_deployments::describe(engine, input),
        "DescribeServiceRevisions" => service_deployments::describe_revisions(engine, input),
        "ContinueServiceDeployment" => service_deployments::continue_paused(engine, input),
        "StopServiceDeployment" => service_deployments::stop(engine, input),
        "TagResource" => tags::tag(engine, input),
        "UntagResource" => tags::untag(engine, input),
        "ListTagsForResource" => tags::list(engine, input),
        "ListAccountSettings" => account_settings::list(engine, input),
        "PutAccountSetting" | "PutAccountSettingDefault" => account_settings::put(engine, input),
        "DeleteAccountSetting" => account_settings::delete(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
