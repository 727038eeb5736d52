//! What a directory says about the application in it, each with the place that says it.

use std::io::Read;
use std::path::{Path, PathBuf};

use seatrial_release::config::AppType;
use seatrial_release::import::task_definition;

use super::dockerfile::Dockerfile;
use super::language::{Language, language};
use super::sources::{self, Sources};
use crate::commands::import::{COMPOSE_FILES, ECSPRESSO_FILES, Source, TASK_DEFINITIONS};

/// Largest file that is looked at.
const FILE_MAX: u64 = 256 * 1024;

/// The usual name of the file an image is built from.
pub const DOCKERFILE: &str = "Dockerfile";

/// The directory that is looked at.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.join(name).is_file()
    }

    /// Reads a file, if it is one of reasonable size; nothing but plain files is opened.
    pub fn read(&self, name: impl AsRef<Path>) -> Option<String> {
        let path = self.0.join(name);
        let metadata = path.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > FILE_MAX {
            return None;
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path).ok()?.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A value, and what makes one think so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasoned<T> {
    pub value: T,
    pub why: String,
}

impl<T> Reasoned<T> {
    fn new(value: T, why: impl Into<String>) -> Self {
        Self { value, why: why.into() }
    }
}

/// Another tool's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Importable {
    pub source: Source,
    /// The file, or the directory of them.
    pub path: PathBuf,
    pub name: String,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub name: String,
    pub language: Option<Language>,
    pub dockerfile: Option<Dockerfile>,
    pub app_type: Option<AppType>,
    /// The command that starts it.
    pub command: Option<Reasoned<String>>,
    pub port: Option<Reasoned<u16>>,
    pub health_path: Option<Reasoned<String>>,
    pub importable: Vec<Importable>,
}

impl Found {
    /// Looks at a directory.
    pub fn of(directory: &Directory) -> Self {
        let language = language(directory);
        let dockerfile = directory.read(DOCKERFILE).map(|text| Dockerfile::parse(&text));
        let sources = Sources::of(directory);
        let of_language =
            language.as_ref().and_then(|language| Some(Reasoned::new(language.command.clone()?, language.file)));
        Self {
            name: name_of(directory.path()),
            command: of_procfile(directory).or(of_language),
            port: port(directory, dockerfile.as_ref(), &sources),
            health_path: health_path(dockerfile.as_ref(), language.as_ref(), &sources),
            language,
            dockerfile,
            app_type: AppType::detect(directory.path()),
            importable: importable(directory),
        }
    }

    /// What was found, a line each: what it is, what is there, where.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let Some(language) = &self.language {
            lines.push(("language", format!("{} ({})", language.name, language.file)));
        }
        if let Some(dockerfile) = &self.dockerfile {
            let command = dockerfile.command.as_deref().map(|command| format!(", starts {command}"));
            lines.push(("image", format!("{DOCKERFILE}{}", command.unwrap_or_default())));
        }
        let mut put = |what, value: Option<(String, &String)>| {
            lines.extend(value.map(|(value, why)| (what, format!("{value} ({why})"))));
        };
        put("command", self.command.as_ref().map(|command| (command.value.clone(), &command.why)));
        put("port", self.port.as_ref().map(|port| (port.value.to_string(), &port.why)));
        put("health path", self.health_path.as_ref().map(|path| (path.value.clone(), &path.why)));
        lines.extend(self.importable.iter().map(|other| ("other tool", other.name.clone())));
        lines
    }
}

fn of_procfile(directory: &Directory) -> Option<Reasoned<String>> {
    let text = directory.read("Procfile")?;
    let command = text.lines().find_map(|line| line.strip_prefix("web:"))?.trim().to_owned();
    (!command.is_empty()).then(|| Reasoned::new(command, "web of Procfile"))
}

fn port(directory: &Directory, dockerfile: Option<&Dockerfile>, sources: &Sources) -> Option<Reasoned<u16>> {
    if let Some(port) = dockerfile.and_then(|dockerfile| dockerfile.port) {
        return Some(Reasoned::new(port, "EXPOSE or PORT of Dockerfile"));
    }
    for file in [".env", ".env.example"] {
        let text = directory.read(file).unwrap_or_default();
        let value = text.lines().find_map(|line| line.trim().trim_start_matches("export ").strip_prefix("PORT="));
        if let Some(port) =
            value.and_then(|value| value.trim().trim_matches(['"', '\'']).parse().ok()).filter(|port| *port > 0)
        {
            return Some(Reasoned::new(port, format!("PORT of {file}")));
        }
    }
    let procfile = directory.read("Procfile").unwrap_or_default();
    if let Some(port) = sources::port(&procfile.replace([' ', '='], "\n")).or_else(|| after_colon(&procfile)) {
        return Some(Reasoned::new(port, "Procfile"));
    }
    let seen = sources.port.as_ref()?;
    Some(Reasoned::new(seen.value, seen.file.to_string_lossy()))
}

/// The port of an address such as `0.0.0.0:8000`.
fn after_colon(text: &str) -> Option<u16> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    text.split("0.0.0.0:").skip(1).find_map(digits).filter(|port| *port > 0)
}

fn health_path(
    dockerfile: Option<&Dockerfile>,
    language: Option<&Language>,
    sources: &Sources,
) -> Option<Reasoned<String>> {
    if let Some(path) = dockerfile.and_then(|dockerfile| dockerfile.health_path.clone()) {
        return Some(Reasoned::new(path, "HEALTHCHECK of Dockerfile"));
    }
    if let Some((path, file)) = language.and_then(|language| Some((language.health_path?, language.file))) {
        return Some(Reasoned::new(path.to_owned(), file));
    }
    let seen = sources.health_path.as_ref()?;
    Some(Reasoned::new(seen.value.to_owned(), seen.file.to_string_lossy()))
}

/// Finds files of other tools.
fn importable(directory: &Directory) -> Vec<Importable> {
    let found = |source, names: &[&str]| {
        let name = names.iter().find(|name| directory.has(name))?;
        Some(Importable { source, path: directory.path().join(name), name: (*name).to_owned() })
    };
    let copilot = directory.path().join("copilot");
    let copilot = copilot.is_dir().then(|| Importable {
        source: Source::Copilot,
        path: directory.path().to_owned(),
        name: "copilot/".to_owned(),
    });
    let definition =
        TASK_DEFINITIONS.iter().filter(|name| directory.read(name).is_some_and(|text| task_definition::is_one(&text)));
    let definition = definition.copied().next().and_then(|name| found(Source::TaskDefinition, &[name]));
    let ecspresso = found(Source::Ecspresso, &ECSPRESSO_FILES);
    // What ecspresso names it brings in itself.
    let definition = definition.filter(|_| ecspresso.is_none());
    ecspresso.into_iter().chain(copilot).chain(definition).chain(found(Source::Compose, &COMPOSE_FILES)).collect()
}

/// The name of a directory as an application's: lower-case letters, digits and hyphens.
fn name_of(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let name: String = name.trim_start_matches(|letter: char| !letter.is_ascii_alphabetic()).chars().take(20).collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "app".to_owned() } else { parts.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seatrial_release::config::AppName;

    #[test]
    fn a_directory_gives_a_name() {
        let cases = [
            ("/a/My App", "my-app"),
            ("/a/2048", "app"),
            ("/", "app"),
            ("/a/web_1", "web-1"),
            ("/a/.tmpX--y", "tmpx-y"),
            ("/a/a-long-name-with-a--hyphen", "a-long-name-with-a"),
        ];
        for (directory, name) in cases {
            let given = name_of(Path::new(directory));
            assert_eq!(given, name);
            assert!(given.parse::<AppName>().is_ok());
        }
    }

    #[test]
    fn the_clearest_evidence_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("writable");
        let found = || Found::of(&Directory::new(directory.path()));
        let port = || found().port.map(|port| (port.value, port.why));
        assert!(found().lines().is_empty());
        write("server.js", "listen(3001)\n'/healthz'");
        assert_eq!(port(), Some((3001, "server.js".into())));
        write("Procfile", "worker: x\nweb: gunicorn app:app --bind 0.0.0.0:8000\n");
        assert_eq!(port(), Some((8000, "Procfile".into())));
        write(".env", "A=b\nexport PORT=\"4000\"\n");
        assert_eq!(port(), Some((4000, "PORT of .env".into())));
        write("Dockerfile", "FROM x\nEXPOSE 5000\nHEALTHCHECK CMD curl http://localhost/up\n");
        write("package.json", "{\"main\": \"server.js\"}");
        write("taskdef.json", "{\"containerDefinitions\": [{\"name\": \"a\"}]}");
        write("compose.yaml", "");
        insta::assert_snapshot!(
            found().lines().iter().map(|(what, value)| format!("{what}: {value}\n")).collect::<String>()
        );
        let sources: Vec<Source> = found().importable.into_iter().map(|other| other.source).collect();
        assert_eq!(sources, [Source::TaskDefinition, Source::Compose]);
        write("ecspresso.yml", "");
        assert_eq!(found().importable[0].source, Source::Ecspresso);
    }
}
