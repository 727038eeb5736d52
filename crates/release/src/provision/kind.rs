//! What makes the infrastructure of an environment, as the configuration has it: plain data, checked, with absolute paths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value as Json;

use super::uploads::{ObjectPlace, Upload};

/// What makes the infrastructure of an environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum InfraPlan {
    /// Nothing, or somebody else.
    #[default]
    None,
    Terraform(TerraformPlan),
    CloudFormation(StackPlan),
    Cdk(CdkPlan),
}

/// A directory with a Terraform configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct TerraformPlan {
    pub directory: PathBuf,
    /// Values of the root module's variables.
    pub variables: BTreeMap<String, Json>,
    /// Files with such values, which come before `variables`.
    pub var_files: Vec<PathBuf>,
    /// None for the default one.
    pub workspace: Option<String>,
    /// None for whichever is installed.
    pub binary: Option<TerraformBinary>,
    /// Reads a plan on standard input and refuses it with an exit code that is not 0.
    pub policy: Option<Script>,
    /// Addresses and types of resources that are guarded beside those that are known to hold data.
    pub protect: BTreeSet<String>,
}

/// A command and where it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub words: Vec<String>,
    pub directory: PathBuf,
}

/// A program that reads Terraform configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TerraformBinary {
    /// HashiCorp's.
    Terraform,
    /// OpenTofu.
    Tofu,
}

impl TerraformBinary {
    /// In the order in which they are looked for.
    pub const ALL: [TerraformBinary; 2] = [TerraformBinary::Terraform, TerraformBinary::Tofu];

    /// The name of the program.
    pub fn program(self) -> &'static str {
        match self {
            TerraformBinary::Terraform => "terraform",
            TerraformBinary::Tofu => "tofu",
        }
    }
}

/// A CloudFormation stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPlan {
    pub stack: String,
    pub template: PathBuf,
    pub parameters: BTreeMap<String, String>,
    pub capabilities: Vec<String>,
    pub role_arn: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Logical ids and types of resources that are guarded beside those that are known to hold data.
    pub protect: BTreeSet<String>,
    /// What its template expects in a bucket.
    pub uploads: Vec<Upload>,
    /// Where a template goes that is too large for a request.
    pub large: LargeTemplate,
}

/// Where a template goes that is too large for a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LargeTemplate {
    /// Nobody has said.
    #[default]
    Nowhere,
    /// Into this bucket.
    Bucket(String),
    /// It is one of the uploads.
    Uploaded(ObjectPlace),
}

/// An application of the AWS CDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdkPlan {
    pub app: CdkApp,
    /// Those meant, by their names in the application or in CloudFormation; empty for all.
    pub stacks: Vec<String>,
    pub protect: BTreeSet<String>,
}

/// Where the assembly of a CDK application comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CdkApp {
    /// A command writes it to where `CDK_OUTDIR` says.
    Command(Script),
    /// It is here already.
    Assembly(PathBuf),
}

impl Script {
    /// The program and its arguments; a path is one beside the configuration file.
    pub(super) fn program(&self) -> (PathBuf, &[String]) {
        let (name, arguments) = self.words.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
        let program = if name.contains('/') { self.directory.join(name) } else { PathBuf::from(name) };
        (program, arguments)
    }
}

impl InfraPlan {
    /// The kind, as the configuration calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            InfraPlan::None => "none",
            InfraPlan::Terraform(_) => "terraform",
            InfraPlan::CloudFormation(_) => "cloudformation",
            InfraPlan::Cdk(_) => "cdk",
        }
    }

    /// The same without the places it is in on this machine: what is written there is told by [`InfraPlan::each_source`].
    pub(crate) fn without_places(&self) -> Self {
        let mut same = self.clone();
        let here = |script: &mut Script| script.directory = PathBuf::new();
        match &mut same {
            InfraPlan::None => {}
            InfraPlan::Terraform(plan) => {
                plan.directory = PathBuf::new();
                plan.var_files.clear();
                plan.policy.iter_mut().for_each(here);
            }
            InfraPlan::CloudFormation(stack) => stack.template = PathBuf::new(),
            InfraPlan::Cdk(plan) => match &mut plan.app {
                CdkApp::Command(script) => here(script),
                CdkApp::Assembly(directory) => *directory = PathBuf::new(),
            },
        }
        same
    }

    /// Tells two plans that change the same resources in the same account: where they remember what there is.
    pub(crate) fn state(&self) -> Option<String> {
        match self {
            InfraPlan::None | InfraPlan::Cdk(_) => None,
            InfraPlan::Terraform(terraform) => {
                let workspace = terraform.workspace.as_deref().unwrap_or("default");
                Some(format!("workspace `{workspace}` of {}", terraform.directory.display()))
            }
            InfraPlan::CloudFormation(stack) => Some(format!("stack `{}`", stack.stack)),
        }
    }
}
