//! Colours by meaning. Without colours everything is still told by words and signs.

use ratatui::style::{Color as Ink, Modifier, Style};

use crate::printer::Color;

/// The styles of the screen.
#[derive(Clone, Copy, Debug)]
pub struct Theme(Color);

impl Theme {
    pub fn new(color: Color) -> Self {
        Self(color)
    }

    pub fn plain(self) -> Style {
        Style::new()
    }

    pub fn good(self) -> Style {
        self.ink(Ink::Green)
    }

    pub fn bad(self) -> Style {
        self.ink(Ink::Red).add_modifier(Modifier::BOLD)
    }

    pub fn doubtful(self) -> Style {
        self.ink(Ink::Yellow)
    }

    /// The new version's.
    pub fn new_version(self) -> Style {
        self.ink(Ink::Cyan)
    }

    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Bars at the edges of the screen.
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn ink(self, ink: Ink) -> Style {
        match self.0 {
            Color::On => Style::new().fg(ink),
            Color::Off => Style::new(),
        }
    }
}
