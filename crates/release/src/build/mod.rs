//! Makes the images of services. Whatever the kind of build, what comes of it is an OCI image layout in a directory, known by the digest of
//! its image before anything is pushed: a plan can name it, and somebody can approve it.
//!
//! Nothing here touches an environment.

mod command;
mod dockerfile;
mod files;
mod inputs;
mod passes;
mod shelf;
mod tool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use seatrial_image::layout::{Layout, LayoutError};
use seatrial_model::image::{Digest, MANIFEST_BYTES_MAX, Manifest};

use crate::config::{AppName, ServiceName};
use crate::deploy::{step_began, step_began_with, step_ended};
use crate::error::ReleaseError;
use crate::images::Login;
use crate::interrupt::Interrupt;
use crate::plan::{BuildKind, BuildPlan};
use crate::report::{Event, Reporter};

pub use shelf::Shelf;

use tool::Program;

/// An image that has been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub service: ServiceName,
    pub plan: BuildPlan,
    pub digest: Digest,
    /// The OCI image layout it is in.
    pub layout: PathBuf,
    /// Bytes of the image, its layers compressed.
    pub size: u64,
    /// Artifacts that refer to the image, such as what it is made of.
    pub referrers: Vec<Digest>,
    pub origin: Origin,
    pub purpose: Purpose,
}

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Release,
    /// It stands in where there is none.
    StandIn,
}

/// Whether a build had to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Made,
    /// Everything it is made of is as it was.
    AsBefore,
}

/// What a build works with.
#[derive(Clone, Copy, Debug)]
pub struct Builder<'a> {
    pub app: &'a AppName,
    /// That of the configuration file.
    pub directory: &'a Path,
    pub shelf: &'a Shelf,
    /// Whether to build also what has been built of the same before.
    pub anew: bool,
    pub report: &'a Reporter,
}

/// What a layout has.
pub(crate) struct Found {
    pub digest: Digest,
    pub size: u64,
    pub referrers: Vec<Digest>,
    blobs: Vec<Digest>,
}

impl Found {
    /// Finds the image of a layout: the one that a build names, or the only one. Everything else that is named refers to it.
    pub fn of(layout: &Path) -> Result<Self, LayoutError> {
        let layout = Layout::open(layout)?;
        let entry = layout.find(Some(files::IMAGE_NAME)).or_else(|_| layout.find(None))?;
        let referrers = layout.entries()?.into_iter().map(|other| other.digest).filter(|other| *other != entry.digest);
        let referrers = referrers.collect();
        let mut found = Found { digest: entry.digest.clone(), size: 0, referrers, blobs: Vec::new() };
        let mut left = vec![entry.digest];
        while let Some(digest) = left.pop() {
            let bytes = layout.read(&digest, MANIFEST_BYTES_MAX)?;
            let Ok(manifest) = Manifest::parse(&bytes, None) else { continue };
            found.size = found.size.saturating_add(manifest.content_size());
            found.blobs.extend(manifest.blobs().into_iter().cloned());
            // An index names images, which some builders name again in other indexes.
            left.extend(
                manifest.children.iter().map(|child| child.digest.clone()).filter(|child| !found.blobs.contains(child)),
            );
            found.blobs.push(digest);
        }
        Ok(found)
    }

    /// Whether everything is there that the image names.
    pub(super) fn is_whole(&self, layout: &Path) -> bool {
        let place = |digest: &Digest| layout.join("blobs").join(digest.algorithm().as_str()).join(digest.hex());
        self.blobs.iter().all(|blob| place(blob).is_file())
    }
}

impl Builder<'_> {
    /// Makes the image of a service, unless it was made of the same before.
    pub async fn build(
        &self,
        service: &ServiceName,
        plan: &BuildPlan,
        login: Option<&Login>,
        interrupt: &mut Interrupt,
    ) -> Result<Built, ReleaseError> {
        self.commands(&format!("before {service}"), &plan.before, plan, interrupt).await?;
        self.tests(service, plan, interrupt).await?;
        let step = format!("build {service}");
        let started = Instant::now();
        let inputs = self.inputs(plan, login).await;
        self.report.send(match (&inputs, &plan.kind) {
            // Nobody knows what a command reads.
            (Err(_), _) | (_, BuildKind::Command(_)) => step_began(&step),
            (Ok(inputs), _) => step_began_with(&step, inputs),
        });
        let built = match inputs {
            Ok(inputs) => self.make(&step, service, (plan, &inputs), login, interrupt).await,
            Err(error) => Err(error),
        };
        let told = |built: &Built| {
            let outcome = match built.origin {
                Origin::Made => "done",
                Origin::AsBefore => "unchanged",
            };
            (outcome.to_owned(), vec![built.digest.to_string()])
        };
        self.report.send(step_ended(&step, &built, told));
        let built = built?;
        let line = match built.origin {
            Origin::Made => {
                let megabytes = built.size as f64 / 1e6;
                format!("{} ({megabytes:.1} MB) in {:.1} s", built.digest, started.elapsed().as_secs_f64())
            }
            Origin::AsBefore => format!("{}: nothing it is made of has changed", built.digest),
        };
        self.report.send(Event::Output { source: step, line });
        Ok(built)
    }

    /// Takes up an image that was built before, by its digest; none where this machine has it no more.
    pub(crate) fn found(&self, service: &ServiceName, plan: &BuildPlan, digest: &Digest) -> Option<Built> {
        let (layout, found) = self.shelf.by_digest(self.app, service, digest)?;
        let Found { digest, size, referrers, .. } = found;
        let (service, plan) = (service.clone(), plan.clone());
        let (origin, purpose) = (Origin::AsBefore, Purpose::Release);
        Some(Built { service, plan, digest, layout, size, referrers, origin, purpose })
    }

    /// Runs commands as a step, where there are any.
    async fn commands(
        &self,
        step: &str,
        commands: &[Vec<String>],
        plan: &BuildPlan,
        interrupt: &mut Interrupt,
    ) -> Result<(), ReleaseError> {
        if commands.is_empty() {
            return Ok(());
        }
        self.report.send(step_began(step));
        let ran = self.run(step, commands, plan, interrupt).await;
        self.report.send(step_ended(step, &ran, |()| ("done".to_owned(), Vec::new())));
        ran
    }

    async fn run(
        &self,
        step: &str,
        commands: &[Vec<String>],
        plan: &BuildPlan,
        interrupt: &mut Interrupt,
    ) -> Result<(), ReleaseError> {
        for words in commands {
            let program = Program { step, words, directory: self.directory, limit: plan.timeout };
            tool::run(program, &BTreeMap::new(), self.report, interrupt).await?;
        }
        Ok(())
    }

    /// Runs the tests, unless they passed before with the same content.
    async fn tests(
        &self,
        service: &ServiceName,
        plan: &BuildPlan,
        interrupt: &mut Interrupt,
    ) -> Result<(), ReleaseError> {
        if plan.test.is_empty() {
            return Ok(());
        }
        let step = format!("test {service}");
        let passes = self.shelf.passes(self.app, service);
        let Some(inputs) = passes::inputs(plan, self.directory) else {
            return self.commands(&step, &plan.test, plan, interrupt).await;
        };
        self.report.send(step_began_with(&step, &inputs));
        let passed_at = if self.anew { None } else { passes.passed_at(&inputs) };
        let ran = match passed_at {
            Some(at) => Ok(Some(at)),
            None => self.run(&step, &plan.test, plan, interrupt).await.map(|()| None),
        };
        self.report.send(step_ended(&step, &ran, |passed_at| match passed_at {
            Some(at) => ("unchanged".to_owned(), vec![format!("passed with the same content at {at}")]),
            None => ("done".to_owned(), Vec::new()),
        }));
        match ran? {
            Some(at) => {
                let line = format!("passed with the same content at {at}, and not run again");
                self.report.send(Event::Output { source: step, line });
            }
            // What was changed meanwhile, nobody knows whether the tests have seen.
            None if passes::inputs(plan, self.directory).as_ref() == Some(&inputs) => passes.note(&inputs),
            None => {}
        }
        Ok(())
    }

    /// What a build is made of, as a digest.
    async fn inputs(&self, plan: &BuildPlan, login: Option<&Login>) -> Result<String, ReleaseError> {
        let base = match &plan.kind {
            BuildKind::Files(files) => files::base_digest(files, login).await?,
            BuildKind::Dockerfile(_) | BuildKind::Command(_) => None,
        };
        inputs::fingerprint(plan, self.directory, &format!("{base:?}"))
    }

    async fn make(
        &self,
        step: &str,
        service: &ServiceName,
        (plan, inputs): (&BuildPlan, &str),
        login: Option<&Login>,
        interrupt: &mut Interrupt,
    ) -> Result<Built, ReleaseError> {
        let place = self.shelf.place(self.app, service, inputs);
        let found = if self.anew { None } else { place.found() };
        let (layout, origin) = match found.filter(|layout| Found::of(layout).is_ok_and(|found| found.is_whole(layout)))
        {
            Some(layout) => (layout, Origin::AsBefore),
            None => {
                let fresh = place.fresh()?;
                match &plan.kind {
                    BuildKind::Files(files) => files::pack(step, files, self.directory, login, fresh.path()).await?,
                    BuildKind::Dockerfile(dockerfile) => {
                        dockerfile::build(step, dockerfile, self, (fresh.path(), plan.timeout), interrupt).await?;
                    }
                    BuildKind::Command(made) => {
                        command::run(step, made, self, (fresh.path(), plan.timeout), interrupt).await?;
                    }
                }
                (fresh.keep()?, Origin::Made)
            }
        };
        self.taken_up(step, service, plan, layout, origin)
    }

    /// Reads what a build has left.
    fn taken_up(
        &self,
        step: &str,
        service: &ServiceName,
        plan: &BuildPlan,
        layout: PathBuf,
        origin: Origin,
    ) -> Result<Built, ReleaseError> {
        let found = Found::of(&layout).map_err(|error| {
            let what = format!("{step} failed: what it left is no OCI image layout: {}", files::told(&error));
            ReleaseError::not_possible(what, "let the build write one: an `oci-layout` file, `index.json` and `blobs/`")
        })?;
        let Found { digest, size, referrers, .. } = found;
        let (service, plan) = (service.clone(), plan.clone());
        Ok(Built { service, plan, digest, layout, size, referrers, origin, purpose: Purpose::Release })
    }
}
