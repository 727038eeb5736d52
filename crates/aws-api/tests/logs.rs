//! CloudWatch Logs over the wire, read by the AWS SDK for Rust.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;

use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::OrderBy;
use aws_sdk_cloudwatchlogs::{Client, Config};
use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::logs::Logs;
use seatrial_aws_wire::Service;
use seatrial_engine::state::Document;
use seatrial_engine::tasks::RunTask;
use seatrial_engine::{clusters, logs, task_definitions, tasks};
use seatrial_model::{ClusterName, TaskId, Timestamp};
use serde_json::{Value, json};
use support::{ACCESS_KEY_ID, Endpoint, REGION, Request, SECRET};

const GROUP: &str = "/ecs/hello";
/// The first instant of the tests' log lines.
const START: i64 = 1_790_000_000_000;

struct Logging {
    world: World,
    front: Endpoint,
    logs: Client,
}

async fn start() -> Logging {
    let world = World::new();
    let operations = Arc::new(Logs::new(world.engine.clone()));
    let front = support::start(Limits::default(), vec![(Service::Logs, operations)]).await;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{}", front.address))
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "test"))
        .build();
    Logging { world, front, logs: Client::from_conf(config) }
}

impl Logging {
    async fn group(&self) {
        self.logs.create_log_group().log_group_name(GROUP).send().await.expect("a log group");
    }

    /// Runs a task with a container `app` that logs to the group.
    fn task(&self) -> TaskId {
        let container = json!({
            "name": "app", "image": "app", "command": ["app"],
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "ecs",
            }},
        });
        let Value::Object(definition) =
            json!({"family": "hello", "memory": "512", "containerDefinitions": [container]})
        else {
            unreachable!("it is an object")
        };
        let cluster = ClusterName::parse("default").expect("a name");
        let request = RunTask {
            cluster: cluster.clone(),
            task_definition: "hello".to_owned(),
            group: None,
            started_by: None,
            overridden: None,
            document: Document::new(),
            network_configuration: None,
        };
        self.world
            .run(|tx| {
                clusters::create(tx, cluster, Document::new())?;
                task_definitions::register(tx, definition)?;
                tasks::run(tx, request)
            })
            .id
    }

    fn write(&self, task: &TaskId, after: i64, message: &str) {
        self.world.runtime.write(task, "app", Timestamp::from_millis(START + after), message);
    }

    /// Returns all messages a search finds, page by page of at most `limit`.
    async fn search(&self, limit: i32, pattern: &str) -> Vec<String> {
        let mut messages = Vec::new();
        let mut token = None;
        loop {
            let page = self.logs.filter_log_events().log_group_name(GROUP).limit(limit).filter_pattern(pattern);
            let page = page.set_next_token(token).send().await.expect("a page");
            assert!(page.events().len() <= limit as usize);
            messages.extend(page.events().iter().filter_map(|event| event.message().map(str::to_owned)));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return messages;
            }
        }
    }
}

fn stream(task: &TaskId) -> String {
    format!("ecs/app/{task}")
}

#[tokio::test]
async fn log_groups_are_made_listed_and_deleted() {
    let it = start().await;
    it.group().await;
    let again = it.logs.create_log_group().log_group_name(GROUP).send().await.expect_err("there already");
    assert_eq!(again.code(), Some("ResourceAlreadyExistsException"));
    it.logs.create_log_group().log_group_name("other").tags("team", "blue").send().await.expect("a log group");
    it.logs.put_retention_policy().log_group_name("other").retention_in_days(7).send().await.expect("kept a week");

    let first = it.logs.describe_log_groups().limit(1).send().await.expect("a page");
    assert_eq!(first.log_groups()[0].log_group_name(), Some(GROUP));
    assert_eq!(first.log_groups()[0].arn(), Some("arn:aws:logs:us-east-1:123456789012:log-group:/ecs/hello:*"));
    let rest = it.logs.describe_log_groups().limit(1).set_next_token(first.next_token().map(str::to_owned));
    let rest = rest.send().await.expect("a page");
    assert_eq!((rest.log_groups()[0].retention_in_days(), rest.next_token()), (Some(7), None));
    let prefixed = it.logs.describe_log_groups().log_group_name_prefix("/ecs").send().await.expect("a page");
    assert_eq!(prefixed.log_groups().len(), 1);

    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:other";
    it.logs.tag_resource().resource_arn(arn).tags("stage", "dev").send().await.expect("tagged");
    it.logs.untag_resource().resource_arn(format!("{arn}:*")).tag_keys("team").send().await.expect("untagged");
    let tags = it.logs.list_tags_for_resource().resource_arn(arn).send().await.expect("tags");
    assert_eq!(tags.tags().map(|tags| tags.len()), Some(1));

    it.logs.delete_log_group().log_group_name("other").send().await.expect("deleted");
    let gone = it.logs.delete_log_group().log_group_name("other").send().await.expect_err("gone");
    assert_eq!(gone.code(), Some("ResourceNotFoundException"));
    assert_eq!(it.world.engine.read(|state| state.tags.len()), 0);
    it.front.stop().await;
}

#[tokio::test]
async fn a_search_interleaves_the_streams_by_time_whatever_the_size_of_its_pages() {
    let it = start().await;
    it.group().await;
    let (one, two) = (it.task(), it.task());
    let mut expected = Vec::new();
    for number in 0..60 {
        // Runs of lines of the same millisecond, in one stream and in both.
        let (task, at) = (if number % 3 == 0 { &one } else { &two }, number / 7);
        it.write(task, at, &format!("line {number}"));
        expected.push((at, stream(task), number));
    }
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(_, _, number)| format!("line {number}")).collect();
    for limit in [1, 2, 7, 59, 60, 10_000] {
        assert_eq!(it.search(limit, "").await, expected, "pages of {limit}");
    }
    assert_eq!(it.search(2, "?5 ?\"line 6\" -15").await.len(), 15);
    it.front.stop().await;
}

#[tokio::test]
async fn more_lines_than_are_held_at_once_are_found_all_the_same() {
    let it = start().await;
    it.group().await;
    let (one, two) = (it.task(), it.task());
    for number in 0..15_000 {
        it.write(&one, number / 100, "odd one");
        it.write(&two, number / 7_500, if number % 5_000 == 0 { "even needle" } else { "even" });
    }
    assert_eq!(it.search(10_000, "needle").await.len(), 3);
    assert_eq!(it.search(10_000, "").await.len(), 30_000);
    it.front.stop().await;
}

#[tokio::test]
async fn following_gives_every_line_once_by_its_event_id() {
    let it = start().await;
    it.group().await;
    let task = it.task();
    it.write(&task, 0, "a");
    it.write(&task, 5, "b");
    let look = |from: i64| it.logs.filter_log_events().log_group_name(GROUP).start_time(START + from).send();
    let first = look(0).await.expect("events");
    it.write(&task, 5, "c");
    it.write(&task, 9, "d");
    let second = look(5).await.expect("events");
    let ids: Vec<&str> = first.events().iter().chain(second.events()).filter_map(|event| event.event_id()).collect();
    assert_eq!(ids.len(), 5);
    assert_eq!(ids[1], ids[2], "line b has the same id in both looks");
    assert!(ids[2] < ids[3] && ids[3] < ids[4]);
    assert_eq!(second.events()[0].log_stream_name(), Some(stream(&task).as_str()));
    assert_eq!(second.events()[2].timestamp(), Some(START + 9));
    let until = it.logs.filter_log_events().log_group_name(GROUP).end_time(START + 5).send().await.expect("events");
    assert_eq!(until.events().len(), 3, "the end is included");
    it.front.stop().await;
}

#[tokio::test]
async fn a_search_is_of_the_streams_it_names() {
    let it = start().await;
    it.group().await;
    let (one, two) = (it.task(), it.task());
    it.write(&one, 0, "one");
    it.write(&two, 0, "two");
    let named = it.logs.filter_log_events().log_group_name(GROUP).log_stream_names(stream(&two)).send().await;
    let messages: Vec<_> =
        named.expect("events").events().iter().map(|event| event.message().map(str::to_owned)).collect();
    assert_eq!(messages, [Some("two".to_owned())]);
    let prefixed = it.logs.filter_log_events().log_group_name(GROUP).log_stream_name_prefix(stream(&one)).send().await;
    assert_eq!(prefixed.expect("events").events().len(), 1);
    let missing = it.logs.filter_log_events().log_group_name(GROUP).log_stream_names("x").send().await;
    assert_eq!(missing.expect_err("no such stream").code(), Some("ResourceNotFoundException"));
    let both = it.logs.filter_log_events().log_group_name(GROUP).log_stream_names("x").log_stream_name_prefix("x");
    assert_eq!(both.send().await.expect_err("both").code(), Some("InvalidParameterException"));
    it.front.stop().await;
}

#[tokio::test]
async fn a_stream_is_read_forwards_and_backwards() {
    let it = start().await;
    it.group().await;
    let task = it.task();
    let get = || it.logs.get_log_events().log_group_name(GROUP).log_stream_name(stream(&task)).limit(3);
    let empty = get().send().await.expect("events");
    let begin = empty.next_forward_token().expect("a token").to_owned();
    for number in 0..8 {
        it.write(&task, number / 2, &number.to_string());
    }
    let text = |events: &[aws_sdk_cloudwatchlogs::types::OutputLogEvent]| -> String {
        events.iter().filter_map(|event| event.message()).collect()
    };
    let newest = get().send().await.expect("events");
    assert_eq!(text(newest.events()), "567");
    let older = get().set_next_token(newest.next_backward_token().map(str::to_owned)).send().await.expect("events");
    assert_eq!(text(older.events()), "234");
    let back = get().set_next_token(older.next_forward_token().map(str::to_owned)).send().await.expect("events");
    assert_eq!(text(back.events()), "567");
    let head = get().start_from_head(true).send().await.expect("events");
    assert_eq!(text(head.events()), "012");

    let mut token = begin;
    let mut all = String::new();
    loop {
        let page = get().next_token(&token).send().await.expect("events");
        all.push_str(&text(page.events()));
        let next = page.next_forward_token().expect("a token").to_owned();
        if next == token {
            break;
        }
        token = next;
    }
    assert_eq!(all, "01234567", "the token of an empty stream leads to what was written later");
    let end = get().next_token(&token).send().await.expect("events");
    assert_eq!((end.events().len(), end.next_forward_token()), (0, Some(token.as_str())));
    it.write(&task, 9, "8");
    let fresh = get().next_token(&token).send().await.expect("events");
    assert_eq!(text(fresh.events()), "8");

    let between = get().start_time(START + 1).end_time(START + 2).send().await.expect("events");
    assert_eq!(text(between.events()), "23", "the end is not included");
    let wrong = get().next_token("f/abc").send().await.expect_err("no token of ours");
    assert_eq!(wrong.code(), Some("InvalidParameterException"));
    it.front.stop().await;
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_their_last_event() {
    let it = start().await;
    it.group().await;
    let (one, two, silent) = (it.task(), it.task(), it.task());
    it.write(&one, 0, "first");
    it.write(&one, 50, "last");
    it.write(&two, 10, "only");
    let mut names = [&one, &two, &silent].map(stream);
    names.sort();
    let listed = it.logs.describe_log_streams().log_group_name(GROUP).send().await.expect("streams");
    let shown: Vec<_> = listed.log_streams().iter().filter_map(|stream| stream.log_stream_name()).collect();
    assert_eq!(shown, names);
    let by_event = it.logs.describe_log_streams().log_group_name(GROUP).order_by(OrderBy::LastEventTime);
    let by_event = by_event.descending(true).limit(2).send().await.expect("streams");
    let found = by_event.log_streams();
    assert_eq!(found[0].log_stream_name(), Some(stream(&one).as_str()));
    assert_eq!((found[0].first_event_timestamp(), found[0].last_event_timestamp()), (Some(START), Some(START + 50)));
    assert_eq!(found[1].log_stream_name(), Some(stream(&two).as_str()));
    let rest = it.logs.describe_log_streams().log_group_name(GROUP).order_by(OrderBy::LastEventTime).descending(true);
    let rest = rest.set_next_token(by_event.next_token().map(str::to_owned)).send().await.expect("streams");
    assert_eq!(rest.log_streams()[0].log_stream_name(), Some(stream(&silent).as_str()));
    it.front.stop().await;
}

#[tokio::test]
async fn lines_beyond_the_retention_are_not_shown() {
    let it = start().await;
    it.group().await;
    let task = it.task();
    it.write(&task, -2 * 24 * 3600 * 1000, "old");
    it.write(&task, 0, "new");
    assert_eq!(it.search(10, "").await, ["old", "new"]);
    it.world.run(|tx| logs::set_retention(tx, GROUP, Some(1)));
    assert_eq!(it.search(10, "").await, ["new"]);
    it.logs.delete_retention_policy().log_group_name(GROUP).send().await.expect("kept for good");
    assert_eq!(it.search(10, "").await, ["old", "new"]);
    it.front.stop().await;
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused() {
    let it = start().await;
    it.group().await;
    let cases = [
        ("CreateLogGroup", json!({"logGroupName": ""}), "InvalidParameterException"),
        ("CreateLogGroup", json!({"logGroupName": "a b"}), "InvalidParameterException"),
        ("CreateLogGroup", json!({"logGroupName": "a", "kmsKeyId": "k"}), "InvalidParameterException"),
        ("CreateLogGroup", json!({"logGroupName": "a", "tags": {"aws:x": "1"}}), "InvalidParameterException"),
        ("PutRetentionPolicy", json!({"logGroupName": GROUP, "retentionInDays": 2}), "InvalidParameterException"),
        ("PutRetentionPolicy", json!({"logGroupName": "x", "retentionInDays": 1}), "ResourceNotFoundException"),
        ("DescribeLogGroups", json!({"limit": 51}), "InvalidParameterException"),
        ("DescribeLogGroups", json!({"nextToken": "x"}), "InvalidParameterException"),
        ("DescribeLogStreams", json!({"logGroupName": "x"}), "ResourceNotFoundException"),
        ("DescribeLogStreams", json!({}), "InvalidParameterException"),
        ("GetLogEvents", json!({"logGroupName": GROUP, "logStreamName": "x"}), "ResourceNotFoundException"),
        ("FilterLogEvents", json!({"logGroupName": "x"}), "ResourceNotFoundException"),
        ("FilterLogEvents", json!({"logGroupName": GROUP, "limit": 0}), "InvalidParameterException"),
        ("FilterLogEvents", json!({"logGroupName": GROUP, "startTime": -1}), "InvalidParameterException"),
        ("FilterLogEvents", json!({"logGroupName": GROUP, "startTime": "now"}), "SerializationException"),
        (
            "FilterLogEvents",
            json!({"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"}),
            "InvalidParameterException",
        ),
        ("FilterLogEvents", json!({"logGroupName": GROUP, "nextToken": "x"}), "InvalidParameterException"),
        ("StartLiveTail", json!({"logGroupIdentifiers": [GROUP]}), "UnknownOperationException"),
    ];
    for (operation, body, code) in cases {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("Logs_20140328.{operation}")),
        ];
        let request = Request { service: "logs", headers, ..Request::json("", &body.to_string()) };
        let answer = it.front.send(&request).await;
        let found = answer.json()["__type"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, found.as_str()), (400, code), "{operation} {body}");
    }
    it.front.stop().await;
}
