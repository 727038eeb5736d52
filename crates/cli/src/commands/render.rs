//! `seatrial render`

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::arguments::{Common, Services};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::session::{configured, only};
use crate::target;

/// Print the ECS documents that a deployment would send, its alarms and its scaling; talks to nobody
///
/// With one service and one document the output is that document alone, as `aws ecs … --cli-input-json` takes it.
#[derive(Args, Debug)]
pub struct RenderArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Which document
    #[arg(long, value_enum, default_value_t, env = "SEATRIAL_DOCUMENT")]
    pub document: Document,
}

/// The documents of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Document {
    #[default]
    All,
    TaskDefinition,
    Service,
}

/// Runs the command.
pub fn run(arguments: &RenderArguments, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = configured(common)?;
    let defaults = target::defaults(&environment.target, None);
    let plan = file.plan(&environment, &defaults, &only(&arguments.services.services))?;
    for remark in &plan.remarks {
        printer.remark(remark);
    }
    let value = match (arguments.document, plan.services.as_slice()) {
        (Document::All, services) => services
            .iter()
            .map(|service| {
                let mut documents =
                    json!({ "taskDefinition": service.task_definition, "service": service.service_document() });
                if let Some(balancer) = plan.load_balancer.as_ref().filter(|_| !service.alarms.is_empty()) {
                    documents["alarms"] = json!(service.alarm_documents(&balancer.name));
                }
                let balancer = plan.load_balancer.as_ref().map(|balancer| balancer.name.as_str());
                if let Some(scaling) = service.auto_scaling_documents(balancer) {
                    documents["autoScaling"] = scaling;
                }
                (service.name.to_string(), documents)
            })
            .collect::<Map<String, Value>>()
            .into(),
        (Document::TaskDefinition, [service]) => service.task_definition.clone(),
        (Document::Service, [service]) => service.service_document(),
        (Document::TaskDefinition | Document::Service, _) => {
            let what = "one document can be printed of one service only".to_owned();
            return Err(UsageError {
                what, instead: "name the service: seatrial render SERVICE --document …".into()
            }
            .into());
        }
    };
    printer.text(&serde_json::to_string_pretty(&value)?)?;
    Ok(ExitCode::Done)
}
