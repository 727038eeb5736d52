//! The commands as they are for an environment on AWS, against moto's server: everything up to the deployment itself, which moto does not have.
//!
//! Real requests of the AWS SDK, signed, against an implementation that is not ours. What moto lacks, and what only an account can prove, is
//! listed in `docs/infra.md`.

mod harness;

use harness::moto::Moto;
use harness::{Ran, Trial};
use serde_json::Value as Json;

const CONFIGURATION: &str = r#"
app: shop
config: { GREETING: "{{ env('GREETING', 'hello') }}" }
services:
  web:
    image: nginx:1
    port: 80
    health_check: { path: / }
    listener: { port: 80 }
  api:
    image: nginx:1
    port: 8080
    health_check: { path: /health }
    listener: { port: 80, path: /api/* }
environments:
  it:
    target: { region: us-east-1 }
    stage: dev
    network: { subnets: ["{{ env('FIRST') }}", "{{ env('SECOND') }}"], security_groups: ["{{ env('GROUP') }}"] }
    execution_role: arn:aws:iam::123456789012:role/execution
"#;

/// An application in an account of moto's, with the network that every account has.
struct Account {
    trial: Trial,
    moto: Moto,
    network: [String; 3],
}

impl Account {
    fn new() -> Self {
        let moto = Moto::start();
        let subnet =
            |place: usize| moto.aws(&["ec2", "describe-subnets", "--query", &format!("Subnets[{place}].SubnetId")]);
        let network = [
            subnet(0),
            subnet(1),
            moto.aws(&["ec2", "describe-security-groups", "--query", "SecurityGroups[0].GroupId"]),
        ];
        Account { trial: Trial::new(CONFIGURATION), network, moto }
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let [first, second, group] = &self.network;
        let mut environment = self.moto.environment().to_vec();
        environment.extend([("FIRST", first.as_str()), ("SECOND", second), ("GROUP", group)]);
        environment.extend(variables);
        self.trial.run(arguments, &environment)
    }
}

fn parsed(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

#[test]
fn everything_around_a_deployment_works_on_somebody_elses_aws() {
    let account = Account::new();
    account.run(&["validate"], &[]).exits(0);
    let planned = account.run(&["plan"], &[]).exits(0);
    assert!(planned.says("+ load balancer shop-it") && planned.says("to make, 0 to change"), "{planned:?}");

    // moto makes the services and knows nothing of their deployments.
    let first = account.run(&["deploy", "--no-wait"], &[]).exits(1);
    for made in [
        "+ cluster",
        "+ load balancer",
        "+ target group",
        "+ listener",
        "+ task definition shop-it-web:1",
        "+ service         api",
    ] {
        assert!(first.says(made), "{made}: {first:?}");
    }
    assert!(first.says("listing the deployments of service"), "{first:?}");
    let release = parsed(&account.run(&["show", "-o", "json"], &[]).exits(0));
    let names: Vec<&str> =
        release["steps"].as_array().expect("steps").iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(names[..2], ["config", "target"], "{release}");
    assert_eq!(release["steps"][1]["outcome"], "done");
    let rules = account.moto.aws(&[
        "elbv2",
        "describe-rules",
        "--query",
        "length(Rules)",
        "--listener-arn",
        &listener(&account),
    ]);
    assert_eq!(rules, "2", "one for the path, and the default");
    let group = account.moto.aws(&[
        "ecs",
        "describe-services",
        "--cluster",
        "shop-it",
        "--services",
        "web",
        "--query",
        "services[0].loadBalancers[0].targetGroupArn",
    ]);
    assert!(group.contains("targetgroup/shop-it-web/"), "{group}");

    // What is there is found again, and a new version is a new revision.
    let second = account.run(&["deploy", "--no-wait", "--tag", "2"], &[("GREETING", "good day")]).exits(0);
    assert!(second.says("+ task definition shop-it-web:2") && !second.says("+ load balancer"), "{second:?}");
    let status = account.run(&["status"], &[]).exits(0);
    assert!(status.says("ACTIVE") && status.says("shop-it-1.us-east-1.elb.amazonaws.com"), "{status:?}");
    let revisions =
        ["ecs", "list-task-definitions", "--family-prefix", "shop-it-web", "--query", "length(taskDefinitionArns)"];
    assert_eq!(account.moto.aws(&revisions), "2");
    assert!(account.run(&["config", "list"], &[]).exits(0).says("good day"));
    let value =
        account.moto.aws(&["ssm", "get-parameter", "--name", "/shop/it/config/GREETING", "--query", "Parameter.Value"]);
    assert_eq!(value, "good day");

    let deleted = account.run(&["delete", "--yes", "--all"], &[]);
    for gone in
        ["- service         web", "- listener        port 80", "- load balancer   shop-it", "- cluster         shop-it"]
    {
        assert!(deleted.says(gone), "{gone}: {deleted:?}");
    }
}

/// The ARN of the only listener there is.
fn listener(account: &Account) -> String {
    let balancer =
        account.moto.aws(&["elbv2", "describe-load-balancers", "--query", "LoadBalancers[0].LoadBalancerArn"]);
    account.moto.aws(&[
        "elbv2",
        "describe-listeners",
        "--load-balancer-arn",
        &balancer,
        "--query",
        "Listeners[0].ListenerArn",
    ])
}

#[test]
fn the_lock_and_the_record_are_kept_in_somebody_elses_parameter_store() {
    let account = Account::new();
    account.run(&["lock", "--reason", "the database is moved"], &[("USER", "ada")]).exits(0);
    let refused = account.run(&["deploy", "--no-wait"], &[("USER", "eve")]).exits(7);
    assert!(refused.says("locked by ada@") && refused.says("the database is moved"), "{refused:?}");
    account.run(&["unlock"], &[("USER", "eve")]).exits(7);
    account.run(&["unlock", "--steal"], &[("USER", "eve")]).exits(0);
    account.run(&["deploy", "--no-wait"], &[]).exits(1);
    let audit = parsed(&account.run(&["audit", "-o", "json"], &[]).exits(0));
    assert_eq!(audit["releases"].as_array().map(Vec::len), Some(1), "{audit}");
    let there = account.moto.aws(&[
        "ssm",
        "get-parameters-by-path",
        "--path",
        "/shop/it/releases",
        "--query",
        "length(Parameters)",
    ]);
    assert_eq!(there, "1");
    let nobody = account.run(&["unlock"], &[]).exits(0);
    assert!(nobody.says("was not locked"), "a release that has failed gives its lock back: {nobody:?}");
}
