//! `seatrial infra generate`: from a configuration to a template that CloudFormation's linter has nothing to say about, and that opens
//! nothing but the load balancer.

mod harness;

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Trial;
use serde_json::Value;

/// Actions that AWS limits to no resource.
const ANYWHERE: [&str; 9] = [
    "ecr:GetAuthorizationToken",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

const NETWORK: &str = "    network: { subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1], security_groups: [sg-0123456789abcdef0] }
    execution_role: arn:aws:iam::123456789012:role/execution
    task_role: arn:aws:iam::123456789012:role/task
    infrastructure_role: arn:aws:iam::123456789012:role/infrastructure
";
const SUBNETS: &str =
    "    network: { subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1], scheme: internal }\n";

/// A configuration with one service.
fn one(listener: &str, deployment: &str, environment: &str) -> String {
    format!(
        "app: shop
services:
  web:
    image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:v1
    port: 8080
    health_check: {{ path: /health/ready }}
    listener: {{ {listener} }}
{deployment}environments:
  it:
    target: {{ region: us-east-1 }}
{environment}"
    )
}

fn deployment(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("      {line}\n")).collect();
    format!("    deployment:\n{lines}")
}

/// Several services behind two listeners, and one behind none.
const SEVERAL: &str = "app: shop
services:
  web:
    image: nginx:1
    port: 80
    listener: { port: 80 }
  api:
    image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1
    port: 8080
    listener: { port: 80, host: shop.example.com, path: [/api, '/api/*'] }
    deployment: { strategy: linear, percent: 20 }
  admin:
    image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1
    port: 8080
    listener: { port: 80, path: '/admin/*', priority: 5 }
  worker:
    desired_count: 3
    task_definition:
      networkMode: awsvpc
      requiresCompatibilities: [FARGATE]
      cpu: '256'
      memory: '512'
      containerDefinitions:
        - name: worker
          image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1
          essential: true
          dockerLabels: { team.name: shop }
          secrets:
            - { name: A, valueFrom: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf:password::' }
            - { name: B, valueFrom: /shop/b }
    service_definition: { launchType: FARGATE, enableExecuteCommand: true }
environments:
  it:
    target: { region: us-east-1 }
";

/// Names that look alike, machines instead of Fargate, members that CloudFormation spells otherwise, a shared log group.
const UNUSUAL: &str = "app: my-shop
services:
  web-1:
    image: nginx:1
    port: 80
    listener: { port: 80 }
    slow_start: 30s
    deployment: { strategy: canary, steps: [5, 25, { percent: 50, bake: 5m }], alarms: [{ p99.9: 2s, for: 3m }, { errors: 1%, for: 1m }], verify: [{ path: /health }], test: { port: 81 } }
  web1:
    task_definition:
      family: x
      networkMode: bridge
      containerDefinitions:
        - name: c
          image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000
          memory: 128
          portMappings: [{ containerPort: 9000, hostPort: 0 }]
          mountPoints: [{ sourceVolume: v, containerPath: /v }]
          ulimits: [{ name: nofile, softLimit: 1000, hardLimit: 2000 }]
          logConfiguration: { logDriver: awslogs, options: { awslogs-group: /shared, awslogs-region: us-east-1 } }
      volumes:
        - name: v
          efsVolumeConfiguration: { fileSystemId: fs-01234567, transitEncryption: ENABLED, authorizationConfig: { iam: ENABLED } }
    port: 9000
    service_definition:
      launchType: EC2
      placementStrategy: [{ type: spread, field: 'attribute:ecs.availability-zone' }]
  ab:
    task_definition:
      family: ab
      networkMode: awsvpc
      cpu: '256'
      memory: '512'
      requiresCompatibilities: [FARGATE]
      containerDefinitions:
        - { name: ab, image: 'nginx:1', logConfiguration: { logDriver: awslogs, options: { awslogs-group: /shared, awslogs-region: us-east-1 } } }
    service_definition: { capacityProviderStrategy: [{ capacityProvider: FARGATE_SPOT, weight: 1 }], desiredCount: 1, tags: [{ key: a, value: b }] }
environments:
  it:
    target: { region: us-east-1 }
";

fn configurations() -> Vec<(&'static str, String)> {
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef";
    let https = format!("port: 443, certificate: '{certificate}'");
    let plain = "port: 80";
    let canary = deployment(&[
        "strategy: canary",
        "percent: 10",
        "bake: 10m",
        "test: { port: 8081 }",
        "alarms: [{ errors: 5%, for: 2m }, { p95: 2s, for: 3m }]",
        "hooks: [{ stage: post_test_traffic_shift }]",
    ]);
    let linear = deployment(&["strategy: linear", "percent: 20", "test: { header: 'X-Try: yes' }"]);
    let blue_green = deployment(&["strategy: blue_green", "bake: 10m"]);
    let rolling = deployment(&["strategy: rolling", "alarms: [{ errors: 5%, for: 2m }, someone-elses]"]);
    vec![
        ("rolling", one(plain, &rolling, "")),
        ("blue_green", one(plain, &blue_green, "")),
        ("canary", one(plain, &canary, "")),
        ("linear", one(&format!("{plain}, stickiness: 1h"), &linear, "")),
        ("https", one(&https, "", "")),
        ("dev", one(&https, &canary, "    stage: dev\n")),
        ("custom", one(plain, "", "    stage: custom\n")),
        ("in a network", one(plain, &canary, NETWORK)),
        ("in subnets", one(plain, &linear, SUBNETS)),
        ("several", SEVERAL.to_owned()),
        ("unusual", UNUSUAL.to_owned()),
    ]
}

/// The linter that `scripts/test` installs.
fn linter() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients/bin/cfn-lint");
    assert!(path.exists(), "{} is missing: scripts/test installs it", path.display());
    path
}

/// Statements of the roles that a template makes.
fn statements(template: &Value) -> Vec<&Value> {
    let resources = template["Resources"].as_object().expect("resources").values();
    let roles = resources.filter(|resource| resource["Type"] == "AWS::IAM::Role");
    let policies = roles.filter_map(|role| role["Properties"]["Policies"].as_array()).flatten();
    policies.filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array()).flatten().collect()
}

/// Security groups and rules whose ingress comes from an address range: the id of the group, and the range.
fn open_groups(template: &Value) -> Vec<(String, String)> {
    let resolved = |range: &Value| match range["Ref"].as_str() {
        Some(parameter) => template["Parameters"][parameter]["Default"].as_str().unwrap_or_default().to_owned(),
        None => range.as_str().unwrap_or_default().to_owned(),
    };
    let mut open = Vec::new();
    for (id, resource) in template["Resources"].as_object().expect("resources") {
        let properties = &resource["Properties"];
        if resource["Type"] == "AWS::EC2::SecurityGroup" {
            let rules = properties["SecurityGroupIngress"].as_array().into_iter().flatten();
            let ranges = rules.filter(|rule| !rule["CidrIp"].is_null());
            open.extend(ranges.map(|rule| (id.clone(), resolved(&rule["CidrIp"]))));
        }
        if resource["Type"] == "AWS::EC2::SecurityGroupIngress" && !properties["CidrIp"].is_null() {
            open.push((id.clone(), resolved(&properties["CidrIp"])));
        }
    }
    open
}

fn check(name: &str, template: &Value) {
    for (group, range) in open_groups(template) {
        assert_eq!(group, "LoadBalancerSecurityGroup", "{name}: {group} is open to {range}");
    }
    for statement in statements(template) {
        let actions = statement["Action"].as_array().expect("a list of actions");
        for action in actions.iter().filter_map(Value::as_str) {
            assert!(!action.contains('*'), "{name}: {action}");
            assert!(statement["Resource"] != "*" || ANYWHERE.contains(&action), "{name}: {action} on everything");
        }
    }
    for (id, resource) in template["Resources"].as_object().expect("resources") {
        if resource["Type"] == "AWS::ECS::Service" && !resource["Properties"]["NetworkConfiguration"].is_null() {
            let network = &resource["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"];
            assert!(network["SecurityGroups"].as_array().is_some_and(|groups| !groups.is_empty()), "{name}: {id}");
        }
    }
}

#[test]
fn the_linter_has_nothing_to_say_and_nothing_but_the_balancer_is_open() {
    let linter = linter();
    let trial = Trial::new("");
    let flags: [&[&str]; 3] = [&[], &["--with-postgres"], &["--nat", "none", "--with-postgres"]];
    let mut files = Vec::new();
    for (name, text) in configurations() {
        let config = format!("{}.yml", name.replace(' ', "-"));
        std::fs::write(trial.directory().join(&config), &text).expect("written");
        for (number, flags) in flags.iter().enumerate() {
            for form in ["yaml", "json"] {
                let file = format!("{}-{number}.{form}", name.replace(' ', "-"));
                let arguments = ["infra", "generate", "-c", &config, "-e", "it", "--file", &file, "--format", form];
                trial.run(&[&arguments, *flags].concat(), &[]).exits(0);
                files.push(file);
            }
            let json = std::fs::read_to_string(trial.directory().join(files.last().expect("one"))).expect("written");
            check(name, &serde_json::from_str(&json).expect("JSON"));
        }
    }
    let mut lint = Command::new(linter);
    lint.args(["--non-zero-exit-code", "warning", "--"]).args(&files).current_dir(trial.directory());
    let linted = lint.output().expect("cfn-lint can be started");
    let said = String::from_utf8_lossy(&linted.stdout).into_owned() + &String::from_utf8_lossy(&linted.stderr);
    assert!(linted.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn a_file_is_written_once_and_the_way_on_is_told() {
    let trial = Trial::new(&one("port: 80", "", ""));
    let printed = trial.run(&["infra", "generate", "--env", "it"], &[]).exits(0);
    assert!(printed.stdout.starts_with("AWSTemplateFormatVersion: '2010-09-09'\n"), "{printed:?}");
    for told in [
        "aws cloudformation deploy --stack-name shop-it --region us-east-1",
        "--capabilities CAPABILITY_IAM",
        "Services=omit",
        "subnets: [<TaskSubnetA>, <TaskSubnetB>]",
        "execution_role: <ExecutionRoleArn>",
        "--make network,execution-role,task-role",
    ] {
        assert!(printed.stderr.contains(told), "{told}: {printed:?}");
    }
    let again = trial.run(&["infra", "generate", "--env", "it"], &[]).exits(0);
    assert_eq!(again.stdout, printed.stdout, "the same file gives the same template");

    let arguments = ["infra", "generate", "--env", "it", "--file", "template.yml"];
    trial.run(&arguments, &[]).exits(0);
    let refused = trial.run(&arguments, &[]).exits(2);
    assert!(refused.says("template.yml is there already") && refused.says("--force"), "{refused:?}");
    trial.run(&[&arguments[..], &["--force"]].concat(), &[]).exits(0);
    let written = std::fs::read_to_string(trial.directory().join("template.yml")).expect("written");
    assert_eq!(written, printed.stdout);
}

#[test]
fn the_embedded_engine_needs_no_infrastructure() {
    let trial = Trial::new("app: a\nservices: { web: { command: x } }\n");
    let refused = trial.run(&["infra", "generate"], &[]).exits(2);
    assert!(refused.says("embedded engine, which needs no infrastructure"), "{refused:?}");
}
