//! Reading the command line: a flag wins over its environment variable wherever it stands, and no hidden command is named.
//!
//! Every command shows the flags that may stand before and after its name, with their variables. But the variables are read once,
//! before the name: read again after it, they would win over the flags before it.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error, FromArgMatches};

use crate::command_line::CommandLine;

/// Reads arguments, the name of the program first.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let definition = CommandLine::definition();
    let matches = match with_variables_once(definition.clone()).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        // The full definition says the same, and its help names every variable.
        Err(_) => definition.clone().try_get_matches_from(&arguments).map_err(|error| discreet(error, &definition))?,
    };
    CommandLine::from_arg_matches(&matches)
}

/// The definition without the variables of the first flags in its commands.
fn with_variables_once(definition: Command) -> Command {
    let once: Vec<OsString> =
        definition.get_arguments().filter_map(|argument| Some(argument.get_env()?.to_owned())).collect();
    definition.mut_subcommands(|command| without(command, &once))
}

fn without(command: Command, variables: &[OsString]) -> Command {
    let is_read_before = |argument: &clap::Arg| {
        argument.get_env().is_some_and(|name| variables.iter().any(|variable| variable.as_os_str() == name))
    };
    command
        .mut_args(|argument| if is_read_before(&argument) { argument.env(None::<&'static str>) } else { argument })
        .mut_subcommands(|command| without(command, variables))
}

/// An error that lists the commands lists only those for people.
fn discreet(mut error: Error, definition: &Command) -> Error {
    if error.kind() == ErrorKind::MissingSubcommand && error.get(ContextKind::ValidSubcommand).is_some() {
        let visible = definition.get_subcommands().filter(|command| !command.is_hide_set());
        let names = visible.map(|command| command.get_name().to_owned()).collect();
        error.insert(ContextKind::ValidSubcommand, ContextValue::Strings(names));
    }
    error
}

#[cfg(test)]
mod tests {
    use std::process::Command as Child;

    use super::*;

    /// Names the command line that the test below wants to have read, in the process it starts.
    const LINE: &str = "SEATRIAL_TEST_LINE";
    const CHILD: &str = "parse::tests::a_line_is_read_in_a_process_of_its_own";

    /// What a line comes to with these environment variables, which are those of a process of their own.
    fn read(line: &str, variables: &[(&str, &str)]) -> String {
        let output = Child::new(std::env::current_exe().expect("a test has a program"))
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env(LINE, line)
            .envs(variables.iter().copied())
            .output()
            .expect("the test's own program can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().find_map(|text| text.split_once("read: ")).map(|(_, read)| read.to_owned()).unwrap_or(text)
    }

    #[test]
    #[ignore = "run by the tests below, each time in a process with an environment of its own"]
    fn a_line_is_read_in_a_process_of_its_own() {
        let line = std::env::var(LINE).unwrap_or_else(|_| "seatrial status".to_owned());
        let line = parse(line.split(' ').map(OsString::from)).expect("a valid line");
        let common = line.common();
        println!(
            "\nread: {:?} {:?} {:?} {} {} {:?} {:?} {:?}",
            common.config,
            common.env,
            common.output,
            common.no_color,
            common.verbose,
            common.home,
            common.log_format,
            common.assume_role_arn,
        );
    }

    #[test]
    fn a_flag_wins_over_its_variable_wherever_it_stands() {
        let variables = [
            ("SEATRIAL_CONFIG", "variable.yml"),
            ("SEATRIAL_ENV", "variable"),
            ("SEATRIAL_OUTPUT", "table"),
            ("SEATRIAL_NO_COLOR", "0"),
            ("SEATRIAL_VERBOSE", "2"),
            ("SEATRIAL_HOME", "/variable"),
            ("SEATRIAL_LOG_FORMAT", "text"),
            ("SEATRIAL_ASSUME_ROLE_ARN", "arn:aws:iam::123456789012:role/variable"),
        ];
        let flags = "-c flag.yml -e flag -o json --no-color -v --home /flag --log-format json \
                     --assume-role-arn arn:aws:iam::123456789012:role/flag";
        let stated = r#"Some("flag.yml") Some(EnvironmentName("flag")) Some(Json) true 1 Some("/flag") Some(Json) Some(RoleArn("arn:aws:iam::123456789012:role/flag"))"#;
        for line in [
            format!("seatrial {flags} status"),
            format!("seatrial status {flags}"),
            format!("seatrial {flags} engine start"),
            format!("seatrial engine start {flags}"),
        ] {
            assert_eq!(read(&line, &variables), stated, "{line}");
        }
        for line in
            ["seatrial -o json load --rate 1 http://127.0.0.1/", "seatrial load --rate 1 http://127.0.0.1/ -o json"]
        {
            assert!(read(line, &variables).contains("Some(Json)"), "{line}: {}", read(line, &variables));
        }
    }

    #[test]
    fn a_variable_counts_where_no_flag_does() {
        let variables = [("SEATRIAL_CONFIG", "variable.yml"), ("SEATRIAL_NO_COLOR", "1"), ("SEATRIAL_VERBOSE", "2")];
        for line in ["seatrial -e flag status", "seatrial status -e flag", "seatrial engine start -e flag"] {
            let read = read(line, &variables);
            assert_eq!(
                read, r#"Some("variable.yml") Some(EnvironmentName("flag")) None true 2 None None None"#,
                "{line}"
            );
        }
    }

    #[test]
    fn a_missing_command_lists_those_for_people() {
        for line in ["seatrial", "seatrial -e dev"] {
            let error = parse(line.split(' ').map(OsString::from)).expect_err("no command is named").to_string();
            assert!(error.contains("deploy") && error.contains("demo-app"), "{error}");
            assert!(!error.contains("supervise") && !error.contains("proxy"), "{error}");
        }
    }
}
