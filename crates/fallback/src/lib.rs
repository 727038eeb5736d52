//! The server that stands in for a service whose image is not there yet.

/// The program: statically linked, for the operating system and architecture that this crate is compiled for. None where that is not Linux.
pub const SERVER: Option<&[u8]> = if BYTES.is_empty() { None } else { Some(BYTES) };

const BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/server"));

/// What the server reads from its environment beside `PORT`: the path that is answered with 200.
pub const HEALTH_PATH_VARIABLE: &str = "FALLBACK_HEALTH_PATH";
/// And the name that its page shows.
pub const SERVICE_VARIABLE: &str = "FALLBACK_SERVICE";
