//! Counts what is open, and waits until nothing is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The number of things now open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    open: AtomicUsize,
    none_open: Notify,
}

/// One open thing; dropping it closes it.
#[derive(Debug)]
pub(crate) struct Held(Arc<Inner>);

impl Gauge {
    /// Counts one more until the returned guard is dropped.
    pub(crate) fn hold(&self) -> Held {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        Held(Arc::clone(&self.0))
    }

    /// Returns how many are open now.
    pub(crate) fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    /// Waits until none is open.
    pub(crate) async fn none_open(&self) {
        loop {
            let notified = self.0.none_open.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.none_open.notify_waiters();
        }
    }
}
