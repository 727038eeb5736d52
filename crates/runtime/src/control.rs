//! The language between an engine and a supervisor: one JSON document a line over a Unix stream socket.
//!
//! The supervisor speaks first, with its current report, and again at every change. A reader that is slow skips reports, never sees
//! half of one. On the socket a supervisor is born with, the values of its task's secrets come before anything else
//! ([`crate::secret_delivery`]). Both sides ignore lines they cannot read, so that engines and supervisors of different versions get along.

use serde::{Deserialize, Serialize};

/// What an engine may ask of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Stop the task. Repeating it is harmless.
    Stop,
}

/// The longest line an engine sends: far above any order.
pub(crate) const ORDER_BYTES_MAX: usize = 4 * 1024;

/// The longest line a supervisor sends: ten containers with their cut-short reasons stay far below.
pub(crate) const REPORT_BYTES_MAX: usize = 256 * 1024;

/// Renders a document as a line.
pub(crate) fn line(document: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(document).expect("reports and orders have string keys only");
    line.push(b'\n');
    line
}
