//! Types of applications: how one of a kind is tested, built, run and asked whether it is well, when the file does not say.
//!
//! A type is settings that lie below those of the service, as an environment's lie over them. It looks at the files beside the configuration,
//! and writes none.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::error::Fault;
use super::merge::merge;
use super::nearest::nearest;
use super::node::{Node, Value};

/// The largest file of an application that is looked at.
const FILE_MAX: u64 = 1 << 20;
/// The usual name of the file an image is built from.
const DOCKERFILE: &str = "Dockerfile";
/// What stands before the name of a type where a Dockerfile is the type's own.
const OWN_DOCKERFILE: &str = "app_type:";
/// Where Docker's own images are to be had without an account and without a limit that AWS's addresses share.
const BASES: &str = "public.ecr.aws/docker/library";
/// What has no business in an image, whatever else is in the directory.
pub(crate) const IGNORED: &str = ".git\n.env*\n**/.env*\nnode_modules\n**/*.pem\n**/*.key\n";
/// The newest long-term releases that have images everywhere.
const NODE_MAJOR: &str = "22";
const JAVA_MAJOR: &str = "21";
/// What `npm init` writes where there are no tests.
const NO_TESTS: &str = "no test specified";

/// What kind of application a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AppType {
    /// Spring Boot, built with Maven or Gradle: port 8080, `/actuator/health`, a heap that fits the task.
    JavaSpringBoot,
    /// Node.js with npm, yarn or pnpm: port 3000, `/health`.
    NodeBackend,
}

impl AppType {
    pub const ALL: [AppType; 2] = [AppType::JavaSpringBoot, AppType::NodeBackend];

    pub const fn as_str(self) -> &'static str {
        match self {
            AppType::JavaSpringBoot => "java-spring-boot",
            AppType::NodeBackend => "node-backend",
        }
    }

    fn of(text: &str) -> Option<Self> {
        AppType::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Where one listens that says nothing about it.
    pub const fn port(self) -> u16 {
        match self {
            AppType::JavaSpringBoot => 8080,
            AppType::NodeBackend => 3000,
        }
    }

    /// What one answers when it is ready.
    pub const fn health_path(self) -> &'static str {
        match self {
            AppType::JavaSpringBoot => "/actuator/health",
            AppType::NodeBackend => "/health",
        }
    }

    /// Tells what kind of application is in a directory, if its files say so.
    pub fn detect(directory: &Path) -> Option<Self> {
        let is_spring = |name: &str| read(directory, name).is_some_and(|text| text.contains("spring-boot"));
        if ["pom.xml", "build.gradle", "build.gradle.kts"].into_iter().any(is_spring) {
            return Some(AppType::JavaSpringBoot);
        }
        directory.join("package.json").is_file().then_some(AppType::NodeBackend)
    }

    /// The settings, as they would stand in the file of an application.
    fn settings(self, directory: &Path) -> String {
        let build = match directory.join(DOCKERFILE).is_file() {
            true => DOCKERFILE.to_owned(),
            false => format!("\"{OWN_DOCKERFILE}{}\"", self.as_str()),
        };
        let (before, test) = match self {
            AppType::JavaSpringBoot => java_commands(directory),
            AppType::NodeBackend => node_commands(directory),
        };
        let test = test.map(|test| format!("  test: {test}\n")).unwrap_or_default();
        let before = before.join(", ");
        let build = format!("build:\n  before: [{before}]\n{test}  dockerfile: {build}\n");
        let (port, path) = (self.port(), self.health_path());
        match self {
            AppType::JavaSpringBoot => format!(
                "{build}port: {port}\nhealth_check: {{ path: {path}, grace_period: 2m }}\ncpu: 512\nmemory: 1 GB\n\
                 environment:\n  SERVER_PORT: '${{PORT:{port}}}'\n  \
                 JAVA_TOOL_OPTIONS: -XX:MaxRAMPercentage=75 -XX:+ExitOnOutOfMemoryError\n"
            ),
            AppType::NodeBackend => {
                format!("{build}port: {port}\nhealth_check: {{ path: {path} }}\nenvironment:\n  NODE_ENV: production\n")
            }
        }
    }

    /// The Dockerfile of an application that has none.
    fn dockerfile(self, directory: &Path) -> String {
        match self {
            AppType::JavaSpringBoot => {
                let jar = if is_gradle(directory) { "build/libs/*.jar" } else { "target/*.jar" };
                format!(
                    "FROM {BASES}/eclipse-temurin:{JAVA_MAJOR}-jre\nWORKDIR /app\nCOPY {jar} app.jar\nUSER 10001\nEXPOSE 8080\n\
                     ENTRYPOINT [\"java\", \"-jar\", \"/app/app.jar\"]\n"
                )
            }
            AppType::NodeBackend => {
                let (install, start) = (PackageManager::of(directory).install_for_production(), node_start(directory));
                let major = node_major(directory);
                format!(
                    "FROM {BASES}/node:{major}-slim\nWORKDIR /app\nCOPY . .\nRUN {install}\nENV NODE_ENV=production\nUSER node\n\
                     EXPOSE 3000\nCMD {start}\n"
                )
            }
        }
    }
}

impl FromStr for AppType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || AppType::ALL.map(AppType::as_str).join(" or ");
        AppType::of(text).ok_or_else(|| format!("`{text}` is no type of application: write {}", known()))
    }
}

/// The Dockerfile that a build names, where it is a type's own and no file.
pub(crate) fn own_dockerfile(name: &str, directory: &Path) -> Option<String> {
    Some(AppType::of(name.strip_prefix(OWN_DOCKERFILE)?)?.dockerfile(directory))
}

/// Lays what the type of each service says below what is written of it.
pub(crate) fn fill(services: &Node, directory: &Path) -> Result<Node, Fault> {
    let Value::Map(entries) = &services.value else { return Ok(services.clone()) };
    let mut filled = Vec::new();
    for (name, service) in entries {
        let path = format!("services.{}.app_type", name.text);
        filled.push((name.clone(), laid_under(service, directory, &path)?));
    }
    Ok(Node { at: services.at, value: Value::Map(filled) })
}

fn laid_under(service: &Node, directory: &Path, path: &str) -> Result<Node, Fault> {
    let Some(written) = service.get("app_type").filter(|node| !node.is_null()) else { return Ok(service.clone()) };
    let Value::Scalar { text, .. } = &written.value else {
        return Err(Fault::new(format!("`{path}` must be a word")).at(written.at));
    };
    let names = AppType::ALL.map(AppType::as_str);
    let kind = AppType::of(text).ok_or_else(|| {
        let instead = match nearest(text, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", names.join(", ")),
        };
        Fault::new(format!("`{path}` is `{text}`, which is no type of applications")).at(written.at).instead(instead)
    })?;
    let mut settings = Node::parse(&kind.settings(directory))?;
    let is_written = |key: &str| service.get(key).is_some_and(|node| !node.is_null());
    let mut without: Vec<&str> = Vec::new();
    if is_written("image") || is_written("command") || is_written("task_definition") {
        without.push("build");
    }
    if is_written("task_definition") {
        without.extend(["cpu", "memory"]);
    }
    if is_written("service_definition") || !is_written("listener") {
        without.push("health_check");
    }
    remove(&mut settings, &without);
    let build = service.get("build");
    if ["files", "command", "dockerfile"].into_iter().any(|kind| build.is_some_and(|build| build.get(kind).is_some()))
        && let Value::Map(entries) = &mut settings.value
    {
        entries.iter_mut().filter(|(key, _)| key.text == "build").for_each(|(_, own)| remove(own, &["dockerfile"]));
    }
    Ok(merge(&settings, service))
}

fn remove(node: &mut Node, keys: &[&str]) {
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|(key, _)| !keys.contains(&key.text.as_str()));
    }
}

fn read(directory: &Path, name: &str) -> Option<String> {
    let path = directory.join(name);
    fs::metadata(&path).ok().filter(|metadata| metadata.len() <= FILE_MAX)?;
    fs::read_to_string(path).ok()
}

fn is_gradle(directory: &Path) -> bool {
    !directory.join("pom.xml").is_file()
        && ["build.gradle", "build.gradle.kts"].into_iter().any(|name| directory.join(name).is_file())
}

/// What packs a Java application, and what tests it. A wrapper that is there is the version the application wants.
fn java_commands(directory: &Path) -> (Vec<String>, Option<String>) {
    let wrapped = |wrapper: &str, tool: &str| match directory.join(wrapper).is_file() {
        true => format!("./{wrapper}"),
        false => tool.to_owned(),
    };
    if is_gradle(directory) {
        let gradle = wrapped("gradlew", "gradle");
        return (vec![format!("{gradle} --no-daemon bootJar")], Some(format!("{gradle} --no-daemon test")));
    }
    let maven = wrapped("mvnw", "mvn");
    (vec![format!("{maven} --batch-mode package -DskipTests")], Some(format!("{maven} --batch-mode test")))
}

/// What installs packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PackageManager {
    /// With what is written down, or without.
    Npm {
        locked: bool,
    },
    Yarn,
    Pnpm,
}

impl PackageManager {
    fn of(directory: &Path) -> Self {
        let has = |name: &str| directory.join(name).is_file();
        match (has("yarn.lock"), has("pnpm-lock.yaml")) {
            (true, _) => PackageManager::Yarn,
            (false, true) => PackageManager::Pnpm,
            (false, false) => PackageManager::Npm { locked: has("package-lock.json") || has("npm-shrinkwrap.json") },
        }
    }

    const fn install(self) -> &'static str {
        match self {
            PackageManager::Npm { locked: true } => "npm ci --no-audit --no-fund",
            PackageManager::Npm { locked: false } => "npm install --no-audit --no-fund",
            PackageManager::Yarn => "yarn install --frozen-lockfile",
            PackageManager::Pnpm => "pnpm install --frozen-lockfile",
        }
    }

    const fn install_for_production(self) -> &'static str {
        match self {
            PackageManager::Npm { locked: true } => "npm ci --omit=dev --no-audit --no-fund",
            PackageManager::Npm { locked: false } => "npm install --omit=dev --no-audit --no-fund",
            PackageManager::Yarn => "yarn install --frozen-lockfile --production",
            PackageManager::Pnpm => "corepack pnpm install --frozen-lockfile --prod",
        }
    }

    const fn run(self) -> &'static str {
        match self {
            PackageManager::Npm { .. } => "npm run",
            PackageManager::Yarn => "yarn run",
            PackageManager::Pnpm => "pnpm run",
        }
    }
}

fn node_commands(directory: &Path) -> (Vec<String>, Option<String>) {
    let manager = PackageManager::of(directory);
    let package = package(directory);
    let script = |name: &str| package["scripts"][name].as_str().filter(|script| !script.contains(NO_TESTS));
    let mut before = vec![manager.install().to_owned()];
    before.extend(script("build").map(|_| format!("{} build", manager.run())));
    (before, script("test").map(|_| format!("{} test", manager.run())))
}

fn package(directory: &Path) -> Json {
    read(directory, "package.json").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// The program itself where it is known: npm, started as the first process, would stand between it and SIGTERM.
fn node_start(directory: &Path) -> String {
    let package = package(directory);
    let main = package["main"].as_str().filter(|main| directory.join(main).is_file());
    let main =
        main.or_else(|| ["server.js", "index.js", "app.js"].into_iter().find(|name| directory.join(name).is_file()));
    match main {
        Some(main) => Json::from(vec!["node", main]).to_string(),
        None => r#"["npm", "start"]"#.to_owned(),
    }
}

/// The major version of Node.js that an application names: in a file for version managers, or as its engine. A range that is open upwards
/// names none.
fn node_major(directory: &Path) -> String {
    let package = package(directory);
    let named = [".nvmrc", ".node-version"].into_iter().filter_map(|name| read(directory, name));
    let named = named.chain(package["engines"]["node"].as_str().map(ToOwned::to_owned));
    let major = |text: String| -> String {
        let text = text.trim().trim_start_matches(['v', '^', '~', '=']).trim_start();
        text.chars().take_while(char::is_ascii_digit).collect()
    };
    named.map(major).find(|major| !major.is_empty()).unwrap_or_else(|| NODE_MAJOR.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json::to_json;

    fn application(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            fs::write(directory.path().join(name), text).expect("writable");
        }
        directory
    }

    fn filled(directory: &Path, service: &str) -> Json {
        let services = Node::parse(&format!("web: {service}")).expect("YAML");
        to_json(&fill(&services, directory).expect("a known type"))["web"].clone()
    }

    #[test]
    fn what_is_written_wins_and_null_takes_away() {
        let directory = application(&[("package.json", "{}"), ("package-lock.json", "{}")]);
        let service =
            "{ app_type: node-backend, port: 4000, environment: { NODE_ENV: null, A: b }, listener: { port: 80 } }";
        let web = filled(directory.path(), service);
        assert_eq!((&web["port"], &web["environment"]), (&Json::from(4000), &serde_json::json!({ "A": "b" })));
        assert_eq!(web["health_check"]["path"], "/health");
        assert_eq!(web["build"]["before"], serde_json::json!(["npm ci --no-audit --no-fund"]));
        assert_eq!(web["build"]["test"], Json::Null, "it has none");
        assert_eq!(web["build"]["dockerfile"], "app_type:node-backend");
    }

    #[test]
    fn the_version_of_node_js_is_the_one_that_is_named() {
        for (engine, major) in
            [("20", "20"), ("^18.2.0", "18"), ("v16.x", "16"), (">=18", NODE_MAJOR), ("*", NODE_MAJOR)]
        {
            let package = format!(r#"{{ "engines": {{ "node": "{engine}" }} }}"#);
            let directory = application(&[("package.json", &package)]);
            assert_eq!(node_major(directory.path()), major, "{engine}");
            fs::write(directory.path().join(".nvmrc"), "v14.1\n").expect("writable");
            assert_eq!(node_major(directory.path()), "14");
        }
    }

    #[test]
    fn what_a_service_has_otherwise_is_not_built() {
        let directory = application(&[("package.json", r#"{ "scripts": { "test": "node --test", "build": "tsc" } }"#)]);
        let web = |service: &str| filled(directory.path(), service);
        assert_eq!(web("{ app_type: node-backend, image: i }")["build"], Json::Null);
        let own = web("{ app_type: node-backend, build: { files: { /a: a } } }");
        let expected = serde_json::json!({ "before": ["npm install --no-audit --no-fund", "npm run build"], "test": "npm run test",
            "files": { "/a": "a" } });
        assert_eq!(own["build"], expected);
        assert_eq!(own["health_check"], Json::Null, "there is no listener");
    }

    #[test]
    fn java_is_built_with_what_is_there_and_runs_within_its_task() {
        let maven = application(&[("pom.xml", "<x>spring-boot</x>"), ("mvnw", ""), ("Dockerfile", "FROM scratch")]);
        let web = filled(maven.path(), "{ app_type: java-spring-boot, listener: { port: 80 } }");
        assert_eq!(web["build"]["before"][0], "./mvnw --batch-mode package -DskipTests");
        assert_eq!(
            (&web["build"]["test"], &web["build"]["dockerfile"]),
            (&"./mvnw --batch-mode test".into(), &"Dockerfile".into())
        );
        assert_eq!(web["health_check"]["path"], "/actuator/health");
        assert_eq!(web["environment"]["SERVER_PORT"], "${PORT:8080}");
        let gradle = application(&[("build.gradle.kts", "id(\"org.springframework.boot\") // spring-boot")]);
        assert_eq!(AppType::detect(gradle.path()), Some(AppType::JavaSpringBoot));
        let dockerfile = own_dockerfile("app_type:java-spring-boot", gradle.path()).expect("its own");
        assert!(dockerfile.contains("COPY build/libs/*.jar app.jar"), "{dockerfile}");
    }

    #[test]
    fn a_node_application_without_a_dockerfile_has_one() {
        let files =
            [("package.json", r#"{ "main": "src.js" }"#), ("src.js", ""), (".nvmrc", "v20.1"), ("yarn.lock", "")];
        let directory = application(&files);
        let dockerfile = own_dockerfile("app_type:node-backend", directory.path()).expect("its own");
        let lines = [
            "FROM public.ecr.aws/docker/library/node:20-slim",
            "RUN yarn install --frozen-lockfile --production",
            r#"CMD ["node","src.js"]"#,
        ];
        assert!(lines.into_iter().all(|line| dockerfile.contains(line)), "{dockerfile}");
        assert_eq!(own_dockerfile("Dockerfile", directory.path()), None);
        assert_eq!(AppType::detect(directory.path()), Some(AppType::NodeBackend));
        assert_eq!(AppType::detect(application(&[]).path()), None);
    }

    #[test]
    fn an_unknown_type_is_told_with_the_nearest() {
        let services = Node::parse("web: { app_type: node-backed }").expect("YAML");
        let refused = format!("{:?}", fill(&services, Path::new(".")).expect_err("no such type"));
        assert!(refused.contains("`services.web.app_type` is `node-backed`"), "{refused}");
    }
}
