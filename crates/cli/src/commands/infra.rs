//! `seatrial infra`

use std::path::PathBuf;

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand, ValueEnum};
use seatrial_release::config::Overrides;
use seatrial_release::infra::{self, Choices, InfraError, Infrastructure, Nat, Part, Postgres, TEMPLATE_BODY_MAX};
use seatrial_release::plan::{Environment, Plan, Target};

use super::provision;
use crate::arguments::Common;
use crate::exit_code::{ExitCode, UsageError};
use crate::new_file::{self, Overwrite};
use crate::printer::Printer;
use crate::session::configured;

/// Make the infrastructure that `infra:` names, or describe what an environment on AWS needs
#[derive(Args, Debug)]
pub struct InfraArguments {
    #[command(subcommand)]
    pub command: InfraCommand,
}

/// What is done with infrastructure.
#[derive(Subcommand, Debug)]
pub enum InfraCommand {
    Plan(provision::PlanArguments),
    Apply(provision::ApplyArguments),
    Outputs(provision::OutputsArguments),
    Drift(provision::DriftArguments),
    Generate(GenerateArguments),
}

impl InfraCommand {
    /// The flags that every command has.
    pub fn common(&self) -> Common {
        match self {
            InfraCommand::Plan(arguments) => arguments.common.clone(),
            InfraCommand::Apply(arguments) => arguments.common.clone(),
            InfraCommand::Outputs(arguments) => arguments.common.clone(),
            InfraCommand::Drift(arguments) => arguments.common.clone(),
            InfraCommand::Generate(arguments) => arguments.common.clone(),
        }
    }
}

/// Write a CloudFormation template of all that an environment on AWS needs; talks to nobody
///
/// Network, security groups, load balancer, cluster, services, repositories, log groups, roles, alarms, dashboard and scaling, as seatrial.yml
/// has them. What the environment names already (network, roles) is used, not made. At the end it tells how to deploy the template, and what
/// to write into seatrial.yml afterwards.
#[derive(Args, Debug)]
pub struct GenerateArguments {
    #[command(flatten)]
    pub common: Common,

    /// Where the template goes [default: standard output]
    #[arg(short, long, value_name = "FILE", env = "SEATRIAL_FILE")]
    pub file: Option<PathBuf>,

    /// Its form
    #[arg(long, value_enum, default_value_t, env = "SEATRIAL_FORMAT")]
    pub format: Format,

    /// Write over a file that is there
    #[arg(long, env = "SEATRIAL_FORCE", value_parser = FalseyValueParser::new(), requires = "file")]
    pub force: bool,

    /// Add a PostgreSQL database
    #[arg(long, env = "SEATRIAL_WITH_POSTGRES", value_parser = FalseyValueParser::new())]
    pub with_postgres: bool,

    /// How tasks of a new network reach the internet
    #[arg(long, value_enum, default_value_t, env = "SEATRIAL_NAT")]
    pub nat: NatWord,

    /// Make what the environment names: for a stack whose own outputs are in seatrial.yml already
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',', env = "SEATRIAL_MAKE")]
    pub make: Vec<PartWord>,
}

/// The form of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Yaml,
    Json,
}

/// How tasks of a new network reach the internet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NatWord {
    /// From private subnets, through one NAT gateway.
    #[default]
    One,
    /// From public subnets, each task with a public address; no NAT gateway to pay for.
    None,
}

/// What an environment may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartWord {
    Network,
    SecurityGroups,
    ExecutionRole,
    TaskRole,
    InfrastructureRole,
}

impl PartWord {
    fn part(self) -> Part {
        match self {
            PartWord::Network => Part::Network,
            PartWord::SecurityGroups => Part::SecurityGroups,
            PartWord::ExecutionRole => Part::ExecutionRole,
            PartWord::TaskRole => Part::TaskRole,
            PartWord::InfrastructureRole => Part::InfrastructureRole,
        }
    }

    fn word(part: Part) -> &'static str {
        match part {
            Part::Network => "network",
            Part::SecurityGroups => "security-groups",
            Part::ExecutionRole => "execution-role",
            Part::TaskRole => "task-role",
            Part::InfrastructureRole => "infrastructure-role",
        }
    }
}

/// Writes a template.
pub fn generate(arguments: &GenerateArguments, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = configured(common)?;
    if environment.target == Target::Embedded {
        let what = InfraError::Embedded { environment: environment.name.to_string() }.to_string();
        let instead = "name one with `target: { region: … }`: --env NAME".to_owned();
        return Err(UsageError { what, instead }.into());
    }
    let plan = file.plan(&environment, &infra::defaults(&environment.target), &Overrides::default())?;
    let choices = Choices {
        nat: match arguments.nat {
            NatWord::One => Nat::One,
            NatWord::None => Nat::None,
        },
        postgres: if arguments.with_postgres { Postgres::With } else { Postgres::Without },
        make: arguments.make.iter().map(|word| word.part()).collect(),
    };
    let infrastructure = infra::infrastructure(&plan, &choices)?;
    let text = match arguments.format {
        Format::Yaml => infrastructure.template.to_yaml(),
        Format::Json => format!("{}\n", infrastructure.template.to_json()?),
    };
    match &arguments.file {
        None => printer.text(&text)?,
        Some(path) => new_file::write(path, &text, Overwrite::of_flag(arguments.force))?,
    }
    for remark in &infrastructure.remarks {
        printer.remark(remark);
    }
    let farewell = farewell(&plan, &infrastructure, arguments, common, text.len());
    farewell.iter().for_each(|line| printer.remark(line));
    Ok(ExitCode::Done)
}

/// How the template is deployed, and what comes after that.
fn farewell(
    plan: &Plan,
    infrastructure: &Infrastructure,
    arguments: &GenerateArguments,
    common: &Common,
    length: usize,
) -> Vec<String> {
    let template = &infrastructure.template;
    let stack = format!("{}-{}", plan.app, plan.environment.name);
    let account = account(&plan.environment);
    let file = arguments.file.as_ref().map_or_else(|| "TEMPLATE".to_owned(), |path| path.display().to_string());
    let mut lines = vec![String::new(), "Deploy it:".to_owned()];
    let has_roles = template.makes("AWS::IAM::Role");
    let capabilities = if has_roles { " --capabilities CAPABILITY_IAM" } else { "" };
    let bucket = if length > TEMPLATE_BODY_MAX { " --s3-bucket <a bucket of yours>" } else { "" };
    let given: Vec<String> = template.parameters_to_give().iter().map(|name| format!("{name}=<…>")).collect();
    let first = template.makes("AWS::ECR::Repository").then(|| "Services=omit".to_owned());
    let overrides = |parameters: Vec<String>| match parameters.as_slice() {
        [] => String::new(),
        parameters => format!(" --parameter-overrides {}", parameters.join(" ")),
    };
    let deploy = format!(
        "  aws cloudformation deploy --stack-name {stack}{account} --template-file {file}{capabilities}{bucket}"
    );
    if let Some(omit) = first {
        lines.push("  # First without the services, whose images have no repository yet:".to_owned());
        lines.push(format!("{deploy}{}", overrides(given.iter().cloned().chain([omit]).collect())));
        lines.push("  # Then push the images, and:".to_owned());
        lines.push(format!("{deploy}{}", overrides(given.into_iter().chain(["Services=make".to_owned()]).collect())));
    } else {
        lines.push(format!("{deploy}{}", overrides(given)));
    }
    if !infrastructure.settings.is_empty() {
        lines.push(String::new());
        lines.push(format!("Then write into {} what the stack has made:", common.config_file().display()));
        lines.extend(infrastructure.settings.lines().map(|line| format!("  {line}")));
        lines.push("The values in angle brackets are its outputs:".to_owned());
        lines.push(format!(
            "  aws cloudformation describe-stacks --stack-name {stack}{account} --query 'Stacks[0].Outputs' --output table"
        ));
        let made: Vec<&str> = infrastructure.made.iter().map(|part| PartWord::word(*part)).collect();
        lines.push(format!("With these lines in place, `--make {}` writes the same template again.", made.join(",")));
    }
    lines
}

/// The flags that name an account and region.
fn account(environment: &Environment) -> String {
    match &environment.target {
        Target::Embedded => String::new(),
        Target::Aws { region, profile } => {
            let profile = profile.as_ref().map(|profile| format!(" --profile {profile}")).unwrap_or_default();
            format!(" --region {region}{profile}")
        }
    }
}
