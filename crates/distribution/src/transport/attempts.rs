//! Attempts: how often something is tried again, and after which pause.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::DistributionError;
use crate::options::Patience;

/// The attempts at one thing.
#[derive(Debug)]
pub(crate) struct Attempts {
    patience: Patience,
    failed: u32,
}

impl Attempts {
    pub fn new(patience: &Patience) -> Self {
        Attempts { patience: patience.clone(), failed: 0 }
    }

    /// Waits until the next attempt is due, or gives the failure back when there is to be none.
    pub async fn fail(&mut self, error: DistributionError) -> Result<(), DistributionError> {
        self.failed += 1;
        let Some(pause) = self.pause(&error, draw()) else { return Err(error) };
        tracing::debug!(error = error.tell(), pause_ms = pause.as_millis(), "trying again");
        sleep(pause).await;
        Ok(())
    }

    /// Counts a failure after which waiting is of no use.
    pub fn count(&mut self, error: DistributionError) -> Result<(), DistributionError> {
        self.failed += 1;
        if self.failed >= self.patience.attempts_max { Err(error) } else { Ok(()) }
    }

    /// Forgets the failures so far: something was achieved since.
    pub fn succeed(&mut self) {
        self.failed = 0;
    }

    /// Returns the pause before the next attempt: twice the last one, less up to a quarter, so that those who failed together do not
    /// come back together; or what the registry asks for.
    fn pause(&self, error: &DistributionError, random: u8) -> Option<Duration> {
        let is_over = self.failed >= self.patience.attempts_max;
        if is_over || !error.can_heal() {
            return None;
        }
        let doubled = self.patience.pause_first.saturating_mul(2u32.saturating_pow(self.failed - 1));
        let own = doubled.min(self.patience.pause_max);
        let own = own - own / 4 * u32::from(random) / 256;
        match error.retry_after() {
            Some(wanted) if wanted > self.patience.pause_max => None,
            Some(wanted) => Some(wanted.max(own)),
            None => Some(own),
        }
    }
}

/// Draws a number. Without a source of random numbers, all pauses are at their longest.
fn draw() -> u8 {
    let mut byte = [0];
    match getrandom::fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn unavailable(retry_after: Option<u64>) -> DistributionError {
        DistributionError::Unavailable {
            host: "a.io".to_owned(),
            doing: "push".to_owned(),
            status: StatusCode::SERVICE_UNAVAILABLE,
            said: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn pause(failed: u32, error: &DistributionError, random: u8) -> Option<u128> {
        Attempts { patience: Patience::default(), failed }.pause(error, random).map(|pause| pause.as_millis())
    }

    #[test]
    fn pauses_double_and_end() {
        let pauses: Vec<_> = (1..=5).map(|failed| pause(failed, &unavailable(None), 0)).collect();
        assert_eq!(pauses, [Some(500), Some(1000), Some(2000), Some(4000), None]);
        assert_eq!(pause(1, &unavailable(None), 255), Some(375), "a quarter is left to chance");
    }

    #[test]
    fn a_registry_is_left_alone_as_long_as_it_asks_unless_that_is_too_long() {
        assert_eq!(pause(1, &unavailable(Some(30)), 0), Some(30_000));
        assert_eq!(pause(2, &unavailable(Some(0)), 0), Some(1000));
        assert_eq!(pause(1, &unavailable(Some(3600)), 0), None);
    }

    #[test]
    fn what_cannot_heal_is_not_tried_again() {
        let refused = DistributionError::Refused {
            host: "a.io".to_owned(),
            doing: "push".to_owned(),
            status: StatusCode::BAD_REQUEST,
            said: String::new(),
        };
        assert_eq!(pause(1, &refused, 0), None);
    }
}
