//! The live view: steps scroll by, and below them two lines per service tell its state and what it waits for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use seatrial_release::config::ServiceName;
use seatrial_release::report::{Event, Progress};

use crate::printer::Paint;
use crate::show::steps::{Detail, activity, line, tasks};

/// Time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// Two lines per service below the steps.
pub struct Live {
    detail: Detail,
    paint: Paint,
    bars: MultiProgress,
    services: Mutex<BTreeMap<ServiceName, ProgressBar>>,
}

impl Live {
    pub fn new(detail: Detail, paint: Paint) -> Self {
        Self { detail, paint, bars: MultiProgress::new(), services: Mutex::default() }
    }

    pub fn show(&self, event: &Event) {
        if let Event::Progress(state) = event {
            self.update(state);
        } else if let Some(text) = line(event, self.detail, self.paint) {
            // A terminal that is gone takes no lines; the work goes on.
            let _ = self.bars.println(text);
        }
    }

    pub fn end(&self) {
        for bar in self.services.lock().unwrap_or_else(PoisonError::into_inner).values() {
            bar.finish_and_clear();
        }
    }

    fn update(&self, state: &Progress) {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = services.entry(state.service.clone()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style());
            bar.set_elapsed(state.elapsed);
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_prefix(format!("{} {}", self.paint.strong(&format!("{}:", state.service)), tasks(state)));
        bar.set_message(activity(state));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} [{elapsed}]\n  {wide_msg}")
        .expect("the template is a constant that has been tried")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_valid() {
        super::style();
    }
}
