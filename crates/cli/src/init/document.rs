//! Writes the answers down as a `seatrial.yml`, with a line on each thing that is not plain.

use super::answers::{AWS_ENVIRONMENT, Answers, Aws, Program, Scaling};

/// The port of the load balancer on AWS, where nothing else has it.
const PORT_ON_AWS: u16 = 80;

/// What a shell has to read before a program is started.
const SHELL: [char; 9] = ['$', '|', '&', ';', '<', '>', '(', '`', '*'];

/// The text of the file.
pub fn text(answers: &Answers) -> String {
    let Answers { app, service, port, health_path, stage, .. } = answers;
    let program = program(&answers.program);
    let health_path = quoted(health_path);
    let scaling = match answers.scaling {
        Scaling::None => "",
        Scaling::Preset => {
            "    # In stage prod 2 to 10 tasks, by CPU and memory; elsewhere a fixed number.\n    auto_scaling: preset\n"
        }
    };
    let (local, stage) = (answers.local_environment(), stage.as_str());
    let on_aws = answers.aws.as_ref().map(|aws| on_aws(aws, answers)).unwrap_or_default();
    format!(
        "# What every key means: seatrial schema. What it would do: seatrial plan.
app: {app}

services:
  {service}:
{program}
    port: {port}
    # Answers 200 once the service can take requests.
    health_check: {{ path: {health_path} }}
    # Where clients connect to.
    listener: {{ port: {port} }}
{scaling}
environments:
  {local}:
    target: embedded
    # dev is fast, prod is safe, custom has no preset.
    stage: {stage}
{on_aws}"
    )
}

fn program(program: &Program) -> String {
    match program {
        Program::Command(command) if command.contains(SHELL) => format!(
            "    # A process of this machine. On AWS it needs an `image` or a `build`.\n    command: [sh, -c, {}]",
            quoted(&format!("exec {command}"))
        ),
        Program::Command(command) => format!(
            "    # A process of this machine. On AWS it needs an `image` or a `build`.\n    command: {}",
            quoted(command)
        ),
        Program::Dockerfile(dockerfile) => format!(
            "    # Built with buildah, podman or docker, pushed, and run from the registry.\n    build: {{ dockerfile: {} }}",
            quoted(dockerfile)
        ),
        Program::Usual(app_type) => format!(
            "    # How it is tested, built and run is usual for its type: docs/images.md. `seatrial render` shows it.\n    app_type: {}",
            app_type.as_str()
        ),
        Program::Image(image) => format!(
            "    # Here it runs once it is in the engine's registry: docs/registry.md.\n    image: {}",
            quoted(image)
        ),
    }
}

fn on_aws(aws: &Aws, answers: &Answers) -> String {
    let region = quoted(&aws.region);
    let profile = aws.profile.as_ref().map(|profile| format!(", profile: {}", quoted(profile))).unwrap_or_default();
    let service = &answers.service;
    format!(
        "  # `seatrial infra generate` writes a template that makes role and network.
  {AWS_ENVIRONMENT}:
    target: {{ region: {region}{profile} }}
    stage: prod
    execution_role: \"{{{{ must_env('EXECUTION_ROLE_ARN') }}}}\"
    network:
      subnets: [\"{{{{ must_env('SUBNET_A') }}}}\", \"{{{{ must_env('SUBNET_B') }}}}\"]
      security_groups: [\"{{{{ must_env('SECURITY_GROUP') }}}}\"]
    services: {{ {service}: {{ listener: {{ port: {PORT_ON_AWS} }} }} }}
"
    )
}

/// Text as YAML takes it in any case, and as nothing that would be filled in.
fn quoted(text: &str) -> String {
    let text = serde_json::Value::String(text.to_owned()).to_string();
    ["{{", "{%", "{#"].iter().fold(text, |text, opening| text.replace(opening, &opening.replace('{', "\\u007b")))
}

#[cfg(test)]
mod tests {
    use seatrial_release::config::{AppType, ConfigFile, Overrides, Variables};

    use super::super::answers::StageWord;
    use super::*;
    use crate::target;

    fn answers(program: Program) -> Answers {
        Answers {
            app: "shop".parse().expect("a name"),
            service: "web".parse().expect("a name"),
            program,
            port: 3000,
            health_path: "/up".into(),
            stage: StageWord::Dev,
            aws: None,
            scaling: Scaling::None,
        }
    }

    #[test]
    fn every_answer_gives_a_valid_file() {
        let programs = [
            Program::Command("node server.js --say \"{{ x }}\"".into()),
            Program::Command("gunicorn --bind 0.0.0.0:$PORT app:app".into()),
            Program::Dockerfile("Dockerfile".into()),
            Program::Image("registry.example.com/shop:1".into()),
            Program::Usual(AppType::NodeBackend),
        ];
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("package.json"), "{\"main\": \"server.js\"}").expect("writable");
        let path = directory.path().join("seatrial.yml");
        for program in programs {
            for stage in [StageWord::Dev, StageWord::Prod, StageWord::Custom] {
                for scaling in [Scaling::None, Scaling::Preset] {
                    let aws = Some(Aws { region: "eu-west-1".into(), profile: Some("work".into()) });
                    for aws in [None, aws.filter(|_| !matches!(program, Program::Command(_)))] {
                        let all = Answers { stage, scaling, aws, ..answers(program.clone()) };
                        let written = text(&all);
                        let names = ["EXECUTION_ROLE_ARN", "SUBNET_A", "SUBNET_B", "SECURITY_GROUP"];
                        let variables = Variables::fixed(names.map(|name| (name, "x")));
                        let file = ConfigFile::parse(&path, &written, &variables)
                            .unwrap_or_else(|error| panic!("{error}\n{written}"));
                        assert_eq!(file.environments().len(), 1 + usize::from(all.aws.is_some()));
                        for name in file.environments() {
                            let environment = file.environment(Some(name)).expect("it is there");
                            let defaults = target::defaults(&environment.target, None);
                            file.plan(&environment, &defaults, &Overrides::default())
                                .unwrap_or_else(|error| panic!("{error}\n{written}"));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_file_with_everything_reads_well() {
        let aws = Some(Aws { region: "eu-west-1".into(), profile: None });
        let all = Answers { aws, scaling: Scaling::Preset, ..answers(Program::Dockerfile("Dockerfile".into())) };
        insta::assert_snapshot!(text(&all));
    }
}
