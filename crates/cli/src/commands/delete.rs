//! `seatrial delete`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::lock::refuse_locked;
use seatrial_release::{ParameterScope, Realm, Scope, delete};

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::progress::Display;
use crate::session::{Session, Unattended, configured, confirm, interrupted_by_ctrl_c, only};
use crate::show;
use crate::target::{self, Absent};

/// Delete services and what was made for them: rules, listeners, target groups, load balancer, cluster
///
/// What other services still use stays, and so do logs and task definitions unless --all is given.
#[derive(Args, Debug)]
pub struct DeleteArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Also delete the logs and the task definitions
    #[arg(long, env = "SEATRIAL_ALL", value_parser = FalseyValueParser::new())]
    pub all: bool,

    /// Also delete the parameters of the environment: its configuration, secrets put with `config set`, and the record of its releases
    #[arg(long, env = "SEATRIAL_PARAMETERS", value_parser = FalseyValueParser::new(), conflicts_with = "services")]
    pub parameters: bool,

    /// Delete without asking
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,
}

/// Runs the command.
pub async fn run(arguments: DeleteArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let services = &arguments.services.services;
    let (file, environment) = configured(&common)?;
    let meant = match services.as_slice() {
        [] => "all services".to_owned(),
        named => named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let records = match (arguments.all, arguments.parameters) {
        (false, false) => "",
        (true, false) => ", with logs and task definitions",
        (false, true) => ", with all parameters",
        (true, true) => ", with logs, task definitions and all parameters",
    };
    let what = format!("{meant} of {} in {}{records}", file.app(), environment.name);
    let question = format!("Delete {what} ({})?", target::describe(&environment.target));
    if !confirm(printer, &question, arguments.yes, Unattended::Refuse)? {
        printer.remark("nothing deleted");
        return Ok(ExitCode::Done);
    }
    let session =
        Session::of_environment(&common, &only(services), &file, &environment, Absent::Refuse, printer).await?;
    refuse_locked(&session.connection, &Realm::of(&session.plan)).await?;
    let scope = if arguments.all { Scope::Everything } else { Scope::Services };
    let parameters = match (arguments.parameters, services.is_empty()) {
        (true, _) => ParameterScope::Deleted,
        (false, true) => ParameterScope::Kept,
        (false, false) => ParameterScope::Untouched,
    };
    let display = Display::new(printer, &common);
    let deleted =
        delete(&session.connection, &session.plan, scope, parameters, &display.reporter(), interrupted_by_ctrl_c())
            .await;
    display.end();
    let report = deleted?;
    printer.result(&report, |paint| show::deletion::deletion(&report, &what, paint))?;
    Ok(ExitCode::Done)
}
