//! Runs the functions of lifecycle hooks on this machine: a file says which command or address stands for which Lambda function.
//!
//! ```yaml
//! functions:
//!   check-orders: { command: [./check-orders.sh], timeout: 30s, environment: { SHOP: staging } }
//!   ask-team:     { url: "http://127.0.0.1:9000/hook" }
//! ```
//!
//! A hook's function is looked up by its name, or by the name in its ARN. A command gets the request as JSON on its standard input and
//! prints its answer as JSON; an address gets the request in a POST. The file is read at each invocation, so edits take effect at once.
//!
//! The invoker refuses to decide anything: what an answer means, when to ask again and when to give up is the engine's business. What
//! it runs ends with it, and within its time limit.

mod address;
mod answer;
mod command;
mod error;
mod function_map;
mod function_name;
mod invoker;
mod output;
mod process_group;
mod time_limit;

pub use invoker::LocalFunctions;
