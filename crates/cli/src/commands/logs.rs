//! `seatrial logs`

use std::collections::VecDeque;
use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::Span;
use seatrial_release::{Following, LogLine, LogQuery, logs};

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::{Output, Paint, Printer};
use crate::session::{Session, interrupted_by_ctrl_c, only};
use crate::show::time::time_of_day;
use crate::tsv;

/// Letters of a task id that are shown.
const TASK_ID_SHOWN: usize = 8;

/// Show what the containers wrote
#[derive(Args, Debug)]
pub struct LogsArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Go on with lines as they are written, until interrupted
    #[arg(short, long, env = "SEATRIAL_FOLLOW", value_parser = FalseyValueParser::new())]
    pub follow: bool,

    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "10m", env = "SEATRIAL_SINCE")]
    pub since: Span,

    /// Show the newest lines only, this many
    #[arg(short = 'n', long, value_name = "COUNT", env = "SEATRIAL_LINES", conflicts_with = "follow")]
    pub lines: Option<usize>,

    /// Lines of one task only, by the beginning of its id
    #[arg(long, value_name = "ID", env = "SEATRIAL_TASK")]
    pub task: Option<String>,

    /// Lines that match a CloudWatch Logs filter pattern only
    #[arg(long, value_name = "PATTERN", env = "SEATRIAL_FILTER")]
    pub filter: Option<String>,
}

/// Runs the command.
pub async fn run(arguments: LogsArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let query = LogQuery {
        since: arguments.since.get(),
        task: arguments.task,
        filter: arguments.filter,
        following: if arguments.follow { Following::UntilInterrupted } else { Following::Not },
    };
    let mut sink = Sink { printer, limit: arguments.lines, kept: VecDeque::new(), printed: 0, broken: None };
    logs(&session.connection, &session.plan, &query, interrupted_by_ctrl_c(), |line| sink.take(line)).await?;
    let printed = sink.finish()?;
    if printed == 0 && !arguments.follow {
        printer.remark(&format!("no lines in the last {} s; look further back with --since", query.since.as_secs()));
    }
    Ok(ExitCode::Done)
}

/// Prints lines as they come, or keeps the newest of them for the end.
struct Sink<'a> {
    printer: &'a Printer,
    limit: Option<usize>,
    kept: VecDeque<LogLine>,
    printed: usize,
    broken: Option<io::Error>,
}

impl Sink<'_> {
    fn take(&mut self, line: LogLine) {
        let Some(limit) = self.limit else { return self.print(&line) };
        self.kept.push_back(line);
        while self.kept.len() > limit {
            self.kept.pop_front();
        }
    }

    fn print(&mut self, line: &LogLine) {
        let text = match self.printer.output() {
            Output::Table => text(line, self.printer.results()),
            Output::Json => serde_json::to_string(line).unwrap_or_default(),
            Output::Tsv => self.row(line).unwrap_or_default(),
        };
        let written = writeln!(io::stdout().lock(), "{text}");
        self.printed += 1;
        if let (Err(error), None) = (written, &self.broken) {
            self.broken = Some(error);
        }
    }

    /// A line as a row, the first one below the names.
    fn row(&self, line: &LogLine) -> serde_json::Result<String> {
        let names = if self.printed == 0 { tsv::header(line)? } else { String::new() };
        Ok((names + &tsv::line(line)?).trim_end_matches('\n').to_owned())
    }

    fn finish(mut self) -> io::Result<usize> {
        for line in std::mem::take(&mut self.kept) {
            self.print(&line);
        }
        self.broken.map_or(Ok(self.printed), Err)
    }
}

fn text(line: &LogLine, paint: Paint) -> String {
    let task = line.task.get(..TASK_ID_SHOWN).unwrap_or(&line.task);
    let source = if line.container == line.service.as_str() {
        format!("{}/{task}", line.service)
    } else {
        format!("{}/{}/{task}", line.service, line.container)
    };
    format!("{} {} {}", paint.faint(&time_of_day(line.at)), paint.strong(&source), line.message)
}
