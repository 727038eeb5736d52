//! The CloudFormation template of an environment: everything that its plan needs of an AWS account. Pure.
//!
//! Owns the translation of a [`Plan`] into resources. Refuses to read configuration (the plan is made elsewhere) and to talk to AWS.
//!
//! Invariants: only the load balancer takes connections from outside, and only on its listeners' ports (I1, where the template makes the
//! security groups); a policy names the resources it is about, and `*` stands only beside actions that AWS limits to nothing (I2); what
//! holds data outlives the stack (I3); the same plan gives the same text (I4).

mod balancing;
mod database;
mod images;
mod network;
mod observation;
mod pascal;
mod roles;
mod scaling;
mod settings;
mod tasks;
mod template;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use thiserror::Error;

pub use template::Template;

use crate::config::{Scheme, ServiceName};
use crate::ensure::tags;
use crate::plan::{Network, PairSide, Plan, PublicAddress, Target, TargetDefaults};

/// The largest template that CloudFormation takes without an S3 bucket, in bytes.
pub const TEMPLATE_BODY_MAX: usize = 51_200;

/// Stands for a subnet, and for a role, that the template is going to make.
const TO_BE_MADE: &str = "made-by-the-template";

/// The parameter that tells whether the stack makes the services, and the condition that follows from it.
const SERVICES_PARAMETER: &str = "Services";
const WITH_SERVICES: &str = "WithServices";

/// The parameter that guards load balancer and database against deletion.
const DELETION_PROTECTION: &str = "DeletionProtection";

/// The target groups of a service whose deployments move traffic; others have the first one only.
const SIDES: [PairSide; 2] = [PairSide::Own, PairSide::Alternate];

/// What may be chosen about a template beside its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    pub nat: Nat,
    pub postgres: Postgres,
    /// What the template makes although the environment names it: these are outputs of this very stack.
    pub make: BTreeSet<Part>,
}

/// How tasks reach the internet, from which their images come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// From private subnets, through one gateway.
    One,
    /// From public subnets, each task with a public address.
    None,
}

/// Whether there is a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Postgres {
    With,
    Without,
}

/// What an environment may name, and the template makes otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Subnets, with security groups in them.
    Network,
    /// Security groups in subnets that the environment names.
    SecurityGroups,
    ExecutionRole,
    TaskRole,
    InfrastructureRole,
}

/// A template and what is said along with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Infrastructure {
    pub template: Template,
    /// What the template leaves out or somebody has to know, a sentence each.
    pub remarks: Vec<String>,
    /// The lines of `seatrial.yml` that name what the stack has made; outputs in angle brackets. Empty when there are none.
    pub settings: String,
    /// What these lines name: a template that is to be the same with them in place has to be told to make it.
    pub made: BTreeSet<Part>,
}

/// Why there is no template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InfraError {
    #[error("environment {environment} lives on the embedded engine, which needs no infrastructure")]
    Embedded { environment: String },
}

/// What a plan is made with where the infrastructure is yet to come.
pub fn defaults(target: &Target) -> TargetDefaults {
    let region = match target {
        Target::Embedded => String::new(),
        Target::Aws { region, .. } => region.clone(),
    };
    TargetDefaults {
        region,
        network: Some(Network {
            subnets: vec![TO_BE_MADE.to_owned()],
            security_groups: Vec::new(),
            public_address: PublicAddress::None,
            scheme: Scheme::InternetFacing,
        }),
        process_image: None,
        infrastructure_role: Some(TO_BE_MADE.to_owned()),
    }
}

/// Makes the template of a plan that was made with [`defaults`].
pub fn infrastructure(plan: &Plan, choices: &Choices) -> Result<Infrastructure, InfraError> {
    let region = match &plan.environment.target {
        Target::Embedded => return Err(InfraError::Embedded { environment: plan.environment.name.to_string() }),
        Target::Aws { region, .. } => region,
    };
    let description = format!("{} in environment {}: what seatrial deploys to", plan.app, plan.environment.name);
    let mut draft =
        Draft { plan, choices, region, template: Template::new(description), remarks: plan.remarks.clone() };
    let place = network::add(&mut draft);
    let database = database::add(&mut draft, &place);
    let balanced = balancing::add(&mut draft, &place);
    let images = images::add(&mut draft);
    let logs = tasks::log_groups(&mut draft);
    let roles = roles::add(&mut draft, &images, &logs, database.as_ref());
    observation::add_alarms(&mut draft);
    tasks::add(&mut draft, &place, &balanced, &roles, &logs);
    scaling::add(&mut draft);
    observation::add_dashboard(&mut draft);
    let (settings, made) = (settings::lines(&draft, &place, &roles), settings::made(&place, &roles));
    let Draft { template, remarks, .. } = draft;
    Ok(Infrastructure { template, remarks, settings, made })
}

/// A template in the making.
struct Draft<'a> {
    plan: &'a Plan,
    choices: &'a Choices,
    region: &'a str,
    template: Template,
    remarks: Vec<String>,
}

impl Draft<'_> {
    /// Tells whether something that the file names gives way to a resource of the template.
    fn replaces(&self, part: Part, named: &str) -> bool {
        named == TO_BE_MADE || self.choices.make.contains(&part)
    }

    /// The tags of a resource, in CloudFormation's form.
    fn tags(&self, service: Option<&ServiceName>) -> Json {
        let tags = tags::tags(self.plan, service).into_iter();
        tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    }

    /// The value of the parameter that guards against deletion.
    fn deletion_protection(&mut self) -> Json {
        let is_prod = self.plan.environment.stage == crate::config::Stage::Prod;
        self.template.parameter(
            DELETION_PROTECTION,
            json!({
                "Type": "String",
                "AllowedValues": ["true", "false"],
                "Default": is_prod.to_string(),
                "Description": "Whether load balancer and database refuse to be deleted",
            }),
        );
        template::reference(DELETION_PROTECTION)
    }
}
