//! A first `seatrial.yml`: looks at a directory, asks what it cannot see there, shows the file, and writes it.
//!
//! [`found`] looks, [`questions`] asks, [`document`] writes down. Nothing is written before somebody has seen it, unless nobody is there.

pub mod answers;
pub mod asker;
pub mod dockerfile;
pub mod document;
pub mod found;
pub mod importing;
pub mod language;
pub mod questions;
pub mod review;
pub mod sources;
