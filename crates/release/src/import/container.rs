//! One container of a service, in short-hand, or as an ECS task definition where short-hand has no key for it.

use super::text::Text;
use super::yaml::{Entries, Yaml};

/// What is known of a container.
#[derive(Debug, Default)]
pub(super) struct Container {
    pub name: String,
    pub image: Option<Text>,
    pub entry_point: Vec<Text>,
    pub command: Vec<Text>,
    pub working_directory: Option<Text>,
    pub user: Option<Text>,
    pub port: Option<u16>,
    pub environment: Vec<(String, Text)>,
    /// Variables and the parameters or secrets they are taken from.
    pub secrets: Vec<(String, Text)>,
    /// CPU units and MiB.
    pub size: Option<(u32, u32)>,
    /// In seconds.
    pub stop_timeout: Option<u32>,
    pub check: Option<Check>,
}

/// The health check that runs inside a container; times in seconds.
#[derive(Debug, Default)]
pub(super) struct Check {
    pub command: Vec<Text>,
    pub interval: Option<u32>,
    pub timeout: Option<u32>,
    pub retries: Option<u32>,
    pub start_period: Option<u32>,
}

/// The smallest size of Fargate.
const SIZE: (u32, u32) = (256, 512);

impl Container {
    /// Whether it takes a task definition to say all of it.
    pub fn needs_document(&self) -> bool {
        !self.entry_point.is_empty() || !self.secrets.is_empty() || self.check.is_some()
    }

    /// The keys of a service of this container.
    pub fn entries(self, app: &str) -> Entries {
        let mut entries = Entries::new();
        let mut put = |key: &str, value: Option<Yaml>| entries.extend(value.map(|value| (key.to_owned(), value)));
        let variables = self.environment.iter().map(|(name, value)| (name.clone(), Yaml::Text(value.clone())));
        let variables: Entries = variables.collect();
        put("image", self.image.clone().map(Yaml::Text));
        if self.needs_document() {
            put("port", self.port.map(Yaml::plain));
            put("environment", (!variables.is_empty()).then_some(Yaml::Map(variables)));
            put("task_definition", Some(self.document(app)));
            return entries;
        }
        put("command", (!self.command.is_empty()).then(|| Yaml::texts(self.command)));
        put("working_directory", self.working_directory.map(Yaml::Text));
        put("user", self.user.map(Yaml::Text));
        put("port", self.port.map(Yaml::plain));
        put("environment", (!variables.is_empty()).then_some(Yaml::Map(variables)));
        put("cpu", self.size.map(|(cpu, _)| Yaml::plain(cpu)));
        put("memory", self.size.map(|(_, memory)| Yaml::plain(memory)));
        put("stop_timeout", self.stop_timeout.map(|seconds| Yaml::plain(format!("{seconds}s"))));
        entries
    }

    fn document(self, app: &str) -> Yaml {
        let (cpu, memory) = self.size.unwrap_or(SIZE);
        let group = format!("/ecs/{app}/{}", self.name);
        let mut container =
            vec![("name".to_owned(), Yaml::text(&self.name)), ("essential".to_owned(), Yaml::plain(true))];
        let mut put = |key: &str, value: Option<Yaml>| container.extend(value.map(|value| (key.to_owned(), value)));
        put("entryPoint", (!self.entry_point.is_empty()).then(|| Yaml::texts(self.entry_point)));
        put("command", (!self.command.is_empty()).then(|| Yaml::texts(self.command)));
        put("workingDirectory", self.working_directory.map(Yaml::Text));
        put("user", self.user.map(Yaml::Text));
        let mapping = |port: u16| Yaml::List(vec![Yaml::Map(vec![("containerPort".into(), Yaml::plain(port))])]);
        put("portMappings", self.port.map(mapping));
        let secret = |(name, from): (String, Text)| {
            Yaml::Map(vec![("name".into(), Yaml::text(&name)), ("valueFrom".into(), Yaml::Text(from))])
        };
        let secrets: Vec<Yaml> = self.secrets.into_iter().map(secret).collect();
        put("secrets", (!secrets.is_empty()).then_some(Yaml::List(secrets)));
        put("stopTimeout", self.stop_timeout.map(Yaml::plain));
        put("healthCheck", self.check.map(Check::document));
        let options = vec![
            ("awslogs-group".to_owned(), Yaml::text(&group)),
            ("awslogs-region".to_owned(), Yaml::Text(Text::variable("AWS_REGION", Some("us-east-1")))),
            ("awslogs-stream-prefix".to_owned(), Yaml::text("ecs")),
        ];
        let log = vec![("logDriver".to_owned(), Yaml::text("awslogs")), ("options".to_owned(), Yaml::Map(options))];
        put("logConfiguration", Some(Yaml::Map(log)));
        Yaml::Map(vec![
            ("networkMode".into(), Yaml::text("awsvpc")),
            ("requiresCompatibilities".into(), Yaml::List(vec![Yaml::text("FARGATE")])),
            ("cpu".into(), Yaml::plain(cpu)),
            ("memory".into(), Yaml::plain(memory)),
            ("containerDefinitions".into(), Yaml::List(vec![Yaml::Map(container)])),
        ])
    }
}

impl Check {
    fn document(self) -> Yaml {
        let mut entries = vec![("command".to_owned(), Yaml::texts(self.command))];
        let numbers = [
            ("interval", self.interval),
            ("timeout", self.timeout),
            ("retries", self.retries),
            ("startPeriod", self.start_period),
        ];
        entries.extend(numbers.into_iter().filter_map(|(key, number)| Some((key.to_owned(), Yaml::plain(number?)))));
        Yaml::Map(entries)
    }
}
