//! The deployment controller in virtual time: one seed draws a service and its world, lives through it and holds every step against
//! checkers that know nothing of the controller's state.
//!
//! [`forecast`] lets the same controller live through one deployment of a described service, to say beforehand how long it takes.
//!
//! Reading order: [`draw`] (the only source of chance), [`scenario`] (what is drawn), [`world`] (what happens), [`checkers`] (what must
//! hold), [`run`] (one seed from its beginning to its verdict). No clock is read and nothing waits: time jumps to what is next.

pub mod agenda;
pub mod alarm;
pub mod balancer;
pub mod behaviour;
pub mod checkers;
pub mod draw;
pub mod forecast;
pub mod routed;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod world;

pub use run::{Failure, Outcome, Telling, run};
pub use shrink::{Shrunk, shrink};
