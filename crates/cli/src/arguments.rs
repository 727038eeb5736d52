//! Arguments that several commands have. Each is a flag and an environment variable `SEATRIAL_<FLAG>`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::aws::RoleArn;
use seatrial_release::config::{EnvironmentName, Overrides, RollbackOverride, ServiceName, Span, StrategyWord};
use seatrial_release::images::{Building, StandIn};
use seatrial_release::plan::Plan;
use seatrial_release::{DefinitionChoice, Force};

use crate::exit_code::UsageError;
use crate::images::Wish;
use crate::printer::Output;

/// The file used when none is named.
pub const DEFAULT_CONFIG: &str = "seatrial.yml";

/// How many -v --debug stands for.
const VERBOSITY_OF_DEBUG: u8 = 2;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, an object on each line.
    Json,
}

/// Flags that may stand before and after the name of a command.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The configuration file [default: seatrial.yml]
    #[arg(short, long, value_name = "FILE", env = "SEATRIAL_CONFIG")]
    pub config: Option<PathBuf>,

    /// The environment [default: the one marked default, else the first embedded one, else dev]
    #[arg(short, long = "env", value_name = "NAME", env = "SEATRIAL_ENV")]
    pub env: Option<EnvironmentName>,

    /// The form of results [default: table]
    #[arg(short, long, value_enum, value_name = "FORM", env = "SEATRIAL_OUTPUT")]
    pub output: Option<Output>,

    /// Write without colours, as also NO_COLOR asks for
    #[arg(long, env = "SEATRIAL_NO_COLOR", value_parser = FalseyValueParser::new())]
    pub no_color: bool,

    /// Tell more: once what is left as it is, twice also what goes over the network
    #[arg(short, long, action = clap::ArgAction::Count, env = "SEATRIAL_VERBOSE")]
    pub verbose: u8,

    /// Tell all that -vv tells
    #[arg(long, env = "SEATRIAL_DEBUG", value_parser = FalseyValueParser::new())]
    pub debug: bool,

    /// The form of what is told of the program's own doings [default: text]
    #[arg(long, value_enum, value_name = "FORM", env = "SEATRIAL_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Work on AWS in this role, taken on with the credentials of the environment
    #[arg(long, value_name = "ARN", env = "SEATRIAL_ASSUME_ROLE_ARN")]
    pub assume_role_arn: Option<RoleArn>,

    /// The data directory of the embedded engine
    #[arg(long, value_name = "DIRECTORY", env = "SEATRIAL_HOME")]
    pub home: Option<PathBuf>,
}

impl Common {
    /// Lays flags written after the command's name over those before it, with which the environment variables have been read.
    pub fn overlaid(self, after: Common) -> Common {
        Common {
            config: after.config.or(self.config),
            env: after.env.or(self.env),
            output: after.output.or(self.output),
            no_color: after.no_color || self.no_color,
            verbose: if after.verbose > 0 { after.verbose } else { self.verbose },
            debug: after.debug || self.debug,
            log_format: after.log_format.or(self.log_format),
            assume_role_arn: after.assume_role_arn.or(self.assume_role_arn),
            home: after.home.or(self.home),
        }
    }

    /// How much is told: the number of -v, at least [`VERBOSITY_OF_DEBUG`] with --debug.
    pub fn verbosity(&self) -> u8 {
        if self.debug { self.verbose.max(VERBOSITY_OF_DEBUG) } else { self.verbose }
    }

    /// The flags that name the same configuration, environment and role in another command, each after a blank.
    pub fn selection(&self) -> String {
        let config = self.config.as_ref().map(|config| format!(" --config {}", config.display()));
        let env = self.env.as_ref().map(|env| format!(" --env {env}"));
        let role = self.assume_role_arn.as_ref().map(|role| format!(" --assume-role-arn {role}"));
        config.into_iter().chain(env).chain(role).collect()
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG))
    }
}

/// The services a command is about.
#[derive(Args, Clone, Debug, Default)]
pub struct Services {
    /// The services meant [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<ServiceName>,
}

/// Whether and how long a command waits.
#[derive(Args, Clone, Debug)]
pub struct WaitArguments {
    /// Start it and return
    #[arg(long, visible_alias = "detach", env = "SEATRIAL_NO_WAIT", value_parser = FalseyValueParser::new())]
    pub no_wait: bool,

    /// Time after which it has failed: a deployment is rolled back then. Bake times come on top
    #[arg(long, value_name = "DURATION", default_value = "15m", env = "SEATRIAL_TIMEOUT")]
    pub timeout: Span,
}

impl WaitArguments {
    pub fn waiting(&self) -> seatrial_release::Waiting {
        if self.no_wait { seatrial_release::Waiting::Not } else { seatrial_release::Waiting::ToTheEnd }
    }
}

/// What shall be deployed.
#[derive(Args, Debug)]
pub struct Version {
    #[command(flatten)]
    pub services: Services,

    /// Deploy this image
    #[arg(long, value_name = "IMAGE", env = "SEATRIAL_IMAGE")]
    pub image: Option<String>,

    /// Deploy the configured image with this tag
    #[arg(long, value_name = "TAG", env = "SEATRIAL_TAG", conflicts_with = "image")]
    pub tag: Option<String>,

    /// Set an environment variable of the services meant; may be repeated
    #[arg(long, value_name = "NAME=VALUE", env = "SEATRIAL_SET")]
    pub set: Vec<Assignment>,

    /// Take over in this way instead of the configured one: rolling, blue_green, canary or linear
    #[arg(long, value_name = "STRATEGY", env = "SEATRIAL_STRATEGY")]
    pub strategy: Option<StrategyWord>,

    /// Keep the task definition that is in place: change only the service and what is around it
    #[arg(long, env = "SEATRIAL_SKIP_TASK_DEFINITION", value_parser = FalseyValueParser::new(),
          conflicts_with_all = ["image", "tag", "set"])]
    pub skip_task_definition: bool,

    /// Deploy this revision of the task definition as it was registered
    #[arg(long, value_name = "NUMBER", env = "SEATRIAL_REVISION",
          conflicts_with_all = ["image", "tag", "set", "skip_task_definition"])]
    pub revision: Option<u32>,

    /// Build every image anew, also of what has not changed
    #[arg(long, env = "SEATRIAL_REBUILD", value_parser = FalseyValueParser::new(), conflicts_with_all = ["image", "tag", "no_build", "use_fallback_image"])]
    pub rebuild: bool,

    /// Build no image: deploy the newest that is in the registry
    #[arg(long, env = "SEATRIAL_NO_BUILD", value_parser = FalseyValueParser::new(), conflicts_with_all = ["image", "tag"])]
    pub no_build: bool,

    /// Where the image of a service is not there yet, let something stand in that passes the health check; builds nothing
    #[arg(long, env = "SEATRIAL_USE_FALLBACK_IMAGE", value_parser = FalseyValueParser::new(), conflicts_with = "image")]
    pub use_fallback_image: bool,

    /// Start new tasks even when nothing changed
    #[arg(long, env = "SEATRIAL_FORCE_NEW_DEPLOYMENT", value_parser = FalseyValueParser::new())]
    pub force_new_deployment: bool,
}

impl Version {
    /// What it changes of the configuration.
    pub fn overrides(&self, rollback: RollbackOverride) -> Overrides {
        Overrides {
            built: Default::default(),
            stand_ins: Default::default(),
            services: self.services.services.clone(),
            image: self.image.clone(),
            tag: self.tag.clone(),
            environment: self.set.iter().map(|set| (set.name.clone(), set.value.clone())).collect(),
            strategy: self.strategy,
            rollback,
            settings: Vec::new(),
        }
    }

    /// Refuses one revision for several services.
    pub fn check(&self, plan: &Plan, command: &str) -> Result<(), UsageError> {
        if self.revision.is_none() || plan.services.len() == 1 {
            return Ok(());
        }
        let what = "one revision cannot be meant for several services".to_owned();
        Err(UsageError { what, instead: format!("name the service: seatrial {command} SERVICE --revision N") })
    }

    /// Where images come from; none where the task definition that is deployed has them already.
    pub fn images(&self) -> Option<Wish> {
        if self.definition() != DefinitionChoice::Configured {
            return None;
        }
        let building = match &self.tag {
            Some(tag) => Building::Tagged(tag.clone()),
            None if self.no_build || self.use_fallback_image => Building::No,
            None => Building::Yes,
        };
        let stand_in = if self.use_fallback_image { StandIn::Asked } else { StandIn::IfAllowed };
        Some(Wish { anew: self.rebuild, stand_in, ..Wish::of(building) })
    }

    pub fn force(&self) -> Force {
        if self.force_new_deployment { Force::Always } else { Force::WhenNeeded }
    }

    pub fn definition(&self) -> DefinitionChoice {
        match self.revision {
            Some(number) => DefinitionChoice::Revision(number),
            None if self.skip_task_definition => DefinitionChoice::InPlace,
            None => DefinitionChoice::Configured,
        }
    }
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub name: String,
    pub value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            Some(_) | None => Err(format!("`{text}` is not an assignment: write NAME=VALUE")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_after_the_command_win() {
        let before = Common { config: Some("a".into()), output: Some(Output::Json), verbose: 2, ..Common::default() };
        let after = Common { config: Some("b".into()), no_color: true, ..Common::default() };
        let both = before.overlaid(after);
        assert_eq!(both.config_file(), PathBuf::from("b"));
        assert_eq!((both.output, both.no_color, both.verbose), (Some(Output::Json), true, 2));
    }

    #[test]
    fn debugging_is_being_told_more() {
        let told = |verbose, debug| Common { verbose, debug, ..Common::default() }.verbosity();
        assert_eq!((told(0, false), told(1, false), told(0, true), told(3, true)), (0, 1, 2, 3));
    }

    #[test]
    fn assignments_are_split_at_the_first_equals_sign() {
        let assignment: Assignment = "A=b=c".parse().expect("valid");
        assert_eq!((assignment.name.as_str(), assignment.value.as_str()), ("A", "b=c"));
        assert!("=x".parse::<Assignment>().is_err());
        assert!("x".parse::<Assignment>().is_err());
    }
}
