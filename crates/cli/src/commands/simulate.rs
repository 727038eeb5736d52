//! `seatrial simulate`

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::{ConfigFile, Overrides, Setting, Span, Stage, Variables};
use seatrial_release::forecast::{
    Advised, Application, Circumstances, Known, Platform, Prior, Timeline, advise, timeline,
};
use seatrial_release::plan::{Environment, Plan, ServicePlan};
use seatrial_release::preflight::Traffic;
use serde::Serialize;

use crate::arguments::{Common, Services};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::show::{gantt, timeline as show};
use crate::target;

/// The time to boot of an application of which nothing is known.
const BOOT: Duration = Duration::from_secs(1);

/// The slowest request of an application of which nothing is known.
const SLOWEST_REQUEST: Duration = Duration::from_millis(100);

/// The service of a command without a file.
const EXAMPLE: &str = "
app: example
services:
  service: { image: example/service, port: 8080, health_check: { path: / }, listener: { port: 80 } }
environments:
  simulated:
    target: { region: us-east-1 }
    network: { subnets: [subnet-1, subnet-2], security_groups: [sg-1] }
    execution_role: arn:aws:iam::123456789012:role/execution
    infrastructure_role: arn:aws:iam::123456789012:role/infrastructure
";

/// Say beforehand how long a deployment takes, where the time goes, and how long failures take; talks to nobody
///
/// The deployment controller lives through the deployment many times in virtual time, with the delays of Fargate or of the
/// embedded engine. Without a configuration file it is about a service with the settings given here alone.
#[derive(Args, Debug)]
pub struct SimulateArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// What it runs on [default: the environment's target]
    #[arg(long, value_enum, value_name = "PLATFORM", env = "SEATRIAL_ON")]
    pub on: Option<On>,

    /// A setting of the service in the place of what the file says, such as health_check.interval=10s; may be repeated
    #[arg(long = "with", value_name = "KEY=VALUE", env = "SEATRIAL_WITH")]
    pub with: Vec<Settings>,

    /// The same beside the service as it is, to compare; several settings with commas between them; may be repeated
    #[arg(long, value_name = "KEY=VALUE", env = "SEATRIAL_WHAT_IF")]
    pub what_if: Vec<Settings>,

    #[command(flatten)]
    pub application: ApplicationArguments,

    /// Advise which settings to change, with what each saves and gives up
    #[arg(long, env = "SEATRIAL_ADVISE", value_parser = FalseyValueParser::new(), conflicts_with = "what_if")]
    pub advise: bool,

    /// The first deployment of the service: there is no version before
    #[arg(long, env = "SEATRIAL_NEW", value_parser = FalseyValueParser::new())]
    pub new: bool,

    /// Write a picture of the timeline
    #[arg(long, value_name = "FILE", env = "SEATRIAL_SVG")]
    pub svg: Option<PathBuf>,
}

/// How the application behaves, which no configuration says.
#[derive(Args, Clone, Debug)]
pub struct ApplicationArguments {
    /// How long the application takes from the start of its process to its first answer [default: 1s is assumed]
    #[arg(long, value_name = "DURATION", env = "SEATRIAL_BOOT")]
    pub boot: Option<Span>,

    /// How long it takes to end after SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "100ms", env = "SEATRIAL_STOPS_IN")]
    pub stops_in: Span,

    /// Its slowest request [default: the slowest that was seen lately, where that is known, else 100ms]
    #[arg(long, value_name = "DURATION", env = "SEATRIAL_SLOWEST_REQUEST")]
    pub slowest_request: Option<Span>,

    /// The compressed size of its image, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 125, env = "SEATRIAL_IMAGE_SIZE")]
    pub image_size: u32,
}

impl ApplicationArguments {
    /// The application, as far as it is known beside its traffic.
    pub fn application(&self, traffic: Option<Traffic>) -> Application {
        let seen = traffic.map_or(SLOWEST_REQUEST, |traffic| traffic.slowest);
        Application {
            boot: self.boot.map_or(BOOT, Span::get),
            stops_in: self.stops_in.get(),
            slowest_request: self.slowest_request.map_or(seen, Span::get),
            image_megabytes: f64::from(self.image_size),
        }
    }

    /// What of it is known and not only assumed.
    pub fn known(&self, traffic: Option<Traffic>) -> Known {
        let is_seen = traffic.is_some_and(|traffic| !traffic.slowest.is_zero());
        Known { boot: self.boot.is_some(), slowest_request: self.slowest_request.is_some() || is_seen }
    }
}

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum On {
    /// The embedded engine of this machine.
    Embedded,
    /// Amazon ECS on Fargate.
    Fargate,
}

impl From<On> for Platform {
    fn from(on: On) -> Self {
        match on {
            On::Embedded => Platform::Embedded,
            On::Fargate => Platform::Fargate,
        }
    }
}

/// `key=value,key=value`; `stage` is the environment's, everything else is a service's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub text: String,
    stage: Option<String>,
    settings: Vec<Setting>,
}

impl FromStr for Settings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut read = Settings { text: text.to_owned(), stage: None, settings: Vec::new() };
        for part in parts(text) {
            match part.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some(("stage", stage)) => read.stage = Some(stage.to_owned()),
                Some((key, value)) if !key.is_empty() => {
                    read.settings.push(Setting { key: key.to_owned(), value: value.to_owned() });
                }
                Some(_) | None => {
                    return Err(format!("`{part}` is not a setting: write KEY=VALUE, such as desired_count=4"));
                }
            }
        }
        Ok(read)
    }
}

/// The parts between the commas that are not inside of brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_i32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// A way in which services might be deployed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variant {
    /// What differs from the configuration; nothing for the configuration itself.
    pub what_if: Option<String>,
    pub services: Vec<Timeline>,
}

/// Runs the command.
pub fn run(arguments: &SimulateArguments, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = described(common)?;
    let platform = arguments.on.map_or(Platform::of(&environment.target), Platform::from);
    let circumstances = Circumstances {
        platform,
        application: arguments.application.application(None),
        known: arguments.application.known(None),
        prior: if arguments.new { Prior::None } else { Prior::Steady },
        desired: None,
    };
    let variant = |what_if: Option<&Settings>| -> Result<Variant> {
        let over: Vec<&Settings> = arguments.with.iter().chain(what_if).collect();
        let plan = planned(&file, &environment, &arguments.services, &over)?;
        Ok(Variant {
            what_if: what_if.map(|settings| settings.text.clone()),
            services: plan.services.iter().map(|service| timeline(service, &circumstances)).collect(),
        })
    };
    let others = arguments.what_if.iter().map(Some);
    let variants = std::iter::once(None).chain(others).map(variant).collect::<Result<Vec<_>>>()?;
    if arguments.advise {
        let advised = advised(arguments, &file, &environment, &circumstances)?;
        printer.result(&advised, |paint| show::advised(&advised, paint))?;
        return Ok(ExitCode::Done);
    }
    if let Some(path) = &arguments.svg {
        write_picture(path, &variants)?;
    }
    printer.result(&variants, |paint| show::text(&variants, paint))?;
    Ok(ExitCode::Done)
}

/// A service as it is, and what would be better.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered {
    pub before: Timeline,
    /// What of the application is not known, so that nothing is advised that rests on it: the flags that say it.
    pub unknown: Vec<&'static str>,
    #[serde(flatten)]
    pub advised: Advised,
}

impl Considered {
    /// Looks for what would be better for a service.
    pub fn new(
        service: &ServicePlan,
        circumstances: &Circumstances,
        planned: impl Fn(&[Setting]) -> Option<ServicePlan>,
    ) -> Self {
        let Known { boot, slowest_request } = circumstances.known;
        let flags = [("--boot", boot), ("--slowest-request", slowest_request || service.balancing.is_none())];
        Considered {
            before: timeline(service, circumstances),
            unknown: flags.into_iter().filter(|(_, known)| !known).map(|(flag, _)| flag).collect(),
            advised: advise(service, circumstances, planned),
        }
    }
}

fn advised(
    arguments: &SimulateArguments,
    file: &ConfigFile,
    environment: &Environment,
    circumstances: &Circumstances,
) -> Result<Vec<Considered>> {
    let over: Vec<&Settings> = arguments.with.iter().collect();
    let plan = planned(file, environment, &arguments.services, &over)?;
    let consider = |service: &ServicePlan| {
        let planned = |settings: &[Setting]| {
            let more = Settings { text: String::new(), stage: None, settings: settings.to_vec() };
            let over: Vec<&Settings> = arguments.with.iter().chain([&more]).collect();
            planned(file, environment, &arguments.services, &over).ok()?.service(&service.name).cloned()
        };
        Considered::new(service, circumstances, planned)
    };
    Ok(plan.services.iter().map(consider).collect())
}

/// The configuration, or the example when there is none.
fn described(common: &Common) -> Result<(ConfigFile, Environment)> {
    let path = common.config_file();
    let variables = Variables::of_process();
    let file = if common.config.is_none() && !path.exists() {
        ConfigFile::parse(Path::new("(no file)"), EXAMPLE, &variables)?
    } else {
        ConfigFile::read(&path, &variables)?
    };
    let environment = file.environment(common.env.as_ref())?;
    Ok((file, environment))
}

fn planned(file: &ConfigFile, environment: &Environment, services: &Services, over: &[&Settings]) -> Result<Plan> {
    let mut environment = environment.clone();
    for stage in over.iter().filter_map(|settings| settings.stage.as_deref()) {
        environment.stage = match stage {
            "dev" => Stage::Dev,
            "prod" => Stage::Prod,
            "custom" => Stage::Custom,
            other => {
                let what = format!("there is no stage `{other}`");
                return Err(UsageError { what, instead: "the stages are dev, prod and custom".into() }.into());
            }
        };
    }
    let overrides = Overrides {
        services: services.services.clone(),
        settings: over.iter().flat_map(|settings| settings.settings.clone()).collect(),
        ..Overrides::default()
    };
    Ok(file.plan(&environment, &target::defaults(&environment.target, None), &overrides)?)
}

/// The first service of each variant, one below the other and on one scale.
fn write_picture(path: &Path, variants: &[Variant]) -> Result<()> {
    let lanes: Vec<(String, &Timeline)> = variants
        .iter()
        .flat_map(|variant| variant.services.iter().map(move |timeline| (variant, timeline)))
        .map(|(variant, timeline)| (show::title(timeline, variant.what_if.as_deref()), timeline))
        .collect();
    let longest = lanes.iter().filter_map(|(_, timeline)| Some(timeline.success.total?.median)).max();
    let picture = gantt::svg(&lanes, longest.unwrap_or(Duration::ZERO));
    std::fs::write(path, picture).map_err(|error| {
        let what = format!("cannot write the picture to {}: {error}", path.display());
        UsageError { what, instead: "name another file with --svg".into() }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_their_brackets() {
        let read: Settings =
            "stage=dev,health_check={interval: 5s, timeout: 2s},desired_count=3".parse().expect("read");
        assert_eq!(read.stage.as_deref(), Some("dev"));
        let settings: Vec<String> = read.settings.iter().map(ToString::to_string).collect();
        assert_eq!(settings, ["health_check={interval: 5s, timeout: 2s}", "desired_count=3"]);
        assert!("desired_count".parse::<Settings>().is_err());
        assert!("=3".parse::<Settings>().is_err());
    }
}
