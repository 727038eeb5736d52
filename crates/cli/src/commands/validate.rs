//! `seatrial validate`

use anyhow::Result;
use clap::Args;
use seatrial_release::config::{ConfigError, ConfigFile, EnvironmentName, Overrides, ServiceName, Variables};
use serde::Serialize;
use serde_json::json;

use crate::arguments::Common;
use crate::exit_code::ExitCode;
use crate::printer::{Paint, Printer};
use crate::target;

/// Check the configuration, in every environment unless one is named; talks to nobody
///
/// An environment that is not named and uses environment variables that are not set here is passed over; if that leaves none, the exit
/// code is 2.
#[derive(Args, Debug)]
pub struct ValidateArguments {
    #[command(flatten)]
    pub common: Common,
}

/// An environment and what became of its check.
#[derive(Serialize)]
struct Checked {
    environment: EnvironmentName,
    target: Option<String>,
    services: Vec<ServiceName>,
    /// Why it was passed over.
    passed_over: Option<String>,
    /// What it says and its target cannot do.
    remarks: Vec<String>,
}

/// Runs the command.
pub fn run(common: &Common, printer: &Printer) -> Result<ExitCode> {
    let file = ConfigFile::read(&common.config_file(), &Variables::of_process())?;
    let checked = match &common.env {
        Some(name) => vec![check(&file, name)?],
        None => file
            .environments()
            .iter()
            .map(|name| match check(&file, name) {
                Err(error) if error.is_unset_variable() => Ok(passed_over(name, &error)),
                other => other,
            })
            .collect::<Result<_, _>>()?,
    };
    printer.result(&json!({ "app": file.app(), "environments": checked }), |paint| {
        checked.iter().map(|checked| line(checked, paint)).collect()
    })?;
    let nothing_checked = checked.iter().all(|checked| checked.passed_over.is_some());
    Ok(if nothing_checked { ExitCode::Usage } else { ExitCode::Done })
}

fn check(file: &ConfigFile, name: &EnvironmentName) -> Result<Checked, ConfigError> {
    let environment = file.environment(Some(name))?;
    let plan = file.plan(&environment, &target::defaults(&environment.target, None), &Overrides::default())?;
    let lacking = plan.config_schema.as_ref().map(|schema| schema.lacking(&plan.config)).unwrap_or_default();
    let lacking = lacking.into_iter().map(|name| {
        format!(
            "`{name}` is required by config_schema and not in the file: deploy looks whether `config set` has put it"
        )
    });
    let remarks = plan.remarks.into_iter().chain(lacking).collect();
    Ok(Checked {
        environment: name.clone(),
        target: Some(target::describe(&environment.target)),
        services: plan.services.into_iter().map(|service| service.name).collect(),
        passed_over: None,
        remarks,
    })
}

fn passed_over(name: &EnvironmentName, error: &ConfigError) -> Checked {
    Checked {
        environment: name.clone(),
        target: None,
        services: Vec::new(),
        passed_over: Some(error.what().to_owned()),
        remarks: Vec::new(),
    }
}

fn line(checked: &Checked, paint: Paint) -> String {
    let name = paint.strong(checked.environment.as_str());
    match (&checked.passed_over, &checked.target) {
        (Some(why), _) => format!("{} {name} not checked: {why}\n", paint.doubtful("?")),
        (None, target) => {
            let services: Vec<&str> = checked.services.iter().map(ServiceName::as_str).collect();
            let remarks: String =
                checked.remarks.iter().map(|remark| format!("  {}\n", paint.doubtful(remark))).collect();
            format!(
                "{} {name} on {}: {}\n{remarks}",
                paint.good("✔"),
                target.as_deref().unwrap_or_default(),
                services.join(", ")
            )
        }
    }
}
