//! The service's log: one line each on standard output for start, ready, stop
//! and each error, the last limited so that a storm of errors stays readable.

use std::fmt;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::values::VersionName;

/// Most error lines per [`ERROR_WINDOW`]: enough to see what is wrong, few
/// enough that logging is never what makes the service slow.
const MAX_ERROR_LINES: u32 = 20;

/// The period in which error lines are counted.
const ERROR_WINDOW: Duration = Duration::from_secs(1);

/// Writes the service's log lines.
#[derive(Debug)]
pub(crate) struct Log {
    prefix: String,
    errors: Mutex<ErrorWindow>,
}

#[derive(Debug)]
struct ErrorWindow {
    began: Instant,
    seen: u32,
}

impl Log {
    /// Makes a log whose lines name the version and the process.
    pub(crate) fn new(version: &VersionName) -> Self {
        Log {
            prefix: format!("demo {version} [{}]", std::process::id()),
            errors: Mutex::new(ErrorWindow { began: Instant::now(), seen: 0 }),
        }
    }

    /// Writes one line about the service's life.
    pub(crate) fn line(&self, text: impl fmt::Display) {
        // A closed standard output is no reason to stop serving.
        let _ = writeln!(std::io::stdout().lock(), "{} {text}", self.prefix);
    }

    /// Writes one line about an error, unless too many were just written.
    pub(crate) fn error(&self, text: impl fmt::Display) {
        let suppressed = {
            let mut window = self.errors.lock().expect("no holder of the error window panics");
            let mut suppressed = 0;
            if window.began.elapsed() >= ERROR_WINDOW {
                suppressed = window.seen.saturating_sub(MAX_ERROR_LINES);
                *window = ErrorWindow { began: Instant::now(), seen: 0 };
            }
            window.seen = window.seen.saturating_add(1);
            if window.seen > MAX_ERROR_LINES {
                return;
            }
            suppressed
        };
        if suppressed > 0 {
            self.line(format_args!("error: {suppressed} more not shown"));
        }
        self.line(format_args!("error: {text}"));
    }
}
