//! Stop signals: where they come from and which of them count.

use std::fmt;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::exit::DemoError;
use crate::log::Log;

/// Signals waiting to be looked at; more than this are the same as this many.
const WAITING_SIGNALS: usize = 8;

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// SIGTERM, from whoever runs the service.
    Terminate,
    /// SIGINT, from a terminal.
    Interrupt,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stop::Terminate => "SIGTERM",
            Stop::Interrupt => "SIGINT",
        })
    }
}

/// The stop signals of one run of the service.
#[derive(Debug)]
pub(crate) struct Stops {
    signals: mpsc::Receiver<Stop>,
    /// Where an ignored SIGTERM is noted, when SIGTERM is to be ignored.
    terminate_ignored: Option<Arc<Log>>,
}

impl Stops {
    /// Makes stop signals that are sent by hand.
    pub(crate) fn by_hand() -> (mpsc::Sender<Stop>, Stops) {
        let (sender, receiver) = mpsc::channel(WAITING_SIGNALS);
        (sender, Stops { signals: receiver, terminate_ignored: None })
    }

    /// Listens for the process's signals from now on.
    pub(crate) fn of_process() -> Result<Stops, DemoError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(DemoError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(DemoError::Signals)?;
        let (sender, stops) = Stops::by_hand();
        tokio::spawn(async move {
            loop {
                let stop = tokio::select! {
                    _ = terminate.recv() => Stop::Terminate,
                    _ = interrupt.recv() => Stop::Interrupt,
                    () = sender.closed() => return,
                };
                // A full queue already holds a reason to stop.
                let _ = sender.try_send(stop);
            }
        });
        Ok(stops)
    }

    /// Makes SIGTERM nothing but a line in the log from now on.
    pub(crate) fn ignore_terminate(&mut self, log: Arc<Log>) {
        self.terminate_ignored = Some(log);
    }

    /// Waits for the next signal. Without a sender there is none.
    pub(crate) async fn next(&mut self) -> Stop {
        loop {
            match (self.signals.recv().await, &self.terminate_ignored) {
                (Some(Stop::Terminate), Some(log)) => log.line("SIGTERM ignored, as ordered"),
                (Some(stop), _) => return stop,
                (None, _) => std::future::pending().await,
            }
        }
    }

    /// Waits for a SIGINT; a repeated SIGTERM asks for what is already being done.
    pub(crate) async fn interrupt(&mut self) {
        while self.next().await != Stop::Interrupt {}
    }
}
