//! `seatrial watch`: an environment while it changes, full-screen for people at a terminal, as lines everywhere else.
//!
//! `feed` looks again and again in a task of its own, `screen` and `plain` show what it saw, `keys` says what can be done from the
//! screen, `actions` does it in tasks of its own. Nothing here waits for an endpoint while it draws.

pub mod actions;
pub mod feed;
#[cfg(test)]
mod fixtures;
pub mod keys;
pub mod plain;
pub mod screen;
pub mod words;
