//! How often services are looked at. A look at one is several calls, so that many services together are each looked at more rarely: all looks
//! of this program take a quarter, in the long run, of what AWS allows an account.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Limit};

/// A look is up to four calls about tasks, of which ECS allows 20 a second, and two about the health of targets, of which Elastic Load
/// Balancing allows ten. The first looks at a handful of services need not wait for each other.
const LOOKS: Limit = Limit { burst: 10.0, per_second: 1.2 };
/// To find a deployment takes up to two calls about deployments, of which ECS allows 20 a second; looks and bulletins are such calls, too.
const FINDS: Limit = Limit { burst: 10.0, per_second: 1.0 };

/// The looks of everything that watches through one connection. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looks(Option<Arc<Paces>>);

#[derive(Debug)]
struct Paces {
    looks: Pace,
    finds: Pace,
}

impl Looks {
    /// At AWS.
    pub fn limited() -> Self {
        Looks(Some(Arc::new(Paces { looks: Pace::of(LOOKS), finds: Pace::of(FINDS) })))
    }

    /// At an endpoint on this machine, where a look costs nothing.
    pub fn unlimited() -> Self {
        Looks(None)
    }

    /// Waits until a service may be looked at. Who waits first is first; who gives up has taken nothing.
    pub async fn turn(&self) {
        if let Some(paces) = &self.0 {
            paces.looks.turn().await;
        }
    }

    /// Waits until it may be asked which deployment is under way.
    pub async fn turn_to_find(&self) {
        if let Some(paces) = &self.0 {
            paces.finds.turn().await;
        }
    }

    /// Takes a look that cannot wait for its turn, from those that come later.
    pub fn out_of_turn(&self) {
        if let Some(paces) = &self.0 {
            paces.looks.with(|bucket| bucket.take(Instant::now()));
        }
    }

    /// How long looks at so many services take at the most because they wait for each other.
    pub fn spread(&self, services: usize) -> Duration {
        let spread = Duration::from_secs_f64(services as f64 / LOOKS.per_second);
        if self.0.is_some() { spread } else { Duration::ZERO }
    }
}

/// A bucket before which there is a queue.
#[derive(Debug)]
struct Pace {
    bucket: Mutex<Bucket>,
    queue: tokio::sync::Mutex<()>,
}

impl Pace {
    fn of(limit: Limit) -> Self {
        Pace { bucket: Mutex::new(Bucket::full(limit, Instant::now())), queue: tokio::sync::Mutex::default() }
    }

    async fn turn(&self) {
        let _first = self.queue.lock().await;
        loop {
            let wait = self.with(|bucket| bucket.until_token(Instant::now()));
            if wait.is_zero() {
                self.with(|bucket| bucket.take(Instant::now()));
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Bucket) -> T) -> T {
        work(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn looks_and_all_that_goes_with_them_take_less_than_a_quarter_of_what_is_allowed() {
        let (looks, finds) = (LOOKS.per_second, FINDS.per_second);
        let bulletins = 1.0 / crate::watch::bulletin::INTERVAL_OF_CALL.as_secs_f64();
        for (calls, allowed) in
            [(4.0 * looks, 20.0), (looks, 20.0), (2.0 * looks, 10.0), (looks + 2.0 * finds + bulletins, 20.0)]
        {
            assert!(calls < allowed / 4.0, "{calls} of {allowed}");
        }
        const { assert!(4.0 * LOOKS.burst <= 100.0 / 2.0, "the first looks fit into this program's share of a burst") };
    }

    #[tokio::test]
    async fn a_handful_of_looks_is_at_once_and_the_next_ones_wait_in_turn() {
        let looks = Looks::limited();
        let began = Instant::now();
        for _ in 0..10 {
            looks.turn().await;
        }
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        looks.turn().await;
        assert!(began.elapsed() >= Duration::from_millis(800), "{:?}", began.elapsed());
        assert!(Looks::unlimited().spread(500).is_zero());
        assert_eq!(looks.spread(600), Duration::from_secs(500));
    }

    #[tokio::test]
    async fn whoever_gives_up_has_taken_nothing() {
        let looks = Looks::limited();
        for _ in 0..10 {
            looks.turn().await;
        }
        for _ in 0..1000 {
            assert!(looks.turn().now_or_never().is_none(), "there is none left");
        }
        let next = tokio::time::timeout(Duration::from_secs(5), looks.turn()).await;
        assert!(next.is_ok(), "as if nobody had asked");
    }
}
