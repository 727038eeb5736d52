//! The open port: accepting, and the order of stopping.
//!
//! On the stop signal, connections accepted before it finish what is in flight
//! (HTTP/1 answers then say `connection: close`, HTTP/2 sends GOAWAY,
//! WebSockets Close 1001). Until they have, the port stays open, so that a
//! client that did not know yet is still served; only then the port is closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::app::App;
use crate::args::DemoArgs;
use crate::connection::{Arrival, spawn};
use crate::exit::{DemoError, DemoExit};
use crate::log::Log;
use crate::phase::{Phase, Phases};
use crate::signals::Stops;

/// Pause after a failed accept: the cause (no file descriptors left) needs time to pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Most connections taken from the backlog while the port is being closed: the
/// size of the backlog itself.
const MAX_BACKLOG: usize = 1024;

/// Longest wait for tasks to drop their connections once they were told to.
const CUT_WAIT: Duration = Duration::from_secs(1);

/// The service with its port open.
pub(crate) struct Server {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    phase: watch::Sender<Phase>,
}

impl Server {
    /// Opens the port. Must be called within a tokio runtime.
    pub(crate) async fn open(args: DemoArgs, log: Arc<Log>) -> Result<Server, DemoError> {
        let refused = |source| DemoError::Listen { host: args.host.clone(), port: args.port, source };
        let listener = TcpListener::bind((args.host.as_str(), args.port)).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (phase, phases) = Phases::new();
        log.line(format_args!("ready: listening on http://{address}"));
        Ok(Server { app: Arc::new(App::new(args, log, phases)), listener, address, phase })
    }

    /// Returns the address listened on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until a stop signal or an ordered end.
    pub(crate) async fn run(self, mut stops: Stops) -> DemoExit {
        let Server { app, listener, address: _, phase } = self;
        let ordered = DemoExit::Ordered(app.args.exit_code);
        let exit = tokio::select! {
            () = accept_forever(&app, &listener, Arrival::Early) => unreachable!("accepting does not end by itself"),
            stop = stops.next() => {
                let limit = app.args.drain;
                let open = app.early.open();
                app.log.line(format_args!("stopping: {stop}, {open} connections open, at most {limit:?} to finish"));
                phase.send_replace(Phase::Draining);
                drain_within(limit, &app, listener, &mut stops).await
            }
            () = after(app.args.exit_after) => ordered,
            () = app.crash.notified() => ordered,
        };
        phase.send_replace(Phase::Cut);
        // Tasks that do not end in time are dropped with the runtime.
        let _ = tokio::time::timeout(CUT_WAIT, all_closed(&app)).await;
        exit
    }
}

async fn accept_forever(app: &Arc<App>, listener: &TcpListener, arrival: Arrival) {
    loop {
        if !take(app, listener.accept().await, arrival) {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

/// Leaves an accepted connection to a task of its own; false when there is none.
fn take(app: &Arc<App>, accepted: io::Result<(TcpStream, SocketAddr)>, arrival: Arrival) -> bool {
    match accepted {
        Ok((stream, peer)) => {
            spawn(app, stream, peer, arrival);
            true
        }
        Err(error) => {
            app.log.error(format_args!("cannot accept a connection: {error}"));
            false
        }
    }
}

async fn drain_within(limit: Duration, app: &Arc<App>, listener: TcpListener, stops: &mut Stops) -> DemoExit {
    tokio::select! {
        () = drain(app, listener) => DemoExit::Drained,
        () = tokio::time::sleep(limit) => DemoExit::DrainTimeOver(app.early.open() + app.late.open()),
        () = stops.interrupt() => DemoExit::Interrupted,
        () = app.crash.notified() => DemoExit::Ordered(app.args.exit_code),
    }
}

/// Finishes what is in flight, in the order described at the top of this file.
async fn drain(app: &Arc<App>, listener: TcpListener) {
    tokio::select! {
        () = accept_forever(app, &listener, Arrival::Late) => {}
        () = app.early.none_open() => {}
    }
    for _ in 0..MAX_BACKLOG {
        match listener.accept().now_or_never() {
            Some(accepted) => take(app, accepted, Arrival::Late),
            None => break,
        };
    }
    drop(listener);
    app.late.none_open().await;
}

async fn all_closed(app: &App) {
    app.early.none_open().await;
    app.late.none_open().await;
}

async fn after(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
}
