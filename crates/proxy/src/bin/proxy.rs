//! The proxy as a program of its own, called as `seatrial proxy` is: `seatrial-proxy (--directory DIRECTORY | --config FILE) [--workers NUMBER] [--pins until-expiry|while-serving]`.

use std::process::ExitCode;

use seatrial_proxy::{ProxyArguments, proxy_main};

fn main() -> ExitCode {
    match ProxyArguments::parse(std::env::args_os().skip(1)) {
        Ok(arguments) => proxy_main(arguments),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
