//! The options of the demonstration service: each one a flag and an
//! environment variable, because a task definition sets whichever is nearer.

use std::time::Duration;

use crate::values::{Fraction, Health, VersionName, parse_duration};

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_VERSION: &str = "v1";
const DEFAULT_HEALTH_PATHS: [&str; 2] = ["/health/ready", "/health/live"];

/// Runs the demonstration service.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct DemoArgs {
    /// Address or host name to listen on
    #[arg(long, env = "HOST", default_value = DEFAULT_HOST)]
    pub host: String,

    /// Port to listen on; 0 takes a free one and names it in the log
    #[arg(long, env = "PORT", default_value_t = DEFAULT_PORT)]
    pub port: u16,

    /// Version named in every answer (header x-demo-version)
    #[arg(long, env = "DEMO_VERSION", default_value = DEFAULT_VERSION, value_name = "NAME")]
    pub version: VersionName,

    /// Time from the start of the process until the port opens
    #[arg(long, env = "DEMO_BOOT_DELAY", default_value = "0s", value_name = "DURATION", value_parser = parse_duration)]
    pub boot_delay: Duration,

    /// Path of a health check; may be repeated or comma-separated
    #[arg(long = "health-path", env = "DEMO_HEALTH_PATH", default_values = DEFAULT_HEALTH_PATHS, value_delimiter = ',', value_name = "PATH")]
    pub health_paths: Vec<String>,

    /// What health checks answer: healthy, unhealthy, or healthy-for:DURATION counted from when the port opened
    #[arg(long, env = "DEMO_HEALTH", default_value = "healthy", value_name = "MODE")]
    pub health: Health,

    /// Share of ordinary requests (all but health checks) answered with 500, from 0 to 1
    #[arg(long, env = "DEMO_ERROR_RATE", default_value = "0", value_name = "FRACTION")]
    pub error_rate: Fraction,

    /// Time an ordinary request takes
    #[arg(long, env = "DEMO_LATENCY", default_value = "0s", value_name = "DURATION", value_parser = parse_duration)]
    pub latency: Duration,

    /// Share of ordinary requests that take --slow-latency instead, from 0 to 1
    #[arg(long, env = "DEMO_SLOW_FRACTION", default_value = "0", value_name = "FRACTION")]
    pub slow_fraction: Fraction,

    /// Time a slow request takes
    #[arg(long, env = "DEMO_SLOW_LATENCY", default_value = "2s", value_name = "DURATION", value_parser = parse_duration)]
    pub slow_latency: Duration,

    /// Exit with this code at once, before the port opens
    #[arg(long, env = "DEMO_EXIT_AT_START", value_name = "CODE")]
    pub exit_at_start: Option<u8>,

    /// Crash this long after the port opened, whatever is in flight
    #[arg(long, env = "DEMO_EXIT_AFTER", value_name = "DURATION", value_parser = parse_duration)]
    pub exit_after: Option<Duration>,

    /// Crash when the ordinary request after this many arrives; that request gets no answer
    #[arg(long, env = "DEMO_CRASH_AFTER_REQUESTS", value_name = "COUNT")]
    pub crash_after_requests: Option<u64>,

    /// Exit code of --exit-after and --crash-after-requests
    #[arg(long, env = "DEMO_EXIT_CODE", default_value_t = 1, value_name = "CODE")]
    pub exit_code: u8,

    /// Log SIGTERM and go on, so that only SIGKILL ends the process
    #[arg(long, env = "DEMO_IGNORE_SIGTERM", value_parser = clap::builder::BoolishValueParser::new())]
    pub ignore_sigterm: bool,

    /// Longest time from SIGTERM to the exit; what is still in flight then is cut off
    #[arg(long, env = "DEMO_DRAIN", default_value = "20s", value_name = "DURATION", value_parser = parse_duration)]
    pub drain: Duration,

    /// After SIGTERM, how long a WebSocket waits for one more message to echo before it sends Close 1001
    #[arg(long, env = "DEMO_WEBSOCKET_LINGER", default_value = "1s", value_name = "DURATION", value_parser = parse_duration)]
    pub websocket_linger: Duration,
}

impl Default for DemoArgs {
    /// Returns the options of a command line without any, reading no
    /// environment variable.
    fn default() -> Self {
        DemoArgs {
            host: DEFAULT_HOST.to_owned(),
            port: DEFAULT_PORT,
            version: DEFAULT_VERSION.parse().expect("the default version is a valid name"),
            boot_delay: Duration::ZERO,
            health_paths: DEFAULT_HEALTH_PATHS.map(str::to_owned).to_vec(),
            health: Health::Healthy,
            error_rate: Fraction::NONE,
            latency: Duration::ZERO,
            slow_fraction: Fraction::NONE,
            slow_latency: Duration::from_secs(2),
            exit_at_start: None,
            exit_after: None,
            crash_after_requests: None,
            exit_code: 1,
            ignore_sigterm: false,
            drain: Duration::from_secs(20),
            websocket_linger: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    #[command(name = "demo-app")]
    struct CommandLine {
        #[command(flatten)]
        demo: DemoArgs,
    }

    #[test]
    fn command_line_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable() {
        let command = DemoArgs::augment_args(clap::Command::new("demo-app"));
        for argument in command.get_arguments() {
            let name = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| panic!("{} has no environment variable", argument.get_id()));
            assert!(name == "HOST" || name == "PORT" || name.starts_with("DEMO_"), "{name}");
        }
    }

    #[test]
    fn defaults_in_code_equal_those_of_an_empty_command_line() {
        let environment_is_clear =
            std::env::vars().all(|(name, _)| !name.starts_with("DEMO_") && name != "HOST" && name != "PORT");
        if environment_is_clear {
            assert_eq!(CommandLine::parse_from(["demo-app"]).demo, DemoArgs::default());
        }
    }

    #[test]
    fn flags_are_understood() {
        let line = "demo-app --port 0 --version v2 --boot-delay 2s --health healthy-for:5s --error-rate 0.5 \
                    --slow-fraction 0.01 --exit-after 3s --exit-code 7 --ignore-sigterm \
                    --health-path /up,/healthz --health-path /alive";
        let args = CommandLine::parse_from(line.split_whitespace()).demo;
        assert_eq!(args.version.as_str(), "v2");
        assert_eq!(args.boot_delay, Duration::from_secs(2));
        assert_eq!(args.health, Health::HealthyFor(Duration::from_secs(5)));
        assert_eq!(args.exit_after, Some(Duration::from_secs(3)));
        assert_eq!(args.exit_code, 7);
        assert!(args.ignore_sigterm);
        assert_eq!(args.health_paths, ["/up", "/healthz", "/alive"]);
    }

    #[test]
    fn a_wrong_value_names_the_valid_ones() {
        let error = CommandLine::try_parse_from(["demo-app", "--health", "sick"]).err().expect("refused");
        assert!(error.to_string().contains("'healthy-for:DURATION'"), "{error}");
    }
}
