use super::*;
use crate::config::{ConfigFile, Overrides, Variables};
use crate::plan::TargetDefaults;

const NAMING: Naming<'static> = Naming { wanted: None, fallback: "Shop_1" };

fn imported(text: &str) -> Imported {
    let files = |name: &str| match name {
        ".env" => {
            Ok("# said\nA=1 # one\nexport B='$x'\nC=\"a\\nb\"\nAPI_TOKEN=abc\nURL=postgres://u:p@h/d\n".to_owned())
        }
        other => Err(format!("no {other}")),
    };
    import(Path::new("compose.yml"), text, NAMING, &files).expect("a Compose file")
}

/// The settings of the service `web`, once what was written has been read again.
fn rendered(text: &str) -> serde_json::Value {
    let names = ["API_TOKEN", "URL", "DB_PASSWORD", "TAG"];
    let variables = Variables::fixed(names.map(|name| (name, "given")));
    let file = ConfigFile::parse(Path::new("seatrial.yml"), text, &variables).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let environment = file.environment(None).expect("dev");
    let plan = file
        .plan(&environment, &TargetDefaults::embedded(), &Overrides::default())
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let service = plan.services.iter().find(|service| service.name.as_str() == "web").expect("web");
    service.task_definition["containerDefinitions"][0].clone()
}

#[test]
fn a_service_with_a_command_becomes_one_of_seatrial() {
    let imported = imported(
        "name: shop
services:
  web:
    command: server --name \"a b\"
    ports: [\"8080:3000\"]
    stop_grace_period: 1m30s
    environment: { PLAIN: 1.10, EMPTY: , TAGGED: \"v${TAG:-1}\" }
    healthcheck: { test: [CMD, curl, -f, \"http://localhost:3000/ready\"], interval: 10s, timeout: 3s, retries: 1, start_period: 20s }
    deploy: { replicas: 3, resources: { limits: { cpus: '0.25', memory: 512M } } }
",
    );
    let expected = "app: shop
services:
  web:
    command: [server, --name, \"a b\"]
    port: 3000
    environment:
      PLAIN: \"1.10\"
      EMPTY: \"{{ env('EMPTY', '') }}\"
      TAGGED: \"v{{ env('TAG', '1') }}\"
    cpu: 256
    memory: 512
    stop_timeout: 90s
    desired_count: 3
    health_check:
      path: /ready
      interval: 10s
      timeout: 3s
      unhealthy_threshold: 2
      grace_period: 20s
    listener:
      port: 8080
environments:
  dev:
    target: embedded
    stage: dev
";
    assert_eq!(imported.text.replace("\"--name\"", "--name"), expected);
    assert_eq!(rendered(&imported.text)["stopTimeout"], 90);
    let keys: Vec<&str> = imported.remarks.iter().map(|remark| remark.key.as_str()).collect();
    assert!(keys.contains(&"services.web.healthcheck.retries") && keys.contains(&"services.web.image"), "{keys:?}");
}

#[test]
fn values_that_look_secret_are_not_copied() {
    let imported = imported(
        "services: { web: { image: x, command: y, env_file: [.env, none.env], environment: [A=2, DB_PASSWORD=hunter2, \"HASH=$$1\"] } }",
    );
    assert!(!imported.text.contains("hunter2") && !imported.text.contains("abc"), "{}", imported.text);
    let container = rendered(&imported.text);
    let value = |name: &str| {
        let pairs = container["environment"].as_array().into_iter().flatten();
        pairs
            .into_iter()
            .find(|pair| pair["name"] == name)
            .map(|pair| pair["value"].as_str().unwrap_or_default().to_owned())
    };
    for (name, expected) in [
        ("A", "2"),
        ("B", "$x"),
        ("C", "a\nb"),
        ("API_TOKEN", "given"),
        ("URL", "given"),
        ("DB_PASSWORD", "given"),
        ("HASH", "$1"),
    ] {
        assert_eq!(value(name).as_deref(), Some(expected), "{name}");
    }
    let remarks: Vec<String> = imported.remarks.iter().map(ToString::to_string).collect();
    assert!(
        remarks.iter().any(|remark| remark.contains("DB_PASSWORD") && remark.contains("not copied")),
        "{remarks:?}"
    );
    assert!(remarks.iter().any(|remark| remark.contains("none.env cannot be read")), "{remarks:?}");
}

#[test]
fn what_short_hand_cannot_say_becomes_a_task_definition() {
    let imported = imported(
        "services: { web: { image: x, entrypoint: [sh, -c], command: [\"a && b\"], healthcheck: { test: pg_isready } } }",
    );
    let container = rendered(&imported.text);
    assert_eq!(container["entryPoint"], serde_json::json!(["sh", "-c"]));
    assert_eq!(container["healthCheck"]["command"], serde_json::json!(["CMD-SHELL", "pg_isready"]));
    assert_eq!(container["image"], "x");
}

/// Every key of a service that is no key of Seatrial's is told.
#[test]
fn nothing_is_dropped_silently() {
    let keys = [
        ("build", "."),
        ("depends_on", "[b]"),
        ("volumes", "[a:/b]"),
        ("networks", "[n]"),
        ("restart", "always"),
        ("secrets", "[s]"),
        ("configs", "[c]"),
        ("logging", "{}"),
        ("container_name", "x"),
        ("labels", "{}"),
        ("profiles", "[p]"),
        ("extends", "x"),
        ("privileged", "true"),
        ("platform", "linux/arm64"),
        ("gpus", "all"),
        ("something_new", "1"),
    ];
    for (key, value) in keys {
        let imported = imported(&format!("services: {{ web: {{ command: y, {key}: {value} }} }}"));
        assert!(
            imported.remarks.iter().any(|remark| remark.key == format!("services.web.{key}")),
            "{key}: {:?}",
            imported.remarks
        );
        rendered(&imported.text);
    }
    for key in ["update_config", "restart_policy", "placement", "new_key"] {
        let imported = imported(&format!("services: {{ web: {{ command: y, deploy: {{ {key}: {{}} }} }} }}"));
        assert!(imported.remarks.iter().any(|remark| remark.key.ends_with(key)), "{key}");
    }
    for key in ["version", "volumes", "networks", "secrets", "include", "new_key"] {
        let imported = imported(&format!("{key}: x\nservices: {{ web: {{ command: y }} }}"));
        assert!(imported.remarks.iter().any(|remark| remark.key == key), "{key}");
    }
}

#[test]
fn a_port_has_one_listener() {
    let imported = imported(
        "services: { web: { command: y, ports: [80, \"53:53/udp\", 81] }, db: { image: p, ports: [\"5432:5432\"] }, api: { command: z, ports: [{ target: 9, published: 80 }] } }",
    );
    assert_eq!(imported.text.matches("listener").count(), 1, "{}", imported.text);
    let ports = imported.remarks.iter().filter(|remark| remark.key.ends_with(".ports")).count();
    assert_eq!(ports, 5, "{:?}", imported.remarks);
    rendered(&imported.text);
}

#[test]
fn a_file_of_another_shape_is_refused_or_told_of() {
    for text in ["[]", "a: b", "services: []", "services: {}", "services: { a_b: {}, a-b: {} }", "{", ""] {
        assert!(import(Path::new("c"), text, NAMING, &|_| Err("no".into())).is_err(), "{text}");
    }
    for value in ["1", "[1]", "{ a: 1 }", "null", "\"{{ x }}\"", "'{% x'"] {
        for key in [
            "image",
            "command",
            "entrypoint",
            "environment",
            "env_file",
            "ports",
            "expose",
            "healthcheck",
            "deploy",
            "cpus",
            "mem_limit",
            "stop_grace_period",
            "scale",
            "working_dir",
            "user",
        ] {
            let text = format!("services: {{ web: {{ command: y, {key}: {value} }} }}")
                .replace("command: y, command", "command");
            rendered(&imported(&text).text);
        }
        rendered(&imported(&format!("services: {{ web: {value} }}")).text);
    }
}
