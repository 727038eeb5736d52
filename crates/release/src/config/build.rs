//! The `build` of a service: one of three kinds, each with settings of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use seatrial_model::image::RepositoryName;
use serde::Deserialize;

use super::document::ServiceEntry;
use super::error::Fault;
use super::names::{AppName, ServiceName};
use super::numbers::Seconds;
use super::site::Site;
use super::words::{Command, OneOrMany};
use crate::plan::{BUILD_TIMEOUT_DEFAULT, BuildKind, BuildPlan, CommandBuild, DockerfileBuild, FilesBuild};

/// How the image is made: from `files`, by a `dockerfile`, or by a `command` of the application's own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuildEntry {
    /// Files and directories of this machine by their place in the image: `{ /server: target/release/server }`.
    pub files: Option<BTreeMap<String, Option<String>>>,
    /// A Dockerfile, which buildah, podman or docker builds.
    pub dockerfile: Option<String>,
    /// A command that leaves an OCI image layout in `output`.
    pub command: Option<Command>,
    /// Commands that are run first, in the directory of this file: one, or a list of lines.
    pub before: Option<OneOrMany>,
    /// Commands that have to pass before anything is built, after those of `before`: one, or a list of lines.
    pub test: Option<OneOrMany>,
    /// The longest that each command may take; an hour when left out.
    pub timeout: Option<Seconds<1, 86_400>>,
    /// With `files`: patterns of what is left out, as in a .gitignore.
    pub ignore: Option<OneOrMany>,
    /// With `files`: the image that the files are added to; an empty one when left out.
    pub base: Option<String>,
    /// With `files`: the program of the image. A service's `command` is its arguments then.
    pub entrypoint: Option<Command>,
    /// With `files`: variables that the image sets.
    pub environment: Option<BTreeMap<String, String>>,
    /// With `files`: where the program is started in the image.
    pub working_directory: Option<String>,
    /// With `files`: the user that the program runs as.
    pub user: Option<String>,
    /// With `files`: labels of the image.
    pub labels: Option<BTreeMap<String, String>>,
    /// With `files` and `dockerfile`: `linux/amd64` or `linux/arm64`; that of the tasks when left out. `files` takes a list, for one image of
    /// several platforms: `{architecture}` (`amd64`, `arm64`) and `{machine}` (`x86_64`, `aarch64`) in paths are then each platform's.
    pub platform: Option<OneOrMany>,
    /// With `dockerfile`: the directory it is built in; that of this file when left out.
    pub context: Option<String>,
    /// With `dockerfile`: the stage that is built; the last when left out.
    pub target: Option<String>,
    /// With `dockerfile`: its arguments.
    pub arguments: Option<BTreeMap<String, String>>,
    /// With `command`: the directory in which it leaves the image.
    pub output: Option<String>,
}

/// The keys that belong to one kind only.
const KEYS_OF_FILES: [&str; 7] = ["ignore", "base", "entrypoint", "environment", "working_directory", "user", "labels"];
const KEYS_OF_DOCKERFILE: [&str; 3] = ["context", "target", "arguments"];
const KEYS_OF_COMMAND: [&str; 1] = ["output"];

/// Reads how the image of a service is made; none where it is there already.
pub(crate) fn build(
    app: &AppName,
    name: &ServiceName,
    entry: &ServiceEntry,
    site: &Site<'_>,
) -> Result<Option<BuildPlan>, Fault> {
    let Some(build) = &entry.build else {
        return match &entry.repository {
            None => Ok(None),
            Some(_) => Err(site
                .below("repository")
                .fault("says where images are pushed, but the service builds none")
                .instead("add `build:`, or remove `repository`")),
        };
    };
    let at = site.below("build");
    if site.node.get("image").is_some() && site.node.get("build").is_some() {
        return Err(at
            .fault("stands beside an `image`")
            .instead("remove one of them: an image is built or there already"));
    }
    let kind = kind(build, &at)?;
    let repository = entry.repository.clone().unwrap_or_else(|| format!("{app}/{name}"));
    RepositoryName::parse(&repository)
        .map_err(|error| site.below("repository").fault(format_args!("is wrong: {error}")))?;
    let before = commands(build.before.as_ref(), &at.below("before"))?;
    let test = commands(build.test.as_ref(), &at.below("test"))?;
    let seconds = build.timeout.and_then(|seconds| u64::try_from(seconds.get()).ok());
    let timeout = seconds.map_or(BUILD_TIMEOUT_DEFAULT, Duration::from_secs);
    Ok(Some(BuildPlan { repository, is_named: entry.repository.is_some(), before, test, timeout, kind }))
}

fn commands(lines: Option<&OneOrMany>, at: &Site<'_>) -> Result<Vec<Vec<String>>, Fault> {
    let lines = lines.into_iter().flat_map(OneOrMany::values);
    lines
        .map(|line| Command::of_text(line).map(|command| command.words().to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|why| at.fault(why))
}

fn kind(build: &BuildEntry, at: &Site<'_>) -> Result<BuildKind, Fault> {
    let (kind, kind_name, others): (_, _, [&[&str]; 2]) = match (&build.files, &build.dockerfile, &build.command) {
        (Some(files), None, None) => (files_build(build, files, at)?, "files", [&KEYS_OF_DOCKERFILE, &KEYS_OF_COMMAND]),
        (None, Some(dockerfile), None) => {
            let kind = BuildKind::Dockerfile(DockerfileBuild {
                dockerfile: dockerfile.clone(),
                context: build.context.clone().unwrap_or_else(|| ".".to_owned()),
                target: build.target.clone(),
                arguments: build.arguments.clone().unwrap_or_default(),
                platform: one_platform(build, at)?,
            });
            (kind, "dockerfile", [&KEYS_OF_FILES, &KEYS_OF_COMMAND])
        }
        (None, None, Some(command)) => {
            let output = build.output.clone().ok_or_else(|| {
                at.fault("has a `command` but no `output`")
                    .instead("name the directory in which it leaves an OCI image layout")
            })?;
            let kind = BuildKind::Command(CommandBuild { command: command.words().to_vec(), output });
            (kind, "command", [&KEYS_OF_FILES, &KEYS_OF_DOCKERFILE])
        }
        (None, None, None) => {
            return Err(at.fault("does not say what to build").instead("add `files:`, `dockerfile:` or `command:`"));
        }
        _ => return Err(at.fault("is of several kinds").instead("keep one of `files`, `dockerfile` and `command`")),
    };
    match others.into_iter().flatten().find(|key| at.node.get(key).is_some()) {
        Some(key) => Err(at
            .below(key)
            .fault(format_args!("means nothing to a build of the kind `{kind_name}`"))
            .instead(format!("remove `{key}`"))),
        None => Ok(kind),
    }
}

/// What is written of platforms, each once.
fn platforms(build: &BuildEntry, at: &Site<'_>) -> Result<Vec<String>, Fault> {
    let written: Vec<String> = build.platform.iter().flat_map(OneOrMany::values).cloned().collect();
    let is_platform = |text: &str| {
        let mut parts = text.split('/');
        let given = parts.by_ref().take(3).filter(|part| !part.is_empty()).count();
        given >= 2 && parts.next().is_none() && !text.ends_with('/')
    };
    match written.iter().enumerate().find(|(index, text)| !is_platform(text) || written[..*index].contains(text)) {
        None => Ok(written),
        Some((_, text)) if is_platform(text) => {
            Err(at.below("platform").fault(format_args!("names {text} twice")).instead("name each platform once"))
        }
        Some((_, text)) => Err(at
            .below("platform")
            .fault(format_args!("is `{text}`, which is no platform"))
            .instead("write linux/amd64 or linux/arm64")),
    }
}

fn one_platform(build: &BuildEntry, at: &Site<'_>) -> Result<Option<String>, Fault> {
    match platforms(build, at)?.as_slice() {
        [] => Ok(None),
        [platform] => Ok(Some(platform.clone())),
        _ => Err(at
            .below("platform")
            .fault("names several, and a Dockerfile is built for one")
            .instead("name one, or use a build of `files`, or of a `command` that writes an index")),
    }
}

fn files_build(
    build: &BuildEntry,
    files: &BTreeMap<String, Option<String>>,
    at: &Site<'_>,
) -> Result<BuildKind, Fault> {
    let mut placed = BTreeMap::new();
    for (place, source) in files {
        let Some(source) = source else { continue };
        if !place.starts_with('/') || place.split('/').any(|part| part == "..") {
            let fault = at.below("files").fault(format_args!("places something at `{place}`"));
            return Err(fault.instead("write an absolute path of the image: /server"));
        }
        placed.insert(place.clone(), source.clone());
    }
    if placed.is_empty() && build.base.is_none() {
        return Err(at.below("files").fault("names no file").instead("write `/place/in/image: path/here`"));
    }
    Ok(BuildKind::Files(FilesBuild {
        files: placed,
        ignore: build.ignore.as_ref().map(|patterns| patterns.values().to_vec()).unwrap_or_default(),
        base: build.base.clone(),
        entrypoint: build.entrypoint.as_ref().map(|command| command.words().to_vec()).unwrap_or_default(),
        environment: build.environment.clone().unwrap_or_default(),
        working_directory: build.working_directory.clone(),
        user: build.user.clone(),
        labels: build.labels.clone().unwrap_or_default(),
        platforms: platforms(build, at)?,
    }))
}
