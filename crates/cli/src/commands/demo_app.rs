//! `seatrial demo-app`

use anyhow::Result;
use clap::Args;
use seatrial_demo::DemoArgs;

/// Run the demonstration service that examples, tests and benchmarks deploy
#[derive(Args, Debug)]
pub struct DemoArguments {
    #[command(flatten)]
    pub demo: DemoArgs,
}

/// Runs the service; returns the code its process shall end with.
pub async fn run(arguments: DemoArguments) -> Result<u8> {
    Ok(seatrial_demo::serve(arguments.demo).await?.code())
}
