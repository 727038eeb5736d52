//! The images of a session's services: built here, found in the registry, or stood in for.

use std::collections::BTreeMap;

use anyhow::Result;
use seatrial_release::build::{Builder, Shelf};
use seatrial_release::config::ServiceName;
use seatrial_release::images::{Building, Provided, StandIn, fall_back, provide};
use seatrial_release::releases::{Asked, Preparation, StepRecord, note_failure};
use seatrial_release::report::Reporter;
use seatrial_release::{DeployOptions, Interrupt};

use crate::arguments::Common;
use crate::commit::commit;
use crate::engine::Home;
use crate::local_history;
use crate::printer::Printer;
use crate::progress::Display;
use crate::session::Session;

/// What images are wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    pub building: Building,
    /// Whether to build also what was built of the same before.
    pub anew: bool,
    /// Images that are known already.
    pub known: BTreeMap<ServiceName, String>,
    /// When something stands in for an image.
    pub stand_in: StandIn,
}

impl Wish {
    pub fn of(building: Building) -> Self {
        Wish { building, anew: false, known: BTreeMap::new(), stand_in: StandIn::IfAllowed }
    }
}

/// Where built images are kept until they are pushed, and after: the same is not built twice.
pub fn shelf(common: &Common) -> Result<Shelf> {
    let home = Home::locate(common.home.clone())?;
    Ok(Shelf::at(home.path().join("builds")))
}

/// Provides the images of a session's services, and makes its plan name them.
pub async fn provided(
    session: &mut Session,
    wish: Option<Wish>,
    common: &Common,
    printer: &Printer,
    interrupt: Interrupt,
) -> Result<Provided> {
    let preparation = Preparation::new(&session.connection);
    remembered(session, wish, &preparation, common, printer, interrupt).await
}

/// The release that images are provided for.
#[derive(Clone, Copy, Debug)]
pub struct Preparing<'a> {
    pub asked: &'a Asked,
    pub deploy: &'a DeployOptions,
    /// Whether it is written down that a test or a build of it failed.
    pub records: bool,
}

impl Preparing<'_> {
    /// Provides the images, and what was done for it: the first steps of the release's record. Where a test or a build fails, that is all of
    /// the record.
    pub async fn provided(
        &self,
        session: &mut Session,
        wish: Option<Wish>,
        common: &Common,
        printer: &Printer,
        interrupt: Interrupt,
    ) -> Result<(Provided, Vec<StepRecord>)> {
        let preparation = Preparation::new(&session.connection);
        match remembered(session, wish, &preparation, common, printer, interrupt).await {
            Ok(provided) => Ok((provided, preparation.steps())),
            Err(error) => {
                if self.records {
                    self.note(session, &preparation, common, printer).await;
                }
                Err(error)
            }
        }
    }

    /// Writes down why the release does not begin. The reason itself is worth more than that it could not be written down.
    async fn note(&self, session: &Session, preparation: &Preparation, common: &Common, printer: &Printer) {
        let Session { connection, plan, file, .. } = session;
        let commit = commit(file.path());
        let noted = note_failure(connection, plan, preparation, (self.asked, self.deploy), commit.as_deref()).await;
        match noted {
            Ok(Some(id)) => {
                local_history::keep(common, connection, plan, Some(&id)).await;
                printer.remark(&format!("written down: seatrial show {id}{}", common.selection()));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "it could not be written down that the release did not begin"),
        }
    }
}

async fn remembered(
    session: &mut Session,
    wish: Option<Wish>,
    preparation: &Preparation,
    common: &Common,
    printer: &Printer,
    interrupt: Interrupt,
) -> Result<Provided> {
    let Some(wish) = wish else { return Ok(Provided::default()) };
    let display = Display::new(printer, common);
    let report = preparation.reporter(&display.reporter());
    let provided = provide_all(session, wish, common, &report, interrupt).await;
    display.end();
    provided
}

async fn provide_all(
    session: &mut Session,
    wish: Wish,
    common: &Common,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<Provided> {
    let shelf = shelf(common)?;
    let file = &session.file;
    let builder = Builder { app: file.app(), directory: file.directory(), shelf: &shelf, anew: wish.anew, report };
    let plan = &session.plan;
    let mut provided =
        provide(&session.connection, plan, &builder, &wish.building, &wish.known, &mut interrupt).await?;
    session.take_images(&provided)?;
    fall_back(&session.connection, &session.plan, &mut provided, &shelf, wish.stand_in, report).await?;
    if !provided.stand_ins.is_empty() {
        session.take_images(&provided)?;
    }
    Ok(provided)
}
