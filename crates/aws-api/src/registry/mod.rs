//! The image registry of the engine: its tables behind the distribution protocol, and what looks after it.

mod caretaker;
mod catalog;

pub use caretaker::{Caretaker, CaretakerError, PASS_INTERVAL, Pass};
pub use catalog::EngineCatalog;
