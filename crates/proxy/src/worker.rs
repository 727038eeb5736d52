//! The threads that serve clients: each with a runtime, buffers and connections to targets of its own, so that nothing on a request's
//! way is shared between threads but counters.

pub(crate) mod accept;
pub(crate) mod shared;
pub(crate) mod thread;
