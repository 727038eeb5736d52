//! Packs files of this machine into an image, without running anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use seatrial_distribution::{
    Client, Credential, CredentialFiles, CredentialSource, DistributionError, ImageName, Layout as Pulled, Options,
    Platform as WantedPlatform, PlatformChoice, Progress, Silent,
};
use seatrial_image::Platform;
use seatrial_image::layout::{Layout, LayoutWriter};
use seatrial_image::pack::{Entry, Ignored, ImageBuilder, PackError, PackOptions, attach_sbom};

use crate::error::ReleaseError;
use crate::images::Login;
use crate::plan::FilesBuild;

/// The name that a built image has in its layout.
pub(super) const IMAGE_NAME: &str = "image";
/// The variable that says when everything in an image was made; nothing else of the time gets into one.
pub(super) const EPOCH_VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// Packs an image into an OCI image layout, which is made.
pub(super) async fn pack(
    step: &str,
    build: &FilesBuild,
    directory: &Path,
    login: Option<&Login>,
    layout: PathBuf,
) -> Result<(), ReleaseError> {
    let platform = platform(build)?;
    let base = match &build.base {
        None => None,
        Some(base) => Some(pull(base, &platform, login, layout.with_file_name("base")).await?),
    };
    let (build, directory, step) = (build.clone(), directory.to_path_buf(), step.to_owned());
    let packed = tokio::task::spawn_blocking(move || written(&build, &directory, platform, base.as_deref(), &layout));
    let packed = packed.await.map_err(|error| failed(&step, &error.to_string()))?;
    packed.map_err(|error| failed(&step, &told(&error)))
}

fn written(
    build: &FilesBuild,
    directory: &Path,
    platform: Platform,
    base: Option<&Path>,
    layout: &Path,
) -> Result<(), PackError> {
    let builder = match base {
        None => ImageBuilder::from_scratch(platform),
        Some(base) => ImageBuilder::on(Layout::open(base)?.image(None, &platform)?),
    };
    let created = std::env::var(EPOCH_VARIABLE).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    // A layer each, so that what changes rarely is pushed rarely.
    let mut builder = build.files.iter().try_fold(builder, |builder, (place, source)| {
        let options = PackOptions {
            // What version control keeps of the past has no business in an image.
            ignored: Ignored::parse(&format!(".git\n{}", build.ignore.join("\n")))?,
            modified: created,
            ..PackOptions::default()
        };
        Ok::<_, PackError>(builder.layer(vec![Entry::from_path(directory.join(source), place)], options))
    })?;
    if !build.entrypoint.is_empty() {
        builder = builder.entry_point(build.entrypoint.clone());
    }
    for (name, value) in &build.environment {
        builder = builder.environment(name, value);
    }
    for (name, value) in &build.labels {
        builder = builder.label(name, value);
    }
    if let Some(path) = &build.working_directory {
        builder = builder.working_directory(path);
    }
    if let Some(user) = &build.user {
        builder = builder.user(user);
    }
    let writer = LayoutWriter::create(layout)?;
    let image = builder.created(created).build(&writer, Some(IMAGE_NAME))?;
    attach_sbom(&writer, &image, IMAGE_NAME, created)?;
    Ok(())
}

/// `linux/arm64`; that of this machine where none is given.
fn platform(build: &FilesBuild) -> Result<Platform, ReleaseError> {
    let Some(given) = &build.platform else { return Ok(Platform::of_this_machine()) };
    let mut parts = given.split('/').map(ToOwned::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(os), Some(architecture), variant, None) => Ok(Platform { os, architecture, variant }),
        _ => Err(ReleaseError::not_possible(
            format!("`{given}` is no platform"),
            "write `platform: linux/amd64` or `platform: linux/arm64`",
        )),
    }
}

/// Asks what the base is now, unless it is named by its digest.
pub(super) async fn base_digest(build: &FilesBuild, login: Option<&Login>) -> Result<Option<String>, ReleaseError> {
    let Some(base) = build.base.as_ref().filter(|base| !base.contains('@')) else { return Ok(None) };
    let (name, credentials) = named(base, login)?;
    let asked = async {
        let client = Client::open(&name, &credentials, &Options::default()).await?;
        client.head_manifest(&name.reference()).await
    };
    let found = asked.await.map_err(|error| not_had(base, &error))?;
    Ok(found.map(|head| head.digest.to_string()))
}

/// Pulls the image that the files are added to.
async fn pull(base: &str, platform: &Platform, login: Option<&Login>, into: PathBuf) -> Result<PathBuf, ReleaseError> {
    let (name, credentials) = named(base, login)?;
    let wanted = WantedPlatform {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
    };
    let progress: Arc<dyn Progress> = Arc::new(Silent);
    let pulled = async {
        let client = Client::open(&name, &credentials, &Options::default()).await?;
        let layout = Pulled::open(&into).map_err(|source| DistributionError::Write {
            doing: format!("pull {base}"),
            path: into.clone(),
            source,
        })?;
        client.pull_image(&name.reference(), &PlatformChoice::One(wanted), &layout, &progress).await
    };
    match pulled.await {
        Ok(_) => Ok(into),
        Err(error) => Err(not_had(base, &error)),
    }
}

fn named(base: &str, login: Option<&Login>) -> Result<(ImageName, CredentialSource), ReleaseError> {
    let name = ImageName::parse(base).map_err(|error| {
        ReleaseError::not_possible(format!("`base: {base}` is no image: {error}"), "write it as docker pull takes it")
    })?;
    let own = login.filter(|login| login.registry == name.registry.as_str());
    let credentials = match own {
        Some(login) => CredentialSource::Given(Credential::password(login.user.clone(), login.password.clone())),
        None => CredentialSource::Files(CredentialFiles::from_environment()),
    };
    Ok((name, credentials))
}

fn not_had(base: &str, error: &DistributionError) -> ReleaseError {
    let instead = match error {
        DistributionError::Unauthorised { .. } | DistributionError::Denied { .. } => {
            "log in with docker or podman, or name another `base:`"
        }
        _ => "correct `base:` or name another one, and run the command again",
    };
    ReleaseError::not_possible(format!("the base {base} cannot be had: {}", error.tell()), instead)
}

/// An error with its causes.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

fn failed(step: &str, why: &str) -> ReleaseError {
    ReleaseError::not_possible(
        format!("{step} failed: {why}"),
        "correct `build:` of the service, and run the command again",
    )
}
