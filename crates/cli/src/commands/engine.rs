//! `seatrial engine`

use std::fs::File;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use seatrial_model::{Region, TIME_SCALE_MAX};
use serde::Serialize;
use time::OffsetDateTime;

use crate::arguments::Common;
use crate::engine::credentials::Credentials;
use crate::engine::end::end_tasks_and_traffic;
use crate::engine::process::{EngineProcess, StartOptions, Started, ensure, stop_control_plane};
use crate::engine::settings::Settings;
use crate::engine::{Home, host};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::{Paint, Printer};
use crate::show::time::moment;

/// The pause between two looks at a log that is being followed.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// The embedded engine of this machine
#[derive(Args, Debug)]
pub struct EngineArguments {
    #[command(subcommand)]
    pub command: EngineCommand,
}

/// What to do with the engine.
#[derive(Subcommand, Debug)]
pub enum EngineCommand {
    /// Start the engine unless it runs
    Start(StartArguments),
    /// Stop the engine with its load balancer and tasks; the next start brings the services back
    Stop(StopArguments),
    /// Show whether the engine runs, and where; exit code 1 when it does not
    Status(CommonArguments),
    /// Print what any AWS client needs to reach the engine, for `eval "$(seatrial engine env)"`
    Env(CommonArguments),
    /// Show the engine's own log
    Logs(LogsArguments),
    /// The engine's own process
    #[command(hide = true)]
    Run(RunArguments),
}

/// Flags of every command.
#[derive(Args, Debug)]
pub struct CommonArguments {
    #[command(flatten)]
    pub common: Common,
}

/// What an engine is started with; what is left out is as at the last start.
#[derive(Args, Debug)]
pub struct StartArguments {
    #[command(flatten)]
    pub common: Common,

    /// Port of the AWS API on 127.0.0.1 [default: 4880, or any when that one is taken]
    #[arg(long, value_name = "PORT", env = "SEATRIAL_PORT")]
    pub port: Option<u16>,

    /// The region of the engine [default: us-east-1]
    #[arg(long, value_name = "REGION", env = "SEATRIAL_REGION", value_parser = region)]
    pub region: Option<String>,

    /// Make everything the engine itself waits for this many times shorter, until `engine stop`
    #[arg(long, value_name = "FACTOR", env = "SEATRIAL_TIME_SCALE",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(TIME_SCALE_MAX)))]
    pub time_scale: Option<u32>,

    /// Address that load balancers listen on, until `engine stop`; 0.0.0.0 is every address of this machine [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", env = "SEATRIAL_LISTEN", value_parser = parse_listen)]
    pub listen: Option<IpAddr>,

    /// Socket of the Docker or Podman that runs tasks in containers, until `engine stop` [default: DOCKER_HOST, or the usual places]
    #[arg(long, value_name = "SOCKET", env = "SEATRIAL_CONTAINER_ENGINE", value_parser = parse_socket)]
    pub container_engine: Option<PathBuf>,
}

/// A path, or the URL that Docker's own tools take.
fn parse_socket(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("unix://").unwrap_or(text) {
        path if path.starts_with('/') => Ok(path.into()),
        _ => Err("not the absolute path of a socket, such as /var/run/docker.sock".to_owned()),
    }
}

fn parse_listen(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "not an IP address; write 127.0.0.1 for this machine alone, 0.0.0.0 for all its addresses, or one of them"
            .to_owned()
    })
}

/// How much to stop.
#[derive(Args, Debug)]
pub struct StopArguments {
    #[command(flatten)]
    pub common: Common,

    /// Stop the control plane alone: tasks run on and traffic flows until the next start takes them over
    #[arg(long, env = "SEATRIAL_KEEP_TASKS", value_parser = FalseyValueParser::new())]
    pub keep_tasks: bool,
}

/// Which lines.
#[derive(Args, Debug)]
pub struct LogsArguments {
    #[command(flatten)]
    pub common: Common,

    /// Go on with lines as they are written, until interrupted
    #[arg(short, long, env = "SEATRIAL_FOLLOW", value_parser = FalseyValueParser::new())]
    pub follow: bool,
}

/// What the engine's process is run with.
#[derive(Args, Debug)]
pub struct RunArguments {
    #[command(flatten)]
    pub start: StartArguments,

    /// Run apart from the terminal
    #[arg(long)]
    pub detached: bool,
}

impl EngineCommand {
    /// The flags that every command has.
    pub fn common(&self) -> Common {
        match self {
            EngineCommand::Start(arguments) => arguments.common.clone(),
            EngineCommand::Stop(arguments) => arguments.common.clone(),
            EngineCommand::Status(arguments) | EngineCommand::Env(arguments) => arguments.common.clone(),
            EngineCommand::Logs(arguments) => arguments.common.clone(),
            EngineCommand::Run(arguments) => arguments.start.common.clone(),
        }
    }
}

/// A region's name, refused before anything is started with it.
fn region(text: &str) -> Result<String, String> {
    Region::parse(text).map(|region| region.to_string()).map_err(|error| error.to_string())
}

impl StartArguments {
    fn options(&self) -> StartOptions {
        let StartArguments { port, region, time_scale, listen, container_engine, .. } = self;
        StartOptions {
            port: *port,
            region: region.clone(),
            time_scale: *time_scale,
            listen: *listen,
            container_engine: container_engine.clone(),
        }
    }
}

/// Runs the command, on a thread without an asynchronous runtime.
pub fn run(command: &EngineCommand, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let home = Home::locate(common.home.clone())?;
    match command {
        EngineCommand::Start(arguments) => start(&home, &arguments.options(), printer),
        EngineCommand::Stop(arguments) => stop(&home, arguments, printer),
        EngineCommand::Status(_) => status(&home, printer),
        EngineCommand::Env(_) => env(&home, printer),
        EngineCommand::Logs(arguments) => logs(&home, arguments.follow),
        EngineCommand::Run(arguments) => {
            if arguments.detached {
                // It may lead a session already.
                let _ = rustix::process::setsid();
            }
            host::run(&home, &arguments.start.options())?;
            Ok(ExitCode::Done)
        }
    }
}

fn start(home: &Home, options: &StartOptions, printer: &Printer) -> Result<ExitCode> {
    let (process, started) = ensure(home, options)?;
    if started == Started::Before {
        let region = Credentials::load(home)?.map(|credentials| credentials.region.to_string());
        let differs = options.port.is_some_and(|port| port != process.port)
            || options.time_scale.is_some_and(|scale| scale != process.time_scale)
            || options.listen.is_some_and(|address| address != process.listen)
            || options.region.as_ref().is_some_and(|wanted| region.as_ref() != Some(wanted));
        if differs {
            let what = format!("the engine runs already, with other settings, at {}", process.url());
            let instead = "run `seatrial engine stop --keep-tasks`, then start it again".to_owned();
            return Err(UsageError { what, instead }.into());
        }
    }
    if !process.listen.is_loopback() {
        printer.remark(&format!(
            "warning: load balancers listen on {}, where other machines can reach the services; the AWS API and the tasks stay on \
             127.0.0.1",
            process.listen
        ));
    }
    let state = State::of(home, Some(process))?;
    printer.result(&state, |paint| {
        let what = if started == Started::Now { "the engine is started" } else { "the engine runs already" };
        format!("{}\n{}", paint.good(what), state.text(paint))
    })?;
    Ok(ExitCode::Done)
}

fn stop(home: &Home, arguments: &StopArguments, printer: &Printer) -> Result<ExitCode> {
    let process = EngineProcess::find(home);
    if let Some(process) = &process {
        stop_control_plane(process)?;
    }
    if arguments.keep_tasks {
        let was = if process.is_some() { "the engine is stopped" } else { "no engine was running" };
        printer.remark(&format!("{was}; tasks and the load balancer go on"));
        return Ok(ExitCode::Done);
    }
    let settings = Settings::load(home)?;
    let after = settings.clone().after_stop();
    if settings != after {
        after.save(home)?;
    }
    let containers = settings.container_engine.as_deref();
    let end = || end_tasks_and_traffic(home, containers, |what| printer.remark(what));
    let tasks = if home.path().exists() { end()? } else { 0 };
    let tasks_too = match tasks {
        0 => String::new(),
        1 => ", and so is its task".to_owned(),
        _ => format!(", and so are its {tasks} tasks"),
    };
    printer.remark(&match (process.is_some(), tasks) {
        (true, _) => format!("the engine is stopped{tasks_too}"),
        (false, 0) => "no engine was running".to_owned(),
        (false, _) => format!("no engine was running; what it left behind is stopped{tasks_too}"),
    });
    Ok(ExitCode::Done)
}

fn status(home: &Home, printer: &Printer) -> Result<ExitCode> {
    let state = State::of(home, EngineProcess::find(home))?;
    printer.result(&state, |paint| state.text(paint))?;
    Ok(if state.process.is_some() { ExitCode::Done } else { ExitCode::Failed })
}

/// What `engine status` shows.
#[derive(Serialize)]
struct State {
    running: bool,
    home: String,
    url: Option<String>,
    region: Option<String>,
    account: Option<String>,
    #[serde(flatten)]
    process: Option<EngineProcess>,
}

impl State {
    fn of(home: &Home, process: Option<EngineProcess>) -> Result<Self> {
        let credentials = Credentials::load(home)?;
        Ok(State {
            running: process.is_some(),
            home: home.path().display().to_string(),
            url: process.as_ref().map(EngineProcess::url),
            region: credentials.as_ref().map(|credentials| credentials.region.to_string()),
            account: credentials.as_ref().map(|credentials| credentials.account.to_string()),
            process,
        })
    }

    fn text(&self, paint: Paint) -> String {
        let Some(process) = &self.process else {
            return format!("{}\nhome        {}\n", paint.doubtful("not running"), self.home);
        };
        let since = OffsetDateTime::from_unix_timestamp(process.started_at / 1000).ok();
        let scale = if process.time_scale == 1 {
            String::new()
        } else {
            format!("time scale  {} times shorter\n", process.time_scale)
        };
        let listen = if process.listen.is_loopback() {
            String::new()
        } else {
            format!("listeners   on {}, open to other machines\n", paint.doubtful(&process.listen.to_string()))
        };
        format!(
            "endpoint    {}\nregion      {}\naccount     {}\nprocess     {} since {}, version {}\n{scale}{listen}home        {}\n",
            paint.strong(self.url.as_deref().unwrap_or_default()),
            self.region.as_deref().unwrap_or_default(),
            self.account.as_deref().unwrap_or_default(),
            process.process_id,
            moment(since),
            process.version,
            self.home,
        )
    }
}

fn env(home: &Home, printer: &Printer) -> Result<ExitCode> {
    let (process, started) = ensure(home, &StartOptions::default())?;
    if started == Started::Now {
        printer.remark(&format!("the engine is started at {}", process.url()));
    }
    let endpoint = process.endpoint(home)?;
    let variables = [
        ("AWS_ENDPOINT_URL", &endpoint.url),
        ("AWS_REGION", &endpoint.region),
        ("AWS_DEFAULT_REGION", &endpoint.region),
        ("AWS_ACCESS_KEY_ID", &endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key),
    ];
    let values: std::collections::BTreeMap<_, _> = variables.into_iter().collect();
    // A session token or profile of a real account would spoil the signature.
    printer.result(&values, |_| {
        let set = variables.map(|(name, value)| format!("export {name}={value}\n")).concat();
        format!("{set}unset AWS_SESSION_TOKEN AWS_PROFILE\n")
    })?;
    Ok(ExitCode::Done)
}

fn logs(home: &Home, follow: bool) -> Result<ExitCode> {
    let path = home.log_file();
    let mut file =
        File::open(&path).with_context(|| format!("there is no log yet: could not open {}", path.display()))?;
    let mut out = std::io::stdout().lock();
    let mut fresh = Vec::new();
    loop {
        file.read_to_end(&mut fresh).with_context(|| format!("could not read {}", path.display()))?;
        out.write_all(&fresh)?;
        out.flush()?;
        fresh.clear();
        if !follow {
            return Ok(ExitCode::Done);
        }
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}
