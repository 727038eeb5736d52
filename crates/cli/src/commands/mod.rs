//! One file per command: its arguments and what it does with them. Adding a command: a file here, a variant in
//! [`crate::command_line::Command`].

pub mod abort;
pub mod audit;
pub mod ci;
pub mod completion;
pub mod continue_deployment;
pub mod delete;
pub mod demo_app;
pub mod deploy;
pub mod engine;
pub mod events;
pub mod history;
pub mod import;
pub mod init;
pub mod inner;
pub mod load;
pub mod lock;
pub mod logs;
pub mod pause;
pub mod plan;
pub mod promote;
pub mod render;
pub mod resume;
pub mod retry;
pub mod rollback;
pub mod scale;
pub mod schema;
pub mod sim;
pub mod simulate;
pub mod skip_bake;
pub mod status;
pub mod validate;
pub mod wait;
pub mod watch;
