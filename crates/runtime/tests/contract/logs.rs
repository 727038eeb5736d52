//! What containers write can be read back.

use std::time::Duration;

use seatrial_model::{ContainerName, Timestamp};
use serde_json::json;

use crate::support::{World, container, of_processes, shell, wait_until, with};

fn app() -> ContainerName {
    ContainerName::parse("app").expect("a name")
}

#[test]
fn both_streams_are_kept_in_the_order_they_were_written() {
    let world = World::new();
    let report =
        world.run(json!([shell("app", "echo one; sleep 0.05; echo two >&2; sleep 0.05; printf 'three, unfinished'")]));
    assert_eq!(world.messages(&report.task, "app"), ["one", "two", "three, unfinished"]);
}

#[test]
fn containers_have_logs_of_their_own() {
    let world = World::new();
    let side = with(shell("side", "echo from side; sleep 300"), json!({ "essential": false }));
    let task = world.start(json!([side, shell("app", "echo from app; sleep 300")]));
    world.wait_for_message(&task, "side", |line| line == "from side");
    world.wait_for_message(&task, "app", |line| line == "from app");
    assert_eq!(world.messages(&task, "app").len(), 1);
}

#[test]
fn lines_are_read_by_time_and_number() {
    let world = World::new();
    let report = world.run(json!([shell("app", "for i in 1 2 3 4 5; do echo $i; sleep 0.02; done")]));
    let all = world.runtime().logs(&report.task, &app(), Timestamp::EPOCH, 100).expect("readable");
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by_key(|line| line.at));
    let from_third = world.runtime().logs(&report.task, &app(), all[2].at, 2).expect("readable");
    assert_eq!(from_third, all[2..4]);
    let later = all[4].at + Duration::from_millis(1);
    assert_eq!(world.runtime().logs(&report.task, &app(), later, 100).expect("readable"), []);
    assert_eq!(world.runtime().log_tail(&report.task, &app(), 2).expect("readable"), all[3..]);
    assert_eq!(world.runtime().log_tail(&report.task, &app(), 0).expect("readable"), []);
}

#[test]
fn a_line_can_be_read_while_the_container_runs() {
    let world = World::new();
    let task = world.start(json!([shell("app", "echo early; sleep 300")]));
    world.wait_for_message(&task, "app", |line| line == "early");
}

#[test]
fn a_container_that_writes_without_end_neither_blocks_nor_fills_the_disk() {
    of_processes!("output comes through the container engine");
    let world = World::new();
    let task = world.start(json!([shell(
        "app",
        "trap 'exit 0' TERM; yes 'a line of some length, as applications write them' & sleep 300 & wait"
    )]));
    let written = || -> u64 {
        let logs = world.home.join("tasks").join(task.as_str()).join("logs").join("app");
        let files = std::fs::read_dir(logs).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
    };
    wait_until("much has been written", || (written() > 8 << 20).then_some(()));
    assert!(written() <= 20 << 20, "{} bytes", written());
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(0));
    assert!(written() <= 20 << 20, "{} bytes", written());
    let all = world.runtime().logs(&task, &app(), Timestamp::EPOCH, usize::MAX).expect("readable");
    assert!(all.iter().any(|line| line.message.contains("lines lost")), "losses are admitted");
}

#[test]
fn an_endless_line_and_bytes_that_are_no_text_are_kept_within_reason() {
    of_processes!("output comes through the container engine");
    let world = World::new();
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; printf 'caf\\351\\n'; echo end";
    let report = world.run(json!([shell("app", script)]));
    let messages = world.messages(&report.task, "app");
    assert_eq!(messages.len(), 3, "{:?}", messages.iter().map(String::len).collect::<Vec<_>>());
    assert!(messages[0].len() < 40_000 && messages[0].ends_with("more bytes cut)"));
    assert_eq!(messages[1..], ["caf\u{fffd}", "end"]);
}
