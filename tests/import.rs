//! `seatrial import`: other tools' files become a `seatrial.yml` that is valid, and that deploys where there is a command to run.

mod harness;

use std::path::Path;

use harness::{Trial, free_port};

fn trial(files: &[(&str, &str)]) -> Trial {
    let trial = Trial::new("");
    std::fs::remove_file(trial.directory().join("seatrial.yml")).expect("it was there");
    for (name, text) in files {
        let path = trial.directory().join(name);
        std::fs::create_dir_all(path.parent().expect("below the trial")).expect("a directory");
        std::fs::write(path, text).expect("written");
    }
    trial
}

fn text(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("seatrial.yml")).expect("it is written")
}

#[test]
fn a_compose_file_deploys_on_the_embedded_engine() {
    let port = free_port();
    let compose = format!(
        "services:
  web:
    build: .
    command: seatrial demo-app
    ports: ['{port}:8080']
    env_file: app.env
    environment: {{ DEMO_VERSION: 'imported-${{VERSION:-1}}' }}
    healthcheck: {{ test: curl -f http://localhost:8080/health/ready, interval: 5s, timeout: 2s }}
    depends_on: [db]
    volumes: [data:/data]
volumes: {{ data: {{}} }}
"
    );
    let mut trial = trial(&[("compose.yml", &compose), ("app.env", "DEMO_BOOT_DELAY=0s\nAPI_TOKEN=abc\n")]);
    trial.port = port;
    let shown = trial.run(&["import", "compose"], &[]).exits(0);
    assert!(shown.stdout.starts_with("app: ") && !shown.stdout.contains("abc"), "{shown:?}");
    for key in ["services.web.build", "services.web.depends_on", "services.web.volumes", "volumes", "API_TOKEN"] {
        assert!(shown.stderr.lines().any(|line| line.contains(&format!("{key}: "))), "{key}: {shown:?}");
    }
    let arguments = ["import", "compose", "compose.yml", "--app", "first", "--file", "seatrial.yml"];
    trial.run(&arguments, &[]).exits(0);
    let again = trial.run(&arguments, &[]).exits(2);
    assert!(again.says("is there already") && again.says("--force"), "{again:?}");
    trial.run(&[&arguments[..], &["--force"]].concat(), &[]).exits(0);

    let unset = trial.run(&["validate"], &[]).exits(2);
    assert!(unset.says("API_TOKEN is not set"), "{unset:?}");
    let variables = [("API_TOKEN", "abc"), ("VERSION", "7")];
    trial.run(&["validate"], &variables).exits(0);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial.run(&["deploy"], &variables).exits(0);
    assert!(trial.answer().body.contains("imported-7"), "{:?}", trial.answer());
}

#[test]
fn an_ecspresso_configuration_keeps_its_definitions() {
    let task = r#"{"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "web", "essential": true, "image": "nginx:1.27"}]}"#;
    let service = r#"{"launchType": "FARGATE", "desiredCount": 2, "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}}"#;
    let config = "region: us-east-1\ncluster: main\nservice: web\ntask_definition: task.json\nservice_definition: service.json\n";
    let files = [("deploy/ecspresso.yml", config), ("deploy/task.json", task), ("deploy/service.json", service)];
    let trial = trial(&files);
    trial.run(&["import", "ecspresso", "deploy", "--file", "seatrial.yml"], &[]).exits(0);
    assert!(text(trial.directory()).contains("task_definition: deploy/task.json"));
    trial.run(&["validate"], &[]).exits(0);
    let rendered = trial.run(&["render", "web", "--document", "task-definition"], &[]).exits(0);
    assert!(rendered.says("nginx:1.27"), "{rendered:?}");

    let tagged = task.replace("nginx:1.27", "nginx:{{ must_env `TAG` }}");
    std::fs::write(trial.directory().join("deploy/task.json"), tagged).expect("written");
    trial.run(&["import", "ecspresso", "deploy/ecspresso.yml", "--file", "seatrial.yml", "--force"], &[]).exits(0);
    let rendered = trial.run(&["render", "web", "--document", "task-definition"], &[("TAG", "2.0")]).exits(0);
    assert!(rendered.says("nginx:2.0") && rendered.says("\"cpu\": \"256\""), "{rendered:?}");

    std::fs::write(trial.directory().join("deploy/ecspresso.jsonnet"), "{}").expect("written");
    let refused = trial.run(&["import", "ecspresso", "deploy/ecspresso.jsonnet"], &[]).exits(2);
    assert!(refused.says("Jsonnet") && refused.says("ecspresso render"), "{refused:?}");
}

#[test]
fn a_copilot_workspace_keeps_its_environments() {
    let front = "name: front
type: Load Balanced Web Service
image: { location: 'nginx:1.27', port: 80 }
http: { path: /, healthcheck: /ok }
count: 1
environments: { prod: { count: { range: 2-4 } } }
";
    let worker = "name: worker\ntype: Worker Service\nimage: { build: Dockerfile }\nsecrets: { TOKEN: /shop/token }\n";
    let trial = trial(&[
        ("copilot/.workspace", "application: shop\n"),
        ("copilot/front/manifest.yml", front),
        ("copilot/worker/manifest.yml", worker),
        ("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n"),
    ]);
    let imported = trial.run(&["import", "copilot", "--file", "seatrial.yml"], &[]).exits(0);
    assert!(imported.says("front.count.range: ") && imported.says("worker.image.build: "), "{imported:?}");
    assert!(text(trial.directory()).starts_with("app: shop\n"));
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("SUBNET_A", "subnet-a"),
        ("SUBNET_B", "subnet-b"),
        ("SECURITY_GROUP", "sg-a"),
        ("EXECUTION_ROLE_ARN", "arn:aws:iam::123456789012:role/x"),
    ];
    let valid = trial.run(&["validate"], &variables).exits(0);
    for environment in ["dev", "test", "prod"] {
        assert!(valid.says(&format!("✔ {environment} on ")), "{valid:?}");
    }
    let rendered = trial.run(&["render", "worker", "-e", "prod", "--document", "task-definition"], &variables).exits(0);
    assert!(rendered.says("role/x") && rendered.says("/shop/token"), "{rendered:?}");
    let nothing = trial.run(&["import", "copilot", "copilot/environments"], &[]).exits(2);
    assert!(nothing.says("no manifest"), "{nothing:?}");
}
