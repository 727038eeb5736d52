//! Keys and resizes, read by a thread: reading them blocks.

use std::time::Duration;

use ratatui::crossterm::event::{Event, poll, read};
use tokio::sync::mpsc;

/// How long the thread waits for a key before it sees whether anybody still listens.
const WAIT: Duration = Duration::from_millis(100);

/// Most keys that wait to be heard; more than anybody types between two pictures.
const KEYS_MAX: usize = 64;

/// What comes from the terminal.
#[derive(Debug)]
pub struct Keyboard(mpsc::Receiver<Event>);

impl Keyboard {
    /// Begins to listen. The thread ends with the program, or soon after this is dropped.
    pub fn start() -> Self {
        let (sender, receiver) = mpsc::channel(KEYS_MAX);
        std::thread::spawn(move || {
            while !sender.is_closed() {
                let event = match poll(WAIT) {
                    Ok(false) => continue,
                    Ok(true) => read(),
                    Err(error) => Err(error),
                };
                let Ok(event) = event else { return };
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next event; none when the terminal is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}
