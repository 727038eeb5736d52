//! How the image of a service is made.

use std::collections::BTreeMap;
use std::time::Duration;

/// The longest a command may take where nothing is said of it; a compiler that is at it longer than this waits for something.
pub const BUILD_TIMEOUT_DEFAULT: Duration = Duration::from_secs(3600);

/// What is made, where it is pushed, and what is run before. Paths are relative to the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildPlan {
    /// The repository in the environment's registry.
    pub repository: String,
    /// Whether the file names it: then it may be one that somebody made by hand.
    pub is_named: bool,
    /// Commands that are run first, one after the other, in the directory of the configuration file.
    pub before: Vec<Vec<String>>,
    /// Commands that have to pass before anything is built.
    pub test: Vec<Vec<String>>,
    /// The longest that a command of it may take.
    pub timeout: Duration,
    pub kind: BuildKind,
}

/// The ways to make an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildKind {
    Files(FilesBuild),
    Dockerfile(DockerfileBuild),
    Command(CommandBuild),
}

/// Files of this machine in an image, without anything being run in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesBuild {
    /// The place in the image, and the file or directory that goes there; `{architecture}` and `{machine}` in it are the platform's.
    pub files: BTreeMap<String, String>,
    /// Patterns of what is left out, as in a `.gitignore`.
    pub ignore: Vec<String>,
    /// The image that the files are added to; none for an empty one.
    pub base: Option<String>,
    pub entrypoint: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub working_directory: Option<String>,
    pub user: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// `linux/amd64`; that of this machine where none is given, and an index of images where there are several.
    pub platforms: Vec<String>,
}

/// A Dockerfile, built by whatever builder is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerfileBuild {
    pub dockerfile: String,
    pub context: String,
    pub target: Option<String>,
    pub arguments: BTreeMap<String, String>,
    pub platform: Option<String>,
}

/// A command of the application's own that leaves an OCI image layout in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandBuild {
    pub command: Vec<String>,
    pub output: String,
}

impl BuildPlan {
    /// The name of an image of which nothing is known but where it will be.
    pub fn placeholder(&self) -> String {
        format!("{}:not-built-yet", self.repository)
    }
}
