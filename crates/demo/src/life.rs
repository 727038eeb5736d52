//! The life of the service from start to exit: boot delay, open port, end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::args::DemoArgs;
use crate::exit::{DemoError, DemoExit};
use crate::log::Log;
use crate::server::Server;
use crate::signals::{Stop, Stops};

/// Runs the demonstration service until it is stopped by SIGTERM or SIGINT, or
/// ends as its options order. The caller ends the process with
/// [`DemoExit::code`], at once, so that a crash is one.
///
/// # Errors
/// When the signals cannot be listened for or the port cannot be opened.
pub async fn serve(args: DemoArgs) -> Result<DemoExit, DemoError> {
    let stops = Stops::of_process()?;
    live(args, stops, None).await
}

/// The service running inside another program, for tests: it is told to stop
/// by method calls and hears no signals. Dropping it cuts everything off, as
/// SIGKILL would.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    stop: mpsc::Sender<Stop>,
    life: JoinHandle<Result<DemoExit, DemoError>>,
}

impl Demo {
    /// Starts the service and waits until its port is open. Port 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be opened, or when the options end the service before that.
    pub async fn start(args: DemoArgs) -> Result<Demo, DemoError> {
        let (stop, stops) = Stops::by_hand();
        let (ready, address) = oneshot::channel();
        let life = tokio::spawn(live(args, stops, Some(ready)));
        match address.await {
            Ok(address) => Ok(Demo { address, stop, life }),
            Err(_never_ready) => match life.await.expect("the service does not panic") {
                Ok(exit) => Err(DemoError::EndedBeforeReady(exit)),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns the address listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path of the service; the path begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Does what SIGTERM does, without waiting for it.
    pub fn terminate(&self) {
        // Nobody listening means that the service is ending already.
        let _ = self.stop.try_send(Stop::Terminate);
    }

    /// Waits until the service has ended.
    ///
    /// # Errors
    /// What [`serve`] returns.
    pub async fn wait(mut self) -> Result<DemoExit, DemoError> {
        (&mut self.life).await.expect("the service does not panic")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.life.abort();
    }
}

async fn live(
    args: DemoArgs,
    mut stops: Stops,
    ready: Option<oneshot::Sender<SocketAddr>>,
) -> Result<DemoExit, DemoError> {
    let log = Arc::new(Log::new(&args.version));
    log.line(format_args!("start: the port opens in {:?}", args.boot_delay));
    if args.ignore_sigterm {
        stops.ignore_terminate(Arc::clone(&log));
    }
    let exit = match before_port(&args, &mut stops).await {
        Some(exit) => exit,
        None => {
            let server = Server::open(args, Arc::clone(&log)).await?;
            if let Some(ready) = ready {
                // Nobody waiting for the address is no reason not to serve.
                let _ = ready.send(server.address());
            }
            server.run(stops).await
        }
    };
    log.line(format_args!("stop: exit code {}, {exit}", exit.code()));
    Ok(exit)
}

/// Waits out the boot delay; returns an exit when the service ends within it.
async fn before_port(args: &DemoArgs, stops: &mut Stops) -> Option<DemoExit> {
    if let Some(code) = args.exit_at_start {
        return Some(DemoExit::Ordered(code));
    }
    tokio::select! {
        biased;
        stop = stops.next() => Some(match stop {
            Stop::Terminate => DemoExit::TerminatedDuringBoot,
            Stop::Interrupt => DemoExit::Interrupted,
        }),
        () = tokio::time::sleep(args.boot_delay) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FOREVER: Duration = Duration::from_secs(3600);

    fn free_port() -> DemoArgs {
        DemoArgs { port: 0, ..DemoArgs::default() }
    }

    #[tokio::test]
    async fn sigterm_during_the_boot_delay_ends_the_service_at_once_with_143() {
        let (stop, stops) = Stops::by_hand();
        stop.send(Stop::Terminate).await.expect("the service listens");
        let exit = live(DemoArgs { boot_delay: FOREVER, ..free_port() }, stops, None).await;
        assert_eq!(exit.expect("no error").code(), 143);
    }

    #[tokio::test]
    async fn ordered_exit_at_start_comes_before_the_boot_delay() {
        let args = DemoArgs { exit_at_start: Some(7), boot_delay: FOREVER, ..free_port() };
        let error = Demo::start(args).await.expect_err("ends before it is ready");
        assert!(matches!(error, DemoError::EndedBeforeReady(DemoExit::Ordered(7))), "{error}");
    }

    #[tokio::test]
    async fn ignored_sigterm_leaves_the_service_running() {
        let (stop, stops) = Stops::by_hand();
        stop.send(Stop::Terminate).await.expect("the service listens");
        let args =
            DemoArgs { ignore_sigterm: true, exit_after: Some(Duration::from_millis(10)), exit_code: 9, ..free_port() };
        let exit = live(args, stops, None).await.expect("no error");
        assert_eq!(exit, DemoExit::Ordered(9));
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error_that_names_it() {
        let demo = Demo::start(free_port()).await.expect("a free port");
        let taken = DemoArgs { port: demo.address().port(), ..DemoArgs::default() };
        let error = Demo::start(taken).await.expect_err("the port is taken");
        assert_eq!(error.to_string(), format!("cannot listen on {}", demo.address()));
    }
}
