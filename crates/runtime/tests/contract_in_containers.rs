//! What every [`Runtime`](seatrial_ports::Runtime) must do, here with the tasks in containers of Docker.
//!
//! Nothing here knows how tasks are run: `support::World` makes the runtime, and containers are shell scripts.

mod support;

/// Where the containers of [`support::World::new`] run.
const RUNS_IN: Option<support::engines::Brand> = Some(support::engines::Brand::Docker);

mod contract {
    #[path = "../contract/dependencies.rs"]
    mod dependencies;
    #[path = "../contract/end.rs"]
    mod end;
    #[path = "../contract/environment.rs"]
    mod environment;
    #[path = "../contract/health.rs"]
    mod health;
    #[path = "../contract/logs.rs"]
    mod logs;
    #[path = "../contract/orders.rs"]
    mod orders;
    #[path = "../contract/refusals.rs"]
    mod refusals;
    #[path = "../contract/restart_policy.rs"]
    mod restart_policy;
    #[path = "../contract/secrets.rs"]
    mod secrets;
    #[path = "../contract/stopping.rs"]
    mod stopping;
}
