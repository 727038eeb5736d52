//! `seatrial proxy` and `seatrial supervise`: the engine's other processes, started by the engine and by nobody else.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use seatrial_proxy::{ProxyArguments, ProxyError, proxy_main};
use seatrial_runtime::supervise_main;

/// Arguments that the started process reads by itself.
#[derive(Args, Debug)]
pub struct InnerArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Which process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    Proxy,
    Supervise,
}

/// Becomes the process, on a thread that is the only one; returns the code it shall end with.
pub fn run(inner: Inner, arguments: Vec<OsString>) -> Result<ExitCode, ProxyError> {
    match (inner, arguments.as_slice()) {
        (Inner::Proxy, _) => Ok(proxy_main(ProxyArguments::parse(arguments)?)),
        (Inner::Supervise, [directory]) => Ok(supervise_main(Path::new(directory))),
        (Inner::Supervise, _) => {
            eprintln!("usage: seatrial supervise DIRECTORY");
            Ok(ExitCode::from(2))
        }
    }
}
