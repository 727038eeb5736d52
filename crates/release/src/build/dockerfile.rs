//! Builds a Dockerfile with whatever builder there is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Builder;
use super::tool::{self, Program};
use crate::config::app_type::{IGNORED, own_dockerfile};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::DockerfileBuild;
use crate::report::Event;

/// The builders, the best first: those that need no daemon, and Docker.
const BUILDERS: [&str; 3] = ["buildah", "podman", "docker"];
/// The variable that names another one.
pub(super) const BUILDER_VARIABLE: &str = "SEATRIAL_BUILDER";

/// Builds into an OCI image layout, which is made.
pub(super) async fn build(
    step: &str,
    build: &DockerfileBuild,
    work: &Builder<'_>,
    (layout, limit): (PathBuf, Duration),
    interrupt: &mut Interrupt,
) -> Result<(), ReleaseError> {
    let builder = builder()?;
    let mut build = build.clone();
    let mut ignored = None;
    if let Some(own) = own_dockerfile(&build.dockerfile, work.directory) {
        let tell = |line: String| work.report.send(Event::Output { source: step.to_owned(), line });
        tell("there is no Dockerfile; this one is used:".to_owned());
        own.lines().for_each(|line| tell(format!("  {line}")));
        let path = write(step, &layout, "Dockerfile", &own)?;
        build.dockerfile = path.to_string_lossy().into_owned();
        if !work.directory.join(".dockerignore").exists() {
            // Docker finds it by its name.
            ignored = Some(write(step, &layout, "Dockerfile.dockerignore", IGNORED)?);
        }
    }
    for words in commands(&builder, &build, ignored.as_deref(), &layout) {
        let program = Program { step, words: &words, directory: work.directory, limit };
        tool::run(program, &build.arguments, work.report, interrupt).await?;
    }
    Ok(())
}

/// Writes a file beside the layout, where nothing of the application is.
fn write(step: &str, layout: &Path, name: &str, text: &str) -> Result<PathBuf, ReleaseError> {
    let path = layout.with_file_name(name);
    std::fs::write(&path, text).map_err(|error| {
        let what = format!("{step} failed: {} cannot be written: {error}", path.display());
        ReleaseError::not_possible(what, "make room there, or name another data directory with SEATRIAL_HOME")
    })?;
    Ok(path)
}

fn builder() -> Result<String, ReleaseError> {
    if let Some(named) = std::env::var(BUILDER_VARIABLE).ok().filter(|named| !named.is_empty()) {
        return Ok(named);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    BUILDERS.into_iter().find(is_there).map(ToOwned::to_owned).ok_or_else(|| {
        let what = "a Dockerfile is built with buildah, podman or docker, and none of them is installed";
        ReleaseError::not_possible(
            what,
            "install one (apt-get install buildah), or build from `files:`, which needs none",
        )
    })
}

/// The commands that build and write the layout. Times are fixed, so that the same layers have the same digest.
fn commands(builder: &str, build: &DockerfileBuild, ignored: Option<&Path>, layout: &Path) -> Vec<Vec<String>> {
    let layout = layout.to_string_lossy();
    let name = builder.rsplit('/').next().unwrap_or(builder);
    let mut words: Vec<String> = vec![builder.to_owned()];
    let mut add = |some: &[&str]| words.extend(some.iter().map(|word| (*word).to_owned()));
    let image = format!("localhost/seatrial-build-{}", std::process::id());
    let output = format!("type=oci,tar=false,dest={layout}");
    match name {
        "docker" => add(&["buildx", "build", "--provenance=false", "--output", &output]),
        _ => add(&["build", "--timestamp", "0", "--format", "oci", "--tag", &image]),
    }
    add(&["--file", &build.dockerfile]);
    if let (Some(ignored), true) = (ignored, name != "docker") {
        add(&["--ignorefile", &ignored.to_string_lossy()]);
    }
    if let Some(target) = &build.target {
        add(&["--target", target]);
    }
    if let Some(platform) = &build.platform {
        add(&["--platform", platform]);
    }
    // Their values are in the builder's environment: they may be secret, and a command line is shown.
    for argument in build.arguments.keys() {
        add(&["--build-arg", argument]);
    }
    add(&[&build.context]);
    match name {
        "docker" => vec![words],
        _ => {
            let push = [builder, "push", &image, &format!("oci:{layout}")].map(ToOwned::to_owned).to_vec();
            let forget = [builder, "rmi", &image].map(ToOwned::to_owned).to_vec();
            vec![words, push, forget]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(builder: &str) -> Vec<String> {
        let build = DockerfileBuild {
            dockerfile: "Dockerfile".into(),
            context: ".".into(),
            target: Some("run".into()),
            arguments: [("VERSION".to_owned(), "1 2".to_owned())].into(),
            platform: Some("linux/arm64".into()),
        };
        let image = format!("seatrial-build-{}", std::process::id());
        let commands = commands(builder, &build, None, Path::new("/tmp/out"));
        commands.iter().map(|words| words.join(" ").replace(&image, "IMAGE")).collect()
    }

    #[test]
    fn every_builder_is_asked_for_the_same() {
        let asked = "--file Dockerfile --target run --platform linux/arm64 --build-arg VERSION .";
        assert_eq!(
            lines("buildah"),
            [
                format!("buildah build --timestamp 0 --format oci --tag localhost/IMAGE {asked}"),
                "buildah push localhost/IMAGE oci:/tmp/out".to_owned(),
                "buildah rmi localhost/IMAGE".to_owned(),
            ]
        );
        assert_eq!(
            lines("/usr/bin/docker"),
            [format!(
                "/usr/bin/docker buildx build --provenance=false --output type=oci,tar=false,dest=/tmp/out {asked}"
            )]
        );
    }
}
