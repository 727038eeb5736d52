//! The file that says what stands for which function, in YAML or JSON.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use crate::function_name::FunctionName;
use crate::time_limit::TimeLimit;

/// The largest file that is read. A function takes some hundred bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What stands for a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub means: Means,
    pub time_limit: Duration,
}

/// How a function is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Command(CommandLine),
    /// An address with scheme `http` or `https`, to which the request is posted.
    Address(Uri),
}

/// A command, as it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// A path, or a name to be looked up in `PATH`.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Where it runs: the directory of the file that names it.
    pub directory: PathBuf,
    pub environment: BTreeMap<String, String>,
}

/// Why a function is not found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MapError {
    #[error("the file of functions {} is not there; create it with `functions: {{ NAME: {{ command: [PROGRAM] }} }}`", .0.display())]
    Missing(PathBuf),
    #[error("could not read the file of functions {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the file of functions {} is larger than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLarge(PathBuf),
    #[error("the file of functions {} cannot be used", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    #[error("the function `{function}` in {} cannot be used: {fault}", path.display())]
    Function { path: PathBuf, function: String, fault: Fault },
    #[error("there is no function `{name}`; add it to {}, which has {}", path.display(), list(known))]
    Unknown { name: FunctionName, path: PathBuf, known: Vec<String> },
}

/// What is wrong with one function of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("a name has up to 140 letters, digits, - and _")]
    Name,
    #[error("it needs either `command` or `url`")]
    NoMeans,
    #[error("it has both `command` and `url`; keep one")]
    TwoMeans,
    #[error("`command` needs at least the program: [PROGRAM, ARGUMENT, ...]")]
    EmptyCommand,
    #[error("`command` and `environment` cannot hold the character NUL, and a variable's name not `=`")]
    NoArgument,
    #[error("`environment` is for a command; an address gets all it needs in the request")]
    EnvironmentOfAddress,
    #[error("`url` must be http://HOST... or https://HOST..., without user and password, not `{0}`")]
    Address(String),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    functions: BTreeMap<String, Entry>,
}

/// One function as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    command: Option<Vec<String>>,
    url: Option<String>,
    timeout: TimeLimit,
    environment: Option<BTreeMap<String, String>>,
}

/// Finds a function in a file. A mistake anywhere in the file is an error, so that it shows before its function is needed.
pub(crate) fn find(path: &Path, name: &FunctionName) -> Result<Function, MapError> {
    let text = read(path)?;
    let options = serde_saphyr::options! { with_snippet: false };
    let document: Document = serde_saphyr::from_slice_with_options(&text, options)
        .map_err(|error| MapError::Malformed { path: path.to_owned(), source: Box::new(error) })?;
    let known: Vec<String> = document.functions.keys().cloned().collect();
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut found = None;
    for (function, entry) in document.functions {
        let usable = entry.check(&function, directory);
        let usable =
            usable.map_err(|fault| MapError::Function { path: path.to_owned(), function: function.clone(), fault })?;
        if function == name.as_str() {
            found = Some(usable);
        }
    }
    found.ok_or_else(|| MapError::Unknown { name: name.clone(), path: path.to_owned(), known })
}

fn read(path: &Path) -> Result<Vec<u8>, MapError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => MapError::Missing(path.to_owned()),
        _ => MapError::Unreadable { path: path.to_owned(), source },
    };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX { Err(MapError::TooLarge(path.to_owned())) } else { Ok(text) }
}

impl Entry {
    fn check(self, name: &str, directory: &Path) -> Result<Function, Fault> {
        FunctionName::parse(name).map_err(|_| Fault::Name)?;
        let means = match (self.command, self.url) {
            (Some(command), None) => {
                Means::Command(command_line(command, self.environment.unwrap_or_default(), directory)?)
            }
            (None, Some(_)) if self.environment.is_some() => return Err(Fault::EnvironmentOfAddress),
            (None, Some(url)) => Means::Address(address(&url)?),
            (Some(_), Some(_)) => return Err(Fault::TwoMeans),
            (None, None) => return Err(Fault::NoMeans),
        };
        Ok(Function { means, time_limit: self.timeout.get() })
    }
}

fn command_line(
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    directory: &Path,
) -> Result<CommandLine, Fault> {
    let names_fit = environment.keys().all(|name| !name.is_empty() && !name.contains('='));
    let mut texts = command.iter().chain(environment.keys()).chain(environment.values());
    if !names_fit || texts.any(|text| text.contains('\0')) {
        return Err(Fault::NoArgument);
    }
    let mut words = command.into_iter();
    let program = words.next().filter(|program| !program.is_empty()).ok_or(Fault::EmptyCommand)?;
    // The file's directory may itself be relative to where the engine was started.
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let program = if program.contains('/') { directory.join(program) } else { PathBuf::from(program) };
    Ok(CommandLine { program, arguments: words.collect(), directory, environment })
}

fn address(url: &str) -> Result<Uri, Fault> {
    let refused = || Fault::Address(url.to_owned());
    let address: Uri = url.parse().map_err(|_| refused())?;
    let has_scheme = matches!(address.scheme_str(), Some("http" | "https"));
    let has_host =
        address.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    if has_scheme && has_host { Ok(address) } else { Err(refused()) }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
