//! Supervisors outlive engines, and nothing outlives a supervisor.

mod support;

const RUNS_IN: Option<support::engines::Brand> = None;

mod supervision {
    mod control;
    mod images;
    mod launching;
    mod loss;
    mod restart;
    mod secrets;
}
