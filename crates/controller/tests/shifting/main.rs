//! BLUE_GREEN, CANARY and LINEAR over the world: every stage in order, and the way back from each.

#[path = "../common/mod.rs"]
mod common;

mod baking;
mod giving_back;
mod histories;
mod hooks;
mod interference;
mod rolling_back;
mod service;
mod succeeding;
mod superseding;
