//! Packs files of this machine into an image, without running anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use seatrial_distribution::{
    Client, Credential, CredentialFiles, CredentialSource, DistributionError, ImageName, Layout as Pulled, Options,
    Platform as WantedPlatform, PlatformChoice, Progress, Silent,
};
use seatrial_image::Platform;
use seatrial_image::layout::{Layout, LayoutWriter};
use seatrial_image::pack::{Entry, Ignored, ImageBuilder, PackError, PackOptions, attach_sbom, write_index};

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
    let mut platforms = Vec::new();
    for platform in wanted(build)? {
        let base = match &build.base {
            None => None,
            Some(base) => {
                Some(pull(base, &platform, login, layout.with_file_name(format!("base-{}", platforms.len()))).await?)
            }
        };
        platforms.push((platform, base));
    }
    let (build, directory, step) = (build.clone(), directory.to_path_buf(), step.to_owned());
    let packed = tokio::task::spawn_blocking(move || written(&build, &directory, platforms, &layout));
    let packed = packed.await.map_err(|error| failed(&step, &error.to_string()))?;
    packed.map_err(|error| failed(&step, &told(&error)))
}

/// Writes the image for each platform on its base, and an index of them where there are several.
fn written(
    build: &FilesBuild,
    directory: &Path,
    platforms: Vec<(Platform, Option<PathBuf>)>,
    layout: &Path,
) -> Result<(), PackError> {
    let writer = LayoutWriter::create(layout)?;
    let created = std::env::var(EPOCH_VARIABLE).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let is_index = platforms.len() > 1;
    let mut images = Vec::new();
    for (platform, base) in platforms {
        let builder = builder(build, directory, platform, base.as_deref(), created)?;
        let image =
            if is_index { builder.build_unlisted(&writer)? } else { builder.build(&writer, Some(IMAGE_NAME))? };
        attach_sbom(&writer, &image, IMAGE_NAME, created)?;
        images.push(image);
    }
    if is_index {
        write_index(&writer, &images, Some(IMAGE_NAME))?;
    }
    Ok(())
}

fn builder(
    build: &FilesBuild,
    directory: &Path,
    platform: Platform,
    base: Option<&Path>,
    created: u64,
) -> Result<ImageBuilder, PackError> {
    let builder = match base {
        None => ImageBuilder::from_scratch(platform.clone()),
        Some(base) => ImageBuilder::on(Layout::open(base)?.image(None, &platform)?),
    };
    // A layer each, so that what changes rarely is pushed rarely.
    let mut builder = build.files.iter().try_fold(builder, |builder, (place, source)| {
        let options = PackOptions {
            // What version control keeps of the past has no business in an image.
            ignored: Ignored::parse(&format!(".git\n{}", build.ignore.join("\n")))?,
            modified: created,
            ..PackOptions::default()
        };
        Ok::<_, PackError>(
            builder.layer(vec![Entry::from_path(directory.join(source_for(source, &platform)), place)], options),
        )
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
    Ok(builder.created(created))
}

/// The platforms that an image is built for; that of this machine where none is given.
pub(super) fn wanted(build: &FilesBuild) -> Result<Vec<Platform>, ReleaseError> {
    if build.platforms.is_empty() {
        return Ok(vec![Platform::of_this_machine()]);
    }
    build.platforms.iter().map(|given| platform(given)).collect()
}

fn platform(given: &str) -> Result<Platform, ReleaseError> {
    let mut parts = given.split('/').map(ToOwned::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(os), Some(architecture), variant, None) => Ok(Platform { os, architecture, variant }),
        _ => Err(ReleaseError::not_possible(
            format!("`{given}` is no platform"),
            "write `platform: linux/amd64` or `platform: linux/arm64`",
        )),
    }
}

/// A path with the platform's words in it: Go's for an architecture, and those that `uname` and compilers have.
pub(super) fn source_for(source: &str, platform: &Platform) -> String {
    let machine = match platform.architecture.as_str() {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    };
    source.replace("{architecture}", &platform.architecture).replace("{machine}", machine)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::build::Found;

    #[test]
    fn an_image_for_several_platforms_is_an_index_of_what_is_each_ones_own() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in [("x86_64", "one"), ("aarch64", "the other"), ("riscv64", "a third")] {
            fs::create_dir(directory.path().join(name)).expect("writable");
            fs::write(directory.path().join(name).join("server"), text).expect("writable");
        }
        let mut build = FilesBuild {
            files: [("/server".to_owned(), "{machine}/server".to_owned())].into(),
            platforms: vec!["linux/arm64".into(), "linux/amd64".into(), "linux/riscv64".into()],
            ..FilesBuild::default()
        };
        let pack = |build: &FilesBuild, name: &str| {
            let layout = directory.path().join(name);
            let platforms = wanted(build).expect("platforms").into_iter().map(|platform| (platform, None));
            written(build, directory.path(), platforms.collect(), &layout).expect("packed");
            (Found::of(&layout).expect("an image"), Layout::open(&layout).expect("a layout"))
        };
        let (found, layout) = pack(&build, "first");
        assert_eq!(found.referrers.len(), 3, "a list of files each");
        let layer_of = |architecture: &str| {
            let platform = platform(&format!("linux/{architecture}")).expect("a platform");
            layout.image(Some(IMAGE_NAME), &platform).expect("an image").manifest.layers[0].digest.clone()
        };
        assert_ne!(layer_of("amd64"), layer_of("arm64"));
        assert!(found.is_whole(&directory.path().join("first")));
        build.platforms.reverse();
        assert_eq!(pack(&build, "second").0.digest, found.digest, "in whatever order they are named");
        let child = layer_of("riscv64");
        fs::remove_file(layout.blob_path(&child)).expect("there");
        assert!(!found.is_whole(&directory.path().join("first")), "a layer of one of them is missing");
        build.platforms = vec!["linux/amd64".into()];
        assert_eq!(pack(&build, "alone").0.referrers.len(), 1);
    }
}
