//! How the demonstration service ends, and what keeps it from starting.

use std::fmt;
use std::io;

/// How the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoExit {
    /// Stopped by a signal after everything in flight was finished.
    Drained,
    /// Stopped by a signal; this many connections were still busy when the
    /// drain time was over and were cut off.
    DrainTimeOver(usize),
    /// SIGTERM before the port was open.
    TerminatedDuringBoot,
    /// SIGINT before the port was open, or a second time.
    Interrupted,
    /// Ended as its options ordered, with this exit code.
    Ordered(u8),
}

impl DemoExit {
    /// Returns the exit code of the process.
    ///
    /// A stop that got as far as draining is a clean one: 0. A service that is
    /// told to stop before it was up has nothing to finish and reports the
    /// signal, by the shell's convention: 128 + 15 for SIGTERM, 128 + 2 for
    /// SIGINT.
    pub fn code(self) -> u8 {
        match self {
            DemoExit::Drained | DemoExit::DrainTimeOver(_) => 0,
            DemoExit::TerminatedDuringBoot => 128 + 15,
            DemoExit::Interrupted => 128 + 2,
            DemoExit::Ordered(code) => code,
        }
    }
}

impl fmt::Display for DemoExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DemoExit::Drained => f.write_str("everything in flight was finished"),
            DemoExit::DrainTimeOver(cut) => write!(f, "drain time is over, {cut} connections cut off"),
            DemoExit::TerminatedDuringBoot => f.write_str("SIGTERM during the boot delay"),
            DemoExit::Interrupted => f.write_str("SIGINT"),
            DemoExit::Ordered(_) => f.write_str("as its options order"),
        }
    }
}

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The signal handlers could not be installed.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The port could not be opened.
    #[error("cannot listen on {host}:{port}")]
    Listen {
        /// The host asked for.
        host: String,
        /// The port asked for.
        port: u16,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The service ended before it was ready.
    #[error("the service ended before it was ready: {0}")]
    EndedBeforeReady(DemoExit),
}
