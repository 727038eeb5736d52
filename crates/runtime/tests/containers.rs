//! What is special about tasks in containers, with every container engine that is installed.

mod support;

const RUNS_IN: Option<support::engines::Brand> = None;

mod containers {
    mod address;
    mod definition;
    mod images;
    mod loss;
}
