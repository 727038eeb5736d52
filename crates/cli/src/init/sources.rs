//! What source code lets one see: the port it listens on and the path that tells that it is ready. Guesses, told as such.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::found::Directory;

/// Most files that are looked at.
const FILES_MAX: usize = 300;

/// Deepest directory that is looked into.
const DEPTH_MAX: usize = 5;

/// Endings of files that have code or settings in them.
const ENDINGS: [&str; 14] =
    ["js", "mjs", "cjs", "ts", "py", "go", "rs", "java", "kt", "rb", "php", "cs", "properties", "toml"];

/// Directories that hold other people's code, or what was made of one's own.
const OTHERS: [&str; 9] = ["node_modules", "target", "vendor", "dist", "build", "venv", "__pycache__", "test", "tests"];

/// Paths by which programs usually tell that they are ready, the clearest first.
const HEALTH_PATHS: [&str; 10] = [
    "/health/ready",
    "/readyz",
    "/ready",
    "/healthz",
    "/health",
    "/healthcheck",
    "/health-check",
    "/_health",
    "/livez",
    "/ping",
];

/// Ways in which a port is written, each with the number in its first group.
static PORTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r#"(?i)\bport["']?\]?\s*(?:\|\||\?\?|,|or)\s*["']?(\d{2,5})\b"#,
        r#"(?i)listen(?:andserve)?\(\s*["']?[\w.:\[\]]*?:?(\d{2,5})\b"#,
        r#"(?i)\bserver\.port\s*=\s*(?:\$\{PORT:)?(\d{2,5})\b"#,
        r#"(?i)["'](?:0\.0\.0\.0|127\.0\.0\.1|\[::\]):(\d{2,5})["']"#,
        r#"(?i)(?:run|serve|bind)\w*\([^)\n]{0,80}\bport\s*=\s*(\d{2,5})\b"#,
        r#"(?i)^\s*(?:const|let|var)?\s*port\s*:?=\s*["']?(\d{2,5})\b"#,
    ];
    patterns.iter().map(|pattern| Regex::new(&format!("(?m){pattern}")).expect("the patterns are constant")).collect()
});

/// Something seen in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    pub value: T,
    pub file: PathBuf,
}

/// What the code lets one see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub port: Option<Seen<u16>>,
    pub health_path: Option<Seen<&'static str>>,
}

impl Sources {
    /// Looks at the files of a directory, those nearest to its top first.
    pub fn of(directory: &Directory) -> Self {
        let mut sources = Sources::default();
        let mut best = HEALTH_PATHS.len();
        for file in files(directory.path()) {
            let Some(text) = directory.read(&file) else { continue };
            if sources.port.is_none() {
                sources.port = port(&text).map(|value| Seen { value, file: file.clone() });
            }
            if let Some(place) = health_path(&text).filter(|place| *place < best) {
                best = place;
                sources.health_path = Some(Seen { value: HEALTH_PATHS[place], file });
            }
        }
        sources
    }
}

/// The port that text speaks of.
pub fn port(text: &str) -> Option<u16> {
    PORTS.iter().find_map(|pattern| pattern.captures(text)?.get(1)?.as_str().parse().ok().filter(|port| *port > 0))
}

/// The clearest path of [`HEALTH_PATHS`] that stands in quotes in text, as an index.
fn health_path(text: &str) -> Option<usize> {
    let quoted = |path: &str| ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{path}{quote}")));
    HEALTH_PATHS.iter().position(|path| quoted(path))
}

/// Files with code in them, relative to the directory: level by level, in the order of their names.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut level) = (Vec::new(), vec![PathBuf::new()]);
    for _ in 0..DEPTH_MAX {
        let mut below = Vec::new();
        for directory in level {
            let Ok(entries) = root.join(&directory).read_dir() else { continue };
            let mut entries: Vec<_> = entries.flatten().take(FILES_MAX * 4).collect();
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = directory.join(&name);
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && !name.starts_with('.') && !OTHERS.contains(&name.as_str()) => {
                        below.push(path)
                    }
                    Ok(kind) if kind.is_file() && has_code(&path) && found.len() < FILES_MAX => found.push(path),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        level = below;
    }
    found
}

fn has_code(path: &Path) -> bool {
    let is_own = path.file_name().is_some_and(|name| name != "Cargo.toml" && name != "pyproject.toml");
    is_own && path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_seen_where_programs_write_them() {
        for (text, expected) in [
            ("const port = process.env.PORT || 3000;", Some(3000)),
            ("app.listen(8081, () => {})", Some(8081)),
            ("server.listen(process.env.PORT ?? '4000')", Some(4000)),
            ("http.ListenAndServe(\":9090\", nil)", Some(9090)),
            ("app.run(host='0.0.0.0', port=5001)", Some(5001)),
            ("int(os.environ.get('PORT', '8000'))", Some(8000)),
            ("server.port=${PORT:8082}", Some(8082)),
            ("TcpListener::bind(\"0.0.0.0:7000\")", Some(7000)),
            ("PORT=5000", Some(5000)),
            ("listen(99999)", None),
            ("there is no number here", None),
        ] {
            assert_eq!(port(text), expected, "{text}");
        }
    }

    #[test]
    fn the_clearest_path_of_all_files_counts_and_other_peoples_code_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("below")).expect("a directory");
            std::fs::write(path, text).expect("writable");
        };
        write("node_modules/a.js", "listen(1111) '/readyz'");
        write("server.js", "app.get('/ping')");
        write("src/routes.js", "app.get('/healthz'); listen(3001)");
        write("src/deep/er/than/that/is/a.js", "'/ready'");
        let sources = Sources::of(&Directory::new(directory.path()));
        assert_eq!(sources.port, Some(Seen { value: 3001, file: "src/routes.js".into() }));
        assert_eq!(sources.health_path, Some(Seen { value: "/healthz", file: "src/routes.js".into() }));
    }
}
