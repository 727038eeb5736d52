//! Owns the proxy as a process: how it is called, started, and told what to do.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seatrial_ports::balancer::{BalancerConfig, BalancerReport};
use seatrial_routing::PinPolicy;

use crate::control::{server, socket};
use crate::limits::Limits;
use crate::listening::bind;
use crate::plane::control::{DataPlane, DataPlaneOptions};

/// The most worker threads there are by default: beyond four, a machine has other things to do as well.
const WORKERS_MAX: usize = 4;

/// How long a new proxy waits for the lock of one that is just ending, and how often it looks.
const LOCK_TIME: Duration = Duration::from_secs(2);
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// How the proxy is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyArguments {
    pub mode: ProxyMode,
    /// Threads that serve requests; by default one per core, at most four.
    pub workers: Option<NonZeroUsize>,
    /// How long `AWSALBTG` binds a client to its target group; by default as with ELB.
    pub pin_policy: PinPolicy,
}

/// Who tells the proxy what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyMode {
    /// An engine, through the control socket in this directory.
    Controlled { directory: PathBuf },
    /// A file with a `BalancerConfig` as JSON; nothing changes afterwards.
    Standalone { config: PathBuf },
}

/// Why the proxy could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    #[error(
        "usage: proxy (--directory DIRECTORY | --config FILE) [--workers NUMBER] [--pins until-expiry|while-serving]; {0}"
    )]
    Usage(String),
    #[error("another proxy is running in {0}")]
    AlreadyRunning(PathBuf),
    #[error("could not {action} {path}")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is no configuration")]
    Config {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{0}")]
    Listener(String),
    #[error("could not start threads")]
    Threads(#[source] std::io::Error),
}

impl ProxyArguments {
    /// Reads `--directory DIRECTORY` or `--config FILE`, `--workers NUMBER` and `--pins until-expiry|while-serving`.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ProxyError> {
        let usage = |problem: &str| ProxyError::Usage(problem.to_owned());
        let mut arguments = arguments.into_iter();
        let (mut mode, mut workers, mut pin_policy) = (None, None, PinPolicy::default());
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| usage("a value is missing"));
            match name.to_str() {
                Some("--directory") => mode = Some(ProxyMode::Controlled { directory: value()?.into() }),
                Some("--config") => mode = Some(ProxyMode::Standalone { config: value()?.into() }),
                Some("--workers") => {
                    let number = value()?.to_str().and_then(|number| number.parse().ok());
                    workers = Some(number.ok_or_else(|| usage("--workers takes a number above 0"))?);
                }
                Some("--pins") => {
                    pin_policy = match value()?.to_str() {
                        Some("until-expiry") => PinPolicy::UntilExpiry,
                        Some("while-serving") => PinPolicy::WhileServing,
                        Some(_) | None => return Err(usage("--pins takes until-expiry or while-serving")),
                    }
                }
                Some(_) | None => return Err(usage(&format!("{} is unknown", name.display()))),
            }
        }
        Ok(ProxyArguments {
            mode: mode.ok_or_else(|| usage("--directory or --config is missing"))?,
            workers,
            pin_policy,
        })
    }

    fn options(&self) -> DataPlaneOptions {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = self.workers.map_or(cores.min(WORKERS_MAX), NonZeroUsize::get);
        let limits = Limits::for_descriptors(raise_descriptor_limit());
        DataPlaneOptions { workers, limits, pin_policy: self.pin_policy }
    }
}

/// Runs the proxy until it is told to end. Prints what went wrong.
pub fn proxy_main(arguments: ProxyArguments) -> ExitCode {
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("proxy: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(source) = cause {
                text = format!("{text}: {source}");
                cause = source.source();
            }
            eprintln!("{text}");
            match error {
                ProxyError::Usage(_) | ProxyError::Config { .. } => ExitCode::from(2),
                ProxyError::AlreadyRunning(_) | ProxyError::Io { .. } => ExitCode::FAILURE,
                ProxyError::Listener(_) | ProxyError::Threads(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn run(arguments: &ProxyArguments) -> Result<(), ProxyError> {
    match &arguments.mode {
        ProxyMode::Controlled { directory } => controlled(directory, arguments.options()),
        ProxyMode::Standalone { config } => standalone(config, arguments.options()),
    }
}

fn controlled(directory: &Path, options: DataPlaneOptions) -> Result<(), ProxyError> {
    let failed = |action| move |source| ProxyError::Io { action, path: directory.to_owned(), source };
    // A session of its own: what ends the engine's terminal does not end the proxy. It leads one already if it was started so.
    let _ = rustix::process::setsid();
    make_private(directory).map_err(failed("make"))?;
    let exclusive = lock_patiently(directory).map_err(failed("lock"))?;
    let exclusive = exclusive.ok_or_else(|| ProxyError::AlreadyRunning(directory.to_owned()))?;
    let listener = socket::listen(directory).map_err(failed("open the control socket in"))?;
    server::serve(directory.to_owned(), exclusive, listener, options).map_err(ProxyError::Threads)
}

/// Takes the lock; waits a moment for a dying proxy to let go of it.
fn lock_patiently(directory: &Path) -> std::io::Result<Option<File>> {
    let began = Instant::now();
    loop {
        let exclusive = socket::lock(directory)?;
        if exclusive.is_some() || began.elapsed() > LOCK_TIME {
            return Ok(exclusive);
        }
        thread::sleep(LOCK_RETRY);
    }
}

fn standalone(path: &Path, options: DataPlaneOptions) -> Result<(), ProxyError> {
    let read = |source| ProxyError::Io { action: "read", path: path.to_owned(), source };
    let text = std::fs::read(path).map_err(read)?;
    let config: BalancerConfig =
        serde_json::from_slice(&text).map_err(|source| ProxyError::Config { path: path.to_owned(), source })?;
    let mut sockets: BTreeMap<_, TcpListener> = BTreeMap::new();
    for listener in &config.listeners {
        sockets.insert(listener.address, bind(listener.address).map_err(ProxyError::Listener)?);
    }
    let plane = DataPlane::start(options, Arc::new(print_report)).map_err(ProxyError::Threads)?;
    plane.apply(config, sockets);
    loop {
        thread::park();
    }
}

fn print_report(_generation: u64, report: BalancerReport) {
    match report {
        BalancerReport::Health { target, health, .. } => {
            eprintln!("{target} {} {}", health.state.as_str(), health.description.unwrap_or_default());
        }
        BalancerReport::Drained { target, .. } => eprintln!("{target} drained"),
        BalancerReport::Listener { arn, outcome: Ok(()) } => eprintln!("{arn} listens"),
        BalancerReport::Listener { arn, outcome: Err(problem) } => eprintln!("{arn}: {problem}"),
        BalancerReport::Applied { .. } | BalancerReport::Metrics(_) => {}
    }
}

/// Makes the directory, for its user alone.
pub(crate) fn make_private(directory: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}

/// Lets the process open as many files as it may; returns how many.
fn raise_descriptor_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Without permission the present limit stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.or(current).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<ProxyArguments, String> {
        ProxyArguments::parse(words.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_read_and_mistakes_named() {
        let controlled = ProxyMode::Controlled { directory: "/d".into() };
        let workers = NonZeroUsize::new(3);
        let pin_policy = PinPolicy::UntilExpiry;
        let expected = ProxyArguments { mode: controlled, workers, pin_policy };
        assert_eq!(parse(&["--directory", "/d", "--workers", "3"]), Ok(expected.clone()));
        let expected = ProxyArguments { pin_policy: PinPolicy::WhileServing, ..expected };
        let words = ["--pins", "while-serving", "--directory", "/d", "--workers", "3"];
        assert_eq!(parse(&words), Ok(expected));
        for (words, problem) in [
            (&[][..], "--directory or --config is missing"),
            (&["--config"], "a value is missing"),
            (&["--config", "f", "--workers", "0"], "--workers takes a number above 0"),
            (&["--config", "f", "--pins", "never"], "--pins takes until-expiry or while-serving"),
            (&["--help"], "--help is unknown"),
        ] {
            assert!(parse(words).expect_err("a mistake").ends_with(problem), "{words:?}");
        }
    }
}
