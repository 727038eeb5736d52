//! The state of the data plane: what workers read for each request, and the one thread that changes it.

pub(crate) mod control;
pub(crate) mod event;
pub(crate) mod idle;
pub(crate) mod listener;
pub(crate) mod registry;
pub(crate) mod routes;
pub(crate) mod state;
pub(crate) mod target;
