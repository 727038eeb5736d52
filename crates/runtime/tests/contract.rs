//! What every [`Runtime`](seatrial_ports::Runtime) must do, whether its containers are processes or come from an image.
//!
//! Nothing here knows how tasks are run: `support::World` makes the runtime, and containers are shell scripts.

mod support;

/// Where the containers of [`support::World::new`] run.
const RUNS_IN: Option<support::engines::Brand> = None;

mod contract {
    mod dependencies;
    mod end;
    mod environment;
    mod health;
    mod logs;
    mod orders;
    mod refusals;
    mod restart_policy;
    mod secrets;
    mod stopping;
}
