//! The supervisor of one task and nothing else: `seatrial-supervise DIRECTORY`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(directory) => seatrial_runtime::supervise_main(Path::new(&directory)),
        None => {
            eprintln!("usage: seatrial-supervise DIRECTORY");
            ExitCode::from(2)
        }
    }
}
