//! One connection, from its accept to its end.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;

use crate::app::App;
use crate::phase::{Phase, Phases};
use crate::route::{Origin, answer};

/// How long a connection accepted after the stop signal may take to send its
/// one request: it was under way already, so it needs no more than this.
const LATE_REQUEST_WAIT: Duration = Duration::from_millis(250);

/// HTTP/2 streams per connection: the highest number common clients use.
const MAX_HTTP2_STREAMS: u32 = 250;

/// On which side of the stop signal a connection was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Before it: kept alive, until the signal comes.
    Early,
    /// After it: good for one request.
    Late,
}

/// Serves the connection in a task of its own, counted in the gauge of its arrival.
pub(crate) fn spawn(app: &Arc<App>, stream: TcpStream, peer: SocketAddr, arrival: Arrival) {
    let hold = match arrival {
        Arrival::Early => |app: &App| app.early.hold(),
        Arrival::Late => |app: &App| app.late.hold(),
    };
    let held = hold(app);
    let origin = Arc::new(Origin { peer, hold });
    let app = Arc::clone(app);
    tokio::spawn(async move {
        drive(app, stream, origin, arrival).await;
        drop(held);
    });
}

async fn drive(app: Arc<App>, stream: TcpStream, origin: Arc<Origin>, arrival: Arrival) {
    // Without it small answers would wait for acknowledgements; nothing else depends on it.
    let _ = stream.set_nodelay(true);
    let mut phases = app.phases.clone();
    let builder = builder(arrival);
    let service = service_fn({
        let app = Arc::clone(&app);
        move |request| answer(Arc::clone(&app), Arc::clone(&origin), request)
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);

    // The connection is polled first: what has arrived is read before the stop is looked at.
    tokio::select! {
        biased;
        ended = connection.as_mut() => return note(&app, ended),
        () = given_up(arrival, &mut phases) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        ended = connection.as_mut() => note(&app, ended),
        () = phases.reached(Phase::Cut) => {}
    }
}

/// Waits until the connection is no longer to be kept.
async fn given_up(arrival: Arrival, phases: &mut Phases) {
    match arrival {
        Arrival::Early => phases.reached(Phase::Draining).await,
        Arrival::Late => tokio::time::sleep(LATE_REQUEST_WAIT).await,
    }
}

/// Logs a request that could not be understood. Clients that just leave are no error of the service.
fn note(app: &App, ended: Result<(), Box<dyn Error + Send + Sync>>) {
    if let Err(error) = ended
        && error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
    {
        app.log.error(format_args!("malformed request: {error}"));
    }
}

fn builder(arrival: Arrival) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .keep_alive(arrival == Arrival::Early)
        // Idle connections are the clients' to close: a server that closes them
        // first makes every keep-alive client race with it.
        .header_read_timeout(None);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_HTTP2_STREAMS);
    builder
}
