//! Load on a proxy: `seatrial load` on the second core.

use std::path::Path;
use std::time::Duration;

use crate::proxies::{OTHER_CORE, SEATRIAL};
use crate::support::machine::pinned;

/// Connections at most; at these rates fewer are needed.
const CONNECTIONS: &str = "64";

/// What became of a load.
pub struct Load {
    pub answered: u64,
    pub failed: u64,
    /// From the scheduled start of a request to the end of its answer.
    pub p99_milliseconds: f64,
}

/// Makes load at a rate for some time, on a path and as more arguments say.
pub fn run(port: u16, (path, more): (&str, &[&str]), rate: u32, length: Duration) -> Load {
    let mut command = pinned(OTHER_CORE, Path::new(SEATRIAL));
    command.args(["load", &format!("http://127.0.0.1:{port}{path}"), "--output", "json", "--connections", CONNECTIONS]);
    command.args(["--rate", &rate.to_string(), "--duration", &format!("{}s", length.as_secs())]);
    let output = command.args(more).output().expect("the load generator can be started");
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error} in {output:?}"));
    Load {
        answered: report["requests"]["answered"].as_u64().expect("the report counts answers"),
        failed: report["requests"]["failed"].as_u64().expect("the report counts failures"),
        p99_milliseconds: report["latency"]["corrected"]["p99_us"].as_f64().unwrap_or(f64::NAN) / 1000.0,
    }
}
