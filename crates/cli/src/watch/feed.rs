//! Looks at an environment again and again, in a task of its own, and keeps the last thing it saw.

use std::sync::Arc;
use std::time::{Duration, Instant};

use seatrial_release::ReleaseError;
use seatrial_release::view::{WatchView, Watcher};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

/// How long one look may take, beside what services wait for each other. Every call has its own shorter limit; a service takes about ten.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// The least time between two looks.
const REST_MIN: Duration = Duration::from_millis(250);

/// What is known of an environment.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// None before the first look.
    pub view: Option<Arc<WatchView>>,
    /// Set while looks fail.
    pub lost: Option<Lost>,
    /// Counts looks, so that two of them that saw the same differ.
    pub looks: u64,
}

/// An endpoint that does not answer, or refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    pub since: OffsetDateTime,
    pub problem: String,
    /// Whether it may well answer in a moment.
    pub is_transient: bool,
}

/// The receiving end.
#[derive(Debug)]
pub struct Feed {
    news: watch::Receiver<News>,
    soon: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Feed {
    /// Begins to look, every `interval`.
    pub fn start(mut watcher: Watcher, interval: Duration) -> Self {
        let (sender, news) = watch::channel(News::default());
        let soon = Arc::new(Notify::new());
        let nudged = Arc::clone(&soon);
        let limit = LOOK_LIMIT + watcher.spread();
        let task = tokio::spawn(async move {
            while !sender.is_closed() {
                let began = Instant::now();
                let looked = tokio::time::timeout(limit, watcher.look()).await;
                sender.send_modify(|news| news.take(looked.map_err(|_| ())));
                tokio::select! {
                    () = tokio::time::sleep(interval.saturating_sub(began.elapsed()).max(REST_MIN)) => {}
                    () = nudged.notified() => {}
                }
            }
        });
        Self { news, soon, task }
    }

    /// Waits for the next look. False when there will be none any more.
    pub async fn changed(&mut self) -> bool {
        self.news.changed().await.is_ok()
    }

    /// What is known now.
    pub fn news(&mut self) -> News {
        self.news.borrow_and_update().clone()
    }

    /// Asks to look at once: something was done.
    pub fn look_soon(&self) {
        self.soon.notify_one();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl News {
    /// Takes what a look saw; none when it took too long.
    fn take(&mut self, looked: Result<Result<WatchView, ReleaseError>, ()>) {
        self.looks += 1;
        let (problem, is_transient) = match looked {
            Ok(Ok(view)) => {
                self.view = Some(Arc::new(view));
                self.lost = None;
                return;
            }
            Ok(Err(ReleaseError::Call(error))) => (error.to_string(), error.is_transient()),
            Ok(Err(error)) => (error.to_string(), false),
            Err(()) => (format!("no answer within {} s", LOOK_LIMIT.as_secs()), true),
        };
        let since = self.lost.as_ref().map_or_else(OffsetDateTime::now_utc, |lost| lost.since);
        self.lost = Some(Lost { since, problem, is_transient });
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn what_was_seen_stays_while_the_endpoint_is_silent() {
        let mut news = News::default();
        news.take(Ok(Ok(fixtures::canary())));
        news.take(Err(()));
        let since = news.lost.as_ref().expect("it is lost").since;
        news.take(Err(()));
        let lost = news.lost.clone().expect("it is lost");
        assert_eq!((lost.since, lost.is_transient), (since, true), "since the first look that failed");
        assert!(news.view.is_some());
        news.take(Ok(Ok(fixtures::canary())));
        assert_eq!((news.lost, news.looks), (None, 4));
    }
}
