//! The full-screen view: draws what the feed saw, hears keys, begins actions. It ends with `q`, Ctrl-C or a signal to end; whatever
//! ECS is doing goes on.

mod body;
mod draw;
mod keyboard;
mod revision;
mod stages;
mod state;
mod terminal;
mod theme;

use std::time::Duration;

use anyhow::Result;
use seatrial_release::aws::Connection;
use seatrial_release::plan::Plan;
use time::OffsetDateTime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::actions::{self, Done};
use super::feed::Feed;
use crate::exit_code::ExitCode;
use crate::printer::Color;
use keyboard::Keyboard;
use state::{State, Wish};
use terminal::FullScreen;
use theme::Theme;

/// Time between two pictures when nothing comes, so that clocks go on.
const TICK: Duration = Duration::from_millis(500);

/// Most results of actions that wait to be shown.
const RESULTS_MAX: usize = 16;

/// Shows an environment until somebody has seen enough.
pub async fn run(mut feed: Feed, connection: &Connection, plan: &Plan, color: Color) -> Result<ExitCode> {
    let (mut end, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (done, mut results) = mpsc::channel::<Done>(RESULTS_MAX);
    let theme = Theme::new(color);
    let mut screen = FullScreen::enter()?;
    let mut keyboard = Keyboard::start();
    let mut state = State::default();
    let mut tick = tokio::time::interval(TICK);
    loop {
        let now = OffsetDateTime::now_utc();
        screen.draw(|frame| draw::draw(frame, &state, theme, now))?;
        let wish = tokio::select! {
            event = keyboard.next() => match event {
                Some(event) => state.hear(&event),
                // The terminal is gone.
                None => Some(Wish::Quit),
            },
            going_on = feed.changed() => {
                anyhow::ensure!(going_on, "looking ended unexpectedly; please report this");
                let news = feed.news();
                if let (None, Some(lost)) = (&news.view, news.lost.as_ref().filter(|lost| !lost.is_transient)) {
                    anyhow::bail!("{}", lost.problem);
                }
                state.take(news);
                None
            }
            Some(result) = results.recv() => {
                state.tell(result, OffsetDateTime::now_utc());
                feed.look_soon();
                None
            }
            _ = tick.tick() => None,
            _ = end.recv() => Some(Wish::Quit),
            _ = hang_up.recv() => Some(Wish::Quit),
            _ = interrupt.recv() => Some(Wish::Quit),
        };
        match wish {
            None => {}
            Some(Wish::Quit) => return Ok(ExitCode::Done),
            Some(Wish::Act(action, service)) => {
                if let Some(plan) = plan.service(&service) {
                    actions::begin(action, connection.clone(), plan.clone(), done.clone());
                }
            }
        }
    }
}
