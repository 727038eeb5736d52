//! The questions, in their order, each with what makes one propose its default.

use std::num::NonZeroU16;

use anyhow::Result;
use seatrial_release::config::{AppName, AppType, ServiceName};

use super::answers::{Answers, Aws, Program, Scaling, StageWord};
use super::asker::{Asker, Attendance, Choice, Question};
use super::found::{DOCKERFILE, Found};
use crate::exit_code::UsageError;

/// The port of an application that says nothing about it.
const PORT: u16 = 8080;

/// The path of one that says nothing about it.
const HEALTH_PATH: &str = "/";

/// Why something is proposed that only the type of the application speaks for.
const USUAL: &str = "usual for its type";

/// The service of an application that has one.
const SERVICE: &str = "web";

/// The region where none is set.
const REGION: &str = "us-east-1";

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    App,
    Service,
    Program,
    Port,
    HealthPath,
    Stage,
    Environments,
    Scaling,
}

impl Topic {
    pub const ALL: [Topic; 8] = [
        Topic::App,
        Topic::Service,
        Topic::Program,
        Topic::Port,
        Topic::HealthPath,
        Topic::Stage,
        Topic::Environments,
        Topic::Scaling,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Topic::App => "application",
            Topic::Service => "service",
            Topic::Program => "what runs",
            Topic::Port => "port",
            Topic::HealthPath => "health path",
            Topic::Stage => "stage",
            Topic::Environments => "environments",
            Topic::Scaling => "scaling",
        }
    }
}

/// Answers so far; those of flags come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub app: Option<AppName>,
    pub service: Option<ServiceName>,
    pub program: Option<Program>,
    pub port: Option<u16>,
    pub health_path: Option<String>,
    pub stage: Option<StageWord>,
    pub environments: Option<Environments>,
    pub scaling: Option<Scaling>,
}

/// Where it is deployed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environments {
    Here,
    HereAndAws(Aws),
}

/// What goes into the questions.
#[derive(Debug)]
pub struct Questions<'a> {
    pub asker: &'a Asker<'a>,
    pub found: &'a Found,
}

impl Questions<'_> {
    /// Asks everything that has no answer yet.
    pub fn complete(&self, mut draft: Draft) -> Result<Draft> {
        for topic in Topic::ALL {
            if !draft.has(topic) {
                self.ask(topic, &mut draft)?;
            }
        }
        draft.refuse_contradictions()?;
        Ok(draft)
    }

    /// Asks about one topic; the answer so far is what Enter keeps.
    pub fn ask(&self, topic: Topic, draft: &mut Draft) -> Result<()> {
        match topic {
            Topic::App => draft.app = Some(self.app(draft)?),
            Topic::Service => draft.service = Some(self.service(draft)?),
            Topic::Program => draft.program = Some(self.program(draft)?),
            Topic::Port => draft.port = Some(self.port(draft)?),
            Topic::HealthPath => draft.health_path = Some(self.health_path(draft)?),
            Topic::Stage => draft.stage = Some(self.stage(draft)?),
            Topic::Environments => draft.environments = Some(self.environments(draft)?),
            Topic::Scaling => draft.scaling = Some(self.scaling(draft)?),
        }
        if topic == Topic::Program && matches!(draft.program, Some(Program::Command(_))) {
            // A process of this machine has nothing that AWS could start.
            draft.environments = draft.environments.take().map(|_| Environments::Here);
        }
        Ok(())
    }

    fn app(&self, draft: &Draft) -> Result<AppName> {
        let question = Question {
            text: "Application:",
            meaning: "names what is made; proposed by the directory's name",
            flag: "--app",
        };
        let default = draft.app.as_ref().map_or(self.found.name.clone(), ToString::to_string);
        self.asker.text(question, Some(&default), |text| text.parse::<AppName>().map_err(|error| error.to_string()))
    }

    fn service(&self, draft: &Draft) -> Result<ServiceName> {
        let default = draft.service.as_ref().map_or(SERVICE.to_owned(), ToString::to_string);
        let read = |text: &str| text.parse::<ServiceName>().map_err(|error| error.to_string());
        if self.asker.attendance() == Attendance::Nobody {
            return read(&default).map_err(anyhow::Error::msg);
        }
        let question = Question {
            text: "Service:",
            meaning: "the part of the application that is deployed first",
            flag: "--service",
        };
        self.asker.text(question, Some(&default), read)
    }

    fn program(&self, draft: &Draft) -> Result<Program> {
        #[derive(Clone, Copy, PartialEq)]
        enum Kind {
            Dockerfile,
            Command,
            Image,
            Usual(AppType),
        }
        let mut kinds = vec![
            Choice::new(
                Kind::Dockerfile,
                "an image from a Dockerfile",
                "built at each deployment; runs here and on AWS",
            ),
            Choice::new(Kind::Command, "a command", "a process of this machine, no image; not on AWS"),
            Choice::new(Kind::Image, "an image that is there", "in a registry already"),
        ];
        let app_type = self.found.app_type;
        kinds.extend(app_type.map(|app_type| {
            let usual = "tested and built as is usual for its type; runs here and on AWS";
            Choice::new(Kind::Usual(app_type), app_type.as_str(), usual)
        }));
        let is_built = self.found.dockerfile.is_some();
        let kind = match (self.asker.attendance(), &draft.program) {
            (Attendance::Somebody, current) => {
                let meaning = match (is_built, &self.found.command) {
                    (true, _) => "there is a Dockerfile, so an image is proposed",
                    (false, Some(_)) => "there is no Dockerfile, so its command is proposed",
                    (false, None) => "there is no Dockerfile here",
                };
                let default = match (current, is_built) {
                    (Some(Program::Usual(_)), _) => kinds.len() - 1,
                    (Some(Program::Image(_)), _) => 2,
                    (Some(Program::Command(_)), _) | (None, false) => 1,
                    (Some(Program::Dockerfile(_)), _) | (None, true) => 0,
                };
                let question =
                    Question { text: "What runs:", meaning, flag: "--dockerfile, --command, --image or --app-type" };
                self.asker.choose(question, kinds, default)?
            }
            (Attendance::Defaults | Attendance::Nobody, _) if is_built => {
                self.asker.printer().remark(&format!(
                    "its image is built from {DOCKERFILE}; --command would run a program of this machine instead"
                ));
                return Ok(Program::Dockerfile(DOCKERFILE.to_owned()));
            }
            (Attendance::Defaults | Attendance::Nobody, _) => Kind::Command,
        };
        match kind {
            Kind::Usual(app_type) => Ok(Program::Usual(app_type)),
            Kind::Dockerfile => {
                let question = Question {
                    text: "Dockerfile:",
                    meaning: "its path, from where seatrial.yml is",
                    flag: "--dockerfile",
                };
                self.asker.text(question, Some(DOCKERFILE), non_empty).map(Program::Dockerfile)
            }
            Kind::Image => {
                let meaning = "as one would pull it, such as registry.example.com/shop:1";
                let question = Question { text: "Image:", meaning, flag: "--image" };
                self.asker.text(question, None, non_empty).map(Program::Image)
            }
            Kind::Command => {
                let why = self.found.command.as_ref().map(|command| format!("; from {}", command.why));
                let meaning = format!("starts it here, told its port in PORT{}", why.unwrap_or_default());
                let question = Question { text: "Command:", meaning: &meaning, flag: "--command" };
                let default = match &draft.program {
                    Some(Program::Command(command)) => Some(command.as_str()),
                    Some(Program::Dockerfile(_) | Program::Image(_) | Program::Usual(_)) | None => {
                        self.found.command.as_ref().map(|command| command.value.as_str())
                    }
                };
                self.asker.text(question, default, non_empty).map(Program::Command)
            }
        }
    }

    fn port(&self, draft: &Draft) -> Result<u16> {
        let found = self.found.port.as_ref();
        let (usual, nobody_says) = match draft.app_type() {
            Some(app_type) => (app_type.port(), USUAL),
            None => (PORT, "nothing here names one"),
        };
        let default = draft.port.or(found.map(|port| port.value)).unwrap_or(usual).to_string();
        let why = found.map_or(nobody_says.to_owned(), |port| format!("from {}", port.why));
        let meaning = format!("where it listens and clients connect; {why}");
        let question = Question { text: "Port:", meaning: &meaning, flag: "--port" };
        let read = |text: &str| match text.parse::<NonZeroU16>() {
            Ok(port) => Ok(port.get()),
            Err(_) => Err(format!("`{text}` is no port: write a number from 1 to 65535")),
        };
        self.asker.text(question, Some(&default), read)
    }

    fn health_path(&self, draft: &Draft) -> Result<String> {
        let found = self.found.health_path.as_ref();
        let (usual, nobody_says) = match draft.app_type() {
            Some(app_type) => (app_type.health_path(), USUAL),
            None => (HEALTH_PATH, "nothing here names one"),
        };
        let default = draft.health_path.as_deref().or(found.map(|path| path.value.as_str())).unwrap_or(usual);
        let why = found.map_or(nobody_says.to_owned(), |path| format!("from {}", path.why));
        let meaning = format!("answers 200 once it takes requests; {why}");
        let question = Question { text: "Health path:", meaning: &meaning, flag: "--health-path" };
        self.asker.text(question, Some(default), health_path)
    }

    fn stage(&self, draft: &Draft) -> Result<StageWord> {
        let stages = vec![
            Choice::new(StageWord::Dev, "dev", "fast: one task, a gap between two versions"),
            Choice::new(StageWord::Prod, "prod", "safe: two tasks, never fewer than wanted"),
            Choice::new(StageWord::Custom, "custom", "no preset: ECS's own defaults"),
        ];
        let default = match draft.stage {
            None | Some(StageWord::Dev) => 0,
            Some(StageWord::Prod) => 1,
            Some(StageWord::Custom) => 2,
        };
        let question = Question {
            text: "Stage of the environment on this machine:",
            meaning: "how its deployments trade speed for safety",
            flag: "--stage",
        };
        self.asker.choose(question, stages, default)
    }

    fn environments(&self, draft: &Draft) -> Result<Environments> {
        let is_process = matches!(draft.program, Some(Program::Command(_)));
        if is_process || self.asker.attendance() != Attendance::Somebody {
            return Ok(Environments::Here);
        }
        let places = vec![
            Choice::new(false, "this machine", "the embedded engine; needs nothing else"),
            Choice::new(true, "this machine and AWS", "the same file deploys to both"),
        ];
        let question = Question { text: "Deployed to:", meaning: "AWS can be added later, too", flag: "--aws-region" };
        let current = match &draft.environments {
            Some(Environments::HereAndAws(aws)) => Some(aws),
            Some(Environments::Here) | None => None,
        };
        if !self.asker.choose(question, places, usize::from(current.is_some()))? {
            return Ok(Environments::Here);
        }
        let of_process = || std::env::var("AWS_REGION").or_else(|_| std::env::var("AWS_DEFAULT_REGION")).ok();
        let region = current.map(|aws| aws.region.clone()).or_else(of_process).unwrap_or(REGION.to_owned());
        let question = Question { text: "Region:", meaning: "of the environment on AWS", flag: "--aws-region" };
        let region = self.asker.text(question, Some(&region), non_empty)?;
        let profile = current.and_then(|aws| aws.profile.clone()).unwrap_or_default();
        let meaning = "of ~/.aws/config; nothing for the credentials of the environment";
        let question = Question { text: "Profile:", meaning, flag: "--aws-profile" };
        let profile = self.asker.text(question, Some(&profile), |text| Ok(text.to_owned()))?;
        Ok(Environments::HereAndAws(Aws { region, profile: Some(profile).filter(|profile| !profile.is_empty()) }))
    }

    fn scaling(&self, draft: &Draft) -> Result<Scaling> {
        let has_tasks_to_spare =
            draft.stage == Some(StageWord::Prod) || matches!(draft.environments, Some(Environments::HereAndAws(_)));
        if !has_tasks_to_spare || self.asker.attendance() != Attendance::Somebody {
            return Ok(Scaling::None);
        }
        let kinds = vec![
            Choice::new(Scaling::None, "a fixed number of tasks", "until `seatrial scale` changes it"),
            Choice::new(Scaling::Preset, "2 to 10 tasks in stage prod", "kept at 70 % CPU and 80 % memory"),
        ];
        let default = usize::from(draft.scaling == Some(Scaling::Preset));
        let question =
            Question { text: "How many:", meaning: "scaling can be changed at any time", flag: "--auto-scaling" };
        self.asker.choose(question, kinds, default)
    }
}

impl Draft {
    fn app_type(&self) -> Option<AppType> {
        match &self.program {
            Some(Program::Usual(app_type)) => Some(*app_type),
            Some(Program::Command(_) | Program::Dockerfile(_) | Program::Image(_)) | None => None,
        }
    }

    fn has(&self, topic: Topic) -> bool {
        match topic {
            Topic::App => self.app.is_some(),
            Topic::Service => self.service.is_some(),
            Topic::Program => self.program.is_some(),
            Topic::Port => self.port.is_some(),
            Topic::HealthPath => self.health_path.is_some(),
            Topic::Stage => self.stage.is_some(),
            Topic::Environments => self.environments.is_some(),
            Topic::Scaling => self.scaling.is_some(),
        }
    }

    fn refuse_contradictions(&self) -> Result<(), UsageError> {
        match (&self.program, &self.environments) {
            (Some(Program::Command(_)), Some(Environments::HereAndAws(_))) => Err(UsageError {
                what: "a command is a process of this machine, and AWS starts images only".into(),
                instead: "add --dockerfile, --image or --app-type, or leave --aws-region out".into(),
            }),
            _ => Ok(()),
        }
    }

    /// The answers; none as long as one is missing.
    pub fn answers(&self) -> Option<Answers> {
        Some(Answers {
            app: self.app.clone()?,
            service: self.service.clone()?,
            program: self.program.clone()?,
            port: self.port?,
            health_path: self.health_path.clone()?,
            stage: self.stage?,
            aws: match self.environments.clone()? {
                Environments::Here => None,
                Environments::HereAndAws(aws) => Some(aws),
            },
            scaling: self.scaling?,
        })
    }
}

fn non_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("something has to stand here".to_owned()) } else { Ok(text.to_owned()) }
}

/// Reads a path as it stands in a request.
pub fn health_path(text: &str) -> Result<String, String> {
    match text {
        path if !path.starts_with('/') => Err(format!("`{text}` is no path: begin with `/`")),
        path if path.contains(|c: char| c.is_whitespace() || c.is_control()) => Err("a path has no blanks".to_owned()),
        path => Ok(path.to_owned()),
    }
}
