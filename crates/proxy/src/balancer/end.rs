//! Owns ending the proxy of a directory whose engine is gone.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::control::message::ToProxy;
use crate::control::socket;
use crate::control::wire::split;
use crate::limits::PROXY_CONNECT_RETRY;

/// Ends the proxy of a directory and every connection with it; tells whether none is left after `patience`.
///
/// For when no engine is there to do it: a running engine would start another.
pub fn end_proxy(directory: &Path, patience: Duration) -> io::Result<bool> {
    if !directory.exists() {
        return Ok(true);
    }
    let began = Instant::now();
    while socket::lock(directory)?.is_none() {
        if began.elapsed() > patience {
            return Ok(false);
        }
        // A proxy that is just starting has no socket yet, and one that is just ending has none any more.
        if let Ok(stream) = socket::connect(directory) {
            let (sender, _receiver) = split(stream)?;
            let _ = sender.send(&ToProxy::Stop, None);
        }
        thread::sleep(PROXY_CONNECT_RETRY);
    }
    Ok(true)
}
