//! Parts of a deployment by themselves, as scripts that go before it have them: the environment prepared, images pushed, the pipeline written.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::images::{Provided, make_repositories, push_all};
use seatrial_release::provision::InfraPlan;
use seatrial_release::releases::{InfraOptions, Permission, apply_infra};
use seatrial_release::{Interrupt, Realm};
use serde_json::json;

use super::ci::{self, CiCommand};
use crate::arguments::Common;
use crate::commit::commit;
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::progress::Display;
use crate::sacrifice::SacrificeArguments;
use crate::session::Session;

/// Where a workflow of GitHub Actions belongs.
const WORKFLOW: &str = ".github/workflows/seatrial.yml";

/// Which parts are meant.
#[derive(Args, Clone, Copy, Debug)]
pub struct PartArguments {
    /// Only prepare the environment: make its infrastructure and the repositories of its images. With --push-image or --use-fallback-image
    /// these follow
    #[arg(long, env = "SEATRIAL_BOOTSTRAP", value_parser = FalseyValueParser::new(),
          conflicts_with_all = ["pipeline_only", "dry_run", "plan", "image", "tag", "no_build"])]
    pub bootstrap: bool,

    /// Only build the images and push them; nothing is deployed
    #[arg(long, env = "SEATRIAL_PUSH_IMAGE", value_parser = FalseyValueParser::new(),
          conflicts_with_all = ["pipeline_only", "dry_run", "image", "tag", "no_build", "use_fallback_image"])]
    pub push_image: bool,

    /// Only write the pipeline that deploys, .github/workflows/seatrial.yml; the same as `seatrial ci generate github --file`
    #[arg(long, env = "SEATRIAL_PIPELINE_ONLY", value_parser = FalseyValueParser::new(), conflicts_with_all = ["dry_run", "plan"])]
    pub pipeline_only: bool,
}

/// Writes the pipeline.
pub fn write_pipeline(common: &Common, printer: &Printer) -> Result<ExitCode> {
    ci::run(&CiCommand::github(Path::new(WORKFLOW), common), common, printer)
}

/// Makes what images and services need beforehand.
pub async fn prepare(
    session: &Session,
    permission: &Permission,
    sacrifice: &SacrificeArguments,
    common: &Common,
    printer: &Printer,
    interrupt: Interrupt,
) -> Result<()> {
    let (connection, plan) = (&session.connection, &session.plan);
    let display = Display::new(printer, common);
    let prepared = async {
        if plan.infra != InfraPlan::None {
            let options = InfraOptions {
                permission: permission.clone(),
                sacrifice: sacrifice.sacrifice(printer),
                commit: commit(session.file.path()),
            };
            let (realm, report) = (Realm::of(plan), display.reporter());
            apply_infra(connection, &realm, &session.environment, &plan.infra, &options, &report, interrupt).await?;
        }
        make_repositories(connection, plan, &display.reporter()).await
    };
    let prepared = prepared.await;
    display.end();
    Ok(prepared?)
}

/// Says what is prepared, and how it goes on.
pub fn tell_prepared(session: &Session, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let plan = &session.plan;
    let repositories: Vec<&str> =
        plan.services.iter().filter_map(|service| Some(service.build.as_ref()?.repository.as_str())).collect();
    let told = json!({ "app": plan.app, "environment": plan.environment.name, "prepared": true, "repositories": repositories });
    printer.result(&told, |paint| {
        format!("{} {} is prepared for {}; nothing is deployed\n", paint.good("✔"), plan.environment.name, plan.app)
    })?;
    printer.remark(&format!("next: seatrial deploy{}", common.selection()));
    Ok(ExitCode::Done)
}

/// Pushes what was built, and says what it is called.
pub async fn push(session: &Session, provided: &Provided, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let display = Display::new(printer, common);
    let commit = commit(session.file.path());
    let (connection, app) = (&session.connection, &session.plan.app);
    let pushed = push_all(connection, app, provided, commit.as_deref(), &display.reporter()).await;
    display.end();
    let images = pushed?;
    printer.result(&images, |paint| {
        let lines = images.iter().map(|(service, image)| format!("{} {service}: {image}\n", paint.good("✔")));
        let lines: String = lines.collect();
        if lines.is_empty() { "no service has an image that is built\n".to_owned() } else { lines }
    })?;
    printer.remark(&match images.is_empty() {
        true => {
            "next: say with `build:` how an image is made, or deploy the one that is there: seatrial deploy".to_owned()
        }
        false => format!("nothing is deployed; next: seatrial deploy{}", common.selection()),
    });
    Ok(ExitCode::Done)
}
