//! `seatrial pause`

use anyhow::Result;
use clap::Args;
use seatrial_release::hold;
use serde_json::json;

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, interrupted_by_ctrl_c, only};
use crate::show::time::moment;

/// Hold a running deployment at its next step
///
/// ECS waits only where it was told beforehand: before each of the `steps`, for `verify`, and at pauses among the `hooks`. When the time of
/// the pause it waits in is over, the deployment is rolled back.
#[derive(Args, Debug)]
pub struct PauseArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,
}

/// Runs the command.
pub async fn run(arguments: PauseArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    for service in &session.plan.services {
        let open = hold(&session.connection, service, interrupted_by_ctrl_c()).await?;
        let expires_at = open.as_ref().and_then(|pause| pause.expires_at);
        let result = json!({
            "service": service.name,
            "held": true,
            "stage": open.as_ref().map(|pause| &pause.stage),
            "expires_at": expires_at.map(|at| moment(Some(at))),
        });
        printer.result(&result, |paint| {
            let where_it_waits = match &open {
                Some(pause) => format!("it waits at {}, until {} at most", pause.stage, moment(expires_at)),
                None => "it stops before its next step".to_owned(),
            };
            let service = paint.strong(&format!("{}:", service.name));
            let flags = common.selection();
            format!("{service} held; {where_it_waits}\n  let it go on:  seatrial continue{flags}\n  undo it:       seatrial rollback{flags}\n")
        })?;
    }
    Ok(ExitCode::Done)
}
