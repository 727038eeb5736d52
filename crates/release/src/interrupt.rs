//! Somebody's wish to stop watching (Ctrl-C). It never stops what ECS is doing.

use tokio::sync::watch;

/// The side that asks.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<bool>);

/// The side that is asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

/// A connected pair.
pub fn interrupt() -> (Interrupter, Interrupt) {
    let (sender, receiver) = watch::channel(false);
    (Interrupter(sender), Interrupt(receiver))
}

impl Interrupter {
    /// Asks to stop at the next opportunity.
    pub fn interrupt(&self) {
        self.0.send_replace(true);
    }
}

impl Interrupt {
    /// An interrupt that never comes.
    pub fn never() -> Self {
        let (sender, receiver) = watch::channel(false);
        drop(sender);
        Self(receiver)
    }

    /// Whether somebody asked.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Sleeps, unless or until somebody asks; tells whether somebody did.
    pub(crate) async fn sleep(&mut self, duration: std::time::Duration) -> bool {
        self.wait(tokio::time::sleep(duration)).await
    }

    /// Waits for something, unless or until somebody asks; tells whether somebody did.
    pub(crate) async fn wait(&mut self, something: impl Future<Output = ()>) -> bool {
        if self.is_raised() {
            return true;
        }
        tokio::select! {
            () = something => self.is_raised(),
            () = self.raised() => true,
        }
    }

    /// Completes when somebody asks, and never when nobody can any more.
    pub async fn raised(&mut self) {
        if self.0.wait_for(|raised| *raised).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_sleep_ends_when_somebody_interrupts_it() {
        let (interrupter, mut interrupt) = interrupt();
        interrupter.interrupt();
        assert!(interrupt.sleep(Duration::from_secs(3600)).await);
        assert!(interrupt.is_raised());
    }

    #[tokio::test]
    async fn a_sleep_that_nobody_can_interrupt_lasts() {
        assert!(!Interrupt::never().sleep(Duration::from_millis(1)).await);
    }
}
