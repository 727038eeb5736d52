//! `seatrial.yml` as its users see it: what a file becomes, and what is said of a bad one.

use std::path::Path;

use seatrial_release::config::{
    ConfigError, ConfigFile, EnvironmentName, Overrides, RollbackOverride, Scheme, Share, StrategyWord, Variables,
    json_schema,
};
use seatrial_release::plan::{Network, Plan, PublicAddress, RulePurpose, TargetDefaults, TargetType};
use serde_json::{Value, json};

const FILE: &str = "/srv/app/seatrial.yml";

fn embedded() -> TargetDefaults {
    TargetDefaults {
        region: "us-east-1".into(),
        network: Some(Network {
            subnets: vec!["subnet-embedded".into()],
            security_groups: vec![],
            public_address: PublicAddress::None,
            scheme: Scheme::Internal,
        }),
        process_image: Some("process".into()),
        infrastructure_role: None,
    }
}

fn aws() -> TargetDefaults {
    TargetDefaults { region: "us-east-1".into(), network: None, process_image: None, infrastructure_role: None }
}

fn read(text: &str) -> Result<ConfigFile, ConfigError> {
    ConfigFile::parse(Path::new(FILE), text, &Variables::fixed([("TAG", "v7"), ("EMPTY", "")]))
}

fn plan_with(
    text: &str,
    environment: Option<&str>,
    defaults: &TargetDefaults,
    overrides: &Overrides,
) -> Result<Plan, ConfigError> {
    let file = read(text)?;
    let name: Option<EnvironmentName> = environment.map(|name| name.parse().expect("a name"));
    let environment = file.environment(name.as_ref())?;
    file.plan(&environment, defaults, overrides)
}

fn plan(text: &str) -> Plan {
    plan_with(text, None, &embedded(), &Overrides::default()).expect("a valid configuration")
}

fn service(plan: &Plan) -> Value {
    plan.services[0].service.clone()
}

/// `file:line:column: what` and the advice below it.
fn refusal(text: &str, environment: Option<&str>, defaults: &TargetDefaults) -> String {
    let error = plan_with(text, environment, defaults, &Overrides::default()).expect_err("a refused configuration");
    match error.instead() {
        Some(instead) => format!("{error}\n  {instead}"),
        None => error.to_string(),
    }
}

const HELLO: &str = r#"
app: hello
x-note: anything goes here
services:
  web:
    command: [seatrial, demo-app]
    version: "{{ env('TAG') }}"
    port: 8080
    environment: { DEMO_VERSION: "{{ env('TAG') }}", RATIO: 1.10, ON: true, PLAIN: 007, UNSET: "{{ env('NONE', 'null') }}" , ABSENT: {{ env('NONE', 'null') }} }
    health_check: { path: /health/ready }
    listener: { port: 8080 }
environments:
  dev: { target: embedded, stage: dev }
  prod:
    target: { region: us-east-1 }
    stage: prod
    approval: required
    execution_role: arn:aws:iam::1:role/exec
    network: { subnets: [subnet-a, subnet-b], security_groups: [sg-1], assign_public_ip: true }
    services:
      web: { image: "registry/hello:{{ must_env('IMAGE_TAG') }}", cpu: 512, memory: 1 GB, environment: { RATIO: null, MORE: x } }
"#;

#[test]
fn a_short_hand_service_becomes_ecs_documents() {
    insta::assert_debug_snapshot!(plan(HELLO));
}

#[test]
fn an_aws_environment_has_its_own_network_image_and_roles() {
    let text = HELLO.replace("must_env('IMAGE_TAG')", "env('IMAGE_TAG', 'v9')");
    let plan = plan_with(&text, Some("prod"), &aws(), &Overrides::default()).expect("valid");
    insta::assert_json_snapshot!(json!({
        "environment": format!("{:?}", plan.environment),
        "task_definition": plan.services[0].task_definition,
        "service": plan.services[0].service,
        "load_balancer": format!("{:?}", plan.load_balancer),
    }));
}

#[test]
fn variables_of_an_environment_matter_only_when_it_is_chosen() {
    assert!(plan_with(HELLO, Some("dev"), &embedded(), &Overrides::default()).is_ok());
    let refused = refusal(HELLO, Some("prod"), &aws());
    assert!(
        refused.starts_with("/srv/app/seatrial.yml:21:21: the environment variable IMAGE_TAG is not set"),
        "{refused}"
    );
    let unset_port = "app: a\nservices: {web: {command: [x], port: 1}}\nenvironments:\n  dev: {}\n  other: {services: {web: {port: \"{{ env('PORT') }}\"}}}\n";
    assert!(plan_with(unset_port, Some("dev"), &embedded(), &Overrides::default()).is_ok());
    assert!(refusal(unset_port, Some("other"), &embedded()).contains("PORT is not set"));
}

fn staged(stage: &str, more: &str) -> Plan {
    plan(&format!(
        "app: a\nservices:\n  web: {{command: [x], port: 80, listener: {{port: 80}}{more}}}\nenvironments:\n  dev: {{target: embedded{stage}}}\n"
    ))
}

/// The table of presets, one row per setting.
#[test]
fn presets_are_those_of_the_table() {
    let table = |plan: &Plan| {
        let group = plan.services[0].balancing.clone().expect("a listener").target_group;
        let service = service(plan);
        let deployment = &service["deploymentConfiguration"];
        json!({
            "desired count": plan.services[0].desired_count.at_creation(),
            "interval / timeout": [group.health_check_interval, group.health_check_timeout],
            "healthy / unhealthy threshold": [group.healthy_threshold, group.unhealthy_threshold],
            "grace period": service["healthCheckGracePeriodSeconds"],
            "deregistration delay": group.deregistration_delay,
            "minimum / maximum": [deployment["minimumHealthyPercent"], deployment["maximumPercent"]],
            "circuit breaker": deployment["deploymentCircuitBreaker"],
            "fail fast": format!("{:?}", plan.services[0].fail_fast),
        })
    };
    let on = json!({"enable": true, "rollback": true});
    let dev = json!({
        "desired count": 1, "interval / timeout": [15, 5], "healthy / unhealthy threshold": [2, 2], "grace period": 30,
        "deregistration delay": 10, "minimum / maximum": [0, 100], "circuit breaker": on, "fail fast": "On",
    });
    let prod = json!({
        "desired count": 2, "interval / timeout": [30, 10], "healthy / unhealthy threshold": [2, 3], "grace period": 60,
        "deregistration delay": 30, "minimum / maximum": [100, 200], "circuit breaker": on, "fail fast": "Off",
    });
    let custom = json!({
        "desired count": 1, "interval / timeout": [null, null], "healthy / unhealthy threshold": [null, null], "grace period": null,
        "deregistration delay": null, "minimum / maximum": [null, null], "circuit breaker": null, "fail fast": "Off",
    });
    assert_eq!(table(&staged(", stage: dev", "")), dev);
    assert_eq!(table(&staged(", stage: prod", "")), prod);
    assert_eq!(table(&staged("", "")), prod, "prod is the default");
    assert_eq!(table(&staged(", stage: custom", "")), custom);
}

#[test]
fn explicit_settings_win_over_presets() {
    let more = ", desired_count: 3, minimum_healthy_percent: 50, maximum_percent: 150, circuit_breaker: {rollback: false, threshold: {type: count, value: 4}}, \
                deregistration_delay: 1m, fail_fast: false, stop_timeout: 5, health_check: {interval: 6s, healthy_threshold: 3, grace_period: 0}";
    let plan = staged(", stage: dev", more);
    let group = plan.services[0].balancing.clone().expect("a listener").target_group;
    assert_eq!((group.health_check_interval, group.health_check_timeout), (Some(6), Some(5)));
    assert_eq!((group.healthy_threshold, group.unhealthy_threshold), (Some(3), Some(2)));
    assert_eq!(group.deregistration_delay, Some(60));
    assert_eq!(format!("{:?} {:?}", plan.services[0].desired_count, plan.services[0].fail_fast), "Configured(3) Off");
    assert_eq!(
        service(&plan)["deploymentConfiguration"],
        json!({"minimumHealthyPercent": 50, "maximumPercent": 150, "deploymentCircuitBreaker":
            {"enable": true, "rollback": false, "thresholdConfiguration": {"type": "COUNT", "value": 4}},
            "strategy": "ROLLING", "bakeTimeInMinutes": 0, "lifecycleHooks": []})
    );
    assert_eq!(service(&plan)["healthCheckGracePeriodSeconds"], 0);
    assert_eq!(plan.services[0].task_definition["containerDefinitions"][0]["stopTimeout"], 5);
}

#[test]
fn a_preset_timeout_gives_way_to_a_shorter_explicit_interval() {
    let plan = staged(", stage: prod", ", health_check: {interval: 5s}");
    let group = plan.services[0].balancing.clone().expect("a listener").target_group;
    assert_eq!((group.health_check_interval, group.health_check_timeout), (Some(5), Some(4)));
}

#[test]
fn a_file_without_environments_has_a_dev_one() {
    let plan = plan("app: a\nservices: {web: {command: run it}}\n");
    assert_eq!(plan.environment.name.as_str(), "dev");
    assert_eq!(plan.services[0].desired_count.at_creation(), 1, "stage dev");
    assert_eq!(plan.load_balancer, None);
}

#[test]
fn the_default_environment_is_the_marked_one_then_the_first_embedded_one_then_dev() {
    let chosen = |environments: &str| {
        let file = read(&format!("app: a\nservices: {{web: {{command: [x]}}}}\nenvironments: {environments}\n"))
            .expect("valid");
        file.environment(None).map(|environment| environment.name.to_string()).map_err(|error| error.to_string())
    };
    let aws = "{target: {region: r}}";
    assert_eq!(chosen(&format!("{{b: {{}}, a: {{target: embedded}}, p: {aws}}}")).as_deref(), Ok("b"));
    assert_eq!(chosen(&format!("{{p: {aws}, b: {{target: embedded}}, a: {{default: true}}}}")).as_deref(), Ok("a"));
    assert_eq!(chosen(&format!("{{p: {aws}, dev: {aws}}}")).as_deref(), Ok("dev"));
    assert_eq!(chosen(&format!("{{p: {aws}}}")).as_deref(), Ok("p"));
    assert!(chosen(&format!("{{p: {aws}, q: {aws}}}")).is_err());
    assert!(chosen("{a: {default: true}, b: {default: true}}").is_err());
}

#[test]
fn services_that_share_a_listener_are_told_apart_by_host_and_path() {
    let plan = plan(
        "app: shop\nservices:\n  web: {command: [x], port: 80, listener: {port: 8080}}\n  \
         api: {command: [x], port: 81, listener: {port: 8080, path: /api/*}}\n  \
         deep: {command: [x], port: 81, listener: {port: 8080, path: [/api/deep/*, /d]}}\n  \
         host: {command: [x], port: 82, listener: {port: 8080, host: a.example.com}}\n  \
         other: {command: [x], port: 83, listener: {port: 9090}}\n",
    );
    insta::assert_debug_snapshot!(plan.load_balancer.expect("a load balancer").listeners);
}

const TASK_DEFINITION: &str = r#"{"family": "own-family", "networkMode": "awsvpc", "cpu": 256, "containerDefinitions": [
    {"name": "sidecar", "image": "s", "essential": false},
    {"name": "main", "image": "m:1", "portMappings": [{"containerPort": 9000}], "environment": [{"name": "A", "value": "1"}],
     "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/own"}}}], "newMember": {"x": [1]}}"#;

#[test]
fn plain_ecs_documents_are_used_as_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("task.json"), TASK_DEFINITION).expect("written");
    let text = r#"
app: a
services:
  web:
    task_definition: task.json
    image: m:2
    environment: { B: 2 }
    service_definition:
      serviceName: own-name
      cluster: own-cluster
      desiredCount: 5
      launchType: FARGATE
      loadBalancers: [{ targetGroupArn: arn:tg, containerName: main, containerPort: 9000 }]
      deploymentConfiguration: { strategy: CANARY, canaryConfiguration: { canaryPercent: 5.5 } }
"#;
    let path = directory.path().join("seatrial.yml");
    let file = ConfigFile::parse(&path, text, &Variables::fixed::<&str, &str>([])).expect("valid");
    let plan = file.plan(&file.environment(None).expect("dev"), &embedded(), &Overrides::default()).expect("valid");
    insta::assert_debug_snapshot!(plan.services[0]);
}

/// A service with this `deployment` block.
fn deployed(block: &str) -> String {
    format!("app: a\nservices:\n  web: {{command: [x], port: 1, listener: {{port: 80}}, deployment: {block}}}\n")
}

#[test]
fn steps_and_checks_become_equal_steps_with_a_pause_before_each() {
    let block = "{strategy: canary, steps: [{percent: 10, bake: 90s}, 50, {percent: 80, pause: true}], rollback_window: 30m, \
                 test: {header: 'X-Canary: yes'}, verify: [{path: /}, {command: [./smoke]}]}";
    let plan = plan(&deployed(block));
    let (service, steering) = (&plan.services[0].service, &plan.services[0].steering);
    insta::assert_json_snapshot!(
        "steps_and_checks_in_ecs_words",
        serde_json::json!({ "deploymentConfiguration": service["deploymentConfiguration"], "steering": steering })
    );
    let of_checks = "{strategy: blue_green, test: {port: 81}, verify: [{path: /, patience: 1m}]}";
    let plan = self::plan(&deployed(of_checks));
    let hooks = &plan.services[0].service["deploymentConfiguration"]["lifecycleHooks"];
    assert_eq!(
        *hooks,
        serde_json::json!([{
            "targetType": "PAUSE",
            "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
            "timeoutConfiguration": { "timeoutInMinutes": 12, "action": "ROLLBACK" },
        }]),
        "a minute of patience, ten seconds for an answer, and ten minutes"
    );
}

#[test]
fn a_deployment_that_moves_traffic_has_a_pair_of_target_groups_and_rules_of_its_own() {
    let block = "{strategy: canary, percent: 2.5%, step_bake: 10m, bake: 5m, test: {port: 81}, alarms: errors, \
                 hooks: [{stage: post_test_traffic_shift, timeout: 30m}, \
                 {stage: [pre_scale_up, production_traffic_shift], function: \"arn:f\", role: \"arn:r\", on_timeout: continue}]}";
    let plan = plan(&deployed(block));
    insta::assert_json_snapshot!(
        "the_deployment_block_in_ecs_words",
        plan.services[0].service["deploymentConfiguration"]
    );
    insta::assert_debug_snapshot!((&plan.services[0].balancing, &plan.load_balancer));
}

#[test]
fn an_alarm_in_short_hand_is_one_for_each_target_group_of_a_pair() {
    let alarms = "alarms: [{errors: 5%, for: 2m}, {p95: 2s, for: 3m}, {errors: 50%, for: 30s, period: 10s}, pager]";
    let plan = plan(&deployed(&format!("{{strategy: canary, bake: 5m, {alarms}}}")));
    assert_eq!(plan.remarks, Vec::<String>::new());
    let service = &plan.services[0];
    assert_eq!(service.service["deploymentConfiguration"]["alarms"]["alarmNames"], json!(["pager"]));
    let documents = service.alarm_documents("a-dev");
    insta::assert_json_snapshot!(json!({
        "alarms of the first deployment": service.service_document()["deploymentConfiguration"]["alarms"],
        "all": documents.iter().map(|document| &document["AlarmName"]).collect::<Vec<_>>(),
        "the first": documents[0],
        "the last but one": documents[4],
    }));
}

#[test]
fn a_rolling_deployment_with_alarms_bakes_as_long_as_they_need_to_fire() {
    let bake = |block: &str| {
        let plan = plan(&deployed(block));
        assert_eq!(plan.remarks, Vec::<String>::new(), "{block}");
        assert_eq!(plan.services[0].alarm_documents("a-dev").len(), plan.services[0].alarms.len());
        plan.services[0].service["deploymentConfiguration"]["bakeTimeInMinutes"].clone()
    };
    assert_eq!(bake("{alarms: {errors: 5%, for: 2m}}"), 5);
    assert_eq!(bake("{alarms: [{errors: 5%, for: 2m, missing: ignore}, {p95: 2s, for: 150s, period: 30s}]}"), 6);
    assert_eq!(bake("{alarms: {errors: 5%, for: 2m}, bake: 10m}"), 10);
    assert_eq!(bake("{alarms: pager}"), 0);
}

#[test]
fn an_alarm_that_can_hardly_fire_is_remarked_upon() {
    let remarks = |block: &str| plan(&deployed(block)).remarks;
    let told = |seen: &str| {
        format!(
            "service web: its slowest alarm may need 6 min to fire, but the new version is watched for {seen} only; lengthen `bake`"
        )
    };
    assert_eq!(remarks("{strategy: blue_green, alarms: {p95: 2s, for: 3m}}"), [told("0 min")]);
    assert_eq!(remarks("{strategy: canary, step_bake: 1m, bake: 1m, alarms: {p95: 2s, for: 3m}}"), [told("2 min")]);
    assert_eq!(remarks("{strategy: canary, alarms: {p95: 2s, for: 3m}}"), Vec::<String>::new());
    assert_eq!(remarks("{alarms: {p95: 2s, for: 3m}, bake: 0m}"), [told("0 min")]);
}

#[test]
fn on_aws_an_alarm_looks_at_whole_minutes() {
    let text = "app: a\nservices: {web: {image: i, port: 1, listener: {port: 80}, \
                deployment: {alarms: {errors: 5%, for: 90s, period: 10s}}}}\n\
                environments: {prod: {target: {region: r}, network: {subnets: [s]}}}\n";
    let plan = plan_with(text, Some("prod"), &aws(), &Overrides::default()).expect("valid");
    let alarm = &plan.services[0].alarms[0];
    assert_eq!((alarm.period, alarm.periods), (60, 2));
    assert!(plan.remarks[0].contains("the alarm on errors looks at whole minutes"), "{:?}", plan.remarks);
}

#[test]
fn another_strategy_takes_the_place_of_the_written_one_without_what_it_has_no_use_for() {
    let text = deployed("{strategy: linear, percent: 20, step_bake: 3m, bake: 1m, test: {header: \"X-Test: 1\"}}");
    let with = |strategy| {
        let overrides = Overrides { strategy: Some(strategy), ..Overrides::default() };
        let plan = plan_with(&text, None, &embedded(), &overrides).expect("valid");
        (plan.services[0].service["deploymentConfiguration"].clone(), plan.load_balancer.expect("one").listeners)
    };
    let (linear, listeners) = with(StrategyWord::Linear);
    assert_eq!(linear["linearConfiguration"], json!({ "stepPercent": 20.0, "stepBakeTimeInMinutes": 3 }));
    let rules: Vec<_> = listeners[0].rules.iter().map(|rule| (rule.purpose, rule.header.is_some())).collect();
    assert_eq!(rules, [(RulePurpose::Test, true), (RulePurpose::Production, false)], "the more specific one first");
    let (blue_green, _) = with(StrategyWord::BlueGreen);
    assert_eq!((&blue_green["strategy"], &blue_green["bakeTimeInMinutes"]), (&json!("BLUE_GREEN"), &json!(1)));
    assert!(blue_green.get("linearConfiguration").is_none());
    let (rolling, listeners) = with(StrategyWord::Rolling);
    assert_eq!(rolling["strategy"], "ROLLING");
    assert_eq!((listeners[0].rules.len(), listeners[0].default_service.is_some()), (0, true));
}

#[test]
fn mirroring_and_stickiness_belong_to_strategies_that_serve_two_versions() {
    let text = deployed("{strategy: canary, mirror: 2.5%, test: {port: 81}}").replace("80}", "80, stickiness: 1h}");
    let with = |strategy| {
        let overrides = Overrides { strategy, ..Overrides::default() };
        let plan = plan_with(&text, None, &embedded(), &overrides).expect("valid");
        let listeners = plan.load_balancer.expect("one").listeners;
        let rules = listeners.iter().flat_map(|listener| &listener.rules);
        let pins: Vec<_> = rules.map(|rule| (rule.purpose, rule.stickiness)).collect();
        (plan.services[0].mirror.map(Share::get), pins)
    };
    let both = (Some(2.5), vec![(RulePurpose::Production, Some(3600)), (RulePurpose::Test, None)]);
    assert_eq!(with(None), both);
    assert_eq!(with(Some(StrategyWord::Linear)), both);
    assert_eq!(with(Some(StrategyWord::Rolling)), (None, vec![]));

    let on_aws = text.replace("command: [x]", "image: i")
        + "environments: {prod: {target: {region: r}, network: {subnets: [s]}, infrastructure_role: \"arn:role\"}}\n";
    let plan = plan_with(&on_aws, Some("prod"), &aws(), &Overrides::default()).expect("valid");
    assert_eq!(plan.services[0].mirror, None);
    assert_eq!(plan.remarks[0], "service web: mirror is left out, which only the embedded engine can do");
    assert!(plan.remarks[1].starts_with("service web: on AWS a client stays with its version for the 3600 s"));
    assert_eq!(plan.remarks.len(), 2);
}

#[test]
fn on_aws_moving_traffic_needs_a_role() {
    let text = "app: a\nservices: {web: {image: i, port: 1, listener: {port: 80}, deployment: {strategy: blue_green}}}\n\
                environments: {prod: {target: {region: r}, network: {subnets: [s]}}}\n";
    assert!(refusal(text, Some("prod"), &aws()).contains("infrastructure_role"));
    let with_role = text.replace("network:", "infrastructure_role: \"arn:role\", network:");
    let plan = plan_with(&with_role, Some("prod"), &aws(), &Overrides::default()).expect("valid");
    let pair = plan.services[0].balancing.clone().and_then(|balancing| balancing.pair).expect("a pair");
    assert_eq!(pair.infrastructure_role.as_deref(), Some("arn:role"));
}

#[test]
fn the_command_line_changes_image_tag_and_environment() {
    let text = "app: a\nservices: {web: {image: \"r/i:1\", environment: {A: 1}}, job: {image: \"j:1\"}}\n";
    let meant = || vec!["web".parse().expect("name")];
    let changed = |overrides: Overrides| {
        let plan = plan_with(text, None, &aws(), &overrides)?;
        assert_eq!(plan.services.len(), 1, "only the service meant");
        Ok::<Value, ConfigError>(plan.services[0].task_definition["containerDefinitions"][0].clone())
    };
    let tagged = changed(Overrides { services: meant(), tag: Some("2".into()), ..Overrides::default() });
    assert!(tagged.is_err(), "no network on AWS");
    let text = format!("{text}environments: {{dev: {{network: {{subnets: [s]}}}}}}\n");
    let changed = |overrides: Overrides| {
        plan_with(&text, None, &aws(), &overrides)
            .map(|plan| plan.services[0].task_definition["containerDefinitions"][0].clone())
    };
    let tagged =
        changed(Overrides { services: meant(), tag: Some("2".into()), ..Overrides::default() }).expect("valid");
    assert_eq!(tagged["image"], "r/i:2");
    let set = Overrides {
        services: meant(),
        image: Some("other".into()),
        environment: [("B".to_owned(), "2".to_owned())].into(),
        ..Overrides::default()
    };
    let set = changed(set).expect("valid");
    assert_eq!(set["image"], "other");
    assert_eq!(set["environment"], json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]));
    let for_all = changed(Overrides { image: Some("x".into()), ..Overrides::default() }).expect_err("two services");
    assert!(for_all.what().contains("2 services"));
    let unknown = changed(Overrides { services: vec!["wbe".parse().expect("name")], ..Overrides::default() });
    assert_eq!(unknown.expect_err("unknown").instead(), Some("did you mean `web`?"));
}

#[test]
fn no_rollback_leaves_failures_counted() {
    let overrides = Overrides { rollback: RollbackOverride::Never, ..Overrides::default() };
    let plan = plan_with(HELLO, Some("dev"), &embedded(), &overrides).expect("valid");
    assert_eq!(
        service(&plan)["deploymentConfiguration"]["deploymentCircuitBreaker"],
        json!({"enable": true, "rollback": false})
    );
}

#[test]
fn the_settle_time_is_sent_to_the_embedded_engine_and_left_out_on_aws() {
    let text = |more: &str| {
        format!(
            "app: a\nservices: {{web: {{command: [x], image: i, port: 80, listener: {{port: 80}}{more}}}}}\n\
             environments: {{dev: {{target: embedded}}, prod: {{target: {{region: r}}, network: {{subnets: [s]}}}}}}\n"
        )
    };
    let planned = |text: &str, environment: &str, defaults: &TargetDefaults| {
        let plan = plan_with(text, Some(environment), defaults, &Overrides::default()).expect("valid");
        (plan.services[0].balancing.clone().expect("a listener").target_group.settle_time, plan.remarks)
    };
    let with = text(", settle_time: 2s");
    assert_eq!(planned(&with, "dev", &embedded()), (Some(2), vec![]));
    assert_eq!(planned(&text(""), "dev", &embedded()), (Some(0), vec![]), "also what is taken out of a file is sent");
    let remark = |what: &str| vec![format!("service web: {what} left out, which only the embedded engine can do")];
    assert_eq!(planned(&with, "prod", &aws()), (None, remark("settle_time is")));
    let both = text(", settle_time: 2s, fail_fast: true");
    assert_eq!(planned(&both, "prod", &aws()), (None, remark("settle_time and fail_fast are")));
    assert_eq!(planned(&text(""), "prod", &aws()), (None, vec![]));
    let refused = refusal("app: a\nservices: {web: {command: [x], settle_time: 2s}}\n", None, &embedded());
    assert!(refused.contains("`services.web.settle_time` is the load balancer's"), "{refused}");
}

#[test]
fn what_the_embedded_engine_runs_tasks_with_is_a_label_and_left_out_on_aws() {
    let text = |service: &str| {
        format!(
            "app: a\nservices: {{web: {{{service}, version: v7}}}}\n\
             environments: {{dev: {{target: embedded}}, prod: {{target: {{region: r}}, network: {{subnets: [s]}}}}}}\n"
        )
    };
    let labels = |service: &str, environment: &str, defaults: &TargetDefaults| {
        let plan = plan_with(&text(service), Some(environment), defaults, &Overrides::default()).expect("valid");
        plan.services[0].task_definition["containerDefinitions"][0]["dockerLabels"].clone()
    };
    let asked = "image: i, runtime: container";
    let own = json!({"seatrial.version": "v7"});
    assert_eq!(labels(asked, "dev", &embedded()), json!({"seatrial.version": "v7", "seatrial.runtime": "container"}));
    assert_eq!(labels(asked, "prod", &aws()), own);
    assert_eq!(labels("image: i", "dev", &embedded()), own);
    let refused = refusal(&text("command: [x], runtime: container"), Some("dev"), &embedded());
    assert!(refused.contains("`services.web.runtime` is container, and there is no image to run in one"), "{refused}");
}

#[test]
fn the_way_back_in_steps_is_sent_to_the_embedded_engine_and_on_aws_it_is_said_what_happens_instead() {
    let text = |deployment: &str| {
        format!(
            "app: a\nservices: {{web: {{command: [x], image: i, port: 80, listener: {{port: 80}}, deployment: {deployment}}}}}\n\
             environments: {{dev: {{target: embedded}}, prod: {{target: {{region: r}}, infrastructure_role: 'arn:aws:iam::1:role/r', network: {{subnets: [s]}}}}}}\n"
        )
    };
    let planned = |text: &str, environment: &str, defaults: &TargetDefaults| {
        let plan = plan_with(text, Some(environment), defaults, &Overrides::default()).expect("valid");
        (plan.services[0].shift_back.map(|steps| steps.to_string()), plan.remarks)
    };
    let with = text("{strategy: blue_green, shift_back: {step: 25%, every: 30s}}");
    assert_eq!(planned(&with, "dev", &embedded()), (Some("25%/30s".to_owned()), vec![]));
    let (steps, remarks) = planned(&with, "prod", &aws());
    assert_eq!(steps, None);
    assert!(
        remarks.len() == 1 && remarks[0].starts_with("service web: ECS gives all traffic back at once"),
        "{remarks:?}"
    );
    assert_eq!(planned(&text("{strategy: blue_green}"), "dev", &embedded()), (None, vec![]));
    for (deployment, what) in [
        (
            "{strategy: blue_green, shift_back: {step: 60%, every: 30s}}",
            "`services.web.deployment.shift_back.step` is 60 %, but a step back is 1 to 50 %",
        ),
        ("{strategy: blue_green, shift_back: {step: 25%, every: 2h}}", "every"),
        ("{strategy: blue_green, shift_back: {step: 25%}}", "every"),
        (
            "{strategy: rolling, shift_back: {step: 25%, every: 30s}}",
            "`services.web.deployment.shift_back` has no effect under this strategy",
        ),
    ] {
        let refused = refusal(&text(deployment), Some("dev"), &embedded());
        assert!(refused.contains(what), "{refused}");
    }
}

#[test]
fn a_slow_start_is_what_a_load_balancer_takes() {
    let text =
        |more: &str| format!("app: a\nservices: {{web: {{command: [x], port: 80, listener: {{port: 80}}{more}}}}}\n");
    let planned = |more: &str| {
        let plan = plan_with(&text(more), None, &embedded(), &Overrides::default()).expect("valid");
        plan.services[0].balancing.clone().expect("a listener").target_group.slow_start
    };
    assert_eq!((planned(", slow_start: 30s"), planned(", slow_start: 15m"), planned("")), (30, 900, 0));
    let refused = refusal(&text(", slow_start: 10s"), None, &embedded());
    assert!(
        refused.contains("`services.web.slow_start` is 10 s, but a load balancer takes 30 s to 15 min"),
        "{refused}"
    );
    assert!(refusal(&text(", slow_start: 16m"), None, &embedded()).contains("slow_start"));
    let headless = refusal("app: a\nservices: {web: {command: [x], slow_start: 30s}}\n", None, &embedded());
    assert!(headless.contains("`services.web.slow_start` is the load balancer's"), "{headless}");
}

#[test]
fn target_groups_of_the_embedded_engine_hold_addresses_whatever_the_network_mode() {
    let task = |mode: &str| {
        format!(
            "{{networkMode: {mode}, containerDefinitions: [{{name: c, image: i, portMappings: [{{containerPort: 80}}]}}]}}"
        )
    };
    let target_type = |mode: &str, target: &str, defaults: &TargetDefaults| {
        let text = format!(
            "app: a\nservices: {{web: {{task_definition: {}, listener: {{port: 80}}}}}}\n\
             environments: {{e: {{target: {target}, network: {{subnets: [s]}}}}}}\n",
            task(mode)
        );
        let plan = plan_with(&text, Some("e"), defaults, &Overrides::default()).expect("valid");
        plan.services[0].balancing.clone().expect("a listener").target_group.target_type
    };
    for mode in ["awsvpc", "bridge", "host"] {
        assert_eq!(target_type(mode, "embedded", &embedded()), TargetType::Ip, "{mode}");
    }
    assert_eq!(target_type("awsvpc", "{region: r}", &aws()), TargetType::Ip);
    assert_eq!(target_type("bridge", "{region: r}", &aws()), TargetType::Instance);
}

#[test]
fn a_service_may_be_written_in_a_few_lines() {
    let text = r#"
app: trial
services:
  web:
    command: "seatrial demo-app {{ env('TAG') }} --name 'a b'"
    port: 8080
    health_check: { path: /health/ready, interval: 5s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    settle_time: 2s
    deregistration_delay: 5s
    listener: { port: 8081 }
    minimum_healthy_percent: 100
    maximum_percent: 200
    desired_count: 4
    circuit_breaker: { rollback: true, reset_on_healthy_task: false, threshold: { type: count, value: 2 } }
environments:
  dev: { target: embedded, stage: dev }
"#;
    let plan = plan(text);
    assert_eq!(
        plan.services[0].task_definition["containerDefinitions"][0]["command"],
        json!(["seatrial", "demo-app", "v7", "--name", "a b"])
    );
    assert_eq!(
        service(&plan)["deploymentConfiguration"]["deploymentCircuitBreaker"],
        json!({"enable": true, "rollback": true, "resetOnHealthyTask": false,
            "thresholdConfiguration": {"type": "COUNT", "value": 2}})
    );
}

#[test]
fn anchors_and_merge_keys_work() {
    let plan = plan(
        "app: a\nx-base: &base {command: [x], cpu: 512}\nservices:\n  web: {<<: *base, memory: 1024}\n  job: {<<: *base, command: [y]}\n",
    );
    assert_eq!(plan.services[0].task_definition["containerDefinitions"][0]["command"], json!(["y"]));
    assert_eq!(plan.services[1].task_definition["cpu"], "512");
    assert_eq!(plan.services[1].task_definition["memory"], "1024");
}

#[test]
fn every_mistake_is_told_with_place_and_advice() {
    let service = |body: &str| format!("app: a\nservices:\n  web:\n{body}");
    let cases: Vec<String> = vec![
        String::new(),
        "app: a\n".into(),
        "app: Hello_World\nservices: {web: {command: [x]}}\n".into(),
        "app: a\nservices: {web: {comand: [x]}}\n".into(),
        service("    command: [x]\n    helth_check: {path: /}\n"),
        service("    command: [x]\n    volumes: []\n"),
        service("    command: [x]\n    port: eighty\n"),
        service("    command: [x]\n    port: 70000\n"),
        service("    command: [x]\n    port: [80]\n"),
        service("    command: a && b\n"),
        service("    command: []\n"),
        service("    command:\n"),
        service("    port: 80\n"),
        service("    command: [x]\n    environment: [A]\n"),
        service("    command: [x]\n    user:\n      name: x\n"),
        service("    command: [x]\n    stop_timeout: 1500ms\n"),
        service("    command: [x]\n    stop_timeout: soon\n"),
        service("    command: [x]\n    stop_timeout: 10m\n"),
        service("    command: [x]\n    listener: {port: 80}\n"),
        service("    command: [x]\n    port: 80\n    listener: {path: /x}\n"),
        service("    command: [x]\n    port: 80\n    listener: {port: 80, path: x}\n"),
        service("    command: [x]\n    health_check: {path: /}\n"),
        service("    command: [x]\n    port: 80\n    listener: {port: 80}\n    health_check: {path: health}\n"),
        service("    command: [x]\n    port: 80\n    listener: {port: 80}\n    health_check: {interval: 5s, timeout: 5s}\n"),
        service("    command: [x]\n    minimum_healthy_percent: 100\n    maximum_percent: 100\n"),
        service("    command: [x]\n    circuit_breaker: maybe\n"),
        service("    command: [x]\n    circuit_breaker: {threshold: {type: counts, value: 3}}\n"),
        service("    task_definition: {containerDefinitions: []}\n"),
        service("    task_definition: {ContainerDefinitions: []}\n"),
        service("    task_definition: missing.json\n"),
        service("    task_definition: {containerDefinitions: [{name: c}]}\n    command: [x]\n"),
        service("    command: [x]\n    service_definition: {desiredCount: 1}\n    listener: {port: 80}\n"),
        service("    command: [x]\n  web:\n    command: [y]\n"),
        service("    command: [x\n"),
        service("    command: !!python/object [x]\n"),
        "app: a\nservices: {web: {command: [x], port: 1, listener: {port: 80}}, api: {command: [x], port: 1, listener: {port: 80}}}\n".into(),
        service("    command: [x]\n    secrets: {A: ''}\n"),
        service("    command: [x]\n    depends_on: [ewb]\n"),
        service("    command: [x]\n    depends_on: [web]\n"),
        service("    command: [x]\n    environment: {A: b}\n    secrets: {A: c}\n"),
        "app: a\nconfig: {2nd: x}\nservices: {web: {command: [x]}}\n".into(),
        "app: a\nconfig: [A]\nservices: {web: {command: [x]}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {freeze: [{weekly: whenever}]}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {freeze: [{from: 2027-01-04, until: 2026-12-18}]}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {target: embeded}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {target: {regoin: x}}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {stage: production}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {stage: prd}}\n".into(),
        "app: a\nservices: {web: {command: [x]}}\nenvironments: {dev: {services: {wbe: {cpu: 1}}}}\n".into(),
        "app: a\nservices: {web: {command: [\"{{ env('NONE') }}\"]}}\n".into(),
        "app: a\nservices: {web: {command: [\"{{ must_env('EMPTY') }}\"]}}\n".into(),
        "app: a\nservices: {web: {command: [\"{{ TAG }}\"]}}\n".into(),
        "app: a\nservices: {web: {command: [\"{{ env('TAG' }}\"]}}\n".into(),
        "app: a\nservices: {web: {command: [\"{{ evn('TAG') }}\"]}}\n".into(),
        "app: a\n---\napp: b\n".into(),
        deployed("{strategy: green_blue}"),
        deployed("{strategy: canary, percent: 0}"),
        deployed("{strategy: canary, percent: 10, steps: [20]}"),
        deployed("{strategy: linear, steps: [20]}"),
        deployed("{strategy: canary, steps: [20], hooks: [{stage: pre_production_traffic_shift}]}"),
        deployed("{strategy: canary, bake: 5m, rollback_window: 5m}"),
        deployed("{strategy: rolling, rollback_window: 5m}"),
        deployed("{strategy: rolling, verify: [{command: x}]}"),
        deployed("{strategy: canary, test: {port: 81}, verify: [{path: /}], hooks: [{stage: post_test_traffic_shift}]}"),
        deployed("{strategy: canary, percent: 5.55}"),
        deployed("{strategy: linear, percent: 2}"),
        deployed("{strategy: canary, step_bake: 90s}"),
        deployed("{strategy: blue_green, percent: 5}"),
        deployed("{strategy: blue_green, bake: 25h}"),
        deployed("{hooks: [{stage: pre_scale_up}]}"),
        deployed("{strategy: blue_green, hooks: [{stage: bake_time}]}"),
        deployed("{strategy: blue_green, hooks: [{stage: scale_up, function: f}]}"),
        deployed("{strategy: blue_green, test: {port: 80}}"),
        deployed("{strategy: blue_green, test: {}}"),
        deployed("{strategy: blue_green, test: {header: X-Test}}"),
        deployed("{strategy: canary}").replace(", listener: {port: 80}", ""),
        deployed("{mirror: 10%}"),
        deployed("{strategy: canary, mirror: 0}"),
        deployed("{strategy: canary, mirror: {percent: 10}}"),
        deployed("{strategy: blue_green, mirror: 10%}").replace(", listener: {port: 80}", ""),
        deployed("{}").replace("{port: 80}", "{port: 80, stickiness: 1h}"),
        deployed("{strategy: canary}").replace("{port: 80}", "{port: 80, stickiness: 200h}"),
        deployed("{strategy: canary}").replace("{port: 80}", "{port: 80, sticky: 1h}"),
        deployed("{alarms: [{eror: 5%, for: 2m}]}"),
        deployed("{alarms: {errors: 5%, for: 90s}}"),
        deployed("{alarms: {errors: 5%, for: 2m}}").replace(", listener: {port: 80}", ""),
        deployed("{strategy: canary, alarms: {errors: 5%, for: 2m, missing: breaching}}"),
        deployed("{strategy: canary, alarms: {errors: 5%, for: 2m, missing: ignore}}"),
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|text| format!("{text}=> {}\n", refusal(text, None, &embedded()).replace("/srv/app/", "")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn aws_needs_what_the_embedded_engine_does_not() {
    let text = "app: a\nservices: {web: {command: [x], port: 80, listener: {port: 80}}}\nenvironments: {prod: {target: {region: r}}}\n";
    assert!(refusal(text, Some("prod"), &aws()).contains("lacks `image`"));
    let text = text.replace("command: [x]", "image: i");
    assert!(refusal(&text, Some("prod"), &aws()).contains("has no `network`"));
    assert!(refusal(&text, Some("prd"), &aws()).contains("did you mean `prod`?"));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for (name, before) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e"), ("g", "f")] {
        text += &format!("x-{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(", "));
    }
    let error = read(&text).expect_err("a bomb");
    assert!(error.what().contains("aliases"), "{error}");
}

#[test]
fn the_schema_describes_every_key() {
    let schema = json_schema();
    let keys = schema["$defs"]["ServiceEntry"]["properties"].as_object().expect("properties");
    for key in ["command", "health_check", "listener", "task_definition", "fail_fast"] {
        assert!(keys.contains_key(key), "{key}");
    }
    insta::assert_json_snapshot!(schema);
}
