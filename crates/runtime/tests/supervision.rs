//! Supervisors outlive engines, and nothing outlives a supervisor.

mod support;

mod supervision {
    mod control;
    mod images;
    mod launching;
    mod loss;
    mod restart;
    mod secrets;
}
