//! `seatrial delete`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::{Scope, delete};
use serde_json::json;

use crate::arguments::{Common, Services};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::progress::Display;
use crate::session::{Session, Unattended, configured, confirm, interrupted_by_ctrl_c, only};

/// Delete services with their rules, listeners and target groups
#[derive(Args, Debug)]
pub struct DeleteArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Also delete load balancer, log groups, task definitions and cluster of the environment
    #[arg(long, env = "SEATRIAL_ALL", value_parser = FalseyValueParser::new())]
    pub all: bool,

    /// Delete without asking
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,
}

/// Runs the command.
pub async fn run(arguments: DeleteArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let services = &arguments.services.services;
    if arguments.all && !services.is_empty() {
        let what = "--all deletes the whole environment, yet services are named".to_owned();
        return Err(UsageError { what, instead: "name services, or give --all".into() }.into());
    }
    let (file, environment) = configured(&common)?;
    let what = match (arguments.all, services.is_empty()) {
        (true, _) => "everything".to_owned(),
        (false, true) => "all services".to_owned(),
        (false, false) => services.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let question = format!("Delete {what} of {} in {}?", file.app(), environment.name);
    if !confirm(printer, &question, arguments.yes, Unattended::Refuse)? {
        printer.remark("nothing deleted");
        return Ok(ExitCode::Done);
    }
    let session = Session::of_environment(&common, &only(services), &file, &environment).await?;
    let scope = if arguments.all { Scope::Everything } else { Scope::Services };
    let display = Display::new(printer, &common);
    let deleted = delete(&session.connection, &session.plan, scope, &display.reporter(), interrupted_by_ctrl_c()).await;
    display.end();
    deleted?;
    let names: Vec<&str> = session.plan.services.iter().map(|service| service.name.as_str()).collect();
    printer.result(&json!({ "deleted": names, "everything": arguments.all }), |paint| {
        format!("{} deleted {what} of {} in {}", paint.good("✔"), file.app(), environment.name)
    })?;
    Ok(ExitCode::Done)
}
