//! `seatrial scale`

use std::str::FromStr;

use anyhow::Result;
use clap::Args;
use seatrial_release::config::ServiceName;
use seatrial_release::{ScaleOptions, ServiceOutcome, scale};

use crate::arguments::{Common, WaitArguments};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::progress::Display;
use crate::session::{Session, conclude, interrupted_by_ctrl_c, only};

/// Most tasks of a service, as ECS has it.
const COUNT_MAX: u16 = 5000;

/// Change how many tasks of a service run
#[derive(Args, Debug)]
pub struct ScaleArguments {
    /// SERVICE=COUNT, or only COUNT for an application with one service
    #[arg(value_name = "SERVICE=COUNT", required = true)]
    pub counts: Vec<Count>,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// How many tasks of which service; without a name, of the only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    service: Option<ServiceName>,
    count: u16,
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, count) = match text.split_once('=') {
            Some((service, count)) => (Some(service.parse().map_err(|error| format!("{error}"))?), count),
            None => (None, text),
        };
        match count.parse() {
            Ok(count) if count <= COUNT_MAX => Ok(Self { service, count }),
            Ok(_) | Err(_) => Err(format!("`{count}` is not a number of tasks from 0 to {COUNT_MAX}")),
        }
    }
}

/// Runs the command.
pub async fn run(arguments: ScaleArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let named: Vec<ServiceName> = arguments.counts.iter().filter_map(|count| count.service.clone()).collect();
    let session = Session::open(&common, &only(&named), printer).await?;
    let unnamed = arguments.counts.len() - named.len();
    if unnamed > 0 && (session.plan.services.len() != 1 || arguments.counts.len() != 1) {
        let names: Vec<&str> = session.plan.services.iter().map(|service| service.name.as_str()).collect();
        let instead = format!("name it: seatrial scale {}=COUNT", names.join("=COUNT "));
        return Err(UsageError { what: "it is not clear which service is meant".into(), instead }.into());
    }
    let display = Display::new(printer, &common);
    let interrupt = interrupted_by_ctrl_c();
    let mut outcomes: Vec<ServiceOutcome> = Vec::new();
    for count in &arguments.counts {
        let is_meant = |name: &ServiceName| count.service.as_ref().is_none_or(|wanted| wanted == name);
        for service in session.plan.services.iter().filter(|service| is_meant(&service.name)) {
            let options = ScaleOptions {
                desired_count: count.count,
                waiting: arguments.wait.waiting(),
                timeout: arguments.wait.timeout.get(),
            };
            let done = scale(&session.connection, service, &options, &display.reporter(), interrupt.clone()).await;
            if done.is_err() {
                display.end();
            }
            outcomes.push(done?);
        }
    }
    display.end();
    conclude(&outcomes, &common, printer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_name_its_service() {
        assert_eq!("4".parse(), Ok(Count { service: None, count: 4 }));
        assert_eq!("web=0".parse(), Ok(Count { service: Some("web".parse().expect("name")), count: 0 }));
        for text in ["web", "web=", "web=-1", "5001", "=3", "W=3"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }
}
