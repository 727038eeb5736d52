//! A configuration file that has been read: which environments it has, and the plan for one of them.

mod outputs;
mod soundness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::app_type;
use super::decode::decode;
use super::document::{Approval, Document, EnvironmentEntry};
use super::edit;
use super::either::TargetEntry;
use super::error::{ConfigError, Fault};
use super::infrastructure;
use super::json;
use super::merge::{merge, without_nulls};
use super::names::{AppName, EnvironmentName, ServiceName};
use super::nearest::nearest;
use super::node::{Node, Value};
use super::overrides::{Overrides, Setting};
use super::resolve::{self, Scene};
use super::stage::Stage;
use super::template::{self, Variables};
use crate::config_schema::ConfigSchema;
use crate::naming;
use crate::parameters::VALUE_MAX;
use crate::plan::{Environment, Plan, Target, TargetDefaults};
use crate::provision::{InfraPlan, Outputs};
use soundness::{
    environment_names, refuse_unknown_services, refuse_unset_variables, stands_on_unset_variable,
    with_checkable_overrides,
};

/// The environment of a file that names none.
const IMPLICIT_ENVIRONMENT: &str = "dev";

/// How the place of an output begins that is not known yet.
const HELD_PLACE: &str = "<infra.";

/// Largest configuration file; a real one has a few kilobytes.
const FILE_MAX: u64 = 1024 * 1024;

/// A `seatrial.yml` whose keys have been checked.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    text: String,
    variables: Variables,
    /// What the infrastructure of the chosen environment told; none while nobody has asked it.
    outputs: Option<Outputs>,
    /// Whether outputs that it does not have may still come.
    lacking: Lacking,
    /// The file without the outputs that it uses, by which it is the same whatever their values; none where it uses none.
    symbolic: Option<Node>,
    /// Absolute, so that the paths of processes do not depend on where a command was run.
    directory: PathBuf,
    root: Node,
    app: AppName,
    /// In the order of the file.
    environments: Vec<EnvironmentName>,
}

/// What becomes of an output that the infrastructure does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacking {
    /// It is refused where it is used.
    Refused,
    /// Its place is held, as before anything was known.
    Pending,
}

impl ConfigFile {
    /// Reads a file, fills in its variables and checks every key of it, in all environments.
    pub fn read(path: &Path, variables: &Variables) -> Result<Self, ConfigError> {
        let too_large =
            |length: u64| Fault::new(format!("the file has {length} bytes; a configuration has at most {FILE_MAX}"));
        let unreadable = |error: std::io::Error| {
            let advice = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "name the file with --config, run the command where seatrial.yml is, or write one with `seatrial init`"
                }
                _ => "make it a readable UTF-8 text file",
            };
            ConfigError::new(path, Fault::new(format!("the configuration cannot be read: {error}")).instead(advice))
                .caused_by(error)
        };
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        if length > FILE_MAX {
            return Err(ConfigError::new(path, too_large(length)));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(path, &text, variables)
    }

    /// Reads a configuration from text; `path` is named in errors and relative paths start beside it.
    pub fn parse(path: &Path, text: &str, variables: &Variables) -> Result<Self, ConfigError> {
        Self::parsed(path, text, variables).map_err(|fault| ConfigError::new(path, fault))
    }

    fn parsed(path: &Path, text: &str, variables: &Variables) -> Result<Self, Fault> {
        let rendered = template::render_with_outputs(text, variables)?;
        let root = Node::parse(&rendered.text)?;
        if let Err(fault) = decode::<Document>(&with_checkable_overrides(&root), "")
            && !stands_on_unset_variable(&root, &fault)
        {
            return Err(fault);
        }
        let app_node = root.get("app").ok_or_else(|| Fault::new("the file lacks `app`").instead("add `app: name`"))?;
        refuse_unset_variables(app_node)?;
        let app = decode(app_node, "app")?;
        let environments = environment_names(&root)?;
        refuse_unknown_services(&root)?;
        let directory =
            std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_path_buf)).unwrap_or_default();
        Ok(Self {
            path: path.to_path_buf(),
            text: text.to_owned(),
            variables: variables.clone(),
            outputs: None,
            lacking: Lacking::Pending,
            symbolic: (!rendered.outputs.is_empty()).then(|| root.clone()),
            directory,
            root,
            app,
            environments,
        })
    }

    /// The same file with the outputs that the infrastructure of an environment has.
    pub fn bound(&self, outputs: &Outputs) -> Result<Self, ConfigError> {
        self.with_outputs(outputs, Lacking::Refused)
    }

    /// The same file with the outputs that the infrastructure has so far.
    pub fn bound_so_far(&self, outputs: &Outputs) -> Result<Self, ConfigError> {
        self.with_outputs(outputs, Lacking::Pending)
    }

    fn with_outputs(&self, outputs: &Outputs, lacking: Lacking) -> Result<Self, ConfigError> {
        let known = outputs.plain();
        let variables = self.variables.with_outputs(known.clone());
        let here = |fault: Fault| ConfigError::new(&self.path, fault);
        let rendered = template::render_with_outputs(&self.text, &variables).map_err(here)?;
        if let (Some(name), Lacking::Refused) = (rendered.reshaped(&known), lacking) {
            return Err(here(outputs.lack(name)));
        }
        let bound = Self::parse(&self.path, &self.text, &variables)?;
        Ok(Self {
            variables: self.variables.clone(),
            outputs: Some(outputs.clone()),
            lacking,
            symbolic: self.symbolic.clone(),
            ..bound
        })
    }

    /// What makes the infrastructure of an environment. Two environments that would change the same resources are refused.
    pub fn infra(&self, environment: &EnvironmentName) -> Result<InfraPlan, ConfigError> {
        self.infra_of(environment).map_err(|fault| ConfigError::new(&self.path, fault))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The application.
    pub fn app(&self) -> &AppName {
        &self.app
    }

    /// The environments, in the order of the file; `dev` when it names none.
    pub fn environments(&self) -> &[EnvironmentName] {
        &self.environments
    }

    /// The environment of this name; without one the environment marked `default`, else the first embedded one, else `dev`,
    /// else the only one.
    pub fn environment(&self, name: Option<&EnvironmentName>) -> Result<Environment, ConfigError> {
        self.chosen(name).map_err(|fault| ConfigError::new(&self.path, fault))
    }

    /// The plan for an environment of this file.
    pub fn plan(
        &self,
        environment: &Environment,
        defaults: &TargetDefaults,
        overrides: &Overrides,
    ) -> Result<Plan, ConfigError> {
        let here = |fault: Fault| ConfigError::new(&self.path, fault);
        // What an output has been made into need not show where it was used.
        let mut pending = self.lacking_outputs();
        let services = self
            .services_of(&environment.name, &mut pending)
            .and_then(|services| overrides.settle(services))
            .map_err(here)?;
        let entry = self.entry(&environment.name, &mut pending).map_err(here)?;
        let config = self.config_of(&environment.name, &mut pending).map_err(here)?;
        let infra = self.infra_of(&environment.name).map_err(here)?;
        let config_schema = self.config_schema(&environment.name, &config)?;
        if template::has_statements(&self.text)
            && let Some(name) = pending.first()
        {
            // Nobody knows which way the statements go.
            return Err(here(template::unknown_output(name)));
        }
        let source = self.source(&environment.name, overrides);
        let plan = resolve::plan(&Scene {
            infra: &infra,
            source,
            pending: &pending,
            config: &config,
            config_schema,
            file: &self.path,
            directory: &self.directory,
            app: &self.app,
            environments: &self.environments,
            environment,
            entry: &entry,
            services: &services,
            defaults,
            overrides,
        });
        plan.map_err(|error| match self.stands_on_output(&services, &error) {
            Some(name) => here(template::unknown_output(&name)),
            None => error,
        })
    }

    /// The file's text with settings of a service written into it, for an environment of it.
    pub fn with_settings(
        &self,
        environment: &Environment,
        service: &ServiceName,
        settings: &[Setting],
        variables: &Variables,
    ) -> Result<String, ConfigError> {
        let unreadable = |error: std::io::Error| {
            ConfigError::new(&self.path, Fault::new(format!("the configuration cannot be read: {error}")))
                .caused_by(error)
        };
        let text = std::fs::read_to_string(&self.path).map_err(unreadable)?;
        let rendered = |text: &str| template::render(text, variables);
        edit::write(&text, rendered, environment.name.as_str(), service.as_str(), settings)
            .map_err(|fault| ConfigError::new(&self.path, fault))
    }

    fn chosen(&self, name: Option<&EnvironmentName>) -> Result<Environment, Fault> {
        let name = match name {
            Some(name) => self.known(name)?,
            None => self.default_environment()?,
        };
        let entry = self.entry(name, &mut BTreeSet::new())?;
        let target = match entry.target {
            None | Some(TargetEntry::Embedded) => Target::Embedded,
            Some(TargetEntry::Aws(aws)) => Target::Aws { region: aws.region, profile: aws.profile },
        };
        let freezes = entry.freeze.iter().flatten().enumerate();
        let freezes = freezes
            .map(|(place, freeze)| freeze.freeze(&format!("environments.{name}.freeze[{place}]")))
            .collect::<Result<_, _>>()?;
        let stage = entry.stage.unwrap_or(if self.is_implicit() { Stage::Dev } else { Stage::default() });
        Ok(Environment {
            name: name.clone(),
            target,
            stage,
            approval: entry.approval.unwrap_or(Approval::None),
            freezes,
            fallback: entry.fallback.unwrap_or_else(|| stage.preset().fallback),
            fallback_image: entry.fallback_image,
            cluster: entry.cluster.unwrap_or_else(|| naming::cluster(&self.app, name)),
        })
    }

    fn known(&self, name: &EnvironmentName) -> Result<&EnvironmentName, Fault> {
        self.environments.iter().find(|known| *known == name).ok_or_else(|| {
            let names: Vec<&str> = self.environments.iter().map(EnvironmentName::as_str).collect();
            let advice = match nearest(name.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the environments are {}", names.join(", ")),
            };
            Fault::new(format!("there is no environment `{name}`")).instead(advice)
        })
    }

    fn default_environment(&self) -> Result<&EnvironmentName, Fault> {
        let marked: Vec<&EnvironmentName> =
            self.environments.iter().filter(|name| self.says(name, "default", "true")).collect();
        match marked.as_slice() {
            [one] => return Ok(one),
            [first, second, ..] => {
                return Err(Fault::new(format!("both `{first}` and `{second}` are the default environment"))
                    .instead("mark one of them"));
            }
            [] => {}
        }
        let embedded = |name: &&EnvironmentName| {
            self.is_implicit()
                || self.says(name, "target", "embedded")
                || self.environment_node(name).is_some_and(|node| node.get("target").is_none())
        };
        let first_embedded = self.environments.iter().find(embedded);
        let dev = || self.environments.iter().find(|name| name.as_str() == IMPLICIT_ENVIRONMENT);
        let only = || self.environments.first().filter(|_| self.environments.len() == 1);
        first_embedded.or_else(dev).or_else(only).ok_or_else(|| {
            let names: Vec<&str> = self.environments.iter().map(EnvironmentName::as_str).collect();
            Fault::new("no environment is the default one")
                .instead(format!("name one with --env: {}", names.join(", ")))
        })
    }

    fn is_implicit(&self) -> bool {
        self.root.get("environments").is_none_or(Node::is_null)
    }

    fn says(&self, name: &EnvironmentName, key: &str, word: &str) -> bool {
        let value = self.environment_node(name).and_then(|node| node.get(key)).map(|node| &node.value);
        matches!(value, Some(Value::Scalar { text, .. }) if text == word)
    }

    fn environment_node(&self, name: &EnvironmentName) -> Option<&Node> {
        self.root.get("environments").and_then(|environments| environments.get(name.as_str()))
    }

    fn entry(&self, name: &EnvironmentName, pending: &mut BTreeSet<String>) -> Result<EnvironmentEntry, Fault> {
        match self.environment_node(name) {
            Some(node) => {
                let node = self.settled(node, pending)?;
                decode(&without_nulls(&node), &format!("environments.{name}"))
            }
            None => decode(&Node { at: self.root.at, value: Value::Map(Vec::new()) }, ""),
        }
    }

    /// The configuration of the application, with the environment's laid over it.
    fn config_of(
        &self,
        name: &EnvironmentName,
        pending: &mut BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let Some(merged) = merged(&self.root, name, "config") else { return Ok(BTreeMap::new()) };
        let merged = self.settled(&merged, pending)?;
        let decoded: BTreeMap<String, Option<String>> = decode(&merged, "config")?;
        for variable in decoded.keys() {
            let mut characters = variable.chars();
            let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
            if !characters.next().is_some_and(is_first) || !characters.all(|c| is_first(c) || c.is_ascii_digit()) {
                return Err(Fault::new(format!("`config.{variable}` is not the name of an environment variable"))
                    .instead("use letters, digits and `_`, not beginning with a digit"));
            }
        }
        let config: BTreeMap<String, String> =
            decoded.into_iter().filter_map(|(variable, value)| Some((variable, value?))).collect();
        for (variable, value) in &config {
            let what = match value {
                empty if empty.is_empty() => "is empty",
                long if long.len() > VALUE_MAX => "has more than 4096 bytes",
                reference if reference.contains("{{") => "has `{{` in it",
                _ => continue,
            };
            return Err(Fault::new(format!("`config.{variable}` {what}, which Parameter Store does not take"))
                .instead(format!("leave it out, or set it as `environment: {{ {variable}: … }}` of the services")));
        }
        Ok(config)
    }

    /// The schema of the configuration, which the values of the file are held against.
    fn config_schema(
        &self,
        name: &EnvironmentName,
        config: &BTreeMap<String, String>,
    ) -> Result<Option<ConfigSchema>, ConfigError> {
        let Some(node) = self.root.get("config_schema").filter(|node| !node.is_null()) else { return Ok(None) };
        let here = |fault: Fault| ConfigError::new(&self.path, fault);
        refuse_unset_variables(node).map_err(here)?;
        let merged = merged(&self.root, name, "config");
        let entries = merged.iter().flat_map(|node| match &node.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Scalar { .. } | Value::List(_) => &[],
        });
        let places = entries.map(|(key, node)| (key.text.clone(), node.at)).collect();
        let schema = ConfigSchema::of_node(node, &self.path, &self.directory)?.with_places(places);
        schema.refuse_file(config, |text| !text.contains(HELD_PLACE)).map_err(here)?;
        Ok(Some(schema))
    }

    /// The `services` map with the environment's overrides laid over it, and with what types of applications say below.
    fn services_of(&self, name: &EnvironmentName, pending: &mut BTreeSet<String>) -> Result<Node, Fault> {
        let merged = merged(&self.root, name, "services").ok_or_else(|| Fault::new("the file lacks `services`"))?;
        app_type::fill(&self.settled(&merged, pending)?, &self.directory)
    }

    fn infra_of(&self, name: &EnvironmentName) -> Result<InfraPlan, Fault> {
        let found = |name: &EnvironmentName| {
            let over = self.environment_node(name).and_then(|node| node.get("infra"));
            infrastructure::laid_over(self.root.get("infra"), over)
        };
        let Some(node) = found(name) else { return Ok(InfraPlan::None) };
        refuse_unset_variables(&node)?;
        let plan = infrastructure::infra_plan(&node, &self.directory)?;
        let target = |name| self.environment_node(name).and_then(|node| node.get("target")).map(json::to_json);
        for other in self.environments.iter().filter(|other| *other != name) {
            let theirs = found(other).and_then(|node| infrastructure::infra_plan(&node, &self.directory).ok());
            let is_shared = match &plan {
                // A name of a stack means something else in another account or region.
                InfraPlan::CloudFormation(_) => target(name) == target(other),
                InfraPlan::None | InfraPlan::Terraform(_) | InfraPlan::Cdk(_) => true,
            };
            let state =
                plan.state().filter(|state| is_shared && theirs.and_then(|plan| plan.state()).as_ref() == Some(state));
            if let Some(state) = state {
                return Err(Fault::new(format!(
                    "environments `{name}` and `{other}` share the {state}: either would undo the other"
                ))
                .at(node.at)
                .instead(
                    "give each its own: environments: { … infra: { terraform: { workspace: … } } }, or another `stack`",
                ));
            }
        }
        Ok(plan)
    }
}

/// A part of the file with an environment's laid over it.
fn merged(root: &Node, environment: &EnvironmentName, key: &str) -> Option<Node> {
    let environment = root.get("environments").and_then(|environments| environments.get(environment.as_str()));
    match (root.get(key), environment.and_then(|environment| environment.get(key))) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (Some(base), Some(over)) => Some(Node { at: base.at, value: merge(base, over).value }),
    }
}
