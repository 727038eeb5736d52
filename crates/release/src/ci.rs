//! A workflow of GitHub Actions for an application: tests, the plan as a comment on a pull request, and its deployments.
//!
//! Pure: what the application's files are like is handed in. A push to the branch deploys to the first environment that is not production's;
//! production follows where something would change there and a person has approved it in GitHub.

mod actions;
mod jobs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::config::{Approval, ConfigError, ConfigFile, EnvironmentName, Variables};
use crate::difference::is_secret_name;
use crate::plan::Target;

/// What stands for the value of a variable while the file is looked at.
const PLACEHOLDER: &str = "seatrial-placeholder";

/// Names of environments that are production's even when nothing has to be approved there.
const PRODUCTION: [&str; 3] = ["prod", "production", "live"];

/// How the application is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tests {
    Cargo,
    Npm {
        has_lock: HasFile,
    },
    Maven {
        has_wrapper: HasFile,
    },
    /// Nothing is known of tests.
    None,
}

/// Whether a file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HasFile {
    Yes,
    No,
}

impl Tests {
    /// Finds it out from the names of the files beside `seatrial.yml`.
    pub fn of_files(names: &BTreeSet<String>) -> Self {
        let has = |name: &str| if names.contains(name) { HasFile::Yes } else { HasFile::No };
        if names.contains("Cargo.toml") {
            Tests::Cargo
        } else if names.contains("package.json") {
            Tests::Npm { has_lock: has("package-lock.json") }
        } else if names.contains("pom.xml") {
            Tests::Maven { has_wrapper: has("mvnw") }
        } else {
            Tests::None
        }
    }
}

/// What the workflow is about.
#[derive(Debug)]
pub(crate) struct Pipeline {
    app: String,
    /// The path of `seatrial.yml` in the repository.
    config: String,
    branch: String,
    tests: Tests,
    /// Variables without a default in the file.
    variables: BTreeSet<String>,
    first: Option<Stop>,
    production: Option<Stop>,
}

/// An environment that is deployed to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stop {
    name: EnvironmentName,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// On the runner, and gone with it: a rehearsal.
    Embedded,
    /// A region; none if a variable names it.
    Aws(Option<String>),
}

/// Writes the workflow for the file at `path`, whose text is given.
pub fn github(path: &Path, text: &str, branch: &str, tests: Tests) -> Result<String, ConfigError> {
    let variables = needed_variables(text);
    let placeholders = Variables::fixed(variables.iter().map(|name| (name.as_str(), PLACEHOLDER)));
    let file = ConfigFile::parse(path, text, &placeholders)?;
    let mut stops = Vec::new();
    for name in file.environments() {
        let environment = file.environment(Some(name))?;
        let place = match &environment.target {
            Target::Embedded => Place::Embedded,
            Target::Aws { region, .. } => Place::Aws(Some(region.clone()).filter(|region| region != PLACEHOLDER)),
        };
        let is_production =
            environment.approval == Approval::Required || PRODUCTION.iter().any(|word| name.as_str() == *word);
        stops.push((Stop { name: name.clone(), place }, is_production));
    }
    let of = |production: bool| stops.iter().filter(move |(_, is)| *is == production).map(|(stop, _)| stop);
    let on_aws = |stop: &&Stop| stop.place != Place::Embedded;
    let pipeline = Pipeline {
        app: file.app().to_string(),
        config: path.to_string_lossy().into_owned(),
        branch: branch.to_owned(),
        tests,
        variables,
        // A deployment that outlasts the runner tells more than a rehearsal on it.
        first: of(false).find(on_aws).or_else(|| of(false).next()).cloned(),
        production: of(true).find(on_aws).cloned(),
    };
    Ok(jobs::workflow(&pipeline))
}

impl Pipeline {
    /// The environment whose plan a pull request shows: the one that matters most.
    fn planned(&self) -> Option<&Stop> {
        self.production.as_ref().or(self.first.as_ref())
    }

    /// The file's variables as a step of the workflow gets them.
    fn variables(&self) -> BTreeMap<&str, String> {
        let own = self.variables.iter().map(|name| {
            let from = if is_secret_name(name) { "secrets" } else { "vars" };
            (name.as_str(), format!("${{{{ {from}.{name} }}}}"))
        });
        own.collect()
    }
}

/// The names of variables that templates ask for without giving a default.
fn needed_variables(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // A comment needs nothing.
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for (at, _) in line.match_indices("env(") {
            let rest = line[at + "env(".len()..].trim_start();
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else { continue };
            let Some((name, after)) = rest[1..].split_once(quote) else { continue };
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if is_name && after.trim_start().starts_with(')') {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
