//! `seatrial resume`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::{Overrides, ServiceName};
use seatrial_release::images::{Building, Provided, lacking};
use seatrial_release::releases::{Consent, ReleaseId, ReleaseOptions, Resumption, release, releases};
use seatrial_release::{DeployOptions, FiringAlarms, Force};

use super::deploy::{PermissionArguments, released};
use crate::arguments::{Assignment, Common, WaitArguments};
use crate::commit::commit;
use crate::exit_code::ExitCode;
use crate::images::{Wish, provided};
use crate::printer::Printer;
use crate::sacrifice::SacrificeArguments;
use crate::session::{Lacking, Session, configured, interrupted_by_ctrl_c, remembered};
use crate::target::Absent;

/// Go on with a release whose process ended, from any machine that has the same configuration
///
/// What has been done is found and not done again. The flags of the release are known; values that were given with --set
/// are not kept and have to be given again. Exit codes as of `deploy`.
#[derive(Args, Debug)]
pub struct ResumeArguments {
    /// The release [default: the newest]
    #[arg(value_name = "RELEASE")]
    pub release: Option<ReleaseId>,

    /// The value of a variable that the release was begun with; may be repeated
    #[arg(long, value_name = "NAME=VALUE", env = "SEATRIAL_SET")]
    pub set: Vec<Assignment>,

    /// Go on although an alarm of the deployment is firing already: ECS then watches none of them
    #[arg(long, env = "SEATRIAL_IGNORE_FIRING_ALARMS", value_parser = FalseyValueParser::new())]
    pub ignore_firing_alarms: bool,

    #[command(flatten)]
    pub permission: PermissionArguments,

    #[command(flatten)]
    pub sacrifice: SacrificeArguments,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: ResumeArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = configured(&common)?;
    let open = async |overrides: &Overrides| {
        let how = (Absent::Refuse, Lacking::Allow);
        Session::for_release(&common, overrides, &file, &environment, how, printer).await
    };
    // The file may need what the release was begun with.
    let (connection, realm) = remembered(&common, printer).await?;
    let newest = match &arguments.release {
        Some(named) => Some(named.clone()),
        // What has not begun cannot be gone on with.
        None => releases(&connection, &realm).await?.into_iter().find(|one| one.head.has_begun()).map(|one| one.id),
    };
    let found = release(&connection, &realm, newest.as_ref()).await?;
    let asked = found.head.asked;
    let set = arguments.set.iter().map(|set| (set.name.clone(), set.value.clone()));
    let mut overrides = Overrides { built: found.images.clone(), ..asked.overrides(set) };
    let mut session = open(&overrides).await?;
    let interrupt = interrupted_by_ctrl_c();
    let missing = lacking(&session.connection, &session.plan, &[]).await?;
    let provided = if missing.is_empty() && !asked.stand_in_anyway {
        Provided { images: found.images, ..Provided::default() }
    } else {
        // It ended before everything was pushed.
        overrides.built.clear();
        session = open(&overrides).await?;
        let building = match &asked.tag {
            Some(tag) => Building::Tagged(tag.clone()),
            None if asked.no_build || asked.use_fallback_image || asked.stand_in_anyway => Building::No,
            None => Building::Yes,
        };
        let is_there = |service: &ServiceName| missing.iter().all(|missing| missing.service != *service);
        let known = found.images.into_iter().filter(|(service, _)| is_there(service)).collect();
        let wish = Wish { known, stand_in: asked.stand_in(), ..Wish::of(building) };
        provided(&mut session, Some(wish), &common, printer, interrupt.clone()).await?
    };
    let deploy = DeployOptions {
        force: if asked.force { Force::Always } else { Force::WhenNeeded },
        definition: asked.definition,
        waiting: arguments.wait.waiting(),
        timeout: arguments.wait.timeout.get(),
        rollback: asked.rollback,
        until: None,
        firing_alarms: if arguments.ignore_firing_alarms { FiringAlarms::Ignore } else { FiringAlarms::Refuse },
        started: Default::default(),
    };
    // Those of the first attempt are written down already.
    let prepared = Vec::new();
    let options = ReleaseOptions {
        deploy,
        permission: arguments.permission.permission(Consent::Given),
        sacrifice: arguments.sacrifice.sacrifice(printer),
        commit: commit(file.path()),
        asked,
        resumption: Resumption::Resume(Some(found.id)),
        provided,
        prepared,
    };
    released(&session, &options, &common, printer, interrupt).await
}
