//! The engine's own process: everything put together, served until told to stop.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use seatrial_aws_api::application_autoscaling::ApplicationAutoScaling;
use seatrial_aws_api::cloudwatch::CloudWatch;
use seatrial_aws_api::ecr::Ecr;
use seatrial_aws_api::ecs::Ecs;
use seatrial_aws_api::elbv2::Elbv2;
use seatrial_aws_api::logs::Logs;
use seatrial_aws_api::registry::{Caretaker, EngineCatalog, PASS_INTERVAL};
use seatrial_aws_api::secretsmanager::SecretsManager;
use seatrial_aws_api::ssm::Ssm;
use seatrial_aws_api::sts::Sts;
use seatrial_aws_api::{AllowedHosts, Front, Identities, Identity, Limits, Principal};
use seatrial_aws_wire::Service;
use seatrial_aws_wire::sigv4::{AccessKeyId, Credential, SecretAccessKey};
use seatrial_engine::reports::Inbox;
use seatrial_engine::{Engine, EngineSettings, Machine};
use seatrial_hooks::LocalFunctions;
use seatrial_image::Cache;
use seatrial_model::{Arn, TimeScale, Timestamp};
use seatrial_ports::{Clock, JournalError};
use seatrial_proxy::{ProxyBalancer, ProxyCommand, ProxySettings};
use seatrial_registry::{Registry, Storage};
use seatrial_runtime::{ContainerEngineOptions, ImageDirectories, ProcessRuntime, SupervisorCommand};
use seatrial_store::{FileVault, SqliteJournal};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::Home;
use super::credentials::{Credentials, Origin};
use super::files;
use super::process::{EngineProcess, StartOptions};
use super::settings::Settings;

/// The port of the AWS endpoint unless told otherwise; a free one is taken when it is in use.
pub const PORT_DEFAULT: u16 = 4880;
/// Connections that wait to be accepted; the usual 128 makes a burst of clients wait for a second.
const BACKLOG: u32 = 1024;
/// How long to wait for the data directory; a process that was killed holds it until the kernel has cleaned up after it.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two attempts to get it.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);
/// How long the files of an image stay that no task uses; as long as ECS's agent keeps images at least.
const UNPACKED_KEPT: Duration = Duration::from_secs(3600);
/// The directories searched for programs besides the one this binary is in.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Runs the engine of a data directory until SIGTERM or SIGINT. Tasks and the data plane go on when it ends.
pub fn run(home: &Home, options: &StartOptions) -> Result<()> {
    home.create()?;
    let journal = Arc::new(open_journal(home)?);
    let (credentials, origin) = Credentials::load_or_draw(home, options.region.as_deref())?;
    let last = Settings::load(home)?;
    let scale = options.time_scale.map_or(Ok(last.time_scale), TimeScale::try_from)?;
    let listen = options.listen.unwrap_or(last.listen);
    check_listen(listen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the engine's threads")?;
    // Before anything is started that would outlive an engine without a port.
    let listener = runtime.block_on(async { bind(options.port, last.port) })?;
    let registry = registry_address(&listener)?;
    let container_engine = options.container_engine.clone().or(last.container_engine);
    let containers = ContainerEngineOptions { socket: container_engine.clone(), publish: false };
    let engine = assemble(home, &credentials, (scale, listen), containers, &registry, journal, runtime.handle())?;
    // Before anything is answered, and only now: an engine that could not start must not settle the region of the next one.
    if origin == Origin::Drawn {
        credentials.save(home)?;
    }
    let driver = {
        let engine = engine.clone();
        std::thread::Builder::new().name("driver".to_owned()).spawn(move || engine.drive())
    };
    let driver = driver.context("could not start the engine's driver")?;
    let served = runtime.block_on(serve(home, &engine, &credentials, listener, container_engine));
    engine.close();
    let drove = driver.join();
    served?;
    drove.map_err(|_| anyhow::anyhow!("the engine's driver failed; see the log above"))
}

/// Opens the journal, waiting for an engine that is just ending.
fn open_journal(home: &Home) -> Result<SqliteJournal> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match SqliteJournal::open(&home.store()) {
            Err(JournalError::Locked { .. }) if Instant::now() < deadline => std::thread::sleep(LOCK_INTERVAL),
            opened => return Ok(opened?),
        }
    }
}

/// The image registry is at the address of the AWS endpoint.
fn registry_address(listener: &TcpListener) -> Result<String> {
    Ok(listener.local_addr().context("could not read the endpoint's address")?.to_string())
}

fn assemble(
    home: &Home,
    credentials: &Credentials,
    (scale, listen): (TimeScale, IpAddr),
    containers: ContainerEngineOptions,
    registry: &str,
    journal: Arc<SqliteJournal>,
    threads: &tokio::runtime::Handle,
) -> Result<Engine> {
    let inbox = Arc::new(Inbox::default());
    let (tasks, balancing, answers) = (Arc::clone(&inbox), Arc::clone(&inbox), Arc::clone(&inbox));
    let hooks =
        LocalFunctions::new(home.functions_file(), threads.clone(), Arc::new(move |report| answers.hook(report)));
    let reports = Arc::new(move |report| tasks.task(report));
    let runtime = ProcessRuntime::open_with(home.path(), supervisor_command()?, containers, reports)?;
    let proxy = ProxySettings { directory: home.proxy(), command: proxy_command()? };
    let balancer = ProxyBalancer::start(proxy, Arc::new(move |report| balancing.balancer(report)))
        .context("could not start the data plane")?;
    let machine = Machine {
        runtime: Arc::new(runtime),
        balancer: Arc::new(balancer),
        hooks: Arc::new(hooks),
        journal,
        clock: Arc::new(SystemClock),
        vault: Arc::new(FileVault::new(home.sealing_key_file())),
        entropy: Box::new(draw_bits),
    };
    let settings = EngineSettings {
        scope: credentials.scope(),
        scale,
        listen,
        registry: registry.to_owned(),
        task_environment: task_environment()?,
    };
    Ok(Engine::start(machine, settings, inbox)?)
}

/// How the data plane is started: as this very program. A weight of zero ends every pin to a version, so that a rollback reaches everybody.
fn proxy_command() -> Result<ProxyCommand> {
    let mut command = ProxyCommand::this_program("proxy")?;
    command.arguments.extend(["--pins", "while-serving"].map(Into::into));
    Ok(command)
}

/// How supervisors are started: as this very program, even when its file has been replaced since.
pub fn supervisor_command() -> Result<SupervisorCommand> {
    let itself = PathBuf::from("/proc/self/exe");
    let program = if itself.exists() { itself } else { std::env::current_exe()? };
    Ok(SupervisorCommand { program, arguments: vec!["supervise".into()] })
}

/// The directory of this binary comes first on the path of tasks, so that `seatrial demo-app` is found.
fn task_environment() -> Result<BTreeMap<String, String>> {
    let program = std::env::current_exe().context("could not find this program's own file")?;
    let own = program.parent().map(PathBuf::from).unwrap_or_default();
    let path = std::env::var("PATH").unwrap_or_else(|_| PATH_DEFAULT.to_owned());
    Ok(BTreeMap::from([("PATH".to_owned(), format!("{}:{path}", own.display()))]))
}

fn draw_bits() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gave random numbers when the engine started");
    u128::from_ne_bytes(bytes)
}

async fn serve(
    home: &Home,
    engine: &Engine,
    credentials: &Credentials,
    listener: TcpListener,
    container_engine: Option<PathBuf>,
) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
    let port = listener.local_addr().context("could not read the endpoint's address")?.port();
    let EngineSettings { scale: time_scale, listen, .. } = *engine.settings();
    Settings { port: Some(port), time_scale, listen, container_engine }.save(home)?;
    let storage = Storage::open(&home.registry(), engine.now()).context("could not open the image registry")?;
    let caretaker = Caretaker::new(engine.clone(), storage.clone());
    let front = Arc::new(front(engine, credentials, storage)?);
    announce(home, port, engine)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; tasks and the data plane go on");
    };
    let unpacked = ImageDirectories::of(home.path()).unpacked;
    let caring = tokio::spawn(look_after(caretaker, unpacked, time_scale.apply(PASS_INTERVAL)));
    front.serve(listener, stop).await;
    caring.abort();
    let _ = std::fs::remove_file(home.process_file());
    Ok(())
}

/// Looks after the image registry and what was unpacked of it, at the start and from time to time. A pass that fails is made again at the
/// next time.
async fn look_after(caretaker: Caretaker, unpacked: PathBuf, interval: Duration) {
    loop {
        let directory = unpacked.clone();
        match tokio::task::spawn_blocking(move || forget_unpacked(&directory)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not remove unpacked images that nobody uses"),
            Err(panic) => tracing::error!(%panic, "removing unpacked images failed"),
        }
        let caretaker = caretaker.clone();
        match tokio::task::spawn_blocking(move || caretaker.pass()).await {
            Ok(Ok(pass)) if pass.is_empty() => {}
            Ok(Ok(pass)) => tracing::info!(?pass, "looked after the image registry"),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not look after the image registry")
            }
            Err(panic) => tracing::error!(%panic, "looking after the image registry failed"),
        }
        tokio::time::sleep(interval).await;
    }
}

/// Removes the files of images that no task has been started from for a while.
fn forget_unpacked(directory: &Path) -> std::io::Result<()> {
    let swept = Cache::new(directory)?.sweep(UNPACKED_KEPT, SystemTime::now())?;
    if !swept.removed.is_empty() {
        tracing::info!(removed = ?swept.removed, "removed unpacked images");
    }
    for (image, error) in swept.failed {
        tracing::warn!(%image, %error, "could not remove an unpacked image");
    }
    Ok(())
}

/// Refuses an address on which no load balancer of this machine could listen.
fn check_listen(address: IpAddr) -> Result<()> {
    if let Err(error) = std::net::TcpListener::bind((address, 0)) {
        let instead = "`ip -brief address` shows those of this machine, and 0.0.0.0 is all of them";
        anyhow::bail!("load balancers cannot listen on {address}: {error}; give --listen another address: {instead}");
    }
    if !address.is_loopback() {
        tracing::warn!(%address, "load balancers can be reached from other machines");
    }
    Ok(())
}

/// Listens on the wanted port, or else on the last one, the usual one, or any, whichever is free first.
fn bind(wanted: Option<u16>, last: Option<u16>) -> Result<TcpListener> {
    if let Some(port) = wanted {
        return listen(port).with_context(|| {
            format!("could not listen on 127.0.0.1:{port}; choose another port with `seatrial engine start --port`")
        });
    }
    let tried = last.into_iter().chain([PORT_DEFAULT]).find_map(|port| listen(port).ok());
    tried.map_or_else(|| listen(0), Ok).context("could not listen on any port of 127.0.0.1")
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // The port of an engine that was killed is free again at once.
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

fn front(engine: &Engine, credentials: &Credentials, storage: Storage) -> Result<Front> {
    let principal = Principal {
        account: credentials.account.clone(),
        arn: Arn::new(format!("arn:aws:iam::{}:user/seatrial", credentials.account)),
        user_id: "AIDASEATRIAL".to_owned(),
    };
    let identity = Identity {
        access_key_id: AccessKeyId::parse(&credentials.access_key_id).context("the stored access key id is damaged")?,
        credential: Credential {
            secret: SecretAccessKey::new(credentials.secret_access_key.clone()),
            session_token: None,
        },
        principal,
    };
    let clock = Arc::new(|| SystemClock.now());
    let region = credentials.region.clone();
    let front = Front::new(region, Identities::new([identity]), AllowedHosts::loopback(), clock, Limits::default())?
        .with_time_scale(engine.settings().scale);
    let catalog = Arc::new(EngineCatalog::new(engine.clone()));
    let ecr = Ecr::new(engine.clone(), storage.clone(), engine.settings().registry.clone());
    Ok(front
        .with_registry(Registry::new(storage, catalog))
        .with_service(Service::ApplicationAutoScaling, Arc::new(ApplicationAutoScaling::new(engine.clone())))
        .with_service(Service::Ecr, Arc::new(ecr))
        .with_service(Service::CloudWatch, Arc::new(CloudWatch::new(engine.clone())))
        .with_service(Service::Ecs, Arc::new(Ecs::new(engine.clone())))
        .with_service(Service::Elbv2, Arc::new(Elbv2::new(engine.clone())))
        .with_service(Service::Logs, Arc::new(Logs::new(engine.clone())))
        .with_service(Service::SecretsManager, Arc::new(SecretsManager::new(engine.clone())))
        .with_service(Service::Ssm, Arc::new(Ssm::new(engine.clone())))
        .with_service(Service::Sts, Arc::new(Sts)))
}

/// Tells other commands where this engine is; written whole or not at all.
fn announce(home: &Home, port: u16, engine: &Engine) -> Result<()> {
    let process = EngineProcess {
        process_id: std::process::id(),
        port,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: engine.now().as_millis(),
        time_scale: engine.settings().scale.factor(),
        listen: engine.settings().listen,
    };
    files::replace(&home.process_file(), &serde_json::to_vec_pretty(&process)?)?;
    tracing::info!(port, process_id = process.process_id, "the engine is ready");
    Ok(())
}
