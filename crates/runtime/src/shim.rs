//! The processes that stand for containers among a supervisor's children.
//!
//! A supervisor waits for processes and pipes and speaks to nobody over a network. What it needs of a container engine, processes of its
//! own do: a *keeper* for the task as a whole (its network, its images, its usage), a *shim* for each container that runs, and one
//! for each run of a health check. Each is told what to do on its standard input, a socket, and answers there; when that is closed, the
//! supervisor is gone, and what the process has made is removed.

mod check;
mod container;
mod keeper;
mod line;
mod protocol;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub(crate) use protocol::{
    CheckOrder, ContainerNews, ContainerOrder, KeeperNews, KeeperOrder, Request, Shim, WantedImage,
};

/// Runs a shim, to its end.
pub(crate) fn run(shim: Shim) -> ExitCode {
    // Whoever ends a whole group of processes asks the supervisor, too, which knows how a task ends; its line tells this one when.
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = executor.and_then(|executor| {
        let done = executor.block_on(serve(shim));
        // A thread that reads or writes what nobody cares for any more is left behind.
        executor.shutdown_background();
        done
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the shim of a container failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(shim: Shim) -> io::Result<ExitCode> {
    let (mut requests, voice) = line::open()?;
    match shim {
        Shim::Keeper => {
            let order = requests.order().await?;
            keeper::run(order, requests, voice).await;
            Ok(ExitCode::SUCCESS)
        }
        Shim::Container => {
            let order = requests.order().await?;
            Ok(container::run(order, requests, voice).await)
        }
        Shim::Check => {
            let order = requests.order().await?;
            Ok(check::run(order, requests).await)
        }
    }
}
