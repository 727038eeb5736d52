//! Templates of whole configurations.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use super::{Choices, InfraError, Infrastructure, Nat, Part, Postgres, defaults, infrastructure};
use crate::config::{ConfigFile, Overrides, Variables};

const WEB: &str = "app: shop
services:
  web:
    image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:v1
    port: 8080
    health_check: { path: /health/ready }
    listener: { port: 80 }
";
const PROD: &str = "environments:
  prod:
    target: { region: us-east-1 }
";
const CANARY: &str = "    deployment:
      strategy: canary
      percent: 10
      alarms: [{ errors: 5%, for: 2m }]
      test: { port: 8091 }
";

fn plain() -> Choices {
    Choices { nat: Nat::One, postgres: Postgres::Without, make: BTreeSet::new() }
}

fn made_of(text: &str, choices: &Choices) -> Infrastructure {
    let variables = Variables::fixed([
        ("IMAGE", "123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:v1"),
        ("EXECUTION_ROLE_ARN", "arn:aws:iam::123456789012:role/execution"),
        ("INFRASTRUCTURE_ROLE_ARN", "arn:aws:iam::123456789012:role/infrastructure"),
        ("SUBNET_A", "subnet-0123456789abcdef0"),
        ("SUBNET_B", "subnet-0123456789abcdef1"),
        ("SECURITY_GROUP", "sg-0123456789abcdef0"),
    ]);
    let file = ConfigFile::parse(Path::new("/srv/app/seatrial.yml"), text, &variables).expect("a valid file");
    let environment = file.environment(Some(&"prod".parse().expect("a name"))).expect("it is there");
    let plan = file.plan(&environment, &defaults(&environment.target), &Overrides::default()).expect("a valid plan");
    infrastructure(&plan, choices).expect("a template")
}

fn json(infrastructure: &Infrastructure) -> Json {
    serde_json::from_str(&infrastructure.template.to_json().expect("JSON")).expect("JSON")
}

/// Resources of a type, with their logical ids.
fn of_type(template: &Json, kind: &str) -> Vec<(String, Json)> {
    let resources = template["Resources"].as_object().expect("resources");
    let found = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    found.map(|(id, resource)| (id.clone(), resource.clone())).collect()
}

#[test]
fn the_template_of_a_rolling_service_with_everything_new() {
    insta::assert_snapshot!(made_of(&format!("{WEB}{PROD}"), &plain()).template.to_yaml());
}

#[test]
fn the_template_of_the_canary_example_in_a_network_that_is_there() {
    let text = include_str!("../../../../examples/canary/seatrial.yml");
    insta::assert_snapshot!(made_of(text, &plain()).template.to_yaml());
}

#[test]
fn the_template_of_a_canary_with_a_database_and_without_a_nat_gateway() {
    let choices = Choices { nat: Nat::None, postgres: Postgres::With, ..plain() };
    insta::assert_snapshot!(made_of(&format!("{WEB}{CANARY}{PROD}"), &choices).template.to_yaml());
}

#[test]
fn a_template_is_the_same_again_once_its_outputs_are_in_the_file() {
    let network = "    network: { subnets: [subnet-1, subnet-2] }\n";
    for (environment, part) in [("", Part::Network), (network, Part::SecurityGroups)] {
        let text = format!("{WEB}{CANARY}{PROD}{environment}");
        let first = made_of(&text, &plain());
        assert!(first.made.contains(&part), "{:?}", first.made);
        let lines: String = first.settings.lines().skip(2).map(|line| format!("{line}\n")).collect();
        let lines = lines.replace('<', "the-").replace('>', "");
        let text = match part {
            Part::SecurityGroups => {
                // Both say something of the network.
                let groups = "    network: { subnets: [subnet-1, subnet-2], security_groups: [the-group] }\n";
                let roles = lines.lines().take_while(|line| !line.contains("network:"));
                format!("{WEB}{CANARY}{PROD}{groups}{}", roles.map(|line| format!("{line}\n")).collect::<String>())
            }
            _ => format!("{text}{lines}"),
        };
        let again = made_of(&text, &Choices { make: first.made.clone(), ..plain() });
        assert_eq!(again.template.to_yaml(), first.template.to_yaml());
        let built_on = made_of(&text, &plain());
        assert!(of_type(&json(&built_on), "AWS::EC2::SecurityGroup").is_empty(), "what is named is not made");
        assert!(of_type(&json(&built_on), "AWS::IAM::Role").is_empty(), "what is named is not made");
        assert_eq!(built_on.settings, "");
    }
}

#[test]
fn a_written_count_is_not_scaled_and_an_open_one_is_as_the_stage_has_it() {
    let dev = PROD.replace("    target", "    stage: dev\n    target");
    let counted = format!("{WEB}    desired_count: 3\n{PROD}");
    for (text, scaled, count) in
        [(format!("{WEB}{PROD}"), 1, Json::Null), (counted, 0, 3.into()), (format!("{WEB}{dev}"), 0, 1.into())]
    {
        let template = json(&made_of(&text, &plain()));
        let targets = of_type(&template, "AWS::ApplicationAutoScaling::ScalableTarget");
        assert_eq!(targets.len(), scaled, "{text}");
        assert_eq!(template["Resources"]["WebService"]["Properties"]["DesiredCount"], count, "{text}");
    }
    let template = json(&made_of(&format!("{WEB}{PROD}"), &plain()));
    let policies = of_type(&template, "AWS::ApplicationAutoScaling::ScalingPolicy");
    let said = |(id, policy): &(String, Json)| {
        let tracking = &policy["Properties"]["TargetTrackingScalingPolicyConfiguration"];
        let cooldown = |key: &str| tracking[key].as_i64();
        (id.clone(), tracking["TargetValue"].as_f64(), cooldown("ScaleInCooldown"), cooldown("ScaleOutCooldown"))
    };
    let expected = [("WebCpuScaling", 70.0), ("WebMemoryScaling", 80.0)];
    let expected = expected.map(|(id, percent)| (id.to_owned(), Some(percent), Some(300), Some(60)));
    assert_eq!(policies.iter().map(said).collect::<Vec<_>>(), expected);
}

#[test]
fn a_service_is_scaled_as_the_file_says_before_the_stage_does() {
    let with = |scaling: &str, count: &str| {
        json(&made_of(&format!("{WEB}    auto_scaling: {scaling}\n{count}{PROD}"), &plain()))
    };
    let template = with("{ min: 3, max: 6, requests_per_target: 500 }", "    desired_count: 4\n");
    let properties = |id: &str| template["Resources"][id]["Properties"].clone();
    let default = |id: &str| template["Parameters"][id]["Default"].as_i64();
    assert_eq!((default("WebTasksMin"), default("WebTasksMax")), (Some(3), Some(6)));
    let tracking = &properties("WebRequestsScaling")["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(
        tracking["PredefinedMetricSpecification"]["ResourceLabel"]["Fn::Sub"],
        "${LoadBalancer.LoadBalancerFullName}/${WebTargetGroup.TargetGroupFullName}"
    );
    assert_eq!(of_type(&template, "AWS::ApplicationAutoScaling::ScalingPolicy").len(), 1);
    assert_eq!(
        properties("WebService")["DesiredCount"],
        Json::Null,
        "the stack does not set the count of a scaled service back"
    );
    for (scaling, targets) in [("none", 0), ("preset", 1)] {
        let template = with(scaling, "");
        assert_eq!(of_type(&template, "AWS::ApplicationAutoScaling::ScalableTarget").len(), targets, "{scaling}");
    }
}

#[test]
fn the_execution_role_reads_what_the_task_definitions_name_and_nothing_else() {
    let text = "app: shop
services:
  worker:
    task_definition:
      networkMode: awsvpc
      requiresCompatibilities: [FARGATE]
      cpu: '256'
      memory: '512'
      containerDefinitions:
        - name: worker
          image: nginx:1
          secrets:
            - { name: A, valueFrom: 'arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf:password::' }
            - { name: B, valueFrom: /shop/b }
";
    let template = json(&made_of(&format!("{text}{PROD}"), &plain()));
    let role = &template["Resources"]["ExecutionRole"]["Properties"]["Policies"];
    let statements = role[0]["PolicyDocument"]["Statement"].as_array().expect("statements");
    let said: Vec<(String, String)> = statements
        .iter()
        .map(|statement| (statement["Action"].to_string(), statement["Resource"].to_string()))
        .collect();
    let parameter = r#"[{"Fn::Sub":"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/shop/b"}]"#;
    let expected = [
        (r#"["secretsmanager:GetSecretValue"]"#, r#"["arn:aws:secretsmanager:us-east-1:1:secret:db-AbCdEf"]"#),
        (r#"["ssm:GetParameters"]"#, parameter),
    ];
    assert_eq!(said, expected.map(|(action, resource)| (action.to_owned(), resource.to_owned())));
    assert!(template["Resources"]["TaskRole"]["Properties"]["Policies"].is_null(), "a task may do nothing");
    assert!(of_type(&template, "AWS::ElasticLoadBalancingV2::LoadBalancer").is_empty());
}

#[test]
fn what_holds_data_outlives_the_stack() {
    let choices = Choices { postgres: Postgres::With, ..plain() };
    let template = json(&made_of(&format!("{WEB}{PROD}"), &choices));
    let policies = [
        ("AWS::RDS::DBInstance", "Snapshot"),
        ("AWS::ECR::Repository", "Retain"),
        ("AWS::Logs::LogGroup", "Retain"),
        ("AWS::ECS::TaskDefinition", "Retain"),
    ];
    for (kind, policy) in policies {
        let found = of_type(&template, kind);
        assert!(!found.is_empty(), "{kind}");
        for (id, resource) in found {
            assert_eq!(
                (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
                (&policy.into(), &policy.into()),
                "{id}"
            );
        }
    }
}

#[test]
fn the_embedded_engine_needs_no_template() {
    let file = ConfigFile::parse(
        Path::new("seatrial.yml"),
        &format!("{WEB}environments: {{ prod: {{}} }}"),
        &Variables::fixed([("", ""); 0]),
    )
    .expect("a valid file");
    let environment = file.environment(None).expect("the only one");
    let mut given = defaults(&environment.target);
    given.region = "r".into();
    let plan = file.plan(&environment, &given, &Overrides::default()).expect("a plan");
    assert_eq!(infrastructure(&plan, &plain()), Err(InfraError::Embedded { environment: "prod".into() }));
}
