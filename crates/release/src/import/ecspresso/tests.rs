use super::*;
use crate::config::{ConfigFile, Variables};

const NAMING: Naming<'static> = Naming { wanted: None, fallback: "x" };

fn imported(text: &str, task: &'static str, service: &'static str) -> Result<Imported, ConfigError> {
    let files = move |name: &str| match name {
        "task.json" => Ok(task.to_owned()),
        "service.json" => Ok(service.to_owned()),
        other => Err(format!("no {other}")),
    };
    import(Place { path: Path::new("ecspresso.yml"), prefix: Path::new("deploy") }, text, NAMING, &files)
}

const CONFIG: &str = "region: us-east-1\ncluster: main\nservice: web\ntask_definition: task.json\nservice_definition: service.json\ntimeout: 10m\n";

#[test]
fn definitions_without_templates_are_used_unchanged() {
    let imported = imported(CONFIG, "{\"family\": \"web\"}", "{\"loadBalancers\": [{}]}").expect("a configuration");
    let expected = "app: web
services:
  web:
    task_definition: deploy/task.json
    service_definition: deploy/service.json
environments:
  prod:
    target:
      region: us-east-1
    stage: prod
    cluster: main
";
    assert_eq!(imported.text, expected);
    let keys: Vec<&str> = imported.remarks.iter().map(|remark| remark.key.as_str()).collect();
    assert_eq!(keys, ["service.json: loadBalancers", "timeout"]);
}

#[test]
fn definitions_with_templates_are_written_out_with_seatrials_own() {
    let task = "{\"family\": \"web\", \"cpu\": \"256\", \"containerDefinitions\": [{\"name\": \"web\", \"essential\": true, \"memory\": {{ env `MEM` `128` }}, \
                \"image\": \"x:{{ must_env `TAG` }}\", \"environment\": [{\"name\": \"DB\", \"value\": \"{{ tfstate `db.url` }}\"}]}]}";
    let imported = imported(CONFIG, task, "{}").expect("a configuration");
    for part in [
        "image: \"x:{{ must_env('TAG') }}\"",
        "memory: {{ env('MEM', '128') }}",
        "{{ must_env('TFSTATE_DB_URL') }}",
        "cpu: \"256\"",
        "essential: true",
    ] {
        assert!(imported.text.contains(part), "{part}\n{}", imported.text);
    }
    assert!(imported.remarks.iter().any(|remark| remark.advice.contains("TFSTATE_DB_URL")), "{:?}", imported.remarks);
    let variables = Variables::fixed([("TAG", "v1"), ("TFSTATE_DB_URL", "u")]);
    ConfigFile::parse(Path::new("x"), &imported.text, &variables)
        .unwrap_or_else(|error| panic!("{error}\n{}", imported.text));
}

#[test]
fn a_service_keeps_its_name_in_ecs() {
    let text = CONFIG.replace("service: web", "service: My_Web").replace("us-east-1", "'{{ must_env `REGION` }}'");
    let imported = imported(&text, "{}", "{\"desiredCount\": 2}").expect("a configuration");
    assert!(
        imported.text.contains("  my-web:\n") && imported.text.contains("serviceName: \"My_Web\"")
            || imported.text.contains("serviceName: My_Web"),
        "{}",
        imported.text
    );
    assert!(
        imported.text.contains("region: \"{{ must_env('REGION') }}\"") && imported.text.contains("desiredCount: 2"),
        "{}",
        imported.text
    );
}

#[test]
fn jsonnet_and_missing_definitions_are_refused_with_words() {
    let jsonnet = imported(&CONFIG.replace("task.json", "task.jsonnet"), "", "").expect_err("Jsonnet");
    assert!(jsonnet.what().contains("Jsonnet") && jsonnet.instead().is_some_and(|advice| advice.contains("render")));
    for text in ["service: a", "task_definition: task.json", "[]", &CONFIG.replace("service.json", "gone.json")] {
        assert!(imported(text, "{}", "{}").is_err(), "{text}");
    }
}
