use serde_json::{Value as Json, json};

use super::*;
use crate::aws::answering::{Answer, Answering, refusal};
use crate::config::{ConfigFile, Overrides, Variables};
use crate::plan::TargetDefaults;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCd3f";

/// A plan whose one service has these secrets.
fn plan(secrets: &str) -> Plan {
    let text = format!("app: a\nservices:\n  web: {{ image: i, port: 80, secrets: {{ {secrets} }} }}\n");
    let file = ConfigFile::parse("seatrial.yml".as_ref(), &text, &Variables::of_process()).expect("a configuration");
    let environment = file.environment(None).expect("an environment");
    file.plan(&environment, &TargetDefaults::embedded(), &Overrides::default()).expect("a plan")
}

async fn looked(
    plan: &Plan,
    answer: impl Fn(&str, &Json) -> Answer + Send + Sync + 'static,
) -> (Result<Looked, CallError>, Vec<String>) {
    let aws = Answering::start(answer).await;
    let looked = look(&Connection::to_endpoint(&aws.endpoint), plan).await;
    (looked, aws.asked())
}

#[tokio::test]
async fn without_permission_to_look_it_is_noted_that_nobody_did() {
    let denied = |operation: &str, _: &Json| {
        let action = if operation == "DescribeSecret" { "secretsmanager:DescribeSecret" } else { "ssm:GetParameters" };
        let message = format!("User: arn:aws:iam::1:user/ci is not authorized to perform: {action} on resource: x");
        refusal("AccessDeniedException", &message)
    };
    let plan = plan(&format!("A: '{SECRET}', B: /shop/token"));
    let looked = looked(&plan, denied).await.0.expect("that is no failure");
    assert_eq!(looked.missing, Vec::new());
    let [secret, parameter] = &looked.unseen[..] else { panic!("{looked:?}") };
    assert!(secret.starts_with(&format!("service web: A comes from the secret {SECRET}: it could not be looked at")));
    assert!(secret.contains("\"Action\":\"secretsmanager:DescribeSecret\""), "{secret}");
    assert!(parameter.starts_with("service web: B comes from the parameter /shop/token: it could not"), "{parameter}");
}

#[tokio::test]
async fn each_secret_is_described_once_and_no_value_is_read() {
    let plan = plan(&format!("A: '{SECRET}:user::', B: '{SECRET}:password::', C: '{SECRET}::BLUE:'"));
    let stored = json!({ "ARN": SECRET, "VersionIdsToStages": { "v-1": ["AWSCURRENT"] } });
    let (looked, asked) = looked(&plan, move |_, _| (200, stored.clone())).await;
    assert_eq!(asked, ["DescribeSecret"]);
    let missing: Vec<String> = looked.expect("it can be told").missing.into_iter().map(|one| one.what).collect();
    assert_eq!(
        missing,
        [format!("C comes from the secret {SECRET}, which has no version with the stage BLUE; no task would start")]
    );
}

#[tokio::test]
async fn a_secret_of_another_region_and_a_text_that_names_none_need_no_asking() {
    let elsewhere = SECRET.replace("eu-west-1", "us-east-1");
    let plan = plan(&format!("A: '{elsewhere}', B: '{SECRET}:user'"));
    let (looked, asked) = looked(&plan, |operation, _| panic!("{operation} is not needed")).await;
    let looked = looked.expect("it can be told");
    assert_eq!(asked, Vec::<String>::new());
    assert!(looked.unseen[0].ends_with("it is in another Region"), "{looked:?}");
    assert!(
        looked.missing[0].what.contains("which names no secret")
            && looked.missing[0].instead.contains("all three colons")
    );
}
