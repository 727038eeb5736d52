//! `infra`: what makes the infrastructure that the services need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::decode::decode;
use super::either::AppEntry;
pub(crate) use super::either::InfraEntry;
use super::error::Fault;
use super::json;
use super::merge::merge;
use super::node::{Node, Value};
use super::words::Command;
use crate::provision::{CdkApp, CdkPlan, InfraPlan, LargeTemplate, Script, StackPlan, TerraformBinary, TerraformPlan};

/// Longest name of a stack.
const STACK_NAME_MAX: usize = 128;

/// What CloudFormation wants to be told that it may make.
const CAPABILITIES: [&str; 3] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

/// The kinds of infrastructure; one of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InfraKinds {
    /// A directory with a Terraform configuration.
    pub terraform: Option<TerraformEntry>,
    /// A CloudFormation template.
    pub cloudformation: Option<StackEntry>,
    /// An application of the AWS CDK.
    pub cdk: Option<CdkEntry>,
}

/// A directory with a Terraform configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TerraformEntry {
    /// Where the root module is, relative to this file.
    pub directory: Option<String>,
    /// Values of its variables.
    pub variables: Option<BTreeMap<String, Json>>,
    /// Files with values of its variables, relative to this file.
    pub var_files: Option<Vec<String>>,
    /// The workspace, made if it is not there; the default one when left out.
    pub workspace: Option<String>,
    /// The program; terraform if it is installed, else tofu, when left out.
    pub binary: Option<TerraformBinary>,
    /// A command that reads the plan as JSON on standard input and refuses it with an exit code that is not 0.
    pub policy: Option<Command>,
    /// Addresses, modules or types of resources that may be replaced or destroyed only with somebody's word, beside those that hold data.
    pub protect: Option<Vec<String>>,
}

/// A CloudFormation stack.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StackEntry {
    /// Its name.
    pub stack: Option<String>,
    /// The template, relative to this file; `seatrial infra generate` writes one.
    pub template: Option<String>,
    /// A bucket of this account and region, for a template of more than 51,200 bytes.
    pub bucket: Option<String>,
    /// Values of its parameters; those left out keep their default.
    pub parameters: Option<BTreeMap<String, String>>,
    /// What the template may make: CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND.
    pub capabilities: Option<Vec<String>>,
    /// ARN of the role with which CloudFormation makes it.
    pub role_arn: Option<String>,
    /// Tags of the stack, which its resources get, too.
    pub tags: Option<BTreeMap<String, String>>,
    /// Logical ids or types of resources that may be replaced or removed only with somebody's word, beside those that hold data by nature.
    pub protect: Option<Vec<String>>,
}

/// An application of the AWS CDK.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CdkEntry {
    /// The directory of a synthesised assembly (`cdk.out`), or a command as a list of words that writes one to `CDK_OUTDIR`.
    pub app: Option<AppEntry>,
    /// The stacks meant; all of them when left out.
    pub stacks: Option<Vec<String>>,
    /// Logical ids or types of resources that may be replaced or removed only with somebody's word, beside those that hold data by nature.
    pub protect: Option<Vec<String>>,
}

/// Lays an environment's `infra` over the file's: the same kind key by key, another kind in its place.
pub(super) fn laid_over(base: Option<&Node>, over: Option<&Node>) -> Option<Node> {
    let is_same_kind = |base: &Node, over: &Node| match (&base.value, &over.value) {
        (Value::Map(base), Value::Map(over)) => {
            over.iter().all(|(key, _)| base.iter().any(|(other, _)| other.text == key.text))
        }
        _ => false,
    };
    match (base, over) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (Some(base), Some(over)) if is_same_kind(base, over) => Some(merge(base, over)),
        (Some(_), Some(over)) => Some(over.clone()),
    }
}

/// Reads what makes the infrastructure.
pub(super) fn infra_plan(node: &Node, directory: &Path) -> Result<InfraPlan, Fault> {
    let kinds = match decode(node, "infra")? {
        InfraEntry::None => return Ok(InfraPlan::None),
        InfraEntry::Kinds(kinds) => *kinds,
    };
    match kinds {
        InfraKinds { terraform: Some(entry), cloudformation: None, cdk: None } => {
            let variables = node.get("terraform").and_then(|node| node.get("variables"));
            terraform(entry, variables, directory).map(InfraPlan::Terraform)
        }
        InfraKinds { terraform: None, cloudformation: Some(entry), cdk: None } => {
            stack(entry, directory).map(InfraPlan::CloudFormation)
        }
        InfraKinds { terraform: None, cloudformation: None, cdk: Some(entry) } => {
            cdk(entry, directory).map(InfraPlan::Cdk)
        }
        InfraKinds { terraform: None, cloudformation: None, cdk: None } => {
            Err(Fault::new("`infra` names no kind")
                .instead("write `none`, or one of terraform, cloudformation and cdk"))
        }
        InfraKinds { .. } => Err(Fault::new("`infra` names more than one kind").instead("keep one of them")),
    }
    .map_err(|fault| fault.at(node.at))
}

fn terraform(entry: TerraformEntry, variables: Option<&Node>, directory: &Path) -> Result<TerraformPlan, Fault> {
    let root = needed(entry.directory, "terraform.directory", "name the directory of the root module: infra/")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(workspace) = entry.workspace.as_ref().filter(|name| name.is_empty() || !name.chars().all(is_plain)) {
        return Err(Fault::new(format!("`infra.terraform.workspace` is `{workspace}`, which is no name"))
            .instead("use letters, digits, `-`, `_` and `.`"));
    }
    let values = match variables.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().filter(|(_, node)| !node.is_null()).collect(),
        _ => Vec::new(),
    };
    Ok(TerraformPlan {
        directory: directory.join(root),
        variables: values.into_iter().map(|(key, node)| (key.text.clone(), exact(node))).collect(),
        var_files: entry.var_files.into_iter().flatten().map(|file| directory.join(file)).collect(),
        workspace: entry.workspace,
        binary: entry.binary,
        policy: entry
            .policy
            .map(|command| Script { words: command.words().to_vec(), directory: directory.to_path_buf() }),
        protect: all(entry.protect),
    })
}

/// A value as Terraform takes it: a number is one only if it would be written the same again, so that 1.10 stays what it is.
fn exact(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, .. } => match json::to_json(node) {
            Json::Number(number) if number.to_string() != *text => Json::String(text.clone()),
            other => other,
        },
        Value::List(items) => Json::Array(items.iter().map(exact).collect()),
        Value::Map(entries) => entries.iter().map(|(key, node)| (key.text.clone(), exact(node))).collect(),
    }
}

fn stack(entry: StackEntry, directory: &Path) -> Result<StackPlan, Fault> {
    let name = needed(entry.stack, "cloudformation.stack", "name the stack: shop-prod")?;
    let is_first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    if !is_first || name.len() > STACK_NAME_MAX || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Fault::new(format!("`infra.cloudformation.stack` is `{name}`, which is no name of a stack"))
            .instead("use up to 128 letters, digits and hyphens, beginning with a letter"));
    }
    let capabilities = entry.capabilities.unwrap_or_default();
    if let Some(unknown) = capabilities.iter().find(|one| !CAPABILITIES.contains(&one.as_str())) {
        return Err(Fault::new(format!("`infra.cloudformation.capabilities` has `{unknown}`"))
            .instead(format!("the capabilities are {}", CAPABILITIES.join(", "))));
    }
    if entry.bucket.as_ref().is_some_and(String::is_empty) {
        let fault = Fault::new("`infra.cloudformation.bucket` is empty");
        return Err(fault.instead("name a bucket of this account and region, or leave it out"));
    }
    let template = needed(entry.template, "cloudformation.template", "name the file with the template")?;
    Ok(StackPlan {
        stack: name,
        template: directory.join(template),
        parameters: entry.parameters.unwrap_or_default(),
        capabilities,
        role_arn: entry.role_arn,
        tags: entry.tags.unwrap_or_default(),
        protect: all(entry.protect),
        uploads: Vec::new(),
        large: entry.bucket.map_or(LargeTemplate::Nowhere, LargeTemplate::Bucket),
    })
}

fn cdk(entry: CdkEntry, directory: &Path) -> Result<CdkPlan, Fault> {
    let advice = "name the directory of an assembly (cdk.out), or the command that writes one: [npx, ts-node, app.ts]";
    let app = match needed(entry.app, "cdk.app", advice)? {
        AppEntry::Assembly(path) => CdkApp::Assembly(directory.join(path)),
        AppEntry::Command(words) if words.iter().any(|word| !word.is_empty()) => {
            CdkApp::Command(Script { words, directory: directory.to_path_buf() })
        }
        AppEntry::Command(_) => return Err(Fault::new("`infra.cdk.app` is empty").instead(advice)),
    };
    Ok(CdkPlan { app, stacks: entry.stacks.unwrap_or_default(), protect: all(entry.protect) })
}

fn needed<T>(value: Option<T>, key: &str, advice: &str) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::new(format!("`infra` lacks `{key}`")).instead(advice))
}

fn all(names: Option<Vec<String>>) -> BTreeSet<String> {
    names.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(text: &str) -> Result<InfraPlan, Fault> {
        infra_plan(&Node::parse(text).expect("YAML"), Path::new("/app"))
    }

    #[test]
    fn each_kind_is_read_with_paths_beside_the_file() {
        assert_eq!(plan("none"), Ok(InfraPlan::None));
        let Ok(InfraPlan::Terraform(terraform)) = plan(
            "{ terraform: { directory: infra, variables: { a: 1.10, b: 3, c: [x, true], d: 'no', e: ~ }, var_files: [a.tfvars], \
             policy: 'opa eval' } }",
        ) else {
            panic!("not terraform");
        };
        assert_eq!(terraform.directory, Path::new("/app/infra"));
        assert_eq!(json!(terraform.variables), json!({ "a": "1.10", "b": 3, "c": ["x", true], "d": "no" }));
        let policy = terraform.policy.expect("a policy");
        assert_eq!((policy.words.join(" ").as_str(), policy.directory.as_path()), ("opa eval", Path::new("/app")));
        let Ok(InfraPlan::CloudFormation(stack)) =
            plan("{ cloudformation: { stack: shop, template: t.yml, parameters: { Size: 1 } } }")
        else {
            panic!("not a stack");
        };
        assert_eq!((stack.template.as_path(), stack.parameters["Size"].as_str()), (Path::new("/app/t.yml"), "1"));
        let Ok(InfraPlan::Cdk(cdk)) = plan("{ cdk: { app: cdk.out } }") else { panic!("not CDK") };
        assert_eq!(cdk.app, CdkApp::Assembly("/app/cdk.out".into()));
        let Ok(InfraPlan::Cdk(cdk)) = plan("{ cdk: { app: [npx, app], stacks: [A] } }") else { panic!("not CDK") };
        assert_eq!(
            cdk.app,
            CdkApp::Command(Script { words: vec!["npx".into(), "app".into()], directory: "/app".into() })
        );
    }

    #[test]
    fn what_is_none_is_told() {
        for (text, what) in [
            ("{}", "names no kind"),
            ("{ terraform: {}, cdk: { app: x } }", "more than one kind"),
            ("{ terraform: {} }", "lacks `terraform.directory`"),
            ("{ terraform: { directory: x, workspace: 'a b' } }", "which is no name"),
            ("{ terraform: { directory: x, binary: pulumi } }", "pulumi"),
            ("{ cloudformation: { stack: 1x, template: t } }", "no name of a stack"),
            ("{ cloudformation: { stack: x, template: t, capabilities: [ADMIN] } }", "`ADMIN`"),
            ("{ cdk: { app: [] } }", "is empty"),
            ("everything", "everything"),
            ("{ pulumi: {} }", "pulumi"),
        ] {
            let fault = plan(text).expect_err(text);
            assert!(fault.what.contains(what), "{text}: {}", fault.what);
        }
    }

    #[test]
    fn an_environment_changes_settings_or_the_kind() {
        let over = |base: &str, over: &str| {
            let (base, over) = (Node::parse(base).expect("YAML"), Node::parse(over).expect("YAML"));
            json::to_json(&laid_over(Some(&base), Some(&over)).expect("one of them"))
        };
        let base = "{ terraform: { directory: infra, workspace: dev } }";
        let merged = over(base, "{ terraform: { workspace: prod } }");
        assert_eq!(merged, json!({ "terraform": { "directory": "infra", "workspace": "prod" } }));
        assert_eq!(over(base, "none"), json!("none"));
        assert_eq!(over(base, "{ cdk: { app: x } }"), json!({ "cdk": { "app": "x" } }));
    }
}
