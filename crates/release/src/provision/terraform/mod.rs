//! Infrastructure by Terraform or OpenTofu: its own program plans, and applies exactly the plan that was looked at.

mod events;
mod plan_json;
mod policy;
mod workspace;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::change::Preview;
use super::child::{Ended, Limit, Program, find, shortened};
use super::consent::Sacrifice;
use super::drift::Drift;
use super::kind::{TerraformBinary, TerraformPlan};
use super::outputs::{Output, Outputs};
use super::scratch::Scratch;
use super::{Applied, Workshop};
use crate::error::ReleaseError;
use crate::report::{Event, InfraEvent};
use events::{Problems, heard};
use workspace::DEFAULT;

/// Providers are downloaded, the largest of them with some hundred megabytes.
const INIT: Limit = Limit { what: "terraform init", limit: Duration::from_secs(15 * 60) };
/// It reads what is here already.
const VALIDATE: Limit = Limit { what: "terraform validate", limit: Duration::from_secs(5 * 60) };
/// Every resource is asked for, thousands of them within a provider's rate limits.
const PLAN: Limit = Limit { what: "terraform plan", limit: Duration::from_secs(45 * 60) };
/// Reads a file, or a state over the network.
const SHOW: Limit = Limit { what: "terraform show", limit: Duration::from_secs(5 * 60) };
/// A database cluster may take an hour, and several wait for each other.
const APPLY: Limit = Limit { what: "terraform apply", limit: Duration::from_secs(3 * 60 * 60) };

/// How long Terraform waits for whoever holds the lock of its state: longer than a process that was asked to stop usually takes to end.
const LOCK_TIMEOUT: &str = "-lock-timeout=300s";

/// The workspace of one command, before whichever is selected in the directory.
const TF_WORKSPACE: &str = "TF_WORKSPACE";

/// The exit code with which a plan says that something would change.
const CHANGES: i32 = 2;

/// A Terraform configuration and the program for it.
pub(super) struct Terraform<'a> {
    workshop: &'a Workshop<'a>,
    plan: &'a TerraformPlan,
    program: Program<'a>,
}

/// What a plan came to.
struct Planned {
    preview: Preview,
    /// The plan itself, in the program's own form.
    file: PathBuf,
    /// Whether there is something to apply, which may be no resource and no output: a state of another form, for example.
    is_applicable: bool,
}

/// A plan that was written to a file.
struct Written {
    file: PathBuf,
    /// The plan as JSON.
    document: Vec<u8>,
    is_applicable: bool,
}

impl<'a> Terraform<'a> {
    /// Finds the program and the directory.
    pub async fn open(workshop: &'a Workshop<'a>, plan: &'a TerraformPlan) -> Result<Self, ReleaseError> {
        if !plan.directory.is_dir() {
            let what = format!("there is no directory {}", plan.directory.display());
            return Err(ReleaseError::not_possible(what, "correct `infra: { terraform: { directory: … } }`"));
        }
        let wanted = plan.binary.map_or(TerraformBinary::ALL.to_vec(), |binary| vec![binary]);
        let found = wanted.iter().find_map(|binary| find(binary.program()));
        let found = found.ok_or_else(|| {
            let names: Vec<&str> = wanted.iter().map(|binary| binary.program()).collect();
            ReleaseError::not_possible(
                format!("{} is not installed", names.join(" nor ")),
                "install it, or write `infra: none`",
            )
        })?;
        let mut environment = workshop.connection.environment().await?;
        environment.push(("TF_IN_AUTOMATION".into(), Some("1".to_owned())));
        environment.push(("TF_INPUT".into(), Some("0".to_owned())));
        // What somebody has selected in the directory does not count: it may be another environment's.
        environment.push((TF_WORKSPACE.into(), Some(plan.workspace.as_deref().unwrap_or(DEFAULT).to_owned())));
        let program = Program {
            workshop,
            program: found.into(),
            directory: plan.directory.clone(),
            environment,
            scratch: Arc::new(Scratch::new()?),
        };
        Ok(Self { workshop, plan, program })
    }

    /// What its state tells; nothing where there is none.
    pub async fn outputs(&self) -> Result<Outputs, ReleaseError> {
        let arguments = ["output", "-json", "-no-color"];
        let mut ended = self.quietly(&arguments, SHOW).await?;
        if ended.code != Some(0) {
            // It may never have been initialised here.
            self.init().await?;
            ended = self.quietly(&arguments, SHOW).await?;
        }
        if ended.code != Some(0) {
            return Err(self.failed("output", &ended.complaint(), "run it yourself to see why"));
        }
        parsed_outputs(&ended.document()?).map_err(|error| self.unreadable("output", &error))
    }

    /// What it would change.
    pub async fn preview(&self) -> Result<Preview, ReleaseError> {
        self.prepare().await?;
        Ok(self.planned().await?.preview)
    }

    /// Changes what a plan says, after it has been looked at.
    pub async fn apply(&self, sacrifice: &Sacrifice) -> Result<Applied, ReleaseError> {
        self.prepare().await?;
        let Planned { preview, file, is_applicable } = self.planned().await?;
        sacrifice.check(&preview).await?;
        if is_applicable {
            self.workshop.may_begin().await?;
            let file = file.to_string_lossy();
            let arguments = ["apply", "-input=false", "-json", LOCK_TIMEOUT, &file];
            let (ended, problems) = self.heard(&arguments, APPLY).await?;
            if ended.code != Some(0) {
                let why = problems.in_words().unwrap_or_else(|| ended.complaint());
                let advice = "what has been done is in Terraform's state; repair the cause, then go on with `seatrial resume` or `seatrial infra apply`";
                return Err(self.failed("apply", &why, advice));
            }
        }
        Ok(Applied { preview, outputs: self.outputs().await? })
    }

    /// What somebody has changed by hand.
    pub async fn drift(&self) -> Result<Drift, ReleaseError> {
        self.prepare().await?;
        let written = self.written(&["-refresh-only"]).await?;
        plan_json::drift(&written.document).map_err(|error| self.unreadable("show", &error))
    }

    /// Initialises the directory, makes the workspace if it is missing, and checks the configuration.
    async fn prepare(&self) -> Result<(), ReleaseError> {
        self.init().await?;
        self.ensure_workspace().await?;
        let ended = self.quietly(&["validate", "-json", "-no-color"], VALIDATE).await?;
        let report: Json = serde_json::from_slice(&ended.document()?).unwrap_or_default();
        if ended.code != Some(0) || report["valid"] == false {
            let why = events::first_error(&report["diagnostics"]).unwrap_or_else(|| ended.complaint());
            return Err(self.failed("validate", &why, "correct the configuration"));
        }
        Ok(())
    }

    /// Initialises in the default workspace, since one that is not there yet would stand in the way.
    async fn init(&self) -> Result<(), ReleaseError> {
        let arguments = ["init", "-input=false", "-no-color"];
        let mut ended = self.in_workspace(DEFAULT).run(&arguments, None, INIT, &mut |_| ()).await?;
        // HCP Terraform has no default one.
        if ended.code != Some(0) && self.plan.workspace.is_some() && ended.complaint().contains("orkspace") {
            ended = self.quietly(&arguments, INIT).await?;
        }
        match ended.code {
            Some(0) => Ok(()),
            _ => {
                let advice =
                    format!("run it yourself to see more: cd {} && terraform init", self.plan.directory.display());
                Err(self.failed("init", &ended.complaint(), &advice))
            }
        }
    }

    fn in_workspace(&self, name: &str) -> Program<'a> {
        let mut environment = self.program.environment.clone();
        environment.retain(|(name, _)| *name != TF_WORKSPACE);
        environment.push((TF_WORKSPACE.into(), Some(name.to_owned())));
        Program { environment, ..self.program.clone() }
    }

    /// Plans, asks the policy, and reads the plan.
    async fn planned(&self) -> Result<Planned, ReleaseError> {
        let Written { file, document, is_applicable } = self.written(&[]).await?;
        let preview =
            plan_json::preview(&document, &self.plan.protect).map_err(|error| self.unreadable("show", &error))?;
        if let Some(policy) = &self.plan.policy {
            policy::ask(self.workshop, policy, &document, &self.program.scratch.file("plan.json")).await?;
        }
        Ok(Planned { preview, file, is_applicable })
    }

    /// Writes a plan to a file and reads it.
    async fn written(&self, further: &[&str]) -> Result<Written, ReleaseError> {
        let file = self.program.scratch.file("plan");
        let out = format!("-out={}", file.display());
        let mut arguments = vec!["plan", "-input=false", "-json", "-detailed-exitcode", LOCK_TIMEOUT, &out];
        arguments.extend(further);
        let mut given: Vec<String> =
            self.plan.var_files.iter().map(|file| format!("-var-file={}", file.display())).collect();
        if !self.plan.variables.is_empty() {
            given.push(format!("-var-file={}", self.variables_file()?.display()));
        }
        arguments.extend(given.iter().map(String::as_str));
        let (ended, problems) = self.heard(&arguments, PLAN).await?;
        if !matches!(ended.code, Some(0 | CHANGES)) {
            let why = problems.in_words().unwrap_or_else(|| ended.complaint());
            return Err(self.failed("plan", &why, "correct the configuration, or what it is about"));
        }
        let shown = self.quietly(&["show", "-json", "-no-color", &file.to_string_lossy()], SHOW).await?;
        if shown.code != Some(0) {
            return Err(self.failed("show", &shown.complaint(), "run it yourself to see why"));
        }
        Ok(Written { file, document: shown.document()?, is_applicable: ended.code == Some(CHANGES) })
    }

    /// Values may be secret: they go into a file that only this user can read, not onto a command line that everybody sees.
    fn variables_file(&self) -> Result<PathBuf, ReleaseError> {
        let file = self.program.scratch.file("variables.tfvars.json");
        let text = Json::Object(self.plan.variables.clone().into_iter().collect()).to_string();
        std::fs::write(&file, text).map_err(|error| {
            ReleaseError::not_possible(format!("{} cannot be written: {error}", file.display()), "check TMPDIR")
        })?;
        Ok(file)
    }

    async fn quietly(&self, arguments: &[&str], limit: Limit) -> Result<Ended, ReleaseError> {
        self.program.run(arguments, None, limit, &mut |_| ()).await
    }

    /// Runs it, telling what it tells.
    async fn heard(&self, arguments: &[&str], limit: Limit) -> Result<(Ended, Problems), ReleaseError> {
        let mut problems = Problems::default();
        let report = self.workshop.report;
        let mut hear = |line: &str| match heard(line) {
            None => {}
            Some(events::Heard::Event(event)) => report.send(Event::Infra(event)),
            Some(events::Heard::Warning(text)) => report.send(Event::Infra(InfraEvent::Waiting(text))),
            Some(events::Heard::Error(text)) => problems.add(text),
        };
        let ended = self.program.run(arguments, None, limit, &mut hear).await?;
        Ok((ended, problems))
    }

    fn failed(&self, command: &str, why: &str, advice: &str) -> ReleaseError {
        let name = self.program.program.to_string_lossy();
        let name = name.rsplit('/').next().unwrap_or_default();
        ReleaseError::not_possible(format!("{name} {command} failed: {}", shortened(why)), advice)
    }

    fn unreadable(&self, command: &str, error: &serde_json::Error) -> ReleaseError {
        self.failed(
            command,
            &format!("its answer cannot be read ({error})"),
            "use Terraform 1.5 or OpenTofu 1.6, or newer",
        )
    }
}

/// Reads `terraform output -json`.
fn parsed_outputs(document: &[u8]) -> Result<Outputs, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Raw {
        #[serde(default)]
        sensitive: bool,
        #[serde(default)]
        value: Json,
    }
    let raw: std::collections::BTreeMap<String, Raw> = serde_json::from_slice(document)?;
    let output = |raw: Raw| if raw.sensitive { Output::Sensitive } else { Output::Plain(raw.value) };
    Ok(raw.into_iter().map(|(name, raw)| (name, output(raw))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_and_sensitive_ones_forgotten() {
        let text =
            br#"{"url":{"sensitive":false,"type":"string","value":"x"},"key":{"sensitive":true,"value":"hush"}}"#;
        let outputs = parsed_outputs(text).expect("valid");
        assert!(!format!("{outputs:?}").contains("hush"), "{outputs:?}");
        assert_eq!(outputs.plain()["url"], "x");
        for length in 1..text.len() {
            assert!(parsed_outputs(&text[..length]).is_err(), "cut off after {length}");
        }
        for odd in ["[]", "{\"a\":1}", "null", "{\"a\":{\"sensitive\":\"yes\"}}"] {
            assert!(parsed_outputs(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
