//! Measures what watching hundreds of services together takes of what AWS allows, with the SDK, the limits and the intervals that AWS sees;
//! only the endpoint is a server of the test's own, which answers as ECS does while a deployment is underway.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::goal::Until;
use super::verdict::End;
use super::{Subject, Watch, Watched};
use crate::aws::Connection;
use crate::aws::answering::{Answer, Answering};
use crate::config::RollbackOverride;
use crate::interrupt::{Interrupt, interrupt};
use crate::report::Reporter;
use crate::steering::Steering;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;

const SERVICES: usize = 500;
/// How long is measured, after the first looks.
const SPAN: Duration = Duration::from_secs(20);
/// The first looks and the calls that they cause.
const BEGINNING: Duration = Duration::from_secs(5);

const ECS: &str = "arn:aws:ecs:eu-west-1:123456789012";
const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012";

/// Documented refill by category, and the operations of it that watching asks for.
const CATEGORIES: [(&str, f64, &[&str]); 5] = [
    ("ECS service read", 20.0, &["DescribeServices", "ListServices"]),
    ("ECS service deployment", 20.0, &["DescribeServiceDeployments", "ListServiceDeployments"]),
    ("ECS cluster resource read", 20.0, &["ListTasks", "DescribeTasks", "DescribeContainerInstances"]),
    ("ECS task definition read", 20.0, &["DescribeTaskDefinition"]),
    ("ELB describe", 10.0, &["DescribeTargetHealth"]),
];

/// Answers for services that are deployed blue/green, each with one old task and one new one.
fn underway(operation: &str, input: &Json) -> Answer {
    let text = |member: &str| input[member].as_str().unwrap_or_default().to_owned();
    let answer = match operation {
        "DescribeServiceDeployments" => {
            json!({ "serviceDeployments": input["serviceDeploymentArns"].as_array().into_iter()
            .flatten().map(|arn| json!({ "serviceDeploymentArn": arn, "status": "IN_PROGRESS", "lifecycleStage": "BAKE_TIME" }))
            .collect::<Vec<_>>() })
        }
        "DescribeServices" => {
            let name = input["services"][0].as_str().unwrap_or_default();
            json!({ "services": [{ "serviceName": name, "status": "ACTIVE", "desiredCount": 1, "loadBalancers": [{
                "targetGroupArn": format!("{ELB}:targetgroup/{name}/1"), "containerName": "app", "containerPort": 80,
                "advancedConfiguration": { "alternateTargetGroupArn": format!("{ELB}:targetgroup/{name}/2") },
            }] }] })
        }
        "ListTasks" => {
            let (service, desired) = (text("serviceName"), text("desiredStatus"));
            json!({ "taskArns": [format!("{ECS}:task/c/{service}-{desired}")] })
        }
        "DescribeTasks" => json!({ "tasks": [{ "taskArn": input["tasks"][0], "lastStatus": "RUNNING",
            "desiredStatus": "RUNNING", "taskDefinitionArn": format!("{ECS}:task-definition/f:1") }] }),
        "DescribeTaskDefinition" => json!({ "taskDefinition": { "containerDefinitions": [] } }),
        "DescribeTargetHealth" => Json::String(
            "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DescribeTargetHealthResult><TargetHealthDescriptions/></DescribeTargetHealthResult>\
             </DescribeTargetHealthResponse>"
                .to_owned(),
        ),
        other => return (400, json!({ "__type": "InvalidAction", "message": other })),
    };
    (200, answer)
}

fn subject(number: usize) -> Subject {
    Subject {
        service: format!("s{number}").parse().expect("a name"),
        cluster: "c".to_owned(),
        service_name: format!("s{number}"),
        deployment_id: format!("ecs-svc/{number}"),
        arn: format!("{ECS}:service-deployment/c/s{number}/d{number}"),
        task_definition: format!("{ECS}:task-definition/f:1"),
    }
}

fn watched(connection: &Connection, number: usize, interrupt: Interrupt) -> tokio::task::JoinHandle<Watched> {
    let connection = connection.clone();
    tokio::spawn(async move {
        let (steering, report) = (Steering::default(), Reporter::silent());
        let watch = Watch {
            connection: &connection,
            report: &report,
            interrupt,
            started: Instant::now(),
            timeout: Duration::from_secs(3600),
            rollback: RollbackOverride::Never,
            pilot: Pilot::new(&steering, Drive::AsPlanned),
            until: Until::Stable,
        };
        watch.follow(subject(number)).await.expect("nothing fails")
    })
}

fn by_category(asked: &[String]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for operation in asked {
        let category = CATEGORIES.iter().find(|(_, _, operations)| operations.contains(&operation.as_str()));
        let (category, ..) = category.unwrap_or_else(|| panic!("{operation} is of no category"));
        *counts.entry(*category).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn five_hundred_services_take_less_than_a_quarter_of_what_aws_allows() {
    let server = Answering::start(underway).await;
    let connection = Connection::to_endpoint_far_away(&server.endpoint);
    let (interrupter, interrupt) = interrupt();
    let watchers: Vec<_> = (0..SERVICES).map(|number| watched(&connection, number, interrupt.clone())).collect();
    tokio::time::sleep(BEGINNING).await;
    let before = server.asked().len();
    let began = Instant::now();
    tokio::time::sleep(SPAN).await;
    let (asked, seconds) = (server.asked(), began.elapsed().as_secs_f64());
    interrupter.interrupt();
    for watcher in watchers {
        assert_eq!(watcher.await.expect("no panic").end, End::Interrupted);
    }
    let (beginning, counts) = (by_category(&asked[..before]), by_category(&asked[before..]));
    println!("{SERVICES} services watched for {seconds:.0} s, after {} s", BEGINNING.as_secs());
    for (category, refill, _) in CATEGORIES {
        let (first, count) = (beginning.get(category).unwrap_or(&0), counts.get(category).unwrap_or(&0));
        let rate = *count as f64 / seconds;
        let share = 100.0 * rate / refill;
        println!("{category:26} {first:4} at first, then {count:4}: {rate:4.2}/s of {refill:2.0}/s, {share:4.1} %");
        // The calls of a look may fall on either side of the span's ends.
        assert!((*count as f64 - 4.0) / seconds <= 0.24 * refill, "{category}: {count} calls in {seconds} s");
    }
    let looks = counts.get("ECS service read").copied().unwrap_or_default();
    assert!(looks >= 10, "services are looked at: {looks}");
}

#[tokio::test]
async fn what_happens_to_one_of_many_is_seen_before_its_turn() {
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_over = std::sync::Arc::clone(&ended);
    let server = Answering::start(move |operation, input| {
        let (status, mut answer) = underway(operation, input);
        if operation == "DescribeServiceDeployments" && is_over.load(std::sync::atomic::Ordering::SeqCst) {
            for deployment in answer["serviceDeployments"].as_array_mut().into_iter().flatten() {
                if deployment["serviceDeploymentArn"] == subject(7).arn {
                    deployment["status"] = json!("SUCCESSFUL");
                }
            }
        }
        (status, answer)
    })
    .await;
    let connection = Connection::to_endpoint_far_away(&server.endpoint);
    let (interrupter, interrupt) = interrupt();
    let mut watchers: Vec<_> = (0..100).map(|number| watched(&connection, number, interrupt.clone())).collect();
    // By now the first ten have been looked at, and wait 83 s for their next turn.
    tokio::time::sleep(BEGINNING).await;
    ended.store(true, std::sync::atomic::Ordering::SeqCst);
    let one = tokio::time::timeout(Duration::from_secs(20), watchers.remove(7)).await;
    assert!(matches!(one.expect("its turn is later").expect("no panic").end, End::Ended(_)));
    interrupter.interrupt();
    for watcher in watchers {
        watcher.await.expect("no panic");
    }
}
