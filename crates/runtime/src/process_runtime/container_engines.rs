//! What is known of the container engine: found when a task first wants it, looked after from then on, and never waited for by whoever
//! only asks where a task would be reached.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seatrial_model::TaskId;
use seatrial_ports::runtime::{ContainerAddress, RuntimeError};
use tokio::runtime::Handle;

use crate::container_engine::{
    ContainerEngineOptions, ContainerPlace, EngineError, Found, Network, Reach, find, has_identity, identity,
    remove_images, remove_of_home,
};

/// How long the first question waits for the search: an engine that is there answers in milliseconds, and makes a network within this.
const FIRST_SEARCH_LIMIT: Duration = Duration::from_secs(3);

/// How old an answer may be until it is looked whether it is still right.
const FRESH: Duration = Duration::from_secs(2);

/// How long an engine that is known may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// How long a search may take altogether.
const SEARCH_LIMIT: Duration = Duration::from_secs(20);

/// Tells whether a task has no supervisor, so that no container of it may be.
type IsOver = Arc<dyn Fn(&TaskId) -> bool + Send + Sync>;

/// The container engine as one home knows it.
pub(super) struct ContainerEngines {
    shared: Arc<Search>,
}

struct Search {
    options: ContainerEngineOptions,
    home: PathBuf,
    is_over: IsOver,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    known: Option<(Result<Site, String>, Instant)>,
    /// When the search began that is going on.
    searching_since: Option<Instant>,
    last_address: Option<IpAddr>,
}

/// Where containers can be.
#[derive(Clone, Debug, PartialEq)]
struct Site {
    place: ContainerPlace,
    /// None where ports are published.
    network: Option<Network>,
}

impl ContainerEngines {
    pub fn new(options: ContainerEngineOptions, home: PathBuf, is_over: IsOver) -> Self {
        let state = Mutex::new(State { known: None, searching_since: None, last_address: None });
        ContainerEngines { shared: Arc::new(Search { options, home, is_over, state, changed: Condvar::new() }) }
    }

    /// Finds an address for a task, from what is known. Only the first time it waits for the search.
    pub fn address(&self, executor: &Handle, taken: &dyn Fn(IpAddr) -> bool) -> Result<ContainerAddress, RuntimeError> {
        self.refresh(executor);
        let state = self.shared.state();
        let unknown = |state: &mut State| state.known.is_none() && state.searching_since.is_some();
        let so_far = state.searching_since.map(|since| since.elapsed()).unwrap_or_default();
        let waited = self.shared.changed.wait_timeout_while(state, FIRST_SEARCH_LIMIT.saturating_sub(so_far), unknown);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let site = match &state.known {
            Some((Ok(site), _)) => site,
            Some((Err(why), _)) => return Err(RuntimeError::NoContainerEngine(why.clone())),
            None => return Err(RuntimeError::NoContainerEngine("it is still being looked for; try again".to_owned())),
        };
        let Some(network) = site.network else { return Ok(ContainerAddress::Published) };
        let address = network.free_address(state.last_address, taken).ok_or_else(|| {
            let name = site.place.network();
            RuntimeError::NoContainerEngine(format!("every address of the network {name} is taken; stop tasks"))
        })?;
        state.last_address = Some(address);
        Ok(ContainerAddress::Own(address))
    }

    /// Finds where the containers of a task that is about to start are to be.
    pub async fn place(&self) -> Result<ContainerPlace, String> {
        if let Some((Ok(site), since)) = &self.shared.state().known
            && since.elapsed() < FRESH
        {
            return Ok(site.place.clone());
        }
        let found = self.shared.search().await;
        self.shared.learn(found.clone()).await;
        found.map(|site| site.place)
    }

    /// Looks again, on a thread of the executor, when what is known is old.
    fn refresh(&self, executor: &Handle) {
        let mut state = self.shared.state();
        let is_fresh = state.known.as_ref().is_some_and(|(_, since)| since.elapsed() < FRESH);
        if is_fresh || state.searching_since.is_some() {
            return;
        }
        state.searching_since = Some(Instant::now());
        let search = Arc::clone(&self.shared);
        executor.spawn(async move {
            let found = search.search().await;
            search.learn(found).await;
        });
    }
}

/// Tells whether an engine that has been found is one still. One that is slow is.
async fn is_still_there(place: &ContainerPlace) -> bool {
    match place.client().within(PING_LIMIT).get("/_ping").await {
        Err(EngineError::Unreachable { .. }) => false,
        Ok(_) | Err(_) => true,
    }
}

/// Removes every container, the images and the network of a home whose tasks have all ended, if it ever had any.
pub(super) async fn remove_all(options: &ContainerEngineOptions, home: &Path) -> Result<(), String> {
    if !has_identity(home) {
        return Ok(());
    }
    let Found { socket, .. } = find(options).await?;
    let home = identity(home).map_err(|error| format!("{}: {error}", home.display()))?;
    let place = ContainerPlace { socket, home };
    remove_of_home(&place, |_| true).await.map_err(|error| error.to_string())?;
    remove_images(&place).await.map_err(|error| error.to_string())?;
    Network::remove(&place).await.map_err(|error| error.to_string())
}

impl Search {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn search(&self) -> Result<Site, String> {
        match tokio::time::timeout(SEARCH_LIMIT, self.find()).await {
            Ok(found) => found,
            Err(_) => Err(format!("it did not answer within {} s", SEARCH_LIMIT.as_secs())),
        }
    }

    async fn find(&self) -> Result<Site, String> {
        let known = self.state().known.as_ref().and_then(|(site, _)| site.as_ref().ok().cloned());
        if let Some(site) = known
            && is_still_there(&site.place).await
        {
            return self.at(site.place.socket, site.network.map_or(Reach::Published, |_| Reach::Own)).await;
        }
        let Found { socket, reach } = find(&self.options).await?;
        self.at(socket, reach).await
    }

    /// The home's part of an engine; its network is made unless it is there.
    async fn at(&self, socket: PathBuf, reach: Reach) -> Result<Site, String> {
        let home = identity(&self.home).map_err(|error| format!("{}: {error}", self.home.display()))?;
        let place = ContainerPlace { socket, home };
        let network = match reach {
            Reach::Published => None,
            Reach::Own => {
                let network = Network::ensure(&place, &self.home).await;
                Some(network.map_err(|error| format!("it could not make the network {}: {error}", place.network()))?)
            }
        };
        Ok(Site { place, network })
    }

    /// Takes note of what was found. An engine that has just come, or come back, may have containers of tasks that are over.
    async fn learn(&self, found: Result<Site, String>) {
        let new = {
            let mut state = self.state();
            let former = state.known.take().and_then(|(former, _)| former.ok());
            let new = found.clone().ok().filter(|site| former.as_ref() != Some(site));
            state.known = Some((found, Instant::now()));
            state.searching_since = None;
            self.changed.notify_all();
            new
        };
        if let Some(site) = new
            && let Err(error) = remove_of_home(&site.place, |task| (self.is_over)(task)).await
        {
            tracing::warn!(%error, "containers of ended tasks may be left behind");
        }
    }
}
