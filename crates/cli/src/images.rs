//! The images of a session's services: built here, found in the registry, or stood in for.

use anyhow::Result;
use seatrial_release::Interrupt;
use seatrial_release::build::{Shelf, Workshop};
use seatrial_release::config::{ConfigFile, Overrides};
use seatrial_release::images::{Building, Provided, fall_back, provide};
use seatrial_release::plan::Environment;
use seatrial_release::report::Reporter;

use crate::arguments::Common;
use crate::engine::Home;
use crate::printer::Printer;
use crate::progress::Display;
use crate::session::Session;
use crate::target;

/// What images are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub building: Building,
    /// Whether something may stand in for what is missing.
    pub may_fall_back: bool,
}

/// Where built images are kept until they are pushed, and after: the same is not built twice.
pub fn shelf(common: &Common) -> Result<Shelf> {
    let home = Home::locate(common.home.clone())?;
    Ok(Shelf::at(home.path().join("builds")))
}

/// What a session is of.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub file: &'a ConfigFile,
    pub environment: &'a Environment,
    pub common: &'a Common,
    pub printer: &'a Printer,
}

/// Provides the images of a session's services, and makes its plan name them.
pub async fn provided(
    session: &mut Session,
    scene: &Scene<'_>,
    overrides: &mut Overrides,
    wish: Wish,
    interrupt: Interrupt,
) -> Result<Provided> {
    let display = Display::new(scene.printer, scene.common);
    let provided = provide_all(session, scene, overrides, wish, &display.reporter(), interrupt).await;
    display.end();
    provided
}

async fn provide_all(
    session: &mut Session,
    scene: &Scene<'_>,
    overrides: &mut Overrides,
    wish: Wish,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<Provided> {
    let Scene { file, environment, common, .. } = *scene;
    let shelf = shelf(common)?;
    let connection = &session.connection;
    let workshop = Workshop { app: file.app(), directory: file.directory(), shelf: &shelf, report };
    let mut provided = provide(connection, &session.plan, &workshop, wish.building, &mut interrupt).await?;
    if !provided.images.is_empty() {
        overrides.built.clone_from(&provided.images);
        session.plan = file.plan(environment, &target::defaults(&environment.target, Some(connection)), overrides)?;
    }
    fall_back(connection, &mut session.plan, &mut provided.built, &shelf, wish.may_fall_back, report).await?;
    Ok(provided)
}
