//! `seatrial config`

use std::io::{IsTerminal, Read};

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use seatrial_release::config::Overrides;
use seatrial_release::configuration::{self, Secrecy};
use seatrial_release::lock::Force;
use seatrial_release::{Realm, ReleaseError, refuse_new};
use serde_json::json;

use crate::arguments::Common;
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::session::Session;
use crate::show;

/// Longest value, as Parameter Store has it for standard parameters.
const VALUE_MAX: u64 = 4096;

/// Read and change the configuration of an environment in Parameter Store: what the file says, and secrets beside it
#[derive(Args, Debug)]
pub struct ConfigArguments {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with it.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// List the values; those of secrets are not shown
    List(ListArguments),
    /// Print one value, a secret in clear
    Get(NameArguments),
    /// Put a value that the file does not have
    Set(SetArguments),
    /// Take a value away
    Unset(NameArguments),
    /// List the versions of a value, newest first
    History(NameArguments),
    /// Put an earlier value again
    Rollback(RollbackArguments),
    /// Compare what the file says with what is there
    Diff(ListArguments),
}

/// The environment alone.
#[derive(Args, Debug)]
pub struct ListArguments {
    #[command(flatten)]
    pub common: Common,
}

/// One value.
#[derive(Args, Debug)]
pub struct NameArguments {
    /// The name of the value
    #[arg(value_name = "NAME")]
    pub name: String,

    #[command(flatten)]
    pub common: Common,
}

/// A value to put.
#[derive(Args, Debug)]
pub struct SetArguments {
    /// The name of the value
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The value; read from standard input when left out, which keeps it out of the shell's history
    #[arg(value_name = "VALUE")]
    pub value: Option<String>,

    /// Keep it as a SecureString
    #[arg(long, env = "SEATRIAL_SECRET", value_parser = FalseyValueParser::new())]
    pub secret: bool,

    /// Put it even if somebody else has made the parameter
    #[arg(long, env = "SEATRIAL_ADOPT", value_parser = FalseyValueParser::new())]
    pub adopt: bool,

    #[command(flatten)]
    pub common: Common,
}

/// An earlier value.
#[derive(Args, Debug)]
pub struct RollbackArguments {
    /// The name of the value
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The version to put again [default: the one before]
    #[arg(long, value_name = "VERSION", env = "SEATRIAL_TO_VERSION")]
    pub to_version: Option<i64>,

    #[command(flatten)]
    pub common: Common,
}

impl ConfigCommand {
    pub fn common(&self) -> Common {
        match self {
            ConfigCommand::List(arguments) | ConfigCommand::Diff(arguments) => arguments.common.clone(),
            ConfigCommand::Get(arguments) | ConfigCommand::Unset(arguments) | ConfigCommand::History(arguments) => {
                arguments.common.clone()
            }
            ConfigCommand::Set(arguments) => arguments.common.clone(),
            ConfigCommand::Rollback(arguments) => arguments.common.clone(),
        }
    }
}

/// Runs the command.
pub async fn run(command: ConfigCommand, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &Overrides::default(), printer).await?;
    let (connection, plan) = (&session.connection, &session.plan);
    let realm = Realm::of(plan);
    let in_file = |name: &str| -> Result<()> {
        if !plan.config.contains_key(name) {
            return Ok(());
        }
        let what = format!("`{name}` is what the configuration file says");
        Err(UsageError { what, instead: "change it there and deploy".into() }.into())
    };
    match command {
        ConfigCommand::List(_) => {
            let values = configuration::list(connection, &realm).await?;
            printer.result(&values, |paint| show::configuration::list(&values, paint))?;
        }
        ConfigCommand::Get(arguments) => {
            let value = configuration::get(connection, &realm, &arguments.name).await?;
            printer.result(&value, |_| format!("{}\n", value.value.as_deref().unwrap_or_default()))?;
        }
        ConfigCommand::Set(arguments) => {
            in_file(&arguments.name)?;
            let text = match arguments.value {
                Some(text) => text,
                None => typed(&arguments.name, printer)?,
            };
            let secrecy = if arguments.secret { Secrecy::Secret } else { Secrecy::Plain };
            let force = if arguments.adopt { Force::Steal } else { Force::No };
            refuse_new(connection, plan, &arguments.name, &text, secrecy).await?;
            let version = configuration::set(connection, &realm, &arguments.name, &text, secrecy, force).await?;
            printer.result(&json!({ "name": arguments.name, "version": version }), |paint| {
                format!("{} {} (version {version})\n", paint.good("set:"), arguments.name)
            })?;
            printer.remark("tasks that run keep the value they were started with; bring it in with: seatrial deploy --force-new-deployment");
        }
        ConfigCommand::Unset(arguments) => {
            configuration::unset(connection, &realm, &arguments.name).await?;
            printer.result(&json!({ "name": arguments.name }), |paint| {
                format!("{} {}\n", paint.good("taken away:"), arguments.name)
            })?;
        }
        ConfigCommand::History(arguments) => {
            let versions = configuration::history(connection, &realm, &arguments.name).await?;
            printer.result(&versions, |paint| show::configuration::history(&versions, paint))?;
        }
        ConfigCommand::Rollback(arguments) => {
            in_file(&arguments.name)?;
            let earlier = configuration::earlier(connection, &realm, &arguments.name, arguments.to_version).await?;
            refuse_new(connection, plan, &arguments.name, &earlier.text, earlier.secrecy).await?;
            let version = configuration::put_again(connection, &realm, &arguments.name, &earlier).await?;
            let from = earlier.version;
            printer.result(&json!({ "name": arguments.name, "from": from, "version": version }), |paint| {
                format!(
                    "{} {} is what it was in version {from} (version {version})\n",
                    paint.good("put again:"),
                    arguments.name
                )
            })?;
        }
        ConfigCommand::Diff(_) => {
            let there = configuration::list(connection, &realm).await?;
            let differences = show::configuration::differences(&plan.config, &there);
            printer.result(&differences, |paint| show::configuration::diff(&differences, paint))?;
        }
    }
    Ok(ExitCode::Done)
}

/// Reads a value from standard input; the line end is not part of it.
fn typed(name: &str, printer: &Printer) -> Result<String> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        printer.remark(&format!("value of {name} (it is shown as you type; end with Enter):"));
        let mut line = String::new();
        input.read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let mut text = String::new();
    input.by_ref().take(VALUE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > VALUE_MAX {
        let what = format!("the value of {name} has more than {VALUE_MAX} bytes");
        let instead = "put it into a file of its own, or into Secrets Manager".to_owned();
        return Err(ReleaseError::NotPossible { what, instead }.into());
    }
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}
