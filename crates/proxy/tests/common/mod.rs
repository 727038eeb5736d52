//! What the tests of the proxy share: a data plane in this process, upstream servers, and clients that see every byte.
#![allow(dead_code, clippy::unwrap_used)]

pub mod client;
pub mod fixture;
pub mod process;
pub mod upstream;

use std::future::Future;
use std::time::Duration;

/// No condition takes longer than this, however loaded the machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a condition holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits for a future, but not forever.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}
