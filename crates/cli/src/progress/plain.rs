//! Plain lines, for logs of pipelines: one when something changes, and a sign of life while nothing does.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use seatrial_release::config::ServiceName;
use seatrial_release::report::{Activity, Event, Progress};

use crate::printer::Paint;
use crate::show::steps::{Detail, line, progress};
use crate::show::time::length;

/// Longest silence: pipelines take a longer one for a hang.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Lines on standard error.
pub struct Plain {
    detail: Detail,
    paint: Paint,
    told: Mutex<BTreeMap<ServiceName, Told>>,
}

/// What was last told of a service, and when.
struct Told {
    text: String,
    at: Duration,
}

impl Plain {
    pub fn new(detail: Detail, paint: Paint) -> Self {
        Self { detail, paint, told: Mutex::default() }
    }

    pub fn show(&self, event: &Event) {
        let text = match event {
            Event::Progress(state) => self.news(state),
            other => line(other, self.detail, self.paint),
        };
        if let Some(text) = text {
            // Nobody to read it is no reason to stop.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    fn news(&self, state: &Progress) -> Option<String> {
        let text = progress(state);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = told
            .get(&state.service)
            .is_none_or(|last| last.text != text || state.elapsed.saturating_sub(last.at) >= SIGN_OF_LIFE);
        if !is_news {
            return None;
        }
        told.insert(state.service.clone(), Told { text: text.clone(), at: state.elapsed });
        let service = self.paint.strong(&format!("{}:", state.service));
        match &state.activity {
            Activity::WaitingFor(_) => {
                Some(format!("{service} {text} {}", self.paint.faint(&format!("[{}]", length(state.elapsed)))))
            }
            Activity::Over { .. } => Some(format!("{service} {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use seatrial_release::report::TaskCounts;

    use super::*;

    fn state(waiting_for: &str, seconds: u64) -> Progress {
        Progress {
            service: "web".parse().expect("name"),
            status: "IN_PROGRESS".into(),
            traffic: None,
            new: TaskCounts::default(),
            old: TaskCounts::default(),
            failures: None,
            activity: Activity::WaitingFor(waiting_for.into()),
            elapsed: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn only_news_are_told_and_silence_is_bounded() {
        let plain = Plain::new(Detail::Changes, Paint::PLAIN);
        assert_eq!(plain.news(&state("a", 1)).as_deref(), Some("web: waiting for a [1.0 s]"));
        assert_eq!(plain.news(&state("a", 2)), None);
        assert!(plain.news(&state("b", 3)).is_some());
        assert_eq!(plain.news(&state("b", 32)), None);
        assert!(plain.news(&state("b", 33)).is_some(), "a sign of life");
        let over = Activity::Over { what: "deployed x:1".into(), after: Duration::from_secs(34) };
        let end = Progress { activity: over, ..state("", 35) };
        assert_eq!(plain.news(&end).as_deref(), Some("web: deployed x:1 after 34.0 s"), "the end has its own time");
    }
}
