//! The terminal in full-screen use, and its way back to what it was: at the end, after an error, after a panic.

use std::io;

use ratatui::{DefaultTerminal, Frame};

/// A terminal in raw mode that shows another page. Dropping it brings the old one back.
#[derive(Debug)]
pub struct FullScreen(DefaultTerminal);

impl FullScreen {
    /// Takes the terminal over. A panic gives it back before it tells what happened.
    pub fn enter() -> io::Result<Self> {
        Ok(Self(ratatui::try_init()?))
    }

    /// Draws a picture; only what differs from the last one is sent.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.0.draw(picture).map(|_| ())
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = ratatui::try_restore();
    }
}
