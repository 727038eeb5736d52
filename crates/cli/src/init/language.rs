//! What a directory is written in, and what usually starts it.

use super::found::Directory;

/// A language or framework.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    pub name: &'static str,
    /// The file that tells.
    pub file: &'static str,
    pub command: Option<String>,
    /// The path that a framework answers when it is ready, where it has one of its own.
    pub health_path: Option<&'static str>,
}

/// Tells the kind of application: the one place where kinds are told apart.
pub fn language(directory: &Directory) -> Option<Language> {
    let of = |name, file, command: Option<String>| Language { name, file, command, health_path: None };
    if let Some(package) = directory.read("package.json") {
        return Some(of("Node.js", "package.json", node_command(&package)));
    }
    if directory.read("Cargo.toml").is_some() {
        return Some(of("Rust", "Cargo.toml", Some("cargo run --release".to_owned())));
    }
    if directory.read("go.mod").is_some() {
        return Some(of("Go", "go.mod", Some("go run .".to_owned())));
    }
    for file in ["pom.xml", "build.gradle", "build.gradle.kts"] {
        if let Some(build) = directory.read(file) {
            let has_actuator = build.contains("spring-boot-starter-actuator");
            let command = match (build.contains("spring-boot"), file) {
                (true, "pom.xml") => Some("mvn -q spring-boot:run".to_owned()),
                (true, _) => Some("./gradlew bootRun".to_owned()),
                (false, _) => None,
            };
            let health_path = has_actuator.then_some("/actuator/health");
            return Some(Language { health_path, ..of("Java", file, command) });
        }
    }
    for file in ["requirements.txt", "pyproject.toml"] {
        if directory.read(file).is_some() {
            let script = ["app.py", "main.py", "server.py"].into_iter().find(|script| directory.has(script));
            return Some(of("Python", file, script.map(|script| format!("python3 {script}"))));
        }
    }
    if directory.read("Gemfile").is_some() {
        let command = directory.has("config.ru").then(|| "bundle exec rackup".to_owned());
        return Some(of("Ruby", "Gemfile", command));
    }
    None
}

fn node_command(package: &str) -> Option<String> {
    let package: serde_json::Value = serde_json::from_str(package).ok()?;
    match (&package["scripts"]["start"], &package["main"]) {
        (serde_json::Value::String(_), _) => Some("npm start".to_owned()),
        (_, serde_json::Value::String(main)) => Some(format!("node {main}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_directory_says_how_it_is_started() {
        let directory = tempfile::tempdir().expect("a directory");
        let usual =
            || language(&Directory::new(directory.path())).map(|found| (found.name, found.command.unwrap_or_default()));
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("writable");
        assert_eq!(usual(), None);
        write("requirements.txt", "flask");
        assert_eq!(usual(), Some(("Python", String::new())));
        write("app.py", "");
        assert_eq!(usual(), Some(("Python", "python3 app.py".into())));
        write("pom.xml", "<artifactId>spring-boot-starter-actuator</artifactId>");
        assert_eq!(usual(), Some(("Java", "mvn -q spring-boot:run".into())));
        write("go.mod", "");
        assert_eq!(usual(), Some(("Go", "go run .".into())));
        write("Cargo.toml", "");
        assert_eq!(usual(), Some(("Rust", "cargo run --release".into())));
        write("package.json", "not JSON");
        assert_eq!(usual(), Some(("Node.js", String::new())));
        write("package.json", "{\"main\": \"server.js\"}");
        assert_eq!(usual(), Some(("Node.js", "node server.js".into())));
        write("package.json", "{\"scripts\": {\"start\": \"x\"}}");
        assert_eq!(usual(), Some(("Node.js", "npm start".into())));
    }
}
