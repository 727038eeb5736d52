use super::*;
use crate::config::{ConfigFile, Overrides, Variables};
use crate::plan::{Plan, TargetDefaults};

const NAMING: Naming<'static> = Naming { wanted: None, fallback: "x" };

fn imported(manifests: &[(&str, &str)]) -> Imported {
    let manifests = manifests
        .iter()
        .map(|(name, text)| (PathBuf::from(format!("copilot/{name}/manifest.yml")), (*text).to_owned()));
    let workspace = Workspace {
        settings: Some("application: shop\n".into()),
        manifests: manifests.collect(),
        environments: vec!["test".into()],
    };
    import(Path::new("."), &workspace, NAMING).unwrap_or_else(|error| panic!("{error}"))
}

fn plan(text: &str, environment: &str) -> Plan {
    let names = ["AWS_REGION", "SUBNET_A", "SUBNET_B", "SECURITY_GROUP", "EXECUTION_ROLE_ARN", "DB_PASSWORD"];
    let file = ConfigFile::parse(Path::new("seatrial.yml"), text, &Variables::fixed(names.map(|name| (name, "given"))));
    let file = file.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let environment = file.environment(Some(&environment.parse().expect("a name"))).expect("an environment");
    let defaults = TargetDefaults { region: "r".into(), network: None, process_image: None, infrastructure_role: None };
    file.plan(&environment, &defaults, &Overrides::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

const FRONT: &str = "
name: front
type: Load Balanced Web Service
image: { build: ./Dockerfile, port: 8080 }
http: { path: /, healthcheck: { path: /ok, success_codes: '200,301', interval: 15s, healthy_threshold: 1 }, alias: shop.example }
cpu: 256
memory: 512
count: { range: 2-10, cpu_percentage: 70 }
exec: true
variables: { LOG: info, APP: \"${COPILOT_APPLICATION_NAME}\", DB_PASSWORD: hunter2 }
environments:
  prod: { count: 4, variables: { LOG: warn }, http: { path: shop } }
  test: { cpu: 512, memory: 1024 }
";

#[test]
fn a_web_service_and_its_environments_are_taken_over() {
    let imported = imported(&[("front", FRONT)]);
    let expected = "app: shop
services:
  front:
    image: \"{{ env('FRONT_IMAGE', 'front:latest') }}\"
    port: 8080
    environment:
      LOG: info
      APP: shop
      DB_PASSWORD: \"{{ must_env('DB_PASSWORD') }}\"
    cpu: 256
    memory: 512
    desired_count: 2
    health_check:
      path: /ok
      matcher: \"200,301\"
      interval: 15s
      healthy_threshold: 2
    listener:
      port: 8080
      host: [shop.example]
environments:
  dev:
    target: embedded
    stage: dev
  test:
    target:
      region: \"{{ must_env('AWS_REGION') }}\"
    stage: prod
    execution_role: \"{{ must_env('EXECUTION_ROLE_ARN') }}\"
    network:
      subnets: [\"{{ must_env('SUBNET_A') }}\", \"{{ must_env('SUBNET_B') }}\"]
      security_groups: [\"{{ must_env('SECURITY_GROUP') }}\"]
      assign_public_ip: true
    services:
      front:
        cpu: 512
        memory: 1024
        listener:
          port: 80
";
    assert!(imported.text.starts_with(expected), "{}", imported.text);
    assert!(!imported.text.contains("hunter2"));
    let prod = plan(&imported.text, "prod");
    let environment = prod.services[0].task_definition["containerDefinitions"][0]["environment"].to_string();
    assert!(environment.contains("warn"), "{environment}");
    let listener = &prod.load_balancer.as_ref().expect("one").listeners[0];
    assert_eq!((listener.port, listener.rules[0].paths.clone()), (80, vec!["/shop".to_owned(), "/shop/*".to_owned()]));
    let told: Vec<&str> = imported.remarks.iter().map(|remark| remark.key.as_str()).collect();
    for key in [
        "front.exec",
        "front.count.range",
        "front.count.cpu_percentage",
        "front.image.build",
        "front.variables.DB_PASSWORD",
        "environments",
    ] {
        assert_eq!(told.iter().filter(|told| **told == key).count(), 1, "{key}: {told:?}");
    }
}

#[test]
fn secrets_take_a_task_definition_and_a_worker_has_no_listener() {
    let worker = "
name: worker
type: Worker Service
image: { location: 'x:1' }
command: [work]
secrets: { TOKEN: /shop/token, KEY: { secretsmanager: demo/key }, OTHER: { from_cfn: x } }
subscribe: { topics: [] }
environments: { prod: { count: 3 } }
";
    let imported = imported(&[("worker", worker)]);
    let prod = plan(&imported.text, "prod");
    let container = &prod.services[0].task_definition["containerDefinitions"][0];
    assert_eq!(container["secrets"][0]["valueFrom"], "/shop/token");
    assert_eq!(container["secrets"][1]["valueFrom"], "arn:aws:secretsmanager:given:000000000000:secret:demo/key");
    assert_eq!(prod.services[0].task_definition["executionRoleArn"], "given");
    assert!(prod.load_balancer.is_none());
    let told: Vec<&str> = imported.remarks.iter().map(|remark| remark.key.as_str()).collect();
    assert!(told.contains(&"worker.subscribe") && told.contains(&"worker.secrets.OTHER"), "{told:?}");
}

#[test]
fn two_services_at_the_same_path_get_two_listeners() {
    let service = |name: &str| {
        format!(
            "name: {name}\ntype: Load Balanced Web Service\nimage: {{ location: x, port: 80 }}\nhttp: {{ path: / }}\n"
        )
    };
    let imported = imported(&[("a", &service("a")), ("b", &service("b"))]);
    let ports: Vec<u16> =
        plan(&imported.text, "test").load_balancer.expect("one").listeners.iter().map(|it| it.port).collect();
    assert_eq!(ports, [80, 8081]);
}

#[test]
fn what_is_no_service_is_told_or_refused() {
    let job = "name: j\ntype: Scheduled Job\n";
    let imported = imported(&[("front", FRONT), ("j", job)]);
    assert!(imported.remarks.iter().any(|remark| remark.advice.contains("Scheduled Job")), "{:?}", imported.remarks);
    let alone =
        Workspace { settings: None, manifests: vec![(PathBuf::from("j"), job.to_owned())], environments: vec![] };
    assert!(import(Path::new("."), &alone, NAMING).is_err());
}

/// Every key of a manifest that is no key of Seatrial's is told.
#[test]
fn nothing_is_dropped_silently() {
    for key in [
        "exec",
        "network",
        "storage",
        "sidecars",
        "publish",
        "env_file",
        "logging",
        "observability",
        "platform",
        "taskdef_overrides",
        "nlb",
        "new_key",
    ] {
        let text = format!(
            "name: a\ntype: Backend Service\nimage: {{ location: x, port: 80, {key}: 1 }}\n{key}: {{ a: 1 }}\nhttp: {{ path: /, {key}: 1 }}\n"
        );
        let imported = imported(&[("a", &text)]);
        for expected in [format!("a.{key}"), format!("a.image.{key}"), format!("a.http.{key}")] {
            assert!(imported.remarks.iter().any(|remark| remark.key == expected), "{expected}: {:?}", imported.remarks);
        }
    }
}

#[test]
fn values_of_another_shape_are_survived() {
    for value in ["1", "[1]", "{ a: 1 }", "null", "\"{{ x }}\""] {
        for key in [
            "image",
            "http",
            "cpu",
            "memory",
            "count",
            "variables",
            "secrets",
            "command",
            "entrypoint",
            "deployment",
            "environments",
        ] {
            let text = format!("name: a\ntype: Backend Service\n{key}: {value}\n");
            let imported = imported(&[("a", &text)]);
            assert!(!imported.remarks.is_empty(), "{text}");
            let text = imported.text;
            ConfigFile::parse(Path::new("x"), &text, &Variables::fixed::<&str, &str>([]))
                .unwrap_or_else(|e| panic!("{e}\n{text}"));
        }
    }
}
