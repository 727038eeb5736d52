//! Runs tasks, one supervisor each, as processes or in containers: the adapter behind [`seatrial_ports::Runtime`]. Processes need nothing
//! but a Unix, containers a container engine.
//!
//! [`ProcessRuntime`] is the engine's side: it starts supervisors, follows them, and finds them again after a restart of the engine.
//! [`supervise_main`] is the other side, a process of its own that owns the task. Between them are a directory per task and a socket
//! in it; neither needs the other to live.

mod clock;
mod container_engine;
mod control;
mod directory;
mod files;
mod lock;
mod log;
mod process_runtime;
mod process_table;
mod saved_state;
mod secret_delivery;
mod shim;
mod supervisor;
mod sys;

pub use container_engine::ContainerEngineOptions;
pub use directory::ImageDirectories;
pub use process_runtime::{ProcessRuntime, SupervisorCommand};
pub use supervisor::supervise_main;
